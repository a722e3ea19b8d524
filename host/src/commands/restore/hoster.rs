//! `forgekeep restore --to-hoster`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_command_line::{Common, ProgressMode, RestoreArguments};
use forgekeep_durable::lock::RunLock;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::packs::bytes_of_packs;
use forgekeep_recovery::report::{RepositoryRestored, RestoreOutcome, RestoreReport};
use forgekeep_recovery::{Order, Plan, Run, Surroundings, conclude, place};
use forgekeep_restore::RestorePoint;
use forgekeep_restore_notes::Notes;
use forgekeep_store::inventory::Kept;
use forgekeep_summary::{details_of_restored, of_restore, of_restored, text};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use crate::commands::target::{AtTarget, no_plan, of_run};
use crate::commands::{end_on_signal, offline, print_json};
use crate::exit::{Complaint, ExitCode};
use crate::progress::{self, WorkDone};
use crate::terminal::{say, stdout_width, tell};

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
    let sizes: HashMap<_, u64> = chosen
        .iter()
        .map(|kept| {
            let parts = kept.parts().map(|part| bytes_of_packs(&part.folder));
            ((&kept.title, &kept.full_name), parts.sum())
        })
        .collect();
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
    let (number, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = |restored: &RepositoryRestored| {
        number.fetch_add(1, Ordering::Relaxed);
        let size = sizes.get(&(&restored.source, &restored.name));
        bytes.fetch_add(size.copied().unwrap_or(0), Ordering::Relaxed);
        // An interruption is told once, by how many were not begun.
        if tells && restored.outcome != RestoreOutcome::NotDone {
            tell!("{}", of_restored(restored));
        }
    };
    let mode = match tells {
        true => ProgressMode::Auto,
        false => ProgressMode::None,
    };
    let all_bytes = sizes.values().sum();
    let bar = progress::bar(mode, common, "repositories", sizes.len(), all_bytes);
    let how_far = || WorkDone {
        number: number.load(Ordering::Relaxed),
        bytes: bytes.load(Ordering::Relaxed),
    };
    let restored = match arguments.dry_run {
        true => (run.planned(), Vec::new()),
        false => bar.showing(how_far, || run.all(&done)).map_err(of_run)?,
    };
    let dry_run = arguments.dry_run;
    let interrupted = cancel.is_cancelled();
    let report = conclude(&plan, &target, started, dry_run, interrupted, restored);
    if !dry_run {
        match notes.keep_report(started, &report) {
            Ok(path) => log::info!("report: {}", path.shown()),
            Err(failure) => tell!("{}", text::warning(&failure)),
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

fn print(report: &RestoreReport, in_trash: usize) {
    if report.dry_run {
        for restored in &report.repositories {
            say!("{}", of_restored(restored));
        }
    }
    for restored in &report.repositories {
        for line in details_of_restored(restored) {
            tell!("{line}");
        }
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
    say!("{}", of_restore(report, stdout_width()).trim_end());
    if report.exit_code == ExitCode::Usage {
        let message = "nothing was restored: no repository was in the backup at that time";
        let hint = "give --at a later time, or none; name what is in the trash";
        tell!("{}", Complaint::new(report.exit_code, message, hint));
        return;
    }
    say!("not restored by git: {}", report.not_restored.join("; "));
    for step in &report.next_steps {
        say!("next: {step}");
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
