//! Files that are either the old or the new, whatever happens in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Failure;

/// Replaces `path` by `content`: written to a lock file beside it, synced, renamed, and the folder
/// synced. The lock file is `<path>.lock`, git's own convention, so that git and this never write
/// `packed-refs` or `HEAD` at the same time.
pub fn replace(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let lock = lock_path(path);
    let result = write_synced(&lock, content).and_then(|()| fs::rename(&lock, path));
    match result {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::disk(
            "write",
            path,
            &error,
        )
        .with_hint(format!(
            "another process is writing it, or one died while doing so; if none is running, remove {}",
            lock.display()
        ))),
        Err(error) => {
            let _ = fs::remove_file(&lock);
            Err(Failure::disk("write", path, &error))
        }
    }
}

fn write_synced(lock: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(lock)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes a rename or a new file in a folder last over a power loss. Not every platform can sync a
/// folder; there, the file system's own order has to do.
pub fn sync_parent(path: &Path) -> Result<(), Failure> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    if cfg!(unix) {
        File::open(parent)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| Failure::disk("sync", parent, &error))?;
    }
    Ok(())
}

/// Where [`replace`] writes first.
pub fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_whole_file_and_leaves_no_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert!(!lock_path(&path).exists());
    }

    #[test]
    fn a_lock_of_somebody_else_is_respected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        fs::write(&path, b"old").unwrap();
        fs::write(lock_path(&path), b"").unwrap();
        let failure = replace(&path, b"new").unwrap_err();
        assert!(failure.hint.contains("state.lock"), "{}", failure.hint);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert!(lock_path(&path).exists());
    }
}
