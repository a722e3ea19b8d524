//! What is known of plugins that were met once, by the hash of their files: so that a plugin which no
//! source needs is opened once only, to find out which names it answers to.
//!
//! It is a cache: whatever is wrong with it, plugins are asked again.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use forgekeep_durable::regular_file;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_failure::Failure;
use forgekeep_plugin_documents::PROTOCOL;
use forgekeep_plugin_host::Sha256;
use serde::{Deserialize, Serialize};

/// Plugins that are remembered. Whoever has more asks some of them again.
const MOST: usize = 1_000;

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 4 * 1024 * 1024,
    hint: "remove the file: plugins are asked again",
};

#[derive(Default, Serialize, Deserialize)]
struct Document {
    format: u32,
    /// The protocol that was spoken with them.
    protocol: u32,
    #[serde(default)]
    plugins: BTreeMap<String, Names>,
}

/// The names that a plugin answers to; none if it cannot be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(pub Vec<String>);

/// The plugins that are known.
pub struct Known {
    path: Option<PathBuf>,
    plugins: BTreeMap<String, Names>,
    has_changed: bool,
}

impl Known {
    /// Reads what is known.
    pub fn read() -> Self {
        Self::at(cache().map(|cache| cache.join("forgekeep/plugins.json")))
    }

    fn at(path: Option<PathBuf>) -> Self {
        let document = match path.as_ref().map(|path| sealed::read(path, FORMATS)) {
            Some(Ok(document)) => document,
            Some(Err(failure)) => {
                log::debug!("{failure}");
                None
            }
            None => None,
        };
        let of_now = document.filter(|document: &Document| document.protocol == PROTOCOL);
        Self {
            path,
            plugins: of_now.map(|document| document.plugins).unwrap_or_default(),
            has_changed: false,
        }
    }

    /// The names of the plugin in a file with this hash, if it was met before.
    pub fn names(&self, sha256: Sha256) -> Option<&Names> {
        self.plugins.get(&sha256.to_string())
    }

    /// Remembers a plugin that was met.
    pub fn note(&mut self, sha256: Sha256, names: Names) {
        if self.plugins.len() < MOST {
            self.plugins.insert(sha256.to_string(), names);
            self.has_changed = true;
        }
    }

    /// Writes it down, as far as that can be done.
    pub fn write(self) {
        let Some(path) = self.path.filter(|_| self.has_changed) else {
            return;
        };
        let document = Document {
            format: FORMATS.known,
            protocol: PROTOCOL,
            plugins: self.plugins,
        };
        let write = || -> Result<(), Failure> {
            if let Some(folder) = path.parent() {
                regular_file::make_folder(folder)?;
            }
            sealed::write(&path, &document)
        };
        if let Err(failure) = write() {
            log::debug!("{failure}");
        }
    }
}

/// The user's folder for what can be made again (XDG Base Directory Specification).
fn cache() -> Option<PathBuf> {
    env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_was_met_is_known_by_its_hash_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forgekeep/plugins.json");
        let known = || Known::at(Some(path.clone()));
        let hash = |byte| Sha256([byte; 32]);
        let names = Names(vec!["gitea".to_owned(), "forgejo".to_owned()]);
        let mut first = known();
        assert_eq!(first.names(hash(1)), None);
        first.note(hash(1), names.clone());
        first.note(hash(2), Names::default());
        first.write();
        assert_eq!(known().names(hash(1)), Some(&names));
        assert_eq!(known().names(hash(2)), Some(&Names::default()));
        assert_eq!(known().names(hash(3)), None);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(known().names(hash(1)), None);
        Known::at(None).write();
    }
}
