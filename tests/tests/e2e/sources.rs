//! Sources side by side, what of each is backed up, and what is left out.

use forgekeep_tests::{Action, Fault, Forge, RequestKind};
use serde_json::json;

use crate::support::{TOKEN, World, assert_all, error, notes, report, source};

fn two_sources() -> (World, Forge) {
    let world = World::new();
    let other = Forge::builder()
        .workspace("beta")
        .api_token("dev@example.com", "devuser", TOKEN)
        .build();
    let mut beta = world.source();
    beta["title"] = "beta".into();
    beta["name"] = "beta".into();
    beta["apiUrl"] = other.api_url().into();
    world.configure(&[world.source(), beta]);
    (world, other)
}

#[test]
fn one_failing_source_does_not_stop_the_other() {
    let (world, other) = two_sources();
    let web = world.forge.repository("web").private().commit("one");
    other.repository("api").commit("one");
    other.inject(Fault::on(RequestKind::Api, Action::status(401)));
    let run = world.backup().expect(3);
    assert_eq!(report(&run)["outcome"], "partial");
    assert_eq!(source(&run, "acme")["outcome"], "ok");
    let beta = source(&run, "beta");
    assert_eq!(
        (&beta["outcome"], &beta["listed"]),
        (&"failed".into(), &0.into())
    );
    assert!(error(beta).starts_with("credentials: "), "{beta:#}");
    world.assert_mirrored(web);
}

#[test]
fn only_the_sources_asked_for_are_backed_up() {
    let (world, other) = two_sources();
    world.forge.repository("web").commit("one");
    other.repository("api").commit("one");
    let run = world
        .forgekeep(&["backup", "--source", "beta"])
        .run()
        .expect(0);
    assert_eq!(report(&run)["sources"].as_array().unwrap().len(), 1);
    assert_eq!(run.outcome("beta/api"), "cloned");
    assert!(world.forge.requests().is_empty());
    assert!(!world.sandbox.backup().join("acme").exists());
    let both = ["backup", "--source", "beta", "--source", "acme"];
    let run = world.forgekeep(&both).run().expect(0);
    assert_eq!(run.outcome("beta/api"), "unchanged");
    assert_eq!(run.outcome("acme/web"), "cloned");
}

#[test]
fn an_unknown_source_is_a_usage_error_before_anything_is_asked() {
    let world = World::new();
    let run = world
        .forgekeep(&["backup", "--source", "acne"])
        .run()
        .expect(2);
    assert!(
        run.stderr.contains("acne") && run.stderr.contains("acme"),
        "{}",
        run.stderr
    );
    assert!(world.forge.requests().is_empty());
    assert!(!world.sandbox.backup().exists());
    assert_eq!(report(&run)["exitCode"], 2);
    for command in ["list", "check"] {
        world
            .forgekeep(&[command, "--source", "acne"])
            .run()
            .expect(2);
    }
}

#[test]
fn patterns_choose_repositories_and_unused_ones_are_warned_about() {
    let world = World::new();
    for name in ["web", "web-old", "api", "docs", "playground"] {
        world.forge.repository(name).commit("one");
    }
    let mut acme = world.source();
    acme["includeRepos"] = json!(["web*", "acme/api", "no-such-*"]);
    acme["ignoreRepos"] = json!(["*-old", "gone"]);
    world.configure(&[acme]);
    let run = world.backup().expect(0);
    for (name, outcome) in [
        ("web", "cloned"),
        ("api", "cloned"),
        ("web-old", "skipped"),
        ("docs", "skipped"),
        ("playground", "skipped"),
    ] {
        assert_eq!(run.outcome(&format!("acme/{name}")), outcome, "{name}");
        assert_eq!(world.mirror(name).exists(), outcome == "cloned", "{name}");
    }
    assert_eq!(source(&run, "acme")["listed"], 5);
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 2);
    for (pattern, key) in [("no-such-*", "includeRepos"), ("gone", "ignoreRepos")] {
        let wanted = format!("{key}: \"{pattern}\" matches no repository");
        assert!(run.stderr.contains(&wanted), "{}", run.stderr);
        let mut notes = source(&run, "acme")["notes"].as_array().unwrap().iter();
        let noted = notes.any(|note| note["key"] == key && format!("{note}").contains(pattern));
        assert!(noted, "{run:#?}");
    }
    assert!(!run.stderr.contains("\"web*\""), "{}", run.stderr);
}

#[test]
fn a_mercurial_repository_is_skipped_with_the_reason() {
    let world = World::new();
    world.forge.repository("old").commit("one").hg();
    world.forge.repository("web").commit("one");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/old"), "skipped");
    let note = run.repository("acme/old")["note"].as_str().unwrap();
    assert!(note.contains("Mercurial"), "{note}");
    assert_eq!(run.outcome("acme/web"), "cloned");
    assert!(
        world
            .forge
            .requests()
            .iter()
            .all(|r| r.repository.as_deref() != Some("old"))
    );
}

#[test]
fn the_https_link_is_taken_wherever_it_stands() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .private()
        .commit("one")
        .ssh_link_first();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    world.assert_mirrored(web);
}

#[test]
fn the_type_of_a_source_makes_no_difference_and_no_warning() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let mut without = world.source();
    without.as_object_mut().unwrap().remove("type");
    for source in [world.source_with("type", "user"), world.source(), without] {
        world.configure(&[source]);
        let run = world.backup().expect(0);
        assert!(
            !run.stderr.to_lowercase().contains("warning"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("type"), "{}", run.stderr);
    }
}

#[test]
fn a_workspace_without_repositories_is_no_failure_but_a_warning() {
    let world = World::new();
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 0);
    assert!(notes(&run, "acme").contains("sees no repository in workspace acme"));
    assert!(
        run.stderr.contains("sees no repository in workspace acme"),
        "{}",
        run.stderr
    );
}
