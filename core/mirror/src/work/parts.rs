//! What upstream has and a mirror cannot hold, and what upstream has lost itself.

use std::path::Path;

use forgekeep_durable::atomic_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::links::commit;
use forgekeep_untrusted::Printable;
use git2::{Oid, Repository};

use super::Work;

/// git's file of commits whose parents are not there.
const SHALLOW: &str = "shallow";

/// Names that are told of one by one.
const NAMED: usize = 10;

impl Work<'_> {
    /// What is not backed up, of what upstream has. `more` is what is known already.
    pub fn left_out(&self, more: Option<Failure>) -> Vec<Failure> {
        let odd = some(&self.advertised.left_out).map(|name| odd(&name));
        let reserved = some(&self.advertised.reserved).map(|name| reserved(&name));
        let not_fetched = self.not_fetched.as_ref().map(|missing| missing.failure());
        odd.chain(reserved).chain(more).chain(not_fetched).collect()
    }

    /// Says in git's own way where the history ends that a shallow upstream has sent. A mirror that has
    /// had what is behind that keeps it, and is whole.
    pub fn mark_ends(&self, repository: &Repository, folder: &Path) -> Result<(), Failure> {
        let odb = repository.odb().map_err(|e| self.failed(&e))?;
        let is_end = |oid: &&Oid| {
            commit(&odb, **oid).is_some_and(|(_, parents)| parents.iter().any(|p| !odb.exists(*p)))
        };
        let mut ends: Vec<String> = self
            .advertised
            .shallow
            .iter()
            .filter(is_end)
            .map(|oid| format!("{oid}\n"))
            .collect();
        if ends.is_empty() {
            return Ok(());
        }
        let file = folder.join(SHALLOW);
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        ends.extend(known.lines().map(|line| format!("{line}\n")));
        ends.sort();
        ends.dedup();
        atomic_file::replace(&file, ends.concat().as_bytes())
    }

    /// The part that is not backed up because upstream does not have it either, if there is one.
    pub fn cut_off(&self, folder: &Path) -> Option<Failure> {
        let cut = !self.advertised.shallow.is_empty() && folder.join(SHALLOW).is_file();
        cut.then(|| {
            Failure::new(
                ErrorKind::BadAnswer,
                "the repository at the hoster is a shallow clone: the history behind its oldest commits is not there",
            )
            .with_hint("push the whole history to it; the next backup fetches what is missing then")
        })
    }
}

/// The first names, and how many there are besides.
fn some(names: &[Printable]) -> impl Iterator<Item = Printable> {
    let others = names.len().checked_sub(NAMED).filter(|others| *others > 0);
    let others = others.map(|others| format!("… and {others} more").into());
    names.iter().take(NAMED).cloned().chain(others)
}

fn reserved(name: &str) -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!("the ref \"{name}\" is not backed up: names below refs/forgekeep are for the backup's own refs"),
    )
    .with_hint("rename it at the hoster")
}

fn odd(name: &str) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the ref \"{name}\" is not backed up: git does not allow its name"),
    )
    .with_hint("rename it at the hoster; a clone made with git does not have it either")
}
