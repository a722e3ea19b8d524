//! The new state of a mirror's refs, out of upstream's and its own.

use std::collections::HashSet;

use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::links::links;
use forgekeep_git::refs::{KEPT, OURS, RefValue, Refs, StoredRefs};
use forgekeep_store::snapshot::{Change, Changes};
use git2::{ObjectType, Odb, Oid, Repository};

use super::ancestry::is_ancestor;
use super::ref_rules::RefRules;

/// The new state: what upstream has, what is ours, and every tip upstream has left. What the `rules` leave out
/// is held as well: it is in `upstream` no more, whether it is there or not.
pub(super) fn merge(
    repository: &Repository,
    odb: &Odb<'_>,
    stored: &StoredRefs,
    upstream: &Refs,
    rules: &RefRules,
    cancel: &Cancel,
) -> Result<(Refs, Changes), Failure> {
    let is_forward = |name: &[u8], old, new| is_forward(repository, odb, name, (old, new), cancel);
    let mut changes = Changes::default();
    let mut new = upstream.clone();
    for (name, old) in &stored.refs {
        if name.starts_with(OURS) {
            new.insert(name.clone(), *old);
            continue;
        }
        let change = match upstream.get(name) {
            Some(value) if value.oid == old.oid => {
                // Known to be right, unlike what upstream says it peels to.
                new.insert(name.clone(), *old);
                continue;
            }
            None => {
                if rules.leave_out(name) {
                    changes.left_out.insert(name.clone());
                }
                Change::Deleted(old.oid)
            }
            Some(value) if is_forward(name, old.oid, value.oid)? => {
                Change::Updated(old.oid, value.oid)
            }
            Some(value) => Change::Forced(old.oid, value.oid),
        };
        if !matches!(change, Change::Updated(..)) {
            keep(&mut new, old.oid);
        }
        changes.refs.insert(name.clone(), change);
    }
    for (name, value) in upstream {
        if !stored.refs.contains_key(name) {
            changes
                .refs
                .insert(name.clone(), Change::Created(value.oid));
        }
    }
    Ok((new, changes))
}

/// Those of `old` that none of these tips reaches. Read by the bytes: libgit2 refuses commits that old
/// versions of git have written.
pub(super) fn unreached(
    repository: &Repository,
    mut old: HashSet<Oid>,
    tips: Vec<Oid>,
    cancel: &Cancel,
) -> Result<HashSet<Oid>, Failure> {
    let failed = |error: &git2::Error| libgit2::explain(error, repository.path());
    old.retain(|oid| !tips.contains(oid));
    if old.is_empty() {
        return Ok(old);
    }
    let odb = repository.odb().map_err(|error| failed(&error))?;
    let quick = || {
        let mut walk = repository.revwalk()?;
        old.iter().try_for_each(|oid| walk.push(*oid))?;
        // Some name no commit: nothing is behind those.
        let mut commits = tips.iter().filter(|tip| is_commit(&odb, **tip));
        commits.try_for_each(|tip| walk.hide(*tip))?;
        walk.collect::<Result<HashSet<Oid>, git2::Error>>()
    };
    if let Ok(found) = quick() {
        old.retain(|oid| found.contains(oid));
        return Ok(old);
    }
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut todo = tips;
    while let Some(oid) = todo.pop().filter(|_| !old.is_empty()) {
        cancel.check()?;
        if !seen.insert(oid) {
            continue;
        }
        old.remove(&oid);
        if let Ok(object) = odb.read(oid) {
            links(object.kind(), object.data(), &mut |link| {
                if !link.is_blob && !link.is_tree {
                    todo.push(link.oid);
                }
            });
        }
    }
    Ok(old)
}

/// Adds a ref of ours that holds an object.
pub(super) fn keep(refs: &mut Refs, oid: Oid) {
    let mut name = KEPT.to_vec();
    name.extend(oid.to_string().into_bytes());
    refs.insert(name, RefValue { oid, peeled: None });
}

/// Whether a ref moved on without leaving anything behind. A tag never does: it is meant to stay.
fn is_forward(
    repository: &Repository,
    odb: &Odb<'_>,
    name: &[u8],
    (old, new): (Oid, Oid),
    cancel: &Cancel,
) -> Result<bool, Failure> {
    if name.starts_with(b"refs/tags/") || !is_commit(odb, old) || !is_commit(odb, new) {
        return Ok(false);
    }
    match repository.graph_descendant_of(new, old) {
        Ok(forward) => Ok(forward),
        // It has met a commit that it cannot parse, which git can.
        Err(_) => is_ancestor(odb, old, new, cancel),
    }
}

fn is_commit(odb: &Odb<'_>, oid: Oid) -> bool {
    odb.read_header(oid)
        .is_ok_and(|(_, kind)| kind == ObjectType::Commit)
}
