//! Verifying a backup folder: its repositories side by side, and the files of its own.

use std::fs::{self, OpenOptions};
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forgekeep_durable::lock::LockError;
use forgekeep_durable::{lock_wait, regular_file, sealed};
use forgekeep_failure::trouble::Trouble;
use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_store::health::{Checked, Damage, Health, Soundness};
use forgekeep_store::history;
use forgekeep_store::history::Seen;
use forgekeep_store::inventory::Kept;
use forgekeep_store::layout::{INDEX_OF_RUNS, LISTINGS, LOCK, OWN_FOLDER, VERIFIED, lock_file};
use forgekeep_store::report::{Brief, Report, RepositoryOutcome};
use forgekeep_untrusted::{Show as _, Untrusted};
use rayon::prelude::*;

use super::{Finding, Piece, Watch, check};

/// How it gets along with other runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    /// How long it waits for the lock of another run.
    pub wait: Duration,
    /// Whether it ends, after what is under way, once another run waits for its lock.
    pub yields: bool,
}

/// What verifying has shown.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The repositories, in the order they were given. Without those that were not reached.
    pub repositories: Vec<Checked>,
    /// Damaged files of the backup folder's own.
    pub files: Vec<Damage>,
    /// Why some of the folder's own files could not be checked.
    pub unchecked: Vec<Failure>,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// Whether it ended early, since another run waits for the lock.
    pub gave_way: bool,
    /// Why the result is not remembered, if so.
    pub not_kept: Option<Failure>,
}

impl Verdict {
    /// Whether nothing is damaged, and everything could be told.
    pub fn is_sound(&self) -> bool {
        let sound = |checked: &Checked| checked.outcome == Soundness::Sound;
        self.files.is_empty() && self.unchecked.is_empty() && self.repositories.iter().all(sound)
    }

    /// Whether anything is damaged.
    pub fn is_damaged(&self) -> bool {
        let damaged = |checked: &Checked| checked.outcome == Soundness::Damaged;
        !self.files.is_empty() || self.repositories.iter().any(damaged)
    }

    /// Exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        match (self.interrupted, self.is_sound()) {
            (true, _) => ExitCode::Interrupted,
            (false, true) => ExitCode::Good,
            (false, false) => ExitCode::Partial,
        }
    }
}

/// Verifies repositories of a backup folder, `jobs` at a time, and remembers the result. `files` is
/// whether the files of the folder's own are looked at too.
///
/// No backup can run meanwhile; a folder that cannot be written to is verified all the same, and
/// nothing is remembered.
///
/// # Errors
///
/// [`LockError`].
pub fn run(
    local_folder: &Path,
    repositories: &[&Kept],
    files: bool,
    jobs: Option<NonZeroUsize>,
    turn: Turn,
    watch: &Watch,
) -> Result<Verdict, LockError> {
    let lock_path = lock_file(local_folder);
    let lock = match is_read_only(local_folder) {
        true => None,
        false => Some(lock_wait::take(&lock_path, turn.wait, &watch.cancel)?),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.map_or(0, NonZeroUsize::get))
        .build()
        .map_err(|error| {
            let message = format!("cannot start threads: {error}");
            let failure = Failure::new(ErrorKind::Other, message);
            LockError::Folder(failure.with_hint("lower --jobs, or raise the limit on processes"))
        })?;
    let known = Health::read(local_folder);
    let mut verdict = Verdict {
        repositories: Vec::new(),
        files: Vec::new(),
        unchecked: Vec::new(),
        interrupted: false,
        gave_way: false,
        not_kept: None,
    };
    if files {
        let mut found = Vec::new();
        own_files(
            local_folder,
            &mut found,
            &mut verdict.unchecked,
            lock.is_some(),
        );
        missing(local_folder, &mut found, &mut verdict.unchecked);
        verdict.files = found
            .iter()
            .map(|finding| finding.to_damage(local_folder, &Untrusted::default()))
            .map(|damage| Damage {
                file: damage.file.raw().trim_start_matches('/').into(),
                ..damage
            })
            .collect();
    }
    let seen = Seen::new(local_folder);
    let gave_way = AtomicBool::new(false);
    let gives_way = || {
        let is_wanted = turn.yields && lock_wait::is_wanted(&lock_path);
        gave_way.fetch_or(is_wanted, Ordering::Relaxed) || is_wanted
    };
    let checked: Vec<(&Kept, Checked)> = pool.install(|| {
        let all = repositories.par_iter().filter_map(|kept| {
            let checked = match watch.cancel.is_cancelled() || gives_way() {
                true => None,
                false => Some(check(kept, &seen, watch)),
            };
            watch.repositories.fetch_add(1, Ordering::Relaxed);
            Some((*kept, checked.filter(|checked| !is_cut_off(checked))?))
        });
        all.collect()
    });
    verdict.interrupted = watch.cancel.is_cancelled();
    verdict.gave_way = gave_way.into_inner();
    if lock.is_some() {
        verdict.not_kept = keep(local_folder, known, &checked).err();
    }
    verdict.repositories = checked.into_iter().map(|(_, checked)| checked).collect();
    Ok(verdict)
}

/// Whether the interruption has kept it from being told.
fn is_cut_off(checked: &Checked) -> bool {
    let error = checked.error.as_ref();
    error.is_some_and(|failure| failure.kind == ErrorKind::Cancelled)
}

fn keep(
    local_folder: &Path,
    known: Result<Health, Failure>,
    checked: &[(&Kept, Checked)],
) -> Result<(), Failure> {
    let mut health = match known {
        // What was just found is worth more than what cannot be read.
        Err(failure) if failure.kind == ErrorKind::Damaged => Health::nothing(local_folder),
        known => known?,
    };
    for (kept, checked) in checked {
        health.learn(kept, checked);
    }
    health.write()
}

/// Whether nothing can be written there, which is how an archive may well be mounted.
fn is_read_only(local_folder: &Path) -> bool {
    let path = local_folder.join(OWN_FOLDER).join(LOCK);
    let _ = fs::create_dir(local_folder.join(OWN_FOLDER));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let opened = regular_file::open_with(&path, &mut options);
    opened.is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
        )
    })
}

/// Repositories that the newest report says are in the backup, and that are not.
fn missing(local_folder: &Path, found: &mut Vec<Finding>, unchecked: &mut Vec<Failure>) {
    let runs = history::folder(local_folder);
    let names = history::newest_first(local_folder).unwrap_or_default();
    let mut reports = names.iter().filter(|name| history::is_report(name));
    let newest = reports.find_map(|name| {
        let text = history::read_report(&runs.join(name)).ok()??;
        let report: Report<Brief> = serde_json::from_str(&text).ok()?;
        // Runs that could not be made know nothing.
        (!report.sources.is_empty()).then_some(report)
    });
    for source in newest.into_iter().flat_map(|report| report.sources) {
        let backed_up = source.repositories.into_iter();
        let backed_up =
            backed_up.map(|entry| (entry.path, Some(entry.outcome), entry.outcome.is_good()));
        let gone = source.gone.into_iter();
        let gone = gone.map(|gone| (gone.path, None, Some(!gone.removed)));
        for (path, outcome, had) in backed_up.chain(gone) {
            let folder = local_folder.join(path.raw());
            // One that cannot be looked at is there, and is said elsewhere.
            let is_there = super::states::is_folder(&folder).unwrap_or(true);
            if path.is_empty() || is_there {
                continue;
            }
            match had {
                Some(true) => {
                    let what = "the repository's folder is missing, and the last run had it";
                    found.push(Finding::new(Piece::Mirror, &folder, what));
                }
                Some(false) => {}
                None => unchecked.push(unknown(&path, outcome)),
            }
        }
    }
}

/// Whether a repository should be there is told by a word of a newer version.
fn unknown(path: &Untrusted, outcome: Option<RepositoryOutcome>) -> Failure {
    let outcome = outcome.map_or_else(String::new, |outcome| outcome.to_string());
    let path = path.shown();
    let message = format!(
        "{path} is missing, and whether the last run had it is not known: its outcome was {outcome}"
    );
    Failure::new(ErrorKind::Other, message)
        .with_hint("verify with the version that made the report")
}

/// The files in [`OWN_FOLDER`] that can be damaged.
fn own_files(
    local_folder: &Path,
    found: &mut Vec<Finding>,
    unchecked: &mut Vec<Failure>,
    may_write: bool,
) {
    let mut say = |path: &Path, failure: Failure| match failure.is_of_machine() {
        true => unchecked.push(failure),
        false => found.push(Finding::of(Piece::State, path, &failure)),
    };
    let own = local_folder.join(OWN_FOLDER);
    let listings = own.join(LISTINGS.name);
    if let Err(failure) = sealed::read::<serde_json::Value>(&listings, LISTINGS.formats) {
        say(&listings, failure);
    }
    let index = history::index_path(local_folder);
    if let Err(failure) = sealed::read::<serde_json::Value>(&index, INDEX_OF_RUNS.formats) {
        say(&index, failure);
    }
    if let Err(failure) = Health::read(local_folder) {
        say(&own.join(VERIFIED.name), failure);
    }
    let folder = history::folder(local_folder);
    match history::names(&folder) {
        Ok(names) => {
            for name in names.iter().filter(|name| history::is_report(name)) {
                let path = folder.join(name);
                let Err(unread) = history::read_report(&path) else {
                    continue;
                };
                // Once, and not for ever: no run can make a report again.
                let failure = match (unread.damaged, may_write) {
                    (true, true) => Failure::new(
                        ErrorKind::Damaged,
                        history::set_aside(&path, &unread.why).message,
                    ),
                    (true, false) => Failure::new(ErrorKind::Damaged, unread.why),
                    (false, _) => Failure {
                        trouble: Some(Trouble::Machine),
                        ..Failure::new(ErrorKind::Disk, unread.why)
                    },
                };
                say(&path, failure);
            }
        }
        Err(failure) => say(&folder, failure),
    }
}
