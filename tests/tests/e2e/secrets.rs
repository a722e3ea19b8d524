//! The token is nowhere but on the wire: in no output, no file and no process's arguments.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use forgekeep_tests::{Action, Fault, RequestKind, Run, compare};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER, World, files, notes};

/// Every form in which the token goes over the wire, or might be written.
fn forms() -> Vec<String> {
    let basic = |user: &str| STANDARD.encode(format!("{user}:{TOKEN}"));
    let mut forms = vec![
        TOKEN.to_owned(),
        TOKEN.replace('=', "%3D"),
        STANDARD.encode(TOKEN),
        hex(),
        hex().to_uppercase(),
    ];
    forms.extend([EMAIL, USER, "x-bitbucket-api-token-auth"].map(basic));
    // Padding may be left out.
    forms
        .into_iter()
        .map(|form| form.trim_end_matches('=').to_owned())
        .collect()
}

fn hex() -> String {
    TOKEN.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for form in forms() {
        assert!(!text.contains(&form), "{what} holds {form}:\n{text}");
    }
}

#[track_caller]
fn assert_run_clean(what: &str, run: &Run) {
    assert_clean(&format!("stdout of {what}"), run.stdout.as_bytes());
    assert_clean(&format!("stderr of {what}"), run.stderr.as_bytes());
    let report = format!("{:?}", run.report);
    assert_clean(&format!("report of {what}"), report.as_bytes());
}

const VERBOSITIES: [&[&str]; 6] = [
    &[],
    &["-v"],
    &["-vv"],
    &["-vvv", "--progress", "json"],
    &["-vvv", "--progress", "plain"],
    &["-vvv", "--progress", "bar"],
];

fn assert_nothing_written(world: &World) {
    let settings = world.sandbox.path("settings.yml");
    let written = files(&world.sandbox.path(""));
    assert!(
        written
            .iter()
            .any(|path| path.ends_with("_config/settings.yml"))
    );
    for path in written.iter().filter(|path| **path != settings) {
        let path = path.display().to_string();
        assert_clean(&path, path.as_bytes());
        assert_clean(&path, &fs::read(&path).unwrap());
    }
}

#[test]
fn a_secret_of_white_space_is_an_error() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let blanks = [
        " ",
        "\n",
        " \t\r\n",
        "\u{a0}",
        "\u{3000}",
        "\u{200b}",
        "\u{feff} ",
        "\u{2800}",
    ];
    for blank in blanks {
        for command in [
            &["backup"][..],
            &["check"],
            &["list"],
            &["check", "--offline"],
        ] {
            let run = |value: &str, variable: &str| {
                world.configure(&[world.source_with("password", value)]);
                let run = world.forgekeep(command).env("TOKEN", variable);
                run.env("NOTHING", "").run().expect(10).stderr
            };
            let said = run("%TOKEN%", blank);
            assert!(
                said.contains("`TOKEN` is set, but white space only"),
                "{said}"
            );
            let said = run("%NOTHING%", blank);
            assert!(said.contains("`NOTHING` is set, but empty"), "{said}");
            let said = run("%NOTHING% %TOKEN%", blank);
            assert!(
                said.contains("`NOTHING`, `TOKEN` are set, but white"),
                "{said}"
            );
            let said = run(blank, blank);
            assert!(said.contains("it is white space only"), "{blank:?}: {said}");
            assert!(said.contains("password"), "{said}");
        }
    }
    assert_eq!(world.forge.requests().len(), 0);
    // What needs no secret goes on without it.
    world.configure(&[world.source_with("password", "%TOKEN%")]);
    world
        .forgekeep(&["backup"])
        .env("TOKEN", TOKEN)
        .run()
        .expect(0);
    world
        .forgekeep(&["status"])
        .env("TOKEN", " ")
        .run()
        .expect(0);
}

#[test]
fn a_push_with_a_password_of_white_space_is_refused() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let url = world.forge.repository("new").clone_url();
    world.forge.reset_log();
    for (user, password) in [("me", " "), ("\n", "secret"), (" ", "\u{a0}")] {
        let run = world.forgekeep(&["restore", "web", "--push", &url]);
        let run = run.env("FORGEKEEP_PUSH_USER", user);
        let run = run.env("FORGEKEEP_PUSH_PASSWORD", password).run().expect(2);
        assert!(run.stderr.contains("white space only"), "{}", run.stderr);
    }
    assert_eq!(world.forge.requests().len(), 0);
}

#[test]
fn a_secret_in_a_name_or_an_id_is_replaced_everywhere() {
    let world = World::new();
    world.forge.repository("api").commit("one");
    let named = world.forge.repository("web").commit("one").rename(TOKEN);
    let git_dir = named.git_dir();
    let spelt = world.forge.repository("hex").commit("one").wiki();
    spelt
        .rename(&hex())
        .change(|entry| entry.uuid = format!("{{{TOKEN}}}"));
    for verbosity in VERBOSITIES {
        let run = world.forgekeep(&["backup"]).args(verbosity).run().expect(0);
        assert_run_clean(&format!("backup {verbosity:?}"), &run);
        assert_eq!(run.repository("acme/**redacted**")["error"], Value::Null);
        let notes = notes(&run, "acme");
        assert!(notes.contains("a secret of this configuration"), "{notes}");
        assert!(notes.contains("of 2 repositories"), "{notes}");
    }
    for command in [
        &["list"][..],
        &["list", "--json"],
        &["check"],
        &["status", "-v"],
        &["verify"],
    ] {
        let run = world.forgekeep(command).arg("-v").run().expect(0);
        assert_run_clean(&format!("{command:?}"), &run);
    }
    assert_nothing_written(&world);
    // All of it is there.
    let folder = world.sandbox.backup().join("acme");
    let mirrors: Vec<_> = fs::read_dir(folder).unwrap().collect();
    assert_eq!(mirrors.len(), 3);
    let has = |mirror: &Path| compare::refs(mirror) == compare::refs(&git_dir);
    let mirrors = mirrors
        .into_iter()
        .map(|entry| entry.unwrap().path().join("repo"));
    assert!(mirrors.into_iter().any(|mirror| has(&mirror)));
}

#[test]
fn a_token_that_comes_back_in_another_form_is_not_printed() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    let unicode: String = TOKEN
        .chars()
        .map(|c| format!("\\u{:04x}", u32::from(c)))
        .collect();
    let percent: String = TOKEN.bytes().map(|b| format!("%{b:02x}")).collect();
    let entities: String = TOKEN.bytes().map(|b| format!("&#{b};")).collect();
    let base64 = URL_SAFE.encode(format!("ü:{TOKEN}"));
    for form in [
        hex(),
        unicode,
        percent,
        entities,
        base64,
        TOKEN.to_lowercase(),
    ] {
        world.forge.clear_faults();
        let said = json!({"type": "error", "error": {"message": format!("bad {form}!")}});
        world
            .forge
            .inject(Fault::on(RequestKind::Api, Action::json(400, &said)));
        let run = world
            .forgekeep(&["backup", "-vvv", "--progress", "json"])
            .run();
        let run = run.expect(3);
        let shown = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
        assert!(!shown.contains(&form), "{form}: {shown}");
        assert!(shown.contains("**redacted**"), "{form}: {shown}");
        world.forge.clear_faults();
        let said = format!("bad {form}!");
        world
            .forge
            .inject(Fault::on(RequestKind::InfoRefs, Action::GitError(said)));
        let run = world.forgekeep(&["backup", "-vvv"]).run().expect(3);
        let shown = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
        assert!(!shown.contains(&form), "{form}: {shown}");
    }
}

#[test]
fn the_token_is_in_no_output_and_no_file_of_a_backup() {
    let world = World::new();
    world.configure(&[world.source_with("authName", USER)]);
    let web = world.forge.repository("web").private().commit("one").wiki();
    for verbosity in VERBOSITIES {
        web.commit("more");
        let run = world.forgekeep(&["backup"]).args(verbosity).run().expect(0);
        assert_eq!(run.repository("acme/web")["refs"]["deleted"], 0);
        assert_run_clean(&format!("backup {verbosity:?}"), &run);
    }
    for command in [
        &["check"][..],
        &["list"],
        &["list", "--json"],
        &["backup", "--dry-run"],
    ] {
        let run = world.forgekeep(command).arg("-vvv").run().expect(0);
        assert_run_clean(&format!("{command:?}"), &run);
    }
    assert_nothing_written(&world);
}

#[test]
fn a_server_that_sends_the_token_back_does_not_get_it_printed() {
    let world = World::new();
    world.configure(&[world.source_with("authName", USER)]);
    world.forge.repository("web").private().commit("one");
    let basic = STANDARD.encode(format!("{EMAIL}:{TOKEN}"));
    let echo = format!("you sent {TOKEN}, that is Basic {basic}");
    let document = json!({"type": "error", "error": {"message": echo}});
    let git = STANDARD.encode(format!("{USER}:{TOKEN}"));
    let sentence = format!("fatal: {TOKEN} and {git} again");
    let faults = [
        (RequestKind::Api, Action::json(403, &document)),
        (RequestKind::InfoRefs, Action::GitError(sentence.clone())),
        (RequestKind::UploadPack, Action::GitError(sentence)),
        (
            RequestKind::InfoRefs,
            Action::redirect(302, &format!("http://{USER}:{TOKEN}@localhost:1/{TOKEN}")),
        ),
    ];
    for (kind, action) in faults {
        world.forge.clear_faults();
        world.forge.inject(Fault::on(kind, action));
        for verbosity in VERBOSITIES {
            let run = world.forgekeep(&["backup"]).args(verbosity).run();
            assert_ne!(run.code, Some(0));
            assert_run_clean(&format!("backup {verbosity:?} with {kind:?} failing"), &run);
        }
    }
    assert_nothing_written(&world);
}

#[test]
fn a_wait_does_not_show_the_address_that_a_redirect_chose() {
    let world = World::new();
    let options = json!({"network": {"retries": 1, "longestWaitSeconds": 1}});
    world.configure_with(&[world.source_with("authName", USER)], &options);
    world.forge.repository("web").private().commit("one");
    let away = Action::redirect(302, &format!("http://localhost:1/{TOKEN}"));
    for kind in [RequestKind::Api, RequestKind::InfoRefs] {
        world.forge.clear_faults();
        world.forge.inject(Fault::on(kind, away.clone()));
        let run = world
            .forgekeep(&["backup", "-vvv", "--progress", "json"])
            .run()
            .expect(3);
        assert!(run.stdout.contains("\"event\":\"waiting\""), "{kind:?}");
        assert_run_clean(&format!("a redirect at {kind:?}"), &run);
    }
    assert_nothing_written(&world);
}

#[test]
#[cfg(target_os = "linux")]
fn the_token_is_in_no_argument_of_any_process() {
    let world = World::new();
    world.configure(&[world.source_with("password", "%BITBUCKET_TOKEN%")]);
    world.forge.repository("web").private().commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let mut running = world
        .forgekeep(&["backup", "-vvv"])
        .env("BITBUCKET_TOKEN", TOKEN)
        .spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    let own = fs::read(format!("/proc/{}/cmdline", running.pid())).unwrap();
    assert!(String::from_utf8_lossy(&own).contains("backup"));
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        // Processes come and go.
        if let Ok(arguments) = fs::read(entry.path().join("cmdline")) {
            assert_clean(&entry.path().display().to_string(), &arguments);
        }
    }
    running.kill();
    running.wait();
    assert_nothing_written_but_partial(&world);
}

#[cfg(target_os = "linux")]
fn assert_nothing_written_but_partial(world: &World) {
    for path in files(&world.sandbox.backup()) {
        assert_clean(&path.display().to_string(), &fs::read(&path).unwrap());
    }
}
