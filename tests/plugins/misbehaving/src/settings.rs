//! What is written into the library's file. The marker and the lines are the tests' to know, too
//! (`tests/src/misbehaving.rs`).

use std::sync::OnceLock;

use forgekeep_plugin_sdk::Source;

/// Bytes of the settings, with the marker.
const LENGTH: usize = 1024;

const MARKER: &[u8] = b"FORGEKEEP-MISBEHAVING-SETTINGS:";

/// Marker, three lines, and zeros to the end: the misbehaviour, what addresses to clone from begin with,
/// and another origin.
#[used]
static SETTINGS: [u8; LENGTH] = {
    let mut settings = [0; LENGTH];
    let mut at = 0;
    while at < MARKER.len() {
        settings[at] = MARKER[at];
        at += 1;
    }
    settings
};

fn lines() -> &'static [String; 3] {
    static LINES: OnceLock<[String; 3]> = OnceLock::new();
    LINES.get_or_init(|| {
        // Else the compiler knows that there is nothing in it.
        let settings = std::hint::black_box(&SETTINGS);
        let text = str::from_utf8(&settings[MARKER.len()..]).unwrap_or_default();
        let mut lines = text.trim_end_matches('\0').lines();
        std::array::from_fn(|_| lines.next().unwrap_or_default().to_owned())
    })
}

/// What a source has chosen, where the settings leave that to sources.
static CHOSEN: OnceLock<String> = OnceLock::new();

/// Lets a source choose the misbehaviour, where the settings say `by-name`: its name says it. Each source
/// has a process of its own, so many misbehave in one run.
pub(crate) fn choose(source: &Source) {
    CHOSEN.get_or_init(|| source.name.clone());
}

/// What to do wrong.
pub(crate) fn misbehaviour() -> &'static str {
    match lines()[0].as_str() {
        "by-name" => CHOSEN.get().map_or("", String::as_str),
        told => told,
    }
}

/// What addresses to clone from begin with, without a slash at the end; also the manifest's `apiUrl`.
pub(crate) fn clone_base() -> &'static str {
    match lines()[1].as_str() {
        "" => "https://misbehaving.example",
        base => base,
    }
}

/// The origin that `direct-…` and `post` turn to.
pub(crate) fn foreign_origin() -> &'static str {
    match lines()[2].as_str() {
        "" => "https://evil.example",
        origin => origin,
    }
}
