//! What is remembered of who was told what: `.forgekeep/notify.json`.
//!
//! It is written only where the backup folder has a folder of ours: what would be one of an empty mount
//! point is left alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forgekeep_durable::sealed;
use forgekeep_failure::{Failure, Finding};
use forgekeep_store::layout::{OWN_FOLDER, TOLD};
use serde::{Deserialize, Serialize};

use super::message::Kept;

/// Most messages that are kept for a channel: the last.
const KEPT: usize = 10;

/// What is remembered of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ChannelState {
    /// Whether it was told of a failure, and not yet that it has passed.
    pub failing: bool,
    /// What could not be sent.
    pub unsent: Vec<Kept>,
}

impl ChannelState {
    pub(super) fn keep(&mut self, kept: Kept) {
        self.unsent.push(kept);
        let surplus = self.unsent.len().saturating_sub(KEPT);
        self.unsent.drain(..surplus);
    }
}

/// What is remembered of all, by what each is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub format: u32,
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelState>,
}

fn path(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(TOLD.name)
}

impl State {
    /// What is remembered in a backup folder, and what is wrong with it.
    pub(super) fn read(local_folder: Option<&Path>) -> (Self, Option<Finding>) {
        let read = match local_folder {
            Some(folder) => sealed::read(&path(folder), TOLD.formats),
            None => Ok(None),
        };
        match read {
            Ok(state) => (state.unwrap_or_default(), None),
            Err(failure) => {
                let lost = Finding {
                    hint: failure.hint.clone(),
                    ..Finding::warning(format!(
                        "it is not known what was told before: {}",
                        failure.message
                    ))
                };
                (Self::default(), Some(lost))
            }
        }
    }

    /// Replaces what is remembered.
    pub(super) fn write(&self, local_folder: Option<&Path>) -> Result<(), Failure> {
        let Some(folder) = local_folder.filter(|folder| folder.join(OWN_FOLDER).is_dir()) else {
            return Ok(());
        };
        let current = Self {
            format: TOLD.formats.known,
            ..self.clone()
        };
        sealed::write(&path(folder), &current)
    }
}
