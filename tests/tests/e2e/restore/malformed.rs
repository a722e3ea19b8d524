//! What libgit2 cannot parse is brought back all the same.

use std::fs;

use forgekeep_tests::{PushTarget, compare, git};

use super::{restore, work_tree};
use crate::changes::malformed;
use crate::support::World;

const USER: &str = "ada";
const PASSWORD: &str = "push-T0ken=4711/xyz";

/// A repository whose default branch is at such a commit.
fn world() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    malformed(web, "old");
    web.default_branch("old");
    world.backup().expect(0);
    world
}

#[test]
fn a_malformed_commit_is_restored_and_checked_out() {
    let world = world();
    let upstream = world.forge.repository("web").git_dir();
    restore(&world, &["web", "--bare"], "bare").expect(0);
    restore(&world, &["web"], "web").expect(0);
    for name in ["bare", "web"] {
        let restored = world.sandbox.path(name);
        assert_eq!(compare::refs(&restored), compare::refs(&upstream));
        let peeled = git::run(&restored, &["show-ref", "-d"]);
        assert_eq!(peeled, git::run(&upstream, &["show-ref", "-d"]));
        git::run(&restored, &["fsck", "--connectivity-only"]);
    }
    let restored = world.sandbox.path("web");
    assert_eq!(git::run(&restored, &["status", "--porcelain"]), "");
    assert_eq!(work_tree(&restored).len(), 1);
}

#[test]
fn a_malformed_commit_is_pushed() {
    let world = world();
    let upstream = world.forge.repository("web").git_dir();
    let target = PushTarget::new(USER, PASSWORD);
    let push = |to: &str, more: &[&str]| {
        let all = [&["restore", "web", "--push", to], more].concat();
        world
            .forgekeep(&all)
            .env("FORGEKEEP_PUSH_USER", USER)
            .env("FORGEKEEP_PUSH_PASSWORD", PASSWORD)
            .run()
    };
    let local = world.sandbox.path("local.git");
    git::run(
        &world.sandbox.path(""),
        &["init", "-q", "--bare", "local.git"],
    );
    push(target.url(), &[]).expect(0);
    push("local.git", &[]).expect(0);
    for pushed in [target.git_dir(), local.as_path()] {
        assert_eq!(compare::refs(pushed), compare::refs(&upstream));
        git::run(pushed, &["fsck", "--connectivity-only"]);
    }
    // What is there already is not sent again.
    git::run(&local, &["update-ref", "-d", "refs/tags/outer"]);
    git::run(&local, &["gc", "--quiet", "--prune=now"]);
    let packs = || -> Vec<_> {
        let found = crate::support::files(&local.join("objects/pack"));
        let mut found: Vec<_> = found
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "idx"))
            .collect();
        found.sort();
        found
    };
    let before = packs();
    push("local.git", &["--force"]).expect(0);
    let new: Vec<_> = packs()
        .into_iter()
        .filter(|p| !before.contains(p))
        .collect();
    assert_eq!(new.len(), 1);
    let listed = git::run(&local, &["verify-pack", "-v", new[0].to_str().unwrap()]);
    let objects = listed.lines().filter(|line| line.contains(" tag "));
    assert_eq!(objects.count(), 1, "{listed}");
    assert!(!listed.contains(" commit "), "{listed}");
    assert_eq!(compare::refs(&local), compare::refs(&upstream));
}

#[test]
fn a_tree_that_cannot_be_checked_out_is_restored_without() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let blob = git::run_with_input(
        &web.git_dir(),
        &["hash-object", "-w", "--stdin"],
        b"content\n",
    );
    // No program may write a file of this name.
    let mut tree = b"100644 a\0".to_vec();
    let raw: Vec<u8> = (0..40)
        .step_by(2)
        .map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap())
        .collect();
    tree.extend(&raw);
    tree.extend(b"100644 .git\0");
    tree.extend(&raw);
    let write = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
    let tree = git::run_with_input(&web.git_dir(), &write, &tree);
    let commit = git::run(&web.git_dir(), &["commit-tree", "-m", "bad", &tree]);
    web.git(&["update-ref", "refs/heads/main", &commit]);
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(3);
    assert!(
        run.stderr.contains("restored without a work tree"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("objects and refs are all there"),
        "{}",
        run.stderr
    );
    let restored = world.sandbox.path("web");
    assert_eq!(compare::refs(&restored), compare::refs(&web.git_dir()));
    assert!(work_tree(&restored).is_empty());
    assert!(!restored.join(".git/index").exists());
    assert!(
        fs::read_dir(world.sandbox.path(""))
            .unwrap()
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().contains("partial"))
    );
    restore(&world, &["web", "--bare"], "bare").expect(0);
}
