//! One snapshot's file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::Failure;
use forgekeep_git::refs::{self, RefName, is_valid_name, parse_oid};
use forgekeep_untrusted::Untrusted;
use git2::Oid;
use jiff::Timestamp;
use serde::Deserialize;

use super::written::{OldHead, Origin, Written, WrittenChanges, WrittenRefs, text};
use super::{Change, Changes, Counts, Identity, RefState, SnapshotId, Tips};

/// The format of most snapshots.
const COMMON: u32 = 1;

/// The format of those in which `HEAD` is, or was, detached: version 0.1 cannot read them, and shall
/// not take them for damaged.
const DETACHED: u32 = 2;

const FORMATS: Formats = Formats {
    known: DETACHED,
    sealed_since: 1,
    // A full list of some ten million refs.
    max_bytes: 1024 * 1024 * 1024,
    hint: "run `forgekeep backup`: it rebuilds the file if its content can be derived from the \
    others",
};

/// What one file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Counts up from 1, also over a clock that was set back.
    pub number: u64,
    /// Names the state.
    pub id: SnapshotId,
    /// When the refs were switched, UTC, in whole milliseconds.
    pub time: Timestamp,
    /// The snapshot before.
    pub previous: Option<SnapshotId>,
    /// Whose mirror it is.
    pub identity: Identity,
    /// Why it was made.
    pub origin: Origin,
    /// Where `HEAD` pointed: a ref, or an [object](refs::detached).
    pub head: Option<RefName>,
    /// How many refs there are, and how many changed.
    pub counts: Counts,
    /// What changed since the one before.
    pub changes: Changes,
    /// All refs, if the file has them.
    pub tips: Option<Tips>,
    /// What a newer version wrote.
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// The file as it is read. `old..new` is git's own way to write a change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotDocument {
    /// Not one that others have written in its place.
    #[serde(rename = "format")]
    _format: u32,
    number: u64,
    id: String,
    time: Timestamp,
    previous: Option<String>,
    hoster: String,
    repository: Untrusted,
    full_name: Untrusted,
    origin: Origin,
    head: Option<String>,
    counts: Counts,
    changes: Lists,
    #[serde(default)]
    refs: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Lists {
    head: Option<OldHead>,
    created: BTreeMap<String, String>,
    updated: BTreeMap<String, String>,
    forced: BTreeMap<String, String>,
    deleted: BTreeMap<String, String>,
    /// Which of `deleted` are gone because they are not backed up any more.
    left_out: BTreeSet<String>,
}

impl Snapshot {
    /// Reads a file; `None` if there is none.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let Some(document) = sealed::read::<SnapshotDocument>(path, FORMATS)? else {
            return Ok(None);
        };
        Self::from_document(document)
            .map(Some)
            .map_err(|why| Failure::damaged(path, why).with_hint(FORMATS.hint))
    }

    /// Writes the file.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        sealed::write(path, &self.to_document())
    }

    /// Writes the file again: what is before it has changed, not its own state.
    pub fn rewrite(&self, path: &Path) -> Result<(), Failure> {
        self.write(path)
    }

    /// How many bytes the file has.
    pub(super) fn bytes(&self) -> Result<u64, Failure> {
        sealed::length(&self.to_document())
    }

    /// The state, if the file has all refs.
    pub fn full_state(&self) -> Option<RefState> {
        let tips = self.tips.clone()?;
        Some(RefState {
            head: self.head.clone(),
            tips,
        })
    }

    fn to_document(&self) -> Written<'_> {
        let old_head = self.changes.old_head.iter().flatten();
        let is_detached = old_head
            .chain(&self.head)
            .any(|head| refs::detached(head).is_some());
        Written {
            format: if is_detached { DETACHED } else { COMMON },
            number: self.number,
            id: &self.id,
            time: self.time,
            previous: self.previous.as_ref(),
            hoster: &self.identity.hoster,
            repository: &self.identity.id,
            full_name: &self.identity.full_name,
            origin: self.origin,
            head: self.head.as_deref().map(text),
            counts: self.counts,
            changes: WrittenChanges(&self.changes),
            refs: self.tips.as_ref().map(WrittenRefs),
            more: &self.more,
        }
    }

    fn from_document(document: SnapshotDocument) -> Result<Self, String> {
        let id =
            |text: &str| SnapshotId::parse(text).ok_or_else(|| "it holds an invalid id".to_owned());
        let lists = document.changes;
        let mut refs = BTreeMap::new();
        let lone =
            |(name, value): (String, String)| Ok::<_, String>((ref_name(&name)?, oid(&value)?));
        let pair = |(name, value): (String, String)| {
            let (old, new) = value
                .split_once("..")
                .ok_or_else(|| "a change in it lacks the old or the new object id".to_owned())?;
            Ok::<_, String>((ref_name(&name)?, oid(old)?, oid(new)?))
        };
        for entry in lists.created {
            let (name, new) = lone(entry)?;
            refs.insert(name, Change::Created(new));
        }
        for entry in lists.updated {
            let (name, old, new) = pair(entry)?;
            refs.insert(name, Change::Updated(old, new));
        }
        for entry in lists.forced {
            let (name, old, new) = pair(entry)?;
            refs.insert(name, Change::Forced(old, new));
        }
        for entry in lists.deleted {
            let (name, old) = lone(entry)?;
            refs.insert(name, Change::Deleted(old));
        }
        let left_out = lists.left_out.iter().map(|name| ref_name(name));
        let left_out = left_out.collect::<Result<_, _>>()?;
        let old_head = match lists.head {
            None => None,
            Some(OldHead { old }) => Some(old.as_deref().map(head_name).transpose()?),
        };
        Ok(Self {
            number: document.number,
            id: id(&document.id)?,
            time: document.time,
            previous: document.previous.as_deref().map(id).transpose()?,
            identity: Identity {
                hoster: document.hoster,
                id: document.repository,
                full_name: document.full_name,
            },
            origin: document.origin,
            head: document.head.as_deref().map(head_name).transpose()?,
            counts: document.counts,
            changes: Changes {
                old_head,
                refs,
                left_out,
            },
            tips: match document.refs {
                None => None,
                Some(refs) => Some(refs.into_iter().map(lone).collect::<Result<_, _>>()?),
            },
            more: document.more,
        })
    }
}

fn ref_name(text: &str) -> Result<RefName, String> {
    let wrong = || format!("\"{text}\" in it is not the name of a ref");
    let mut name = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let digits = [bytes.next(), bytes.next()].map(|digit| digit.map(char::from));
        let value = digits.map(|digit| digit.and_then(|digit| digit.to_digit(16)));
        let [Some(high), Some(low)] = value else {
            return Err(wrong());
        };
        name.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    is_valid_name(&name).then_some(name).ok_or_else(wrong)
}

fn head_name(text: &str) -> Result<RefName, String> {
    let detached = refs::detached(text.as_bytes());
    detached.map_or_else(|| ref_name(text), |oid| Ok(refs::detached_at(oid)))
}

fn oid(text: &str) -> Result<Oid, String> {
    parse_oid(text).ok_or_else(|| format!("\"{text}\" in it is not an object id"))
}

/// The name of a snapshot's file, from which number, time and id can be told even if the content
/// is damaged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    pub number: u64,
    pub time: Timestamp,
    pub id: SnapshotId,
}

impl FileName {
    /// Reads a name such as `000042-2026-11-22T17-05-33.123Z-0123456789ab.json`.
    pub fn parse(name: &str) -> Option<Self> {
        let (number, rest) = name.strip_suffix(".json")?.split_once('-')?;
        let (time, id) = rest.rsplit_once('-')?;
        let (day, clock) = time.split_once('T')?;
        let parsed = Self {
            // A run a second does not get there, and whatever follows can be counted on.
            number: number.parse().ok().filter(|n| *n < 1_000_000_000_000)?,
            time: format!("{day}T{}", clock.replace('-', ":")).parse().ok()?,
            id: SnapshotId::parse(id)?,
        };
        // Nothing else may pass for one: leading zeros missing, other spellings of a time.
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = self.time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
        write!(f, "{:06}-{time}-{}.json", self.number, self.id)
    }
}
