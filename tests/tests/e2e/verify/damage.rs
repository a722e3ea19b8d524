//! Damaging a backup, and what verify says about it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{World, files};

/// The only file below a folder with this ending.
#[track_caller]
pub fn only(folder: &Path, ending: &str) -> PathBuf {
    let name = |path: &PathBuf| path.to_str().unwrap().ends_with(ending);
    let mut found: Vec<_> = files(folder).into_iter().filter(name).collect();
    assert_eq!(found.len(), 1, "{ending}: {found:?}");
    found.remove(0)
}

/// Changes one byte of a file, which git may have made read-only.
pub fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x01;
    put(path, &bytes);
}

/// Replaces a file's content.
pub fn put(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).ok();
    fs::write(path, bytes).unwrap();
}

/// Where a text begins in a file.
#[track_caller]
pub fn find(path: &Path, text: &str) -> usize {
    let bytes = fs::read(path).unwrap();
    let mut windows = bytes.windows(text.len());
    windows
        .position(|window| window == text.as_bytes())
        .unwrap()
}

/// What `verify --json` says.
pub fn verify(world: &World, code: i32) -> Value {
    let run = world.forgekeep(&["verify", "--json"]).run().expect(code);
    let document = crate::json::document(&run, "verify");
    assert_eq!(document["exitCode"], code, "{document:#}");
    document
}

/// The files that `verify --json` names for the only repository.
pub fn damaged(world: &World) -> BTreeSet<String> {
    let document = verify(world, 3);
    assert_eq!(document["outcome"], "damaged", "{document:#}");
    let repositories = document["repositories"].as_array().unwrap();
    assert_eq!(repositories.len(), 1, "{document:#}");
    let damage = repositories[0]["damage"].as_array().unwrap();
    damage
        .iter()
        .map(|damage| damage["file"].as_str().unwrap().to_owned())
        .collect()
}

/// How a file is called in what verify says.
pub fn shown(world: &World, path: &Path) -> String {
    let below = path.strip_prefix(world.sandbox.backup()).unwrap();
    below.to_str().unwrap().to_owned()
}

/// A backup of a repository with a rewritten history, a tag and three snapshots.
pub fn world() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.annotated_tag("v1").commit_to("side", "three");
    world.backup().expect(0);
    web.force_push("main");
    world.backup().expect(0);
    web.delete_branch("side").commit("four");
    world.backup().expect(0);
    world
}
