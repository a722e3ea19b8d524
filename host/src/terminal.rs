//! Writing for people. The standard library's macros panic when nobody reads any more
//! (`forgekeep list | head`); a reader that has gone away is no reason to end a backup.

use std::fmt::Arguments;
use std::io::{self, Write};

/// A line on standard output, for what was asked for.
macro_rules! out {
    ($($text:tt)*) => { $crate::terminal::to_stdout(format_args!($($text)*)) };
}

/// A line on standard error, for what there is to say about it.
macro_rules! tell {
    ($($text:tt)*) => { $crate::terminal::to_stderr(format_args!($($text)*)) };
}

pub(crate) use {out, tell};

/// See [`out`].
pub fn to_stdout(text: Arguments<'_>) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// See [`tell`].
pub fn to_stderr(text: Arguments<'_>) {
    // Made first: standard error is not buffered, and lines of several workers must not mix.
    let line = format!("{text}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}
