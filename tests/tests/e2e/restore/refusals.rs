//! What is refused before anything is touched.

use std::fs;

use forgekeep_tests::git;

use super::{assert_clean, restore, snapshots, text};
use crate::support::{World, content};

fn world() -> World {
    let world = World::new();
    for slug in ["web", "api"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    world
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let world = world();
    world.sandbox.write("full/precious.txt", "x");
    world.sandbox.write("file", "x");
    let before = content(&world.sandbox.path(""));
    for to in ["full", "file", "full/precious.txt"] {
        for what in ["web", "--all"] {
            let run = restore(&world, &[what], to).expect(2);
            assert!(
                run.stderr
                    .contains("hint: give a folder that is new or empty"),
                "{}",
                run.stderr
            );
        }
    }
    for to in [
        "backup/acme/new",
        "nonex/../backup/acme/new",
        "a/b/../../backup",
    ] {
        for what in ["web", "--all"] {
            let run = restore(&world, &[what], to).expect(2);
            assert!(
                run.stderr.contains("in the backup folder"),
                "{}",
                run.stderr
            );
        }
    }
    assert!(
        content(&world.sandbox.path("")) == before,
        "nothing was touched"
    );
}

#[test]
fn an_empty_folder_is_filled_and_stays_the_same_folder() {
    use std::os::unix::fs::MetadataExt;

    let world = world();
    let target = world.sandbox.path("empty");
    fs::create_dir(&target).unwrap();
    let inode = fs::metadata(&target).unwrap().ino();
    restore(&world, &["web"], "empty").expect(0);
    assert_clean(&target);
    assert_eq!(fs::metadata(&target).unwrap().ino(), inode);
}

#[test]
fn what_a_killed_restore_left_does_not_block() {
    let world = world();
    let left = world.sandbox.path("web.forgekeep-partial");
    world
        .sandbox
        .write("web.forgekeep-partial/forgekeep-restore", "");
    world
        .sandbox
        .write("web.forgekeep-partial/content/HEAD", "half");
    restore(&world, &["web"], "web").expect(0);
    assert_clean(&world.sandbox.path("web"));
    assert!(!left.exists());
    // Somebody else's is no leftover.
    world.sandbox.write("api.forgekeep-partial/mine.txt", "x");
    let run = restore(&world, &["api"], "api").expect(2);
    assert!(
        run.stderr.contains("no restore has put there"),
        "{}",
        run.stderr
    );
    assert!(
        world
            .sandbox
            .path("api.forgekeep-partial/mine.txt")
            .exists()
    );
}

#[test]
fn what_is_not_in_the_backup_or_not_clearly_is_said() {
    let world = world();
    let run = restore(&world, &["wbe"], "x").expect(2);
    assert!(
        run.stderr.contains("did you mean \"acme/acme/web\"?"),
        "{}",
        run.stderr
    );
    // Two sources with a repository of one name.
    let copy = world.sandbox.path("backup/other");
    fs::create_dir(&copy).unwrap();
    git::run(
        &world.sandbox.path(""),
        &[
            "clone",
            "-q",
            "--mirror",
            world.mirror("web").to_str().unwrap(),
            "backup/other/acme#web/repo",
        ],
    );
    let run = restore(&world, &["acme/web"], "x").expect(2);
    assert!(run.stderr.contains("matches several"), "{}", run.stderr);
    restore(&world, &["other/acme/web"], "other").expect(0);
    restore(&world, &["acme/acme/web"], "one").expect(0);
    let id = world.forge.repository("web").uuid();
    restore(&world, &[&id], "two").expect(0);
    assert!(!world.sandbox.path("x").exists());
}

#[test]
fn a_state_that_is_not_there_is_said() {
    let world = world();
    let oldest = snapshots(&world, "web")[0].clone();
    let run = restore(&world, &["web", "--at", "2001-01-01T00:00:00Z"], "x").expect(2);
    assert!(run.stderr.contains(text(&oldest, "id")), "{}", run.stderr);
    for bad in ["yesterday", "2026-02-30", "xyzw"] {
        let run = restore(&world, &["web", "--at", bad], "x").expect(2);
        assert!(run.stderr.contains("neither the id"), "{}", run.stderr);
    }
    let id = text(&oldest, "id");
    let other = if id.starts_with("0000") {
        "1111"
    } else {
        "0000"
    };
    let run = restore(&world, &["web", "--at", other], "x").expect(2);
    assert!(
        run.stderr.contains("there is no snapshot"),
        "{}",
        run.stderr
    );
    let run = restore(&world, &["--all", "--at", id], "x").expect(2);
    assert!(run.stderr.contains("takes a time"), "{}", run.stderr);
    assert!(!world.sandbox.path("x").exists());
}

#[test]
fn arguments_that_make_no_sense_together_are_refused() {
    let world = world();
    for arguments in [
        &["web"][..],
        &["--to", "x"],
        &["web", "--all", "--to", "x"],
        &["web", "--to", "x", "--push", "https://hoster.example/x"],
        &["--all", "--push", "https://hoster.example/x"],
        &["web", "--to", "x", "--force"],
        &["web", "--to", "x", "--source", "acme"],
        &["web", "--bare", "--push", "https://hoster.example/x"],
    ] {
        let all = [&["restore"], arguments].concat();
        world.forgekeep(&all).run().expect(2);
    }
}
