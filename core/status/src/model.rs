//! What there is to tell: the document of `status --json`, and the values behind it.

use forgekeep_config::{Config, Within};
use forgekeep_durable::space::Room;
use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::health::Damage;
use forgekeep_store::history::{Died, UnderWay};
use forgekeep_store::report::{RepositoryOutcome, RunOutcome, SourceOutcome};
use forgekeep_store::snapshot::SnapshotId;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::concern::{Concern, Level};
use crate::day::Days;

/// Version of the document's format. Fields are added within it, never renamed.
const SCHEMA: u32 = 1;

/// How a backup stands.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the document's format: 1.
    #[cfg_attr(feature = "schema", schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// The backup folder.
    pub local_folder: Printable,
    /// When this was found out, UTC.
    pub now: Timestamp,
    /// How bad it is, for a monitor: the worst of the concerns.
    pub level: Level,
    /// What somebody has to see to, the worst first.
    pub concerns: Vec<Concern>,
    /// The run that is under way, if one is. Nothing else follows from it.
    pub under_way: Option<UnderWay>,
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
    /// What is free where the backup is, if that can be found out.
    pub space: Option<Room>,
    /// For how many days that lasts if the backup grows as in the last 30 ones; none where it does not grow, or
    /// is not known for a week.
    pub days_until_full: Option<u64>,
    /// Why there is no backup in the folder, if so.
    pub no_backup: Option<Failure>,
    /// What came of each day's runs.
    #[serde(skip)]
    pub days: Days,
    /// Whether there was a configuration to say what is expected.
    #[serde(skip)]
    pub has_configuration: bool,
    /// Whether as many reports are kept as ever are: what is older is not known.
    #[serde(skip)]
    pub(crate) is_history_full: bool,
    /// What is expected of a source that the configuration does not name.
    #[serde(skip)]
    pub(crate) max_age: Within,
}

/// The newest alert.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// How it ended, in the word of its report, which may be one of a newer version.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub outcome: RunOutcome,
    /// Exit code of the process.
    pub exit_code: ExitCode,
    /// What was wrong with the run as a whole, if anything.
    pub error: Option<KeptError>,
    /// Whether it came to no source at all.
    #[serde(skip)]
    pub is_bare: bool,
    /// File with its report.
    pub report: Printable,
}

/// How a source stands.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// How it came out then, in the word of the report, which may be one of a newer version.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_outcome: Option<SourceOutcome>,
    /// What was wrong with it as a whole then, if anything.
    pub last_error: Option<KeptError>,
    /// Repositories that the hoster listed then.
    pub listed: Option<u64>,
    /// When the last run began in which all of it was backed up, but for parts of repositories: what
    /// upstream had then is safe.
    pub last_good: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
    /// How old that may be; none of a source that no run is expected of any more.
    pub max_age_seconds: Option<i64>,
    /// Whether it is older, or was never good for so long.
    pub overdue: bool,
    /// Since which run on each one has failed altogether, if the last has.
    pub failing_since: Option<Timestamp>,
    /// How much upstream has rewritten or deleted, by the last run, if that was worth an alert: the
    /// source's, then the repositories'.
    pub alerts: Vec<Printable>,
    /// When its credentials expire, where the configuration or the hoster says so.
    pub expires: Option<Timestamp>,
    /// Whether the last run that it took part in was interrupted.
    #[serde(skip)]
    pub was_interrupted: bool,
    /// Whether an older run than those since which it has failed came out otherwise.
    #[serde(skip)]
    pub(crate) has_not_always_failed: bool,
    /// When the oldest run began that a report is kept of and that it took part in.
    #[serde(skip)]
    pub(crate) first_run: Option<Timestamp>,
    /// Whether a report has said already when its credentials expire, or that it is not known.
    #[serde(skip)]
    pub(crate) has_heard_of_expiry: bool,
    /// How old its last good run may be.
    #[serde(skip)]
    pub max_age: Option<Within>,
    /// Its repositories, by name: all that the kept reports know or the disk holds, thus also those
    /// that are gone at the hoster.
    pub repositories: Vec<RepositoryStatus>,
}

/// How a repository stands.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// How it came out then, in the word of the report, which may be one of a newer version.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub last_outcome: Option<RepositoryOutcome>,
    /// Why it failed then, if so.
    pub last_error: Option<KeptError>,
    /// Since which run on it has failed in each, if it has in the last.
    pub failing_since: Option<Timestamp>,
    /// When the last run began in which it was backed up: what it had then is safe.
    pub last_good: Option<Timestamp>,
    /// Seconds since then.
    pub age_seconds: Option<i64>,
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestSnapshot {
    /// Its id.
    pub id: SnapshotId,
    /// When the refs were last changed.
    pub time: Timestamp,
}

impl SourceStatus {
    /// One of which nothing is known yet.
    pub fn new(title: impl Into<Untrusted>, hoster: &str) -> Self {
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
            max_age_seconds: None,
            overdue: false,
            failing_since: None,
            alerts: Vec::new(),
            expires: None,
            was_interrupted: false,
            has_not_always_failed: false,
            first_run: None,
            has_heard_of_expiry: false,
            max_age: None,
            repositories: Vec::new(),
        }
    }
}

impl RepositoryStatus {
    pub(crate) fn new(id: Printable, name: Printable) -> Self {
        Self {
            id,
            name,
            path: Untrusted::default(),
            last_run: None,
            last_outcome: None,
            last_error: None,
            failing_since: None,
            last_good: None,
            age_seconds: None,
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

/// What is wrong with a file that could not be used.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UnreadableKind {
    /// What is in it is not what a run has written, or a newer version has written it.
    Damaged,
    /// The machine did not let it be read: nothing follows about what is in it.
    Refused,
    /// Somebody else has put it there.
    Foreign,
}

/// A file that could not be used.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The file.
    pub file: Printable,
    /// What follows from that.
    pub kind: UnreadableKind,
    /// Why.
    pub why: Printable,
}

/// An error as a report has it; its kind may be one of a newer version.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl Status {
    /// That of a folder of which nothing is known yet.
    pub fn new(folder: &std::path::Path, max_age: Within, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            local_folder: folder.shown().into(),
            now,
            level: Level::Ok,
            concerns: Vec::new(),
            under_way: None,
            last_run: None,
            died: Vec::new(),
            sources: Vec::new(),
            newest_alert: None,
            unreadable: Vec::new(),
            space: None,
            days_until_full: None,
            days: Days::new(),
            no_backup: None,
            has_configuration: false,
            is_history_full: false,
            max_age,
        }
    }

    pub(crate) fn of_configuration(config: &Config, now: Timestamp) -> Self {
        let expected = config.options.status.max_age;
        let sources = config.sources.iter().map(|source| SourceStatus {
            max_age: Some(source.max_age.unwrap_or(expected)),
            expires: source.expires.and_then(end_of),
            ..SourceStatus::new(source.title.as_str(), &source.hoster)
        });
        Self {
            sources: sources.collect(),
            has_configuration: true,
            ..Self::new(&config.local_folder, expected, now)
        }
    }
}

/// The end of a day, in UTC: what expires on it is certainly no longer good then.
fn end_of(date: jiff::civil::Date) -> Option<Timestamp> {
    let end = date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC);
    Some(end.ok()?.timestamp())
}
