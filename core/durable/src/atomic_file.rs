//! Files that are either the old or the new, whatever happens in between.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_failure::Failure;
use forgekeep_untrusted::Show as _;

const NEW: &str = ".forgekeep-new";
const LOCK: &str = ".lock";

/// How long a lock of git's is waited for: it holds one for as long as it writes the file.
const PATIENCE: Duration = match cfg!(test) {
    true => Duration::from_millis(300),
    false => Duration::from_secs(8),
};

/// How often it is looked whether it is gone.
const LOOK: Duration = Duration::from_millis(20);

/// Replaces `path` by `content`: written beside it, synced, renamed, and the folder synced.
///
/// Meanwhile `<path>.lock` is held, git's own convention, so that git and this never write
/// `packed-refs` or `HEAD` at the same time. The lock is a hard link to the new file, which tells it
/// from git's: one that a killed run of ours left behind is recognised by that, and does not block.
/// The run lock makes sure that no other run of ours is at work. A lock of git's is waited for, a moment:
/// `git gc` may be packing refs.
///
/// Whatever is in the place of the new file goes, and is never written through; what is in the place
/// of `path` itself is replaced only if it is a regular file, or a link, which is not followed.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let new = with_ending(path, NEW);
    let lock = with_ending(path, LOCK);
    refuse_special(path)?;
    remove_own_lock(path, &new, &lock);
    let written = write_synced(&new, content, path);
    let result = written
        .and_then(|()| take_lock(&new, &lock))
        .and_then(|()| {
            let renamed = fs::rename(&new, path);
            fs::remove_file(&lock)?;
            renamed
        });
    match result {
        Ok(()) => sync_parent(path),
        Err(error) => {
            let _ = fs::remove_file(&new);
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(Failure::disk("write", path, &error));
            }
            let why = format!(
                "{} exists, and was still there after {} seconds",
                lock.shown(),
                PATIENCE.as_secs()
            );
            let failure = Failure::disk("write", path, &io::Error::new(error.kind(), why));
            Err(failure.with_hint(format!(
                "wait until git has finished; if no git is running, one died and left this lock: \
                remove {}",
                lock.shown()
            )))
        }
    }
}

/// Writes a file in a folder that nobody uses yet: its content is synced, the folder is not.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::File::create(path)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .map_err(|error| Failure::disk("write", path, &error))
}

/// Removes what a killed run of ours left beside a file. For when none is at work.
pub fn remove_leftovers(path: &Path) {
    let new = with_ending(path, NEW);
    remove_own_lock(path, &new, &with_ending(path, LOCK));
    let _ = fs::remove_file(&new);
}

/// Removes whatever lock there is beside a file that no git writes: a run of ours has left it that was
/// killed, and the file may have got another name since, so that it is not known by it.
pub fn remove_lock(path: &Path) {
    let _ = fs::remove_file(with_ending(path, LOCK));
}

/// The names of what a killed run of ours may leave beside a file of this name.
pub fn leftovers(name: &str) -> [String; 2] {
    [NEW, LOCK].map(|ending| format!("{name}{ending}"))
}

/// The name of the file that a leftover was to become.
pub fn half_written(name: &str) -> Option<&str> {
    name.strip_suffix(NEW)
}

/// A folder, a pipe or a device is nothing that was put there by us.
fn refuse_special(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() && !found.is_symlink() => {
            let error = io::Error::other("it is not a regular file");
            Err(Failure::disk("write", path, &error)
                .with_hint("move it elsewhere: a regular file belongs in its place"))
        }
        _ => Ok(()),
    }
}

fn remove_own_lock(path: &Path, new: &Path, lock: &Path) {
    if is_same_file(lock, new) || is_same_file(lock, path) {
        let _ = fs::remove_file(lock);
    }
}

/// The new file gets the permissions of the one it replaces: somebody may have set them.
fn write_synced(new: &Path, content: &[u8], old: &Path) -> io::Result<()> {
    // Never opened for truncation: what a killed run left here may be linked to the file itself.
    match fs::remove_file(new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(new)?;
    #[cfg(unix)]
    if let Ok(metadata) = fs::symlink_metadata(old)
        && metadata.is_file()
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};

        let mode = metadata.mode() & 0o777;
        // Some file systems have none; then there is nothing to keep.
        let _ = file.set_permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = old;
    file.write_all(content)?;
    file.sync_all()
}

fn take_lock(new: &Path, lock: &Path) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        match try_lock(new, lock) {
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && begun.elapsed() < PATIENCE =>
            {
                thread::sleep(LOOK);
            }
            done => return done,
        }
    }
}

fn try_lock(new: &Path, lock: &Path) -> io::Result<()> {
    match fs::hard_link(new, lock) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // No hard links on this file system: an empty lock does, only that it stays after a kill.
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(lock)
                .map(drop)
        }
        done => done,
    }
}

#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let identity = |path| {
        fs::symlink_metadata(path)
            .map(|metadata| (metadata.dev(), metadata.ino()))
            .ok()
    };
    identity(one).is_some() && identity(one) == identity(other)
}

#[cfg(not(unix))]
fn is_same_file(_one: &Path, _other: &Path) -> bool {
    false
}

/// Makes a rename or a new file in a folder last over a power loss. Not every platform and not every file
/// system can sync a folder (CIFS and some of FUSE cannot); there, the file system's own order has to do.
pub fn sync_parent(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if cfg!(unix) {
        fs::File::open(parent)
            .and_then(|folder| match folder.sync_all() {
                Err(error) if cannot_sync(&error) => Ok(()),
                synced => synced,
            })
            .map_err(|error| Failure::disk("sync", parent, &error))?;
    }
    Ok(())
}

/// Whether a file system says that it never syncs folders, and not that this time it has failed.
fn cannot_sync(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

/// Makes a folder with those it is in, where they are not there, and makes them last over a power loss:
/// a file that is synced is gone all the same with a folder that is not.
pub fn make_folders(path: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("create", path, &error);
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made.map_err(failed)?,
        }
        sync_folder_of(folder)?;
    }
    Ok(())
}

/// The folder a folder was made in may be one that can be written to and not be read.
fn sync_folder_of(folder: &Path) -> Result<(), Failure> {
    if folder
        .parent()
        .is_some_and(|parent| parent.as_os_str().is_empty())
    {
        return sync_parent(&Path::new(".").join(folder));
    }
    match sync_parent(folder) {
        Err(failure) if is_unreadable(folder.parent()) => {
            log::debug!("{failure}");
            Ok(())
        }
        synced => synced,
    }
}

fn is_unreadable(folder: Option<&Path>) -> bool {
    let opened = folder.map(fs::File::open);
    matches!(opened, Some(Err(error)) if error.kind() == io::ErrorKind::PermissionDenied)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["state"]);
    }

    #[test]
    fn folders_are_made_with_those_they_are_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        make_folders(&path).unwrap();
        make_folders(&path).unwrap();
        assert!(path.is_dir());
        fs::write(path.join("file"), "").unwrap();
        assert!(make_folders(&path.join("file/d")).is_err());
        assert!(make_folders(&path.join("file")).is_err());
    }

    #[test]
    fn a_lock_of_git_is_respected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, b"old").unwrap();
        fs::write(folder.path().join("state.lock"), b"").unwrap();
        let failure = replace(&path, b"new").unwrap_err();
        assert!(failure.hint.contains("state.lock"), "{}", failure.hint);
        assert!(failure.message.contains("state.lock exists"), "{failure}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["state", "state.lock"]);
    }

    #[test]
    fn a_lock_that_goes_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let lock = folder.path().join("state.lock");
        fs::write(&lock, b"").unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| replace(&path, b"new"));
            while !folder.path().join("state.forgekeep-new").exists() {
                thread::yield_now();
            }
            fs::remove_file(&lock).unwrap();
            writer.join().unwrap().unwrap();
        });
        assert_eq!(names(folder.path()), ["state"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_killed_run_left_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let new = folder.path().join("state.forgekeep-new");
        let lock = folder.path().join("state.lock");
        // Killed before the rename.
        fs::write(&path, b"old").unwrap();
        fs::write(&new, b"half").unwrap();
        fs::hard_link(&new, &lock).unwrap();
        replace(&path, b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        // Killed after it.
        fs::hard_link(&path, &lock).unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["state"]);
    }
}
