//! How a backup stands, by the reports that are kept in it and by what is on disk: no network, no
//! plugins, no lock.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod concern;
mod day;
pub mod days;
mod disk;
mod folders;
mod growth;
mod last;
pub mod metrics;
mod model;
mod reports;
mod verdict;
mod walk;

use std::collections::HashMap;
use std::path::Path;

use forgekeep_config::{Config, StatusOptions};
use forgekeep_durable::space::Room;
use forgekeep_failure::{ErrorKind, Failure, Severity};
use forgekeep_store::history;
use forgekeep_store::report::{
    Brief, Report, RepositoryOutcome, RunOutcome, SourceOutcome, SourceReport,
};
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use rayon::prelude::*;

pub use concern::{Concern, Level};
pub use folders::{Sizes, remember};
pub use forgekeep_store::history::{Died, UnderWay};
pub use last::LastRuns;
pub use model::{
    KeptError, LastRun, NewestAlert, NewestSnapshot, RepositoryStatus, Rewritten, SourceStatus,
    Status, Unreadable, UnreadableKind,
};

/// Reports that are held in memory at a time.
const REPORTS_AT_A_TIME: usize = 2;

impl Status {
    /// Reads the kept reports of a configuration's backup folder, and compares what they say with what the
    /// configuration expects.
    ///
    /// # Errors
    ///
    /// Only if the folder with the reports cannot be read; a report that cannot be is named in
    /// [`Status::unreadable`].
    pub fn read(config: &Config) -> Result<Self, Failure> {
        let status = Self::of_configuration(config, Timestamp::now());
        status.filled(&config.local_folder)
    }

    /// The same of a backup folder without a configuration: the sources are those of the kept reports, and
    /// the default is expected of each.
    ///
    /// # Errors
    ///
    /// As [`Status::read`].
    pub fn read_folder(folder: &Path) -> Result<Self, Failure> {
        let max_age = StatusOptions::default().max_age;
        Self::new(folder, max_age, Timestamp::now()).filled(folder)
    }

    fn filled(mut self, local_folder: &Path) -> Result<Self, Failure> {
        let mut known: Vec<HashMap<String, usize>> = vec![HashMap::new(); self.sources.len()];
        let folder = history::folder(local_folder);
        // A run that ends meanwhile is told twice rather than not at all.
        self.under_way = history::under_way(local_folder)?;
        // A few at a time, the newest first: whatever is said first about something is its last state.
        let names = history::newest_first(local_folder)?;
        let reports = names.iter().filter(|name| history::is_report(name));
        self.is_history_full = reports.count() >= history::KEPT;
        for some in names.chunks(REPORTS_AT_A_TIME) {
            let reports = some.par_iter().map(|name| {
                let path = folder.join(name);
                let report = reports::read(&path, name);
                (path, report)
            });
            for (path, report) in reports.collect::<Vec<_>>() {
                match report {
                    Ok(Some(report)) => self.add(&path, report, &mut known),
                    Ok(None) => {}
                    Err(unreadable) => self.unreadable.push(unreadable),
                }
            }
        }
        self.died = history::died(local_folder)?;
        self.space = Room::of(local_folder);
        disk::add(&mut self, local_folder)?;
        let (days, unreadable) = days::read(local_folder, self.now)?;
        self.days = days;
        self.unreadable.extend(unreadable);
        self.conclude();
        Ok(self)
    }

    fn add(&mut self, path: &Path, report: Report<Brief>, known: &mut Vec<HashMap<String, usize>>) {
        if self.last_run.is_none() {
            self.last_run = Some(LastRun {
                run: report.run,
                started: report.started,
                finished: report.finished,
                age_seconds: age(self.now, report.finished),
                outcome: report.outcome,
                exit_code: report.exit_code,
                error: report.error.map(KeptError::from),
                is_bare: report.sources.is_empty(),
                report: path.shown().into(),
            });
        }
        for kept in report.sources {
            let at = self.sources.iter().position(|s| s.title == *kept.title);
            let at = match at {
                Some(at) => at,
                None if self.has_configuration => continue,
                None => {
                    self.sources.push(SourceStatus {
                        configured: false,
                        max_age: Some(self.max_age),
                        ..SourceStatus::new(&*kept.title, &kept.hoster)
                    });
                    known.push(HashMap::new());
                    self.sources.len() - 1
                }
            };
            let source = &mut self.sources[at];
            if self.newest_alert.is_none() {
                self.newest_alert = newest_alert(&source.title, &kept, report.started);
            }
            let is_last = source.last_run.is_none();
            match kept.outcome {
                // It was interrupted before it came to anything: that says nothing of whether it fails.
                SourceOutcome::Failed if is_cut_short(&kept) => {}
                SourceOutcome::Failed if !source.has_not_always_failed => {
                    source.failing_since = Some(report.started);
                }
                _ => source.has_not_always_failed = true,
            }
            if source.last_good.is_none() && is_safe(&kept) {
                source.last_good = Some(report.started);
            }
            source.first_run = Some(report.started);
            // What the configuration says counts. A source that fails has not heard of its credentials.
            if kept.outcome != SourceOutcome::Failed && !source.has_heard_of_expiry {
                source.expires = source.expires.or(kept.expires);
                source.has_heard_of_expiry = true;
            }
            if is_last {
                source.last_run = Some(report.started);
                source.listed = u64::try_from(kept.listed).ok();
                source.last_error = kept.error.map(KeptError::from);
                source.last_outcome = Some(kept.outcome);
                source.was_interrupted = report.outcome == RunOutcome::Interrupted;
                source.alerts.extend(kept.alert);
                let of_repositories = kept.repositories.iter();
                let of_repositories = of_repositories.filter_map(|one| {
                    let alert = one.alert.as_ref()?;
                    Some(format!("{}: {alert}", one.name).into())
                });
                source.alerts.extend(of_repositories);
            }
            for repository in kept.repositories {
                add_repository(source, &mut known[at], repository, report.started);
            }
        }
    }

    /// Compares all there is with the clock and with what is expected, once more where something was added.
    pub fn conclude(&mut self) {
        for source in &mut self.sources {
            source.age_seconds = source.last_good.map(|time| age(self.now, time));
            let due = source.max_age.map(|within| within.before(self.now));
            source.max_age_seconds = due.map(|due| age(self.now, due));
            // One that was never good has been so since it is known; and longer than that where older
            // reports are gone.
            let since = source.last_good.or(match self.is_history_full {
                true => None,
                false => source.first_run,
            });
            source.overdue = due.is_some_and(|due| since.is_none_or(|since| since < due));
            for repository in &mut source.repositories {
                repository.age_seconds = repository.last_good.map(|time| age(self.now, time));
            }
            source
                .repositories
                .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
        self.days_until_full = self.room_in_days();
        self.concerns = verdict::concerns(self);
        let worst = self.concerns.iter().map(|concern| concern.level).max();
        self.level = worst.unwrap_or(Level::Ok);
    }
}

/// Whether what upstream had then is in the backup, of some repositories all but a part.
fn is_safe(kept: &SourceReport<Brief>) -> bool {
    if kept.outcome == SourceOutcome::Ok {
        return true;
    }
    let doubtful = kept.notes.iter().any(|n| n.severity >= Severity::Error);
    let unlisted = kept.owners.iter().any(|owner| owner.error.is_some());
    let safe = |one: &Brief| {
        one.outcome == RepositoryOutcome::Skipped || one.outcome.is_good() == Some(true)
    };
    kept.outcome == SourceOutcome::Partial
        && kept.error.is_none()
        && !doubtful
        && !unlisted
        && kept.repositories.iter().all(safe)
}

/// Whether nothing but an interruption kept a source from being backed up.
fn is_cut_short(kept: &SourceReport<Brief>) -> bool {
    let is_cancelled = |failure: &Failure| failure.kind == ErrorKind::Cancelled;
    let has = |outcome| kept.repositories.iter().any(|one| one.outcome == outcome);
    let error = kept.error.as_ref();
    let is_cut = error.is_some_and(is_cancelled) || has(RepositoryOutcome::NotDone);
    is_cut && error.is_none_or(is_cancelled) && !has(RepositoryOutcome::Failed)
}

fn add_repository(
    source: &mut SourceStatus,
    known: &mut HashMap<String, usize>,
    kept: Brief,
    started: Timestamp,
) {
    // One without an identity cannot be told from others but by its name.
    let key = if kept.id.is_empty() {
        format!("name {}", kept.name)
    } else {
        format!("id {}", kept.id)
    };
    let good = (kept.outcome.is_good() == Some(true)).then_some(started);
    let rewritten = Rewritten {
        run: started,
        forced: kept.refs.forced,
        deleted: kept.refs.deleted,
    };
    let rewritten = Some(rewritten).filter(|refs| refs.forced + refs.deleted > 0);
    let state = RepositoryStatus {
        path: kept.path,
        last_run: Some(started),
        last_outcome: Some(kept.outcome),
        last_error: kept.error.map(|failure| KeptError::from(*failure)),
        failing_since: (kept.outcome == RepositoryOutcome::Failed).then_some(started),
        last_good: good,
        rewritten,
        ..RepositoryStatus::new(kept.id, kept.name)
    };
    let Some(&at) = known.get(&key) else {
        known.insert(key, source.repositories.len());
        source.repositories.push(state);
        return;
    };
    let newest = &mut source.repositories[at];
    if newest.last_run == Some(started) && newest.path.is_empty() {
        // Listed twice in one run: the entry that was worked on is the one that counts.
        *newest = state;
        return;
    }
    // A run that was interrupted says nothing about what it has not done.
    let is_failing =
        newest.failing_since.is_some() || newest.last_outcome == Some(RepositoryOutcome::NotDone);
    if newest.last_good.is_none() && is_failing && state.failing_since.is_some() {
        newest.failing_since = Some(started);
    }
    newest.last_good = newest.last_good.or(good);
    newest.rewritten = newest.rewritten.or(rewritten);
    if newest.path.is_empty() {
        newest.path = state.path;
    }
}

/// The first alert of a source in a report: its own, or a repository's.
fn newest_alert(
    title: &Untrusted,
    kept: &SourceReport<Brief>,
    run: Timestamp,
) -> Option<NewestAlert> {
    let of_repositories = kept.repositories.iter();
    let mut of_repositories =
        of_repositories.filter_map(|one| Some((&one.name, one.alert.as_ref()?)));
    let (repository, message) = match &kept.alert {
        Some(message) => (Printable::default(), message.clone()),
        None => of_repositories
            .next()
            .map(|(name, message)| (name.clone(), message.clone()))?,
    };
    Some(NewestAlert {
        run,
        source: title.clone(),
        repository,
        message,
    })
}

/// Negative for a time to come: then a clock was wrong, or is.
fn age(now: Timestamp, time: Timestamp) -> i64 {
    now.duration_since(time).as_secs()
}

#[cfg(test)]
mod tests;
