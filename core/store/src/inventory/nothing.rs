//! Why there is nothing in a backup folder: an empty answer must not pass for a sound one.

use std::collections::HashSet;
use std::path::Path;
use std::{fs, io};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Printable;
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use super::{Kept, read};
use crate::history;
use crate::layout::{CONFIGURATIONS, OWN_FOLDER};
use crate::report::{Brief, Report, SourceOutcome};

/// What to do where a backup may be elsewhere.
const FIRST_OR_ELSEWHERE: &str = "run `forgekeep backup`; if there should be a backup, check \
whether the disk is mounted and the folder is the right one";

/// Everything that is kept in a backup folder in which there is a backup, by name.
///
/// # Errors
///
/// As [`absence`] and [`read`].
pub fn read_backup(local_folder: &Path) -> Result<Vec<Kept>, Failure> {
    let all = match fs::metadata(local_folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        _ => read(local_folder)?,
    };
    match absence(local_folder, all.is_empty()) {
        Some(failure) => Err(failure),
        None => Ok(all),
    }
}

/// Why there is no backup in a folder, where `holds_none` says whether nothing is kept in it. `None` if there is one, be
/// it of a hoster without repositories.
///
/// [`ErrorKind::NotFound`] if there has been none yet; [`ErrorKind::Damaged`] if nothing is left of
/// what there was, or if that cannot be told.
pub fn absence(local_folder: &Path, holds_none: bool) -> Option<Failure> {
    if !holds_none {
        return None;
    }
    let folder = local_folder.shown();
    let none_yet = |why: &str| {
        let message = format!("there is no backup yet in {folder}{why}");
        Failure::new(ErrorKind::NotFound, message)
    };
    if !local_folder.exists() {
        let failure = none_yet(": the folder does not exist");
        return Some(failure.with_hint(FIRST_OR_ELSEWHERE));
    }
    match past(local_folder) {
        Past::Made => None,
        Past::Lost(number) => {
            let noun = if number == 1 {
                "repository"
            } else {
                "repositories"
            };
            let message = format!(
                "{folder} holds no repository, and its reports know of {number} {noun} in it"
            );
            Some(Failure::new(ErrorKind::Damaged, message).with_hint(
                "check whether the disk is mounted and the folder is the right one; if so, \
                restore it from a copy, or run `forgekeep backup` to clone everything again, \
                without its history",
            ))
        }
        Past::Unknown => {
            let message =
                format!("{folder} holds no repository, and the reports of its runs cannot be read");
            Some(Failure::new(ErrorKind::Damaged, message).with_hint(
                "run `forgekeep verify` to see what is wrong with them; if there should be a \
                backup, check whether the folder is the right one",
            ))
        }
        Past::Failed(time) => {
            let time = time.round(jiff::Unit::Second).unwrap_or(time);
            let failure = none_yet(&format!(": the last run, of {time}, backed up nothing"));
            Some(failure.with_hint(
                "run `forgekeep status` to see what was wrong, then `forgekeep backup` again",
            ))
        }
        Past::Died => Some(none_yet(": no run has finished").with_hint(
            "run `forgekeep backup` again; `forgekeep status` shows the runs that died",
        )),
        Past::None if is_foreign(local_folder) => {
            let failure = none_yet(
                ": the content of this folder was made by neither Forgekeep nor SCM \
                Backup",
            );
            Some(failure.with_hint(FIRST_OR_ELSEWHERE))
        }
        Past::None => Some(none_yet("").with_hint(FIRST_OR_ELSEWHERE)),
    }
}

/// What the runs of a folder without repositories have come to.
enum Past {
    /// There were none.
    None,
    /// Some have begun, none has ended.
    Died,
    /// None has backed up a source; when the last one began.
    Failed(Timestamp),
    /// A source was backed up, and there was nothing in it.
    Made,
    /// This many repositories were backed up, and not removed since.
    Lost(usize),
    /// The reports cannot be read.
    Unknown,
}

fn past(local_folder: &Path) -> Past {
    let folder = history::folder(local_folder);
    let Ok(names) = history::newest_first(local_folder) else {
        return Past::Unknown;
    };
    let (mut last, mut made, mut unread, mut lost) = (None, false, false, 0);
    let mut doubtful = false;
    // What a newer report says of a repository counts.
    let mut known: HashSet<Printable> = HashSet::new();
    for name in names.iter().filter(|name| history::is_report(name)) {
        let text = history::read_report(&folder.join(name));
        let text = match text {
            Ok(Some(text)) => text,
            Ok(None) => continue,
            Err(_) => {
                unread = true;
                continue;
            }
        };
        let Ok(report) = serde_json::from_str::<Report<Brief>>(&text) else {
            unread = true;
            continue;
        };
        last.get_or_insert(report.started);
        let mut gone = Vec::new();
        for source in report.sources {
            made |= source.outcome == SourceOutcome::Ok;
            for repository in source.repositories {
                match repository.outcome.is_good() {
                    Some(true) => lost += usize::from(known.insert(repository.id)),
                    Some(false) => {}
                    // A newer version knows whether it was backed up; this one does not.
                    None => doubtful |= known.insert(repository.id),
                }
            }
            gone.extend(source.gone);
        }
        // It may be gone from one source and backed up for another.
        for repository in gone {
            if known.insert(repository.id) && !repository.removed {
                lost += 1;
            }
        }
    }
    match (lost, made, last) {
        (1.., ..) => Past::Lost(lost),
        (0, ..) if doubtful => Past::Unknown,
        (0, true, _) => Past::Made,
        (0, false, _) if unread => Past::Unknown,
        (0, false, Some(last)) => Past::Failed(last),
        (0, false, None) if history::died(local_folder).is_ok_and(|died| !died.is_empty()) => {
            Past::Died
        }
        (0, false, None) => Past::None,
    }
}

/// Whether there is anything that is not Forgekeep's own.
fn is_foreign(local_folder: &Path) -> bool {
    let entries = fs::read_dir(local_folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| name != OWN_FOLDER && name != CONFIGURATIONS && name != "lost+found")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id": "1", "name": "a/b", "path": "a/a#b", "outcome": "cloned"}"#;

    /// A backup folder with reports, the oldest first, each with one source.
    fn folder(sources: &[(&str, &str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let runs = history::folder(folder.path());
        fs::create_dir_all(&runs).unwrap();
        for (number, (outcome, repositories, gone)) in sources.iter().enumerate() {
            let name = format!("2026-01-0{}T00-00-00.000Z.json", number + 1);
            let text = format!(
                r#"{{"schema": 1, "started": "2026-01-01T00:00:00Z",
                    "finished": "2026-01-01T00:00:00Z", "outcome": "{outcome}", "exitCode": 0,
                    "sources": [{{"title": "a", "listed": 0,
                    "outcome": "{outcome}", "repositories": [{repositories}], "gone": [{gone}]
                }}]}}"#
            );
            fs::write(runs.join(name), text).unwrap();
        }
        folder
    }

    #[track_caller]
    fn assert_kind(folder: &tempfile::TempDir, kind: Option<ErrorKind>, says: &str) {
        let absence = absence(folder.path(), true);
        assert_eq!(
            absence.as_ref().map(|failure| failure.kind),
            kind,
            "{absence:?}"
        );
        if let Some(failure) = absence {
            assert!(failure.message.contains(says), "{failure}");
            assert!(!failure.hint.is_empty());
        }
    }

    #[test]
    fn what_the_reports_know_tells_nothing_yet_from_nothing_left() {
        use ErrorKind::{Damaged, NotFound};

        let gone = |removed: bool| {
            format!(
                r#"{{"id": "1", "name": "a/b", "path": "a/a#b", "since": "2026-01-01T00:00:00Z",
                    "state": "missing", "removed": {removed}}}"#
            )
        };
        let failed = r#"{"id": "1", "name": "a/b", "path": "a/a#b", "outcome": "failed"}"#;
        assert_kind(&folder(&[]), Some(NotFound), "no backup yet");
        let both_failed = [("failed", failed, ""), ("failed", "", "")];
        assert_kind(&folder(&both_failed), Some(NotFound), "backed up nothing");
        assert_kind(&folder(&[("ok", "", "")]), None, "");
        assert_kind(&folder(&[("ok", "", ""), ("failed", "", "")]), None, "");
        let lost = [("ok", GOOD, ""), ("failed", failed, "")];
        assert_kind(&folder(&lost), Some(Damaged), "1 repository in it");
        // What was removed is not missed; what is only gone at the hoster is.
        let (removed, kept) = (gone(true), gone(false));
        let removed = [("ok", GOOD, ""), ("ok", "", removed.as_str())];
        assert_kind(&folder(&removed), None, "");
        let kept = [("ok", GOOD, ""), ("ok", "", kept.as_str())];
        assert_kind(&folder(&kept), Some(Damaged), "1 repository in it");
        // An outcome of a newer version may be that of a repository that is lost.
        let newer = failed.replace("failed", "mirrored");
        let newer = [("ok", newer.as_str(), "")];
        assert_kind(&folder(&newer), Some(Damaged), "cannot be read");
    }

    #[test]
    fn a_run_that_died_has_made_no_backup() {
        let folder = folder(&[]);
        let mark = history::folder(folder.path()).join("1.begun");
        let text = r#"{"run": 1, "started": "2026-01-01T00:00:00Z", "host": "h", "pid": 1}"#;
        fs::write(mark, text).unwrap();
        assert_kind(&folder, Some(ErrorKind::NotFound), "no run has finished");
    }
}
