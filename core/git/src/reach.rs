//! What is reached from refs and snapshots.

use std::collections::{HashMap, HashSet};

use forgekeep_failure::{Cancel, Failure};
use forgekeep_untrusted::Printable;
use git2::{ObjectType, Odb, Oid};

use crate::links::{Link, links};
use crate::object_files::read;

/// Where a walk begins: an object, and who needs it.
#[derive(Clone, Debug)]
pub struct Root {
    /// The object.
    pub oid: Oid,
    /// Who needs it.
    pub name: Printable,
}

/// Walks a history, past what is damaged in it.
pub struct Walk<'a> {
    /// Where the objects are read.
    pub database: &'a Odb<'a>,
    /// What is there, in order.
    pub known: &'a [Oid],
    /// What is there, but cannot be read.
    pub unreadable: &'a HashSet<Oid>,
    /// What is there, and too large to be read: where it leads to is not known.
    pub unread: &'a HashSet<Oid>,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

impl Walk<'_> {
    /// Everything that is reached; `lost` is told of what is needed and not there, with the first
    /// root that needs it.
    pub fn all(
        &self,
        roots: &[Root],
        lost: &mut dyn FnMut(Oid, &Root),
    ) -> Result<HashSet<Oid>, Failure> {
        self.walk(roots, &|_| true, lost)
    }

    /// The commits and tags that are reached: what only they lead to is held with them.
    pub fn commits(&self, roots: &[Root]) -> Result<HashSet<Oid>, Failure> {
        let wanted = |link: &Link| !link.is_blob && !link.is_tree;
        self.walk(roots, &wanted, &mut |_, _| {})
    }

    /// The same, and those of them whose history has lost a commit.
    pub fn commits_and_broken(
        &self,
        roots: &[Root],
    ) -> Result<(HashSet<Oid>, HashSet<Oid>), Failure> {
        let wanted = |link: &Link| !link.is_blob && !link.is_tree;
        let mut todo = Vec::new();
        let seen = self.walk(roots, &wanted, &mut |oid, _| todo.push(oid))?;
        let mut broken: HashSet<Oid> = HashSet::new();
        if todo.is_empty() {
            return Ok((seen, broken));
        }
        let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for oid in &seen {
            self.cancel.check()?;
            if let Some(object) = read(self.database, *oid)? {
                links(object.kind(), object.data(), &mut |link| {
                    if wanted(&link) {
                        children.entry(link.oid).or_default().push(*oid);
                    }
                });
            }
        }
        while let Some(oid) = todo.pop() {
            if broken.insert(oid) {
                todo.extend(children.get(&oid).into_iter().flatten());
            }
        }
        Ok((seen, broken))
    }

    fn walk(
        &self,
        roots: &[Root],
        wanted: &dyn Fn(&Link) -> bool,
        lost: &mut dyn FnMut(Oid, &Root),
    ) -> Result<HashSet<Oid>, Failure> {
        let mut seen = HashSet::new();
        let mut todo = Vec::new();
        for root in roots {
            if seen.insert(root.oid) {
                // A ref may point to a blob.
                todo.push((root.oid, self.is_blob(root.oid)));
            }
            while let Some((oid, is_blob)) = todo.pop() {
                self.cancel.check()?;
                if self.unreadable.contains(&oid) || self.known.binary_search(&oid).is_err() {
                    lost(oid, root);
                    continue;
                }
                if is_blob || self.unread.contains(&oid) {
                    continue;
                }
                let Some(object) = read(self.database, oid)? else {
                    lost(oid, root);
                    continue;
                };
                let whole = links(object.kind(), object.data(), &mut |link| {
                    if wanted(&link) && seen.insert(link.oid) {
                        todo.push((link.oid, link.is_blob));
                    }
                });
                if whole.is_none() {
                    lost(oid, root);
                }
            }
        }
        Ok(seen)
    }

    /// By its header: a blob may be larger than memory.
    fn is_blob(&self, oid: Oid) -> bool {
        let is_sound = !self.unreadable.contains(&oid) && self.known.binary_search(&oid).is_ok();
        let header = is_sound
            .then(|| self.database.read_header(oid).ok())
            .flatten();
        header.is_some_and(|(_, kind)| kind == ObjectType::Blob)
    }
}
