//! Which tips have to be held by refs of ours.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::links::links;
use forgekeep_git::memory::exactly;
use forgekeep_git::refs::{OURS, Refs};
use git2::{Odb, Oid, Repository};

use super::Tips;

/// Of the tips that snapshots need, those that neither upstream's refs reach nor later tips do: a
/// branch that moved forward a hundred times needs one ref, not a hundred.
pub(super) fn to_hold(
    repository: &Repository,
    refs: &Refs,
    needed: &Tips,
    cancel: &Cancel,
) -> Result<Vec<Oid>, Failure> {
    let odb = repository.odb().map_err(|error| failed(&error))?;
    let mut covered = HashSet::new();
    for (_, value) in refs.iter().filter(|(name, _)| !name.starts_with(OURS)) {
        cover(&odb, value.oid, &mut covered, cancel)?;
    }
    let mut held = Vec::new();
    for oid in needed.all.iter().rev() {
        if !covered.contains(oid) {
            cover(&odb, *oid, &mut covered, cancel)?;
            held.push(*oid);
        }
    }
    Ok(held)
}

/// Adds an object and the history behind it.
fn cover(
    odb: &Odb<'_>,
    from: Oid,
    covered: &mut HashSet<Oid>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let mut todo = vec![from];
    while let Some(oid) = todo.pop() {
        if !covered.insert(oid) {
            continue;
        }
        cancel.check()?;
        let object = exactly(|| odb.read(oid)).map_err(|error| lacking(oid, &error))?;
        let whole = links(object.kind(), object.data(), &mut |link| {
            if !link.is_blob && !link.is_tree {
                todo.push(link.oid);
            }
        });
        if whole.is_none() {
            return Err(lacking(oid, &git2::Error::from_str("it is malformed")));
        }
    }
    Ok(())
}

/// A snapshot needs what is not there: nothing is dropped while that is so.
pub(super) fn lacking(oid: Oid, error: &git2::Error) -> Failure {
    let what = format!("the object {oid}");
    if let Some(failure) = libgit2::of_machine("read", Path::new(&what), error) {
        return failure;
    }
    let message = format!(
        "the object {oid}, which a snapshot needs, cannot be read: {}",
        libgit2::words(error)
    );
    Failure::new(ErrorKind::Damaged, message)
        .with_hint("run `forgekeep verify` to see the damage, and `forgekeep backup` to repair what it can; nothing was removed")
}

pub(super) fn failed(error: &git2::Error) -> Failure {
    Failure::new(
        ErrorKind::Git,
        format!("git failed: {}", libgit2::words(error)),
    )
}
