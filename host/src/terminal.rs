//! Writing for people. The standard library's macros panic when nobody reads any more
//! (`forgekeep list | head`); a reader that has gone away is no reason to end a backup.
//!
//! Any other failure to write (a full disk, say) is remembered: what was asked for, or what there was to
//! say about it, did not arrive, so the command has not succeeded ([`lost`]).

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use clap::{ColorChoice, ValueEnum as _};
use console::Term;
use forgekeep_terminal_text::{ColourMode, is_wanted, plain, wrap};
use forgekeep_untrusted::Redactor;
use indicatif::MultiProgress;
use serde::Serialize;

use crate::document;

/// Knows the secrets of the configuration, once it is read.
static SECRETS: OnceLock<Arc<Redactor>> = OnceLock::new();

/// A line on standard output, for what was asked for.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::to_stdout(format_args!($($text)*)) };
}

/// The same for sentences, which are broken between words where a terminal ends.
macro_rules! say {
    ($($text:tt)*) => { $crate::terminal::say_to_stdout(format_args!($($text)*)) };
}

/// Sentences on standard error, for what there is to say about it.
macro_rules! tell {
    ($($text:tt)*) => { $crate::terminal::to_stderr(format_args!($($text)*)) };
}

pub(crate) use out;
pub(crate) use say;
pub(crate) use tell;

/// The bars on the terminal, for whoever writes beside them.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Where bars are added; whatever is written from now on is written above them.
pub fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Writes to the terminal without mixing with bars.
pub fn aside<T>(write: impl FnOnce() -> T) -> T {
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// How one of the two streams is written to.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    colour: bool,
}

/// That of standard output, and that of standard error.
static LOOKS: OnceLock<(Look, Look)> = OnceLock::new();

/// What the arguments say about colour, before they are read: it is for what is wrong with them, too.
pub fn colour_asked(words: impl Iterator<Item = OsString>) -> ColorChoice {
    let words = words.filter_map(|word| word.into_string().ok());
    let words: Vec<_> = words.take_while(|word| word != "--").collect();
    let is_it = |word: &str| ColorChoice::from_str(word, false).ok();
    let apart = words.windows(2).filter(|pair| pair[0] == "--color");
    let apart = apart.filter_map(|pair| is_it(&pair[1])).next_back();
    let joined = words
        .iter()
        .filter_map(|word| word.strip_prefix("--color="));
    joined
        .filter_map(is_it)
        .next_back()
        .or(apart)
        .unwrap_or_default()
}

/// Both streams are written to as this asks for, from now on.
pub fn colour(asked: ColorChoice) {
    let mode = match asked {
        ColorChoice::Auto => ColourMode::Auto,
        ColorChoice::Always => ColourMode::Always,
        ColorChoice::Never => ColourMode::Never,
    };
    let look = |is_terminal| Look {
        colour: is_wanted(mode, is_terminal, |name| env::var_os(name)),
    };
    let (out, err) = (
        look(io::stdout().is_terminal()),
        look(io::stderr().is_terminal()),
    );
    // What draws bars, and the test of a terminal, are another's.
    console::set_colors_enabled(out.colour);
    console::set_colors_enabled_stderr(err.colour);
    // It is set once.
    let _ = LOOKS.set((out, err));
}

fn looks() -> (Look, Look) {
    LOOKS.get().copied().unwrap_or_default()
}

/// How wide the terminal is that standard output goes to; a window may have another size by now.
pub fn stdout_width() -> Option<usize> {
    let (_, columns) = Term::stdout().size_checked()?;
    (columns > 0).then_some(usize::from(columns))
}

/// How wide the terminal is that standard error goes to.
pub fn stderr_width() -> Option<usize> {
    let (_, columns) = Term::stderr().size_checked()?;
    (columns > 0).then_some(usize::from(columns))
}

/// Whether standard error is coloured.
pub fn stderr_is_coloured() -> bool {
    looks().1.colour
}

/// A text as it is written to a stream: without secrets, in lines of its width if it has one.
fn written(text: &str, look: Look, width: Option<usize>) -> String {
    let text = hidden(text);
    let text = match width {
        Some(width) => Cow::Owned(wrap(&text, width)),
        None => text,
    };
    match look.colour {
        true => text.into_owned(),
        false => plain(&text).into_owned(),
    }
}

/// Sentences as they are written to standard error.
pub fn for_stderr(text: &str) -> String {
    written(text, looks().1, stderr_width())
}

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
    write_to_stdout(&text.to_string(), None);
}

/// See [`say`].
pub fn say_to_stdout(text: Arguments<'_>) {
    write_to_stdout(&text.to_string(), stdout_width());
}

fn write_to_stdout(text: &str, width: Option<usize>) {
    if FOR_DOCUMENT.load(Ordering::Relaxed) {
        return;
    }
    let text = written(text, looks().0, width);
    note(STDOUT, aside(|| writeln!(io::stdout().lock(), "{text}")));
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
    let line = for_stderr(&format!("{text}\n"));
    note(
        STDERR,
        aside(|| io::stderr().lock().write_all(line.as_bytes())),
    );
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
