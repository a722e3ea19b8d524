//! The `forgekeep` command: arguments in, engine called, answers out. Only this crate prints and
//! exits, and only this crate knows that hosters are plugins.

mod commands;
mod document;
mod exit;
mod logging;
mod progress;
mod report_file;
mod terminal;
mod version;

use std::{env, process};

use clap::FromArgMatches;
use clap::error::ErrorKind;
use forgekeep_command_line::{Cli, is_json_wanted};
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;

use crate::exit::{Complaint, Ending, ExitCode};
use crate::terminal::{out, tell};

fn main() -> process::ExitCode {
    // Before anything else: what a worker process is not to have open, it is not to have opened.
    if env::args_os()
        .nth(1)
        .is_some_and(|word| word == "plugin-worker")
    {
        return forgekeep_plugin_host::worker_main();
    }
    // What completion scripts call; no command, so that none of them offers it.
    if env::args_os()
        .nth(1)
        .is_some_and(|word| word == commands::COMPLETE_REPOSITORIES)
    {
        commands::complete_repositories(env::args_os().skip(2));
        return end(ExitCode::Good.into());
    }
    let colour = terminal::colour_asked(env::args_os().skip(1));
    terminal::colour(colour);
    let command_line = forgekeep_command_line::command_line().color(colour);
    let parsed = command_line.try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error)
            if error.kind() == ErrorKind::DisplayVersion && version::is_verbose(env::args_os()) =>
        {
            out!("{}", version::details());
            return end(ExitCode::Good.into());
        }
        // Help and the version come this way too.
        Err(error) => {
            let (stream, code) = match error.use_stderr() {
                true => (terminal::STDERR, ExitCode::Usage),
                false => (terminal::STDOUT, ExitCode::Good),
            };
            terminal::note(stream, error.print());
            if code == ExitCode::Usage && is_json_wanted(env::args_os()) {
                commands::print_failed(&Complaint::usage(&error));
            }
            return end(code.into());
        }
    };
    if cli.json() {
        terminal::keep_for_document();
    }
    logging::start(&cli.common);
    for folder in cli.common.plugin_dirs.iter().filter(|path| !path.is_dir()) {
        tell!(
            "{}",
            text::warn(format_args!(
                "--plugin-dir {}: there is no such folder",
                folder.shown()
            ))
        );
    }
    let result = commands::run(&cli);
    let ending = result.unwrap_or_else(|complaint| {
        tell!("{complaint}");
        if terminal::document_is_missing() {
            commands::print_failed(&complaint);
        }
        complaint.ending.into()
    });
    end(ending)
}

/// The exit code. What was asked for and did not arrive is a failure.
fn end(ending: Ending) -> process::ExitCode {
    let Some((stream, error)) = terminal::lost() else {
        return process::ExitCode::from(ending.code());
    };
    tell!(
        "{}",
        Complaint::new(
            ExitCode::Unexpected,
            format!("cannot write to {stream}: {error}"),
            "make room where the output goes, then run again; part of it is missing",
        )
    );
    process::ExitCode::from(ending.without_output().code())
}
