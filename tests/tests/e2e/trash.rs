//! What lies in the trash, and whose state file went.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{World, notes};

/// A backup with a repository in the trash, which the hoster lists no more unless `listed`.
fn world(listed: bool) -> (World, PathBuf) {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one").commit("two");
    world.backup().expect(0);
    if !listed {
        api.delete();
    }
    let mut state = state(&world.folder("api"));
    state["format"] = 1.into();
    state["gone"] = "2026-01-01T00:00:00Z".into();
    state["trashed"] =
        json!({"at": "2026-01-01T00:00:00Z", "source": "acme", "folder": "acme#api"});
    state.as_object_mut().unwrap().remove("checksum");
    fs::write(
        world.folder("api").join("forgekeep.json"),
        state.to_string(),
    )
    .unwrap();
    let trash = world.sandbox.backup().join(".forgekeep/trash");
    fs::create_dir_all(&trash).unwrap();
    let trashed = trash.join("2026-01-01-acme-acme#api");
    fs::rename(world.folder("api"), &trashed).unwrap();
    (world, trashed)
}

fn state(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("forgekeep.json")).unwrap()).unwrap()
}

fn assert_restorable(world: &World, to: &str) {
    let to = world.sandbox.path(to);
    let restore = ["restore", "acme/acme/api", "--bare", "--to"];
    world.forgekeep(&restore).arg(&to).run().expect(0);
    assert!(to.join("HEAD").exists());
}

type Harm = fn(&Path);
const HARMS: [(&str, Harm); 3] = [
    ("emptied", |file| fs::write(file, "").unwrap()),
    ("cut", |file| {
        let text = fs::read(file).unwrap();
        fs::write(file, &text[..text.len() / 2]).unwrap();
    }),
    ("deleted", |file| fs::remove_file(file).unwrap()),
];

#[test]
fn a_damaged_state_file_in_the_trash_is_told_and_written_again() {
    for (what, harm) in HARMS {
        let (world, trashed) = world(false);
        harm(&trashed.join("forgekeep.json"));
        assert_restorable(&world, "before");
        let run = world.forgekeep(&["verify"]).run().expect(3);
        assert!(
            run.stdout.contains("trash/2026-01-01-acme-acme#api/"),
            "{what}: {}",
            run.stdout
        );
        let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
        let said = notes(&run, "acme");
        assert!(said.contains("acme/api is in the trash"), "{what}: {said}");
        assert!(
            run.stderr.contains("acme/api is in the trash"),
            "{what}: {}",
            run.stderr
        );
        let state = state(&trashed);
        assert_eq!(state["trashed"]["source"], "acme", "{what}: {state:#}");
        assert_eq!(state["trashed"]["folder"], "acme#api", "{what}: {state:#}");
        assert_eq!(state["listing"]["name"], "acme", "{what}: {state:#}");
        assert_restorable(&world, "after");
        world.forgekeep(&["verify"]).run().expect(0);
        let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
        assert!(!notes(&run, "acme").contains("state file"), "{what}");
        assert_eq!(run.stderr, "", "{what}");
    }
}

#[test]
fn what_is_listed_again_is_taken_back_without_its_state_file() {
    for (what, harm) in HARMS {
        let (world, trashed) = world(true);
        harm(&trashed.join("forgekeep.json"));
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/api"), "unchanged", "{what}");
        let said = notes(&run, "acme");
        assert!(said.contains("taken back from the trash"), "{what}: {said}");
        assert!(said.contains("forgekeep.json"), "{what}: {said}");
        assert!(!trashed.exists());
        world.assert_mirrored(world.forge.repository("api"));
        world.forgekeep(&["verify"]).run().expect(0);
    }
}

#[test]
fn what_nothing_tells_of_is_kept_in_the_trash_and_told() {
    let (world, trashed) = world(false);
    fs::remove_file(trashed.join("forgekeep.json")).unwrap();
    fs::remove_dir_all(trashed.join("snapshots")).unwrap();
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    assert!(
        run.stderr.contains("do not say which repository it is"),
        "{}",
        run.stderr
    );
    assert!(trashed.join("repo/HEAD").exists());
    assert_restorable(&world, "kept");
}
