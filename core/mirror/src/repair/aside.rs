//! Where damaged files go: `damaged/<time>/` in the repository's folder, until nothing is missed.

use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::{atomic_file, regular_file, sealed};
use forgekeep_failure::Failure;
use forgekeep_store::health::Damage;
use forgekeep_store::layout::DAMAGED_FILES;
use jiff::Timestamp;

/// In each of them: what was damaged.
const LIST: &str = "damage.json";

/// A folder for what one repair moves aside.
pub(super) struct Aside {
    /// The repository's folder.
    of: PathBuf,
    pub folder: PathBuf,
}

impl Aside {
    /// Makes it, with a list of what is damaged: also what is missing has to be remembered.
    pub(super) fn make(of: &Path, damage: &[Damage]) -> Result<Self, Failure> {
        let time = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3fZ");
        let folder = of.join(DAMAGED_FILES).join(time.to_string());
        regular_file::check_folder(&of.join(DAMAGED_FILES))?;
        regular_file::make_folder(&folder)?;
        let list = serde_json::json!({ "format": 1, "damage": damage });
        sealed::write(&folder.join(LIST), &list)?;
        atomic_file::sync_parent(&folder)?;
        Ok(Self {
            of: of.to_owned(),
            folder,
        })
    }

    /// Puts another name on a file, or a copy of it, so that it can be replaced.
    pub(super) fn copy(&self, path: &Path) -> Result<(), Failure> {
        let new = self.place(path)?;
        match fs::hard_link(path, &new) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(_) => fs::copy(path, &new)
                .map(drop)
                .map_err(|error| Failure::disk("copy", path, &error)),
        }?;
        atomic_file::sync_parent(&new)
    }

    /// Moves a file, if it is there.
    pub(super) fn take(&self, path: &Path) -> Result<(), Failure> {
        let new = self.place(path)?;
        match fs::rename(path, &new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::disk("move aside", path, &error));
            }
            _ => {}
        }
        atomic_file::sync_parent(&new)?;
        atomic_file::sync_parent(path)
    }

    /// The path below this folder that a file has below the repository's.
    fn place(&self, path: &Path) -> Result<PathBuf, Failure> {
        let below = path.strip_prefix(&self.of).unwrap_or(path);
        let new = self.folder.join(below);
        if let Some(parent) = new.parent() {
            atomic_file::make_folders(parent)?;
        }
        // A second time in one repair: the first is what was found.
        match new.exists() {
            true => Ok(new.with_extension("again")),
            false => Ok(new),
        }
    }
}

/// Removes whatever repairs of a repository have moved aside, also those that were cut short:
/// nothing of it is missed. What cannot be removed does no harm.
pub(super) fn discard(of: &Path) {
    let folder = of.join(DAMAGED_FILES);
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.join(LIST).is_file() {
            continue; // Not ours.
        }
        if let Err(error) = fs::remove_dir_all(&path) {
            log::warn!("{}", Failure::disk("remove", &path, &error));
        }
    }
    let _ = fs::remove_dir(folder);
}
