//! Which commands print one document, and the documents that have a schema.

use std::ffi::OsString;

use clap::ValueEnum;

use super::{Cli, Command, NotifyCommand, PluginsCommand, ScheduleCommand};

/// What there is a schema of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The configuration, with the hosters, types and keys of the plugins found
    Config,
    /// The report of a run: `backup --json`, `backup --report`
    Report,
    /// `backup --dry-run --json`
    Plan,
    /// `list --json`
    List,
    /// `check --json`
    Check,
    /// `status --json`, with --check or without
    Status,
    /// `snapshots --json`
    Snapshots,
    /// `restore --json`, with --to and --push
    Restore,
    /// `restore --json`, with --to-hoster
    RestoreToHoster,
    /// `drill --json`
    Drill,
    /// `verify --json`
    Verify,
    /// `forget --json`
    Forget,
    /// `schedule install`, `status` and `remove` with --json
    Schedule,
    /// `notify test --json`
    Notify,
    /// `plugins list`, `info` and `check` with --json
    Plugins,
    /// `init --json`
    Init,
    /// `demo --json`
    Demo,
    /// A command with --json that could not do what it was asked
    Failed,
}

impl SchemaOf {
    /// Its name, as it is typed.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl Cli {
    /// Whether one document is to be printed, and nothing else.
    pub fn json(&self) -> bool {
        match &self.command {
            Command::Init(of) => of.json,
            Command::Backup(of) => of.json,
            Command::List(of) => of.json,
            Command::Check(of) => of.json,
            Command::Status(of) => of.json,
            Command::Snapshots(of) => of.json,
            Command::Drill(of) => of.json,
            Command::Restore(of) => of.json,
            Command::Verify(of) => of.json,
            Command::Forget(of) => of.json,
            Command::Demo(of) => of.json,
            Command::Notify(of) => match of.command {
                NotifyCommand::Test { json } => json,
                NotifyCommand::UnitFailed { .. } => false,
            },
            Command::Schedule(of) => match of.command {
                ScheduleCommand::Install { json, .. }
                | ScheduleCommand::Status { json, .. }
                | ScheduleCommand::Remove { json } => json,
            },
            Command::Plugins(of) => match of.command {
                PluginsCommand::List { json }
                | PluginsCommand::Info { json, .. }
                | PluginsCommand::Check { json, .. } => json,
            },
            // What they print is the product.
            Command::Schema(_) | Command::Completions(_) | Command::Man(_) => false,
        }
    }
}

/// Whether one document was asked for by a command line that cannot be read.
pub fn is_json_wanted(words: impl Iterator<Item = OsString>) -> bool {
    let mut options = words.take_while(|word| word != "--");
    options.any(|word| word == "--json")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches};

    use super::*;

    /// Each command with `--json`, with what else it needs.
    fn lines() -> Vec<String> {
        let mut command = Cli::command();
        command.build();
        let mut lines = Vec::new();
        let mut add = |path: String, command: &clap::Command| {
            let takes_json = command.get_arguments().any(|one| one.get_id() == "json");
            if takes_json {
                let more = match path.as_str() {
                    "snapshots" | "plugins info" | "plugins check" => " x",
                    "restore" => " x --to y",
                    _ => "",
                };
                lines.push(format!("forgekeep {path}{more} --json"));
            }
        };
        for below in command.get_subcommands() {
            let name = below.get_name();
            add(name.to_owned(), below);
            for more in below.get_subcommands() {
                add(format!("{name} {}", more.get_name()), more);
            }
        }
        lines
    }

    #[test]
    fn every_command_that_takes_json_prints_one_document() {
        let lines = lines();
        assert_eq!(lines.len(), 18, "{lines:?}");
        for line in lines {
            let read = super::super::command_line().try_get_matches_from(line.split(' '));
            let cli = Cli::from_arg_matches(&read.unwrap()).unwrap();
            assert!(cli.json(), "{line}");
        }
    }

    #[test]
    fn a_word_after_two_dashes_is_no_option() {
        let wanted = |line: &str| is_json_wanted(line.split(' ').map(OsString::from));
        assert!(wanted("forgekeep list --jsno --json"));
        assert!(!wanted("forgekeep verify -- --json"));
        assert!(!wanted("forgekeep list"));
    }
}
