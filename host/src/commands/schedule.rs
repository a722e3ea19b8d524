//! `forgekeep schedule`: has the machine run it.

use std::env;
use std::path::{Path, PathBuf};

use forgekeep_command_line::{Common, ScheduleArguments, ScheduleCommand, SchedulerArgument};
use forgekeep_config::Config;
use forgekeep_documents::ScheduleDocument;
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_schedule::{Installed, Plan, Scheduler, Secret, Trial, TrialOutcome, is_root};
use forgekeep_status::LastRuns;
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, say, tell};

/// `forgekeep schedule`.
pub fn run(common: &Common, arguments: &ScheduleArguments) -> Result<ExitCode, Complaint> {
    let scheduler = arguments.kind.map_or_else(Scheduler::usual, scheduler);
    let at = match &arguments.command {
        ScheduleCommand::Install { at, .. } => *at,
        _ => None,
    };
    let config = super::offline::configuration(common)?;
    let user_only = arguments.user || !(arguments.system || is_root());
    let root = arguments.root.clone().unwrap_or_else(|| "/".into());
    let plan = Plan {
        at,
        ..plan(&config, user_only, root)?
    };
    match &arguments.command {
        ScheduleCommand::Install { json, .. } => {
            let told = scheduler.install(&plan).map_err(complaint)?;
            for line in &told {
                tell!("{}", text::warn(line));
            }
            if *json {
                super::print_json(&ScheduleDocument::installed(told))?;
            }
            if !common.quiet {
                say!(
                    "scheduled: a backup each day, a part of it verified each day, a part restored each month"
                );
                out!("see it with: forgekeep schedule status");
            }
            Ok(ExitCode::Good)
        }
        ScheduleCommand::Remove { json } => {
            scheduler.remove(&plan).map_err(complaint)?;
            if *json {
                super::print_json(&ScheduleDocument::removed())?;
            }
            if !common.quiet {
                say!("nothing is scheduled any more; the backup stays as it is");
            }
            Ok(ExitCode::Good)
        }
        ScheduleCommand::Status { json, no_check } => {
            let all = scheduler.status(&plan).map_err(complaint)?;
            let last = LastRuns::read(&plan.folder);
            let of = |job: &str| match job {
                "verify" => last.verify,
                "drill" => last.drill,
                _ => last.backup,
            };
            let all: Vec<_> = all
                .into_iter()
                .map(|one| {
                    let last = of(one.job);
                    one.with_last(last)
                })
                .collect();
            let is_tried = !no_check && all.iter().any(|one| one.installed);
            let trial = is_tried.then(|| scheduler.check(&plan));
            print(all, trial, *json)
        }
    }
}

fn print(all: Vec<Installed>, trial: Option<Trial>, json: bool) -> Result<ExitCode, Complaint> {
    let is_good = all
        .iter()
        .all(|one| one.installed && one.problems.is_empty());
    let is_sound = trial
        .as_ref()
        .is_none_or(|trial| trial.outcome == TrialOutcome::Ok);
    let exit_code = match is_good && is_sound {
        true => ExitCode::Good,
        false => ExitCode::Partial,
    };
    if json {
        super::print_json(&ScheduleDocument::status(exit_code, all, trial))?;
        return Ok(exit_code);
    }
    for one in &all {
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
        say!("{}: {state}{last}{next}", one.job);
        for problem in &one.problems {
            say!("  {problem}");
        }
    }
    if let Some(trial) = trial {
        let word = match trial.outcome {
            TrialOutcome::Ok => "ok",
            TrialOutcome::Failed => "failed",
            TrialOutcome::Unknown => "could not be made",
        };
        say!("check, as the scheduler runs it: {word}");
        for problem in &trial.problems {
            say!("  {}", problem.message);
            if !problem.hint.is_empty() {
                say!("    hint: {}", problem.hint);
            }
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

/// What is installed for this configuration, and does not fit it.
pub(super) fn misfits(config: &Config) -> Result<Vec<Finding>, Complaint> {
    let misfits = Scheduler::misfits(&plan(config, false, "/".into())?).into_iter();
    let finding = |misfit| Finding {
        hint: "run `forgekeep schedule install` again".into(),
        ..Finding::warning(misfit)
    };
    Ok(misfits.map(finding).collect())
}

/// What is to be scheduled.
fn plan(config: &Config, user_only: bool, root: PathBuf) -> Result<Plan, Complaint> {
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
    let secrets = config.secret_files(&super::variable).into_iter();
    let secrets = secrets.map(|secret| {
        Ok(Secret {
            beside: absolute(&secret.beside)?,
            key: secret.key,
            name: secret.name,
            is_of_notify: secret.is_of_notify,
        })
    });
    Ok(Plan {
        program,
        config: absolute(&config.file)?,
        folder: absolute(&config.local_folder)?,
        user_only,
        at: None,
        root,
        secrets: secrets.collect::<Result<_, Complaint>>()?,
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
