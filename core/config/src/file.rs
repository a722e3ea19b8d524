//! The file of a configuration, read as text.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::MAX_FILE_BYTES;
use super::error::{ConfigError, ConfigErrorKind, FileLocation};
use super::node::{Syntax, position_of};

/// Reads the file as text, for [`super::parse`] and [`super::masked_copy`]: reading it once makes sure that both
/// see the same.
///
/// # Errors
/// The ending is unknown, the file cannot be read, is too large, or isn't UTF-8.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    // First, so that a wrong file is refused by its name and not by what is in it.
    Syntax::of(path)?;
    let refused = |error: std::io::Error| {
        let (kind, hint) = match error.kind() {
            std::io::ErrorKind::NotFound => (
                ConfigErrorKind::NotFound,
                "correct the path, or create the file",
            ),
            _ => (
                ConfigErrorKind::Unreadable,
                "check that it is a file, and that the user who runs Forgekeep may read it",
            ),
        };
        let state = "cannot read the configuration";
        ConfigError::new(
            kind,
            FileLocation::file(path),
            state,
            error.to_string(),
            hint,
        )
    };
    refuse_other_than_file(path)?;
    let file = File::open(path).map_err(refused)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(too_large(path));
    }
    if is_utf16(&bytes) {
        return Err(ConfigError::new(
            ConfigErrorKind::NotUtf8,
            FileLocation::file(path),
            "the configuration is not UTF-8 text",
            "it is UTF-16, as editors and PowerShell on Windows write it",
            "save the file with the encoding UTF-8",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = str::from_utf8(error.as_bytes().get(..valid).unwrap_or_default());
        let before = before.unwrap_or_default();
        let position = position_of(before, before.len());
        ConfigError::new(
            ConfigErrorKind::NotUtf8,
            FileLocation::at(path, Some(position)),
            "the configuration is not UTF-8 text",
            "a byte there is not valid UTF-8",
            "save the file with the encoding UTF-8",
        )
    })
}

/// A pipe would be waited for, and a folder read as nothing.
fn refuse_other_than_file(path: &Path) -> Result<(), ConfigError> {
    let (why, hint) = match path.metadata() {
        Ok(found) if found.is_dir() => (
            "it is a folder",
            "name a file in it; Docker makes a folder if the file to mount is missing",
        ),
        Ok(found) if !found.is_file() => (
            "it is a device, a pipe or a socket",
            "write its content to a regular file, and name that file",
        ),
        // What cannot be looked at says so when it is opened.
        Ok(_) | Err(_) => return Ok(()),
    };
    Err(ConfigError::new(
        ConfigErrorKind::Unreadable,
        FileLocation::file(path),
        "cannot read the configuration",
        why,
        hint,
    ))
}

/// By the mark at its start, or by a first character of two bytes, one of them zero.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..]
    )
}

pub(super) fn too_large(path: &Path) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::TooLarge,
        FileLocation::file(path),
        "the configuration is too large",
        format!("it has more than {MAX_FILE_BYTES} bytes"),
        "check that this is the right file",
    )
}
