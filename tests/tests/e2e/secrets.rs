//! The token is nowhere but on the wire: in no output, no file and no process's arguments.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::json;

use crate::support::{EMAIL, TOKEN, USER, World, files};

/// Every form in which the token goes over the wire, or might be written.
fn forms() -> Vec<String> {
    let basic = |user: &str| STANDARD.encode(format!("{user}:{TOKEN}"));
    let mut forms = vec![
        TOKEN.to_owned(),
        TOKEN.replace('=', "%3D"),
        STANDARD.encode(TOKEN),
    ];
    forms.extend([EMAIL, USER, "x-bitbucket-api-token-auth"].map(basic));
    // Padding may be left out.
    forms
        .into_iter()
        .map(|form| form.trim_end_matches('=').to_owned())
        .collect()
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
        assert_clean(&path.display().to_string(), &fs::read(path).unwrap());
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
