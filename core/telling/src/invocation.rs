//! Which run of systemd's has told what has come of it.

use std::path::PathBuf;
use std::{env, fs};

use forgekeep_durable::atomic_file;
use forgekeep_durable::state_folder::state_folder;
use forgekeep_notify::RunKind;

/// What a run has that systemd has started: systemd.exec(5).
const INVOCATION: &str = "INVOCATION_ID";

/// Whether systemd has started this run, so that its unit for failures tells what this cannot.
pub fn is_of_unit() -> bool {
    env::var_os(INVOCATION).is_some_and(|id| !id.is_empty())
}

/// Notes that this run has told what has come of it.
pub fn note_told(kind: RunKind) {
    let (Some(invocation), Some(file)) = (env::var(INVOCATION).ok(), file(kind)) else {
        return;
    };
    let folder = file.parent().map_or(Ok(()), atomic_file::make_folders);
    if let Err(failure) = folder.and_then(|()| atomic_file::replace(&file, invocation.as_bytes())) {
        log::warn!("systemd may tell of this run once more: {failure}");
    }
}

/// Whether this was the last run of its kind that has told what has come of it.
pub fn has_told(invocation: &str) -> bool {
    let kinds = [RunKind::Backup, RunKind::Verify, RunKind::Drill];
    let files = kinds.into_iter().filter_map(file);
    files
        .filter_map(|file| fs::read_to_string(file).ok())
        .any(|told| told == invocation)
}

/// One for each kind: a backup and a drill may end at the same time.
fn file(kind: RunKind) -> Option<PathBuf> {
    Some(state_folder()?.join(format!("told-{}", kind.as_str())))
}
