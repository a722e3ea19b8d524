//! Each source is backed up as soon as it is listed, and questions pass clones.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Fault, Forge, RequestKind, compare};
use serde_json::json;

use crate::support::{EMAIL, TOKEN, USER, World, assert_all, report, source};

/// Two workspaces with a repository each: `acme/web` and `beta/api`, which the source `second` lists.
fn two_workspaces() -> World {
    let forge = Forge::builder()
        .workspace("acme")
        .workspace("beta")
        .api_token(EMAIL, USER, TOKEN)
        .build();
    let world = World::of(forge);
    world.forge.repository("web").commit("one");
    world.forge.repository_in("beta", "api").commit("one");
    let mut second = world.source();
    second["title"] = "second".into();
    second["name"] = "beta".into();
    let options = json!({"network": {"retries": 0}});
    world.configure_with(&[world.source(), second], &options);
    world
}

#[track_caller]
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(60), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_source_that_does_not_answer_holds_up_no_clone_and_the_report_is_written() {
    let world = two_workspaces();
    let hang = Fault::on(RequestKind::Api, Action::Hang).containing("/repositories/acme");
    world.forge.inject(hang);
    let running = world.forgekeep(&["backup"]).spawn();
    let mirror = world.sandbox.backup().join("second/beta#api/repo");
    wait_until("a clone of the other source", || mirror.is_dir());
    world.forge.release();
    let run = running.wait().expect(3);
    assert_eq!(run.outcome("beta/api"), "cloned");
    assert_eq!(source(&run, "acme")["outcome"], "failed");
    assert_eq!(report(&run)["outcome"], "partial");
    let upstream = world.forge.repository_in("beta", "api");
    compare::assert_mirror(&upstream.git_dir(), &mirror);
}

#[test]
fn nothing_is_moved_from_a_source_that_could_not_be_listed_and_that_is_told() {
    let world = two_workspaces();
    world.backup().expect(0);
    let web = world.forge.repository("web");
    let uuid = web.uuid();
    world.forge.change(|state| {
        let all = &mut state.workspaces[0].repositories;
        let at = all.iter().position(|r| r.uuid == uuid).unwrap();
        let moved = all.remove(at);
        state.workspaces[1].repositories.push(moved);
    });
    let fault = Fault::on(RequestKind::Api, Action::status(503));
    world.forge.inject(fault.containing("/repositories/acme"));
    let run = world.backup().expect(3);
    let moved = run.repository("beta/web");
    assert_eq!(moved["outcome"], "cloned");
    let told = "it is also in the backup under \"acme\", whose listing failed: nothing was moved \
                from there";
    assert_eq!(moved["note"], told);
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert!(world.mirror("web").is_dir());
    let there = world.sandbox.backup().join("second/beta#web/repo");
    compare::assert_mirror(&web.git_dir(), &there);
    // Both stay what they are.
    world.forge.clear_faults();
    world
        .forge
        .change(|state| state.workspaces[0].repositories.clear());
    let accept = ["backup", "--accept-shrinkage"];
    let run = world.forgekeep(&accept).run().expect(0);
    assert_eq!(run.outcome("beta/web"), "unchanged");
    assert!(world.mirror("web").is_dir());
    assert_eq!(source(&run, "acme")["gone"][0]["name"], "acme/web");
}

#[test]
fn unchanged_repositories_do_not_wait_for_a_clone() {
    let world = World::new();
    let original = world.forge.repository("original").commit("one");
    world.forge.copies(original, "copy", 11);
    world.backup().expect(0);
    let new = world.forge.repository("new").commit("one");
    let options = json!({"backup": {"jobs": 1}, "network": {"retries": 0}});
    world.configure_with(&[world.source()], &options);
    let hang = Fault::on(RequestKind::UploadPack, Action::Hang).repository("new");
    world.forge.inject(hang);
    let progress = ["backup", "--progress", "json"];
    world.forge.reset_log();
    let running = world.forgekeep(&progress).spawn();
    // All others are asked while the one clone that there may be is under way.
    world.forge.wait_for(RequestKind::UploadPack, 1);
    world.forge.wait_for(RequestKind::InfoRefs, 13);
    world.forge.release();
    let run = running.wait();
    let unchanged = run.stdout.matches("\"outcome\":\"unchanged\"").count();
    assert!(unchanged >= 12, "{}", run.stdout);
    world.forge.clear_faults();
    world.backup().expect(0);
    world.assert_mirrored(new);
}

#[test]
fn what_has_changed_meanwhile_is_fetched_when_it_is_its_turn() {
    let world = World::new();
    let changed: Vec<_> = ["a", "b", "c"]
        .map(|slug| world.forge.repository(slug).commit("one"))
        .into();
    world.backup().expect(0);
    for repository in &changed {
        repository.commit("two");
    }
    world.forge.repository("new").commit("one");
    let options = json!({"backup": {"jobs": 1}});
    world.configure_with(&[world.source()], &options);
    let late = Action::Delay(Duration::from_millis(300));
    let late = Fault::on(RequestKind::UploadPack, late).repository("new");
    world.forge.inject(late);
    world.forge.reset_log();
    let run = world.backup().expect(0);
    for name in ["acme/a", "acme/b", "acme/c"] {
        assert_eq!(run.outcome(name), "updated");
    }
    for repository in changed {
        world.assert_mirrored(repository);
    }
    // Twice at most, and each is fetched once.
    let asked = world.forge.count(RequestKind::InfoRefs);
    assert!((4..=7).contains(&asked), "{asked}");
    assert_eq!(world.forge.count(RequestKind::UploadPack), 4);
    assert_all(&world.backup().expect(0), "unchanged", 4);
    assert!(fs::read_dir(world.folder("a").join("snapshots/repo")).is_ok());
}
