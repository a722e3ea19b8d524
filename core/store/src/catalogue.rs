//! What is on disk below a source's folder: which folder holds which repository.
//!
//! Each repository's folder holds `forgekeep.json`, which ties it to the hoster's immutable
//! identity. A folder without one was made by SCM Backup, or by somebody else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::{fs, io};

use forgekeep_durable::atomic_file;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Shown, Untrusted, names};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{DAMAGED, OF_A_REPOSITORY, PARTIAL, STATE_FILE};
use crate::part::{Part, PartKind};
use crate::snapshot::{Identity, SnapshotFile};

const FORMATS: Formats = Formats {
    known: 2,
    sealed_since: 2,
    max_bytes: 1024 * 1024,
    hint: "run `forgekeep backup`: it writes the file again, if the snapshots beside it say which \
    repository it belongs to",
};

/// Key with the ids that a repository has had.
const FORMER_IDS: &str = "formerIds";

/// The content of [`STATE_FILE`]. Keys that this version does not know are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryState {
    /// Version of the file's format: 2.
    pub format: u32,
    /// The `hoster:` of the source.
    pub hoster: String,
    /// The hoster's immutable identity of the repository.
    pub id: Untrusted,
    /// Full name at the hoster when this was written.
    pub full_name: Untrusted,
    /// When the repository came into the backup.
    pub created: Timestamp,
    /// When the backup last changed.
    pub changed: Timestamp,
    /// Which listing it is from: another one that does not have it says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
    /// The immutable identity of whom it belongs to, where the hoster says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Untrusted>,
    /// Its description, as it was last listed.
    #[serde(default, skip_serializing_if = "Untrusted::is_empty")]
    pub description: Untrusted,
    /// Whether it was archived when it was last listed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub archived: bool,
    /// Since when the hoster no longer lists it: this is what is left of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Timestamp>,
    /// How often it was missed since then; absent where version 0.1 marked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Present when it was moved to the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed: Option<Trashed>,
    /// The newest snapshot of each mirror, by the name of its folder, when this was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub newest: BTreeMap<String, Newest>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A mirror's newest snapshot: the one whose loss no other snapshot tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Newest {
    /// Its number.
    pub number: u64,
    /// Names its state; as the file has it.
    pub id: Untrusted,
}

impl Newest {
    fn of(entry: &SnapshotFile) -> Self {
        Self {
            number: entry.number,
            id: entry.id.to_string().into(),
        }
    }
}

/// How often a repository was missed by whole listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// Runs that missed it.
    pub runs: u32,
    /// Days (UTC) on which one did.
    pub days: u32,
    /// The last of them.
    pub last: Timestamp,
}

/// When a repository was moved to the trash, and where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trashed {
    /// When.
    pub at: Timestamp,
    /// Title of its source.
    pub source: Untrusted,
    /// Its folder in the source's.
    pub folder: String,
}

/// Which listing a repository is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// Base of the hoster's API.
    pub api_url: String,
    /// What is listed there: the source's `name`.
    pub name: String,
}

impl RepositoryState {
    /// The state of a repository that comes into the backup now.
    pub fn new(identity: Identity, now: Timestamp) -> Self {
        Self {
            format: FORMATS.known,
            hoster: identity.hoster,
            id: identity.id,
            full_name: identity.full_name,
            created: now,
            changed: now,
            listing: None,
            owner: None,
            description: Untrusted::default(),
            archived: false,
            gone: None,
            missing: None,
            trashed: None,
            newest: BTreeMap::new(),
            more: Map::new(),
        }
    }

    /// Reads the state file in a repository's folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] naming the file, [`ErrorKind::Other`] if a newer version wrote it,
    /// [`ErrorKind::Disk`] if it cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        sealed::read(&folder.join(STATE_FILE), FORMATS)
    }

    /// The newest snapshot that a mirror had, if it is gone. `found` is the newest that is there.
    pub fn lost_newest(&self, mirror: &str, found: Option<&SnapshotFile>) -> Option<&Newest> {
        let known = self.newest.get(mirror)?;
        let is_there = found.is_some_and(|found| match found.number == known.number {
            true => Newest::of(found) == *known,
            false => found.number > known.number,
        });
        (!is_there).then_some(known)
    }

    /// Takes down which is the newest snapshot of a part now.
    pub fn note_newest(&mut self, part: &Part) {
        match part.snapshots().newest() {
            Some(newest) => drop(self.newest.insert(part.name.clone(), Newest::of(&newest))),
            None => drop(self.newest.remove(&part.name)),
        }
    }

    /// What can be told without the state file: the snapshots say whose mirrors these are. `None`
    /// if there is none that can be read.
    pub fn recover(folder: &Path) -> Option<Self> {
        let repository = Part::new(PartKind::Repository, folder);
        let entries = repository.snapshots().entries().ok()?;
        let newest = entries.iter().rev().find_map(|entry| entry.read().ok())?;
        let mut state = Self::new(newest.identity, entries.first()?.time);
        state.changed = entries.last()?.time;
        Some(state)
    }

    /// The ids that it has had before.
    pub fn former_ids(&self) -> impl Iterator<Item = &str> {
        let former = self.more.get(FORMER_IDS).and_then(Value::as_array);
        former.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The same repository under another id: it came back to its hoster.
    pub fn renew(&mut self, id: &Untrusted) {
        let former = self.more.entry(FORMER_IDS);
        if let Value::Array(ids) = former.or_insert_with(|| Value::Array(Vec::new())) {
            ids.push(Value::from(self.id.raw()));
        }
        self.id = id.clone();
    }

    /// Writes the state file in a repository's folder. One that is damaged is moved aside.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(STATE_FILE);
        if Self::read(folder).is_err_and(|failure| failure.kind == ErrorKind::Damaged) {
            let aside = folder.join(format!("{STATE_FILE}{DAMAGED}"));
            fs::rename(&path, &aside)
                .map_err(|error| Failure::disk("move aside", &path, &error))?;
        }
        let current = Self {
            format: FORMATS.known,
            ..self.clone()
        };
        sealed::write(&path, &current)
    }
}

/// The folders of a source.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    by_id: HashMap<Untrusted, String>,
    /// Those of them that are marked as gone.
    gone: HashSet<Untrusted>,
    /// The others, by the listing that they are from.
    listed: HashMap<Untrusted, Listing>,
    taken: HashMap<String, Owner>,
}

/// Whose a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The repository with this identity.
    Id(Untrusted),
    /// Nobody has claimed it, and it looks as SCM Backup leaves a repository's folder: to adopt.
    Unclaimed,
    /// It cannot be used, and this says why.
    Unusable(Failure),
}

impl Catalogue {
    /// Reads what is below a source's folder. A folder that is not there holds nothing.
    pub fn read(source_folder: &Path, hoster: &str) -> Result<Self, Failure> {
        let mut catalogue = Self::default();
        let entries = match fs::read_dir(source_folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(catalogue),
            Err(error) => return Err(Failure::disk("read", source_folder, &error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| Failure::disk("read", source_folder, &error))?;
            let Ok(folder) = entry.file_name().into_string() else {
                continue;
            };
            if entry.path().is_dir() {
                catalogue.add(&entry.path(), folder, hoster);
            }
        }
        Ok(catalogue)
    }

    fn add(&mut self, path: &Path, folder: String, hoster: &str) {
        let owner = match RepositoryState::read(path) {
            Ok(Some(state)) if state.hoster == hoster => {
                if state.gone.is_some() {
                    self.gone.insert(state.id.clone());
                } else if let Some(listing) = state.listing {
                    self.listed.insert(state.id.clone(), listing);
                }
                self.add_id(&state.id, &folder);
                Owner::Id(state.id)
            }
            Ok(Some(state)) => Owner::Id(format!("{}:{}", state.hoster, state.id.raw()).into()),
            // A run that was killed before it wrote the file has left snapshots that tell.
            Ok(None) => match RepositoryState::recover(path) {
                Some(state) if state.hoster == hoster => {
                    self.add_id(&state.id, &folder);
                    Owner::Id(state.id)
                }
                Some(state) => Owner::Id(format!("{}:{}", state.hoster, state.id.raw()).into()),
                None => match foreign_content(path) {
                    None => Owner::Unclaimed,
                    Some(failure) => Owner::Unusable(failure),
                },
            },
            Err(failure) => {
                match RepositoryState::recover(path).filter(|_| failure.kind == ErrorKind::Damaged)
                {
                    Some(state) if state.hoster == hoster => {
                        self.by_id.insert(state.id.clone(), folder.clone());
                        Owner::Id(state.id)
                    }
                    _ => Owner::Unusable(failure),
                }
            }
        };
        self.taken.insert(names::collision_key(&folder), owner);
    }

    /// Two folders may say that they are the same repository: somebody made a copy. A copy's name is
    /// most often the longer one.
    fn add_id(&mut self, id: &Untrusted, folder: &str) {
        let rank = |folder: &str| (folder.len(), folder.to_owned());
        match self.by_id.get_mut(id) {
            None => drop(self.by_id.insert(id.clone(), folder.to_owned())),
            Some(known) => {
                log::warn!(
                    "{} and {} say that they are the same repository: one is left alone",
                    Shown::of(known),
                    Shown::of(folder)
                );
                if rank(folder) < rank(known) {
                    folder.clone_into(known);
                }
            }
        }
    }

    /// The folder of a repository that is in the backup already.
    pub fn folder_of(&self, id: &Untrusted) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// The repositories in the backup: the hoster's identities and their folders.
    pub fn ids(&self) -> impl Iterator<Item = (&Untrusted, &str)> {
        self.by_id.iter().map(|(id, folder)| (id, folder.as_str()))
    }

    /// The repositories that a listing had last time.
    pub fn from_listing(&self, listing: &Listing) -> impl Iterator<Item = &Untrusted> {
        self.listed
            .iter()
            .filter(move |(_, of)| *of == listing)
            .map(|(id, _)| id)
    }

    /// Whether a repository is marked as gone.
    pub fn is_gone(&self, id: &Untrusted) -> bool {
        self.gone.contains(id)
    }

    /// Whose a folder is, by [`names::collision_key`]; `None` if it is free.
    pub fn owner(&self, key: &str) -> Option<&Owner> {
        self.taken.get(key)
    }

    /// Takes in a repository that has come to the source's folder since it was read.
    pub fn take_in(&mut self, source_folder: &Path, folder: &str, hoster: &str) {
        self.add(&source_folder.join(folder), folder.to_owned(), hoster);
    }

    /// Keeps a name for a repository that is not on disk under it yet: nobody else gets it.
    pub fn reserve(&mut self, folder: &str, id: &Untrusted) {
        self.taken
            .insert(names::collision_key(folder), Owner::Id(id.clone()));
    }

    /// A repository has another id than before.
    pub fn renew(&mut self, old: &Untrusted, new: &Untrusted) {
        let Some(folder) = self.by_id.remove(old) else {
            return;
        };
        self.gone.remove(old);
        if let Some(listing) = self.listed.remove(old) {
            self.listed.insert(new.clone(), listing);
        }
        self.claim(&folder, new);
    }

    /// Claims a folder for a repository that is in it.
    pub fn claim(&mut self, folder: &str, id: &Untrusted) {
        self.by_id.insert(id.clone(), folder.to_owned());
        self.taken
            .insert(names::collision_key(folder), Owner::Id(id.clone()));
    }
}

/// What is in an unclaimed folder that neither SCM Backup nor a killed run of ours puts there.
fn foreign_content(folder: &Path) -> Option<Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Some(Failure::disk("read", folder, &error)),
    };
    let foreign = entries
        .flatten()
        .map(|entry| entry.file_name())
        .find(|name| {
            let name = Untrusted::of_path(name);
            let name = name.raw().strip_suffix(PARTIAL).unwrap_or(name.raw());
            !OF_A_REPOSITORY.contains(&name) && !name.starts_with(STATE_FILE)
        })?;
    Some(
        Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "{} holds \"{}\", which no backup put there",
                folder.shown(),
                foreign.shown()
            ),
        )
        .with_hint("move the folder elsewhere to have the repository backed up; it was left alone"),
    )
}

/// Moves a repository's folder: its repository was renamed or moved upstream.
///
/// # Errors
///
/// [`ErrorKind::ForeignFolder`] if there is something already, [`ErrorKind::Disk`]. Then it is where
/// it was.
pub fn relocate(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("move here", to, &error);
    let lower = |path: &Path| names::collision_key(Untrusted::of_path(path).raw());
    // On a file system without case, the new name may be the old one's.
    if to.exists() && lower(from) != lower(to) {
        let message = format!("{} exists already", to.shown());
        return Err(Failure::new(ErrorKind::ForeignFolder, message)
            .with_hint("move the folder elsewhere; it was left alone"));
    }
    if let Some(parent) = to.parent() {
        atomic_file::make_folders(parent)?;
    }
    fs::rename(from, to).map_err(failed)?;
    atomic_file::sync_parent(to)?;
    atomic_file::sync_parent(from)
}
