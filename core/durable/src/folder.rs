//! What a folder holds.

use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

use forgekeep_failure::Failure;

/// The names in a folder; none if it does not exist.
pub fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let failed = |error: io::Error| Failure::disk("read", folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    names.collect::<Result<_, _>>().map_err(failed)
}
