//! What the binary tells of itself with `--version -v`: the commit and the target it was built from.
//!
//! The commit is read without git: from `FORGEKEEP_COMMIT`, where who builds names it (a package of a
//! distribution); from `COMMIT`, which `git archive` fills in, and so do the hosters' source archives;
//! from the files of the clone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=FORGEKEEP_COMMIT");
    let commit = named().or_else(archived).or_else(cloned);
    let commit = commit.unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=FORGEKEEP_BUILT_FROM={commit}");
    let target = env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=FORGEKEEP_BUILT_FOR={target}");
}

/// An object id, if it is one: nothing else of what is in a file gets into the binary.
fn id(text: &str) -> Option<String> {
    let id = text.trim();
    let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| id.to_ascii_lowercase())
}

fn named() -> Option<String> {
    id(&env::var("FORGEKEEP_COMMIT").ok()?)
}

fn archived() -> Option<String> {
    id(&read(Path::new("COMMIT"))?)
}

/// Reads a file, and has cargo run this again when it changes.
fn read(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    watch(file);
    Some(text)
}

/// A path that is no text cannot be said; then a clean build it is.
fn watch(path: &Path) {
    if let Some(path) = path.to_str() {
        println!("cargo::rerun-if-changed={path}");
    }
}

fn cloned() -> Option<String> {
    let own = git_folder(Path::new("../.git"))?;
    let head = read(&own.join("HEAD"))?;
    let Some(name) = head.trim().strip_prefix("ref: ") else {
        return id(&head);
    };
    // A work tree of its own has its HEAD, and the refs of the clone it belongs to.
    let shared = match read(&own.join("commondir")) {
        Some(path) => own.join(path.trim()),
        None => own,
    };
    // Where it is packed, the next commit makes a file of it: then this is to run again, too.
    if let Some(id) = read(&shared.join(name)).as_deref().and_then(id) {
        return Some(id);
    }
    watch(&shared.join("refs/heads"));
    let packed = read(&shared.join("packed-refs"))?;
    packed.lines().find_map(|line| {
        let (found, of) = line.split_once(' ')?;
        (of == name).then(|| id(found)).flatten()
    })
}

/// The folder of a clone, or that of a work tree, which a file names.
fn git_folder(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let named = fs::read_to_string(path).ok()?;
    let folder = named.trim().strip_prefix("gitdir: ")?;
    Some(path.parent()?.join(folder))
}
