//! Snapshots that are no longer wanted.

use std::fs;

use forgekeep_tests::{Repo, Run, compare, git};
use serde_json::{Value, json};

use crate::support::{World, content, kept};

/// A world that keeps the last snapshot of one day.
fn world() -> World {
    let world = World::new();
    let options = json!({"network": {"retries": 0}, "history": {"keepDaily": 1}});
    world.configure_with(&[world.source()], &options);
    world
}

fn forget(world: &World, more: &[&str]) -> (Run, Value) {
    let run = world
        .forgekeep(&[&["forget", "--json"], more].concat())
        .run();
    let document = crate::json::document(&run, "forget");
    (run, document)
}

fn snapshots(world: &World, slug: &str) -> Vec<String> {
    let run = world.forgekeep(&["snapshots", slug, "--json"]).run();
    let document: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    let all = document["snapshots"].as_array().unwrap().iter();
    all.map(|snapshot| snapshot["id"].as_str().unwrap().to_owned())
        .collect()
}

fn forgotten(world: &World, slug: &str) -> String {
    let format = "--format=%(objectname)";
    git::run(
        &world.mirror(slug),
        &["for-each-ref", format, "refs/forgekeep/forgotten"],
    )
}

fn has(world: &World, slug: &str, oid: &str) -> bool {
    git::try_run(&world.mirror(slug), &["cat-file", "-e", oid]).is_ok()
}

/// Four snapshots, of which a force-push and a deleted branch left tips behind.
fn history(world: &World) -> (Repo<'_>, [String; 2]) {
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit_to("side", "three");
    world.backup().expect(0);
    let lost = [web.rev_parse("main"), web.rev_parse("side")];
    web.force_push("main");
    world.backup().expect(0);
    web.delete_branch("side");
    world.backup().expect(0);
    web.commit("four").annotated_tag("v1");
    world.backup().expect(0);
    (web, lost)
}

#[test]
fn by_default_everything_is_kept() {
    let world = World::new();
    history(&world);
    let before = content(&world.folder("web"));
    let run = world.forgekeep(&["forget", "--prune"]).run().expect(0);
    assert!(
        run.stderr.contains("every snapshot is kept"),
        "{}",
        run.stderr
    );
    assert_eq!(content(&world.folder("web")), before);
    assert_eq!(snapshots(&world, "web").len(), 4);
}

#[test]
fn what_is_forgotten_stays_until_it_is_pruned() {
    let world = world();
    let (web, lost) = history(&world);
    let all = snapshots(&world, "web");
    let before = content(&world.folder("web"));
    let (run, said) = forget(&world, &["--dry-run"]);
    run.expect(0);
    assert_eq!(said["mirrors"][0]["forgotten"].as_array().unwrap().len(), 3);
    assert_eq!(said["mirrors"][0]["kept"][0]["id"], all[3]);
    assert_eq!(
        said["mirrors"][0]["kept"][0]["reasons"],
        json!(["last", "daily"])
    );
    assert_eq!(content(&world.folder("web")), before);

    forget(&world, &[]).0.expect(0);
    assert_eq!(snapshots(&world, "web"), &all[3..]);
    assert!(kept(&world.mirror("web")).is_empty());
    git::run(&world.mirror("web"), &["gc", "--quiet", "--prune=now"]);
    assert!(lost.iter().all(|oid| has(&world, "web", oid)));
    assert!(
        lost.iter()
            .all(|oid| forgotten(&world, "web").contains(oid))
    );
    world.assert_mirrored(web);

    let (run, said) = forget(&world, &["--prune"]);
    run.expect(0);
    // Commit, tree and file of "two" and of "three".
    assert_eq!(said["mirrors"][0]["pruned"]["objects"], 6);
    assert!(!lost.iter().any(|oid| has(&world, "web", oid)));
    assert_eq!(forgotten(&world, "web"), "");
    world.assert_mirrored(web);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    assert_eq!(snapshots(&world, "web"), &all[3..]);
    // Again, with nothing to do.
    let before = content(&world.folder("web"));
    forget(&world, &["--prune"]).0.expect(0);
    assert_eq!(content(&world.folder("web")), before);
    // And life goes on.
    let old = web.rev_parse("main");
    web.force_push("main");
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_eq!(
        kept(&world.mirror("web")),
        [format!("refs/forgekeep/kept/{old}")]
    );
}

#[test]
fn what_no_snapshot_has_is_nobodys_to_remove() {
    let world = world();
    history(&world);
    let mirror = world.mirror("web");
    let blob = git::run_with_input(&mirror, &["hash-object", "-w", "--stdin"], b"mine");
    let own = format!("refs/forgekeep/kept/{blob}");
    git::run(&mirror, &["update-ref", &own, &blob]);
    let loose = git::run_with_input(&mirror, &["hash-object", "-w", "--stdin"], b"unreferenced");
    forget(&world, &["--prune"]).0.expect(0);
    assert_eq!(kept(&mirror), [own]);
    assert!(has(&world, "web", &loose));
    compare::assert_sound(&mirror);
}

#[test]
fn a_tip_that_another_snapshot_needs_stays() {
    // keepWithin keeps by the clock: everything of today.
    let world = World::new();
    let options = json!({"network": {"retries": 0}, "history": {"keepWithin": "1d"}});
    world.configure_with(&[world.source()], &options);
    let (_, lost) = history(&world);
    forget(&world, &["--prune"]).0.expect(0);
    assert_eq!(snapshots(&world, "web").len(), 4);
    assert!(lost.iter().all(|oid| has(&world, "web", oid)));
}

#[test]
fn wikis_are_forgotten_alike_and_names_choose() {
    let world = world();
    let web = world.forge.repository("web").commit("one").wiki();
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    git::run(&web.wiki_dir(), &["update-ref", "refs/heads/x", "HEAD"]);
    web.commit("two");
    api.commit("two");
    world.backup().expect(0);
    let run = world.forgekeep(&["forget", "acme/web"]).run().expect(0);
    assert!(
        run.stdout
            .contains("acme/acme#web/repo: forgot 1 snapshot, 1 left")
    );
    assert!(
        run.stdout
            .contains("acme/acme#web/wiki: forgot 1 snapshot, 1 left")
    );
    assert_eq!(snapshots(&world, "api").len(), 2);
    world.forgekeep(&["forget", "nobody"]).run().expect(2);
}

#[test]
fn a_history_that_cannot_be_read_is_left_alone() {
    let world = world();
    history(&world);
    let folder = world.folder("web").join("snapshots/repo");
    for file in fs::read_dir(&folder).unwrap() {
        fs::write(file.unwrap().path(), "{}").unwrap();
    }
    let before = content(&world.folder("web"));
    let (run, said) = forget(&world, &["--prune"]);
    run.expect(3);
    assert_eq!(said["mirrors"][0]["error"]["kind"], "damaged");
    assert_eq!(content(&world.folder("web")), before);
}

#[test]
fn a_snapshot_goes_by_its_name_and_takes_nothing_along() {
    let world = World::new();
    let (web, lost) = history(&world);
    let all = snapshots(&world, "web");
    for wrong in [&all[3][..], "0000", "x", &all[1][..3]] {
        let (run, said) = forget(&world, &["web", "--snapshot", wrong]);
        run.expect(3);
        assert_eq!(said["mirrors"][0]["error"]["kind"], "not-found", "{wrong}");
    }
    world
        .forgekeep(&["forget", "--snapshot", &all[1]])
        .run()
        .expect(2);
    assert_eq!(snapshots(&world, "web"), all);
    // The second one: its "side" is in the first one too, which needs both lost tips.
    let (run, said) = forget(&world, &["web", "--snapshot", &all[1][..6], "--prune"]);
    run.expect(0);
    assert_eq!(said["mirrors"][0]["forgotten"][0]["id"], all[1]);
    let left = [&all[0], &all[2], &all[3]].map(String::to_owned);
    assert_eq!(snapshots(&world, "web"), left);
    assert!(lost.iter().all(|oid| has(&world, "web", oid)));
    // Then the first one, and with it what only it needed.
    forget(&world, &["web", "--snapshot", &all[0], "--prune"])
        .0
        .expect(0);
    assert!(!lost.iter().any(|oid| has(&world, "web", oid)));
    assert_eq!(snapshots(&world, "web"), left[1..]);
    world.assert_mirrored(web);
    world.forgekeep(&["verify"]).run().expect(0);
}
