//! `forgekeep restore`: what comes back, and what does not pass for a restore.
#![cfg(unix)]

mod all;
mod checkout;
mod damage;
mod history;
mod interruption;
mod malformed;
mod push;
mod refusals;

use std::path::{Path, PathBuf};

use forgekeep_tests::{Invocation, Run, Sandbox, compare, git};
use serde_json::Value;

use crate::support::World;

/// `forgekeep restore` with these arguments, and a folder in the sandbox to restore to.
fn restore(world: &World, arguments: &[&str], to: &str) -> Run {
    command(&world.sandbox, arguments, to).run()
}

fn command<'s>(sandbox: &'s Sandbox, arguments: &[&str], to: &str) -> Invocation<'s> {
    let all = [&["restore"], arguments].concat();
    sandbox.forgekeep(all).arg("--to").arg(sandbox.path(to))
}

/// The snapshots of a repository, the oldest first.
fn snapshots(world: &World, repository: &str) -> Vec<Value> {
    let run = world.forgekeep(&["snapshots", repository, "--json"]).run();
    let document: Value = serde_json::from_str(&run.expect(0).stdout).unwrap();
    document["snapshots"].as_array().unwrap().clone()
}

fn text<'v>(entry: &'v Value, key: &str) -> &'v str {
    entry[key].as_str().unwrap()
}

/// Panics unless git finds nothing to complain about, and the work tree is what `HEAD` says.
#[track_caller]
fn assert_clean(restored: &Path) {
    compare::assert_sound(restored);
    assert_eq!(git::run(restored, &["status", "--porcelain"]), "");
    let kept = git::run(restored, &["for-each-ref", "refs/forgekeep"]);
    assert_eq!(kept, "");
    assert_eq!(git::run(restored, &["remote"]), "");
}

/// Files of a work tree, without git's own.
fn work_tree(restored: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = crate::support::files(restored)
        .into_iter()
        .map(|path| path.strip_prefix(restored).unwrap().to_owned())
        .filter(|path| !path.starts_with(".git"))
        .collect();
    files.sort();
    files
}

/// A pack or loose object of a mirror in which a byte is flipped.
fn flip_a_byte(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}
