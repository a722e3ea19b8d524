//! Snapshots: what the refs of a mirror were at each run that changed them.
//!
//! A snapshot is a JSON file beside the mirror, in `snapshots/repo/` (or `snapshots/wiki/`). It
//! says what changed since the one before it, with old and new values; every now and then one has
//! all refs as well, so that the files together stay within a few times the size of the changes.
//! Since a change has both values, a state can be told from either side: from the last full list
//! forwards, or from the present refs backwards, if a file between is damaged.
//!
//! The objects are in the mirror, held by its refs: what upstream has, and for every tip that was
//! left behind a `refs/forgekeep/kept/<object id>`. A tip that only moved forward is reached from
//! where it moved to.
//!
//! - `file`: one file, and how it is named;
//! - `store`: all of a mirror's: reading, states, the newest;
//! - `record`: writing one in step with the refs.

mod file;
mod record;
mod store;
mod written;

use forgekeep_untrusted::Untrusted;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::{self, OURS, RefName, Refs};
use git2::{ObjectType, Oid};
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

pub use file::Snapshot;
pub use record::Recorder;
pub use store::{SnapshotFile, Store};
pub use written::Origin;

/// Refs by name, without what annotated tags peel to.
pub type Tips = BTreeMap<RefName, Oid>;

/// Whose mirror it is, as its snapshots say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Id of the hoster.
    pub hoster: String,
    /// The hoster's immutable identity of the repository.
    pub id: Untrusted,
    /// Full name at the hoster.
    pub full_name: Untrusted,
}

/// The refs of a mirror at a time, without ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefState {
    /// Where `HEAD` pointed: a ref, or an [object](refs::detached).
    pub head: Option<RefName>,
    /// All refs that upstream had.
    pub tips: Tips,
}

impl RefState {
    /// Of the refs in a mirror.
    pub fn new(refs: &Refs, head: Option<RefName>) -> Self {
        let upstream = refs.iter().filter(|(name, _)| !name.starts_with(OURS));
        Self {
            head,
            tips: upstream
                .map(|(name, value)| (name.clone(), value.oid))
                .collect(),
        }
    }

    /// The object that `HEAD` is detached at, if it is.
    pub fn detached(&self) -> Option<Oid> {
        self.head.as_deref().and_then(refs::detached)
    }

    /// The branch that `HEAD` points to, if it is there.
    pub fn default_branch(&self) -> Option<&RefName> {
        let head = self.head.as_ref()?;
        (head.starts_with(b"refs/heads/") && self.tips.contains_key(head)).then_some(head)
    }

    /// All objects that the state names itself.
    pub fn objects(&self) -> impl Iterator<Item = Oid> {
        self.tips.values().copied().chain(self.detached())
    }

    /// The refs, with `HEAD` among them if it is detached: all that has to be there for this state.
    pub fn roots(&self) -> Tips {
        let mut roots = self.tips.clone();
        roots.extend(self.detached().map(|oid| (b"HEAD".to_vec(), oid)));
        roots
    }

    /// The id of a snapshot of this state: it names the state, however it is stored.
    ///
    /// # Errors
    ///
    /// If libgit2 cannot hash.
    pub fn id(&self, time: Timestamp) -> Result<SnapshotId, Failure> {
        let mut text = format!("forgekeep snapshot\n{time}\n").into_bytes();
        text.extend(b"HEAD ");
        text.extend(self.head.as_deref().unwrap_or_default());
        text.push(b'\n');
        for (name, oid) in &self.tips {
            text.extend(oid.to_string().bytes());
            text.push(b' ');
            text.extend(name);
            text.push(b'\n');
        }
        let oid = Oid::hash_object(ObjectType::Blob, &text).map_err(|error| {
            Failure::new(ErrorKind::Other, format!("libgit2 cannot hash: {error}"))
        })?;
        Ok(SnapshotId(oid.to_string()[..SnapshotId::DIGITS].to_owned()))
    }
}

/// The id of a snapshot: 12 hex digits of a hash of its time, `HEAD` and refs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline))]
pub struct SnapshotId(String);

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.0
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not the id of a snapshot")
    }
}

impl SnapshotId {
    /// How many hex digits it has.
    pub const DIGITS: usize = 12;

    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let valid = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == Self::DIGITS && text.bytes().all(valid)).then(|| Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What happened to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Created(Oid),
    /// It moved forward: the old tip is reached from the new one.
    Updated(Oid, Oid),
    /// It moved elsewhere; the old tip is held by a ref of ours.
    Forced(Oid, Oid),
    /// It is gone; the old tip is held by a ref of ours.
    Deleted(Oid),
}

/// What happened to the refs between two states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Where `HEAD` pointed before, if it points elsewhere now. The inner `None`: nowhere.
    pub old_head: Option<Option<RefName>>,
    /// Each ref that is not what it was.
    pub refs: BTreeMap<RefName, Change>,
    /// Those of them that are gone because they are not backed up any more, whether upstream still has
    /// them or not.
    pub left_out: BTreeSet<RefName>,
}

impl Changes {
    /// The state before, out of the one after. `None` if they do not fit together.
    pub fn undo(&self, after: &RefState) -> Option<RefState> {
        let mut before = after.clone();
        for (name, change) in &self.refs {
            let (old, new) = change.ends();
            if after.tips.get(name) != new.as_ref() {
                return None;
            }
            match old {
                Some(old) => before.tips.insert(name.clone(), old),
                None => before.tips.remove(name),
            };
        }
        if let Some(old) = &self.old_head {
            before.head.clone_from(old);
        }
        Some(before)
    }

    /// The tips, out of those before. `None` if they do not fit together.
    pub fn apply(&self, before: &Tips) -> Option<Tips> {
        let mut after = before.clone();
        for (name, change) in &self.refs {
            let (old, new) = change.ends();
            if before.get(name) != old.as_ref() {
                return None;
            }
            match new {
                Some(new) => after.insert(name.clone(), new),
                None => after.remove(name),
            };
        }
        Some(after)
    }

    /// Between two states of which nothing else is known: whatever moved counts as forced.
    pub fn between(before: &RefState, after: &RefState) -> Self {
        let mut refs = BTreeMap::new();
        for (name, old) in &before.tips {
            match after.tips.get(name) {
                None => drop(refs.insert(name.clone(), Change::Deleted(*old))),
                Some(new) if new != old => {
                    refs.insert(name.clone(), Change::Forced(*old, *new));
                }
                Some(_) => {}
            }
        }
        for (name, new) in &after.tips {
            if !before.tips.contains_key(name) {
                refs.insert(name.clone(), Change::Created(*new));
            }
        }
        Self {
            old_head: (before.head != after.head).then(|| before.head.clone()),
            refs,
            left_out: BTreeSet::new(),
        }
    }
}

impl Change {
    /// The old and the new value.
    pub fn ends(self) -> (Option<Oid>, Option<Oid>) {
        match self {
            Self::Created(new) => (None, Some(new)),
            Self::Updated(old, new) | Self::Forced(old, new) => (Some(old), Some(new)),
            Self::Deleted(old) => (Some(old), None),
        }
    }
}

/// How many refs there are, and how many changed in which way.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Counts {
    /// Refs in all.
    pub refs: usize,
    /// New ones.
    pub created: usize,
    /// Moved forward.
    pub updated: usize,
    /// Moved elsewhere.
    pub forced: usize,
    /// Gone, but for those that are not backed up any more.
    pub deleted: usize,
}

impl Counts {
    /// Of a state and how it came about.
    pub fn new(tips: &Tips, changes: &Changes) -> Self {
        let mut counts = Self {
            refs: tips.len(),
            ..Self::default()
        };
        let left_out = |name: &RefName| changes.left_out.contains(name);
        for (_, change) in changes.refs.iter().filter(|(name, _)| !left_out(name)) {
            match change {
                Change::Created(_) => counts.created += 1,
                Change::Updated(..) => counts.updated += 1,
                Change::Forced(..) => counts.forced += 1,
                Change::Deleted(_) => counts.deleted += 1,
            }
        }
        counts
    }
}

/// A time as snapshots have it: whole milliseconds, as in their files' names.
pub fn to_the_millisecond(time: Timestamp) -> Timestamp {
    let rounding = jiff::TimestampRound::new()
        .smallest(Unit::Millisecond)
        .mode(jiff::RoundMode::Trunc);
    time.round(rounding).unwrap_or(time)
}

#[cfg(test)]
mod tests;
