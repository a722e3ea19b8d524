//! The `forgekeep` command: arguments in, engine called, answers out. Only this crate prints and
//! exits, and only this crate knows that hosters are plugins.

mod commands;
mod exit;
mod logging;
mod plugins;
mod progress;
mod report_file;
mod state_folder;
mod terminal;
mod told;
mod umask;

use std::{env, process};

use clap::Parser;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::tell;
use forgekeep_command_line::Cli;
use forgekeep_untrusted::Show as _;

fn main() -> process::ExitCode {
    // Before anything else: what a worker process is not to have open, it is not to have opened.
    if env::args_os()
        .nth(1)
        .is_some_and(|word| word == "plugin-worker")
    {
        return forgekeep_plugin_host::worker_main();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and the version come this way too.
        Err(error) => {
            let (stream, code) = match error.use_stderr() {
                true => (terminal::STDERR, ExitCode::Usage),
                false => (terminal::STDOUT, ExitCode::Good),
            };
            terminal::note(stream, error.print());
            return end(code);
        }
    };
    logging::start(&cli.common);
    for folder in cli.common.plugin_dirs.iter().filter(|path| !path.is_dir()) {
        tell!(
            "warning: --plugin-dir {}: there is no such folder",
            folder.shown()
        );
    }
    let result = commands::run(&cli);
    let ending = result.unwrap_or_else(|complaint| {
        tell!("{complaint}");
        complaint.ending
    });
    end(ending)
}

/// The exit code. What was asked for and did not arrive is a failure; one that is known already
/// says more.
fn end(code: ExitCode) -> process::ExitCode {
    let Some((stream, error)) = terminal::lost() else {
        return process::ExitCode::from(code.code());
    };
    tell!(
        "{}",
        Complaint::new(
            ExitCode::Unexpected,
            format!("cannot write to {stream}: {error}"),
            "make room where the output goes, then run again; part of it is missing",
        )
    );
    let code = match code {
        ExitCode::Good => ExitCode::Unexpected,
        code => code,
    };
    process::ExitCode::from(code.code())
}
