//! `.forgekeep/runs.json`: which reports and state files there are, so that one that goes missing is
//! noticed, and the number of the last run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::lock::OWN_FOLDER;
use crate::sealed::{self, Formats};
use crate::{ErrorKind, Failure};

/// File in [`OWN_FOLDER`].
pub(crate) const FILE: &str = "runs.json";

pub(crate) const FORMATS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 16 * 1024 * 1024,
    hint: "run `forgekeep backup`: it makes the file anew from the reports",
};

/// What the last run has left.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
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
pub(crate) struct Listed {
    pub file: String,
    /// Number of its run; none in one of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    pub bytes: u64,
}

impl Listed {
    /// By number; those without are older, and in the order of their names, thus by time.
    pub fn order(&self) -> (Option<u64>, &str) {
        (self.run, &self.file)
    }
}

/// Where it is.
pub(crate) fn path(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(FILE)
}

/// What is remembered; nothing before the first run that did.
///
/// # Errors
///
/// As [`sealed::read`].
pub(super) fn read(local_folder: &Path) -> Result<Option<Index>, Failure> {
    sealed::read(&path(local_folder), FORMATS)
}

impl Index {
    pub fn write(&self, local_folder: &Path) -> Result<(), Failure> {
        let current = Self {
            format: FORMATS.known,
            ..self.clone()
        };
        match read(local_folder) {
            Err(failure) if failure.kind != ErrorKind::Damaged => Err(failure),
            _ => sealed::write(&path(local_folder), &current),
        }
    }
}
