//! The user's folder for what programs remember.

use std::env;
use std::path::PathBuf;

/// A unit's own, where systemd gives one; else the user's, by the XDG Base Directory Specification.
pub fn state_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folders) = set("STATE_DIRECTORY") {
        // Several are parted by colons.
        return env::split_paths(&folders).next();
    }
    let folder = match set("XDG_STATE_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => PathBuf::from(set("HOME")?).join(".local/state"),
    };
    Some(folder.join("forgekeep"))
}
