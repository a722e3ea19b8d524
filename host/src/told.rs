//! Which run of systemd's has told what has come of it.

use std::path::PathBuf;
use std::{env, fs};

use forgekeep_durable::atomic_file;

use crate::state_folder::state_folder;

/// What a run has that systemd has started: systemd.exec(5).
const INVOCATION: &str = "INVOCATION_ID";

/// Notes that this run has told what has come of it.
pub fn note_told() {
    let (Some(invocation), Some(file)) = (env::var(INVOCATION).ok(), file()) else {
        return;
    };
    let folder = file.parent().map_or(Ok(()), atomic_file::make_folders);
    if let Err(failure) = folder.and_then(|()| atomic_file::replace(&file, invocation.as_bytes())) {
        log::warn!("systemd may tell of this run once more: {failure}");
    }
}

/// The run that has told last.
pub fn last_told() -> Option<String> {
    fs::read_to_string(file()?).ok()
}

fn file() -> Option<PathBuf> {
    Some(state_folder()?.join("told-invocation"))
}
