//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Complete, restorable copies of everything a team has on its source-code hosters.
#[derive(Debug, Parser)]
#[command(name = "forgekeep", version, about, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 all good, 1 unexpected, 2 usage, 3 some repositories or \
sources failed, 10 configuration, 11 a plugin is missing or cannot be loaded, 12 credentials \
refused and nothing backed up, 13 another run holds the lock, 130 interrupted. Anything else means \
failure."
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Configuration file, .yml, .yaml or .toml [default: FORGEKEEP_CONFIG, ./forgekeep.toml,
    /// ./forgekeep.yml, ./settings.yml, then the user's and the system's]
    #[arg(long, short, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Folder to look for plugins in, before all others; may be repeated
    #[arg(long = "plugin-dir", value_name = "DIR", global = true)]
    pub plugin_dirs: Vec<PathBuf>,
    /// Log more: -v what is done, -vv each request, -vvv everything
    #[arg(long, short, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing unless something is wrong
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Back up all sources of the configuration
    Backup(BackupArguments),
    /// Show what there is to back up
    List(ListArguments),
    /// Check the configuration, the credentials and what they let be seen
    Check(CheckArguments),
    /// Show how the backup stands, by the reports of its runs: no network, no plugins
    Status(StatusArguments),
    /// Show the hosters there are plugins for
    Plugins(PluginsArguments),
    /// Back up an embedded hoster, twice, to see how it works: no account, no network
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
pub struct BackupArguments {
    /// Only this source; may be repeated
    #[arg(long = "source", value_name = "TITLE")]
    pub sources: Vec<String>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Repositories mirrored at the same time [default: options.backup.jobs, else 8]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Accept that fewer repositories are listed than last time, or than the hoster counts
    #[arg(long)]
    pub accept_shrinkage: bool,
    /// Write the run's report to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
}

/// How to show progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, lines elsewhere
    Auto,
    /// Bars
    Bar,
    /// A line for each thing worth a line
    Plain,
    /// One JSON document for each event, on standard output
    Json,
    /// None
    None,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only this source; may be repeated
    #[arg(long = "source", value_name = "TITLE")]
    pub sources: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Only this source; may be repeated
    #[arg(long = "source", value_name = "TITLE")]
    pub sources: Vec<String>,
    /// Ask no hoster: only what can be told from the configuration
    #[arg(long)]
    pub offline: bool,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// As JSON, with every repository; without it, -v shows them
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PluginsArguments {
    #[command(subcommand)]
    pub command: PluginsCommand,
}

#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// All plugins found, and what keeps the others from being used
    List,
    /// Everything a plugin says about itself
    Info {
        /// Id of the hoster
        id: String,
    },
    /// Whether a file is a plugin that can be used
    Check {
        /// The plugin's file
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Folder for the demo, which must not exist [default: a new one in the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
