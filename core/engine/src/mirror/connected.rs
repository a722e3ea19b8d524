//! Whether all that new tips need is there.
//!
//! That an object is there does not say that its history is: a fetch that broke off, or somebody's
//! `git prune`, may have left a commit whose parents are gone. libgit2 does not ask the server for
//! what is there, so git's own check is made here: `git rev-list --objects <tips> --not --all`.

use std::collections::HashSet;

use git2::{ObjectType, Odb, Oid, Repository};

use crate::Failure;
use crate::cancel::Cancel;
use crate::links::{Link, links};
use crate::refs::Refs;

/// The first of these tips that lacks something, if any. What `complete` refs reach is taken to be
/// there.
pub(super) fn first_gap(
    repository: &Repository,
    complete: &Refs,
    tips: impl Iterator<Item = Oid>,
    cancel: &Cancel,
) -> Result<Option<Oid>, Failure> {
    let known: HashSet<Oid> = complete.values().map(|value| value.oid).collect();
    let new: HashSet<Oid> = tips.filter(|oid| !known.contains(oid)).collect();
    if new.is_empty() {
        return Ok(None);
    }
    let (Ok(odb), Ok(mut walk)) = (repository.odb(), repository.revwalk()) else {
        return Ok(new.into_iter().next());
    };
    for value in complete.values() {
        // Some name no commit: nothing is behind those.
        let _ = walk.hide(value.peeled.unwrap_or(value.oid));
    }
    let mut closure = Closure {
        odb: &odb,
        seen: known,
        new: None,
        cancel,
    };
    let mut commits = Vec::new();
    for tip in &new {
        match closure.peel(*tip)? {
            None => return Ok(Some(*tip)),
            Some(commit) => commits.extend(commit),
        }
    }
    let pushed = commits.iter().try_for_each(|commit| walk.push(*commit));
    let listed: Result<Vec<Oid>, git2::Error> = pushed.and_then(|()| walk.collect());
    // libgit2 refuses commits that old versions of git have written: then all are looked at, up to
    // the tips that are known.
    let Ok(listed) = listed else {
        return closure.history(commits);
    };
    closure.new = Some(listed.iter().copied().collect());
    // The oldest first: what of a tree is as it was has been looked at then.
    for commit in listed.into_iter().rev() {
        if !closure.commit(commit)? {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

struct Closure<'a> {
    odb: &'a Odb<'a>,
    /// What is known to be there with all that it needs, or is being looked at.
    seen: HashSet<Oid>,
    /// The commits that are to be looked at, if all are known: the parents of others are complete.
    new: Option<HashSet<Oid>>,
    cancel: &'a Cancel,
}

impl Closure<'_> {
    /// The commit behind a tip: the inner `None` if there is none, and all else is there; the outer
    /// one if something is not.
    fn peel(&mut self, tip: Oid) -> Result<Option<Option<Oid>>, Failure> {
        let mut now = tip;
        loop {
            let Some((kind, found)) = self.read(now) else {
                return Ok(None);
            };
            match (kind, found.first()) {
                (ObjectType::Commit, _) => return Ok(Some(Some(now))),
                (ObjectType::Tag, Some(target)) => now = target.oid,
                (ObjectType::Tag, None) => return Ok(None),
                _ => return Ok(self.tree(now)?.then_some(None)),
            }
        }
    }

    /// The first gap in a history, which is walked without libgit2's parser.
    fn history(&mut self, mut todo: Vec<Oid>) -> Result<Option<Oid>, Failure> {
        while let Some(oid) = todo.pop() {
            if !self.seen.insert(oid) {
                continue;
            }
            let Some((_, found)) = self
                .read(oid)
                .filter(|(kind, _)| *kind == ObjectType::Commit)
            else {
                return Ok(Some(oid));
            };
            if !self.commit(oid)? {
                return Ok(Some(oid));
            }
            todo.extend(
                found
                    .iter()
                    .filter(|link| !link.is_tree)
                    .map(|link| link.oid),
            );
        }
        Ok(None)
    }

    /// Whether a commit's tree is there. Its parents are commits of their own.
    fn commit(&mut self, oid: Oid) -> Result<bool, Failure> {
        let Some((_, found)) = self.read(oid) else {
            return Ok(false);
        };
        let mut parents = found.iter().filter(|link| !link.is_tree);
        let is_complete = |parent: &&Link| {
            let new = self.new.as_ref();
            new.is_some_and(|new| !new.contains(&parent.oid))
        };
        if let Some(parent) = parents.find(is_complete) {
            // Most of the tree is as it was there.
            let of_parent = self.read(parent.oid).and_then(|(_, found)| {
                let tree = found.into_iter().find(|link| link.is_tree)?;
                self.read(tree.oid)
            });
            let unchanged = of_parent.into_iter().flat_map(|(_, entries)| entries);
            self.seen.extend(unchanged.map(|entry| entry.oid));
        }
        match found.iter().find(|link| link.is_tree) {
            Some(tree) => self.tree(tree.oid),
            None => Ok(false),
        }
    }

    fn tree(&mut self, root: Oid) -> Result<bool, Failure> {
        let mut todo = vec![(root, false)];
        while let Some((oid, is_blob)) = todo.pop() {
            if !self.seen.insert(oid) {
                continue;
            }
            self.cancel.check()?;
            if is_blob {
                if !self.odb.exists(oid) {
                    return Ok(false);
                }
                continue;
            }
            let Some((_, found)) = self.read(oid) else {
                return Ok(false);
            };
            todo.extend(found.into_iter().map(|link| (link.oid, link.is_blob)));
        }
        Ok(true)
    }

    fn read(&self, oid: Oid) -> Option<(ObjectType, Vec<Link>)> {
        let object = self.odb.read(oid).ok()?;
        let mut found = Vec::new();
        links(object.kind(), object.data(), &mut |link| found.push(link))?;
        Some((object.kind(), found))
    }
}
