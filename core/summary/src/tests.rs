use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_store::report::RepositoryReport;
use jiff::{SignedDuration, Timestamp};

use forgekeep_terminal_text::plain;

use super::*;

/// Without colour, and not on a terminal.
fn said(report: &Report) -> String {
    plain(&of_run(report, None)).into_owned()
}

fn repository(name: &str, outcome: RepositoryOutcome) -> RepositoryReport {
    let mut report = RepositoryReport::new(name, name, name);
    report.outcome = outcome;
    report.bytes_received = 1024;
    report.seconds = 40.0;
    report
}

fn failed(name: &str, message: &str) -> RepositoryReport {
    let failure = Failure::new(ErrorKind::Network, message).with_hint("run again later");
    repository(name, RepositoryOutcome::Failed).failed(failure)
}

fn source(title: &str, repositories: Vec<RepositoryReport>) -> SourceReport {
    let mut source = SourceReport::listed(title, "bitbucket", repositories.len(), Vec::new());
    source.repositories = repositories;
    source.conclude();
    source
}

/// A run of 90 seconds.
fn report(sources: Vec<SourceReport>) -> Report {
    let mut report = Report::conclude(Timestamp::UNIX_EPOCH, false, sources);
    report.finished = report.started + SignedDuration::from_secs(90);
    report
}

#[test]
fn columns_are_aligned_whatever_script_a_title_is_in() {
    use RepositoryOutcome::{Cloned, Unchanged};
    let many = (0..12).map(|n| repository(&format!("a/{n}"), Unchanged));
    let many = many.chain([repository("a/new", Cloned)]).collect();
    let gone =
        Failure::new(ErrorKind::Credentials, "the token is refused").with_hint("get another");
    let sources = vec![
        source("倉庫", many),
        source("acme", vec![repository("acme/web", Cloned)]),
        SourceReport::failed("gone", "bitbucket", gone),
    ];
    let shown = said(&report(sources));
    assert_eq!(
        shown,
        "\
source  result  cloned  unchanged   received        work
倉庫    ok           1         12  13.00 KiB  8 min 40 s
acme    ok           1          -   1.00 KiB      40.0 s
gone    failed       -          -          -           -

What failed:
  gone: the token is refused
    hint: get another

Not everything is backed up: 14 repositories done, 1 source failed; 14.00 KiB received, 1 min 30 s.
"
    );
}

#[test]
fn what_failed_is_grouped_and_there_is_an_end_to_it() {
    let alike = (0..30).map(|n| failed(&format!("acme/a{n}"), "not tried"));
    let unlike = (0..30).map(|n| failed(&format!("acme/b{n}"), &format!("cut at {n}")));
    let all = source("acme", alike.chain(unlike).collect());
    let shown = said(&report(vec![all]));
    let lines: Vec<_> = shown.lines().skip(3).collect();
    assert_eq!(
        lines[..3],
        [
            "What failed:",
            "  acme/a0, acme/a1, acme/a2 and 27 more: not tried",
            "  acme/b0: cut at 0",
        ]
    );
    assert_eq!(lines[21], "    hint: run again later");
    assert!(
        lines[22].starts_with("  … and 11 more: see the report"),
        "{shown}"
    );
    assert_eq!(lines.len(), 25, "{shown}");
    assert_eq!(shown.matches("hint: ").count(), 1, "{shown}");
}

#[test]
fn nothing_is_called_good_that_is_not() {
    use RepositoryOutcome::Cloned;
    let good = || vec![source("acme", vec![repository("acme/web", Cloned)])];
    assert!(said(&report(good())).contains("All good: 1 repository backed up"));
    let mut unkept = report(good());
    unkept.add_error(Failure::new(ErrorKind::Disk, "the report is not kept"));
    let mut short = good();
    short[0].error = Some(Failure::new(
        ErrorKind::Shortfall,
        "the listing falls short",
    ));
    short[0].conclude();
    for (report, says, ending) in [
        (
            unkept,
            "the report is not kept",
            "Backup complete, with an error: ",
        ),
        (report(short), "falls short", "Backup incomplete: "),
    ] {
        let shown = said(&report);
        assert!(!shown.contains("All good"), "{shown}");
        assert!(shown.contains(says) && shown.contains(ending), "{shown}");
    }
}

#[test]
fn times_are_for_people() {
    let shown = [0.04, 59.94, 59.96, 3599.7, 7500.0].map(duration);
    assert_eq!(
        shown,
        ["0.0 s", "59.9 s", "1 min 0 s", "1 h 0 min", "2 h 5 min"]
    );
}

#[test]
fn a_partial_repository_is_named_with_its_part_and_counts_as_backed_up() {
    let failure = Failure::new(ErrorKind::Network, "wiki: no answer").with_hint("run again later");
    let web = repository("acme/web", RepositoryOutcome::Cloned).without_part(failure);
    let api = repository("acme/api", RepositoryOutcome::Cloned);
    let report = report(vec![source("acme", vec![web, api])]);
    assert_eq!(report.exit_code.code(), 3);
    assert_eq!(
        said(&report),
        "\
source  result   cloned  partial  received        work
acme    partial       1        1  2.00 KiB  1 min 20 s

What failed:
  acme/web: wiki: no answer
    hint: run again later

Not everything is backed up: 2 repositories done, 1 of them only in part; 2.00 KiB received, 1 min 30 s.
"
    );
}

#[test]
fn warnings_are_in_the_summary_once_for_each_cause() {
    let converted = Finding::warning("the refs were taken over from reftable");
    let mut all = Vec::new();
    for name in ["acme/api", "acme/web"] {
        let mut entry = repository(name, RepositoryOutcome::Updated);
        entry.warnings.push(converted.clone());
        all.push(entry);
    }
    let report = report(vec![source("acme", all)]);
    assert!(report.has_warning());
    assert_eq!(report.exit_code.code(), 0);
    let shown = said(&report);
    let wanted = "\nWarnings:\n  acme/api, acme/web: the refs were taken over from reftable\n\nBackup complete, with warnings: 2 repositories";
    assert!(shown.contains(wanted), "{shown}");
}

#[test]
fn an_interruption_is_told_in_one_line() {
    use RepositoryOutcome::Cloned;
    let not_done = |name: &str| {
        let blank = RepositoryReport::new(name, name, name);
        blank.failed(Failure::cancelled()).interrupted()
    };
    let wiki = Failure::cancelled().while_doing("wiki");
    let mut all = vec![
        repository("acme/web", Cloned),
        repository("acme/api", Cloned).without_part(wiki),
        failed("acme/old", "the server is gone"),
    ];
    all.extend((0..40).map(|n| not_done(&format!("acme/{n}"))));
    let unlisted = SourceReport::failed("other", "github", Failure::cancelled());
    let mut report = Report::conclude(
        Timestamp::UNIX_EPOCH,
        true,
        vec![source("acme", all), unlisted],
    );
    report.finished = report.started;
    assert_eq!(report.exit_code.code(), 130);
    assert_eq!(report.sources[0].outcome, SourceOutcome::Partial);
    let shown = said(&report);
    assert_eq!(
        shown,
        "\
source  result      cloned  partial  failed  not done  received       work
acme    partial          1        1       1        40  3.00 KiB  2 min 0 s
other   not listed       -        -       -         -         -          -

What failed:
  acme: acme/old: the server is gone
    hint: run again later

Interrupted: 2 repositories backed up before, 40 repositories not done, 1 source not listed, 1 repository failed, 1 repository only in part; run again for the rest.
"
    );
}

#[test]
fn a_source_that_was_cut_short_is_not_said_to_have_failed() {
    let blank = RepositoryReport::new("web", "acme/web", "acme/web");
    let cut = blank.failed(Failure::cancelled()).interrupted();
    let sources = vec![source("acme", vec![cut])];
    let report = Report::conclude(Timestamp::UNIX_EPOCH, true, sources);
    let shown = said(&report);
    assert!(shown.contains("\nacme    not done "), "{shown}");
    assert!(!shown.contains("failed"), "{shown}");
}

#[test]
fn on_a_narrow_terminal_a_title_is_shortened_and_numbers_stay() {
    use RepositoryOutcome::Cloned;
    let title = "a-source-with-a-very-long-title-of-its-own";
    let all = vec![source(title, vec![repository("acme/web", Cloned)])];
    let report = report(all);
    let narrow = of_run(&report, Some(60));
    let first: Vec<_> = narrow.lines().take(2).map(|line| plain(line)).collect();
    assert_eq!(
        first,
        [
            "source                      result  cloned  received    work",
            "a-source-with…e-of-its-own  ok           1  1.00 KiB  40.0 s",
        ]
    );
    assert!(said(&report).contains(title));
}
