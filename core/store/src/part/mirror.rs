//! What is in the store of a part that is a bare git repository.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::Failure;

use super::{Hold, Part};

/// A bare git repository.
pub(super) struct Mirror;

/// Files of a mirror that we write.
const WRITTEN: [&str; 4] = ["packed-refs", "HEAD", "config", "config.set-aside"];

impl Hold for Mirror {
    fn is_there(&self, part: &Part) -> bool {
        part.folder.join("HEAD").exists()
    }

    fn has_traces(&self, part: &Part) -> bool {
        part.folder.join("objects").is_dir()
    }

    fn check_folders(&self, part: &Part) -> Result<(), Failure> {
        regular_file::check_folder(part.snapshots().folder())?;
        if regular_file::check_folder(&part.folder)? {
            for below in ["refs", "objects", "objects/pack", "objects/info"] {
                regular_file::check_folder(&part.folder.join(below))?;
            }
        }
        Ok(())
    }

    fn remove_leftovers(&self, part: &Part, names: &HashSet<OsString>) -> Result<(), Failure> {
        if names.contains(OsStr::new(&part.name)) {
            remove_half_written(&part.folder, &names_in(&part.folder), &WRITTEN);
        }
        let partial = part.partial();
        if names.contains(OsStr::new(&partial)) {
            let partial = part.folder.with_file_name(partial);
            fs::remove_dir_all(&partial)
                .map_err(|error| Failure::disk("remove", &partial, &error))?;
        }
        Ok(())
    }
}

/// What is in a folder: one call for all, where there is nothing to remove most of the time.
pub(super) fn names_in(folder: &Path) -> HashSet<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}

/// Removes what is left of files that were half written. `names` is what is in the folder.
pub(super) fn remove_half_written(folder: &Path, names: &HashSet<OsString>, files: &[&str]) {
    for file in files {
        let left = atomic_file::leftovers(file);
        if left.iter().any(|name| names.contains(OsStr::new(name))) {
            atomic_file::remove_leftovers(&folder.join(file));
        }
    }
}
