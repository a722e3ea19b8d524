//! Whether a mirror equals its upstream.

use std::collections::BTreeSet;
use std::path::Path;

use crate::git;

/// The namespace in which Forgekeep keeps what an upstream no longer has.
const KEPT: &str = "refs/forgekeep/";

/// Every ref but Forgekeep's own, one `name id` in each line, in order.
pub fn refs(git_dir: &Path) -> String {
    let all = git::run(
        git_dir,
        &["for-each-ref", "--format=%(refname) %(objectname)"],
    );
    let lines: Vec<&str> = all.lines().filter(|line| !line.starts_with(KEPT)).collect();
    lines.join("\n")
}

/// What `HEAD` points to, or the commit when it is detached.
pub fn head(git_dir: &Path) -> String {
    let symbolic = git::try_run(git_dir, &["symbolic-ref", "HEAD"]);
    symbolic.unwrap_or_else(|_| git::run(git_dir, &["rev-parse", "HEAD"]))
}

/// Panics unless git finds the repository sound.
pub fn assert_sound(git_dir: &Path) {
    if let Err(error) = git::try_run(git_dir, &["fsck", "--full", "--strict"]) {
        panic!("git fsck in {}: {error}", git_dir.display());
    }
}

/// Panics unless the mirror is sound and has exactly the upstream's refs and `HEAD`.
pub fn assert_mirror(upstream: &Path, mirror: &Path) {
    assert!(
        mirror.is_dir(),
        "there is no mirror at {}",
        mirror.display()
    );
    assert_sound(mirror);
    let (wanted, found) = (refs(upstream), refs(mirror));
    let wanted: BTreeSet<&str> = wanted.lines().collect();
    let found: BTreeSet<&str> = found.lines().collect();
    let missing: Vec<_> = wanted.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{} differs from its upstream\n  missing or old: {missing:#?}\n  surplus: {surplus:#?}",
        mirror.display()
    );
    assert_eq!(head(upstream), head(mirror), "HEAD of {}", mirror.display());
}
