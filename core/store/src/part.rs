//! The parts of a repository: which kinds there are, what each is called, where it lies.
//!
//! A part is a value. What is done with one has a small trait where the verb lives, and beside it one
//! table from kinds to who does it: `Hold` here (what of it is in the store), `forget::Prune`,
//! `verify`'s `Verify`, `restore`'s `Restore`, and `BackUp` in the engine, which repairs on its way.
//! Each table is a match without a wildcard, so the compiler names those that a new kind is missing
//! from; `tests/tests/e2e/architecture/parts.rs` sees to it that they stay so.
//!
//! One trait for all verbs would have the store know of networks and servers.

mod mirror;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_durable::regular_file;
use forgekeep_failure::Failure;

use crate::layout::{DAMAGED_FILES, PARTIAL, REPOSITORY, SNAPSHOTS, STATE_FILE, WIKI};
use crate::snapshot::Store;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// The git repository itself. Every repository has it.
    Repository,
    /// The git repository of its wiki.
    Wiki,
}

impl PartKind {
    /// All there are; the repository itself comes first.
    pub const ALL: [Self; 2] = [Self::Repository, Self::Wiki];

    /// Those that a repository may or may not have.
    pub fn further() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|kind| *kind != Self::Repository)
    }

    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Wiki => "wiki",
        }
    }

    /// Its name on disk: that of its folder, of the one with its snapshots, and of what
    /// `forgekeep.json` knows of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repository => REPOSITORY,
            Self::Wiki => WIKI,
        }
    }
}

/// A part of a repository in the backup, which may be there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// What it is called on disk, in the repository's folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

impl Part {
    /// The part of a kind, in a repository's folder.
    pub fn new(kind: PartKind, repository_folder: &Path) -> Self {
        Self {
            kind,
            name: kind.name().to_owned(),
            folder: repository_folder.join(kind.name()),
        }
    }

    /// All that a repository's folder may hold.
    pub fn all(repository_folder: &Path) -> impl Iterator<Item = Self> {
        PartKind::ALL
            .into_iter()
            .map(move |kind| Self::new(kind, repository_folder))
    }

    /// Whether it is in the backup.
    pub fn is_there(&self) -> bool {
        of_kind(self.kind).is_there(self)
    }

    /// Its snapshots.
    pub fn snapshots(&self) -> Store {
        Store::beside(&self.folder)
    }

    /// Makes sure that its folders are folders.
    fn check_folders(&self) -> Result<(), Failure> {
        of_kind(self.kind).check_folders(self)
    }

    /// Whether anything is left of it, also if it can be no more than repaired.
    pub fn has_traces(&self) -> bool {
        of_kind(self.kind).has_traces(self)
    }

    /// The name of the folder it is made in.
    fn partial(&self) -> String {
        format!("{}{PARTIAL}", self.name)
    }
}

/// Makes sure that the folders of a repository are folders: a link in their place would have us write
/// outside of the backup.
///
/// # Errors
///
/// [`ErrorKind::Disk`](forgekeep_failure::ErrorKind::Disk) naming the folder.
pub fn check_folders(repository_folder: &Path) -> Result<(), Failure> {
    regular_file::check_folder(repository_folder)?;
    regular_file::check_folder(&repository_folder.join(SNAPSHOTS))?;
    Part::all(repository_folder).try_for_each(|part| part.check_folders())?;
    regular_file::check_folder(&repository_folder.join(DAMAGED_FILES)).map(drop)
}

/// Removes what a killed run left in a source's folder: clones it had begun, files half written.
///
/// # Errors
///
/// [`ErrorKind::Disk`](forgekeep_failure::ErrorKind::Disk) if something cannot be removed.
pub fn remove_leftovers(source_folder: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(source_folder) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let folder = entry.path();
        // A link may lead out of the backup: nothing is removed there.
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let names = mirror::names_in(&folder);
        mirror::remove_half_written(&folder, &names, &[STATE_FILE]);
        for part in Part::all(&folder) {
            of_kind(part.kind).remove_leftovers(&part, &names)?;
        }
    }
    Ok(())
}

/// What is in the store of a part.
trait Hold: Sync {
    /// Whether it is there.
    fn is_there(&self, part: &Part) -> bool;

    /// As [`Part::has_traces`].
    fn has_traces(&self, part: &Part) -> bool;

    /// As [`Part::check_folders`].
    fn check_folders(&self, part: &Part) -> Result<(), Failure>;

    /// Removes what a killed run left of it. `names` is what is in the repository's folder.
    fn remove_leftovers(&self, part: &Part, names: &HashSet<OsString>) -> Result<(), Failure>;
}

fn of_kind(kind: PartKind) -> &'static dyn Hold {
    match kind {
        PartKind::Repository | PartKind::Wiki => &mirror::Mirror,
    }
}
