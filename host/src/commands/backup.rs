use std::fs;
use std::path::Path;

use forgekeep_engine::report::{Report, RunOutcome};
use forgekeep_engine::run::{Engine, Selection};
use jiff::Timestamp;

use super::summary;
use crate::cli::{BackupArguments, Common, ProgressMode};
use crate::exit::{Complaint, Ending};
use crate::progress;
use crate::terminal::{hidden_json, out, tell};
use crate::umask::OfBackup;

/// `forgekeep backup`.
pub fn run(common: &Common, arguments: &BackupArguments) -> Result<Ending, Complaint> {
    let started = Timestamp::now();
    let result = attempt(common, arguments);
    // A run that could not be made has a report too: whoever waits for it must see why.
    if let (Err(complaint), Some(path), false) = (&result, &arguments.report, arguments.dry_run) {
        write_report(path, &refused(started, complaint))?;
    }
    result
}

fn attempt(common: &Common, arguments: &BackupArguments) -> Result<Ending, Complaint> {
    let config = super::configuration(common)?;
    super::warn_of_configuration(common, &config);
    let umask = config.options.backup.umask;
    let log_all = config.options.backup.log_repo_finished;
    let mode = if arguments.dry_run {
        ProgressMode::Plain
    } else {
        arguments.progress
    };
    let observer = progress::observer(mode, common, log_all);
    let engine = super::engine(common, config, arguments.jobs, observer)
        .accepting_shrinkage(arguments.accept_shrinkage);
    let selection = Selection {
        sources: arguments.sources.clone(),
    };
    super::end_on_signal(&engine)?;
    if arguments.dry_run {
        return dry_run(&engine, &selection);
    }
    let report = {
        let _umask = OfBackup::set(umask);
        engine.backup(&selection)?
    };
    if let Some(path) = &arguments.report {
        write_report(path, &report)?;
    }
    let wrong = report.outcome != RunOutcome::Ok || report.has_alarm() || report.has_warning();
    if arguments.progress != ProgressMode::Json && (wrong || !common.quiet) {
        out!("{}", summary::of_run(&report).trim_end());
    }
    if let Some(failure) = &report.error {
        let (message, hint) = (failure.message.clone(), failure.hint.clone());
        tell!("{}", Complaint::new(Ending::Unexpected, message, hint));
    }
    Ok(Ending::Run(report.exit_code))
}

fn dry_run(engine: &Engine, selection: &Selection) -> Result<Ending, Complaint> {
    let (plan, reports) = engine.dry_run(selection)?;
    out!("{}", summary::of_plan(&plan, &reports).trim_end());
    let report = Report::conclude(Timestamp::now(), false, reports);
    Ok(Ending::Run(report.exit_code))
}

fn refused(started: Timestamp, complaint: &Complaint) -> Report {
    let failure = forgekeep_engine::Failure::new(complaint.kind, complaint.message.clone())
        .with_hint(complaint.hint.clone());
    Report::refused(started, complaint.ending.code(), failure)
}

fn write_report(path: &Path, report: &Report) -> Result<(), Complaint> {
    let text = serde_json::to_string_pretty(report).map_err(|error| {
        Complaint::new(
            Ending::Unexpected,
            format!("the report cannot be written: {error}"),
            "",
        )
    })?;
    let text = hidden_json(&text).into_owned() + "\n";
    // Beside it first, so that whoever watches the file never reads half of it.
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    fs::write(&partial, text)
        .and_then(|()| fs::rename(&partial, path))
        .map_err(|error| Complaint::file("write the report", path, &error))
}
