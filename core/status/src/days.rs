//! What came of each day's runs, kept for years in a file for each year: `.forgekeep/days/2026.json`.
//!
//! The file says which run it has counted last. Whatever kept report is newer is counted by the next run that
//! gets that far, so a run that was killed before it could do so is made up for; where a year's file is missing
//! or damaged, it is made anew from the reports that are kept. Whoever only reads does the same, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use forgekeep_durable::{regular_file, sealed};
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_store::history;
use forgekeep_store::layout::{DAYS, FORMATS_OF_DAYS, OWN_FOLDER};
use forgekeep_store::report::{self, Report, RepositoryReport, SourceOutcome};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::day::{Day, Days, SourceDay};
use crate::{Sizes, Unreadable, UnreadableKind};

/// A file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Year {
    format: u32,
    /// The run that was counted last, and its report; none before the first.
    counted: Option<u64>,
    newest: String,
    days: Vec<Day>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// As much of a repository's report as is counted.
#[derive(Deserialize)]
#[serde(from = "RepositoryReport")]
struct Measured {
    is_safe: bool,
    bytes: u64,
    seconds: f64,
    has_alert: bool,
}

impl From<RepositoryReport> for Measured {
    fn from(report: RepositoryReport) -> Self {
        Self {
            is_safe: report.is_safe(),
            bytes: report.bytes_received,
            seconds: report.seconds,
            has_alert: report.alert.is_some(),
        }
    }
}

/// The days of this and of the last year, and of whatever the kept reports are about. Writes nothing. A file
/// that cannot be used is named.
///
/// # Errors
///
/// The folder with the reports cannot be read.
pub fn read(local_folder: &Path, now: Timestamp) -> Result<(Days, Vec<Unreadable>), Failure> {
    let this = now.to_zoned(TimeZone::UTC).year();
    let reports = reports(local_folder)?;
    let years: BTreeSet<i16> = reports.keys().copied().chain([this - 1, this]).collect();
    let (mut days, mut unreadable) = (Days::new(), Vec::new());
    for number in years {
        let mut year = Year::read(local_folder, number).unwrap_or_else(|failure| {
            unreadable.push(Unreadable {
                file: path(local_folder, number).shown().into(),
                kind: match failure.kind {
                    ErrorKind::Damaged => UnreadableKind::Damaged,
                    _ => UnreadableKind::Refused,
                },
                why: failure.message,
            });
            Year::default()
        });
        if let Some(names) = reports.get(&number) {
            year.count_new(local_folder, names);
        }
        days.extend(year.days.into_iter().map(|day| (day.day, day)));
    }
    Ok((days, unreadable))
}

/// Counts what the kept reports have of runs that were not counted yet, at the end of a run, which holds the
/// lock. `sizes` are those of now. Returns what there is to say of files that were damaged.
///
/// # Errors
///
/// A file cannot be written, or a newer version wrote it; nothing is lost by it.
pub fn update(local_folder: &Path, sizes: &Sizes) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    let newest = history::newest_first(local_folder)?;
    let newest = newest.into_iter().find(|name| history::is_report(name));
    for (number, names) in reports(local_folder)? {
        let path = path(local_folder, number);
        let mut year = match Year::read(local_folder, number) {
            Ok(year) => year,
            Err(failure) if failure.is_damage() => {
                findings.push(history::set_aside(&path, &failure.message));
                Year::default()
            }
            Err(failure) => return Err(failure),
        };
        let mut has_changed = year.count_new(local_folder, &names);
        if let Some(day) = newest.as_deref().filter(|name| year.newest == **name) {
            has_changed |= year.set_sizes(day_of(day), sizes);
        }
        if has_changed {
            year.format = FORMATS_OF_DAYS.known;
            regular_file::make_folder(&local_folder.join(OWN_FOLDER).join(DAYS))?;
            sealed::write(&path, &year)?;
        }
    }
    Ok(findings)
}

/// The names of the kept reports by year, each year's newest first.
fn reports(local_folder: &Path) -> Result<BTreeMap<i16, Vec<String>>, Failure> {
    let mut all: BTreeMap<i16, Vec<String>> = BTreeMap::new();
    for name in history::newest_first(local_folder)? {
        if history::is_report(&name)
            && let Some(day) = day_of(&name)
        {
            all.entry(day.year()).or_default().push(name);
        }
    }
    Ok(all)
}

/// The day on which a report's run began, by the report's name.
fn day_of(name: &str) -> Option<Date> {
    name.get(..10)?.parse().ok()
}

fn path(local_folder: &Path, year: i16) -> PathBuf {
    let folder = local_folder.join(OWN_FOLDER).join(DAYS);
    folder.join(format!("{year:04}.json"))
}

impl Year {
    fn read(local_folder: &Path, number: i16) -> Result<Self, Failure> {
        let found = sealed::read(&path(local_folder, number), FORMATS_OF_DAYS)?;
        Ok(found.unwrap_or_default())
    }

    /// Counts the reports that are newer than the last one that was. Whether there was any.
    fn count_new(&mut self, local_folder: &Path, newest_first: &[String]) -> bool {
        let folder = history::folder(local_folder);
        let mut new = Vec::new();
        for name in newest_first {
            if *name == self.newest {
                break;
            }
            // One that is damaged or of another schema was never counted, and is told elsewhere.
            let Ok(Some(text)) = history::read_report(&folder.join(name)) else {
                continue;
            };
            let Ok(report) = serde_json::from_str::<Report<Measured>>(&text) else {
                continue;
            };
            if report.schema != report::SCHEMA {
                continue;
            }
            // The name, too: where all of the runs were removed, their numbers begin anew.
            if self.counted.is_some() && report.run <= self.counted && *name <= self.newest {
                break;
            }
            if let Some(day) = day_of(name) {
                new.push((name, report.run, Day::of(day, &report)));
            }
        }
        let is_any = !new.is_empty();
        for (name, run, day) in new.into_iter().rev() {
            // 0 for one without a number: whatever has none is older.
            self.counted = self.counted.max(Some(run.unwrap_or(0)));
            self.newest.clone_from(name);
            match self.days.binary_search_by_key(&day.day, |one| one.day) {
                Ok(at) => self.days[at].add(day),
                Err(at) => self.days.insert(at, day),
            }
        }
        is_any
    }

    fn set_sizes(&mut self, day: Option<Date>, sizes: &Sizes) -> bool {
        let mut has_changed = false;
        let day = self.days.iter_mut().find(|one| Some(one.day) == day);
        for source in day.into_iter().flat_map(|day| &mut day.sources) {
            let size = sizes.get(&source.title).copied();
            if size.is_some() && source.size != size {
                source.size = size;
                has_changed = true;
            }
        }
        has_changed
    }
}

impl Day {
    fn of(day: Date, report: &Report<Measured>) -> Self {
        let seconds = report.finished.duration_since(report.started);
        let mut sources: Vec<SourceDay> = Vec::new();
        for source in &report.sources {
            let one = SourceDay::of(source);
            match sources.binary_search_by(|other| other.title.cmp(&one.title)) {
                Ok(at) => sources[at].add(one),
                Err(at) => sources.insert(at, one),
            }
        }
        Self {
            day,
            runs: 1,
            // Where the clock was set back, nobody knows.
            seconds: rounded(seconds.as_secs_f64()),
            sources,
            more: Map::new(),
        }
    }

    fn add(&mut self, later: Self) {
        self.runs += later.runs;
        self.seconds = rounded(self.seconds + later.seconds);
        for source in later.sources {
            let found = self.sources.iter_mut().find(|s| s.title == source.title);
            match found {
                Some(known) => known.add(source),
                None => self.sources.push(source),
            }
        }
        self.sources.sort_by(|a, b| a.title.cmp(&b.title));
    }
}

impl SourceDay {
    fn of(source: &report::SourceReport<Measured>) -> Self {
        let all = &source.repositories;
        let is = |outcome| u64::from(source.outcome == outcome);
        let of_repositories = all.iter().filter(|one| one.has_alert).count();
        Self {
            title: source.title.clone(),
            good: is(SourceOutcome::Ok),
            partial: is(SourceOutcome::Partial),
            failed: is(SourceOutcome::Failed),
            listed: source.listed as u64,
            backed_up: all.iter().filter(|one| one.is_safe).count() as u64,
            bytes: all.iter().map(|one| one.bytes).sum(),
            seconds: rounded(all.iter().map(|one| one.seconds).sum()),
            size: None,
            alerts: of_repositories as u64 + u64::from(source.alert.is_some()),
            more: Map::new(),
        }
    }

    fn add(&mut self, later: Self) {
        self.good += later.good;
        self.partial += later.partial;
        self.failed += later.failed;
        self.bytes = self.bytes.saturating_add(later.bytes);
        self.seconds = rounded(self.seconds + later.seconds);
        self.alerts += later.alerts;
        // One that could not be listed says nothing of how many there are.
        if later.failed == 0 || later.listed > 0 {
            (self.listed, self.backed_up) = (later.listed, later.backed_up);
        }
        self.size = later.size.or(self.size);
    }
}

/// To the millisecond, and never below nothing.
fn rounded(seconds: f64) -> f64 {
    (seconds.max(0.0) * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
