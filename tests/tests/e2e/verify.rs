//! Every damage is named; what is sound is not complained about.

mod command;
pub mod damage;

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::git;
use serde_json::Value;

use crate::support::{World, content, files};
use damage::{damaged, flip, only, put, shown, verify, world};

#[test]
fn what_is_sound_is_not_complained_about() {
    let world = world();
    world.forge.repository("empty");
    world.forge.repository("docs").commit("one").wiki();
    world.backup().expect(0);
    let before = content(&world.sandbox.backup());
    let run = world.forgekeep(&["verify"]).run().expect(0);
    assert!(run.stdout.contains("3 repositories, "), "{}", run.stdout);
    assert!(run.stdout.contains(": all sound"), "{}", run.stdout);
    let run = world.forgekeep(&["-q", "verify"]).run().expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // git may have gone over the mirror.
    git::run(&world.mirror("web"), &["gc", "--quiet"]);
    git::run(&world.mirror("docs"), &["repack", "-adq"]);
    let document = verify(&world, 0);
    assert_eq!(document["outcome"], "ok");
    assert_eq!(document["schema"], 1);
    assert_eq!(document["files"], serde_json::json!([]));
    let repositories = document["repositories"].as_array().unwrap();
    let web = repositories.last().unwrap();
    assert_eq!(web["name"], "acme/acme/web");
    assert_eq!(web["path"], "acme/acme#web");
    assert_eq!(web["outcome"], "sound");
    assert!(web["objects"].as_u64().unwrap() > 10, "{web:#}");
    assert_eq!(web["error"], Value::Null);
    // Only what is remembered is new.
    let after = content(&world.sandbox.backup());
    let kept = world.sandbox.backup().join(".forgekeep/verify.json");
    assert!(after.iter().any(|(path, _)| *path == kept));
    let docs = world.folder("docs");
    let of_docs = |all: &[(PathBuf, Vec<u8>)]| -> Vec<_> {
        let objects = docs.join("repo/objects");
        all.iter()
            .filter(|(path, _)| path.starts_with(&docs) && !path.starts_with(&objects))
            .filter(|(path, _)| !path.ends_with("info/refs"))
            .cloned()
            .collect()
    };
    assert_eq!(of_docs(&before), of_docs(&after));
}

/// Damages the only repository of a world, and has verify name the file.
fn assert_named(damage: impl FnOnce(&World) -> PathBuf) {
    let world = world();
    let file = damage(&world);
    let named = damaged(&world);
    let wanted = shown(&world, &file);
    assert!(named.contains(&wanted), "{wanted} is not in {named:#?}");
    let run = world.forgekeep(&["verify"]).run().expect(3);
    assert!(
        run.stdout.contains("acme/acme/web: damaged"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains(&wanted), "{}", run.stdout);
    assert!(
        run.stdout.contains("run `forgekeep backup`"),
        "{}",
        run.stdout
    );
}

fn packs(world: &World, ending: &str) -> Vec<PathBuf> {
    let all = files(&world.mirror("web").join("objects/pack"));
    let mut all: Vec<_> = all
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    all.sort();
    all
}

#[test]
fn a_flipped_byte_in_any_place_of_a_pack_or_an_index_is_named() {
    let world = world();
    for ending in ["pack", "idx"] {
        let file = packs(&world, ending).remove(0);
        let good = fs::read(&file).unwrap();
        let places = [0, 5, 9, 14, good.len() / 2, good.len() - 25, good.len() - 3];
        for at in places {
            flip(&file, at);
            let named = damaged(&world);
            assert!(named.contains(&shown(&world, &file)), "{at}: {named:#?}");
            put(&file, &good);
        }
        put(&file, &good[..good.len() / 2]);
        assert!(damaged(&world).contains(&shown(&world, &file)));
        put(&file, b"");
        assert!(damaged(&world).contains(&shown(&world, &file)));
        fs::remove_file(&file).unwrap();
        let named = damaged(&world);
        let stem = shown(&world, &packs(&world, "pack")[0]);
        let of_it = named.iter().any(|name| name.contains("/objects"));
        assert!(of_it, "{stem}: {named:#?}");
        put(&file, &good);
        verify(&world, 0);
    }
}

#[test]
fn a_flipped_byte_anywhere_in_packed_refs_is_named() {
    let world = world();
    let packed = world.mirror("web").join("packed-refs");
    let good = fs::read(&packed).unwrap();
    // Every one in turn would take long; these are in each of its lines.
    for at in (0..good.len()).step_by(23) {
        flip(&packed, at);
        let named = damaged(&world);
        assert!(named.contains(&shown(&world, &packed)), "{at}: {named:#?}");
        put(&packed, &good);
    }
    put(&packed, &good[..good.len() - 1]);
    assert!(damaged(&world).contains(&shown(&world, &packed)));
    fs::remove_file(&packed).unwrap();
    assert!(damaged(&world).contains(&shown(&world, &packed)));
}

#[test]
fn damaged_state_is_named() {
    for (name, at) in [("forgekeep.json", 30), ("repo/HEAD", 2), ("repo/HEAD", 17)] {
        assert_named(|world| {
            let file = world.folder("web").join(name);
            flip(&file, at);
            file
        });
    }
    for name in ["forgekeep.json", "repo/HEAD", "repo/config"] {
        assert_named(|world| {
            let file = world.folder("web").join(name);
            fs::remove_file(&file).unwrap();
            file
        });
    }
    assert_named(|world| {
        fs::remove_dir_all(world.mirror("web")).unwrap();
        world.mirror("web")
    });
}

fn snapshots(world: &World) -> Vec<PathBuf> {
    let mut all = files(&world.folder("web").join("snapshots/repo"));
    all.sort();
    all
}

#[test]
fn a_damaged_or_missing_snapshot_is_named() {
    for which in 0..3 {
        assert_named(|world| {
            let file = snapshots(world).remove(which);
            flip(&file, 40);
            file
        });
    }
    // The one that follows on it tells of one that is gone; of the newest, the refs do.
    for which in 0..2 {
        assert_named(|world| {
            let all = snapshots(world);
            fs::remove_file(&all[which]).unwrap();
            all[which + 1].clone()
        });
    }
    assert_named(|world| {
        fs::remove_file(snapshots(world).remove(2)).unwrap();
        world.mirror("web").join("packed-refs")
    });
}

#[test]
fn an_old_tip_that_nothing_holds_any_more_is_named() {
    assert_named(|world| {
        let mirror = world.mirror("web");
        let packed = mirror.join("packed-refs");
        let text = fs::read_to_string(&packed).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.contains("refs/forgekeep/"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        put(&packed, text.as_bytes());
        packed
    });
}

#[test]
fn the_wiki_and_the_folders_own_files_are_verified_too() {
    let world = World::new();
    world.forge.repository("web").commit("one").wiki();
    world.backup().expect(0);
    let pack = only(&world.folder("web").join("wiki/objects/pack"), ".pack");
    let length = fs::metadata(&pack).unwrap().len() as usize;
    flip(&pack, length - 1);
    assert!(damaged(&world).contains(&shown(&world, &pack)));
    flip(&pack, length - 1);
    for name in ["listings.json", "verify.json"] {
        let file = world.sandbox.backup().join(".forgekeep").join(name);
        let good = fs::read(&file).unwrap();
        put(&file, &good[1..]);
        let document = verify(&world, 3);
        assert_eq!(document["files"][0]["file"], format!(".forgekeep/{name}"));
        assert_eq!(document["repositories"][0]["outcome"], "sound");
        put(&file, &good);
    }
    verify(&world, 0);
}

#[test]
fn junk_that_nothing_needs_is_no_damage() {
    let world = world();
    let mirror = world.mirror("web");
    // A commit without its tree, as a killed program may leave it.
    let commit = "tree 1234567890123456789012345678901234567890\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n";
    let written = git::run_with_input(
        &mirror,
        &[
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--stdin",
            "--literally",
        ],
        commit.as_bytes(),
    );
    verify(&world, 0);
    // Unless its own bytes are wrong.
    let object = mirror
        .join("objects")
        .join(&written[..2])
        .join(&written[2..]);
    flip(&object, 12);
    assert!(damaged(&world).contains(&shown(&world, &object)));
}

#[test]
fn a_killed_run_leaves_no_damage() {
    // Before the first run has come to its end, the repository's state file is not missed.
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let state = world.folder("web").join("forgekeep.json");
    let good = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    assert!(damaged(&world).contains(&shown(&world, &state)));
    let runs = world.sandbox.backup().join(".forgekeep/runs");
    fs::remove_dir_all(&runs).unwrap();
    verify(&world, 0);
    put(&state, &good);
    // The refs were switched, and their snapshot has not got its name yet.
    let folder = world.folder("web").join("snapshots");
    let newest = only(&folder.join("repo"), ".json");
    let pending = folder.join("repo.pending");
    fs::rename(&newest, &pending).unwrap();
    verify(&world, 0);
    fs::rename(&pending, &newest).unwrap();
    // An index whose pack was not renamed any more.
    let pack = only(&world.mirror("web").join("objects/pack"), ".pack");
    fs::copy(
        pack.with_extension("idx"),
        pack.with_file_name("pack-1.idx"),
    )
    .unwrap();
    verify(&world, 0);
}

/// Makes all objects of a mirror loose ones, and returns the files of these.
pub fn unpack(mirror: &Path) -> Vec<PathBuf> {
    let folder = mirror.join("objects/pack");
    let aside = mirror.join("aside");
    fs::rename(&folder, &aside).unwrap();
    fs::create_dir(&folder).unwrap();
    for pack in files(&aside) {
        if pack.extension().is_some_and(|ending| ending == "pack") {
            let bytes = fs::read(&pack).unwrap();
            git::run_with_input(mirror, &["unpack-objects", "-q"], &bytes);
        }
    }
    fs::remove_dir_all(&aside).unwrap();
    let all = files(&mirror.join("objects")).into_iter();
    all.filter(|path| path.file_name().unwrap().len() == 38)
        .collect()
}

/// The file of a loose object.
pub fn loose(mirror: &Path, oid: &str) -> PathBuf {
    mirror.join("objects").join(&oid[..2]).join(&oid[2..])
}

/// Cuts off the end of a file.
pub fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    put(path, &bytes[..bytes.len() - 5]);
}

#[test]
fn a_loose_object_that_is_cut_off_is_named_and_does_not_hang_it() {
    let world = world();
    let mirror = world.mirror("web");
    let all = unpack(&mirror);
    assert!(all.len() > 10, "{all:?}");
    verify(&world, 0);
    // Commits and trees.
    for name in ["main", "main^{tree}", "v1^{tree}"] {
        let file = loose(&mirror, &git::run(&mirror, &["rev-parse", name]));
        let good = fs::read(&file).unwrap();
        cut(&file);
        let named = damaged(&world);
        assert!(named.contains(&shown(&world, &file)), "{name}: {named:#?}");
        put(&file, &good);
    }
    // Bytes that follow disturb git as well.
    let good = fs::read(&all[0]).unwrap();
    put(&all[0], &[&good[..], b"x"].concat());
    assert!(damaged(&world).contains(&shown(&world, &all[0])));
}

#[test]
fn a_damaged_loose_object_that_a_pack_has_is_named_and_not_missed() {
    let world = world();
    let mirror = world.mirror("web");
    let tree = git::run(&mirror, &["rev-parse", "main^{tree}"]);
    let packs: Vec<_> = files(&mirror.join("objects/pack"));
    let packs: Vec<_> = packs.iter().map(|p| (p, fs::read(p).unwrap())).collect();
    unpack(&mirror);
    packs.iter().for_each(|(path, bytes)| put(path, bytes));
    let file = loose(&mirror, &tree);
    cut(&file);
    let named: Vec<_> = damaged(&world).into_iter().collect();
    assert_eq!(named, [shown(&world, &file)]);
}

/// Has git make all that it derives from packs; returns the files.
pub fn derive(mirror: &Path) -> Vec<PathBuf> {
    git::run(mirror, &["repack", "-adbq"]);
    let settings = ["-c", "pack.writeReverseIndex=true"];
    let pack = only(&mirror.join("objects/pack"), ".pack");
    let index = [&settings[..], &["index-pack", pack.to_str().unwrap()]].concat();
    git::run(mirror, &index);
    git::run(mirror, &["multi-pack-index", "write"]);
    git::run(mirror, &["commit-graph", "write", "--reachable"]);
    let names = ["pack/multi-pack-index", "info/commit-graph"];
    let mut all: Vec<_> = names.map(|n| mirror.join("objects").join(n)).into();
    all.push(only(&mirror.join("objects/pack"), ".bitmap"));
    all.push(only(&mirror.join("objects/pack"), ".rev"));
    all
}

#[test]
fn damage_to_what_git_derives_from_packs_is_named() {
    let world = world();
    let mirror = world.mirror("web");
    let mut all = derive(&mirror);
    verify(&world, 0);
    let check = |file: &Path| {
        let good = fs::read(file).unwrap();
        for at in [good.len() / 2, good.len() - 1] {
            flip(file, at);
            let named = damaged(&world);
            assert!(named.contains(&shown(&world, file)), "{at}: {named:#?}");
            put(file, &good);
        }
        put(file, b"");
        assert!(damaged(&world).contains(&shown(&world, file)));
        put(file, &good);
    };
    all.drain(..).for_each(|file| check(&file));
    fs::remove_file(mirror.join("objects/info/commit-graph")).unwrap();
    git::run(
        &mirror,
        &["commit-graph", "write", "--reachable", "--split"],
    );
    check(&only(&mirror.join("objects/info/commit-graphs"), ".graph"));
    verify(&world, 0);
}
