//! All snapshots of a mirror.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_failure::{ErrorKind, Failure};
use jiff::Timestamp;

use super::file::FileName;
use super::{Origin, RefState, Snapshot, SnapshotId};
use crate::layout::SNAPSHOTS;

/// A snapshot as the name of its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Counts up from 1.
    pub number: u64,
    /// When the refs were switched.
    pub time: Timestamp,
    /// Names the state.
    pub id: SnapshotId,
    /// The file.
    pub path: PathBuf,
}

/// Where a mirror's snapshots are.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) folder: PathBuf,
    /// A snapshot whose refs may not have been switched yet.
    pub(super) pending: PathBuf,
}

impl Store {
    /// The snapshots of the mirror at `…/repo` are in `…/snapshots/repo/`.
    pub fn beside(mirror: &Path) -> Self {
        let name = mirror.file_name().unwrap_or_default();
        let snapshots = mirror.parent().unwrap_or(mirror).join(SNAPSHOTS);
        let mut pending = OsString::from(name);
        pending.push(".pending");
        Self {
            folder: snapshots.join(name),
            pending: snapshots.join(pending),
        }
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a snapshot's file is or will be.
    pub(super) fn path(&self, name: &FileName) -> PathBuf {
        self.folder.join(name.to_string())
    }

    /// Whether the newest snapshot is of this state, and none is pending. No file is read: runs that
    /// change nothing shall cost nothing either.
    pub fn is_settled(&self, newest: Option<&SnapshotFile>, found: &RefState) -> bool {
        let is_of = |last: &SnapshotFile| found.id(last.time).is_ok_and(|id| id == last.id);
        !self.pending.exists() && newest.is_some_and(is_of)
    }

    /// The newest snapshot; `None` if there is none, or if it cannot be told.
    pub fn newest(&self) -> Option<SnapshotFile> {
        self.entries().ok()?.pop()
    }

    /// Whether there must be a `packed-refs` beside these refs, which were found without one: every run
    /// that switches refs writes it, and no git removes it. A mirror that was taken over may never have
    /// had one, unless all of its refs went.
    pub fn had_packed_refs(&self, found: &RefState) -> bool {
        let entries = self.entries().unwrap_or_default();
        let all = entries.iter().rev().filter_map(|entry| entry.read().ok());
        for snapshot in all {
            match snapshot.origin {
                Origin::Run | Origin::Found => return true,
                Origin::Adopted | Origin::Rebuilt if snapshot.counts.refs > 0 => {
                    return found.tips.is_empty();
                }
                Origin::Adopted | Origin::Rebuilt => {}
            }
        }
        false
    }

    /// The snapshots, the oldest first. Files with other names are none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn entries(&self) -> Result<Vec<SnapshotFile>, Failure> {
        let failed = |error: io::Error| Failure::disk("read", &self.folder, &error);
        let listed = match fs::read_dir(&self.folder) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry.map_err(failed)?;
            if let Some(name) = entry.file_name().to_str().and_then(FileName::parse) {
                entries.push(SnapshotFile {
                    number: name.number,
                    time: name.time,
                    id: name.id,
                    path: entry.path(),
                });
            }
        }
        entries.sort_by(|a, b| (a.number, &a.id).cmp(&(b.number, &b.id)));
        Ok(entries)
    }

    /// The state at one of [`Store::entries`]. `present` is the state of the mirror itself, which
    /// helps where files are damaged.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] naming the file that it failed by.
    pub fn state(
        &self,
        entries: &[SnapshotFile],
        at: usize,
        present: Option<&RefState>,
    ) -> Result<RefState, Failure> {
        forwards(entries, at).or_else(|failure| match failure.kind {
            ErrorKind::Damaged => backwards(entries, at, present)?.ok_or(failure),
            _ => Err(failure),
        })
    }

    /// Goes through all states, the oldest first: cheaper than one after the other.
    ///
    /// # Errors
    ///
    /// Whatever `visit` returns.
    pub fn each_state<E>(
        &self,
        entries: &[SnapshotFile],
        present: Option<&RefState>,
        mut visit: impl FnMut(usize, Result<&RefState, Failure>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut before: Option<RefState> = None;
        for (at, entry) in entries.iter().enumerate() {
            let last = at.checked_sub(1).and_then(|last| entries.get(last));
            let from = before.take().zip(last.map(|last| &last.id));
            let next = entry
                .read()
                .and_then(|snapshot| step(entry, &snapshot, from.as_ref()));
            let state = match next {
                Ok(Some(state)) => Ok(state),
                Ok(None) => self.state(entries, at, present),
                Err(failure) => {
                    let state = self.state(entries, at, present);
                    // The first says more, unless the machine is what failed.
                    state.map_err(|other| match other.kind {
                        ErrorKind::Damaged => failure,
                        _ => other,
                    })
                }
            };
            match state {
                Ok(state) => {
                    visit(at, Ok(&state))?;
                    before = Some(state);
                }
                Err(failure) => visit(at, Err(failure))?,
            }
        }
        Ok(())
    }
}

impl SnapshotFile {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`], also if the content is not what the name says.
    pub fn read(&self) -> Result<Snapshot, Failure> {
        let Some(snapshot) = Snapshot::read(&self.path)? else {
            return Err(self.damaged("it is gone"));
        };
        let fits =
            snapshot.number == self.number && snapshot.id == self.id && snapshot.time == self.time;
        match fits {
            true => Ok(snapshot),
            false => Err(self.damaged("its content belongs under another name")),
        }
    }

    pub(super) fn damaged(&self, why: &str) -> Failure {
        Failure::damaged(&self.path, why).with_hint(
            "run `forgekeep backup`: it rebuilds the file if its content can be \
            derived from the others",
        )
    }

    /// A state, if it is the one that the entry names.
    fn checked(&self, state: RefState) -> Result<RefState, Failure> {
        match state.id(self.time)? == self.id {
            true => Ok(state),
            false => Err(self.damaged("its refs do not add up to its id")),
        }
    }
}

/// The state of `snapshot`, out of the file alone or with the state before it.
fn step(
    entry: &SnapshotFile,
    snapshot: &Snapshot,
    from: Option<&(RefState, &SnapshotId)>,
) -> Result<Option<RefState>, Failure> {
    if let Some(state) = snapshot.full_state() {
        return entry.checked(state).map(Some);
    }
    let Some((before, id)) = from.filter(|(_, id)| snapshot.previous.as_ref() == Some(*id)) else {
        return Ok(None);
    };
    let tips = snapshot.changes.apply(&before.tips).ok_or_else(|| {
        entry.damaged(&format!("it does not follow the snapshot before it, {id}"))
    })?;
    let head = snapshot.head.clone();
    entry.checked(RefState { head, tips }).map(Some)
}

/// From the last full list on.
fn forwards(entries: &[SnapshotFile], at: usize) -> Result<RefState, Failure> {
    let mut later = Vec::new();
    let mut state = None;
    let mut now = at;
    while state.is_none() {
        let entry = &entries[now];
        let snapshot = entry.read()?;
        state = step(entry, &snapshot, None)?;
        if state.is_none() {
            let previous = snapshot.previous.clone();
            later.push((now, snapshot));
            let earlier = entries[..now].iter();
            now = earlier
                .enumerate()
                .rfind(|(_, entry)| Some(&entry.id) == previous.as_ref())
                .map(|(index, _)| index)
                .ok_or_else(|| entry.damaged("the snapshot before it is missing"))?;
        }
    }
    let mut state = state.unwrap_or_default();
    let mut id = &entries[now].id;
    for (index, snapshot) in later.iter().rev() {
        let entry = &entries[*index];
        let from = (state, id);
        state = step(entry, snapshot, Some(&from))?.unwrap_or_default();
        id = &entry.id;
    }
    Ok(state)
}

/// From a later state that is known, back. `None` if there is none, or no way from it.
fn backwards(
    entries: &[SnapshotFile],
    at: usize,
    present: Option<&RefState>,
) -> Result<Option<RefState>, Failure> {
    let mut undo = Vec::new();
    let mut state = None;
    for later in at + 1..entries.len() {
        let Some(snapshot) = unless_damaged(entries[later].read())? else {
            return Ok(None);
        };
        if snapshot.previous.as_ref() != Some(&entries[later - 1].id) {
            return Ok(None);
        }
        let full = snapshot.full_state();
        undo.push(snapshot);
        if full.is_some() {
            state = full;
            break;
        }
    }
    let last = &entries[at + undo.len()];
    let state = match state {
        Some(state) => Some(state),
        None => present.cloned(),
    };
    let Some(state) = state else {
        return Ok(None);
    };
    let mut state = unless_damaged(last.checked(state))?;
    for snapshot in undo.iter().rev() {
        state = state.and_then(|state| snapshot.changes.undo(&state));
    }
    match state {
        Some(state) => unless_damaged(entries[at].checked(state)),
        None => Ok(None),
    }
}

fn unless_damaged<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(failure) if failure.is_damage() => Ok(None),
        Err(failure) => Err(failure),
    }
}
