//! What memory may be taken for one object: by a delta or its base, and by trees, commits and tags.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::git;
use serde_json::{Value, json};

use crate::large::{noise, publish};
use crate::support::World;
use crate::verify::damage::{flip, only, verify};

/// The limit that is configured.
const LIMIT: u64 = 1 << 20;

fn limited(world: &World, bytes: u64) {
    let options = json!({"limits": {"objectBytes": bytes}, "network": {"retries": 0}});
    world.configure_with(&[world.source()], &options);
}

/// A world with this limit.
fn world() -> World {
    let world = World::new();
    limited(&world, LIMIT);
    world
}

fn upstream(world: &World) -> PathBuf {
    world.forge.repository("web").git_dir()
}

fn restore(world: &World, to: &str) -> (forgekeep_tests::Run, PathBuf) {
    let target = world.sandbox.path(to);
    let path = target.to_str().unwrap();
    let run = world.forgekeep(&["restore", "acme/web", "--to", path]);
    (run.run(), target)
}

/// The line of `git verify-pack -v` about an object.
fn entry(mirror: &Path, oid: &str) -> Vec<String> {
    let index = only(&mirror.join("objects/pack"), ".idx");
    let listed = git::run(mirror, &["verify-pack", "-v", index.to_str().unwrap()]);
    let line = listed.lines().find(|line| line.starts_with(oid)).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}

/// What `verify` says was not checked; nothing is damaged.
fn unchecked(world: &World) -> String {
    let document = verify(world, 3);
    let web = &document["repositories"][0];
    assert_eq!(web["outcome"], "unchecked", "{document:#}");
    assert_eq!(web["damage"], json!([]), "{document:#}");
    web["unchecked"].to_string()
}

#[test]
fn a_small_file_made_from_a_huge_base_is_refused_as_that_is() {
    let world = world();
    let huge = noise(3 << 20);
    let small = &huge[1 << 20..][..200 << 10];
    let blobs = publish(&world, &[("z", &huge), ("a", small)]);
    git::run(&upstream(&world), &["repack", "-a", "-d", "-f", "-q"]);
    world.backup().expect(0);
    assert_eq!(entry(&world.mirror("web"), &blobs[1]).len(), 7);
    let said = unchecked(&world);
    assert!(
        said.contains(&blobs[1]) && !said.contains(&blobs[0]),
        "{said}"
    );
    let (run, target) = restore(&world, "restored");
    let run = run.expect(3);
    assert!(run.stderr.contains("a was left out: "), "{}", run.stderr);
    assert!(
        run.stderr.contains("options.limits.objectBytes"),
        "{}",
        run.stderr
    );
    assert!(!target.join("a").exists());
    assert_eq!(fs::read(target.join("z")).unwrap(), huge);
    limited(&world, 16 << 20);
    verify(&world, 0);
    let (run, target) = restore(&world, "whole");
    run.expect(0);
    assert_eq!(fs::read(target.join("a")).unwrap(), small);
}

/// Makes an object of more bytes than the limit; a branch `large` needs it, and `main` does not.
fn with_large(world: &World, kind: &str) -> String {
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let folder = upstream(world);
    let long = vec![b'x'; 2 << 20];
    let main = web.rev_parse("main");
    let tree = web.rev_parse("main^{tree}");
    match kind {
        "tree" => {
            let blob = git::run_with_input(&folder, &["hash-object", "-w", "--stdin"], b"x");
            let line = |n| format!("100644 blob {blob}\tfile-{n:06}-with-a-long-name\n");
            let lines: String = (0..30_000).map(line).collect();
            let tree = git::run_with_input(&folder, &["mktree"], lines.as_bytes());
            let commit = git::run(&folder, &["commit-tree", "-p", &main, "-m", "x", &tree]);
            web.git(&["update-ref", "refs/heads/large", &commit]);
            tree
        }
        "commit" => {
            let write = ["commit-tree", "-p", &main, "-F", "-", &tree];
            let oid = git::run_with_input(&folder, &write, &long);
            web.git(&["update-ref", "refs/heads/large", &oid]);
            oid
        }
        _ => {
            git::run_with_input(&folder, &["tag", "-a", "-F", "-", "large", "main"], &long);
            web.rev_parse("refs/tags/large")
        }
    }
}

#[test]
fn trees_commits_and_tags_above_the_limit_are_kept_and_not_read() {
    for kind in ["tree", "commit", "tag"] {
        let world = world();
        let oid = with_large(&world, kind);
        // It comes with an update, and with a clone.
        let run = world.backup().expect(0);
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.contains(&oid), "{kind}: {text}");
        assert!(
            text.contains("options.limits.objectBytes"),
            "{kind}: {text}"
        );
        world.assert_mirrored(world.forge.repository("web"));
        let said = unchecked(&world);
        assert!(said.contains(&oid), "{kind}: {said}");
        world.forgekeep(&["snapshots", "acme/web"]).run().expect(0);
        let (run, target) = restore(&world, "restored");
        let run = run.expect(3);
        assert!(run.stderr.contains(&oid), "{kind}: {}", run.stderr);
        assert!(
            !run.stderr.contains("the backup is damaged"),
            "{kind}: {}",
            run.stderr
        );
        assert_eq!(git::run(&target, &["status", "--porcelain"]), "", "{kind}");
        let refs = |folder: &Path| git::run(folder, &["show-ref", "-d"]);
        assert_eq!(refs(&target), refs(&upstream(&world)), "{kind}");
        // Nothing is repaired; what goes on is backed up.
        world.forge.repository("web").commit("more");
        world.backup().expect(0);
        world.assert_mirrored(world.forge.repository("web"));
        assert!(!world.folder("web").join("damaged").exists(), "{kind}");
        world.sandbox.remove_backup();
        world.backup().expect(0);
        let said = unchecked(&world);
        assert!(said.contains(&oid), "{kind}: {said}");
        let to = world.sandbox.path("pushed.git");
        git::run(
            &world.sandbox.path(""),
            &["init", "-q", "--bare", "pushed.git"],
        );
        let push = ["restore", "acme/web", "--push", to.to_str().unwrap()];
        let run = world.forgekeep(&push).run().expect(3);
        assert!(
            run.stderr.contains("options.limits.objectBytes"),
            "{}",
            run.stderr
        );
        assert!(
            !run.stderr.contains("the backup is damaged"),
            "{kind}: {}",
            run.stderr
        );
    }
}

#[test]
fn a_tree_above_the_limit_is_not_checked_out() {
    let world = world();
    with_large(&world, "tree");
    world.forge.repository("web").default_branch("large");
    world.backup().expect(0);
    let (run, target) = restore(&world, "restored");
    let said = run.expect(3).stderr;
    assert!(said.contains("restored without a work tree"), "{said}");
    assert!(said.contains("options.limits.objectBytes"), "{said}");
    git::run(&target, &["checkout", "-q", "-f"]);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 30_001);
}

#[test]
fn a_pack_that_would_take_too_much_memory_is_not_taken_in() {
    let world = world();
    world.forge.repository("api").commit("one");
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let before = world.forge.repository("web").rev_parse("main");
    // Little to send, and much to hold: one is made from the other.
    publish(
        &world,
        &[("one", &vec![0; 100 << 20]), ("two", &vec![0; 80 << 20])],
    );
    git::run(&upstream(&world), &["repack", "-a", "-d", "-f", "-q"]);
    let run = world.backup().expect(3);
    let web = run.repository("acme/web");
    assert_eq!(web["outcome"], "failed", "{web:#}");
    assert_eq!(web["error"]["kind"], "machine", "{web:#}");
    let said = web["error"]["message"].as_str().unwrap();
    assert!(said.contains("options.limits.objectBytes"), "{said}");
    assert_eq!(run.outcome("acme/api"), "unchanged");
    let mirror = world.mirror("web");
    assert_eq!(git::run(&mirror, &["rev-parse", "main"]), before);
    assert!(!mirror.join("objects/forgekeep-incoming").exists());
    assert_eq!(verify(&world, 0)["outcome"], "ok");
    limited(&world, 200 << 20);
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
}

/// Two histories in one pack, of which upstream has only that with a large blob now. The pack is
/// damaged where only the other one needs it.
fn torn() -> (World, String, Vec<u8>) {
    let world = world();
    let large = noise(3 << 20);
    let web = world.forge.repository("web");
    let oid = publish(&world, &[("large", &large)]).remove(0);
    web.commit_to("other", "two");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let listed = git::run(&mirror, &["ls-tree", "-r", "other"]);
    let mut lines = listed.lines().filter(|line| !line.ends_with("\tlarge"));
    let blob = lines
        .next_back()
        .unwrap()
        .split_whitespace()
        .nth(2)
        .unwrap();
    let offset: usize = entry(&mirror, blob)[4].parse().unwrap();
    web.delete_branch("other");
    world.backup().expect(0);
    flip(&only(&mirror.join("objects/pack"), ".pack"), offset + 8);
    (world, oid, large)
}

#[test]
fn a_large_blob_is_taken_out_of_a_damaged_pack_piece_by_piece() {
    let (world, oid, large) = torn();
    let (run, target) = restore(&world, "restored");
    run.expect(0);
    assert_eq!(fs::read(target.join("large")).unwrap(), large);
    git::run(&target, &["fsck", "--full"]);
    // And kept, where upstream has it no more.
    let web = world.forge.repository("web");
    git::run(&upstream(&world), &["update-ref", "-d", "refs/heads/main"]);
    web.commit("again");
    git::run(&upstream(&world), &["gc", "-q", "--prune=now"]);
    verify(&world, 3);
    let run = world.backup();
    let size = git::try_run(&world.mirror("web"), &["cat-file", "-s", &oid]);
    let size = size.unwrap_or_else(|why| panic!("{why}\n{}{}", run.stdout, run.stderr));
    assert_eq!(size.trim(), large.len().to_string());
    let hash = ["-c", "core.bigFileThreshold=1g", "cat-file", "blob", &oid];
    git::run(&world.mirror("web"), &hash);
}

#[test]
fn verify_tells_the_reason_as_people_read_it() {
    let world = world();
    let oid = with_large(&world, "commit");
    world.backup().expect(0);
    let run = world.forgekeep(&["verify"]).run().expect(3);
    assert!(
        run.stdout.contains("acme/web: not checked: "),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(&oid), "{}", run.stdout);
    let json = world.forgekeep(&["verify", "--json"]).run().expect(3);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let hint = &document["repositories"][0]["unchecked"][0]["hint"];
    assert!(
        hint.as_str()
            .unwrap()
            .contains("raise options.limits.objectBytes")
    );
}
