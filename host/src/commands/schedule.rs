//! `forgekeep schedule`: has the machine run it.

mod cron;
mod files;
mod launchd;
mod systemd;

use std::env;
use std::path::{Path, PathBuf};

use forgekeep_config::Config;
use forgekeep_failure::ErrorKind;
use forgekeep_untrusted::Show as _;
use serde::Serialize;

use crate::cli::{Common, ScheduleArguments, ScheduleCommand, Scheduler};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

/// What is run by itself.
const JOBS: [Job; 3] = [
    Job {
        name: "backup",
        command: &["backup", "--progress", "plain", "--lock-wait", "2h"],
        when: When::Daily(4, 17),
    },
    Job {
        name: "verify",
        command: &[
            "verify",
            "--subset",
            "auto",
            "--progress",
            "none",
            "--lock-wait",
            "2h",
        ],
        when: When::Daily(12, 41),
    },
    Job {
        name: "drill",
        command: &["drill", "--subset", "auto"],
        when: When::Monthly(5, 15, 23),
    },
];

struct Job {
    name: &'static str,
    command: &'static [&'static str],
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
struct Plan {
    /// The program, by an absolute path that an upgrade does not change.
    program: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    /// For the user alone, or for the machine.
    user_only: bool,
    /// When the backup begins, if not at the usual time.
    at: Option<(u8, u8)>,
    /// What files go below; `/` but in tests.
    root: PathBuf,
}

/// What is installed, as `status` says it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Installed {
    job: &'static str,
    installed: bool,
    /// When it ran last and will run next, in the scheduler's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// What does not fit the configuration.
    problems: Vec<String>,
}

/// `forgekeep schedule`.
pub fn run(common: &Common, arguments: &ScheduleArguments) -> Result<ExitCode, Complaint> {
    let scheduler = arguments.kind.unwrap_or_else(usual);
    let at = match &arguments.command {
        ScheduleCommand::Install { at } => *at,
        _ => None,
    };
    let plan = Plan::new(common, arguments, at)?;
    match &arguments.command {
        ScheduleCommand::Install { .. } => {
            let told = match scheduler {
                Scheduler::Systemd => systemd::install(&plan)?,
                Scheduler::Cron => cron::install(&plan)?,
                Scheduler::Launchd => launchd::install(&plan)?,
            };
            for line in told {
                tell!("warning: {line}");
            }
            if !common.quiet {
                out!(
                    "scheduled: a backup each day, a part of it verified each day, a part restored each month"
                );
                out!("see it with: forgekeep schedule status");
            }
            Ok(ExitCode::Good)
        }
        ScheduleCommand::Remove => {
            match scheduler {
                Scheduler::Systemd => systemd::remove(&plan)?,
                Scheduler::Cron => cron::remove()?,
                Scheduler::Launchd => launchd::remove(&plan)?,
            }
            if !common.quiet {
                out!("nothing is scheduled any more; the backup stays as it is");
            }
            Ok(ExitCode::Good)
        }
        ScheduleCommand::Status { json } => {
            let all = match scheduler {
                Scheduler::Systemd => systemd::status(&plan)?,
                Scheduler::Cron => cron::status(&plan)?,
                Scheduler::Launchd => launchd::status(&plan),
            };
            print(&all, *json)
        }
    }
}

fn print(all: &[Installed], json: bool) -> Result<ExitCode, Complaint> {
    let is_good = all
        .iter()
        .all(|one| one.installed && one.problems.is_empty());
    let exit_code = match is_good {
        true => ExitCode::Good,
        false => ExitCode::Partial,
    };
    if json {
        let document = serde_json::json!({ "schema": 1, "exitCode": exit_code, "jobs": all });
        super::print_json(&document)?;
        return Ok(exit_code);
    }
    for one in all {
        let state = if one.installed {
            "scheduled"
        } else {
            "not scheduled"
        };
        let shown = |what: &str, when: &Option<String>| {
            let when = when.as_deref().filter(|when| !when.is_empty());
            when.map_or_else(String::new, |when| format!(", {what} {when}"))
        };
        let (last, next) = (shown("last", &one.last), shown("next", &one.next));
        out!("{}: {state}{last}{next}", one.job);
        for problem in &one.problems {
            out!("  {problem}");
        }
    }
    if all.iter().any(|one| !one.installed) {
        out!("hint: run `forgekeep schedule install`");
    } else if !is_good {
        out!("hint: run `forgekeep schedule install` again: it writes what does not fit anew");
    }
    Ok(exit_code)
}

impl Plan {
    fn new(
        common: &Common,
        arguments: &ScheduleArguments,
        at: Option<(u8, u8)>,
    ) -> Result<Self, Complaint> {
        let config: Config = super::offline::configuration(common)?;
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|error| {
                Complaint::new(
                    ExitCode::Configuration,
                    format!("{} has no absolute path: {error}", path.shown()),
                    "run it in a folder that exists",
                )
            })
        };
        // Not what it is a link to: that may be the folder of one version.
        let called = env::args_os().next().map(PathBuf::from);
        let called = called.filter(|path| path.is_absolute());
        let program = match called {
            Some(path) => path,
            None => env::current_exe().map_err(|error| {
                let message = format!("this program does not know where it lies: {error}");
                Complaint::new(ExitCode::Unexpected, message, "call it by its whole path")
            })?,
        };
        Ok(Self {
            program,
            config: absolute(&config.file)?,
            folder: absolute(&config.local_folder)?,
            user_only: arguments.user || !(arguments.system || files::is_root()),
            at,
            root: arguments.root.clone().unwrap_or_else(|| "/".into()),
        })
    }

    fn when(&self, job: &Job) -> When {
        match (job.name, self.at) {
            ("backup", Some((hour, minute))) => When::Daily(hour, minute),
            _ => job.when,
        }
    }
}

/// The scheduler of this machine.
fn usual() -> Scheduler {
    if cfg!(target_os = "macos") {
        Scheduler::Launchd
    } else if Path::new("/run/systemd/system").is_dir() {
        Scheduler::Systemd
    } else {
        Scheduler::Cron
    }
}

/// A complaint about a program that schedules.
fn failed(program: &str, why: &str, hint: &str) -> Complaint {
    Complaint {
        kind: ErrorKind::Machine,
        ..Complaint::new(
            ExitCode::Unexpected,
            format!("{program} failed: {why}"),
            hint,
        )
    }
}
