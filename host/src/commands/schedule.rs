//! `forgekeep schedule`: has the machine run it.

use std::env;
use std::path::{Path, PathBuf};

use forgekeep_command_line::{Common, ScheduleArguments, ScheduleCommand, SchedulerArgument};
use forgekeep_config::Config;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_schedule::{Installed, Plan, Scheduler, is_root};
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, say, tell};

/// `forgekeep schedule`.
pub fn run(common: &Common, arguments: &ScheduleArguments) -> Result<ExitCode, Complaint> {
    let scheduler = arguments.kind.map_or_else(Scheduler::usual, scheduler);
    let at = match &arguments.command {
        ScheduleCommand::Install { at } => *at,
        _ => None,
    };
    let plan = plan(common, arguments, at)?;
    match &arguments.command {
        ScheduleCommand::Install { .. } => {
            let told = scheduler.install(&plan).map_err(complaint)?;
            for line in told {
                tell!("{}", text::warn(line));
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
            scheduler.remove(&plan).map_err(complaint)?;
            if !common.quiet {
                out!("nothing is scheduled any more; the backup stays as it is");
            }
            Ok(ExitCode::Good)
        }
        ScheduleCommand::Status { json } => {
            let all = scheduler.status(&plan).map_err(complaint)?;
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
        say!("{}", text::hint("run `forgekeep schedule install`", ""));
    } else if !is_good {
        let hint = "run `forgekeep schedule install` again: it writes what does not fit anew";
        say!("{}", text::hint(hint, ""));
    }
    Ok(exit_code)
}

/// What is to be scheduled.
fn plan(
    common: &Common,
    arguments: &ScheduleArguments,
    at: Option<(u8, u8)>,
) -> Result<Plan, Complaint> {
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
    Ok(Plan {
        program,
        config: absolute(&config.file)?,
        folder: absolute(&config.local_folder)?,
        user_only: arguments.user || !(arguments.system || is_root()),
        at,
        root: arguments.root.clone().unwrap_or_else(|| "/".into()),
    })
}

fn scheduler(argument: SchedulerArgument) -> Scheduler {
    match argument {
        SchedulerArgument::Systemd => Scheduler::Systemd,
        SchedulerArgument::Cron => Scheduler::Cron,
        SchedulerArgument::Launchd => Scheduler::Launchd,
    }
}

fn complaint(failure: Failure) -> Complaint {
    let ending = match failure.kind {
        ErrorKind::Config => ExitCode::Configuration,
        _ => ExitCode::Unexpected,
    };
    Complaint {
        kind: failure.kind,
        ..Complaint::new(ending, failure.message, failure.hint)
    }
}
