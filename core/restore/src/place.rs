//! Where a repository is restored to: a folder that is new or empty, and that holds nothing that
//! looks like a repository before all of it is there.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use forgekeep_durable::atomic_file;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::layout::PARTIAL;
use forgekeep_untrusted::Show as _;

/// In the partial folder: says that it is ours, and is locked while somebody is at work.
const MARKER: &str = "forgekeep-restore";

/// In the partial folder: what is being restored.
const CONTENT: &str = "content";

/// A restore under way. What there is of it goes when this is dropped before its end.
pub(super) struct Building {
    target: PathBuf,
    /// Whether the target is there, empty. It is then filled, and not replaced: it may be a mount
    /// point, or the folder somebody's shell is in.
    is_there: bool,
    partial: PathBuf,
    lock: Option<File>,
}

impl Building {
    /// Begins beside the folder `target`, or in it if it is there and empty. What a killed restore
    /// has left there is removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ForeignFolder`] if something is in the way; nothing was touched.
    pub(super) fn begin(target: &Path) -> Result<Self, Failure> {
        let target = absolute(target)?;
        let is_there = is_there_and_empty(&target)?;
        let partial = match (is_there, target.file_name()) {
            (true, _) | (_, None) => target.join(PARTIAL),
            (false, Some(name)) => {
                let mut name = name.to_owned();
                name.push(PARTIAL);
                target.with_file_name(name)
            }
        };
        remove_leftover(&partial)?;
        atomic_file::make_folders(&partial)?;
        let mut building = Self {
            target,
            is_there,
            partial,
            lock: None,
        };
        building.lock = Some(building.mark()?);
        Ok(building)
    }

    fn mark(&self) -> Result<File, Failure> {
        let path = self.partial.join(MARKER);
        let failed = |error: &io::Error| Failure::disk("create", &path, error);
        let file = File::create_new(&path).map_err(|error| failure_of(&error, &path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(busy(&self.partial)),
            // A file system without locks: two restores to one place are then not told apart.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                Ok(file)
            }
            Err(TryLockError::Error(error)) => Err(failed(&error)),
        }
    }

    /// Where to build it.
    pub(super) fn folder(&self) -> PathBuf {
        self.partial.join(CONTENT)
    }

    /// Puts it in its place. `last` is the entry that makes it a repository.
    pub(super) fn finish(self, last: &str) -> Result<(), Failure> {
        let (content, target) = (self.folder(), &self.target);
        let failed =
            |path: &Path, error: &io::Error| Failure::disk("rename into place", path, error);
        if self.is_there {
            let entries = fs::read_dir(&content).map_err(|error| failed(&content, &error))?;
            let mut names: Vec<OsString> = Vec::new();
            for entry in entries {
                names.push(entry.map_err(|error| failed(&content, &error))?.file_name());
            }
            names.sort_by_key(|name| name.as_os_str() == OsStr::new(last));
            for name in names {
                fs::rename(content.join(&name), target.join(&name))
                    .map_err(|error| failed(&target.join(&name), &error))?;
            }
        } else {
            fs::rename(&content, target).map_err(|error| failed(target, &error))?;
        }
        atomic_file::sync_parent(&target.join(last))?;
        atomic_file::sync_parent(target)
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // Windows removes no open file.
        self.lock = None;
        if let Err(error) = fs::remove_dir_all(&self.partial) {
            log::warn!("{}", Failure::disk("remove", &self.partial, &error));
        }
    }
}

/// Refuses a folder that something could not be restored to. Changes nothing.
///
/// # Errors
///
/// [`ErrorKind::ForeignFolder`] if it is no folder, or not empty, or in the backup.
pub fn check_free(target: &Path, backup: &Path) -> Result<(), Failure> {
    check_outside(target, backup)?;
    is_there_and_empty(&absolute(target)?).map(drop)
}

/// Refuses a folder in the backup: whatever is put there would be taken for a part of it.
///
/// # Errors
///
/// [`ErrorKind::ForeignFolder`].
pub fn check_outside(target: &Path, backup: &Path) -> Result<(), Failure> {
    let target = absolute(target)?;
    let there = target.ancestors().find_map(|path| path.canonicalize().ok());
    let backup = backup.canonicalize().ok();
    match there.zip(backup) {
        Some((there, backup)) if there.starts_with(&backup) => Err(Failure::new(
            ErrorKind::ForeignFolder,
            format!("{} is in the backup folder", target.shown()),
        )
        .with_hint("choose a folder outside of it: nothing but backups belongs there")),
        _ => Ok(()),
    }
}

/// The same place without `..`, so that what is checked is what is made: after a folder that is not
/// there yet, nobody could tell where it leads.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let refused = |error: io::Error| {
        Failure::new(
            ErrorKind::ForeignFolder,
            format!("\"{}\" is not a folder: {error}", path.shown()),
        )
        .with_hint("give a folder that is new or empty")
    };
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path).map_err(refused)?.components() {
        if part != Component::ParentDir {
            resolved.push(part);
            continue;
        }
        if fs::symlink_metadata(&resolved).is_ok() {
            // As the system does: from where a link leads.
            resolved = resolved.canonicalize().map_err(refused)?;
        }
        resolved.pop();
    }
    Ok(resolved)
}

fn is_there_and_empty(target: &Path) -> Result<bool, Failure> {
    let refused = |why: &str| {
        Failure::new(
            ErrorKind::ForeignFolder,
            format!("{} {why}", target.shown()),
        )
        .with_hint("give a folder that is new or empty; this one was left alone")
    };
    let entries = match fs::read_dir(target) {
        Ok(entries) => entries,
        // Also if it is a link to nowhere: that would be replaced.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match fs::symlink_metadata(target) {
                Ok(_) => Err(refused("is a link that leads nowhere")),
                Err(_) => Ok(false),
            };
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(refused("is not a folder"));
        }
        Err(error) => return Err(Failure::disk("read", target, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| Failure::disk("read", target, &error))?;
        if entry.file_name() != PARTIAL || !is_ours(&entry.path()) {
            return Err(refused("is not empty"));
        }
    }
    Ok(true)
}

/// Whether a folder is what a restore left that was killed, or is at work.
fn is_ours(partial: &Path) -> bool {
    let Ok(entries) = fs::read_dir(partial) else {
        return false;
    };
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    let known = |name: &OsString| name == MARKER || name == CONTENT;
    names.iter().all(known) && (names.is_empty() || names.iter().any(|name| name == MARKER))
}

fn remove_leftover(partial: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(partial).is_err() {
        return Ok(());
    }
    if !is_ours(partial) {
        return Err(Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "{} holds something that no restore has put there",
                partial.shown()
            ),
        )
        .with_hint("move it elsewhere, or restore to another folder; it was left alone"));
    }
    if let Ok(marker) = File::open(partial.join(MARKER))
        && matches!(marker.try_lock(), Err(TryLockError::WouldBlock))
    {
        return Err(busy(partial));
    }
    fs::remove_dir_all(partial).map_err(|error| Failure::disk("remove", partial, &error))
}

fn busy(partial: &Path) -> Failure {
    Failure::new(
        ErrorKind::ForeignFolder,
        format!("another restore is running in {}", partial.shown()),
    )
    .with_hint("wait until it has finished, or restore to another folder")
}

fn failure_of(error: &io::Error, path: &Path) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => busy(path.parent().unwrap_or(path)),
        _ => Failure::disk("create", path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn fill(building: &Building) {
        let folder = building.folder();
        fs::create_dir_all(folder.join("objects")).unwrap();
        fs::write(folder.join("HEAD"), "x").unwrap();
    }

    #[test]
    fn a_new_folder_and_an_empty_one_are_filled_at_the_end_only() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("empty")).unwrap();
        for name in ["empty", "new", "deep/er"] {
            let target = root.path().join(name);
            let building = Building::begin(&target).unwrap();
            fill(&building);
            assert!(!target.join("HEAD").exists(), "{name}");
            building.finish("HEAD").unwrap();
            assert_eq!(names(&target), ["HEAD", "objects"], "{name}");
        }
        assert_eq!(names(root.path()), ["deep", "empty", "new"]);
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("empty")).unwrap();
        for name in ["empty", "new"] {
            let building = Building::begin(&root.path().join(name)).unwrap();
            fill(&building);
        }
        assert_eq!(names(root.path()), ["empty"]);
        assert!(names(&root.path().join("empty")).is_empty());
    }

    #[test]
    fn what_is_there_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(".hidden"), "x").unwrap();
        fs::write(root.path().join("file"), "x").unwrap();
        for name in ["target", "file"] {
            let refused = Building::begin(&root.path().join(name)).err().unwrap();
            assert_eq!(refused.kind, ErrorKind::ForeignFolder, "{name}");
        }
        let foreign = root.path().join(format!("new{PARTIAL}"));
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("mine"), "x").unwrap();
        let refused = Building::begin(&root.path().join("new")).err().unwrap();
        assert_eq!(refused.kind, ErrorKind::ForeignFolder);
        assert_eq!(names(&foreign), ["mine"]);
    }

    #[test]
    fn what_a_killed_one_left_goes_and_one_at_work_stays() {
        let root = tempfile::tempdir().unwrap();
        for name in ["empty", "new"] {
            let target = root.path().join(name);
            if name == "empty" {
                fs::create_dir(&target).unwrap();
            }
            let first = Building::begin(&target).unwrap();
            fill(&first);
            let busy = Building::begin(&target).err().unwrap();
            assert!(busy.message.contains("running"), "{busy}");
            // As after a kill: the lock is gone, the files are there.
            let Building { partial, .. } = &first;
            let left = partial.clone();
            let kept = root.path().join("kept");
            fs::rename(&left, &kept).unwrap();
            drop(first);
            fs::rename(&kept, &left).unwrap();
            let second = Building::begin(&target).unwrap();
            assert!(!second.folder().exists());
            fill(&second);
            second.finish("HEAD").unwrap();
            assert_eq!(names(&target), ["HEAD", "objects"]);
        }
    }

    #[test]
    fn nothing_is_restored_into_the_backup() {
        let root = tempfile::tempdir().unwrap();
        let backup = root.path().join("backup");
        fs::create_dir(&backup).unwrap();
        for inside in [
            backup.clone(),
            backup.join("acme/new"),
            root.path().join("nonex/../backup/acme/new"),
            root.path().join("a/b/../../backup/c/../acme"),
        ] {
            let refused = check_free(&inside, &backup).unwrap_err();
            assert!(refused.message.contains("backup folder"), "{refused}");
        }
        for outside in ["backup2", "nonex/../backup2", "backup/../new"] {
            check_free(&root.path().join(outside), &backup).unwrap();
        }
    }
}
