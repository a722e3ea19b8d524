//! Which backup folders were used on this machine; and who may read them (`permissions`).
//!
//! A disk that is not mounted leaves its mount point: an empty folder, in which a backup would begin anew, fill
//! the system's disk, and be hidden when the disk is back. So each backup folder has an id
//! (`.forgekeep/folder.json`), and which id was last found at a path is remembered outside of it, in the user's
//! folder for state. Before a run writes anything, both are compared. What was used before and has no id now,
//! or another one, is refused, unless somebody says that it is meant.
//!
//! The file system itself is not compared: its number changes from boot to boot in many cases, and a backup
//! that was copied to a new disk, with its id, is the same one.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod permissions;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use forgekeep_durable::folder::key;
use forgekeep_durable::{atomic_file, regular_file, sealed};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::history;
use forgekeep_store::layout::{FOLDER_ID, KNOWN_FOLDER, OWN_FOLDER};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a backup folder is, as it says itself.
#[derive(Serialize, Deserialize)]
struct FolderId {
    format: u32,
    id: String,
}

/// What is remembered of a path.
#[derive(Serialize, Deserialize)]
struct Known {
    format: u32,
    /// For people.
    folder: String,
    id: String,
    /// When a run last found it there.
    used: Timestamp,
}

/// What is remembered of one backup folder.
pub struct KnownFolder<'a> {
    /// Where it is remembered; `None` where there is no place for that.
    file: Option<PathBuf>,
    folder: &'a Path,
}

impl<'a> KnownFolder<'a> {
    /// Of the backup folder at this path; `state` is the user's folder for state.
    pub fn new(state: Option<&Path>, folder: &'a Path) -> Self {
        Self {
            file: state
                .map(|state| state.join(format!("{}{}.json", KNOWN_FOLDER.name, key(folder)))),
            folder,
        }
    }

    /// Whether the backup folder may be the one that was used before. What cannot be read is no reason to
    /// think so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`]: it is empty, or another one.
    pub fn check(&self) -> Result<(), Failure> {
        let Some(known) = self.known() else {
            return Ok(());
        };
        match self.id() {
            Ok(Some(id)) if id == known.id => Ok(()),
            Ok(Some(_)) => Err(self.refused(&known, "another backup is there now")),
            // Its id is lost, and its reports are not: it is written again.
            Ok(None) if history::folder(self.folder).is_dir() => Ok(()),
            Ok(None) => {
                let why = match is_empty(self.folder) {
                    Some(true) => "it is empty now",
                    Some(false) => "there is no backup in it now",
                    None => "it does not exist now",
                };
                Err(self.refused(&known, why))
            }
            // It is there, and damaged; or the run itself says what it cannot read.
            Err(_) => Ok(()),
        }
    }

    /// Remembers that this is the folder. For a run that has the lock.
    ///
    /// # Errors
    ///
    /// It cannot be written; nothing depends on it but the next [`check`](Self::check).
    pub fn remember(&self) -> Result<(), Failure> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let id = self.own_id()?;
        atomic_file::make_folders(file.parent().unwrap_or(file))?;
        sealed::write(
            file,
            &Known {
                format: KNOWN_FOLDER.formats.known,
                folder: self.folder.shown().to_string(),
                id,
                used: Timestamp::now(),
            },
        )
    }

    /// The id of the folder; a new one if it has none.
    fn own_id(&self) -> Result<String, Failure> {
        match self.id() {
            Ok(Some(id)) => return Ok(id),
            Ok(None) => {}
            Err(failure) if failure.kind == ErrorKind::Damaged => {}
            Err(failure) => return Err(failure),
        }
        // One that was lost is given back; but a folder that was accepted as a new one is another.
        let known = self
            .known()
            .filter(|_| history::folder(self.folder).is_dir());
        let id = known.map_or_else(new_id, |known| known.id);
        let file = self.folder.join(OWN_FOLDER).join(FOLDER_ID.name);
        regular_file::make_folder(&self.folder.join(OWN_FOLDER))?;
        let document = FolderId {
            format: FOLDER_ID.formats.known,
            id: id.clone(),
        };
        sealed::write(&file, &document)?;
        Ok(id)
    }

    fn id(&self) -> Result<Option<String>, Failure> {
        let file = self.folder.join(OWN_FOLDER).join(FOLDER_ID.name);
        let found: Option<FolderId> = sealed::read(&file, FOLDER_ID.formats)?;
        Ok(found.map(|found| found.id))
    }

    /// What is remembered. What cannot be read keeps nothing from being backed up.
    fn known(&self) -> Option<Known> {
        let known = sealed::read(self.file.as_ref()?, KNOWN_FOLDER.formats);
        known.unwrap_or_else(|failure| {
            log::warn!("which backup folders were used before is not known: {failure}");
            None
        })
    }

    fn refused(&self, known: &Known, why: &str) -> Failure {
        let folder = self.folder.shown();
        let used = known.used.strftime("%Y-%m-%d %H:%M UTC");
        let message = format!(
            "{folder} was last used for a backup on {used}, and {why}: is the disk mounted?"
        );
        Failure::new(ErrorKind::Disk, message).with_hint(
            "mount the disk that the backup is on; if this folder is meant all the same, run once with --accept-folder",
        )
    }
}

/// Whether a folder is empty; `None` if there is none.
fn is_empty(folder: &Path) -> Option<bool> {
    match fs::read_dir(folder) {
        // `lost+found` is what a file system has of itself.
        Ok(entries) => Some(
            entries
                .flatten()
                .all(|entry| entry.file_name() == "lost+found"),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(false),
    }
}

fn new_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        root: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir(root.path().join("backup")).unwrap();
            Self { root }
        }

        fn folder(&self) -> PathBuf {
            self.root.path().join("backup")
        }

        /// Checks, and remembers if that is allowed.
        fn run(&self) -> Result<(), Failure> {
            let (state, folder) = (self.root.path().join("state"), self.folder());
            let known = KnownFolder::new(Some(&state), &folder);
            known.check()?;
            known.remember()
        }

        fn replace(&self, with: &str) {
            fs::rename(self.folder(), self.root.path().join("away")).unwrap();
            let other = self.root.path().join(with);
            if other.exists() {
                fs::rename(other, self.folder()).unwrap();
            }
        }
    }

    #[test]
    fn the_same_folder_is_accepted_run_after_run() {
        let scene = Scene::new();
        scene.run().unwrap();
        scene.run().unwrap();
    }

    #[test]
    fn an_empty_folder_a_missing_one_and_another_backup_are_refused() {
        let other = Scene::new();
        other.run().unwrap();
        for (with, why) in [
            ("empty", "empty"),
            ("none", "not exist"),
            ("other", "another backup"),
            ("files", "no backup"),
        ] {
            let scene = Scene::new();
            scene.run().unwrap();
            fs::create_dir(scene.root.path().join("empty")).unwrap();
            fs::create_dir(scene.root.path().join("empty/lost+found")).unwrap();
            fs::create_dir(scene.root.path().join("files")).unwrap();
            fs::write(scene.root.path().join("files/x"), "x").unwrap();
            fs::rename(other.folder(), scene.root.path().join("other")).unwrap();
            scene.replace(with);
            let failure = scene.run().unwrap_err();
            assert!(failure.message.contains(why), "{with}: {failure}");
            assert!(
                failure.message.contains("is the disk mounted?"),
                "{failure}"
            );
            let back = if with == "other" {
                scene.folder()
            } else {
                scene.root.path().join("other")
            };
            fs::rename(back, other.folder()).unwrap();
        }
    }

    #[test]
    fn a_copy_is_the_same_and_a_lost_id_is_given_back() {
        let scene = Scene::new();
        scene.run().unwrap();
        let id = || fs::read(scene.folder().join(OWN_FOLDER).join(FOLDER_ID.name)).unwrap();
        let before = id();
        fs::create_dir_all(history::folder(&scene.folder())).unwrap();
        fs::remove_file(scene.folder().join(OWN_FOLDER).join(FOLDER_ID.name)).unwrap();
        scene.run().unwrap();
        assert_eq!(id(), before);
    }

    #[test]
    fn without_a_place_for_it_nothing_is_known() {
        let scene = Scene::new();
        let folder = scene.folder();
        let known = KnownFolder::new(None, &folder);
        known.check().unwrap();
        known.remember().unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn what_is_remembered_and_damaged_is_not_known() {
        let scene = Scene::new();
        scene.run().unwrap();
        let state = scene.root.path().join("state");
        let file = fs::read_dir(&state)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        fs::write(&file, "{}").unwrap();
        scene.run().unwrap();
    }
}
