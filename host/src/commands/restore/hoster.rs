//! `forgekeep restore --to-hoster`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forgekeep_command_line::{Common, RestoreArguments};
use forgekeep_durable::lock::RunLock;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_recovery::report::{RepositoryRestored, RestoreOutcome, RestoreReport};
use forgekeep_recovery::{Order, Plan, Run, Surroundings, conclude, place};
use forgekeep_restore::RestorePoint;
use forgekeep_restore_notes::Notes;
use forgekeep_store::inventory::Kept;
use forgekeep_summary::text;
use forgekeep_untrusted::{Show as _, Shown};
use jiff::Timestamp;

use crate::commands::target::{AtTarget, no_plan, of_run};
use crate::commands::{end_on_signal, offline, print_json};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, tell};

/// Restores to a target.
pub fn run(
    common: &Common,
    arguments: &RestoreArguments,
    title: &str,
    point: Option<&RestorePoint>,
) -> Result<ExitCode, Complaint> {
    let started = Timestamp::now();
    let at = AtTarget::configured(common, &arguments.place, title)?;
    if !arguments.dry_run {
        crate::commands::owner::refuse_root(&at.folder)?;
    }
    let all = offline::backup(&at.folder)?;
    let (chosen, in_trash) = chosen(&all, arguments, point)?;
    if chosen.is_empty() {
        let message = match in_trash {
            0 => "there is nothing to restore".to_owned(),
            number => format!(
                "there is nothing to restore: {} in the trash, and nothing else",
                text::count(number, "repository is", "repositories are")
            ),
        };
        let hint = "name what is to be restored, or give --at a time at which it was there";
        return Err(Complaint::new(ExitCode::Usage, message, hint));
    }
    let target = at.open()?;
    end_on_signal(&at.engine)?;
    let cancel = at.engine.cancel();
    let notes = Notes::of(&at.folder, &place(&target));
    let _umask = OfBackup::set(at.config.options.backup.umask);
    // Nothing is written for a dry run, and it waits for nobody.
    let _lock = match arguments.dry_run {
        true => None,
        false => Some(RunLock::take(&notes.lock())?),
    };
    let list = || at.engine.list_target(&target);
    let noted = notes.read().map_err(of_run)?;
    let sources = at.config.sources.iter();
    let order = Order {
        chosen,
        all: &all,
        point,
        sources: sources
            .map(|source| (source.title.clone(), source.name.clone()))
            .collect::<BTreeMap<_, _>>(),
        rename: &at.target.rename,
        drill: None,
        target: &target,
        list: &list,
        notes: &noted,
        cancel: &cancel,
    };
    let tells = !arguments.json && !common.quiet;
    if tells {
        tell!("checking {title}, and planning");
    }
    let plan = Plan::make(&order).map_err(no_plan)?;
    plan.check_room().map_err(of_run)?;
    let work = Work::of(&notes, arguments.dry_run).map_err(of_run)?;
    let run = Run {
        surroundings: Surroundings {
            plan: &plan,
            target: &target,
            notes: &notes,
            noted: &noted,
            work: work.path(),
        },
        jobs: at.engine.jobs(),
        drill: false,
        cancel: &cancel,
    };
    let done = |restored: &RepositoryRestored| {
        if tells {
            tell!("{}", line(restored));
        }
    };
    let restored = match arguments.dry_run {
        true => (run.planned(), Vec::new()),
        false => run.all(&done).map_err(of_run)?,
    };
    let dry_run = arguments.dry_run;
    let interrupted = cancel.is_cancelled();
    let report = conclude(&plan, &target, started, dry_run, interrupted, restored);
    if !dry_run {
        match notes.keep_report(started, &report) {
            Ok(path) => log::info!("report: {}", path.shown()),
            Err(failure) => tell!("warning: {}", text::failure("", &failure)),
        }
    }
    if arguments.json {
        print_json(&report)?;
    } else if !common.quiet || report.exit_code != ExitCode::Good {
        print(&report, in_trash);
    }
    Ok(report.exit_code)
}

/// What is asked for, and how many are left out since they are in the trash.
fn chosen<'k>(
    all: &'k [Kept],
    arguments: &RestoreArguments,
    point: Option<&RestorePoint>,
) -> Result<(Vec<&'k Kept>, usize), Complaint> {
    if !arguments.all {
        return Ok((offline::chosen(all, &arguments.repositories, None)?, 0));
    }
    let mut chosen = super::all::of_sources(all, &arguments.sources)?;
    let before = chosen.len();
    // What was deleted, and is known to be, comes back by name; or with a time at which it was there.
    if point.is_none() {
        chosen.retain(|kept| !kept.trashed);
    }
    let in_trash = before - chosen.len();
    Ok((chosen, in_trash))
}

/// Where a run puts what it needs meanwhile.
enum Work {
    Own(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Work {
    fn of(notes: &Notes, dry_run: bool) -> Result<Self, Failure> {
        if dry_run {
            let folder = tempfile::Builder::new().prefix("forgekeep-plan-").tempdir();
            return folder
                .map(Self::Temporary)
                .map_err(|error| Failure::disk("write to", &std::env::temp_dir(), &error));
        }
        notes.begin_work().map(Self::Own)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Self::Own(path) = self {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

/// What came of a repository, in a line.
fn line(restored: &RepositoryRestored) -> String {
    let mut line = format!(
        "{} (source {})",
        restored.name.shown(),
        restored.source.shown()
    );
    if let Some(at) = &restored.target {
        line.push_str(&format!(" -> {}", at.name.shown()));
    }
    let refs = text::count(restored.refs.there, "ref", "refs");
    let what = match restored.outcome {
        RestoreOutcome::Planned => {
            let sent = restored.refs.wanted - restored.refs.at_home - restored.refused.len();
            format!("would be restored, {}", text::count(sent, "ref", "refs"))
        }
        RestoreOutcome::Restored => format!("restored, {refs}"),
        RestoreOutcome::Present => format!("already there, {refs}"),
        RestoreOutcome::Partial => format!("restored in part, {refs}"),
        RestoreOutcome::Failed => "failed".to_owned(),
        RestoreOutcome::NotThen => "left out, it was not there at that time".to_owned(),
        RestoreOutcome::NotDone => "not begun".to_owned(),
    };
    line.push_str(&format!(": {what}"));
    line
}

fn print(report: &RestoreReport, in_trash: usize) {
    if report.dry_run {
        for restored in &report.repositories {
            out!("{}", line(restored));
        }
    }
    for restored in &report.repositories {
        details(restored);
    }
    for note in &report.notes {
        tell!("{}", text::finding("", note));
    }
    if in_trash > 0 {
        tell!(
            "note: {} in the trash left out: name what you want restored",
            text::count(in_trash, "repository is", "repositories are")
        );
    }
    conclusion(report);
    if report.exit_code == ExitCode::Usage {
        let message = "nothing was restored: no repository was in the backup at that time";
        let hint = "give --at a later time, or none; name what is in the trash";
        tell!("{}", Complaint::new(report.exit_code, message, hint));
        return;
    }
    out!("not restored by git: {}", report.not_restored.join("; "));
    for step in &report.next_steps {
        out!("next: {step}");
    }
}

/// What there is to say of a repository beyond its line.
fn details(restored: &RepositoryRestored) {
    let name = restored.name.shown();
    if let Some(failure) = &restored.error {
        let failure = failure.clone().while_doing(&name.to_string());
        tell!("{}", text::failure("", &failure));
    }
    for refused in &restored.refused {
        tell!("{name}: refused: {}: {}", refused.name, refused.why);
    }
    if let Some(wiki) = &restored.wiki {
        tell!("{name}: wiki: {wiki}");
    }
    for note in &restored.notes {
        tell!("{name}: note: {note}");
    }
}

fn conclusion(report: &RestoreReport) {
    let count = |outcome: RestoreOutcome| {
        let all = report.repositories.iter();
        all.filter(|one| one.outcome == outcome).count()
    };
    let mut parts = Vec::new();
    for (outcome, what) in [
        (RestoreOutcome::Planned, "would be restored"),
        (RestoreOutcome::Restored, "restored"),
        (RestoreOutcome::Present, "already there"),
        (RestoreOutcome::Partial, "restored in part"),
        (RestoreOutcome::Failed, "failed"),
        (RestoreOutcome::NotThen, "left out"),
        (RestoreOutcome::NotDone, "not begun"),
    ] {
        let number = count(outcome);
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    if parts.is_empty() {
        parts.push("nothing to restore".to_owned());
    }
    let target = &report.target;
    out!(
        "{} ({} at {}): {}",
        target.title,
        target.name,
        Shown::of(&target.hoster),
        parts.join(", ")
    );
    if report.dry_run {
        let expected = &report.expected;
        out!(
            "expected: {} to make, up to {}, about {}; nothing was made",
            text::count(expected.repositories, "repository", "repositories"),
            text::bytes(expected.bytes),
            duration(expected.seconds)
        );
    }
}

/// A time for a person, in the unit that says most.
fn duration(seconds: u64) -> String {
    let number = |of: u64| usize::try_from(of).unwrap_or(usize::MAX);
    match seconds {
        0..=119 => text::count(number(seconds), "second", "seconds"),
        120..=7199 => text::count(number(seconds.div_ceil(60)), "minute", "minutes"),
        _ => text::count(number(seconds.div_ceil(3600)), "hour", "hours"),
    }
}

/// Usage that clap does not know.
pub fn check(arguments: &RestoreArguments) -> Result<(), Complaint> {
    let usage = |message: &str, hint: &str| {
        let failure = Failure::new(ErrorKind::Config, message).with_hint(hint);
        Err(Complaint::new(
            ExitCode::Usage,
            failure.message,
            failure.hint,
        ))
    };
    if arguments.repositories.len() > 1 && arguments.to_hoster.is_none() {
        return usage(
            "several repositories are restored with --to-hoster alone",
            "give one repository, or --all",
        );
    }
    Ok(())
}
