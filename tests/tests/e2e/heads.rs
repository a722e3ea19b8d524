//! A `HEAD` that is no ordinary branch: what upstream has is kept, and a restore gives what a clone
//! of upstream gave.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Repo, RequestKind, compare, git};
use serde_json::{Value, json};

use crate::support::{World, kept};

/// A commit on top of `main` that no ref has.
fn loose_commit(web: Repo<'_>, message: &str) -> String {
    let folder = web.git_dir();
    git::run(
        &folder,
        &["commit-tree", "-p", "main", "-m", message, "main^{tree}"],
    )
}

/// Writes upstream's `HEAD`.
fn set_head(web: Repo<'_>, head: &str) {
    fs::write(web.git_dir().join("HEAD"), format!("{head}\n")).unwrap();
}

fn head_file(git_dir: &Path) -> String {
    fs::read_to_string(git_dir.join("HEAD")).unwrap()
}

/// A clone of upstream made with git.
fn clone(world: &World, web: Repo<'_>, arguments: &[&str], to: &str) -> PathBuf {
    let url = format!("file://{}", web.git_dir().display());
    let target = world.sandbox.path(to);
    let options = ["-c", "init.defaultBranch=master", "clone", "--quiet"];
    let all = [&options, arguments, &[&url, target.to_str().unwrap()]].concat();
    git::run(&world.sandbox.path(""), &all);
    target
}

fn restore(world: &World, arguments: &[&str], to: &str) -> PathBuf {
    let target = world.sandbox.path(to);
    let all = [&["restore", "acme/web"], arguments].concat();
    let all = world.forgekeep(&all);
    all.arg("--to").arg(&target).run().expect(0);
    target
}

fn listed(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = crate::support::content(folder);
    all.retain(|(path, _)| !path.components().any(|part| part.as_os_str() == ".git"));
    let prefix = |(path, bytes): (PathBuf, Vec<u8>)| {
        (
            path.strip_prefix(folder)
                .map_or(path.clone(), Path::to_owned),
            bytes,
        )
    };
    all.into_iter().map(prefix).collect()
}

/// Restores the newest state, and compares it with a clone.
#[track_caller]
fn assert_as_cloned(world: &World, web: Repo<'_>, name: &str) {
    let cloned = clone(world, web, &[], &format!("cloned-{name}"));
    let restored = restore(world, &[], &format!("restored-{name}"));
    assert_eq!(
        head_file(&restored.join(".git")),
        head_file(&cloned.join(".git"))
    );
    assert_eq!(listed(&restored), listed(&cloned));
    assert_eq!(git::run(&restored, &["status", "--porcelain"]), "");
    compare::assert_sound(&restored);
    let cloned = clone(world, web, &["--bare"], &format!("cloned-{name}.git"));
    let restored = restore(world, &["--bare"], &format!("restored-{name}.git"));
    assert_eq!(head_file(&restored), head_file(&cloned));
    compare::assert_sound(&restored);
}

/// The next run finds nothing to do, by one request, and nothing is wrong.
#[track_caller]
fn assert_settled(world: &World) {
    world.forge.reset_log();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    world.forgekeep(&["verify"]).run().expect(0);
}

/// The mirror is what `git clone --mirror` makes.
#[track_caller]
fn assert_detached(world: &World, web: Repo<'_>) {
    let mirror = world.mirror("web");
    let commit = web.rev_parse("HEAD^{commit}");
    assert_eq!(head_file(&mirror), format!("{commit}\n"));
    assert_eq!(compare::refs(&mirror), compare::refs(&web.git_dir()));
    compare::assert_sound(&mirror);
}

fn clean(mirror: &Path) {
    git::run(mirror, &["reflog", "expire", "--expire=now", "--all"]);
    git::run(mirror, &["gc", "--quiet", "--prune=now"]);
}

fn snapshots(world: &World) -> Vec<Value> {
    let run = world.forgekeep(&["snapshots", "acme/web", "--json"]).run();
    let document: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    document["snapshots"].as_array().unwrap().clone()
}

/// The formats of the snapshots' files, the oldest first.
fn formats(world: &World) -> Vec<u64> {
    let folder = world.folder("web").join("snapshots/repo");
    let mut files = crate::support::files(&folder);
    files.sort();
    let format = |path: &PathBuf| {
        let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        document["format"].as_u64().unwrap()
    };
    files.iter().map(format).collect()
}

#[test]
fn a_detached_head_is_kept_wherever_it_moves() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let commits = ["first", "second"].map(|message| loose_commit(web, message));
    for commit in &commits {
        set_head(web, commit);
        assert_eq!(world.backup().expect(0).outcome("acme/web"), "updated");
        world.assert_mirrored(web);
        assert_eq!(head_file(&mirror), format!("{commit}\n"));
        assert_settled(&world);
        clean(&mirror);
        assert_settled(&world);
        assert_as_cloned(&world, web, &commit[..7]);
    }
    set_head(web, "ref: refs/heads/main");
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "updated");
    world.assert_mirrored(web);
    assert_settled(&world);
    clean(&mirror);
    assert_settled(&world);
    assert_eq!(kept(&mirror).len(), 2);
    assert_eq!(formats(&world), [1, 2, 2, 2]);
    let all = snapshots(&world);
    let wanted = [
        "refs/heads/main",
        &commits[0],
        &commits[1],
        "refs/heads/main",
    ];
    for (number, (entry, wanted)) in all.iter().zip(wanted).enumerate() {
        assert_eq!(entry["head"], *wanted);
        let id = entry["id"].as_str().unwrap();
        let restored = restore(&world, &["--at", id], &format!("at-{number}"));
        assert_eq!(compare::head(&restored), *wanted);
        assert_eq!(git::run(&restored, &["status", "--porcelain"]), "");
        compare::assert_sound(&restored);
    }
}

#[test]
fn a_repository_with_a_detached_head_alone_is_not_empty() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let commit = loose_commit(web, "alone");
    web.delete_branch("main");
    set_head(web, &commit);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "cloned");
    let mirror = world.mirror("web");
    world.assert_mirrored(web);
    assert_eq!(kept(&mirror).len(), 1);
    assert_settled(&world);
    clean(&mirror);
    assert_settled(&world);
    assert_as_cloned(&world, web, "alone");
    // A push takes refs alone.
    let empty = world.sandbox.path("empty.git");
    git::run(
        &world.sandbox.path(""),
        &["init", "-q", "--bare", "empty.git"],
    );
    let arguments = ["restore", "acme/web", "--push", empty.to_str().unwrap()];
    let run = world.forgekeep(&arguments).run();
    assert_ne!(run.code, Some(0));
    assert!(run.stderr.contains(&commit), "{}", run.stderr);
    // What it was is kept when it goes.
    set_head(web, "ref: refs/heads/main");
    world.backup().expect(0);
    clean(&mirror);
    world.forgekeep(&["verify"]).run().expect(0);
    assert_eq!(git::run(&mirror, &["cat-file", "-t", &commit]), "commit");
}

#[test]
fn a_head_at_a_tag_is_restored_as_git_clones_it() {
    for tag in ["light", "heavy"] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        web.tag("light").annotated_tag("heavy").commit("two");
        set_head(web, &format!("ref: refs/tags/{tag}"));
        world.backup().expect(0);
        assert_detached(&world, web);
        assert_settled(&world);
        clean(&world.mirror("web"));
        assert_settled(&world);
        assert_as_cloned(&world, web, tag);
    }
}

#[test]
fn a_head_in_another_namespace_is_restored_as_git_clones_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let commit = loose_commit(web, "meta");
    web.git(&["update-ref", "refs/meta/x", &commit]);
    set_head(web, "ref: refs/meta/x");
    world.backup().expect(0);
    assert_detached(&world, web);
    assert_settled(&world);
    clean(&world.mirror("web"));
    assert_settled(&world);
    assert_as_cloned(&world, web, "meta");
}

#[test]
fn a_head_at_a_hidden_ref_is_kept_by_its_commit() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let commit = loose_commit(web, "hidden");
    web.git(&["update-ref", "refs/hidden/x", &commit]);
    web.git(&["config", "transfer.hideRefs", "refs/hidden"]);
    set_head(web, "ref: refs/hidden/x");
    world.backup().expect(0);
    assert_eq!(head_file(&world.mirror("web")), format!("{commit}\n"));
    assert_settled(&world);
    assert_as_cloned(&world, web, "hidden");
}

#[test]
fn a_head_detached_where_a_branch_is_counts_as_that_branch() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    set_head(web, &web.rev_parse("main"));
    assert_settled(&world);
    assert_as_cloned(&world, web, "branch");
}

#[test]
fn forgetting_keeps_what_a_detached_head_needs() {
    let world = World::new();
    let options = json!({"network": {"retries": 0}, "history": {"keepDaily": 1}});
    world.configure_with(&[world.source()], &options);
    let web = world.forge.repository("web").commit("one");
    let commits = ["first", "second"].map(|message| loose_commit(web, message));
    for commit in &commits {
        set_head(web, commit);
        world.backup().expect(0);
    }
    world.forgekeep(&["forget", "--prune"]).run().expect(0);
    let mirror = world.mirror("web");
    clean(&mirror);
    assert_eq!(
        git::run(&mirror, &["cat-file", "-t", &commits[1]]),
        "commit"
    );
    git::try_run(&mirror, &["cat-file", "-e", &commits[0]]).unwrap_err();
    assert_settled(&world);
    assert_as_cloned(&world, web, "forgotten");
}
