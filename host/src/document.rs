//! A document of JSON for a program, written a line at a time: it may be larger than what there is memory for.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use forgekeep_untrusted::names;
use serde::Serialize;

/// What makes a line what it may be shown as.
type Clean = fn(&str) -> Cow<'_, str>;

/// Writes it, each line cleaned, and without anything that a terminal would act upon.
pub fn write(to: impl Write, document: &impl Serialize, clean: Clean) -> io::Result<()> {
    let mut lines = Lines {
        to: BufWriter::new(to),
        line: Vec::new(),
        clean,
    };
    serde_json::to_writer_pretty(&mut lines, document)?;
    lines.write_all(b"\n")?;
    lines.to.flush()
}

/// Hands on whole lines: no text goes over the end of one.
struct Lines<W: Write> {
    to: BufWriter<W>,
    line: Vec<u8>,
    clean: Clean,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::str::from_utf8(&self.line).map_err(io::Error::other)?;
                self.to.write_all(escaped(&(self.clean)(line)).as_bytes())?;
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// JSON in which a terminal finds nothing to act upon: what can only stand in its strings is written as
/// an escape, which means the same.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || names::is_printable(c.encode_utf8(&mut [0; 4])) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}
