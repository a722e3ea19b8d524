//! What is on disk below a source's folder: which folder holds which repository.
//!
//! Each repository's folder holds `forgekeep.json`, which ties it to the hoster's immutable
//! identity. A folder without one was made by SCM Backup, or by somebody else.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ErrorKind, Failure, atomic_file, names};

/// Name of the file that says whose folder it is.
pub const STATE_FILE: &str = "forgekeep.json";

/// Folder of a repository's mirror, in the repository's folder. SCM Backup's name.
pub const REPOSITORY: &str = "repo";

/// Folder of the wiki's mirror, in the repository's folder. SCM Backup's name.
pub const WIKI: &str = "wiki";

/// Largest state file that is read.
const MAX_STATE_BYTES: u64 = 1024 * 1024;

/// The content of [`STATE_FILE`]. Keys that this version does not know are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Version of the file's format: 1.
    pub format: u32,
    /// The `hoster:` of the source.
    pub hoster: String,
    /// The hoster's immutable identity of the repository.
    pub id: String,
    /// Full name at the hoster when this was written.
    pub full_name: String,
    /// When the repository came into the backup.
    pub created: Timestamp,
    /// When the backup last changed.
    pub changed: Timestamp,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl State {
    /// Reads the state file in a repository's folder; `None` if there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>, Failure> {
        let path = folder.join(STATE_FILE);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::disk("read", &path, &error)),
        };
        let damaged = |why: String| {
            Failure::new(
                ErrorKind::Damaged,
                format!("{} is damaged: {why}", path.display()),
            )
            .with_hint("the mirror beside it may well be sound; move this one file away to have it written anew")
        };
        if length > MAX_STATE_BYTES {
            return Err(damaged(format!("it has {length} bytes")));
        }
        let text = fs::read(&path).map_err(|error| Failure::disk("read", &path, &error))?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| damaged(error.to_string()))
    }

    /// Writes the state file in a repository's folder.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(self).map_err(|error| {
            Failure::new(
                ErrorKind::Other,
                format!("the state cannot be written: {error}"),
            )
        })?;
        text.push('\n');
        atomic_file::replace(&folder.join(STATE_FILE), text.as_bytes())
    }
}

/// The folders of a source.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    by_id: HashMap<String, String>,
    taken: HashMap<String, Owner>,
}

/// Whose a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The repository with this identity.
    Id(String),
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
        let owner = match State::read(path) {
            Ok(Some(state)) if state.hoster == hoster => {
                self.by_id.insert(state.id.clone(), folder.clone());
                Owner::Id(state.id)
            }
            Ok(Some(state)) => Owner::Id(format!("{}:{}", state.hoster, state.id)),
            Ok(None) => match foreign_content(path) {
                None => Owner::Unclaimed,
                Some(failure) => Owner::Unusable(failure),
            },
            Err(failure) => Owner::Unusable(failure),
        };
        self.taken.insert(names::collision_key(&folder), owner);
    }

    /// The folder of a repository that is in the backup already.
    pub fn folder_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }

    /// Whose a folder is, by [`names::collision_key`]; `None` if it is free.
    pub fn owner(&self, key: &str) -> Option<&Owner> {
        self.taken.get(key)
    }

    /// Claims a folder for a repository.
    pub(crate) fn claim(&mut self, folder: &str, id: &str) {
        self.by_id.insert(id.to_owned(), folder.to_owned());
        self.taken
            .insert(names::collision_key(folder), Owner::Id(id.to_owned()));
    }
}

/// What is in an unclaimed folder that neither SCM Backup nor a killed run of ours puts there.
fn foreign_content(folder: &Path) -> Option<Failure> {
    const KNOWN: [&str; 4] = [REPOSITORY, WIKI, "issues", "metadata"];
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return Some(Failure::disk("read", folder, &error)),
    };
    let foreign = entries
        .flatten()
        .map(|entry| entry.file_name())
        .find(|name| {
            let name = name.to_string_lossy();
            let name = name.strip_suffix(crate::mirror::PARTIAL).unwrap_or(&name);
            !KNOWN.contains(&name) && !name.starts_with(STATE_FILE)
        })?;
    Some(
        Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "{} holds \"{}\", which no backup put there",
                folder.display(),
                names::printable(&foreign.to_string_lossy())
            ),
        )
        .with_hint("the folder was left alone; move it elsewhere to have the repository backed up"),
    )
}

/// Removes what a killed run left of clones it had begun, in a source's folder.
pub fn remove_leftovers(source_folder: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(source_folder) else {
        return Ok(());
    };
    let mirrors: HashSet<&str> = HashSet::from([REPOSITORY, WIKI]);
    for entry in entries.flatten() {
        for mirror in &mirrors {
            let partial: PathBuf = entry
                .path()
                .join(format!("{mirror}{}", crate::mirror::PARTIAL));
            if partial.is_dir() {
                fs::remove_dir_all(&partial)
                    .map_err(|error| Failure::disk("remove", &partial, &error))?;
            }
        }
    }
    Ok(())
}
