//! What is moved aside, and said.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_durable::atomic_file;
use forgekeep_failure::{Failure, Finding};
use forgekeep_untrusted::{Show as _, Untrusted};

use super::SET_ASIDE;

/// Keys and refs that are named in a warning.
const NAMED: usize = 5;

/// Moves a file or a folder of a mirror aside, beside where it is. Returns its new place.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, Failure> {
    let mut number = 1;
    let new = loop {
        let mut name = path.as_os_str().to_owned();
        name.push(SET_ASIDE);
        if number > 1 {
            name.push(format!("-{number}"));
        }
        let new = PathBuf::from(name);
        if fs::symlink_metadata(&new).is_err() {
            break new;
        }
        number += 1;
    };
    fs::rename(path, &new).map_err(|error| Failure::disk("move aside", path, &error))?;
    atomic_file::sync_parent(&new)?;
    Ok(new)
}

pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.shown().to_string()
}

pub(super) fn some(names: &[Untrusted]) -> String {
    let some = names.iter().take(NAMED);
    let shown: Vec<_> = some.map(|name| name.shown().to_string()).collect();
    let mut text = shown.join(", ");
    if let Some(more @ 1..) = names.len().checked_sub(NAMED) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A warning about a mirror, named by its folder.
pub(super) fn warning(mirror: &Path, what: &str) -> Finding {
    Finding::warning(format!("{}: {what}", mirror.shown()))
}
