//! A damaged backup is no good restore, unless what is damaged is not needed.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::{compare, git};

use super::{assert_clean, flip_a_byte, restore, snapshots, text};
use crate::support::{World, files};

/// A repository of two runs, each with a pack of its own: the second has replaced the first.
fn world() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.delete_branch("main").commit("two");
    world.backup().expect(0);
    world
}

/// The pack of a mirror that holds an object.
fn pack_with(world: &World, oid: &str) -> PathBuf {
    let packs = files(&world.mirror("web").join("objects/pack"));
    let holds = |index: &&PathBuf| {
        let index = index.to_str().unwrap();
        git::run(&world.mirror("web"), &["verify-pack", "-v", index]).contains(oid)
    };
    let mut indexes = packs
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "idx"));
    let index = indexes.find(holds).expect("a pack holds it");
    index.with_extension("pack")
}

#[test]
fn what_is_damaged_is_named_and_nothing_passes_for_a_restore() {
    let world = world();
    let found = snapshots(&world, "web");
    let (old, new) = (text(&found[0], "id"), text(&found[1], "id"));
    let tip = git::run(&world.mirror("web"), &["rev-parse", "main"]);
    let pack = pack_with(&world, &tip);
    // The first object of a pack comes after 12 bytes; this is in its compressed part.
    flip_a_byte(&pack, 20);
    for arguments in [&["web"][..], &["web", "--bare"], &["web", "--at", new]] {
        let run = restore(&world, arguments, "web").expect(3);
        assert!(
            run.stderr.contains("the backup is damaged"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains("which refs/heads/main needs"),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains("hint: run `forgekeep backup`"),
            "{}",
            run.stderr
        );
        assert!(!world.sandbox.path("web").exists());
        assert!(!world.sandbox.path("web.forgekeep-partial").exists());
    }
    // The state before needs nothing of it. It is said all the same.
    let run = restore(&world, &["web", "--at", old], "old").expect(0);
    assert_clean(&world.sandbox.path("old"));
    let name = pack.file_name().unwrap().to_str().unwrap();
    assert!(run.stderr.contains("warning: "), "{}", run.stderr);
    assert!(run.stderr.contains(name), "{}", run.stderr);
    // With --all, a good one is restored beside a bad one.
    world.forge.repository("api").commit("one");
    world.backup();
    let run = restore(&world, &["--all"], "all").expect(3);
    assert!(run.stderr.contains("acme/acme/web"), "{}", run.stderr);
    assert_clean(&world.sandbox.path("all/acme/acme/api"));
    assert!(!world.sandbox.path("all/acme/acme/web").exists());
    assert!(
        run.stdout.contains("1 of 2 restored, 1 failed"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_head_that_is_lost_is_no_success_without_files() {
    let world = world();
    fs::remove_dir_all(world.folder("web").join("snapshots")).unwrap();
    let folder = world.sandbox.backup();
    let folder = folder.to_str().unwrap();
    let restore = |to: &str, more: &[&str]| {
        let all = ["restore", "web", "--to", to, "--folder", folder];
        world.forgekeep(&[&all[..], more].concat()).run()
    };
    let head = world.mirror("web").join("HEAD");
    for (to, content) in [("cut", ""), ("flipped", "rdf: refs/heads/main\n")] {
        fs::write(&head, content).unwrap();
        let run = restore(to, &[]).expect(3);
        assert!(
            run.stderr.contains("nothing was checked out"),
            "{}",
            run.stderr
        );
        let to = world.sandbox.path(to);
        git::run(&to, &["switch", "-q", "main"]);
        restore(&format!("{}-bare", to.display()), &["--bare"]).expect(0);
    }
}

#[test]
fn a_missing_object_is_named() {
    let world = world();
    let tree = git::run(&world.mirror("web"), &["rev-parse", "main^{tree}"]);
    let pack = pack_with(&world, &tree);
    fs::remove_file(&pack).unwrap();
    fs::remove_file(pack.with_extension("idx")).unwrap();
    let run = restore(&world, &["web"], "web").expect(3);
    assert!(
        run.stderr.contains("the backup is damaged"),
        "{}",
        run.stderr
    );
    assert!(!world.sandbox.path("web").exists());
}

#[test]
fn a_pack_without_its_index_is_restored_with_a_warning() {
    let world = world();
    let web = world.forge.repository("web").git_dir();
    let tip = git::run(&world.mirror("web"), &["rev-parse", "main"]);
    let pack = pack_with(&world, &tip);
    let index = pack.with_extension("idx");
    let whole = fs::read(&index).unwrap();
    let name = pack.file_name().unwrap().to_str().unwrap();
    fs::remove_file(&index).unwrap();
    for to in ["missing", "damaged"] {
        let run = restore(&world, &["web"], to).expect(0);
        assert!(run.stderr.contains("warning: "), "{}", run.stderr);
        let said = format!("{name} is missing or damaged");
        assert!(run.stderr.contains(&said), "{}", run.stderr);
        let restored = world.sandbox.path(to);
        assert_clean(&restored);
        assert_eq!(compare::refs(&restored), compare::refs(&web));
        assert!(
            !index.exists() || to == "damaged",
            "the backup is as it was"
        );
        fs::write(&index, &whole[..whole.len() / 2]).unwrap();
    }
    // Damaged itself, it is no good.
    fs::remove_file(&index).unwrap();
    flip_a_byte(&pack, 20);
    let run = restore(&world, &["web"], "x").expect(3);
    assert!(
        run.stderr.contains("the backup is damaged"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_is_needed_is_taken_out_of_a_damaged_pack_if_it_is_whole() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    // Two histories in one pack.
    web.commit_to("other", "two");
    world.backup().expect(0);
    web.delete_branch("other");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let kept = git::run(
        &mirror,
        &["for-each-ref", "--format=%(objectname)", "refs/forgekeep"],
    );
    let blob = git::run(&mirror, &["ls-tree", "-r", &kept]);
    let blob = blob.split_whitespace().nth(2).unwrap().to_owned();
    let pack = pack_with(&world, &blob);
    let index = pack.with_extension("idx");
    let listed = git::run(&mirror, &["verify-pack", "-v", index.to_str().unwrap()]);
    let line = listed.lines().find(|line| line.starts_with(&blob)).unwrap();
    let offset: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    flip_a_byte(&pack, offset + 8);
    let found = snapshots(&world, "web");
    let run = restore(&world, &["web"], "web").expect(0);
    assert!(run.stderr.contains("warning: "), "{}", run.stderr);
    assert_clean(&world.sandbox.path("web"));
    assert_eq!(
        compare::refs(&world.sandbox.path("web")),
        compare::refs(&web.git_dir())
    );
    let run = restore(&world, &["web", "--at", text(&found[0], "id")], "old").expect(3);
    assert!(run.stderr.contains(&blob), "{}", run.stderr);
    assert!(run.stderr.contains("refs/heads/other"), "{}", run.stderr);
}

#[test]
fn damaged_refs_and_snapshots_do_no_harm_as_long_as_one_of_both_tells() {
    let world = world();
    let newest = snapshots(&world, "web").pop().unwrap();
    let mirror = world.mirror("web");
    let refs = compare::refs(&mirror);
    let whole = fs::read(mirror.join("packed-refs")).unwrap();
    fs::write(mirror.join("packed-refs"), "nonsense").unwrap();
    restore(&world, &["web"], "by-snapshot").expect(0);
    assert_eq!(compare::refs(&world.sandbox.path("by-snapshot")), refs);
    fs::write(mirror.join("packed-refs"), whole).unwrap();
    let folder = world.folder("web").join("snapshots/repo");
    let file = files(&folder)
        .into_iter()
        .find(|path| path.to_str().unwrap().contains(text(&newest, "id")))
        .unwrap();
    fs::write(&file, "nonsense").unwrap();
    restore(&world, &["web"], "by-refs").expect(0);
    assert_eq!(compare::refs(&world.sandbox.path("by-refs")), refs);
    fs::write(mirror.join("packed-refs"), "nonsense").unwrap();
    let run = restore(&world, &["web"], "x").expect(3);
    assert!(run.stderr.contains("is damaged"), "{}", run.stderr);
}
