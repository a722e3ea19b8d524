use std::io::{self, Write};

use forgekeep_engine::event::{Event, Observer};

/// One JSON document a line, on standard output.
pub struct Json;

impl Observer for Json {
    fn event(&self, event: &Event<'_>) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        // One write, so that lines of several workers do not mix. A reader that has gone away is no
        // reason to end a backup.
        let _ = io::stdout().lock().write_all(&line);
    }
}
