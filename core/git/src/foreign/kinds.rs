//! What is no file and no folder among the packs and loose objects.

use std::path::Path;
use std::{fs, io};

use forgekeep_durable::regular_file;
use forgekeep_failure::Failure;

/// Has `check` look at what is neither a file nor a folder among the packs, or the loose objects, in a
/// folder.
pub(super) fn check_packs(
    folder: &Path,
    check: fn(&Path, fs::FileType) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("read", folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // Somebody's git may be at work: its temporary files come and go.
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        if !kind.is_file() && !kind.is_dir() {
            check(&entry.path(), kind)?;
        }
    }
    Ok(())
}

/// Makes sure that nobody waits for what is borrowed. It may be a link: it is elsewhere anyway, and is
/// taken in.
pub(super) fn check_borrowed(path: &Path, _kind: fs::FileType) -> Result<(), Failure> {
    match regular_file::open_linked(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("read", path, &error))
        }
        _ => Ok(()),
    }
}
