//! The `forgekeep` command: arguments in, engine called, answers out. Only this crate prints and
//! exits, and only this crate knows that hosters are plugins.

mod cli;
mod commands;
mod exit;
mod logging;
mod plugins;
mod progress;
mod report_file;
mod terminal;
mod text;
mod umask;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::exit::{Complaint, Ending};
use crate::terminal::tell;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and the version come this way too.
        Err(error) => {
            terminal::note(error.print());
            return end(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::start(&cli.common);
    for folder in cli.common.plugin_dirs.iter().filter(|path| !path.is_dir()) {
        tell!(
            "warning: --plugin-dir {}: there is no such folder",
            forgekeep_untrusted::names::printable(&folder.to_string_lossy())
        );
    }
    let result = commands::run(&cli);
    let ending = result.unwrap_or_else(|complaint| {
        tell!("{complaint}");
        complaint.ending
    });
    end(Ending::code(ending))
}

/// The exit code. What was asked for and did not arrive is a failure; one that is known already
/// says more.
fn end(code: u8) -> ExitCode {
    let Some(error) = terminal::lost() else {
        return ExitCode::from(code);
    };
    tell!(
        "{}",
        Complaint::new(
            Ending::Unexpected,
            format!("cannot write to standard output: {error}"),
            "output is missing; make room where it goes, then run again",
        )
    );
    ExitCode::from(match code {
        0 => Ending::code(Ending::Unexpected),
        code => code,
    })
}
