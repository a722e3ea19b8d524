//! Refs, snapshots, and what git and Forgekeep need to know about a mirror.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::git;
use serde_json::json;

use super::{assert_repaired, assert_whole, old_tips};
use crate::support::{World, error, files};
use crate::verify::damage::{damaged, find, flip, only, put, shown, verify, world};

#[test]
fn damaged_refs_are_told_from_the_snapshots() {
    let flipped = |text: &'static str, after: usize| {
        move |world: &World| {
            let packed = world.mirror("web").join("packed-refs");
            let at = find(&packed, text);
            flip(&packed, at + after);
            packed
        }
    };
    assert_repaired("header", flipped("pack-refs", 2));
    assert_repaired("name", flipped("refs/heads/main", 12));
    assert_repaired("prefix", flipped("refs/heads/main", 2));
    assert_repaired("kept name", flipped("refs/forgekeep/kept/", 25));
    assert_repaired("ours", flipped("refs/forgekeep/kept/", 7));
    assert_repaired("line", flipped("refs/heads/main", 15));
    for digit in [b'z', b'0', b'1'] {
        assert_repaired("oid", |world: &World| {
            let packed = world.mirror("web").join("packed-refs");
            let mut bytes = fs::read(&packed).unwrap();
            let at = find(&packed, " refs/heads/main") - 3;
            bytes[at] = match bytes[at] == digit {
                true => b'2',
                false => digit,
            };
            put(&packed, &bytes);
            packed
        });
    }
    assert_repaired("missing", |world| {
        let packed = world.mirror("web").join("packed-refs");
        fs::remove_file(&packed).unwrap();
        packed
    });
}

#[test]
fn what_git_needs_to_open_it_is_made_again() {
    for name in ["repo/HEAD", "repo/config"] {
        assert_repaired(name, |world| {
            let file = world.folder("web").join(name);
            flip(&file, 2);
            file
        });
        assert_repaired(name, |world| {
            let file = world.folder("web").join(name);
            fs::remove_file(&file).unwrap();
            file
        });
    }
    assert_repaired("branch of HEAD", |world| {
        let file = world.mirror("web").join("HEAD");
        flip(&file, 17);
        file
    });
}

#[test]
fn a_damaged_state_file_is_written_again() {
    for at in [0, 40] {
        let world = world();
        let file = world.folder("web").join("forgekeep.json");
        flip(&file, at);
        assert!(damaged(&world).contains(&shown(&world, &file)));
        world.backup().expect(0);
        assert_whole(&world, &old_tips(&world));
    }
    let world = world();
    let file = world.folder("web").join("forgekeep.json");
    fs::remove_file(&file).unwrap();
    assert!(damaged(&world).contains(&shown(&world, &file)));
    world.backup().expect(0);
    assert_whole(&world, &old_tips(&world));
}

fn snapshots(world: &World) -> Vec<PathBuf> {
    let mut all = files(&world.folder("web").join("snapshots/repo"));
    all.sort();
    all
}

#[test]
fn a_damaged_snapshot_is_made_again_out_of_its_neighbours() {
    for which in 0..3 {
        let world = world();
        let before = snapshots(&world);
        flip(&before[which], 50);
        assert!(damaged(&world).contains(&shown(&world, &before[which])));
        world.backup().expect(0);
        // The name has the id, which only the very same state has.
        assert_eq!(snapshots(&world), before);
        let listed = world.forgekeep(&["snapshots", "web"]).run().expect(0);
        assert!(
            listed.stdout.contains("rebuilt after damage"),
            "{}",
            listed.stdout
        );
        assert_whole(&world, &old_tips(&world));
    }
}

#[test]
fn a_missing_snapshot_is_said_and_the_others_stay() {
    for which in 0..3 {
        let world = world();
        let before = snapshots(&world);
        let tips = old_tips(&world);
        fs::remove_file(&before[which]).unwrap();
        damaged(&world);
        let run = world.backup().expect(0);
        let note = &run.repository("acme/web")["note"];
        assert!(note.as_str().unwrap().contains("repaired"), "{note}");
        let after = snapshots(&world);
        let others = before.iter().filter(|path| **path != before[which]);
        assert!(
            others.into_iter().all(|path| after.contains(path)),
            "{after:?}"
        );
        assert_whole(&world, &tips);
    }
}

#[test]
fn a_snapshot_of_which_nothing_is_left_is_said() {
    let world = world();
    let tips = old_tips(&world);
    let before = snapshots(&world);
    // What is in the first can be told from the second only.
    flip(&before[0], 50);
    flip(&before[1], 50);
    damaged(&world);
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    let name = before[0].file_stem().unwrap().to_str().unwrap();
    let id = name.rsplit('-').next().unwrap();
    assert!(said.contains(&format!("the snapshot {id}")), "{said}");
    assert_eq!(snapshots(&world), before[1..]);
    let moved = only(
        &world.folder("web").join("damaged"),
        before[0].file_name().unwrap().to_str().unwrap(),
    );
    assert!(moved.exists());
    // What it held stays held, and it is said on.
    for tip in &tips {
        git::run(&world.mirror("web"), &["rev-list", "--objects", tip]);
    }
    verify(&world, 0);
    assert_eq!(error(world.backup().expect(3).repository("acme/web")), said);
    fs::remove_dir_all(world.folder("web").join("damaged")).unwrap();
    world.backup().expect(0);
}

#[test]
fn what_was_forgotten_is_no_damage_and_stays_forgotten() {
    let world = world();
    let options = json!({"network": {"retries": 0}, "history": {"keepDaily": 1}});
    world.configure_with(&[world.source()], &options);
    world.forgekeep(&["forget"]).run().expect(0);
    verify(&world, 0);
    let forgotten = || {
        let mirror = world.mirror("web");
        git::run(&mirror, &["for-each-ref", "refs/forgekeep/forgotten"])
    };
    let before = forgotten();
    assert!(!before.is_empty());
    let packed = world.mirror("web").join("packed-refs");
    flip(&packed, find(&packed, "refs/heads/main") + 12);
    assert!(damaged(&world).contains(&shown(&world, &packed)));
    world.backup().expect(0);
    assert_eq!(forgotten(), before);
    verify(&world, 0);
    world.forgekeep(&["forget", "--prune"]).run().expect(0);
    assert_eq!(forgotten(), "");
    verify(&world, 0);
    world.backup().expect(0);
}
