//! The new state of a mirror's refs, out of upstream's and its own.

use git2::{Oid, Repository};

use super::RefChanges;
use super::refs::{KEPT, OURS, RefValue, Refs, StoredRefs};

/// The new state: what upstream has, what is ours, and every tip upstream has left.
pub(super) fn merge(
    repository: &Repository,
    stored: &StoredRefs,
    upstream: &Refs,
) -> Result<(Refs, RefChanges), git2::Error> {
    let mut changes = RefChanges::default();
    let mut new = upstream.clone();
    for (name, old) in &stored.refs {
        if name.starts_with(OURS) {
            new.insert(name.clone(), *old);
            continue;
        }
        match upstream.get(name) {
            None => {
                changes.deleted += 1;
                keep(&mut new, old);
            }
            Some(value) if value.oid == old.oid => {
                // Known to be right, unlike what upstream says it peels to.
                new.insert(name.clone(), *old);
            }
            Some(value) if is_forward(repository, name, old.oid, value.oid)? => {
                changes.updated += 1;
            }
            Some(_) => {
                changes.forced += 1;
                keep(&mut new, old);
            }
        }
    }
    changes.created = upstream
        .keys()
        .filter(|name| !stored.refs.contains_key(*name))
        .count();
    Ok((new, changes))
}

fn keep(refs: &mut Refs, old: &RefValue) {
    let mut name = KEPT.to_vec();
    name.extend(old.oid.to_string().into_bytes());
    refs.insert(name, *old);
}

/// Whether a ref moved on without leaving anything behind. A tag never does: it is meant to stay.
fn is_forward(
    repository: &Repository,
    name: &[u8],
    old: Oid,
    new: Oid,
) -> Result<bool, git2::Error> {
    if name.starts_with(b"refs/tags/") {
        return Ok(false);
    }
    let are_commits = [old, new]
        .iter()
        .all(|oid| repository.find_commit(*oid).is_ok());
    if !are_commits {
        return Ok(false);
    }
    repository.graph_descendant_of(new, old)
}
