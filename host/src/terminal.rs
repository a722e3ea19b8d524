//! Writing for people. The standard library's macros panic when nobody reads any more
//! (`forgekeep list | head`); a reader that has gone away is no reason to end a backup.
//!
//! Any other failure to write (a full disk, say) is remembered: what was asked for, or what there was to
//! say about it, did not arrive, so the command has not succeeded ([`lost`]).

use std::borrow::Cow;
use std::fmt::Arguments;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use forgekeep_untrusted::Redactor;
use serde::Serialize;

use crate::document;

/// Knows the secrets of the configuration, once it is read.
static SECRETS: OnceLock<Arc<Redactor>> = OnceLock::new();

/// A line on standard output, for what was asked for.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::to_stdout(format_args!($($text)*)) };
}

/// A line on standard error, for what there is to say about it.
macro_rules! tell {
    ($($text:tt)*) => { $crate::terminal::to_stderr(format_args!($($text)*)) };
}

pub(crate) use out;
pub(crate) use tell;

/// From now on, nothing that is written holds one of these secrets, wherever it has come from: names
/// and messages are cleaned where they come in, and this makes up for a place that was forgotten.
pub fn hide(secrets: Arc<Redactor>) {
    // There is one configuration for each process.
    let _ = SECRETS.set(secrets);
}

/// A text without the secrets, which may hold JSON.
pub fn hidden(text: &str) -> Cow<'_, str> {
    match SECRETS.get() {
        Some(secrets) => secrets.clean(text),
        None => Cow::Borrowed(text),
    }
}

/// The same for JSON, which it stays.
pub fn hidden_json(text: &str) -> Cow<'_, str> {
    match SECRETS.get() {
        Some(secrets) => secrets.clean_json(text),
        None => Cow::Borrowed(text),
    }
}

/// What messages call the two streams.
pub const STDOUT: &str = "standard output";
pub const STDERR: &str = "standard error";

/// The first failure to write, and where to.
static LOST: OnceLock<(&str, io::Error)> = OnceLock::new();

/// Whether standard output is for one document.
static FOR_DOCUMENT: AtomicBool = AtomicBool::new(false);

/// Whether that document was printed.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// From now on, standard output is for one document: nothing is printed there for people.
pub fn keep_for_document() {
    FOR_DOCUMENT.store(true, Ordering::Relaxed);
}

/// Whether a document is to be printed and was not yet.
pub fn document_is_missing() -> bool {
    FOR_DOCUMENT.load(Ordering::Relaxed) && !PRINTED.load(Ordering::Relaxed)
}

/// The document that was asked for, on standard output.
pub fn document(document: &impl Serialize) -> io::Result<()> {
    PRINTED.store(true, Ordering::Relaxed);
    match document::write(io::stdout().lock(), document, hidden_json) {
        // What was to be written is at fault, not the stream.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(error),
        written => {
            note(STDOUT, written);
            Ok(())
        }
    }
}

/// See [`out`].
pub fn to_stdout(text: Arguments<'_>) {
    if FOR_DOCUMENT.load(Ordering::Relaxed) {
        return;
    }
    let text = text.to_string();
    note(STDOUT, writeln!(io::stdout().lock(), "{}", hidden(&text)));
}

/// A question on standard error; the answer is to follow on the same line.
pub fn ask(question: &str) {
    let mut stderr = io::stderr().lock();
    let written = stderr.write_all(hidden(question).as_bytes());
    note(STDERR, written.and_then(|()| stderr.flush()));
}

/// Bytes on standard output, in one piece: lines of several workers must not mix.
pub fn bytes_to_stdout(bytes: &[u8]) {
    note(STDOUT, io::stdout().lock().write_all(bytes));
}

/// See [`tell`].
pub fn to_stderr(text: Arguments<'_>) {
    // Made first: standard error is not buffered, and lines of several workers must not mix.
    let line = format!("{text}\n");
    let written = io::stderr().lock().write_all(hidden(&line).as_bytes());
    note(STDERR, written);
}

/// Remembers how a write ended: a warning that nobody can have read is no success either. That the
/// reader has gone away is its own affair.
pub fn note(stream: &'static str, written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first is the cause of the others.
        let _ = LOST.set((stream, error));
    }
}

/// Writes out what is left, and says where and why output was lost, if any was.
pub fn lost() -> Option<&'static (&'static str, io::Error)> {
    note(STDOUT, io::stdout().lock().flush());
    LOST.get()
}
