//! Writing snapshots in step with the refs of the mirror.
//!
//! The refs and the snapshot are two files, and a run may be killed between them. So the snapshot
//! is written first, under a name that does not count (`snapshots/repo.pending`), then the refs are
//! switched, then it gets its name. Whoever comes next sees by the refs how far it got.

use std::fs;

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::RefName;
use git2::Oid;
use jiff::Timestamp;

use super::file::FileName;
use super::{
    Changes, Counts, Identity, Origin, RefState, Snapshot, SnapshotFile, SnapshotId, Store,
    to_the_millisecond,
};

/// Writes the snapshots of one mirror.
pub struct Recorder<'a> {
    /// Where they go.
    pub store: Store,
    /// Whose mirror it is.
    pub identity: &'a Identity,
}

/// The snapshots are in step with the refs.
#[derive(Debug)]
pub struct Settled {
    /// The state that the newest snapshot is of.
    pub base: RefState,
    /// What somebody else has changed since: first what is lost has to be held, then it is to be
    /// committed.
    pub found: Option<FoundState>,
    /// What a run changed that was killed before it could tell.
    pub untold: Option<Changes>,
    /// Whether there was no snapshot.
    pub is_first: bool,
}

/// A state that somebody else has made.
#[derive(Debug)]
pub struct FoundState {
    /// Tips that refs had before.
    pub lost: Vec<Oid>,
    /// The state of the snapshot before.
    pub known: RefState,
    /// Its snapshot.
    pub pending: Pending,
}

/// A snapshot that is written, but does not count yet.
#[derive(Debug)]
#[must_use]
pub struct Pending {
    store: Store,
    name: FileName,
}

impl Recorder<'_> {
    /// Brings the snapshots in step with the refs that are found in the mirror, before anything is
    /// changed: what a killed run has left is finished or forgotten, a mirror without snapshots
    /// gets its first, and so does a state that somebody else has made.
    pub fn settle(&self, found: &RefState) -> Result<Settled, Failure> {
        let untold = self.settle_pending(found)?;
        let entries = self.store.entries()?;
        let settled = |base: &RefState, found| Settled {
            base: base.clone(),
            found,
            untold,
            is_first: entries.is_empty(),
        };
        let Some(last) = entries.last() else {
            let changes = Changes::between(&RefState::default(), found);
            self.write_full(&entries, found, changes, Origin::Adopted)?
                .commit()?;
            return Ok(settled(found, None));
        };
        if found.id(last.time)? == last.id {
            return Ok(settled(found, None));
        }
        let known = self.store.state(&entries, entries.len() - 1, None);
        let known = known?;
        if known.tips == found.tips {
            // It is HEAD that differs.
            return Ok(settled(&known, None));
        }
        log::info!(
            "{}: its refs were changed by another program",
            self.identity.full_name.printable()
        );
        let changes = Changes::between(&known, found);
        let lost = changes.refs.values();
        let lost = lost.filter_map(|change| change.ends().0).collect();
        let pending = self.write_full(&entries, found, changes, Origin::Found)?;
        let others = FoundState {
            lost,
            known,
            pending,
        };
        Ok(settled(found, Some(others)))
    }

    /// Where `HEAD` was to point when a run was killed that had switched the refs, if it does not yet.
    pub fn unwritten_head(&self, found: &RefState) -> Result<Option<RefName>, Failure> {
        let pending = match Snapshot::read(&self.store.pending) {
            Ok(pending) => pending,
            Err(failure) if failure.kind == ErrorKind::Damaged => None,
            Err(failure) => return Err(failure),
        };
        let switched = pending.filter(|pending| is_of(pending, found));
        let head = switched.and_then(|pending| pending.head);
        Ok(head.filter(|head| Some(head) != found.head.as_ref()))
    }

    fn settle_pending(&self, found: &RefState) -> Result<Option<Changes>, Failure> {
        let path = &self.store.pending;
        atomic_file::remove_lock(path);
        let pending = match Snapshot::read(path) {
            Ok(None) => return Ok(None),
            Ok(Some(pending)) => Some(pending),
            // Never synced to its end: no refs follow from it.
            Err(failure) if failure.kind == ErrorKind::Damaged => None,
            Err(failure) => return Err(failure),
        };
        match pending.filter(|pending| is_of(pending, found)) {
            Some(snapshot) => {
                let pending = Pending {
                    store: self.store.clone(),
                    name: name_of(&snapshot),
                };
                pending.commit()?;
                Ok(Some(snapshot.changes))
            }
            None => {
                fs::remove_file(path).map_err(|error| Failure::disk("remove", path, &error))?;
                Ok(None)
            }
        }
    }

    /// Writes a snapshot for refs that are there already.
    fn write_full(
        &self,
        entries: &[SnapshotFile],
        state: &RefState,
        changes: Changes,
        origin: Origin,
    ) -> Result<Pending, Failure> {
        let mut snapshot = self.make(entries, state, changes, origin)?;
        snapshot.tips = Some(state.tips.clone());
        self.write_pending(&snapshot)
    }

    /// Writes the snapshot of the refs that the mirror is about to have. `base` is the state of the
    /// newest snapshot, or none for a new mirror.
    pub fn prepare(
        &self,
        base: Option<&RefState>,
        after: &RefState,
        changes: Changes,
    ) -> Result<Pending, Failure> {
        let entries = self.store.entries()?;
        let mut snapshot = self.make(&entries, after, changes, Origin::Run)?;
        if base.is_none() || wants_all(&entries, &snapshot, after)? {
            snapshot.tips = Some(after.tips.clone());
        }
        self.write_pending(&snapshot)
    }

    fn make(
        &self,
        entries: &[SnapshotFile],
        state: &RefState,
        changes: Changes,
        origin: Origin,
    ) -> Result<Snapshot, Failure> {
        let time = to_the_millisecond(Timestamp::now());
        let last = entries.last();
        Ok(Snapshot {
            number: last.map_or(1, |last| last.number + 1),
            id: state.id(time)?,
            time,
            previous: last.map(|last| last.id.clone()),
            identity: self.identity.clone(),
            origin,
            head: state.head.clone(),
            counts: Counts::new(&state.tips, &changes),
            // The first one has all refs, and nothing is before it: all of them are new.
            changes: last.map_or_else(Changes::default, |_| changes),
            tips: None,
            more: serde_json::Map::new(),
        })
    }

    fn write_pending(&self, snapshot: &Snapshot) -> Result<Pending, Failure> {
        let path = &self.store.pending;
        if let Some(folder) = path.parent() {
            regular_file::make_folder(folder)?;
        }
        snapshot.write(path)?;
        Ok(Pending {
            store: self.store.clone(),
            name: name_of(snapshot),
        })
    }
}

impl Pending {
    /// The refs were not switched. What cannot be removed is recognised later.
    pub fn forget(self) {
        let _ = fs::remove_file(&self.store.pending);
        if let Some(folder) = self.store.pending.parent() {
            let _ = fs::remove_dir(folder);
        }
    }

    /// Lets it count: the refs are switched.
    pub fn commit(self) -> Result<SnapshotId, Failure> {
        let path = self.store.path(&self.name);
        let folder = &self.store.folder;
        // Synced below, with what comes into it.
        if !regular_file::check_folder(folder)? {
            fs::create_dir(folder).map_err(|error| Failure::disk("create", folder, &error))?;
        }
        fs::rename(&self.store.pending, &path)
            .map_err(|error| Failure::disk("rename into place", &path, &error))?;
        atomic_file::sync_parent(&path)?;
        atomic_file::sync_parent(folder)?;
        Ok(self.name.id)
    }
}

/// Whether a pending snapshot is of these refs, whatever `HEAD` is: the run that wrote it has switched
/// them. What a state that was found has lost may not be held yet: it is found again.
fn is_of(pending: &Snapshot, found: &RefState) -> bool {
    let state = RefState {
        head: pending.head.clone(),
        tips: found.tips.clone(),
    };
    pending.origin != Origin::Found && state.id(pending.time).is_ok_and(|id| id == pending.id)
}

fn name_of(snapshot: &Snapshot) -> FileName {
    FileName {
        number: snapshot.number,
        time: snapshot.time,
        id: snapshot.id.clone(),
    }
}

/// Whether the next snapshot is to have all refs: once the changes since the last that has them take
/// as much room as they would. So all files together stay within about twice the changes, and no
/// state is further from a full list than that.
fn wants_all(entries: &[SnapshotFile], next: &Snapshot, after: &RefState) -> Result<bool, Failure> {
    let changes = next.bytes()?;
    // A line with an object id and the name, as it is written; the rest of the file does not count.
    let all: u64 = after.tips.keys().map(|name| name.len() as u64 + 50).sum();
    let mut since = changes;
    for entry in entries.iter().rev() {
        if since >= all {
            return Ok(true);
        }
        match entry.read() {
            Ok(snapshot) if snapshot.tips.is_some() => return Ok(false),
            Ok(snapshot) => since += snapshot.bytes()?,
            // What follows must not depend on a file that cannot be read.
            Err(_) => return Ok(true),
        }
    }
    Ok(true)
}
