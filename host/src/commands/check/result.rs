//! What a check leaves for `schedule status`, which has it run where it cannot be asked.

use std::path::Path;

use forgekeep_durable::atomic_file;
use forgekeep_durable::state_folder::state_folder;
use forgekeep_durable::umask::OfBackup;
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::offline::complaint;
use crate::exit::Complaint;
use crate::terminal::hidden_json;

/// Writes it to a file, which nobody else may read.
pub fn keep(file: &Path, document: &impl Serialize) -> Result<(), Complaint> {
    let file = state_folder().unwrap_or_default().join(file);
    let _umask = OfBackup::set(0o077);
    let folder = file.parent().map_or(Ok(()), atomic_file::make_folders);
    let text = json!(document).to_string();
    folder
        .and_then(|()| atomic_file::replace(&file, hidden_json(&text).as_bytes()))
        .map_err(complaint)
}

/// Of one that could not be made.
pub fn of_complaint(complaint: &Complaint) -> Value {
    json!({
        "schema": 1,
        "exitCode": complaint.ending,
        "error": { "message": complaint.message, "hint": complaint.hint },
    })
}
