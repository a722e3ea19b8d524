//! A backup folder that version 0.1 wrote, `tests/golden/folder-0.1`: every later version continues,
//! verifies and restores a copy of it.
//!
//! `make` wrote it, run against a binary of version 0.1:
//! `FORGEKEEP_TEST_BIN_DIR=<folder> cargo test -p forgekeep-tests --test e2e -- --ignored golden::make`.
//! It is never made again: what an old version has written is what counts.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Repo, compare, git};
use serde_json::{Value, json};

use crate::repair::destroy;
use crate::support::{World, error, report};
use crate::verify::damage::verify;

/// Folders that git cannot keep, since they are empty, below each mirror.
const EMPTY: [&str; 3] = ["objects/info", "refs/heads", "refs/tags"];

/// The repositories that have something in them, one of them gone at the hoster.
const NAMES: [&str; 4] = ["web", "docs", "api", "old"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/folder-0.1")
}

/// What the hoster had when the last of the reports was written. `step` is called where a run was.
/// Returns the tip of a branch that it had only then.
fn upstream(world: &World, step: &mut dyn FnMut()) -> String {
    let web = world.forge.repository("web").commit("one").commit("two");
    web.annotated_tag("v1").commit_to("side", "three");
    world.forge.repository("docs").commit("one").wiki();
    world.forge.repository("old").commit("one").commit("two");
    world.forge.repository("empty");
    let api = world.forge.repository("api").commit("one");
    api.commit_to("side", "two");
    step();
    let lost = api.rev_parse("side");
    api.delete_branch("side");
    web.force_push("main");
    step();
    web.delete_branch("side").commit("four");
    world.forge.repository("docs").wiki();
    world.forge.repository("old").delete();
    step();
    for number in 5..8 {
        web.commit(&format!("commit {number}"));
        step();
    }
    lost
}

fn web(world: &World) -> Repo<'_> {
    world.forge.repository("web")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// A world whose backup folder is a copy of the golden one, and whose hoster has what it had.
fn golden_world() -> World {
    let world = World::new();
    upstream(&world, &mut || {});
    let backup = world.sandbox.backup();
    copy(&golden(), &backup);
    for mirror in mirrors(&world) {
        for folder in EMPTY {
            fs::create_dir_all(mirror.join(folder)).unwrap();
        }
    }
    world
}

fn mirrors(world: &World) -> Vec<PathBuf> {
    let all = [
        "web/repo",
        "docs/repo",
        "docs/wiki",
        "old/repo",
        "empty/repo",
        "api/repo",
    ];
    let path = |name: &&str| world.sandbox.backup().join(format!("acme/acme#{name}"));
    all.iter().map(path).collect()
}

fn snapshots(world: &World, name: &str) -> Vec<Value> {
    let run = world.forgekeep(&["snapshots", name, "--json"]).run();
    let document: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    document["snapshots"].as_array().unwrap().clone()
}

fn tips(world: &World) -> Vec<(PathBuf, String)> {
    let ours = ["refs/forgekeep/kept", "refs/forgekeep/forgotten"];
    let mut all = Vec::new();
    for slug in ["web", "api"] {
        let mirror = world.mirror(slug);
        let arguments = [&["for-each-ref", "--format=%(objectname)"][..], &ours].concat();
        let tips = git::run(&mirror, &arguments);
        all.extend(tips.lines().map(|tip| (mirror.clone(), tip.to_owned())));
    }
    all
}

#[test]
fn it_is_continued_and_nothing_of_it_is_lost() {
    let world = golden_world();
    let before = tips(&world);
    assert_eq!(before.len(), 2, "{before:?}");
    let states = |world: &World| {
        let all = NAMES.map(|name| snapshots(world, name));
        all.map(|all| all.iter().map(|s| s["id"].clone()).collect::<Vec<_>>())
    };
    let old = states(&world);
    let run = world.backup().expect(3);
    // What 0.1 has lost stays lost, and nothing else is wrong.
    let said = error(run.repository("acme/api"));
    assert!(said.starts_with("damaged: a part of the history"), "{said}");
    for name in ["acme/web", "acme/docs", "acme/empty"] {
        assert!(
            run.repository(name)["error"].is_null(),
            "{:#}",
            run.repository(name)
        );
    }
    assert_eq!(run.outcome("acme/empty"), "empty");
    web(&world).commit("new").force_push("main");
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "updated");
    for slug in ["web", "docs", "api"] {
        world.assert_mirrored(world.forge.repository(slug));
    }
    let after = tips(&world);
    for tip in &before {
        assert!(after.contains(tip), "{tip:?} is no longer held: {after:?}");
    }
    for (was, is) in old.iter().zip(states(&world)) {
        assert!(is.starts_with(was), "{was:?} {is:?}");
    }
    world.forgekeep(&["status"]).run().expect(0);
    // Its hoster has another address in each test: that one says nothing about what is gone.
    let old: Value =
        serde_json::from_slice(&fs::read(world.folder("old").join("forgekeep.json")).unwrap())
            .unwrap();
    assert!(old["gone"].is_string(), "{old:#}");
    assert!(world.folder("old").join("repo").is_dir());
}

#[test]
fn each_of_its_states_is_restored() {
    let world = golden_world();
    for name in NAMES {
        for snapshot in snapshots(&world, name) {
            let id = snapshot["id"].as_str().unwrap();
            let target = world.sandbox.path(format!("restored-{name}-{id}"));
            let target = target.to_str().unwrap();
            let arguments = ["restore", name, "--at", id, "--bare", "--to", target];
            let run = world.forgekeep(&arguments).run();
            // One state of api has lost a commit.
            assert!(
                run.code == Some(0) || (name == "api" && run.code == Some(3)),
                "{run:?}"
            );
            if run.code == Some(0) {
                let refs = git::run(Path::new(target), &["for-each-ref", "refs"]);
                let count = snapshot["counts"]["refs"].as_u64().unwrap();
                assert_eq!(refs.lines().count() as u64, count, "{name} {id}: {refs}");
                git::run(Path::new(target), &["fsck", "--full", "--strict"]);
            }
        }
    }
    for name in ["web", "docs", "old"] {
        let target = world.sandbox.path(format!("work-{name}"));
        let arguments = ["restore", name, "--to", target.to_str().unwrap()];
        world.forgekeep(&arguments).run().expect(0);
        assert_eq!(git::run(&target, &["status", "--porcelain"]), "");
        if name == "web" {
            let upstream = web(&world).rev_parse("main");
            assert_eq!(git::run(&target, &["rev-parse", "HEAD"]), upstream);
        }
    }
}

#[test]
fn what_it_says_is_damaged_is_and_all_else_is_sound() {
    let world = golden_world();
    let document = verify(&world, 3);
    for repository in document["repositories"].as_array().unwrap() {
        let damage = repository["damage"].as_array().unwrap();
        let is_lost = repository["name"].as_str().unwrap().ends_with("acme/api");
        assert_eq!(!damage.is_empty(), is_lost, "{repository:#}");
    }
}

/// The bare refs of a restored state are those that upstream had at that time.
#[test]
fn its_states_are_what_upstream_had() {
    let world = World::new();
    let mut web_states = Vec::new();
    {
        let forge = &world.forge;
        upstream(&world, &mut || {
            web_states.push(compare::refs(&forge.repository("web").git_dir()));
        });
    }
    let world = golden_world();
    // The first one was forgotten.
    let all = snapshots(&world, "web");
    assert_eq!(all.len() + 1, web_states.len());
    for (snapshot, wanted) in all.iter().zip(&web_states[1..]) {
        // By its time as well as by its id.
        for at in [&snapshot["id"], &snapshot["time"]] {
            let at = at.as_str().unwrap();
            let target = world
                .sandbox
                .path(format!("state-{}", at.replace(':', "-")));
            let to = target.to_str().unwrap();
            let arguments = ["restore", "web", "--at", at, "--bare", "--to", to];
            world.forgekeep(&arguments).run().expect(0);
            assert_eq!(&compare::refs(&target), wanted, "{at}");
        }
    }
}

/// The address of the hoster in a state file becomes this test's, with the checksum made again as
/// docs/on-disk-format.md says.
fn move_to_this_forge(world: &World, slug: &str) {
    let path = world.folder(slug).join("forgekeep.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let old = state["listing"]["apiUrl"].as_str().unwrap().to_owned();
    let sealed = state["checksum"].take();
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(&old, world.forge.api_url());
    let seal = format!(",\n  \"checksum\": \"{}\"", sealed.as_str().unwrap());
    let open = text.replace(&seal, "");
    let hash = ["hash-object", "--stdin"];
    let new = git::run_with_input(&world.sandbox.path(""), &hash, open.as_bytes());
    fs::write(&path, text.replace(sealed.as_str().unwrap(), &new)).unwrap();
}

#[test]
fn what_is_gone_is_known_and_comes_back() {
    let world = golden_world();
    move_to_this_forge(&world, "old");
    let run = world.backup().expect(3);
    let gone = &report(&run)["sources"][0]["gone"][0];
    assert_eq!(gone["name"], "acme/old");
    assert!(
        gone["since"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-27T01:22:07"),
        "{gone:#}"
    );
    let run = world.forgekeep(&["status", "--json"]).run().expect(0);
    let status: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = status["sources"][0]["repositories"].as_array().unwrap();
    let of = |name: &str| all.iter().find(|r| r["name"] == name).unwrap();
    assert!(of("acme/old")["gone"].is_string());
    assert_eq!(of("acme/web")["snapshots"], 5);
    assert!(!of("acme/api")["damage"].as_array().unwrap().is_empty());
}

#[test]
fn its_history_can_be_dropped() {
    let world = golden_world();
    let options = json!({"network": {"retries": 0}, "history": {"keepDaily": 1}});
    world.configure_with(&[world.source()], &options);
    let forgotten = |world: &World| {
        let arguments = ["for-each-ref", "refs/forgekeep/forgotten"];
        git::run(&world.mirror("web"), &arguments)
    };
    assert!(!forgotten(&world).is_empty());
    let run = world.forgekeep(&["forget", "web", "--prune"]).run();
    run.expect(0);
    assert_eq!(forgotten(&world), "");
    assert_eq!(snapshots(&world, "web").len(), 1);
    git::run(&world.mirror("web"), &["fsck", "--full", "--strict"]);
    world.backup().expect(3);
    world.assert_mirrored(web(&world));
}

#[test]
#[ignore = "writes tests/golden; see the head of this file"]
fn make() {
    let world = World::new();
    let lost = upstream(&world, &mut || drop(world.backup().expect(0)));
    destroy(&world.mirror("api"), &lost);
    world.forgekeep(&["verify"]).run().expect(3);
    world.backup().expect(3);
    let first = snapshots(&world, "web")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world
        .forgekeep(&["forget", "web", "--snapshot", &first])
        .run()
        .expect(0);
    world.forgekeep(&["verify"]).run().expect(3);
    let runs = world.sandbox.backup().join(".forgekeep/runs");
    let mut reports: Vec<_> = fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    reports.sort();
    for report in &reports[..reports.len() - 3] {
        fs::remove_file(report).unwrap();
    }
    fs::remove_dir_all(golden()).ok();
    copy(&world.sandbox.backup(), &golden());
}
