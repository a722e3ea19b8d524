//! `forgekeep schedule`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::values::time_of_day;

#[derive(Debug, Args)]
pub struct ScheduleArguments {
    /// What schedules [default: systemd or launchd where the machine runs it, else cron]
    #[arg(long, value_enum, global = true)]
    pub kind: Option<SchedulerArgument>,
    /// For this user alone [default unless root]
    #[arg(long, global = true, conflicts_with = "system")]
    pub user: bool,
    /// For the machine [default for root]
    #[arg(long, global = true)]
    pub system: bool,
    /// Folder that stands for `/`
    #[arg(long, value_name = "DIR", global = true, hide = true)]
    pub root: Option<PathBuf>,
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

/// What runs things by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchedulerArgument {
    /// Timers, with services that may touch nothing but the backup
    Systemd,
    /// Lines in the user's crontab
    Cron,
    /// Agents of macOS
    Launchd,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Schedule it, or bring what is scheduled in step with the configuration
    Install {
        /// When the backup begins, local time [default: 04:17]
        #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
        at: Option<(u8, u8)>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is scheduled, when it ran and will run, what does not fit the configuration, and what a
    /// run would find
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Leave out the check of what a run would find, with its user, folders, environment and secrets
        #[arg(long)]
        no_check: bool,
    },
    /// Schedule nothing any more
    Remove {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
