//! Files that the configuration names: read within a bound, and never waited for.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use super::error::{ConfigError, ConfigErrorKind};
use super::reader::Field;

/// The content of the file that a value names. No message quotes the value: whoever has written a token
/// there by mistake shall not read it in a log.
pub(super) fn read(field: &Field<'_>, path: &Path, limit: usize) -> Result<Vec<u8>, ConfigError> {
    check(field, path)?;
    let refused = |error: std::io::Error| refused(field, &error);
    let file = File::open(path).map_err(refused)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    if bytes.len() > limit {
        return Err(failed(
            field,
            ConfigErrorKind::TooLarge,
            format!("it has more than {limit} bytes"),
            "check that this is the right file",
        ));
    }
    Ok(bytes)
}

fn failed(field: &Field<'_>, kind: ConfigErrorKind, why: String, hint: &str) -> ConfigError {
    field.error(kind, "names a file that cannot be read", why, hint)
}

fn refused(field: &Field<'_>, error: &std::io::Error) -> ConfigError {
    match error.kind() {
        std::io::ErrorKind::NotFound => failed(
            field,
            ConfigErrorKind::NotFound,
            error.to_string(),
            "correct the path, or create the file; a relative path starts at the folder of the \
             configuration",
        ),
        _ => failed(
            field,
            ConfigErrorKind::Unreadable,
            error.to_string(),
            "check that it is the path of a file, and that the user who runs Forgekeep may read it",
        ),
    }
}

/// Whether a value names a regular file.
pub(super) fn check(field: &Field<'_>, path: &Path) -> Result<(), ConfigError> {
    let found = path.metadata().map_err(|error| refused(field, &error))?;
    // A pipe would be waited for.
    if !found.is_file() {
        return Err(failed(
            field,
            ConfigErrorKind::Unreadable,
            "it is a folder, a device, a pipe or a socket".to_owned(),
            "name a regular file",
        ));
    }
    Ok(())
}

/// The path that a value names.
pub(super) fn path(field: &Field<'_>) -> Result<PathBuf, ConfigError> {
    let path = field.text()?.value;
    if path.starts_with("~/") || path == "~" {
        return Err(field.invalid(
            "`~` is replaced by shells only",
            "write the whole path, or `%HOME%/…`",
        ));
    }
    Ok(field.beside(&path))
}

/// Where systemd puts the credentials of a service (`LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The path of a file with a secret. One that is relative is looked for among the credentials of the service
/// first.
pub(super) fn secret_path(field: &Field<'_>) -> Result<PathBuf, ConfigError> {
    let beside = path(field)?;
    let name = credential_name(&field.text()?.value);
    let credentials = field.variable(CREDENTIALS);
    let credential = credentials.zip(name);
    let credential = credential.map(|(folder, name)| Path::new(&folder).join(name));
    Ok(credential.filter(|path| path.exists()).unwrap_or(beside))
}

/// The longest name of a credential, as of a file.
const MAX_NAME: usize = 255;

/// What systemd calls the credential for a relative path. A name of its own has no `/`: `-` stands in its place,
/// as in the names of systemd's mount units. None where there can be none.
pub(super) fn credential_name(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    let name = parts.join("-");
    let is_fit = |byte: u8| (b' '..=b'~').contains(&byte) && !b":\\".contains(&byte);
    let is_name = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_fit);
    is_name.then_some(name)
}

/// Warns where every user of the machine can read a file with a secret.
#[cfg(unix)]
pub(super) fn warn_of_mode(field: &Field<'_>, path: &Path) {
    use std::os::unix::fs::MetadataExt as _;
    let mode = |path: &Path| path.metadata().map_or(0, |found| found.mode() & 0o7777);
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let of_file = mode(&real);
    // A folder above may keep the others out.
    if of_file & 0o004 != 0
        && real
            .ancestors()
            .skip(1)
            .all(|folder| mode(folder) & 0o001 != 0)
    {
        field.warn(format!(
            "names a file with a secret that every user of this machine can read (mode \
             {of_file:04o}): run `chmod 600` on it"
        ));
    }
}

/// Modes are unix's.
#[cfg(not(unix))]
pub(super) fn warn_of_mode(_: &Field<'_>, _: &Path) {}
