//! The last good copy of who is told: for a run whose configuration cannot be read any more.
//!
//! It lies in the user's folder for state, outside of the backup, and nobody else may read it. Secrets are in
//! it as they are in the configuration: the names of variables, files and commands stay names, so that what
//! they give is read when somebody is told; only what stands there in plain text stands here, too.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_config::{Config, ConfigError, Notifications};
use forgekeep_durable::atomic_file;
use forgekeep_durable::folder::key;
use forgekeep_durable::sealed::{self, Formats};
use forgekeep_durable::state_folder::state_folder;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::Failure;
use forgekeep_untrusted::{Secret, Untrusted};
use serde::{Deserialize, Serialize};

const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 16 * 1024 * 1024,
    hint: "remove this one file: the next run writes it again",
};

#[derive(Serialize, Deserialize)]
struct Copy {
    format: u32,
    /// The configuration that it is of, by its absolute path: others in it are relative to its folder.
    configuration: Untrusted,
    /// The part of it that is about this, in its own syntax.
    text: String,
}

/// The copy of one configuration.
pub(super) struct LastGood {
    configuration: PathBuf,
    file: PathBuf,
}

impl LastGood {
    /// Of the configuration at this path; none where there is no folder for state.
    pub(super) fn of(configuration: &Path) -> Option<Self> {
        let configuration = std::path::absolute(configuration).ok()?;
        let file = state_folder()?.join(format!("notify-copy-{}.json", key(&configuration)));
        Some(Self {
            configuration,
            file,
        })
    }

    /// Of the configuration that commands would read, also where there is only its copy any more.
    pub(super) fn find(
        named: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ConfigError> {
        let has_copy = |path: &Path| Self::of(path).is_some_and(|copy| copy.exists());
        let exists = |path: &Path| path.exists() || has_copy(path);
        let file = forgekeep_config::find(named, environment, &exists)?;
        Ok(Self::of(&file).filter(Self::exists))
    }

    fn exists(&self) -> bool {
        self.file.exists()
    }

    /// Keeps what a configuration says, that is good. Nothing depends on it now.
    pub(super) fn keep(&self, config: &Config) {
        if let Err(failure) = self.replace(config.notifications_copy()) {
            log::warn!("a run that cannot read its configuration may tell nobody: {failure}");
        }
    }

    fn replace(&self, text: Option<Secret>) -> Result<(), Failure> {
        let Some(text) = text else {
            return match fs::remove_file(&self.file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Failure::disk("remove", &self.file, &error))
                }
                _ => Ok(()),
            };
        };
        let copy = Copy {
            format: FORMATS.known,
            configuration: Untrusted::of_path(&self.configuration),
            text: text.expose().to_owned(),
        };
        let old = sealed::read::<Copy>(&self.file, FORMATS);
        if old.is_ok_and(|old| old.is_some_and(|old| old.text == copy.text)) && self.is_private() {
            return Ok(());
        }
        let _umask = OfBackup::set(0o077);
        self.file
            .parent()
            .map_or(Ok(()), atomic_file::make_folders)?;
        if !self.is_private() {
            // A file that is replaced keeps its mode.
            let removed = fs::remove_file(&self.file);
            removed.map_err(|error| Failure::disk("remove", &self.file, &error))?;
        }
        sealed::write(&self.file, &copy)
    }

    /// Whether nobody else may read it; so may nobody what is not there.
    fn is_private(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let found = fs::symlink_metadata(&self.file);
            !found.is_ok_and(|found| found.mode() & 0o077 != 0 || !found.is_file())
        }
        #[cfg(not(unix))]
        true
    }

    /// What it says.
    pub(super) fn read(
        &self,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Notifications> {
        let copy = match sealed::read::<Copy>(&self.file, FORMATS) {
            Ok(copy) => copy?,
            Err(failure) => {
                log::warn!("who is told is not known: {failure}");
                return None;
            }
        };
        let text = Secret::new(copy.text);
        forgekeep_config::notifications_of_copy(&text, &self.configuration, environment)
    }
}
