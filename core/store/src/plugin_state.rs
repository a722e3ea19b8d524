//! What the plugin of a source keeps between runs: a few texts by key, in a file for each source that
//! only its owner may read. It holds no credentials that were made in a run.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use forgekeep_durable::regular_file;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::names;
use serde::{Deserialize, Serialize};

use crate::layout::OWN_FOLDER;

/// Folder in [`OWN_FOLDER`] with a file for each source.
pub const PLUGIN_STATES: &str = "plugins";

/// Bytes of all keys and values of a source.
pub const MOST_BYTES: usize = 64 * 1024;

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    // Escapes take six bytes for one.
    max_bytes: 1024 * 1024,
    hint: "move this one file away: the plugin begins without what it had kept",
};

/// What a plugin has kept, by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The text.
    pub value: String,
    /// Whether it is to be kept out of all messages.
    #[serde(default)]
    pub secret: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: u32,
    #[serde(default)]
    values: BTreeMap<String, Kept>,
}

/// The file for a source.
#[derive(Debug)]
pub struct PluginState {
    path: PathBuf,
    values: BTreeMap<String, Kept>,
}

impl PluginState {
    /// Reads what is kept for a source. No file is no failure.
    ///
    /// # Errors
    ///
    /// As [`sealed::read`].
    pub fn read(local_folder: &Path, title: &str) -> Result<Self, Failure> {
        let folder = local_folder.join(OWN_FOLDER).join(PLUGIN_STATES);
        let path = folder.join(format!("{}.json", names::encode_component(title)));
        let file: Option<File> = sealed::read(&path, FORMATS)?;
        let values = file.map(|file| file.values).unwrap_or_default();
        Ok(Self { path, values })
    }

    /// Everything that is kept.
    pub fn values(&self) -> &BTreeMap<String, Kept> {
        &self.values
    }

    /// Keeps a value, or removes it; in memory, until [`Self::write`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Policy`]: there is no room for it, and nothing has changed.
    pub fn put(&mut self, key: &str, value: Option<Kept>) -> Result<(), Failure> {
        let before = match value {
            Some(value) => self.values.insert(key.to_owned(), value),
            None => self.values.remove(key),
        };
        let bytes: usize = self
            .values
            .iter()
            .map(|(key, kept)| key.len() + kept.value.len())
            .sum();
        if bytes <= MOST_BYTES {
            return Ok(());
        }
        match before {
            Some(before) => self.values.insert(key.to_owned(), before),
            None => self.values.remove(key),
        };
        let message = format!(
            "a plugin wants to keep {bytes} bytes for a source; {MOST_BYTES} are as many as it may"
        );
        Err(Failure::new(ErrorKind::Policy, message).with_hint("report it to the plugin's authors"))
    }

    /// Writes it down: it lasts over a power loss, and only its owner may read it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`].
    pub fn write(&self) -> Result<(), Failure> {
        if let Some(folder) = self.path.parent() {
            regular_file::make_folder(folder)?;
        }
        // What replaces it gets its permissions.
        create_for_owner(&self.path)?;
        sealed::write(
            &self.path,
            &File {
                format: FORMATS.known,
                values: self.values.clone(),
            },
        )
    }
}

/// Makes an empty file that only its owner may read, where there is none; and makes one that others may
/// read theirs no longer.
fn create_for_owner(path: &Path) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => only_for_owner(path),
        Err(error) => Err(Failure::disk("write", path, &error)),
    }
}

#[cfg(unix)]
fn only_for_owner(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;

    let failed = |error: io::Error| Failure::disk("write", path, &error);
    let found = fs::symlink_metadata(path).map_err(failed)?;
    // What is no file is told of by whoever replaces it.
    if !found.is_file() || found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)
}

#[cfg(not(unix))]
fn only_for_owner(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(value: &str) -> Option<Kept> {
        Some(Kept {
            value: value.to_owned(),
            secret: true,
        })
    }

    #[test]
    fn what_is_kept_is_there_the_next_time_for_its_source_alone() {
        let folder = tempfile::tempdir().unwrap();
        let read = |title: &str| PluginState::read(folder.path(), title).unwrap();
        let mut state = read("a/b");
        assert!(state.values().is_empty());
        state.put("etag", kept("x")).unwrap();
        state.put("other", kept("y")).unwrap();
        state.put("other", None).unwrap();
        state.write().unwrap();
        assert_eq!(read("a/b").values().get("etag"), kept("x").as_ref());
        assert_eq!(read("a/b").values().len(), 1);
        assert!(read("a").values().is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&state.path), 0o600);
            fs::set_permissions(&state.path, fs::Permissions::from_mode(0o644)).unwrap();
            state.write().unwrap();
            assert_eq!(mode(&state.path), 0o600);
        }
    }

    #[test]
    fn what_is_too_much_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = PluginState::read(folder.path(), "x").unwrap();
        state.put("a", kept(&"x".repeat(MOST_BYTES - 2))).unwrap();
        state.put("b", kept("")).unwrap();
        let refused = state.put("b", kept("x")).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Policy);
        assert_eq!(state.values().get("b"), kept("").as_ref());
        assert!(state.put("c", kept("")).is_err());
        assert_eq!(state.values().len(), 2);
    }

    #[test]
    fn a_damaged_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = PluginState::read(folder.path(), "x").unwrap();
        state.put("a", kept("x")).unwrap();
        state.write().unwrap();
        fs::write(&state.path, "{}").unwrap();
        let damaged = PluginState::read(folder.path(), "x").unwrap_err();
        assert_eq!(damaged.kind, ErrorKind::Damaged);
    }
}
