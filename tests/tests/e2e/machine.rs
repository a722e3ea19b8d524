//! The machine's trouble is no damage: it is said, and nothing follows from it once it is over.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{World, files};
use crate::verify::damage::{damaged, only, verify, world};

/// Nobody in particular.
pub const SOMEBODY: u32 = 54321;

pub fn is_root() -> bool {
    let made = tempfile::tempfile().unwrap().metadata().unwrap();
    made.uid() == 0
}

/// Gives all of the sandbox to the user as whom the binary runs, if there can be another.
pub fn give(path: &Path, user: u32) {
    chown(path, Some(user), None).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), user);
        }
    }
}

/// Takes the right to read a file or a folder away from the binary, and gives it back.
fn forbid(path: &Path, forbidden: bool) {
    let is_folder = path.is_dir();
    let (whole, none) = if is_folder { (0o700, 0) } else { (0o600, 0) };
    let mode = if forbidden && !is_root() { none } else { whole };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if is_root() {
        chown(path, Some(if forbidden { 0 } else { SOMEBODY }), None).unwrap();
    }
}

pub fn run(world: &World, arguments: &[&str]) -> forgekeep_tests::Run {
    let invocation = world.forgekeep(arguments);
    match is_root() {
        true => invocation.user(SOMEBODY).run(),
        false => invocation.run(),
    }
}

/// What is remembered of damage.
fn memory(world: &World) -> Option<Value> {
    let text = fs::read(world.sandbox.backup().join(".forgekeep/verify.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

fn assert_nothing_remembered(world: &World) {
    let Some(memory) = memory(world) else {
        return;
    };
    for known in memory["repositories"].as_array().unwrap() {
        assert_eq!(known["damage"], serde_json::json!([]), "{memory:#}");
        assert_eq!(known.get("lost"), None, "{memory:#}");
    }
}

/// Whatever was forbidden is said, and when it is allowed again all is as it was.
fn assert_no_damage(what: &str, path: impl Fn(&World) -> PathBuf, blocks_backup: bool) {
    let world = world();
    let path = path(&world);
    if is_root() {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    forbid(&path, true);
    let verified = run(&world, &["verify", "--json"]);
    assert_eq!(verified.code, Some(3), "{what}: {verified:#?}");
    let document: Value = serde_json::from_str(&verified.stdout).unwrap();
    assert_eq!(document["outcome"], "failed", "{what}: {document:#}");
    let web = &document["repositories"][0];
    assert_eq!(web["damage"], serde_json::json!([]), "{what}: {document:#}");
    let said = web["error"]["message"].as_str().unwrap();
    assert!(said.contains("Permission denied"), "{what}: {said}");
    assert_nothing_remembered(&world);
    let shown = run(&world, &["verify"]).expect(3);
    assert!(
        shown.stdout.contains("could not be checked: "),
        "{}",
        shown.stdout
    );
    // Also while there is something to fetch.
    world.forge.repository("web").commit("while it lasts");
    let backup = run(&world, &["backup"]);
    let text = format!("{}{}", backup.stdout, backup.stderr);
    assert!(!text.contains("cannot be repaired"), "{what}: {text}");
    assert!(!text.contains("is damaged"), "{what}: {text}");
    if blocks_backup {
        assert_eq!(backup.code, Some(3), "{what}: {text}");
    }
    assert_nothing_remembered(&world);
    assert!(!world.folder("web").join("damaged").exists(), "{what}");
    if path.exists() {
        forbid(&path, false);
    }
    run(&world, &["backup"]).expect(0);
    run(&world, &["verify"]).expect(0);
    assert_nothing_remembered(&world);
    if is_root() {
        give(&world.sandbox.path(""), 0);
    }
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn what_may_not_be_read_is_not_damaged() {
    let mirror = |world: &World| world.mirror("web");
    let pack = |world: &World, ending: &str| {
        let all = files(&world.mirror("web").join("objects/pack"));
        let mut all = all
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == ending));
        all.next().unwrap()
    };
    assert_no_damage("pack", |world| pack(world, "pack"), false);
    assert_no_damage("index", |world| pack(world, "idx"), false);
    assert_no_damage(
        "packed-refs",
        |world| mirror(world).join("packed-refs"),
        true,
    );
    assert_no_damage("HEAD", |world| mirror(world).join("HEAD"), true);
    assert_no_damage("config", |world| mirror(world).join("config"), true);
    assert_no_damage(
        "folder of packs",
        |world| mirror(world).join("objects/pack"),
        true,
    );
    assert_no_damage("mirror", mirror, true);
    assert_no_damage(
        "snapshot",
        |world| files(&world.folder("web").join("snapshots/repo")).remove(0),
        false,
    );
}

#[test]
fn what_is_known_to_be_damaged_stays_known_while_it_cannot_be_checked() {
    let world = world();
    let mirror = world.mirror("web");
    let pack = files(&mirror.join("objects/pack"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "pack"))
        .unwrap();
    crate::verify::damage::flip(&pack, 14);
    damaged(&world);
    let before = memory(&world).unwrap();
    if is_root() {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    forbid(&mirror.join("packed-refs"), true);
    run(&world, &["verify"]).expect(3);
    let after = memory(&world).unwrap();
    assert_eq!(
        before["repositories"][0]["damage"],
        after["repositories"][0]["damage"]
    );
}

#[test]
fn damage_is_told_beside_what_cannot_be_checked() {
    let both = |forbidden: &str, flipped: &str| {
        let world = world();
        world.forge.repository("web").wiki();
        world.backup().expect(0);
        let folder = world.folder("web");
        let find = |name: &str| {
            let mut all = files(&folder);
            all.retain(|path| path.to_str().unwrap().contains(name));
            all.sort();
            all
        };
        let flipped = find(flipped).remove(0);
        let at = fs::metadata(&flipped).unwrap().len() / 2;
        crate::verify::damage::flip(&flipped, usize::try_from(at).unwrap());
        if is_root() {
            give(&world.sandbox.path(""), SOMEBODY);
        }
        let path = find(forbidden).pop().unwrap();
        assert_ne!(path, flipped);
        forbid(&path, true);
        let what = format!("{forbidden} and {flipped:?}");
        let verified = run(&world, &["verify", "--json"]).expect(3);
        let document: Value = serde_json::from_str(&verified.stdout).unwrap();
        assert_eq!(document["outcome"], "damaged", "{what}: {document:#}");
        let web = &document["repositories"][0];
        assert_eq!(web["outcome"], "damaged", "{what}: {web:#}");
        let said = web["error"]["message"].as_str().unwrap_or_default();
        assert!(said.contains("Permission denied"), "{what}: {web:#}");
        let wanted = crate::verify::damage::shown(&world, &flipped);
        let forbidden = crate::verify::damage::shown(&world, &path);
        let damage = web["damage"].as_array().unwrap();
        assert!(damage.iter().any(|one| one["file"] == wanted), "{web:#}");
        assert!(
            !damage.iter().any(|one| one["file"] == forbidden),
            "{web:#}"
        );
        let shown = run(&world, &["verify"]).expect(3);
        for words in ["Permission denied", "damaged", &wanted] {
            assert!(shown.stdout.contains(words), "{what}: {}", shown.stdout);
        }
        let known = memory(&world).unwrap();
        let known = &known["repositories"][0]["damage"];
        assert_eq!(known, &web["damage"], "{what}");
        forbid(&path, false);
        run(&world, &["backup"]).expect(0);
        run(&world, &["verify"]).expect(0);
        if is_root() {
            give(&world.sandbox.path(""), 0);
        }
    };
    for forbidden in [
        "repo/packed-refs",
        "repo/HEAD",
        "repo/config",
        "snapshots/repo/",
        "forgekeep.json",
        "wiki/HEAD",
        "wiki/objects/pack/pack-",
    ] {
        both(forbidden, "repo/objects/pack/pack-");
    }
    both("repo/objects/pack/pack-", "snapshots/repo/");
    both("repo/objects/pack/pack-", "forgekeep.json");
}

#[test]
fn too_few_descriptors_are_no_damage() {
    let world = world();
    world.forge.repository("web").wiki();
    world.backup().expect(0);
    for limit in [8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 24] {
        let limit = format!("-n {limit}");
        let verified = world.forgekeep(&["verify", "--json"]).limited(&limit).run();
        let text = format!("{}{}", verified.stdout, verified.stderr);
        assert!(!text.contains("\"damaged\""), "{limit}: {text}");
        assert_nothing_remembered(&world);
        let backup = world.forgekeep(&["backup", "-q"]).limited(&limit).run();
        let text = format!("{}{}", backup.stdout, backup.stderr);
        assert!(!text.contains("damaged"), "{limit}: {text}");
        assert_nothing_remembered(&world);
    }
    world.backup().expect(0);
    assert_eq!(verify(&world, 0)["outcome"], "ok");
}

#[test]
fn too_little_memory_is_no_damage() {
    let world = World::new();
    let web = world.forge.repository("web");
    // One is made from the other: together they are more than what is left of the room for addresses.
    let sizes = [150, 120].map(|megabytes| vec![b'x'; megabytes << 20]);
    crate::large::publish(&world, &[("z", &sizes[0]), ("a", &sizes[1])]);
    drop(sizes);
    forgekeep_tests::git::run(&web.git_dir(), &["repack", "-a", "-d", "-f", "-q"]);
    world.backup().expect(0);
    only(&world.mirror("web").join("objects/pack"), ".pack");
    let verified = world
        .forgekeep(&["verify", "--json", "--jobs", "1"])
        .limited("-v 330000")
        .run();
    let document: Value = serde_json::from_str(&verified.expect(3).stdout).unwrap();
    let web = &document["repositories"][0];
    assert_eq!(web["outcome"], "unchecked", "{document:#}");
    let said = web["unchecked"][0]["message"].as_str().unwrap();
    assert!(said.contains("are free"), "{said}");
    assert_nothing_remembered(&world);
    world.backup().expect(0);
    verify(&world, 0);
}
