//! Consumers of the engine's events: bars for a terminal, lines for a log, JSON for a program.

mod bars;
mod json;
mod plain;

use std::env;
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};

use forgekeep_engine::event::Observer;
use indicatif::MultiProgress;

use forgekeep_command_line::{Common, ProgressMode};

/// The bars on the terminal, for whoever writes beside them.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Writes to the terminal without mixing with bars.
pub fn aside<T>(write: impl FnOnce() -> T) -> T {
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// Whether a stream may be coloured: <https://no-color.org>.
pub fn colours_wanted(stream: &impl IsTerminal) -> bool {
    stream.is_terminal()
        && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The observer for a mode.
pub fn observer(mode: ProgressMode, common: &Common, log_all: bool) -> Arc<dyn Observer> {
    let mode = match mode {
        ProgressMode::Auto if common.quiet => ProgressMode::Plain,
        ProgressMode::Auto if io::stderr().is_terminal() => ProgressMode::Bar,
        ProgressMode::Auto => ProgressMode::Plain,
        other => other,
    };
    match mode {
        ProgressMode::Bar => Arc::new(bars::Bars::new()),
        ProgressMode::Json => Arc::new(json::Json),
        ProgressMode::Plain | ProgressMode::Auto => Arc::new(plain::Plain {
            quiet: common.quiet,
            log_all,
        }),
        ProgressMode::None => Arc::new(()),
    }
}
