//! The restore that nobody does: each repository is brought back from the backup folder alone, compared with
//! what its snapshot says, and removed again. Nothing in the backup is changed but what is remembered of it.
//!
//! Two states are brought back of each part: the newest one, with its work tree; and the newest one with
//! branches that are gone upstream by now, if there is one. Every ref, all that the refs reach and the bytes
//! of every file are compared by other code than brought them back: git where it is installed
//! (`by_git`), else libgit2 (`by_libgit2`).
//!
//! One repository is there at a time, in a temporary folder (`room`), so that the room is bounded by the
//! largest one.

mod by_git;
mod by_libgit2;
mod room;

use std::sync::atomic::AtomicU64;
use std::time::Instant;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::refs::{self, RefName};
use forgekeep_restore::{Chosen, Manner, RestorePoint, restore_part};
use forgekeep_store::drills::Drilled;
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::{Part, PartKind};
use forgekeep_store::snapshot::SnapshotId;
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Map;

pub use room::Room;

/// Differences that are told of one part.
const TOLD: usize = 10;

/// What came of a repository.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried {
    /// Whole name: `TITLE/owner/name`.
    pub name: Untrusted,
    /// The hoster's immutable identity, where it is known.
    pub id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// Whether it came back as it was.
    pub good: bool,
    /// What was brought back of it.
    pub parts: Vec<TriedPart>,
    /// Time it took.
    pub seconds: f64,
}

/// A state of a part that was brought back.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TriedPart {
    /// `repository` or `wiki`.
    pub part: &'static str,
    /// The snapshot; none of a mirror without any.
    pub snapshot: Option<SnapshotId>,
    /// Why this state: that it is the newest, or the newest with branches that are gone.
    pub state: State,
    /// Refs that were compared.
    pub refs: usize,
    /// What compared it: `git` or `libgit2`.
    pub compared_by: &'static str,
    /// Why it did not come back as it was; empty if it did.
    pub errors: Vec<Failure>,
}

/// Which state of a part.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// The newest one.
    Newest,
    /// The newest one with branches that are gone by now.
    WithGoneBranches,
}

/// How a drill is made.
#[derive(Clone, Copy, Debug)]
pub struct Drill<'a> {
    /// Where repositories are brought back to.
    pub room: &'a Room,
    /// The largest object that is held in memory to be checked out: `options.limits.objectBytes`.
    pub object_bytes: u64,
    /// Ends it early.
    pub cancel: &'a Cancel,
    /// Counts the bytes that are copied, for whoever shows how far it is.
    pub copied: Option<&'a AtomicU64>,
}

impl Drill<'_> {
    /// Brings a repository back, compares it, and removes it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Cancelled`]. Whatever else goes wrong is in what is returned.
    pub fn repository(&self, kept: &Kept) -> Result<Tried, Failure> {
        let begun = Instant::now();
        let mut parts = Vec::new();
        // One that has never been cloned is there, too, so that it fails and is not forgotten.
        let mut there: Vec<Part> = kept.parts().collect();
        if there.is_empty() {
            there.push(kept.part(PartKind::Repository));
        }
        for part in &there {
            parts.push(self.state(part, State::Newest, None)?);
            match with_gone_branches(part) {
                Ok(Some(id)) => {
                    let point = RestorePoint::Id(id.as_str().to_owned());
                    parts.push(self.state(part, State::WithGoneBranches, Some(&point))?);
                }
                Ok(None) => {}
                Err(failure) => {
                    if let Some(newest) = parts.last_mut() {
                        newest.errors.push(failure);
                    }
                }
            }
        }
        Ok(Tried {
            name: kept.name(),
            id: kept.id().cloned(),
            path: kept.path.clone(),
            good: parts.iter().all(|part| part.errors.is_empty()),
            parts,
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    fn state(
        &self,
        part: &Part,
        state: State,
        point: Option<&RestorePoint>,
    ) -> Result<TriedPart, Failure> {
        self.cancel.check()?;
        let git = by_git::Git::find();
        let mut tried = TriedPart {
            part: part.kind.word(),
            snapshot: None,
            state,
            refs: 0,
            compared_by: match git {
                Some(_) => "git",
                None => "libgit2",
            },
            errors: Vec::new(),
        };
        match self.bring_back(part, point, git.as_ref(), &mut tried) {
            Err(failure) if failure.kind == ErrorKind::Cancelled => return Err(failure),
            Err(failure) => tried.errors.push(failure),
            Ok(()) => {}
        }
        Ok(tried)
    }

    fn bring_back(
        &self,
        part: &Part,
        point: Option<&RestorePoint>,
        git: Option<&by_git::Git>,
        tried: &mut TriedPart,
    ) -> Result<(), Failure> {
        let place = self.room.for_part(part)?;
        let manner = Manner {
            point,
            bare: false,
            object_bytes: self.object_bytes,
            in_backup: true,
            copied: self.copied,
        };
        let (chosen, restored) = restore_part(part, &place.folder(), manner, self.cancel)?;
        tried.snapshot = chosen.snapshot.as_ref().map(|(id, _)| id.clone());
        tried.refs = chosen.state.tips.len();
        tried.errors.extend(restored.damaged.iter().cloned());
        tried.errors.extend(restored.odd.iter().cloned());
        if point.is_none() {
            tried.errors.extend(other_head(part, &chosen));
        }
        let found = match git {
            Some(git) => git.differences(&place.folder(), &chosen, self.cancel)?,
            None => by_libgit2::differences(&place.folder(), &chosen, self.cancel)?,
        };
        tried.errors.extend(told(found));
        place.remove()
    }
}

/// That the mirror's `HEAD` is not where its newest snapshot has it.
fn other_head(part: &Part, chosen: &Chosen) -> Option<Failure> {
    let known = chosen.snapshot.as_ref().and(chosen.state.head.as_ref())?;
    let shown = |head: &RefName| refs::shown(head).to_string();
    let path = part.folder.join("HEAD");
    let why = match refs::read_head(&part.folder) {
        Ok(Some(head)) if head == *known => return None,
        Ok(Some(head)) => format!(
            "it points to {}, and to {} at the newest snapshot",
            shown(&head),
            shown(known)
        ),
        Ok(None) => format!(
            "it points nowhere, and to {} at the newest snapshot",
            shown(known)
        ),
        Err(failure) => return Some(failure),
    };
    // A backup may be at work.
    let now = forgekeep_restore::choose(&part.folder, None).ok()?;
    let is_same = |one: &Chosen| one.snapshot.as_ref().map(|(id, _)| id.clone());
    if is_same(&now) != is_same(chosen) {
        return None;
    }
    Some(Failure::damaged(&path, why).with_hint("run `forgekeep backup`: it writes HEAD again"))
}

/// Differences as failures.
fn told(found: Vec<String>) -> Vec<Failure> {
    let more = found.len().saturating_sub(TOLD);
    let mut failures: Vec<Failure> = found
        .into_iter()
        .take(TOLD)
        .map(|what| {
            Failure::new(ErrorKind::Damaged, what).with_hint(
                "run `forgekeep verify` to see whether the backup is damaged; if it is sound, report this: it is a bug in Forgekeep",
            )
        })
        .collect();
    if more > 0 {
        failures.push(Failure::new(ErrorKind::Damaged, format!("and {more} more")));
    }
    failures
}

/// The newest snapshot with a branch that the newest one of all does not have.
fn with_gone_branches(part: &Part) -> Result<Option<SnapshotId>, Failure> {
    let store = part.snapshots();
    let entries = store.entries()?;
    let Some(last) = entries.len().checked_sub(1) else {
        return Ok(None);
    };
    let newest = store.state(&entries, last, None)?;
    let is_gone =
        |name: &RefName| name.starts_with(b"refs/heads/") && !newest.tips.contains_key(name);
    let mut found = None;
    store.each_state(&entries, None, |at, state| {
        if state?.tips.keys().any(is_gone) {
            found = Some(entries[at].id.clone());
        }
        Ok::<_, Failure>(())
    })?;
    Ok(found)
}

/// What is remembered of a repository that was brought back.
pub fn drilled(kept: &Kept, tried: &Tried) -> Drilled {
    Drilled {
        source: kept.title.clone(),
        id: kept.id().cloned(),
        path: kept.path.clone(),
        name: kept.full_name.clone(),
        drilled: Timestamp::now(),
        good: tried.good,
        more: Map::new(),
    }
}
