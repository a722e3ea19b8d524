use std::fs::{self, Metadata};
use std::path::Path;
use std::time::UNIX_EPOCH;

use git2::{ObjectType, Oid};

use crate::layout::{REPOSITORY, STATE_FILE};
use crate::part::{Part, PartKind};

/// In a mirror, what another program changes that changes its refs, or what they are read by. A ref of
/// its own file changes the folder that it comes to.
const OF_A_MIRROR: [&str; 6] = ["", "HEAD", "packed-refs", "refs", "refs/heads", "refs/tags"];

/// What the files of a repository look like from outside, as a short text to compare: if it is the same
/// as after the last run, nobody has replaced, restored or changed its mirror, its state file or its
/// snapshots since, and all of its packs are there. `None` where that cannot be told.
///
/// Content is not read: it takes a look at a dozen files. Of each file and folder counts which one it is
/// (the number that the file system gives it) and when it was last changed; of a file also its length.
/// So a copy is another one, whatever times it was given. Not the device: its number may change with
/// each mount. Nor when its permissions or links were changed: a backup of the backup by hard links does
/// that each night.
pub fn marks(repository: &Path) -> Option<String> {
    let part = Part::new(PartKind::Repository, repository);
    let mirror = repository.join(REPOSITORY);
    let mut text = String::new();
    let mut add = |name: &str, path: &Path| {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => mark(&found)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "-".to_owned(),
            Err(_) => return None,
        };
        text.push_str(&format!("{name} {found}\n"));
        Some(found)
    };
    for name in OF_A_MIRROR {
        add(name, &mirror.join(name))?;
    }
    add("snapshots", part.snapshots().folder())?;
    let state = add("state", &repository.join(STATE_FILE))?;
    // The folders of loose objects, and the packs with their indexes.
    for below in ["objects", "objects/pack"] {
        let folder = mirror.join(below);
        add(below, &folder)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).ok()? {
            names.push(entry.ok()?.file_name());
        }
        names.sort_unstable();
        for name in names {
            // Their names need not be text: they are compared, and nothing else.
            add(&format!("{below} {name:?}"), &folder.join(&name))?;
        }
    }
    if state == "-" {
        return None;
    }
    let id = Oid::hash_object(ObjectType::Blob, text.as_bytes()).ok()?;
    Some(id.to_string())
}

/// The same of one file or folder: which one it is, when it was last changed, and how long a file is. `None`
/// where that cannot be told.
pub fn mark(found: &Metadata) -> Option<String> {
    let changed = found.modified().ok()?;
    let changed = match changed.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos().cast_signed(),
        Err(before) => -before.duration().as_nanos().cast_signed(),
    };
    // The size of a folder is the file system's own affair.
    let length = if found.is_file() { found.len() } else { 0 };
    Some(format!("{:?} {changed} {length}", number(found)))
}

/// Which file it is.
#[cfg(unix)]
fn number(found: &Metadata) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(found.ino())
}

/// Which file it is: the standard library gives no number here, so the time it was made at.
#[cfg(not(unix))]
fn number(found: &Metadata) -> Option<u128> {
    let made = found.created().ok()?;
    Some(made.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

// Elsewhere no folder can be opened to set its time.
#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A repository's folder with what is looked at.
    fn repository(at: &Path) -> PathBuf {
        let folder = at.join("acme#web");
        for below in [
            "repo/refs/heads",
            "repo/refs/tags",
            "repo/objects/pack",
            "repo/objects/ab",
            "snapshots/repo",
        ] {
            fs::create_dir_all(folder.join(below)).unwrap();
        }
        for file in [
            "forgekeep.json",
            "repo/HEAD",
            "repo/packed-refs",
            "repo/objects/pack/pack-1.pack",
            "repo/objects/ab/cd",
        ] {
            fs::write(folder.join(file), "one").unwrap();
        }
        age(&folder);
        folder
    }

    /// Makes all of it look old: what changes in the instant in which it was made looks the same.
    fn age(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                age(&entry.path());
            }
            let file = fs::File::open(entry.path()).unwrap();
            file.set_modified(UNIX_EPOCH).unwrap();
        }
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().flatten() {
            let target = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => copy(&entry.path(), &target),
                false => drop(fs::copy(entry.path(), &target).unwrap()),
            }
        }
    }

    #[test]
    fn nothing_that_is_only_read_changes_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = repository(folder.path());
        let before = marks(&at);
        assert!(before.is_some());
        fs::read(at.join("repo/packed-refs")).unwrap();
        fs::write(folder.path().join("beside"), "x").unwrap();
        assert_eq!(marks(&at), before);
    }

    #[test]
    fn whatever_is_changed_replaced_or_removed_changes_them() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 11] = [
            ("a pack is gone", |at| {
                fs::remove_file(at.join("repo/objects/pack/pack-1.pack")).unwrap()
            }),
            ("a pack is shorter", |at| {
                fs::write(at.join("repo/objects/pack/pack-1.pack"), "o").unwrap()
            }),
            ("a pack has come", |at| {
                fs::write(at.join("repo/objects/pack/pack-2.pack"), "x").unwrap()
            }),
            ("a loose object is gone", |at| {
                fs::remove_file(at.join("repo/objects/ab/cd")).unwrap();
            }),
            ("a branch has come", |at| {
                fs::write(at.join("repo/refs/heads/x"), "x").unwrap()
            }),
            ("a tag has come", |at| {
                fs::write(at.join("repo/refs/tags/x"), "x").unwrap()
            }),
            ("the refs are others", |at| {
                fs::write(at.join("repo/packed-refs"), "two").unwrap()
            }),
            ("the refs are gone", |at| {
                fs::remove_file(at.join("repo/packed-refs")).unwrap()
            }),
            ("a snapshot is gone", |at| {
                fs::remove_dir(at.join("snapshots/repo")).unwrap()
            }),
            ("the state is written again", |at| {
                fs::rename(at.join("forgekeep.json"), at.join("old")).unwrap();
                fs::write(at.join("forgekeep.json"), "one").unwrap();
            }),
            ("the mirror is a copy", |at| {
                fs::rename(at.join("repo"), at.join("old")).unwrap();
                copy(&at.join("old"), &at.join("repo"));
                age(at);
            }),
        ];
        for (what, change) in changes {
            let folder = tempfile::tempdir().unwrap();
            let at = repository(folder.path());
            let before = marks(&at).unwrap();
            change(&at);
            assert_ne!(marks(&at), Some(before), "{what}");
        }
    }

    #[test]
    fn without_a_state_file_or_packs_nothing_can_be_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = repository(folder.path());
        fs::remove_file(at.join("forgekeep.json")).unwrap();
        assert_eq!(marks(&at), None);
        let at = repository(folder.path());
        fs::remove_dir_all(at.join("repo/objects")).unwrap();
        assert_eq!(marks(&at), None);
    }
}
