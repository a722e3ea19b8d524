//! The reports of earlier runs, in the backup folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan};

use crate::lock::OWN_FOLDER;
use crate::redact::Redactor;
use crate::report::Report;
use crate::{ErrorKind, Failure, atomic_file, regular_file};

/// Folder in [`OWN_FOLDER`] with a report for each run.
const RUNS: &str = "runs";

/// How many reports are kept.
const KEPT: usize = 100;

/// What a report's name looks like: `d` stands for a digit. It sorts by time, and has no colon,
/// which not every file system takes.
const PATTERN: &[u8] = b"dddd-dd-ddTdd-dd-dd.dddZ.json";

/// Keeps a run's report, and removes the oldest if there are too many.
pub(crate) fn keep(
    local_folder: &Path,
    report: &Report,
    secrets: &Redactor,
) -> Result<(), Failure> {
    let folder = folder(local_folder);
    regular_file::make_folder(&folder)?;
    let text = serde_json::to_string(report).map_err(|error| {
        Failure::new(
            ErrorKind::Other,
            format!("the report cannot be written: {error}"),
        )
    })?;
    let text = secrets.clean_json(&text).into_owned() + "\n";
    let path = free_path(&folder, report.started);
    atomic_file::replace(&path, text.as_bytes())?;
    // Too many reports are no harm; that this one is kept is what counts.
    if let Err(failure) = remove_old(&folder, &path) {
        log::warn!("{failure}");
    }
    Ok(())
}

/// Where the reports are.
pub(crate) fn folder(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(RUNS)
}

/// Whether a file's name is that of a report.
pub(crate) fn is_report(name: &str) -> bool {
    name.len() == PATTERN.len()
        && name
            .bytes()
            .zip(PATTERN)
            .all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                _ => byte == *wanted,
            })
}

/// The names in the folder, the newest report first. A folder that is not there holds none.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::disk("read", folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::disk("read", folder, &error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// When the run before began, as its report says; `None` if there is none that can be read.
pub(crate) fn previous(local_folder: &Path) -> Option<Timestamp> {
    #[derive(serde::Deserialize)]
    struct Started {
        started: Timestamp,
    }
    let folder = folder(local_folder);
    let reports = names(&folder).ok()?;
    reports
        .iter()
        .filter(|name| is_report(name))
        .find_map(|name| {
            let text = regular_file::read(&folder.join(name)).ok()?;
            serde_json::from_slice::<Started>(&text).ok()
        })
        .map(|report| report.started)
}

/// The path for a report. A clock that was set back may give a time twice; a report that is kept
/// is never overwritten.
fn free_path(folder: &Path, started: Timestamp) -> PathBuf {
    let mut time = started;
    loop {
        let path = folder.join(time.strftime("%Y-%m-%dT%H-%M-%S%.3fZ.json").to_string());
        match time.checked_add(1.millisecond()) {
            Ok(next) if path.exists() => time = next,
            _ => return path,
        }
    }
}

fn remove_old(folder: &Path, written: &Path) -> Result<(), Failure> {
    let all = names(folder)?;
    // Half a report, of a run that was killed while it wrote it.
    for name in &all {
        if let Some(report) = atomic_file::half_written(name).filter(|name| is_report(name)) {
            atomic_file::remove_leftovers(&folder.join(report));
        }
    }
    let reports = all.into_iter().filter(|name| is_report(name));
    for name in reports.skip(KEPT) {
        let path = folder.join(name);
        // With a clock that was set back, the one just written may seem the oldest.
        if path == written {
            continue;
        }
        fs::remove_file(&path).map_err(|error| Failure::disk("remove", &path, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(started: &str) -> Report {
        let failure = Failure::new(ErrorKind::Other, "x");
        Report::refused(started.parse().unwrap(), 1, failure)
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
            fs::write(runs.join(name), "").unwrap();
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
            fs::write(runs.join(name), "").unwrap();
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
