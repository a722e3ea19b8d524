//! How far work is: bars for a terminal, lines for a log, JSON for a program.

mod bars;
mod json;
mod plain;
mod work;

use std::io::{self, IsTerminal};
use std::sync::Arc;

use forgekeep_engine::event::Observer;

use forgekeep_command_line::{Common, ProgressMode};

pub use work::{WorkBar, WorkDone};

/// The observer for a mode.
pub fn observer(mode: ProgressMode, common: &Common, log_all: bool) -> Arc<dyn Observer> {
    match settled(mode, common) {
        ProgressMode::Bar => Arc::new(bars::Bars::new()),
        ProgressMode::Json => Arc::new(json::Json),
        ProgressMode::Plain | ProgressMode::Auto => Arc::new(plain::Plain {
            quiet: common.quiet,
            log_all,
        }),
        ProgressMode::None => Arc::new(()),
    }
}

/// A bar for work that has no events: hidden unless this mode has bars.
pub fn bar(
    mode: ProgressMode,
    common: &Common,
    what: &'static str,
    number: usize,
    bytes: u64,
) -> WorkBar {
    let is_shown = settled(mode, common) == ProgressMode::Bar;
    WorkBar::new(is_shown, what, number, bytes)
}

fn settled(mode: ProgressMode, common: &Common) -> ProgressMode {
    match mode {
        ProgressMode::Auto if common.quiet => ProgressMode::Plain,
        ProgressMode::Auto if io::stderr().is_terminal() => ProgressMode::Bar,
        ProgressMode::Auto => ProgressMode::Plain,
        other => other,
    }
}
