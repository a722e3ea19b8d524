//! Drops snapshots that nobody wants to keep, and gives their room back on request.
//!
//! In restic's terms: `forget` drops snapshots, `prune` removes what only they needed. Until then a
//! dropped snapshot's tips are held by `refs/forgekeep/forgotten/<object id>`.
//!
//! The order makes a kill at any instant harmless: a tip that is still needed is held before the
//! snapshot that held it goes, and objects go last. What is in no snapshot (objects that somebody
//! else has put there, refs that a repaired mirror has kept) is not touched.

mod folder;
mod policy;
mod prune;
mod tips;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use forgekeep_config::HistoryOptions;
use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::refs::{self, FORGOTTEN, KEPT, RefName, RefValue, Refs, StoredRefs};
use forgekeep_git::{foreign, libgit2};
use git2::{Oid, Repository};

use crate::part::PartKind;
use crate::snapshot::{Change, Changes, Counts, RefState, SnapshotFile, Store};

pub use folder::{OfPart, run};
pub use policy::Reason;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to keep.
    pub options: &'a HistoryOptions,
    /// Ids of the snapshots to drop, or the begin of each, whatever the options say; if there are
    /// none, the options decide.
    pub snapshots: &'a [String],
    /// The part that those are of.
    pub part: PartKind,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// Whether objects that only dropped snapshots need are removed, also of earlier times.
    pub prune: bool,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Forgotten {
    /// What stays, the oldest first, with the reasons.
    pub kept: Vec<(SnapshotFile, Vec<Reason>)>,
    /// What went.
    pub dropped: Vec<SnapshotFile>,
    /// What was removed by pruning.
    pub pruned: Pruned,
}

/// What pruning has removed.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Objects.
    pub objects: usize,
    /// Bytes by which the mirror has shrunk.
    pub bytes: u64,
}

/// Drops the snapshots of the mirror at `folder` that are not to be kept. The caller holds the run
/// lock.
///
/// # Errors
///
/// [`ErrorKind::Damaged`](forgekeep_failure::ErrorKind::Damaged) if the state of any snapshot cannot be told, or
/// an object is missing that is needed further on: then nothing is dropped. [`NotFound`](forgekeep_failure::ErrorKind::NotFound)
/// if a snapshot to drop is not there, or is the newest. Else whatever
/// the disk says.
pub fn forget(folder: &Path, request: Request<'_>) -> Result<Forgotten, Failure> {
    libgit2::initialise()?;
    let store = Store::beside(folder);
    let entries = store.entries()?;
    let reasons = match request.snapshots {
        [] => policy::judge(request.options, &entries),
        named => policy::all_but(named, &entries)?,
    };
    let mut done = Forgotten::default();
    for (entry, reasons) in entries.iter().zip(&reasons) {
        match reasons.is_empty() {
            true => done.dropped.push(entry.clone()),
            false => done.kept.push((entry.clone(), reasons.clone())),
        }
    }
    if request.dry_run {
        return Ok(done);
    }
    foreign::check_taken_in(folder)?;
    remove_leftovers(&store);
    let mirror = Mirror {
        folder,
        cancel: request.cancel,
    };
    let keeps: Vec<bool> = reasons.iter().map(|reasons| !reasons.is_empty()).collect();
    if !done.dropped.is_empty() || mirror.has_demotions()? {
        let (needed, dropped) = mirror.tips(&store, &entries, &keeps)?;
        mirror.hold(&needed, &dropped)?;
        relink(&store, &entries, &keeps)?;
        for entry in done.dropped.iter().rev() {
            fs::remove_file(&entry.path)
                .map_err(|error| Failure::disk("remove", &entry.path, &error))?;
        }
        mirror.release(&needed)?;
    }
    if request.prune {
        done.pruned = prune::prune(folder, request.cancel)?;
    }
    Ok(done)
}

/// Removes what was left half written by an earlier call that was killed.
fn remove_leftovers(store: &Store) {
    for entry in fs::read_dir(store.folder()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if let Some(name) = name.to_str().and_then(atomic_file::half_written) {
            atomic_file::remove_leftovers(&store.folder().join(name));
        }
    }
}

struct Mirror<'a> {
    folder: &'a Path,
    cancel: &'a Cancel,
}

/// Tips in the order in which they were met, each once.
#[derive(Default)]
struct Tips {
    all: Vec<Oid>,
    seen: HashSet<Oid>,
}

impl Tips {
    fn add(&mut self, oid: Oid) {
        if self.seen.insert(oid) {
            self.all.push(oid);
        }
    }
}

impl Mirror<'_> {
    /// Whether an earlier call was ended between its steps.
    fn has_demotions(&self) -> Result<bool, Failure> {
        let refs = StoredRefs::read(self.folder)?.refs;
        Ok(demoted(&refs).next().is_some())
    }

    /// The tips of the snapshots that stay, and of those that go; the newest last.
    fn tips(
        &self,
        store: &Store,
        entries: &[SnapshotFile],
        keeps: &[bool],
    ) -> Result<(Tips, Tips), Failure> {
        let present = StoredRefs::read(self.folder)?;
        let present = RefState::new(&present.refs, refs::read_head(self.folder)?);
        let (mut needed, mut dropped) = (Tips::default(), Tips::default());
        store.each_state(entries, Some(&present), |at, state| {
            self.cancel.check()?;
            let tips = match keeps[at] {
                true => &mut needed,
                false => &mut dropped,
            };
            state?.objects().for_each(|oid| tips.add(oid));
            Ok::<_, Failure>(())
        })?;
        Ok((needed, dropped))
    }

    /// Holds every tip that a snapshot needs which stays, and marks what no longer is.
    fn hold(&self, needed: &Tips, dropped: &Tips) -> Result<(), Failure> {
        let stored = StoredRefs::read(self.folder)?;
        let repository = self.open()?;
        let mut new = stored.refs.clone();
        for oid in tips::to_hold(&repository, &stored.refs, needed, self.cancel)? {
            insert(&mut new, KEPT, oid);
        }
        for oid in &dropped.all {
            let is_held = stored.refs.contains_key(&ours(KEPT, *oid));
            if is_held && !needed.seen.contains(oid) {
                insert(&mut new, FORGOTTEN, *oid);
            }
        }
        self.write(&repository, &stored, new)
    }

    /// Lets go of what is marked.
    fn release(&self, needed: &Tips) -> Result<(), Failure> {
        let stored = StoredRefs::read(self.folder)?;
        let mut new = stored.refs.clone();
        for oid in demoted(&stored.refs) {
            new.remove(&match needed.seen.contains(&oid) {
                // It came back meanwhile.
                true => ours(FORGOTTEN, oid),
                false => ours(KEPT, oid),
            });
        }
        self.write(&self.open()?, &stored, new)
    }

    fn write(
        &self,
        repository: &Repository,
        stored: &StoredRefs,
        mut new: Refs,
    ) -> Result<(), Failure> {
        if new == stored.refs {
            return Ok(());
        }
        refs::peel(repository, &mut new, &stored.refs)
            .map_err(|error| libgit2::explain(&error, self.folder))?;
        refs::replace_all(self.folder, stored, &new)
    }

    fn open(&self) -> Result<Repository, Failure> {
        Repository::open_bare(self.folder).map_err(|error| libgit2::explain(&error, self.folder))
    }
}

/// Tips that are marked as forgotten, and still held as well.
fn demoted(refs: &Refs) -> impl Iterator<Item = Oid> {
    let marked = refs.iter().filter(|(name, _)| name.starts_with(FORGOTTEN));
    marked
        .map(|(_, value)| value.oid)
        .filter(|oid| refs.contains_key(&ours(KEPT, *oid)))
}

fn ours(prefix: &[u8], oid: Oid) -> RefName {
    [prefix, oid.to_string().as_bytes()].concat()
}

fn insert(refs: &mut Refs, prefix: &[u8], oid: Oid) {
    refs.insert(ours(prefix, oid), RefValue { oid, peeled: None });
}

/// Makes every snapshot that stays follow on the one before it that stays.
fn relink(store: &Store, entries: &[SnapshotFile], keeps: &[bool]) -> Result<(), Failure> {
    let mut last: Option<(usize, RefState)> = None;
    // Whether a ref has only moved forward since then.
    let mut forward: BTreeMap<RefName, bool> = BTreeMap::new();
    // Whether a ref that is gone is not backed up any more.
    let mut left_out: BTreeSet<RefName> = BTreeSet::new();
    store.each_state(entries, None, |at, state| {
        let state = state?;
        let mut snapshot = entries[at].read()?;
        for (name, change) in &snapshot.changes.refs {
            let moved = forward.entry(name.clone()).or_insert(true);
            *moved &= matches!(change, Change::Updated(..));
            match snapshot.changes.left_out.contains(name) {
                true => left_out.insert(name.clone()),
                false => left_out.remove(name),
            };
        }
        if !keeps[at] {
            return Ok(());
        }
        let previous = last.as_ref().map(|(before, _)| entries[*before].id.clone());
        if snapshot.previous != previous {
            let start = RefState::default();
            let before = last.as_ref().map_or(&start, |(_, state)| state);
            let mut changes = Changes::between(before, state);
            for (name, change) in &mut changes.refs {
                if let Change::Forced(old, new) = *change
                    && forward.get(name) == Some(&true)
                {
                    *change = Change::Updated(old, new);
                }
            }
            let is_gone =
                |name: &&RefName| matches!(changes.refs.get(*name), Some(Change::Deleted(_)));
            changes.left_out = left_out.iter().filter(is_gone).cloned().collect();
            snapshot.counts = Counts::new(&state.tips, &changes);
            snapshot.changes = changes;
            if previous.is_none() {
                snapshot.tips = Some(state.tips.clone());
            }
            snapshot.previous = previous;
            snapshot.rewrite(&entries[at].path)?;
        }
        forward.clear();
        left_out.clear();
        last = Some((at, state.clone()));
        Ok::<_, Failure>(())
    })
}

#[cfg(test)]
mod tests;
