//! What is remembered of who was told what.
//!
//! It is kept in the user's folder for state, beside no backup: a disk that is full or not mounted is what is
//! to be told of, and that it has passed, too. Where that folder cannot be written to it is kept in the
//! backup folder, if that has a folder of ours: what would be one of an empty mount point is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use forgekeep_durable::folder::key;
use forgekeep_durable::sealed;
use forgekeep_failure::{Failure, Finding};
use forgekeep_store::layout::{OWN_FOLDER, TOLD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{Kept, RunKind};

/// Most messages that are kept for a channel: the last.
const KEPT: usize = 10;

/// What is remembered of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ChannelState {
    /// Whether it was told of a failure of a backup, and not yet that it has passed.
    pub failing: bool,
    /// The same of what is no backup.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub failing_checks: BTreeSet<RunKind>,
    /// What could not be sent.
    pub unsent: Vec<Kept>,
}

impl ChannelState {
    pub(super) fn is_failing(&self, kind: RunKind) -> bool {
        match kind {
            RunKind::Backup => self.failing,
            kind => self.failing_checks.contains(&kind),
        }
    }

    pub(super) fn set_failing(&mut self, kind: RunKind, failing: bool) {
        match (kind, failing) {
            (RunKind::Backup, failing) => self.failing = failing,
            (kind, true) => drop(self.failing_checks.insert(kind)),
            (kind, false) => drop(self.failing_checks.remove(&kind)),
        }
    }

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
    /// When it was written: the later of two counts.
    #[serde(default)]
    pub at: Timestamp,
    #[serde(default)]
    pub channels: BTreeMap<String, ChannelState>,
}

/// Where it is remembered.
pub struct StatePlaces {
    own: Option<PathBuf>,
    backup: Option<PathBuf>,
}

impl StatePlaces {
    /// For a backup folder, if it is known, and the user's folder for state, if there is one.
    pub fn new(state_folder: Option<PathBuf>, local_folder: Option<&Path>) -> Self {
        let name = |folder: &Path| format!("notify-{}.json", key(folder));
        Self {
            own: state_folder
                .zip(local_folder)
                .map(|(state, folder)| state.join(name(folder))),
            backup: local_folder.map(|folder| folder.join(OWN_FOLDER).join(TOLD.name)),
        }
    }
}

impl State {
    /// What is remembered, and what is wrong with it.
    pub(super) fn read(places: &StatePlaces) -> (Self, Option<Finding>) {
        let mut state = Self::default();
        let mut lost = None;
        for path in [&places.own, &places.backup].into_iter().flatten() {
            match sealed::read::<Self>(path, TOLD.formats) {
                Ok(Some(found)) if found.at >= state.at => state = found,
                Ok(_) => {}
                Err(failure) => {
                    lost = Some(Finding {
                        hint: failure.hint.clone(),
                        ..Finding::warning(format!(
                            "it is not known what was told before: {}",
                            failure.message
                        ))
                    });
                }
            }
        }
        (state, lost)
    }

    /// Replaces what is remembered.
    pub(super) fn write(&self, places: &StatePlaces) -> Result<(), Failure> {
        let current = Self {
            format: TOLD.formats.known,
            at: Timestamp::now(),
            ..self.clone()
        };
        let own = places.own.as_ref();
        let in_own =
            own.map(|path| in_new_folder(path).and_then(|()| sealed::write(path, &current)));
        match (in_own, &places.backup) {
            (Some(Ok(())), backup) => {
                // It is out of date, whatever the clock says.
                if let Some(path) = backup {
                    let _ = std::fs::remove_file(path);
                }
                Ok(())
            }
            (_, Some(path)) if path.parent().is_some_and(Path::is_dir) => {
                sealed::write(path, &current)
            }
            (Some(failed), _) => failed,
            (None, _) => Ok(()),
        }
    }
}

fn in_new_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder);
    made.map_err(|error| Failure::disk("create", folder, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str) -> State {
        let channel = ChannelState {
            failing: true,
            ..ChannelState::default()
        };
        State {
            channels: BTreeMap::from([(name.to_owned(), channel)]),
            ..State::default()
        }
    }

    #[test]
    fn it_is_kept_where_it_can_be_and_the_later_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        let backup = folder.path().join("backup");
        std::fs::create_dir_all(backup.join(OWN_FOLDER)).unwrap();
        let own = folder.path().join("state/forgekeep");
        let both = StatePlaces::new(Some(own.clone()), Some(&backup));
        state("first").write(&both).unwrap();
        assert!(!backup.join(OWN_FOLDER).join(TOLD.name).exists());
        assert!(State::read(&both).0.channels.contains_key("first"));
        // A file in its place: the backup folder takes it, and is believed.
        std::fs::rename(&own, folder.path().join("old")).unwrap();
        std::fs::write(&own, "").unwrap();
        state("second").write(&both).unwrap();
        std::fs::remove_file(&own).unwrap();
        std::fs::rename(folder.path().join("old"), &own).unwrap();
        assert!(State::read(&both).0.channels.contains_key("second"));
        // Nothing is made in a folder that has none of ours.
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let places = StatePlaces::new(None, Some(&empty));
        state("third").write(&places).unwrap();
        assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
    }

    #[test]
    fn what_is_damaged_is_told_and_is_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let places = StatePlaces::new(Some(folder.path().to_owned()), Some(folder.path()));
        state("one").write(&places).unwrap();
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file)
            .unwrap()
            .replace("true", "false");
        std::fs::write(&file, text).unwrap();
        let (read, lost) = State::read(&places);
        assert!(read.channels.is_empty() && lost.is_some());
        state("two").write(&places).unwrap();
        assert!(State::read(&places).1.is_none());
    }
}
