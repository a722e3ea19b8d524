//! When each repository was last brought back as it was: remembered from one drill to the next.

use std::path::{Path, PathBuf};

use forgekeep_durable::sealed;
use forgekeep_failure::Failure;
use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{DRILLED, OWN_FOLDER};

/// What the last drill of a repository has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drilled {
    /// Title of its source.
    pub source: Untrusted,
    /// The hoster's immutable identity, where it is known.
    pub id: Option<Untrusted>,
    /// Folder below the backup folder, parts joined by `/`.
    pub path: Untrusted,
    /// Full name at the hoster.
    pub name: Untrusted,
    /// When it was brought back.
    pub drilled: Timestamp,
    /// Whether it came back as it was.
    pub good: bool,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is known of all repositories of a backup folder.
#[derive(Clone, Debug)]
pub struct Drills {
    path: PathBuf,
    folder: PathBuf,
    document: DrillFile,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrillFile {
    format: u32,
    repositories: Vec<Drilled>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Drills {
    /// Nothing is known.
    pub fn nothing(local_folder: &Path) -> Self {
        Self {
            path: local_folder.join(OWN_FOLDER).join(DRILLED.name),
            folder: local_folder.to_owned(),
            document: DrillFile {
                format: DRILLED.formats.known,
                repositories: Vec::new(),
                more: Map::new(),
            },
        }
    }

    /// Reads what is remembered in a backup folder. No file is no failure: there was no drill yet.
    ///
    /// # Errors
    ///
    /// [`Damaged`](forgekeep_failure::ErrorKind::Damaged), [`Other`](forgekeep_failure::ErrorKind::Other) if a newer
    /// version wrote it, or [`Disk`](forgekeep_failure::ErrorKind::Disk).
    pub fn read(local_folder: &Path) -> Result<Self, Failure> {
        let mut drills = Self::nothing(local_folder);
        if let Some(document) = sealed::read(&drills.path, DRILLED.formats)? {
            drills.document = document;
        }
        Ok(drills)
    }

    /// What is known of a repository: by its id, or by its folder where that has no id.
    pub fn of(
        &self,
        source: &Untrusted,
        id: Option<&Untrusted>,
        path: &Untrusted,
    ) -> Option<&Drilled> {
        let mut all = self.document.repositories.iter();
        all.find(|known| match (&known.id, id) {
            (Some(known_id), Some(id)) => known.source == *source && known_id == id,
            _ => known.path == *path,
        })
    }

    /// Replaces what is known of a repository.
    pub fn set(&mut self, drilled: Drilled) {
        let all = &mut self.document.repositories;
        all.retain(|known| {
            let is_same =
                known.source == drilled.source && known.id.is_some() && known.id == drilled.id;
            !is_same && known.path != drilled.path
        });
        all.push(drilled);
        all.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Writes it, without what is no longer in the backup folder.
    ///
    /// # Errors
    ///
    /// [`Disk`](forgekeep_failure::ErrorKind::Disk).
    pub fn write(&mut self) -> Result<(), Failure> {
        let folder = &self.folder;
        self.document
            .repositories
            .retain(|known| folder.join(known.path.raw()).is_dir());
        sealed::write(&self.path, &self.document)
            .map_err(|failure| failure.while_doing("the result of the drill was not recorded"))
    }
}
