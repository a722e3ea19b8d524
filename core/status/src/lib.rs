//! How a backup stands, by the reports that are kept in it and by what is on disk: no network, no
//! plugins, no lock.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod days;
mod disk;
mod folders;
mod walk;

use std::collections::HashMap;
use std::path::Path;

use forgekeep_config::Config;
use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::health::Damage;
use forgekeep_store::history;
use forgekeep_store::layout::DAMAGED;
use forgekeep_store::report::{
    self, Brief, Report, RepositoryOutcome, RunOutcome, SourceOutcome, SourceReport,
};
use forgekeep_store::snapshot::SnapshotId;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use folders::{Sizes, remember};
pub use forgekeep_store::history::Died;

/// Version of the document's format. Fields are added within it, never renamed.
const SCHEMA: u32 = 1;

/// Reports that are held in memory at a time.
const REPORTS_AT_A_TIME: usize = 2;

/// How a backup stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the document's format: 1.
    pub schema: u32,
    /// The backup folder.
    pub local_folder: Printable,
    /// When this was found out, UTC.
    pub now: Timestamp,
    /// The last run of which a report is kept.
    pub last_run: Option<LastRun>,
    /// Runs that have begun, are not under way and left no report; the last first.
    pub died: Vec<Died>,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceStatus>,
    /// The newest alert that a kept report has.
    pub newest_alert: Option<NewestAlert>,
    /// Files among the reports that could not be used.
    pub unreadable: Vec<Unreadable>,
    /// Why there is no backup in the folder, if so.
    pub no_backup: Option<Failure>,
}

/// The newest alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewestAlert {
    /// When the run began.
    pub run: Timestamp,
    /// Title of the source.
    pub source: Untrusted,
    /// Full name of the repository; empty where the whole source is meant.
    pub repository: Printable,
    /// What it says.
    pub message: Printable,
}

/// Refs that upstream has rewritten or deleted in a run; the old tips are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rewritten {
    /// When the run began.
    pub run: Timestamp,
    /// How many were moved elsewhere.
    pub forced: usize,
    /// How many are gone.
    pub deleted: usize,
}

/// The last run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// Its number; none if version 0.1 made it.
    pub run: Option<u64>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Seconds since it ended.
    pub age_seconds: i64,
    /// How it ended, as in its report.
    pub outcome: RunOutcome,
    /// Exit code of the process.
    pub exit_code: ExitCode,
    /// What was wrong with the run as a whole, if anything.
    pub error: Option<KeptError>,
    /// File with its report.
    pub report: Printable,
}

/// How a source stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// Title in the configuration.
    pub title: Untrusted,
    /// Hoster in the configuration.
    pub hoster: Printable,
    /// Whether the configuration has it: what is left of others is listed too.
    pub configured: bool,
    /// When the last run that it took part in began.
    pub last_run: Option<Timestamp>,
    /// How it came out then.
    pub last_outcome: Option<SourceOutcome>,
    /// What was wrong with it as a whole then, if anything.
    pub last_error: Option<KeptError>,
    /// Repositories that the hoster listed then.
    pub listed: Option<u64>,
    /// When the last run began in which all of it was backed up: what upstream had then is safe.
    pub last_good: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// Its repositories, by name: all that the kept reports know or the disk holds, thus also those
    /// that are gone at the hoster.
    pub repositories: Vec<RepositoryStatus>,
}

/// How a repository stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// The hoster's immutable identity.
    pub id: Printable,
    /// Full name at the hoster.
    pub name: Printable,
    /// Folder below the backup folder; empty for one that was never backed up.
    pub path: Untrusted,
    /// When the last run began that had to do with it.
    pub last_run: Option<Timestamp>,
    /// How it came out then.
    pub last_outcome: Option<RepositoryOutcome>,
    /// Why it failed then, if so.
    pub last_error: Option<KeptError>,
    /// When the last run began in which it was backed up: what it had then is safe.
    pub last_good: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// When the first of the runs began in which it has failed ever since, as far as the kept reports reach.
    pub failing_since: Option<Timestamp>,
    /// The last run in which upstream had rewritten or deleted refs of it.
    pub rewritten: Option<Rewritten>,
    /// Bytes of its folder: mirrors, snapshots and all.
    pub size: Option<u64>,
    /// Snapshots of the repository and of its wiki.
    pub snapshots: Option<usize>,
    /// The newest snapshot of the repository.
    pub newest_snapshot: Option<NewestSnapshot>,
    /// Since when the hoster no longer lists it, if so: the backup is what is left of it.
    pub gone: Option<Timestamp>,
    /// When it was last verified.
    pub verified: Option<Timestamp>,
    /// What was damaged then.
    pub damage: Vec<Damage>,
    /// When a drill last brought it back.
    pub drilled: Option<Timestamp>,
    /// Whether it came back as it was then.
    pub drilled_good: Option<bool>,
    /// Why its state file cannot be read, if so.
    pub unreadable: Option<Printable>,
}

/// The newest snapshot of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// When the refs were last changed.
    pub time: Timestamp,
}

impl SourceStatus {
    fn new(title: impl Into<Untrusted>, hoster: &str) -> Self {
        Self {
            title: title.into(),
            hoster: hoster.into(),
            configured: true,
            last_run: None,
            last_outcome: None,
            last_error: None,
            listed: None,
            last_good: None,
            age_seconds: None,
            repositories: Vec::new(),
        }
    }
}

impl RepositoryStatus {
    fn new(id: Printable, name: Printable) -> Self {
        Self {
            id,
            name,
            path: Untrusted::default(),
            last_run: None,
            last_outcome: None,
            last_error: None,
            last_good: None,
            age_seconds: None,
            failing_since: None,
            rewritten: None,
            size: None,
            snapshots: None,
            newest_snapshot: None,
            gone: None,
            verified: None,
            damage: Vec::new(),
            drilled: None,
            drilled_good: None,
            unreadable: None,
        }
    }
}

/// A file that could not be used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The file.
    pub file: Printable,
    /// Why.
    pub why: Printable,
}

/// An error as a report has it; its kind may be one of a newer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptError {
    /// What kind it is, in today's word.
    pub kind: String,
    /// What failed and why.
    pub message: Printable,
    /// What to do; may be empty.
    pub hint: Printable,
}

impl From<Failure> for KeptError {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.as_str().to_owned(),
            message: failure.message,
            hint: failure.hint,
        }
    }
}

#[derive(Deserialize)]
struct Schema {
    schema: u32,
}

impl Status {
    /// Reads the kept reports of a configuration's backup folder.
    ///
    /// # Errors
    ///
    /// Only if the folder with the reports cannot be read; a report that cannot be is named in
    /// [`Status::unreadable`].
    pub fn read(config: &Config) -> Result<Self, Failure> {
        let mut status = Self::new(config, Timestamp::now());
        let mut known: Vec<HashMap<String, usize>> = vec![HashMap::new(); status.sources.len()];
        let folder = history::folder(&config.local_folder);
        // A few at a time, the newest first: whatever is said first about something is its last state.
        let names = history::newest_first(&config.local_folder)?;
        for some in names.chunks(REPORTS_AT_A_TIME) {
            let reports = some.par_iter().map(|name| {
                let path = folder.join(name);
                let report = read(&path, name);
                (path, report)
            });
            for (path, report) in reports.collect::<Vec<_>>() {
                match report {
                    Ok(Some(report)) => status.add(&path, report, &mut known),
                    Ok(None) => {}
                    Err(why) => status.unreadable.push(Unreadable {
                        file: path.shown().into(),
                        why,
                    }),
                }
            }
        }
        status.died = history::died(&config.local_folder)?;
        disk::add(&mut status, &config.local_folder)?;
        status.conclude();
        Ok(status)
    }

    fn new(config: &Config, now: Timestamp) -> Self {
        let sources = config.sources.iter();
        let sources =
            sources.map(|source| SourceStatus::new(source.title.as_str(), &source.hoster));
        Self {
            schema: SCHEMA,
            local_folder: config.local_folder.shown().into(),
            now,
            last_run: None,
            died: Vec::new(),
            sources: sources.collect(),
            newest_alert: None,
            unreadable: Vec::new(),
            no_backup: None,
        }
    }

    fn add(&mut self, path: &Path, report: Report<Brief>, known: &mut [HashMap<String, usize>]) {
        if self.last_run.is_none() {
            self.last_run = Some(LastRun {
                run: report.run,
                started: report.started,
                finished: report.finished,
                age_seconds: age(self.now, report.finished),
                outcome: report.outcome,
                exit_code: report.exit_code,
                error: report.error.map(KeptError::from),
                report: path.shown().into(),
            });
        }
        for kept in report.sources {
            let Some(at) = self.sources.iter().position(|s| s.title == *kept.title) else {
                continue;
            };
            let source = &mut self.sources[at];
            if self.newest_alert.is_none() {
                self.newest_alert = newest_alert(&source.title, &kept, report.started);
            }
            if source.last_run.is_none() {
                source.last_run = Some(report.started);
                source.listed = u64::try_from(kept.listed).ok();
                source.last_error = kept.error.map(KeptError::from);
                source.last_outcome = Some(kept.outcome);
            }
            if source.last_good.is_none() && kept.outcome == SourceOutcome::Ok {
                source.last_good = Some(report.started);
            }
            for repository in kept.repositories {
                add_repository(source, &mut known[at], repository, report.started);
            }
        }
    }

    fn conclude(&mut self) {
        for source in &mut self.sources {
            source.age_seconds = source.last_good.map(|time| age(self.now, time));
            for repository in &mut source.repositories {
                repository.age_seconds = repository.last_good.map(|time| age(self.now, time));
            }
            source
                .repositories
                .sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        }
    }
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
    let failing = (kept.outcome == RepositoryOutcome::Failed).then_some(started);
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
        last_good: good,
        failing_since: failing,
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
    let has_always_failed = newest.last_good.is_none() && newest.failing_since.is_some();
    if has_always_failed && failing.is_some() {
        newest.failing_since = failing;
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

/// A report; `None` for what is not meant to be one or has gone meanwhile.
fn read(path: &Path, name: &str) -> Result<Option<Report<Brief>>, Printable> {
    let under_way = [".forgekeep-new", ".lock"];
    // A run that is under way is writing its report; or it was damaged, and told.
    if under_way.iter().any(|ending| name.ends_with(ending))
        || name.contains(DAMAGED)
        || history::number_of_mark(name).is_some()
    {
        return Ok(None);
    }
    if !history::is_report(name) {
        return Err("it is not named like a report".into());
    }
    // A run that is under way may have removed the oldest.
    let Some(text) = history::read_report(path).map_err(|unread| unread.why)? else {
        return Ok(None);
    };
    let damaged = |error: serde_json::Error| format!("it is damaged: {error}").into();
    match serde_json::from_str::<Report<Brief>>(&text) {
        Ok(report) if report.schema == report::SCHEMA => Ok(Some(report)),
        // Its schema first: another one may lack anything else.
        unread => {
            let schema: Schema = serde_json::from_str(&text).map_err(damaged)?;
            if schema.schema != report::SCHEMA {
                let why = format!(
                    "its schema is {}, and this version knows {}",
                    schema.schema,
                    report::SCHEMA
                );
                return Err(why.into());
            }
            unread.map(Some).map_err(damaged)
        }
    }
}

#[cfg(test)]
mod tests;
