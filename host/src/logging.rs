//! The log: to standard error, beside whatever progress is shown there.

use forgekeep_untrusted::Untrusted;
use std::io::{self, Write};

use env_logger::{Builder, Target, WriteStyle};
use forgekeep_command_line::Common;
use log::LevelFilter;

use crate::terminal;

/// Starts logging as `-v` and `-q` say. Only our own crates and the plugins log: what HTTP
/// libraries write at their lowest levels is not theirs to decide on here, as it may hold headers.
pub fn start(common: &Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => LevelFilter::Error,
        (false, 0) => LevelFilter::Warn,
        (false, 1) => LevelFilter::Info,
        (false, 2) => LevelFilter::Debug,
        (false, _) => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder
        .filter_level(LevelFilter::Off)
        .filter_module("forgekeep", level)
        .format_timestamp_secs()
        .target(Target::Pipe(Box::new(BesideProgress)));
    builder.write_style(match terminal::stderr_is_coloured() {
        true => WriteStyle::Always,
        false => WriteStyle::Never,
    });
    // A second logger can only come from a bug; the first one stays.
    let _ = builder.try_init();
}

/// Standard error, with progress bars moved out of the way for each write.
struct BesideProgress;

impl Write for BesideProgress {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = Untrusted::lossy(line);
        let clean = terminal::hidden(text.raw());
        terminal::aside(|| io::stderr().write_all(clean.as_bytes()))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
