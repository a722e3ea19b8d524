use std::io::{self, Write};

use forgekeep_engine::event::{Event, Observer};

use crate::terminal;

/// One JSON document a line, on standard output.
pub struct Json;

impl Observer for Json {
    fn event(&self, event: &Event<'_>) {
        let Ok(text) = serde_json::to_string(event) else {
            return;
        };
        let line = terminal::hidden_json(&text).into_owned() + "\n";
        // One write, so that lines of several workers do not mix. A reader that has gone away is no
        // reason to end a backup.
        let _ = io::stdout().lock().write_all(line.as_bytes());
    }
}
