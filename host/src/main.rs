//! The `forgekeep` command: arguments in, engine called, answers out. Only this crate prints and
//! exits, and only this crate knows that hosters are plugins.

mod cli;
mod commands;
mod exit;
mod logging;
mod plugins;
mod progress;
mod terminal;
mod text;
mod umask;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::Ending;
use crate::terminal::tell;

fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::start(&cli.common);
    let result = match &cli.command {
        Command::Backup(arguments) => commands::backup::run(&cli.common, arguments),
        Command::List(arguments) => commands::list::run(&cli.common, arguments),
        Command::Check(arguments) => commands::check::run(&cli.common, arguments),
        Command::Status(arguments) => commands::status::run(&cli.common, arguments),
        Command::Snapshots(arguments) => commands::snapshots::run(&cli.common, arguments),
        Command::Restore(arguments) => commands::restore::run(&cli.common, arguments),
        Command::Verify(arguments) => commands::verify::run(&cli.common, arguments),
        Command::Forget(arguments) => commands::forget::run(&cli.common, arguments),
        Command::Plugins(arguments) => commands::plugins::run(&cli.common, arguments),
        Command::Demo(arguments) => commands::demo::run(&cli.common, arguments),
    };
    let ending = result.unwrap_or_else(|complaint| {
        tell!("{complaint}");
        complaint.ending
    });
    // Whatever a flag of an interrupted run left open is the operating system's to close.
    ExitCode::from(Ending::code(ending))
}
