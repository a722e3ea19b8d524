//! The reports of earlier runs, in the backup folder, and the order of runs: by their number, since
//! a clock may be wrong.

mod file;
mod index;
mod mark;
mod postponed;
mod run;
mod seen;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_failure::{Failure, Severity};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::{Timestamp, ToSpan};
use serde::de::IgnoredAny;

use crate::layout::{self, OWN_FOLDER, RUNS, StateFile};
use crate::report::Report;

pub use file::{Unread, read as read_report};
pub use index::path as index_path;
pub use mark::{Died, UnderWay, number as number_of_mark};
pub use postponed::postponed;
pub use run::{Run, amend, set_aside};
pub use seen::Seen;

/// How many reports are kept.
pub const KEPT: usize = 100;

/// What a report's name looks like: `d` stands for a digit. It has no colon, which not every file
/// system takes.
const PATTERN: &[u8] = b"dddd-dd-ddTdd-dd-dd.dddZ.json";

/// The state files that runs are to notice the loss of.
const NOTICED: [StateFile; 2] = [layout::LISTINGS, layout::VERIFIED];

/// Where the reports are.
pub fn folder(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(RUNS)
}

/// Whether a file's name is that of a report.
pub fn is_report(name: &str) -> bool {
    name.len() == PATTERN.len()
        && name
            .bytes()
            .zip(PATTERN)
            .all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == *wanted,
            })
}

/// The names in the folder, the last first. A folder that is not there holds none.
pub fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::disk("read", folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::disk("read", folder, &error))?;
        names.push(Untrusted::of_path(entry.file_name()).into_raw());
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// The names in the folder, the newest report first: by the number of its run, and those of version
/// 0.1, which have none, after the others and by time. What is no report comes where it comes.
pub fn newest_first(local_folder: &Path) -> Result<Vec<String>, Failure> {
    let folder = folder(local_folder);
    let known = index::read(local_folder).ok().flatten();
    let known = known.into_iter().flat_map(|known| known.reports);
    let mut known: HashMap<String, Option<u64>> =
        known.map(|listed| (listed.file, listed.run)).collect();
    let mut all: Vec<(Option<u64>, String)> = Vec::new();
    for name in names(&folder)? {
        let run = match known.remove(&name) {
            Some(run) => run,
            None if is_report(&name) => {
                let text = file::read(&folder.join(&name)).ok().flatten();
                text.and_then(|text| file::number(&text))
            }
            None => None,
        };
        all.push((run, name));
    }
    all.sort_by(|a, b| b.cmp(a));
    Ok(all.into_iter().map(|(_, name)| name).collect())
}

/// The runs that have begun and left no report, and are not under way; the last first.
pub fn died(local_folder: &Path) -> Result<Vec<Died>, Failure> {
    let folder = folder(local_folder);
    let names = names(&folder)?;
    let mut marks: Vec<u64> = names.iter().filter_map(|name| mark::number(name)).collect();
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    for name in names.iter().filter(|name| is_report(name)) {
        let text = file::read(&folder.join(name)).ok().flatten();
        let run = text.and_then(|text| file::number(&text));
        marks.retain(|mark| Some(*mark) != run);
    }
    marks.sort_unstable_by(|a, b| b.cmp(a));
    Ok(marks
        .into_iter()
        .filter_map(|number| mark::read(&folder, number))
        .collect())
}

/// The run that is under way, if its mark can be read and its lock be seen.
pub fn under_way(local_folder: &Path) -> Result<Option<UnderWay>, Failure> {
    let folder = folder(local_folder);
    let names = names(&folder)?;
    let marks = names.iter().filter_map(|name| mark::number(name));
    let mut all: Vec<_> = marks
        .filter_map(|number| mark::under_way(&folder, number))
        .collect();
    all.sort_unstable_by_key(|run| run.run);
    Ok(all.pop())
}

/// How many repositories each source listed in the newest report that has a whole listing of it, by
/// its title.
pub fn listed(local_folder: &Path) -> BTreeMap<Printable, (u64, Timestamp)> {
    let mut all = BTreeMap::new();
    let folder = folder(local_folder);
    for name in newest_first(local_folder).unwrap_or_default() {
        let text = file::read(&folder.join(&name)).ok().flatten();
        let Some(kept) = text
            .filter(|_| is_report(&name))
            .and_then(|text| serde_json::from_str::<Report<IgnoredAny>>(&text).ok())
        else {
            continue;
        };
        for source in kept.sources {
            let notes = source.notes.iter();
            let doubtful = notes
                .map(|note| note.severity)
                .any(|s| s == Severity::Error);
            let is_partial = source.owners.iter().any(|owner| owner.error.is_some());
            if source.error.is_none() && !doubtful && !is_partial {
                let listed = u64::try_from(source.listed).unwrap_or(u64::MAX);
                let found = (listed, kept.started);
                all.entry(source.title).or_insert(found);
            }
        }
    }
    all
}

/// The path for a report. A clock that was set back may give a time twice; a report that is kept
/// is never overwritten.
fn free_path(folder: &Path, started: Timestamp) -> PathBuf {
    let mut time = started;
    loop {
        let path = folder.join(time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ.json").to_string());
        match time.checked_add(1.millisecond()) {
            Ok(next) if path.symlink_metadata().is_ok() => time = next,
            _ => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use forgekeep_failure::{ErrorKind, ExitCode, Failure};
    use forgekeep_untrusted::Redactor;

    use super::*;

    fn report(started: &str) -> Report {
        let failure = Failure::new(ErrorKind::Other, "x");
        Report::refused(started.parse().unwrap(), ExitCode::Unexpected, failure)
    }

    fn keep(folder: &Path, report: &Report, secrets: &Redactor) -> Result<(), Failure> {
        let mut report = report.clone();
        Run::begin(folder, report.started).keep(&mut report, secrets)
    }

    fn kept(folder: &Path) -> Vec<String> {
        names(&super::folder(folder)).unwrap()
    }

    #[test]
    fn a_report_is_named_by_its_start_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let report = report("2026-11-22T17:05:33.1239Z");
        keep(folder.path(), &report, &Redactor::default()).unwrap();
        keep(folder.path(), &report, &Redactor::default()).unwrap();
        assert_eq!(
            kept(folder.path()),
            [
                "2026-11-22T17-05-33.124Z.json",
                "2026-11-22T17-05-33.123Z.json"
            ]
        );
    }

    #[test]
    fn a_report_that_was_amended_is_no_damaged_one() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Redactor::default();
        let mut first = report("2026-11-22T17:05:33.1Z");
        Run::begin(folder.path(), first.started)
            .keep(&mut first, &secrets)
            .unwrap();
        first
            .warnings
            .push(forgekeep_failure::Finding::warning("nobody was told"));
        amend(folder.path(), &mut first, &secrets).unwrap();
        let next = Run::begin(folder.path(), Timestamp::now());
        assert_eq!(next.found, Vec::new());
        let path = first.file.clone().unwrap();
        let text = read_report(&path).unwrap().unwrap();
        assert!(text.contains("nobody was told"), "{text}");
        // One that is gone is not made anew.
        fs::remove_file(&path).unwrap();
        amend(folder.path(), &mut first, &secrets).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn the_newest_are_kept_and_nothing_of_others_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let runs = super::folder(folder.path());
        fs::create_dir_all(&runs).unwrap();
        for minute in 0..KEPT + 5 {
            let name = format!(
                "2026-01-01T{:02}-{:02}-00.000Z.json",
                minute / 60,
                minute % 60
            );
            fs::write(runs.join(name), "{}").unwrap();
        }
        fs::write(runs.join("0000-notes.json"), "").unwrap();
        keep(
            folder.path(),
            &report("2026-01-02T00:00:00Z"),
            &Redactor::default(),
        )
        .unwrap();
        let names = kept(folder.path());
        assert_eq!(names.len(), KEPT + 1);
        assert_eq!(names[0], "2026-01-02T00-00-00.000Z.json");
        assert_eq!(names[KEPT - 1], "2026-01-01T00-06-00.000Z.json");
        assert_eq!(names[KEPT], "0000-notes.json");
    }

    #[test]
    fn the_one_just_written_stays_even_if_the_clock_went_back() {
        let folder = tempfile::tempdir().unwrap();
        let runs = super::folder(folder.path());
        fs::create_dir_all(&runs).unwrap();
        for second in 0..KEPT {
            let (minute, second) = (second / 60, second % 60);
            let name = format!("2036-01-01T00-{minute:02}-{second:02}.000Z.json");
            fs::write(runs.join(name), "{}").unwrap();
        }
        keep(
            folder.path(),
            &report("2026-01-02T00:00:00Z"),
            &Redactor::default(),
        )
        .unwrap();
        assert!(kept(folder.path()).contains(&"2026-01-02T00-00-00.000Z.json".to_owned()));
    }

    #[test]
    fn a_report_that_rots_without_a_trace_is_found_in_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let runs = super::folder(folder.path());
        let none = Redactor::default();
        for day in 1..=9 {
            let report = report(&format!("2026-01-0{day}T00:00:00Z"));
            keep(folder.path(), &report, &none).unwrap();
        }
        let name = "2026-01-05T00-00-00.000Z.json";
        let mut text = fs::read(runs.join(name)).unwrap();
        text[20] ^= 1;
        fs::write(runs.join(name), text).unwrap();
        // As if nobody had written to it.
        let mut index = index::read(folder.path()).unwrap().unwrap();
        for listed in &mut index.reports {
            listed.changed = index::Listed::look(&runs, listed.file.clone()).changed;
        }
        index.write(folder.path()).unwrap();
        let report = report("2026-01-10T00:00:00Z");
        let mut told = 0;
        for _ in 0..9 {
            let run = Run::begin(folder.path(), report.started);
            told += run
                .found
                .iter()
                .filter(|f| f.message.contains(name))
                .count();
            run.keep(&mut report.clone(), &none).unwrap();
        }
        assert_eq!(told, 1);
        assert!(runs.join(format!("{name}.damaged")).exists());
    }

    #[test]
    fn only_our_names_are_reports() {
        assert!(is_report("2026-11-22T17-05-33.123Z.json"));
        for name in [
            "",
            "report.json",
            "2026-11-22T17-05-33.123Z.json.lock",
            "2026-11-22T17:05:33.123Z.json",
            "2026-11-22T17-05-33.12xZ.json",
        ] {
            assert!(!is_report(name), "{name}");
        }
    }
}
