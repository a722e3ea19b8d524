//! What a source's plugin keeps, in the store or in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_durable::regular_file;
use forgekeep_failure::Failure;
use forgekeep_hoster::{MemoryState, SourceState, StateValue};
use forgekeep_store::layout;
use forgekeep_store::plugin_state::{Kept, PluginState};
use forgekeep_untrusted::Secret;
use parking_lot::Mutex;

/// What is kept for a source in a backup folder.
struct Stored {
    local_folder: PathBuf,
    title: String,
    /// Read at first use: most plugins keep nothing.
    state: Mutex<Option<PluginState>>,
}

/// What is kept for a source, for a run that may write.
pub(crate) fn stored(local_folder: &Path, title: &str) -> Arc<dyn SourceState> {
    Arc::new(Stored {
        local_folder: local_folder.to_owned(),
        title: title.to_owned(),
        state: Mutex::default(),
    })
}

/// The same for whoever may not: what is kept is there, and what is kept anew ends with it. What cannot
/// be read is not there.
pub(crate) fn in_memory(local_folder: &Path, title: &str) -> Arc<dyn SourceState> {
    let values = match PluginState::read(local_folder, title) {
        Ok(state) => values_of(&state),
        Err(failure) => {
            log::info!("{failure}");
            BTreeMap::new()
        }
    };
    Arc::new(MemoryState::beginning_with(values))
}

fn values_of(state: &PluginState) -> BTreeMap<String, StateValue> {
    let values = state.values().iter();
    values
        .map(|(key, kept)| {
            let value = StateValue {
                value: Secret::new(kept.value.as_str()),
                secret: kept.secret,
            };
            (key.clone(), value)
        })
        .collect()
}

impl Stored {
    fn with<T>(
        &self,
        act: impl FnOnce(&mut PluginState) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut state = self.state.lock();
        if state.is_none() {
            *state = Some(PluginState::read(&self.local_folder, &self.title)?);
        }
        match &mut *state {
            Some(state) => act(state),
            None => Err(Failure::cancelled()),
        }
    }
}

impl SourceState for Stored {
    fn values(&self) -> Result<BTreeMap<String, StateValue>, Failure> {
        self.with(|state| Ok(values_of(state)))
    }

    fn put(&self, key: &str, value: Option<StateValue>) -> Result<(), Failure> {
        self.with(|state| {
            let kept = value.map(|value| Kept {
                value: value.value.expose().to_owned(),
                secret: value.secret,
            });
            state.put(key, kept)?;
            state.write()
        })
    }

    fn downloads(&self) -> Result<PathBuf, Failure> {
        let folder = layout::downloads(&self.local_folder);
        regular_file::make_folder(&folder)?;
        Ok(folder)
    }
}

/// Removes what a killed run has left of downloads. For when none is at work.
pub(crate) fn remove_leftovers(local_folder: &Path) {
    let folder = layout::downloads(local_folder);
    match regular_file::check_folder(&folder) {
        Ok(true) => {
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                log::warn!("{}", Failure::disk("remove", &folder, &error));
            }
        }
        Ok(false) => {}
        Err(failure) => log::warn!("{failure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<StateValue> {
        Some(StateValue {
            value: Secret::new(text),
            secret: true,
        })
    }

    #[test]
    fn what_is_stored_lasts_and_what_is_in_memory_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let stored = || stored(folder.path(), "acme");
        stored().put("a", value("x")).unwrap();
        assert_eq!(stored().values().unwrap().get("a"), value("x").as_ref());
        let memory = in_memory(folder.path(), "acme");
        memory.put("a", value("y")).unwrap();
        assert_eq!(memory.values().unwrap().get("a"), value("y").as_ref());
        assert_eq!(stored().values().unwrap().get("a"), value("x").as_ref());
    }

    #[test]
    fn downloads_that_were_left_go() {
        let folder = tempfile::tempdir().unwrap();
        let downloads = stored(folder.path(), "acme").downloads().unwrap();
        std::fs::write(downloads.join("1"), "x").unwrap();
        remove_leftovers(folder.path());
        assert!(!downloads.exists());
        remove_leftovers(folder.path());
    }
}
