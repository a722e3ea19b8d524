//! What runs leave of the states they have seen, and how `snapshots` shows it.

use std::fs;

use forgekeep_tests::compare;
use serde_json::Value;

use crate::support::{World, content, files};

fn document(world: &World, arguments: &[&str]) -> Value {
    let all = [&["snapshots"], arguments, &["--json"]].concat();
    let run = world.forgekeep(&all).run().expect(0);
    crate::json::document(&run, "snapshots")
}

fn entries(world: &World) -> Vec<Value> {
    let document = document(world, &["web"]);
    document["snapshots"].as_array().unwrap().clone()
}

/// A repository that has seen some days.
fn world() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit_to("feature", "three").tag("v1");
    world.backup().expect(0);
    web.commit("four").force_push("feature");
    world.backup().expect(0);
    web.delete_tag("v1")
        .commit_to("trunk", "five")
        .default_branch("trunk");
    world.backup().expect(0);
    world
}

#[test]
fn each_run_that_changed_something_is_a_line() {
    let world = world();
    let run = world.forgekeep(&["snapshots", "web"]).run().expect(0);
    insta::with_settings!({filters => vec![
        (r"(?m)^[0-9a-f]{12}  \d{4}-\d\d-\d\dT[0-9:]+Z", "[id]  [time]"),
    ]}, {
        insta::assert_snapshot!(run.stdout, @r"
        [id]  [time]  3 refs, 3 new, HEAD main
        [id]  [time]  3 refs, 1 updated, 1 forced, HEAD main
        [id]  [time]  3 refs, 1 new, 1 deleted, HEAD trunk
        ");
    });
    assert_eq!(run.stderr, "");
}

#[test]
fn the_document_says_the_same_for_programs() {
    let world = world();
    let whole = document(&world, &["web"]);
    assert_eq!(whole["schema"], 1);
    assert_eq!(whole["repository"], "acme/acme/web");
    assert_eq!(whole["id"], world.forge.repository("web").uuid());
    assert_eq!(whole["path"], "acme/acme#web");
    let entries = entries(&world);
    let counts = |at: usize| {
        let counts = &entries[at]["counts"];
        let one = |key: &str| counts[key].as_u64().unwrap();
        ["refs", "created", "updated", "forced", "deleted"].map(one)
    };
    assert_eq!(entries.len(), 3);
    assert_eq!(counts(0), [3, 3, 0, 0, 0]);
    assert_eq!(counts(1), [3, 0, 1, 1, 0]);
    assert_eq!(counts(2), [3, 1, 0, 0, 1]);
    for (at, entry) in entries.iter().enumerate() {
        assert_eq!(entry["number"], at + 1);
        assert_eq!(entry["origin"], "run");
        assert_eq!(entry["name"], "acme/web");
        assert_eq!(entry["error"], Value::Null);
        assert_eq!(entry["id"].as_str().unwrap().len(), 12);
        assert!(entry["time"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(entries[1]["head"], "refs/heads/main");
    assert_eq!(entries[2]["head"], "refs/heads/trunk");
}

#[test]
fn a_run_that_changes_nothing_leaves_nothing() {
    let world = world();
    let folder = world.folder("web");
    let before = content(&folder);
    world.backup().expect(0);
    assert!(content(&folder) == before, "something was written");
    assert_eq!(entries(&world).len(), 3);
}

#[test]
fn the_report_names_the_snapshot_of_a_run() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    let first = world.backup().expect(0);
    let named = first.repository("acme/web")["snapshot"].clone();
    assert_eq!(named, entries(&world)[0]["id"]);
    let wiki = document(&world, &["web", "--wiki"]);
    assert_eq!(wiki["snapshots"].as_array().unwrap().len(), 1);
    let second = world.backup().expect(0);
    assert_eq!(second.repository("acme/web")["snapshot"], Value::Null);
    web.commit("two");
    let third = world.backup().expect(0);
    assert_eq!(
        third.repository("acme/web")["snapshot"],
        entries(&world)[1]["id"]
    );
}

#[test]
fn a_mirror_that_had_none_gets_its_first_and_what_others_do_is_seen() {
    let world = world();
    fs::remove_dir_all(world.folder("web").join("snapshots")).unwrap();
    let run = world.forgekeep(&["snapshots", "web"]).run().expect(0);
    assert!(run.stdout.contains("no snapshots yet"), "{}", run.stdout);
    world.backup().expect(0);
    let origins = |world: &World| -> Vec<Value> {
        entries(world)
            .iter()
            .map(|entry| entry["origin"].clone())
            .collect()
    };
    assert_eq!(origins(&world), ["adopted"]);
    let mirror = world.mirror("web");
    forgekeep_tests::git::run(&mirror, &["update-ref", "-d", "refs/heads/feature"]);
    world.forge.repository("web").commit("six");
    world.backup().expect(0);
    assert_eq!(origins(&world), ["adopted", "found", "run"]);
    compare::assert_sound(&mirror);
}

#[test]
fn a_damaged_one_is_said_and_the_others_are_shown() {
    let world = world();
    let folder = world.folder("web").join("snapshots/repo");
    let mut all = files(&folder);
    all.sort();
    fs::write(&all[1], "nonsense").unwrap();
    let run = world.forgekeep(&["snapshots", "web"]).run().expect(3);
    assert_eq!(run.stdout.lines().count(), 3);
    assert!(run.stdout.contains("cannot be read"), "{}", run.stdout);
    assert!(run.stderr.contains("is damaged"), "{}", run.stderr);
    let run = world
        .forgekeep(&["snapshots", "web", "--json"])
        .run()
        .expect(3);
    let document = crate::json::document(&run, "snapshots");
    assert_eq!(document["snapshots"][1]["error"]["kind"], "damaged");
    assert_eq!(document["snapshots"][2]["error"], Value::Null);
}

#[test]
fn no_network_no_plugin_and_no_configuration_are_needed() {
    let world = world();
    let backup = world.sandbox.backup();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    world.forge.reset_log();
    let folder = backup.to_str().unwrap();
    let run = world
        .forgekeep(&["snapshots", "web", "--folder", folder])
        .run();
    assert_eq!(run.expect(0).stdout.lines().count(), 3);
    assert!(world.forge.requests().is_empty());
    world.forgekeep(&["snapshots", "web"]).run().expect(10);
}
