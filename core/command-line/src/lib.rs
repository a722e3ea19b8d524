//! The command line: what there is to ask for, with examples; [`command_line`] is how it is shown. What each is
//! for is said to users, by the help.

#![allow(missing_docs)]

mod examples;
mod help;
mod init;
mod json;
mod schedule;
mod values;

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum, ValueHint};

pub use init::{InitArguments, TokenStore};
pub use json::{SchemaOf, is_json_wanted};
pub use schedule::{ScheduleArguments, ScheduleCommand, SchedulerArgument};
use values::lock_wait;
pub use values::part;

pub use help::command_line;

/// Complete, restorable copies of everything a team has on its source-code hosters.
#[derive(Debug, Parser)]
#[command(name = "forgekeep", version, about, max_term_width = 100)]
#[command(after_help = examples::FORGEKEEP)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Common {
    /// Configuration file, .yml, .yaml or .toml [default: FORGEKEEP_CONFIG, ./forgekeep.toml,
    /// ./forgekeep.yml, ./settings.yml, then the user's and the system's]
    #[arg(long, short, value_name = "FILE", global = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Folder to look for plugins in, before all others; may be repeated
    #[arg(long = "plugin-dir", value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub plugin_dirs: Vec<PathBuf>,
    /// Log more: -v what is done, -vv each request, -vvv everything
    #[arg(long, short, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Print nothing unless something is wrong or there is a warning
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Colour: on a terminal, unless NO_COLOR is set; always; or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first configuration, after asking for what it needs and checking it
    #[command(after_help = examples::INIT)]
    Init(InitArguments),
    /// Back up all sources of the configuration
    #[command(after_help = examples::BACKUP)]
    Backup(BackupArguments),
    /// List the repositories that a backup would include
    #[command(after_help = examples::LIST)]
    List(ListArguments),
    /// Check configuration and credentials, and show what they can access
    #[command(after_help = examples::CHECK)]
    Check(CheckArguments),
    /// Show the state of the backup from the reports of its runs; uses no network, no plugins
    #[command(after_help = examples::STATUS)]
    Status(StatusArguments),
    /// List the snapshots of a repository, which can be restored
    #[command(after_help = examples::SNAPSHOTS)]
    Snapshots(SnapshotsArguments),
    /// Bring repositories back, compare them with their snapshots, and remove them
    #[command(after_help = examples::DRILL)]
    Drill(DrillArguments),
    /// Restore a repository, or all of them: to a folder, or to a hoster
    #[command(after_help = examples::RESTORE)]
    Restore(RestoreArguments),
    /// Check that everything in the backup is present and intact
    #[command(after_help = examples::VERIFY)]
    Verify(VerifyArguments),
    /// Remove the snapshots that the retention policy (options.history) does not keep
    #[command(after_help = examples::FORGET)]
    Forget(ForgetArguments),
    /// Try whether those who are told of a run can be told
    #[command(after_help = examples::NOTIFY)]
    Notify(NotifyArguments),
    /// Have the machine run it each day, by systemd, cron or launchd
    #[command(after_help = examples::SCHEDULE)]
    Schedule(ScheduleArguments),
    /// List the plugins, show one, or check a file
    #[command(after_help = examples::PLUGINS)]
    Plugins(PluginsArguments),
    /// Print the JSON Schema of the configuration, or of what commands print with --json
    #[command(after_help = examples::SCHEMA)]
    Schema(SchemaArguments),
    /// Back up an embedded hoster twice, to see how it works; needs no account, no network
    #[command(after_help = examples::DEMO)]
    Demo(DemoArguments),
    /// Print the completion script of a shell; uses no network
    #[command(after_help = examples::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Write the manual pages, one for each command
    #[command(after_help = examples::MAN)]
    Man(ManArguments),
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
    /// Accept a backup folder that is empty or another one, although one was used there before
    #[arg(long)]
    pub accept_folder: bool,
    /// Ask git for every repository, also where the hoster's listing proves that nothing has changed
    #[arg(long)]
    pub full: bool,
    /// Wait for at most so long while another run holds the lock: 90s, 10m, 2h [default: do not wait]
    #[arg(long, value_name = "TIME", value_parser = lock_wait)]
    pub lock_wait: Option<Duration>,
    /// Wait for at most so long while no host answers, as after a boot or a resume [default: do not wait]
    #[arg(long, value_name = "TIME", value_parser = lock_wait)]
    pub network_wait: Option<Duration>,
    /// Write the run's report to this file, as JSON; - for standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
    /// Print the run's report as JSON; with --dry-run, what would be done
    #[arg(long)]
    pub json: bool,
    /// Write metrics for Prometheus to this file, whose name ends in .prom [default: options.status.metrics]
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
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
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Only this source; may be repeated
    #[arg(long = "source", value_name = "TITLE")]
    pub sources: Vec<String>,
    /// Contact no hoster: check only the configuration
    #[arg(long)]
    pub offline: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Write the JSON to this file too, relative to the folder for state: for `schedule status`
    #[arg(long, value_name = "FILE", hide = true)]
    pub result: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Compare with the clock and what is expected, for a monitor: the first line says how it stands, and the
    /// exit code is 0 good, 1 warning, 2 critical, 3 if it cannot be told
    #[arg(long)]
    pub check: bool,
    /// With --check: seconds after which a folder that does not answer cannot be told
    #[arg(long, value_name = "SECONDS", default_value = "30", requires = "check")]
    pub timeout: NonZeroU64,
    /// Print JSON, with every repository; without it, -v shows them
    #[arg(long, conflicts_with = "html")]
    pub json: bool,
    /// Write a page of HTML to this file; without a file, to standard output
    #[arg(
        long,
        value_name = "FILE",
        num_args = 0..=1,
        default_missing_value = "-",
        conflicts_with_all = ["check", "folder"]
    )]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub place: FolderArgument,
}

/// Where the backup is: for what must work without the configuration too.
#[derive(Debug, Args)]
pub struct FolderArgument {
    /// Backup folder; no configuration needed
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct SnapshotsArguments {
    /// The repository: TITLE/owner/name, any unambiguous end of it, or its id
    pub repository: String,
    /// List those of its wiki
    #[arg(long)]
    pub wiki: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: FolderArgument,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["repositories", "all"]))]
#[command(group = clap::ArgGroup::new("where").required(true).args(["to", "push", "to_hoster"]))]
pub struct RestoreArguments {
    /// The repository: TITLE/owner/name, any unambiguous end of it, or its id; with --to-hoster there may
    /// be several
    #[arg(value_name = "REPOSITORY", conflicts_with = "all")]
    pub repositories: Vec<String>,
    /// All repositories, each in a folder of its own below --to, or at the target of --to-hoster
    #[arg(long, conflicts_with_all = ["push", "wiki"])]
    pub all: bool,
    /// With --all: only this source; may be repeated
    #[arg(long = "source", value_name = "TITLE", conflicts_with = "repositories")]
    pub sources: Vec<String>,
    /// Make the repositories at a hoster, and push to them: the title of an entry of `targets` in the
    /// configuration
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["bare", "wiki", "force"])]
    pub to_hoster: Option<String>,
    /// With --to-hoster: show what would be done, and change nothing
    #[arg(long, requires = "to_hoster")]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Folder to restore to; new, or empty
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,
    /// Address of an empty repository to push the refs to; credentials come from
    /// FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD
    #[arg(long, value_name = "URL", conflicts_with = "bare")]
    pub push: Option<String>,
    /// Push also to a repository that is not empty: moves refs that are there, deletes none
    #[arg(long, conflicts_with = "to")]
    pub force: bool,
    /// The state to restore: 4 or more digits of a snapshot's id; or a time, for the state at that
    /// time, such as 2026-11-22T18:30Z, 2026-11-22T18:30 in this machine's time zone, or 2026-11-22
    /// for the end of that day [default: the newest]
    #[arg(long, value_name = "SNAPSHOT|TIME")]
    pub at: Option<String>,
    /// Restore without a work tree
    #[arg(long)]
    pub bare: bool,
    /// Restore the wiki instead of the repository
    #[arg(long)]
    pub wiki: bool,
    #[command(flatten)]
    pub place: FolderArgument,
}

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Only these: TITLE/owner/name, any unambiguous end of it, or an id
    pub repositories: Vec<String>,
    /// Only the Nth of M parts: 1/7 to 7/7 on seven days verify everything once a week; or `auto`: what was
    /// verified longest ago, so that each day everything is verified within 30 days, and it ends early once
    /// another run waits for its lock
    #[arg(long, value_name = "N/M|auto", conflicts_with = "repositories")]
    pub subset: Option<String>,
    /// Wait for at most so long while another run holds the lock: 90s, 10m, 2h [default: do not wait]
    #[arg(long, value_name = "TIME", value_parser = lock_wait)]
    pub lock_wait: Option<Duration>,
    /// Repositories verified at the same time [default: number of processors]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
    #[command(flatten)]
    pub place: FolderArgument,
}

#[derive(Debug, Args)]
pub struct DrillArguments {
    /// Only these: TITLE/owner/name, any unambiguous end of it, or an id
    pub repositories: Vec<String>,
    /// Only the Nth of M parts; or `auto`: a thirtieth of all, those first whose last drill is longest ago
    #[arg(long, value_name = "N/M|auto", conflicts_with = "repositories")]
    pub subset: Option<String>,
    /// Folder for what is brought back [default: one in the backup folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub temp: Option<PathBuf>,
    /// Also make the smallest of them at a hoster, push it, compare it, and remove it again: the title of an
    /// entry of `targets` in the configuration
    #[arg(long, value_name = "TARGET")]
    pub to_hoster: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub place: FolderArgument,
}

#[derive(Debug, Args)]
pub struct ForgetArguments {
    /// Only these: TITLE/owner/name, any unambiguous end of it, or an id
    pub repositories: Vec<String>,
    /// Remove this snapshot of the repository, whatever options.history says; may be repeated
    #[arg(long = "snapshot", value_name = "ID", requires = "repositories")]
    pub snapshots: Vec<String>,
    /// With --snapshot: of its wiki
    #[arg(long, requires = "snapshots")]
    pub wiki: bool,
    /// Show what would be removed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Also free the space: remove the objects that only removed snapshots need
    #[arg(long)]
    pub prune: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct NotifyArguments {
    #[command(subcommand)]
    pub command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Send a message and the worst case to each channel
    ///
    /// The channels are those of `notify` and `email` in the configuration. A ping is told that a run begins,
    /// then that it failed: never that all is well. Exit code 3 if anything did not arrive.
    Test {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tell that a unit of systemd failed, unless its run has told itself; for `OnFailure=`
    #[command(hide = true)]
    UnitFailed {
        /// The unit, without `.service`
        unit: String,
    },
}

#[derive(Debug, Args)]
pub struct PluginsArguments {
    #[command(subcommand)]
    pub command: PluginsCommand,
}

#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// List all plugins found, and why others cannot be used
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a plugin states about itself
    Info {
        /// Id of the hoster
        id: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check whether a file is a usable plugin
    Check {
        /// The plugin's file
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Which one
    #[arg(value_enum, value_name = "NAME")]
    pub of: SchemaOf,
}

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Folder for the demo, which must not exist [default: a new one in the temporary folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub shell: CompletionShell,
}

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    /// GNU Bash, 4.4 or newer
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    PowerShell,
    /// Nushell
    Nushell,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder to write to; made if it does not exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
