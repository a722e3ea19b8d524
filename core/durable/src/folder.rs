//! What a folder holds.

use std::ffi::OsString;
use std::path::Path;
use std::{fs, io};

use forgekeep_failure::Failure;
use sha2::{Digest as _, Sha256};

/// What a folder is called in the names of files that are kept elsewhere: by its absolute path.
pub fn key(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let sum = Sha256::digest(folder.as_os_str().as_encoded_bytes());
    let digits = sum.iter().take(8).map(|byte| format!("{byte:02x}"));
    digits.collect()
}

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
