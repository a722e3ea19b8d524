//! A plugin that does what plugins must not: its source fails, and all else goes on.

use std::time::Duration;

use forgekeep_tests::{
    Action, Fault, Forge, Invocation, RequestKind, Run, compare, write_misbehaving,
};
use serde_json::json;

use crate::support::{TOKEN, World, error, files, forge, plugin_file, source};

pub(crate) const SECRET: &str = "misbehaving-secret-4711";

/// A token that the plugin gets by itself.
pub(crate) const MINTED: &str = "minted-token-0815-0816";

/// A world in which a good source stands beside one of the misbehaving plugin's.
pub(crate) struct Beside {
    pub(crate) world: World,
}

impl Beside {
    pub(crate) fn new() -> Self {
        let forge = Forge::builder()
            .api_token("dev@example.com", "devuser", TOKEN)
            // What the plugin clones with.
            .api_token("misbehaving", "misbehaving", SECRET)
            .api_token("misbehaving", "misbehaving", MINTED)
            .build();
        let world = World::of(forge);
        let odd =
            json!({"title": "odd", "hoster": "misbehaving", "name": "acme", "password": SECRET});
        // The bad one first.
        world.configure(&[odd, world.source()]);
        for slug in ["one", "two"] {
            world.forge.repository(slug).private().commit(slug);
        }
        Self { world }
    }

    /// Makes a source of the misbehaving plugin for each of these, which is called so and does that, before
    /// the good one: for runs that misbehave `by-name`.
    pub(crate) fn name_each(&self, misbehaviours: &[&str]) {
        let odd = |misbehave: &&str| json!({"title": misbehave, "hoster": "misbehaving", "name": misbehave, "password": SECRET});
        let mut sources: Vec<_> = misbehaviours.iter().map(odd).collect();
        sources.push(self.world.source());
        self.world.configure(&sources);
    }

    pub(crate) fn invoke(&self, arguments: &[&str], misbehave: &str) -> Invocation<'_> {
        self.invoke_beside(arguments, misbehave, "")
    }

    /// The same with another origin for what the plugin sends where it must not.
    pub(crate) fn invoke_beside(
        &self,
        arguments: &[&str],
        misbehave: &str,
        elsewhere: &str,
    ) -> Invocation<'_> {
        let folder = self.world.sandbox.path(format!("plugins-{misbehave}"));
        let file = folder.join(plugin_file("misbehaving"));
        write_misbehaving(&file, misbehave, self.world.forge.git_url(), elsewhere);
        self.world
            .forgekeep(arguments)
            .args(&["--plugin-dir", folder.to_str().unwrap()])
            .limit(Duration::from_secs(90))
    }

    /// A backup in which the good source must come out well, whatever the others do.
    pub(crate) fn backup(&self, misbehave: &str) -> Run {
        let run = self.invoke(&["backup"], misbehave).run();
        self.assert_good(misbehave, run)
    }

    /// Panics unless the good source has come out well, and nothing on the terminal is but text.
    pub(crate) fn assert_good(&self, misbehave: &str, run: Run) -> Run {
        assert!(
            run.code.is_some(),
            "{misbehave} ended the process: {run:#?}"
        );
        assert_eq!(
            source(&run, "acme")["outcome"],
            "ok",
            "{misbehave}: {run:#?}"
        );
        for slug in ["one", "two"] {
            self.world
                .assert_mirrored(self.world.forge.repository(slug));
        }
        assert!(
            !run.stderr.contains('\u{1b}') && !run.stdout.contains('\u{1b}'),
            "{run:#?}"
        );
        run
    }

    /// What the failed source says.
    pub(crate) fn failed(&self, misbehave: &str) -> String {
        let run = self.backup(misbehave).expect(3);
        assert_eq!(
            source(&run, "odd")["outcome"],
            "failed",
            "{misbehave}: {run:#?}"
        );
        error(source(&run, "odd"))
    }
}

#[test]
fn a_well_behaved_plugin_of_somebody_else_works_like_ours() {
    let beside = Beside::new();
    beside.backup("").expect(0);
    let upstream = beside.world.forge.repository("one").git_dir();
    let mirror = beside.world.sandbox.backup().join("odd/acme#one/repo");
    compare::assert_mirror(&upstream, &mirror);
}

#[test]
fn a_panic_in_a_method_fails_its_source_alone() {
    for (misbehave, method) in [
        ("panic-validate", "validate"),
        ("panic-open", "open"),
        ("panic-list", "list"),
    ] {
        let said = Beside::new().failed(misbehave);
        assert!(said.starts_with("plugin: "), "{said}");
        assert!(
            said.contains("misbehaving") && said.contains(method),
            "{said}"
        );
        assert!(said.contains("report it to"), "{said}");
    }
}

#[test]
fn a_panic_in_access_fails_the_repository_that_was_asked_for_alone() {
    let run = Beside::new().backup("panic-access").expect(3);
    let repositories = source(&run, "odd")["repositories"].as_array().unwrap();
    let said = error(&repositories[0]);
    assert!(
        said.starts_with("plugin: plugin misbehaving panicked in access"),
        "{said}"
    );
    assert!(said.contains("report it to its authors"), "{said}");
    assert_eq!(repositories[1]["outcome"], "cloned", "{repositories:#?}");
}

#[test]
fn a_panic_in_check_is_told_and_the_other_source_is_checked() {
    let beside = Beside::new();
    let run = beside.invoke(&["check"], "panic-check").run().expect(3);
    assert!(
        run.stdout.contains("misbehaving panicked in check"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("acme (bitbucket): ok"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_panic_in_drop_does_not_end_the_process() {
    let beside = Beside::new();
    let run = beside.backup("panic-drop");
    assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
    let upstream = beside.world.forge.repository("one").git_dir();
    let mirror = beside.world.sandbox.backup().join("odd/acme#one/repo");
    compare::assert_mirror(&upstream, &mirror);
}

#[test]
fn dangerous_names_stay_in_the_backup_folder_and_off_the_terminal() {
    let beside = Beside::new();
    let run = beside.backup("control-names");
    assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
    for output in [&run.stdout, &run.stderr] {
        let bad = output
            .chars()
            .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(bad, None, "{output}");
        assert!(
            !output.lines().any(|line| line.starts_with("forged")),
            "{output}"
        );
    }
    let root = beside.world.sandbox.path("");
    assert!(!std::path::Path::new("/tmp/forgekeep-escaped").exists());
    assert!(!std::path::Path::new("/etc/forgekeep-escaped").exists());
    assert!(
        files(&root)
            .iter()
            .all(|path| !path.ends_with("forgekeep-escaped"))
    );
    let odd = beside.world.sandbox.backup().join("odd");
    for folder in odd.read_dir().unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.chars().any(char::is_control) && !name.ends_with([' ', '.']),
            "{name:?}"
        );
    }
    let listed = source(&run, "odd")["listed"].as_u64().unwrap();
    assert_eq!(
        source(&run, "odd")["repositories"]
            .as_array()
            .unwrap()
            .len() as u64,
        listed
    );
}

#[test]
fn repositories_without_an_id_or_with_a_shared_one_are_not_mixed_up() {
    let run = Beside::new().backup("no-id").expect(3);
    let said = error(&source(&run, "odd")["repositories"][0]);
    assert!(
        said.starts_with("bad-answer: ") && said.contains("without identity"),
        "{said}"
    );
    let beside = Beside::new();
    let run = beside.backup("duplicate-ids");
    let odd = source(&run, "odd")["repositories"].as_array().unwrap();
    assert_eq!((odd.len(), &odd[0]["outcome"]), (2, &"cloned".into()));
    assert_ne!(odd[1]["outcome"], "cloned");
    assert!(!beside.world.sandbox.backup().join("odd/acme#two").exists());
}

#[test]
fn a_listing_that_never_ends_is_ended() {
    for (misbehave, why) in [
        ("endless-empty", "the listing does not end"),
        ("endless-pages", "more than 100000 repositories"),
        ("circle", "goes in a circle"),
    ] {
        let said = Beside::new().failed(misbehave);
        assert!(said.starts_with("bad-answer: "), "{misbehave}: {said}");
        assert!(said.contains(why), "{misbehave}: {said}");
    }
}

#[test]
fn addresses_that_must_not_be_cloned_from_are_refused() {
    let beside = Beside::new();
    let run = beside.backup("bad-clone-url").expect(3);
    let odd = source(&run, "odd")["repositories"].as_array().unwrap();
    assert_eq!(odd.len(), 10);
    for repository in odd {
        assert_eq!(repository["outcome"], "failed");
        let said = error(repository);
        assert!(
            said.starts_with("policy: ") || said.starts_with("bad-answer: "),
            "{said}"
        );
    }
    // Nothing but the good source's own.
    assert_eq!(beside.world.forge.count(RequestKind::InfoRefs), 2);
    assert!(!std::path::Path::new("/tmp/forgekeep-escaped").exists());
}

#[test]
fn a_plugin_that_says_its_secret_is_cut_short() {
    let beside = Beside::new();
    let run = beside.invoke(&["backup", "-vvv"], "leak").run().expect(3);
    assert!(run.stderr.contains("**redacted**"), "{}", run.stderr);
    let report = format!("{:?}", run.report);
    for text in [&run.stdout, &run.stderr, &report] {
        assert!(!text.contains(SECRET), "{text}");
    }
    for path in files(&beside.world.sandbox.backup()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !String::from_utf8_lossy(&bytes).contains(SECRET),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_plugin_cannot_send_its_credentials_elsewhere() {
    let elsewhere = forge();
    for misbehave in [
        "direct-origin",
        "direct-header",
        "direct-field",
        "direct-address",
        "direct-body",
    ] {
        let beside = Beside::new();
        let run = beside
            .invoke_beside(&["backup"], misbehave, elsewhere.api_url())
            .run()
            .expect(3);
        let said = error(source(&run, "odd"));
        assert!(said.starts_with("policy: "), "{said}");
        assert!(
            elsewhere.requests().is_empty(),
            "{:#?}",
            elsewhere.requests()
        );
        assert_eq!(source(&run, "acme")["outcome"], "ok");
    }
}

#[test]
fn a_plugins_post_is_sent_once_whatever_comes_of_it() {
    for (action, action_fails) in [
        (Action::status(502), true),
        (Action::html(200), false),
        (Action::status(500), true),
    ] {
        let elsewhere = forge();
        elsewhere.inject(Fault::on(RequestKind::Api, action));
        let beside = Beside::new();
        let odd = json!({"title": "odd", "hoster": "misbehaving", "name": "acme"});
        let options = json!({"network": {"retries": 2, "longestWaitSeconds": 1}});
        let sources = [odd, beside.world.source()];
        beside.world.configure_with(&sources, &options);
        let run = beside
            .invoke_beside(&["backup"], "post", elsewhere.api_url())
            .run()
            .expect(3);
        assert_eq!(source(&run, "acme")["outcome"], "ok");
        let said = error(source(&run, "odd"));
        if action_fails {
            let whose = "the plugin misbehaving sent it in `list`, and it was not repeated";
            assert!(said.contains(whose) && said.contains("POST http"), "{said}");
            assert!(said.contains("answered 50"), "{said}");
        }
        let asked = elsewhere.requests();
        assert_eq!(asked.len(), 1, "{asked:#?}");
        assert_eq!(asked[0].method, "POST");
    }
}

#[test]
fn credentials_that_have_expired_are_asked_for_again() {
    let beside = Beside::new();
    let both = ["one", "two"].map(|slug| beside.world.forge.repository(slug).wiki());
    for outcome in ["cloned", "updated"] {
        let run = beside.backup("expiring").expect(0);
        for repository in both {
            let name = format!("acme/{}", repository.entry().slug);
            let repositories = source(&run, "odd")["repositories"].as_array().unwrap();
            let of_name = repositories.iter().find(|r| r["name"] == name).unwrap();
            assert_eq!(of_name["outcome"], outcome, "{of_name:#}");
            assert_eq!(of_name["wiki"]["outcome"], outcome, "{of_name:#}");
            let folder = format!("odd/acme#{}", repository.entry().slug);
            let folder = beside.world.sandbox.backup().join(folder);
            compare::assert_mirror(&repository.git_dir(), &folder.join("repo"));
            compare::assert_mirror(&repository.wiki_dir(), &folder.join("wiki"));
            repository.commit("more").wiki();
        }
    }
}

#[test]
fn credentials_are_asked_for_again_once() {
    let beside = Beside::new();
    let run = beside.backup("expired").expect(3);
    let source = source(&run, "odd");
    assert_eq!(source["outcome"], "failed", "{source:#}");
    let repositories = source["repositories"].as_array().unwrap();
    for repository in repositories {
        assert_eq!(repository["error"]["kind"], "credentials", "{repository:#}");
    }
    let forge = &beside.world.forge;
    // Two of the good source, and of this one each repository's two at most.
    let asked = forge.requests();
    let count = asked
        .iter()
        .filter(|r| r.kind == RequestKind::InfoRefs)
        .count();
    assert!((4..=6).contains(&count), "{asked:#?}");
}

#[test]
fn a_token_that_a_plugin_gets_by_itself_is_in_nothing_that_is_said() {
    let beside = Beside::new();
    let run = beside
        .invoke(&["backup", "--jobs", "1", "-vvv"], "minted")
        .run()
        .expect(0);
    assert!(run.stderr.contains("the token is"), "{}", run.stderr);
    for said in [&run.stdout, &run.stderr] {
        assert!(!said.contains(MINTED), "{said}");
    }
    for file in files(&beside.world.sandbox.backup()) {
        let content = std::fs::read(&file).unwrap();
        let content = String::from_utf8_lossy(&content);
        assert!(!content.contains(MINTED), "{}", file.display());
    }
}

#[test]
fn an_error_of_an_unknown_kind_is_made_fit_to_be_seen() {
    let said = Beside::new().failed("error-weird");
    assert!(
        said.starts_with("other: ") && said.contains("all is lost"),
        "{said}"
    );
    assert!(
        !said.chars().any(|c| c.is_control() || c == '\u{202e}'),
        "{said:?}"
    );
}

#[test]
fn a_hundred_thousand_repositories_are_filtered_before_anything_is_done() {
    let beside = Beside::new();
    beside
        .world
        .forge
        .repository("r7")
        .private()
        .commit("seven");
    let odd = json!({"title": "odd", "hoster": "misbehaving", "name": "acme",
        "password": SECRET, "includeRepos": ["r7"]});
    beside.world.configure(&[odd, beside.world.source()]);
    let run = beside.backup("huge").expect(0);
    assert_eq!(source(&run, "odd")["listed"], 100_000);
    let mirror = beside.world.sandbox.backup().join("odd/acme#r7/repo");
    compare::assert_mirror(&beside.world.forge.repository("r7").git_dir(), &mirror);
    assert_eq!(
        beside
            .world
            .sandbox
            .backup()
            .join("odd")
            .read_dir()
            .unwrap()
            .count(),
        1
    );
}
