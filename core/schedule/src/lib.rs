//! What the machine runs by itself: by systemd, cron or launchd.
//!
//! ```text
//! systemd   units, for the machine or a user; those of a package get drop-ins
//! cron      lines in the user's crontab
//! launchd   agents of macOS
//! next      when it is run, where the scheduler does not say it
//! credentials   what systemd gives services that is secret
//! trial     `check`, as what is scheduled runs
//! files     the files that these read, and the programs that go with them
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod credentials;
mod cron;
mod files;
mod launchd;
mod next;
mod systemd;
mod trial;
mod unit_path;

use std::path::{Path, PathBuf};

use forgekeep_failure::Failure;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

pub use files::is_root;
pub use trial::{Trial, TrialOutcome, TrialProblem};

/// What runs things by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduler {
    /// Timers of systemd.
    Systemd,
    /// Lines in the user's crontab.
    Cron,
    /// Agents of macOS.
    Launchd,
}

/// What is run by itself.
const JOBS: [Job; 3] = [
    Job {
        name: "backup",
        arguments: &["--lock-wait", "2h", "--network-wait", "30m"],
        has_progress: true,
        when: When::Daily(4, 17),
    },
    Job {
        name: "verify",
        arguments: &["--subset", "auto", "--lock-wait", "2h"],
        has_progress: false,
        when: When::Daily(12, 41),
    },
    Job {
        name: "drill",
        arguments: &["--subset", "auto"],
        has_progress: false,
        when: When::Monthly(5, 15, 23),
    },
];

struct Job {
    name: &'static str,
    /// Beside `--progress`, where it takes that.
    arguments: &'static [&'static str],
    has_progress: bool,
    when: When,
}

/// Outside 00:00 to 03:59: in one night of the year some of these hours do not exist, in another they come twice.
#[derive(Clone, Copy)]
enum When {
    /// Hour and minute, local time.
    Daily(u8, u8),
    /// Day of the month, hour, minute.
    Monthly(u8, u8, u8),
}

/// What is to be scheduled.
#[derive(Clone)]
pub struct Plan {
    /// The program, by an absolute path that an upgrade does not change.
    pub program: PathBuf,
    /// The configuration, by an absolute path.
    pub config: PathBuf,
    /// The backup folder, by an absolute path.
    pub folder: PathBuf,
    /// For the user alone, or for the machine.
    pub user_only: bool,
    /// When the backup begins, if not at the usual time.
    pub at: Option<(u8, u8)>,
    /// What files go below; `/` but in tests.
    pub root: PathBuf,
    /// The files with secrets that the configuration names by relative paths.
    pub secrets: Vec<Secret>,
}

/// A file with a secret.
#[derive(Clone)]
pub struct Secret {
    /// Its place in the configuration.
    pub key: String,
    /// What systemd's credential for it is called.
    pub name: String,
    /// Where it is if there is no credential, by an absolute path.
    pub beside: PathBuf,
    /// Whether it is for those who are told.
    pub is_of_notify: bool,
}

/// What is installed, as `status` says it.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// What is run: `backup`, `verify` or `drill`.
    pub job: &'static str,
    /// Whether it is scheduled.
    pub installed: bool,
    /// When it ran last and will run next, in the scheduler's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// When it will run next.
    pub next: Option<String>,
    /// What does not fit the configuration.
    pub problems: Vec<String>,
}

impl Installed {
    /// The same with when it ran last, as far as the scheduler does not know it.
    #[must_use]
    pub fn with_last(mut self, last: Option<Timestamp>) -> Self {
        let last = last.filter(|_| self.installed && self.last.is_none());
        if let Some(last) = last {
            self.last = Some(next::shown(&last.to_zoned(TimeZone::system())));
        }
        self
    }
}

impl Job {
    /// What is asked for. A journal takes lines as they come; a mail of cron's is to have only what is wrong.
    fn words(&self, progress: &'static str) -> Vec<&'static str> {
        let mut words = vec![self.name];
        words.extend(self.arguments);
        if self.has_progress {
            words.extend(["--progress", progress]);
        }
        words
    }

    fn command(&self, progress: &'static str) -> String {
        self.words(progress).join(" ")
    }
}

impl Plan {
    fn when(&self, job: &Job) -> When {
        match (job.name, self.at) {
            ("backup", Some((hour, minute))) => When::Daily(hour, minute),
            _ => job.when,
        }
    }
}

impl Scheduler {
    /// That of this machine.
    pub fn usual() -> Self {
        if cfg!(target_os = "macos") {
            Self::Launchd
        } else if Path::new("/run/systemd/system").is_dir() {
            Self::Systemd
        } else {
            Self::Cron
        }
    }

    /// Schedules it, or brings what is scheduled in step with the plan. Returns what there is to say.
    ///
    /// # Errors
    ///
    /// A file cannot be written, or the scheduler's program fails.
    pub fn install(self, plan: &Plan) -> Result<Vec<String>, Failure> {
        match self {
            Self::Systemd => systemd::install(plan),
            Self::Cron => cron::install(plan),
            Self::Launchd => launchd::install(plan),
        }
    }

    /// Schedules nothing any more.
    ///
    /// # Errors
    ///
    /// A file cannot be removed, or the scheduler's program fails.
    pub fn remove(self, plan: &Plan) -> Result<(), Failure> {
        match self {
            Self::Systemd => systemd::remove(plan),
            Self::Cron => cron::remove(),
            Self::Launchd => launchd::remove(plan),
        }
    }

    /// Checks what a run would find, in the surroundings that it has.
    pub fn check(self, plan: &Plan) -> Trial {
        trial::of(self, plan)
    }

    /// What is installed for this configuration and does not fit it, as far as files show.
    pub fn misfits(plan: &Plan) -> Vec<String> {
        systemd::misfits(plan)
    }

    /// What is scheduled.
    ///
    /// # Errors
    ///
    /// The scheduler's program fails.
    pub fn status(self, plan: &Plan) -> Result<Vec<Installed>, Failure> {
        match self {
            Self::Systemd => systemd::status(plan),
            Self::Cron => cron::status(plan),
            Self::Launchd => Ok(launchd::status(plan)),
        }
    }
}
