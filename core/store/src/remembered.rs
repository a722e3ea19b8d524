//! What one command has found out about each repository, remembered for the next ones in one sealed file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use forgekeep_durable::sealed;
use forgekeep_failure::Failure;
use forgekeep_untrusted::Untrusted;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{OWN_FOLDER, StateFile};

/// What is remembered of a repository.
pub trait Entry: Serialize + DeserializeOwned {
    /// The file with all of them.
    const FILE: StateFile;

    /// What is lost where the file cannot be written, for people.
    const UNWRITTEN: &str;

    /// Title of the repository's source.
    fn source(&self) -> &Untrusted;

    /// The hoster's immutable identity, where it is known.
    fn id(&self) -> Option<&Untrusted>;

    /// Folder below the backup folder, parts joined by `/`.
    fn path(&self) -> &Untrusted;

    /// Whether it is about this repository: by its id, or by its folder where that has no id.
    fn is_for(&self, source: &Untrusted, id: Option<&Untrusted>, path: &Untrusted) -> bool {
        match (self.id(), id) {
            (Some(known_id), Some(id)) => self.source() == source && known_id == id,
            _ => self.path() == path,
        }
    }
}

/// What is known of all repositories of a backup folder.
#[derive(Clone, Debug)]
pub struct Remembered<E> {
    path: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) document: Document<E>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document<E> {
    format: u32,
    pub(crate) repositories: Vec<E>,
    /// What a newer version wrote.
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl<E: Entry> Remembered<E> {
    /// Nothing is known.
    pub fn nothing(local_folder: &Path) -> Self {
        Self {
            path: local_folder.join(OWN_FOLDER).join(E::FILE.name),
            folder: local_folder.to_owned(),
            document: Document {
                format: E::FILE.formats.known,
                repositories: Vec::new(),
                more: Map::new(),
            },
        }
    }

    /// Reads what is remembered in a backup folder. No file is no failure: nothing was remembered yet.
    ///
    /// # Errors
    ///
    /// [`Damaged`](forgekeep_failure::ErrorKind::Damaged), [`Other`](forgekeep_failure::ErrorKind::Other) if a newer version
    /// wrote it, or [`Disk`](forgekeep_failure::ErrorKind::Disk).
    pub fn read(local_folder: &Path) -> Result<Self, Failure> {
        let mut known = Self::nothing(local_folder);
        if let Some(document) = sealed::read(&known.path, E::FILE.formats)? {
            known.document = document;
        }
        Ok(known)
    }

    /// Everything that is known, in the order of the folders.
    pub fn repositories(&self) -> &[E] {
        &self.document.repositories
    }

    /// What is known of a repository: by its id, or by its folder where that has no id.
    pub fn of(&self, source: &Untrusted, id: Option<&Untrusted>, path: &Untrusted) -> Option<&E> {
        let mut all = self.document.repositories.iter();
        all.find(|known| known.is_for(source, id, path))
    }

    /// For many questions like [`Remembered::of`].
    pub fn lookup(&self) -> Lookup<'_, E> {
        let mut lookup = Lookup {
            all: self.repositories(),
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            without_id: HashMap::new(),
        };
        for (index, known) in lookup.all.iter().enumerate() {
            lookup.by_path.entry(known.path()).or_insert(index);
            match known.id() {
                Some(id) => lookup.by_id.entry((known.source(), id)).or_insert(index),
                None => lookup.without_id.entry(known.path()).or_insert(index),
            };
        }
        lookup
    }

    /// Replaces what is known of a repository.
    pub fn set(&mut self, entry: E) {
        let (source, id, path) = (entry.source(), entry.id(), entry.path());
        let all = &mut self.document.repositories;
        all.retain(|known| !known.is_for(source, id, path) && known.path() != path);
        all.push(entry);
        all.sort_by(|a, b| a.path().cmp(b.path()));
    }

    /// Writes it, without what is no longer in the backup folder.
    ///
    /// # Errors
    ///
    /// [`Disk`](forgekeep_failure::ErrorKind::Disk).
    pub fn write(&mut self) -> Result<(), Failure> {
        let folder = &self.folder;
        let is_there = |known: &E| folder.join(known.path().raw()).is_dir();
        self.document.repositories.retain(is_there);
        sealed::write(&self.path, &self.document)
            .map_err(|failure| failure.while_doing(E::UNWRITTEN))
    }
}

/// What is known of each repository, to be looked up.
pub struct Lookup<'a, E> {
    all: &'a [E],
    by_id: HashMap<(&'a Untrusted, &'a Untrusted), usize>,
    by_path: HashMap<&'a Untrusted, usize>,
    /// Those of which no id is known.
    without_id: HashMap<&'a Untrusted, usize>,
}

impl<'a, E: Entry> Lookup<'a, E> {
    /// The same as [`Remembered::of`].
    pub fn of(
        &self,
        source: &Untrusted,
        id: Option<&Untrusted>,
        path: &Untrusted,
    ) -> Option<&'a E> {
        let index = match id {
            Some(id) => {
                let by_id = self.by_id.get(&(source, id));
                by_id.into_iter().chain(self.without_id.get(path)).min()
            }
            None => self.by_path.get(path),
        };
        self.all.get(*index?)
    }
}
