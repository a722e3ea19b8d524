//! What a file system can do, by doing it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

/// Something that a file system can do, or cannot.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ability {
    /// A file takes the place of another in one step.
    Rename,
    /// A file is written through to the disk.
    Sync,
    /// The same for the names in a folder.
    SyncFolder,
    /// A file is closed to others.
    Chmod,
    /// A file gets a second name.
    HardLink,
    /// A lock keeps a second run out.
    Lock,
    /// Names that differ by case alone are different.
    Case,
}

impl Ability {
    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Sync => "sync",
            Self::SyncFolder => "sync of folders",
            Self::Chmod => "permissions",
            Self::HardLink => "hard links",
            Self::Lock => "locks",
            Self::Case => "upper and lower case",
        }
    }
}

/// What came of trying it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// What was tried.
    pub ability: Ability,
    /// Whether it works.
    pub works: bool,
    /// What the system said, if it said something.
    pub error: Option<String>,
}

/// Whether something works in a folder.
type Try = fn(&Path) -> io::Result<bool>;

/// Tries everything in a folder that is empty.
pub fn all(folder: &Path) -> Vec<Trial> {
    let trials: [(Ability, Try); 7] = [
        (Ability::Rename, rename),
        (Ability::Sync, sync),
        (Ability::SyncFolder, sync_folder),
        (Ability::Chmod, chmod),
        (Ability::HardLink, hard_link),
        (Ability::Lock, lock),
        (Ability::Case, case),
    ];
    let tried = trials.into_iter().map(|(ability, works)| {
        let result = works(folder);
        Trial {
            ability,
            works: result.as_ref().is_ok_and(|works| *works),
            error: result.err().map(|error| error.to_string()),
        }
    });
    tried.collect()
}

fn rename(folder: &Path) -> io::Result<bool> {
    let (new, old) = (folder.join("rename-new"), folder.join("rename-old"));
    fs::write(&old, "old")?;
    fs::write(&new, "new")?;
    fs::rename(&new, &old)?;
    Ok(fs::read(&old)? == b"new" && !new.exists())
}

fn sync(folder: &Path) -> io::Result<bool> {
    let mut file = File::create(folder.join("sync"))?;
    file.write_all(b"x")?;
    file.sync_all().map(|()| true)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<bool> {
    File::open(folder)?.sync_all().map(|()| true)
}

/// Folders cannot be opened here, and nobody tries.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(unix)]
fn chmod(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;

    let path = folder.join("chmod");
    fs::write(&path, "")?;
    // Some file systems accept it and do nothing.
    for mode in [0o600, 0o640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        if path.metadata()?.permissions().mode() & 0o7777 != mode {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(not(unix))]
fn chmod(_: &Path) -> io::Result<bool> {
    Ok(true)
}

fn hard_link(folder: &Path) -> io::Result<bool> {
    let (one, two) = (folder.join("link-one"), folder.join("link-two"));
    fs::write(&one, "x")?;
    fs::hard_link(&one, &two).map(|()| two.exists())
}

fn lock(folder: &Path) -> io::Result<bool> {
    let path = folder.join("lock");
    let first = File::create(&path)?;
    first.lock()?;
    match File::open(&path)?.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
        Ok(()) => Ok(false),
    }
}

fn case(folder: &Path) -> io::Result<bool> {
    fs::write(folder.join("case"), "")?;
    Ok(!folder.join("CASE").exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_folder_can_do_everything() {
        let folder = tempfile::tempdir().unwrap();
        let trials = all(folder.path());
        assert_eq!(trials.len(), 7);
        // Case is the machine's own affair.
        let wrong: Vec<_> = trials
            .iter()
            .filter(|trial| trial.ability != Ability::Case && !trial.works)
            .collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn what_cannot_be_tried_does_not_work_and_says_why() {
        let trials = all(Path::new("/none/of/these"));
        let said = |trial: &Trial| trial.error.is_some() || trial.ability == Ability::Case;
        assert!(trials.iter().all(|trial| !trial.works || cfg!(not(unix))));
        assert!(trials.iter().all(said), "{trials:?}");
    }
}
