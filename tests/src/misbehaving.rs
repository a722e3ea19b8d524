//! The misbehaving plugin, told what to do wrong.

use std::fs;
use std::path::Path;

use crate::binaries;

/// What its library has in the place of its settings (`tests/plugins/misbehaving/src/settings.rs`).
const MARKER: &[u8] = b"FORGEKEEP-MISBEHAVING-SETTINGS:";

/// Bytes of the settings, with the marker.
const LENGTH: usize = 1024;

/// Writes a copy of the misbehaving plugin's library to a file, with a misbehaviour, what addresses to
/// clone from begin with, and another origin written into it. Empty ones stay as they are there.
pub fn write_misbehaving(file: &Path, misbehaviour: &str, clone_base: &str, origin: &str) {
    let library = binaries().library("test_plugin_misbehaving");
    let mut bytes = fs::read(library).expect("the misbehaving plugin is built");
    let mut settings = MARKER.to_vec();
    settings.extend_from_slice(format!("{misbehaviour}\n{clone_base}\n{origin}\n").as_bytes());
    assert!(settings.len() <= LENGTH, "too long settings");
    settings.resize(LENGTH, 0);
    // The marker alone stands elsewhere, too: where it is compiled from.
    let mut blank = MARKER.to_vec();
    blank.resize(LENGTH, 0);
    let at = bytes
        .windows(LENGTH)
        .position(|window| window == blank)
        .expect("the library has room for settings");
    bytes[at..at + LENGTH].copy_from_slice(&settings);
    let folder = file.parent().expect("a file has a folder");
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(file, bytes).expect("the plugin can be written");
}
