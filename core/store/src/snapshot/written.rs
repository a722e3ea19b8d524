//! A snapshot's file as it is written: ref by ref, without a copy of them all as text.

use forgekeep_git::refs::{RefName, ref_text};
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use super::{Change, Changes, Counts, SnapshotId, Tips};

/// The file. `old..new` is git's own way to write a change.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'s> {
    pub format: u32,
    pub number: u64,
    pub id: &'s SnapshotId,
    pub time: Timestamp,
    pub previous: Option<&'s SnapshotId>,
    pub hoster: &'s str,
    pub repository: &'s Untrusted,
    pub full_name: &'s Untrusted,
    pub origin: Origin,
    pub head: Option<String>,
    pub counts: Counts,
    pub changes: WrittenChanges<'s>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refs: Option<WrittenRefs<'s>>,
    #[serde(flatten)]
    pub more: &'s serde_json::Map<String, serde_json::Value>,
}

/// Why a snapshot was made.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A run changed the refs.
    Run,
    /// The mirror was there before its first snapshot: made by SCM Backup, say.
    Adopted,
    /// Somebody else had changed the mirror's refs since the last snapshot.
    Found,
    /// Its file was damaged, and was made again out of the others.
    Rebuilt,
}

/// Where `HEAD` pointed before.
#[derive(Serialize, Deserialize)]
pub(super) struct OldHead {
    pub old: Option<String>,
}

/// All refs.
pub(super) struct WrittenRefs<'s>(pub &'s Tips);

impl Serialize for WrittenRefs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refs = self.0.iter();
        serializer.collect_map(refs.map(|(name, oid)| (text(name), oid.to_string())))
    }
}

/// What changed, in a list for each kind of change; empty ones are left out.
pub(super) struct WrittenChanges<'s>(pub &'s Changes);

impl Serialize for WrittenChanges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lists = serializer.serialize_map(None)?;
        if let Some(old) = &self.0.old_head {
            let old = old.as_deref().map(text);
            lists.serialize_entry("head", &OldHead { old })?;
        }
        let kinds: [(&str, ValueOf); 4] = [
            ("created", |change| match change {
                Change::Created(new) => Some(new.to_string()),
                _ => None,
            }),
            ("updated", |change| match change {
                Change::Updated(old, new) => Some(format!("{old}..{new}")),
                _ => None,
            }),
            ("forced", |change| match change {
                Change::Forced(old, new) => Some(format!("{old}..{new}")),
                _ => None,
            }),
            ("deleted", |change| match change {
                Change::Deleted(old) => Some(old.to_string()),
                _ => None,
            }),
        ];
        for (name, value) in kinds {
            let list = List {
                changes: self.0,
                value,
            };
            if list.entries().next().is_some() {
                lists.serialize_entry(name, &list)?;
            }
        }
        if !self.0.left_out.is_empty() {
            let left_out: Vec<String> = self.0.left_out.iter().map(|name| text(name)).collect();
            lists.serialize_entry("leftOut", &left_out)?;
        }
        lists.end()
    }
}

/// What is written of a change, if it is in the list.
type ValueOf = fn(&Change) -> Option<String>;

struct List<'s> {
    changes: &'s Changes,
    value: ValueOf,
}

impl List<'_> {
    fn entries(&self) -> impl Iterator<Item = (&RefName, String)> {
        let all = self.changes.refs.iter();
        all.filter_map(|(name, change)| Some((name, (self.value)(change)?)))
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries().map(|(name, value)| (text(name), value)))
    }
}

/// The name of a ref as the file has it.
pub(super) fn text(name: &[u8]) -> String {
    ref_text(name).into_raw()
}
