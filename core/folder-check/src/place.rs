//! Where something can be tried: in the folder itself, out of the way of what is in it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

/// The folder for our own files, if it is there.
const STATE_FOLDER: &str = ".forgekeep";

const PREFIX: &str = ".check-";

/// A folder of this age was left by a check that was killed.
const LEFT_AFTER: Duration = Duration::from_secs(60 * 60);

/// The folder that a folder is in or would be in.
pub fn parent(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A temporary folder on the file system of the backup; it goes when it is dropped. None where nothing can
/// be written.
pub fn temporary(folder: &Path) -> Option<TempDir> {
    let own = folder.join(STATE_FOLDER);
    let is_own = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let places = match folder.is_dir() {
        // What is in there is nobody's repository.
        true => Some(own)
            .filter(is_own)
            .into_iter()
            .chain([folder.to_owned()])
            .collect(),
        false => vec![parent(folder).to_owned()],
    };
    places.iter().find_map(|place| {
        remove_leftovers(place);
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place);
        made.ok()
    })
}

fn remove_leftovers(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for entry in entries.flatten() {
        let is_ours = |name: &OsStr| {
            let rest = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            rest.is_some_and(|rest| rest.len() == 6 && rest.chars().all(char::is_alphanumeric))
        };
        let is_old = || {
            let found = entry.metadata().ok().filter(fs::Metadata::is_dir)?;
            let age = found.modified().ok()?.elapsed().ok()?;
            (age > LEFT_AFTER).then_some(())
        };
        if is_ours(&entry.file_name()) && is_old().is_some() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_killed_check_has_left_goes_and_nothing_else_does() {
        let top = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * LEFT_AFTER;
        for (name, is_old) in [
            (".check-abc123", true),
            (".check-fresh1", false),
            (".check-a-repository", true),
            ("check-abc123", true),
        ] {
            let path = top.path().join(name);
            fs::create_dir(&path).unwrap();
            if is_old {
                fs::File::open(&path).unwrap().set_modified(old).unwrap();
            }
        }
        let place = temporary(top.path()).unwrap();
        assert!(place.path().starts_with(top.path()));
        drop(place);
        let mut names: Vec<_> = fs::read_dir(top.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            [".check-a-repository", ".check-fresh1", "check-abc123"]
        );
    }

    #[test]
    fn the_folder_for_our_own_files_comes_first_and_a_missing_one_is_tried_where_it_will_be() {
        let top = tempfile::tempdir().unwrap();
        let place = temporary(&top.path().join("new")).unwrap();
        assert_eq!(place.path().parent(), Some(top.path()));
        let own = top.path().join(STATE_FOLDER);
        fs::create_dir(&own).unwrap();
        let place = temporary(top.path()).unwrap();
        assert_eq!(place.path().parent(), Some(own.as_path()));
        assert!(temporary(Path::new("/none/of/these")).is_none());
    }
}
