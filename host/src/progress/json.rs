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
        terminal::bytes_to_stdout(line.as_bytes());
    }
}
