use std::fs;

use forgekeep_failure::ExitCode;
use forgekeep_store::history::Run;
use forgekeep_store::report::{RepositoryOutcome, SourceReport};
use forgekeep_untrusted::Redactor;

use super::*;

fn report(started: &str, outcomes: &[RepositoryOutcome]) -> Report {
    let started: Timestamp = started.parse().unwrap();
    let mut source = SourceReport::listed("acme", "bitbucket", outcomes.len(), Vec::new());
    for (number, outcome) in outcomes.iter().enumerate() {
        let mut one = RepositoryReport::new(
            format!("{number}"),
            format!("acme/{number}"),
            format!("acme/acme#{number}"),
        );
        one.outcome = *outcome;
        one.bytes_received = 100;
        one.seconds = 0.5;
        source.repositories.push(one);
    }
    source.conclude();
    let mut report = Report::conclude(started, false, vec![source]);
    report.finished = started + jiff::SignedDuration::from_secs(10);
    report
}

fn keep(folder: &Path, mut report: Report) {
    let run = Run::begin(folder, report.started);
    run.keep(&mut report, &Redactor::default()).unwrap();
}

fn sizes(bytes: u64) -> Sizes {
    Sizes::from([("acme".into(), bytes)])
}

fn only(folder: &Path) -> Vec<Day> {
    let now = "2026-11-30T12:00:00Z".parse().unwrap();
    let (days, unreadable) = read(folder, now).unwrap();
    assert_eq!(unreadable.len(), 0, "{unreadable:?}");
    days.into_values().collect()
}

use RepositoryOutcome::{Cloned, Failed, Unchanged};

#[test]
fn each_run_is_counted_once_however_often_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keep(folder, report("2026-11-28T01:00:00Z", &[Cloned, Cloned]));
    update(folder, &sizes(1000)).unwrap();
    update(folder, &sizes(1000)).unwrap();
    keep(folder, report("2026-11-28T09:00:00Z", &[Unchanged, Failed]));
    keep(folder, report("2026-11-29T01:00:00Z", &[Failed]));
    // Whoever reads before that was counted sees it.
    assert_eq!(only(folder).len(), 2);
    update(folder, &sizes(2000)).unwrap();
    let days = only(folder);
    assert_eq!((days[0].runs, days[0].seconds), (2, 20.0));
    let first = &days[0].sources[0];
    assert_eq!((first.good, first.partial, first.failed), (1, 1, 0));
    assert_eq!((first.listed, first.backed_up, first.bytes), (2, 1, 400));
    assert_eq!((first.seconds, first.size), (2.0, Some(1000)));
    let second = &days[1].sources[0];
    assert_eq!((second.failed, second.size), (1, Some(2000)));
    // Old reports go, the days stay.
    fs::remove_dir_all(history::folder(folder)).unwrap();
    keep(folder, report("2026-11-30T01:00:00Z", &[Unchanged]));
    update(folder, &sizes(2000)).unwrap();
    assert_eq!(only(folder).len(), 3);
    let runs: u64 = only(folder).iter().map(|day| day.runs).sum();
    assert_eq!(runs, 4);
}

#[test]
fn a_year_that_is_missing_or_damaged_is_made_from_the_reports() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keep(folder, report("2025-12-31T23:00:00Z", &[Cloned]));
    keep(folder, report("2026-01-01T01:00:00Z", &[Unchanged]));
    assert_eq!(update(folder, &Sizes::new()).unwrap(), Vec::new());
    let before = only(folder);
    assert_eq!(before.len(), 2);
    fs::remove_file(path(folder, 2025)).unwrap();
    fs::write(path(folder, 2026), "{").unwrap();
    // Told, and the same days all the same.
    let (days, unreadable) = read(folder, "2026-02-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(unreadable.len(), 1);
    assert_eq!(days.into_values().collect::<Vec<_>>(), before);
    let findings = update(folder, &Sizes::new()).unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(path(folder, 2026).with_extension("json.damaged").exists());
    assert_eq!(only(folder), before);
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    keep(folder, report("2026-01-01T01:00:00Z", &[Cloned]));
    fs::create_dir(folder.join(OWN_FOLDER).join(DAYS)).unwrap();
    let newer = serde_json::json!({"format": 2});
    sealed::write(&path(folder, 2026), &newer).unwrap();
    let before = fs::read(path(folder, 2026)).unwrap();
    update(folder, &Sizes::new()).unwrap_err();
    assert_eq!(fs::read(path(folder, 2026)).unwrap(), before);
}

#[test]
fn a_run_that_was_refused_counts_as_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let failure = Failure::new(forgekeep_failure::ErrorKind::Disk, "x");
    let started = "2026-01-01T01:00:00Z".parse().unwrap();
    keep(
        folder,
        Report::refused(started, ExitCode::Unexpected, failure),
    );
    update(folder, &Sizes::new()).unwrap();
    let days = only(folder);
    assert_eq!((days[0].runs, days[0].sources.len()), (1, 0));
}
