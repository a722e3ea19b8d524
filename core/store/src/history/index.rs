//! `.forgekeep/runs.json`: which reports and state files there are, so that one that goes missing is
//! noticed, and the number of the last run.

use std::path::{Path, PathBuf};

use forgekeep_durable::sealed;
use forgekeep_failure::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::layout::{INDEX_OF_RUNS, OWN_FOLDER};

/// What the last run has left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Version of the format.
    pub format: u32,
    /// Number of the last run of which a report was kept.
    pub last: u64,
    /// The reports, the oldest first.
    pub reports: Vec<Listed>,
    /// Names of the state files that there were.
    pub files: Vec<String>,
    /// What a newer version wrote.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A report that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub file: String,
    /// Number of its run; none in one of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// Its length.
    pub bytes: u64,
    /// When its file was last changed, as the file system had it when the report was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// The run that has read it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<u64>,
    /// git's blob id of it, where it has no checksum of its own: version 0.1 wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Listed {
    /// What can be told of a report without reading it.
    pub(super) fn look(runs: &Path, file: String) -> Self {
        let found = runs.join(&file).symlink_metadata().ok();
        Self {
            file,
            run: None,
            bytes: found.as_ref().map_or(0, std::fs::Metadata::len),
            changed: found.as_ref().and_then(changed),
            checked: None,
            content: None,
        }
    }

    /// Whether its file is what it was when it was last read, as far as it can be told so.
    pub(super) fn is_as(&self, found: &Self) -> bool {
        self.bytes == found.bytes && self.changed.is_some() && self.changed == found.changed
    }

    /// By number; those without are older, and in the order of their names, thus by time.
    pub fn order(&self) -> (Option<u64>, &str) {
        (self.run, &self.file)
    }
}

/// Where it is.
pub fn path(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(INDEX_OF_RUNS.name)
}

/// What is remembered; nothing before the first run that did.
///
/// # Errors
///
/// As [`sealed::read`].
pub(super) fn read(local_folder: &Path) -> Result<Option<Index>, Failure> {
    sealed::read(&path(local_folder), INDEX_OF_RUNS.formats)
}

impl Index {
    /// Replaces the file.
    pub fn write(&self, local_folder: &Path) -> Result<(), Failure> {
        let current = Self {
            format: INDEX_OF_RUNS.formats.known,
            ..self.clone()
        };
        match read(local_folder) {
            Err(failure) if !failure.is_damage() => Err(failure),
            _ => sealed::write(&path(local_folder), &current),
        }
    }
}

/// When a file was changed, its content and its place on the disk: text, to be compared only.
#[cfg(unix)]
fn changed(found: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;

    let (written, changed) = (found.mtime(), found.ctime());
    let (written_ns, changed_ns) = (found.mtime_nsec(), found.ctime_nsec());
    found
        .is_file()
        .then(|| format!("{written}.{written_ns:09} {changed}.{changed_ns:09}"))
}

#[cfg(not(unix))]
fn changed(found: &std::fs::Metadata) -> Option<String> {
    let written = jiff::Timestamp::try_from(found.modified().ok()?).ok()?;
    found.is_file().then(|| written.to_string())
}
