//! What Prometheus is told: gauges in its text format 0.0.4, which node_exporter's textfile collector reads.
//!
//! One series for each source, and none for a repository: names of repositories are many, change, and are
//! nobody's business. No timestamps, which the collector refuses.

use std::fmt::Write as _;

use forgekeep_failure::ExitCode;
use jiff::Timestamp;

use crate::model::{RepositoryStatus, SourceStatus, Status};

/// The run that has just ended.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How the process ends.
    pub exit_code: ExitCode,
}

/// A gauge of the run or of the folder.
type OfFolder = (&'static str, &'static str, fn(&Status) -> Option<f64>);

/// A gauge of a source.
type OfSource = (&'static str, &'static str, fn(&SourceStatus) -> Option<f64>);

const OF_FOLDER: &[OfFolder] = &[
    (
        "forgekeep_filesystem_free_bytes",
        "Bytes that are free where the backup is.",
        |status| Some(float(status.space?.free_bytes)),
    ),
    (
        "forgekeep_filesystem_size_bytes",
        "Bytes that the file system of the backup has.",
        |status| Some(float(status.space?.total_bytes)),
    ),
    (
        "forgekeep_filesystem_free_files",
        "Files (inodes) that can still be made where the backup is.",
        |status| Some(float(status.space?.free_files?)),
    ),
    (
        "forgekeep_unreadable_files",
        "Reports and state files of the backup that cannot be used.",
        |status| Some(number(status.unreadable.len())),
    ),
];

const OF_SOURCE: &[OfSource] = &[
    (
        "forgekeep_last_success_timestamp_seconds",
        "Start of the last run in which all of the source was backed up, in unixtime; 0 if there is none.",
        |source| Some(time(source.last_good)),
    ),
    (
        "forgekeep_max_age_seconds",
        "How old that run may be.",
        |source| Some(seconds(source.max_age_seconds?)),
    ),
    (
        "forgekeep_source_success",
        "Whether all of the source was backed up in the last run that it took part in (1) or not (0).",
        |source| {
            let good = source.last_good.is_some() && source.last_good == source.last_run;
            Some(number(usize::from(good)))
        },
    ),
    (
        "forgekeep_source_alerts",
        "Alerts of the last run: how often upstream has rewritten or deleted much.",
        |source| Some(number(source.alerts.len())),
    ),
    (
        "forgekeep_credentials_expiry_timestamp_seconds",
        "When the source's credentials expire, in unixtime; absent if the configuration does not say so.",
        |source| source.expires.map(|expires| time(Some(expires))),
    ),
    (
        "forgekeep_repositories_listed",
        "Repositories that the hoster listed in the last run.",
        |source| Some(float(source.listed.unwrap_or_default())),
    ),
    (
        "forgekeep_repositories_failing",
        "Repositories that failed in the last run.",
        |source| {
            let is_last = |one: &RepositoryStatus| one.last_run == source.last_run;
            Some(count(source, |one| {
                one.failing_since.is_some() && is_last(one)
            }))
        },
    ),
    (
        "forgekeep_repositories_stored",
        "Repositories in the backup.",
        |source| Some(count(source, |one| one.size.is_some())),
    ),
    (
        "forgekeep_repositories_gone",
        "Repositories in the backup that the hoster no longer lists.",
        |source| Some(count(source, |one| one.gone.is_some())),
    ),
    (
        "forgekeep_repositories_damaged",
        "Repositories that were damaged when they were last verified.",
        |source| Some(count(source, |one| !one.damage.is_empty())),
    ),
    (
        "forgekeep_repositories_never_verified",
        "Repositories in the backup that were never verified.",
        |source| {
            Some(count(source, |one| {
                one.size.is_some() && one.verified.is_none()
            }))
        },
    ),
    (
        "forgekeep_oldest_verification_timestamp_seconds",
        "When that repository was verified of which it is longest ago, in unixtime; 0 if none was.",
        |source| {
            let verified = source.repositories.iter().filter_map(|one| one.verified);
            Some(time(verified.min()))
        },
    ),
    (
        "forgekeep_stored_bytes",
        "Bytes that the source's repositories take in the backup.",
        |source| {
            let sizes = source.repositories.iter().filter_map(|one| one.size);
            Some(float(sizes.fold(0, u64::saturating_add)))
        },
    ),
    (
        "forgekeep_snapshots",
        "Snapshots of the source's repositories.",
        |source| {
            let snapshots = source.repositories.iter().filter_map(|one| one.snapshots);
            Some(number(snapshots.fold(0, usize::saturating_add)))
        },
    ),
];

/// The text for a run that has ended, of a backup folder by its name. Without a status, since the folder
/// cannot be read, only what is known of the run.
pub fn render(folder: &str, run: RunEnd, status: Option<&Status>) -> String {
    let mut text = String::new();
    let labels = format!("backup_folder=\"{}\"", escaped(folder));
    let took = run.finished.duration_since(run.started).as_secs_f64();
    for (name, help, value) in [
        (
            "forgekeep_last_run_timestamp_seconds",
            "When the last run ended, in unixtime, whatever came of it.",
            time(Some(run.finished)),
        ),
        (
            "forgekeep_last_run_duration_seconds",
            "How long the last run took.",
            took.max(0.0),
        ),
        (
            "forgekeep_last_run_exit_code",
            "Exit code of the last run.",
            f64::from(run.exit_code.code()),
        ),
    ] {
        family(&mut text, name, help, [(labels.clone(), value)]);
    }
    let Some(status) = status else {
        return text;
    };
    for (name, help, of) in OF_FOLDER {
        let series = of(status).map(|value| (labels.clone(), value));
        family(&mut text, name, help, series);
    }
    let sources = status
        .sources
        .iter()
        .filter(|source| source.max_age.is_some());
    for (name, help, of) in OF_SOURCE {
        let series = sources.clone().filter_map(|source| {
            let title = escaped(source.title.raw());
            Some((format!("{labels},source=\"{title}\""), of(source)?))
        });
        family(&mut text, name, help, series);
    }
    text
}

/// A gauge with all its series; nothing where it has none.
fn family(
    text: &mut String,
    name: &str,
    help: &str,
    series: impl IntoIterator<Item = (String, f64)>,
) {
    for (index, (labels, value)) in series.into_iter().enumerate() {
        // Text takes whatever is written to it.
        if index == 0 {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        }
        let _ = writeln!(text, "{name}{{{labels}}} {value}");
    }
}

/// A label's value as the format has it.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\");
    value.replace('"', "\\\"").replace('\n', "\\n")
}

fn count(source: &SourceStatus, is_so: impl Fn(&RepositoryStatus) -> bool) -> f64 {
    number(source.repositories.iter().filter(|one| is_so(one)).count())
}

fn time(time: Option<Timestamp>) -> f64 {
    time.map_or(0.0, |time| seconds(time.as_second()))
}

/// Above 2^53 the last digits are lost, which is no matter to a gauge.
#[allow(clippy::cast_precision_loss)]
fn seconds(seconds: i64) -> f64 {
    seconds as f64
}

#[allow(clippy::cast_precision_loss)]
fn float(number: u64) -> f64 {
    number as f64
}

fn number(number: usize) -> f64 {
    float(u64::try_from(number).unwrap_or(u64::MAX))
}
