use super::*;

fn source(error: Option<ErrorKind>, outcomes: &[RepositoryOutcome]) -> SourceReport {
    let mut source = SourceReport::failed("a", "bitbucket", Failure::new(ErrorKind::Other, ""));
    source.error = error.map(|kind| Failure::new(kind, "x"));
    source.repositories = outcomes
        .iter()
        .map(|outcome| {
            let mut repository = RepositoryReport::new("1", "a/b", "a/a#b");
            repository.outcome = *outcome;
            if *outcome == RepositoryOutcome::Failed {
                repository.error = Some(Failure::new(ErrorKind::Git, "x"));
            }
            repository
        })
        .collect();
    source.conclude();
    source
}

fn code(sources: Vec<SourceReport>) -> (RunOutcome, u8) {
    let report = Report::conclude(Timestamp::now(), false, sources);
    (report.outcome, report.exit_code.code())
}

#[test]
fn a_listing_that_falls_short_is_no_success() {
    use RepositoryOutcome::Unchanged;
    let short = |outcomes| source(Some(ErrorKind::Shortfall), outcomes);
    assert_eq!(code(vec![short(&[Unchanged])]), (RunOutcome::Partial, 3));
    assert_eq!(code(vec![short(&[])]), (RunOutcome::Failed, 3));
}

#[test]
fn what_failed_besides_the_sources_spoils_only_a_good_exit_code() {
    for (outcomes, wanted) in [
        (&[RepositoryOutcome::Unchanged], 1),
        (&[RepositoryOutcome::Failed], 3),
    ] {
        let sources = vec![source(None, outcomes)];
        let mut report = Report::conclude(Timestamp::now(), false, sources);
        report.add_error(Failure::new(ErrorKind::Disk, "x"));
        assert_eq!(report.exit_code.code(), wanted);
        assert!(report.error.is_some());
    }
}

#[test]
fn exit_codes_follow_from_outcomes() {
    use RepositoryOutcome::{Failed, Skipped, Unchanged};
    assert_eq!(
        code(vec![source(None, &[Unchanged, Skipped])]),
        (RunOutcome::Ok, 0)
    );
    assert_eq!(code(vec![source(None, &[])]), (RunOutcome::Ok, 0));
    assert_eq!(
        code(vec![source(None, &[Unchanged, Failed])]),
        (RunOutcome::Partial, 3)
    );
    assert_eq!(code(vec![source(None, &[Failed])]), (RunOutcome::Failed, 3));
    let refused = || source(Some(ErrorKind::Credentials), &[]);
    assert_eq!(code(vec![refused()]), (RunOutcome::Failed, 12));
    assert_eq!(
        code(vec![refused(), source(None, &[Unchanged])]),
        (RunOutcome::Partial, 3)
    );
    assert_eq!(
        code(vec![refused(), source(None, &[Failed])]),
        (RunOutcome::Failed, 3)
    );
    assert_eq!(
        code(vec![source(Some(ErrorKind::PluginMissing), &[])]),
        (RunOutcome::Failed, 11)
    );
    assert_eq!(
        code(vec![source(Some(ErrorKind::NotFound), &[])]),
        (RunOutcome::Failed, 3)
    );
}

#[test]
fn what_was_written_is_read_again_by_the_same_types() {
    let mut repository = RepositoryReport::new("1", "a/b", "a/a#b")
        .failed(Failure::new(ErrorKind::Network, "no").with_status(502));
    repository.snapshot = SnapshotId::parse("0123456789ab");
    repository.warnings.push(Finding::warning("w"));
    repository.wiki = Some(PartReport {
        outcome: RepositoryOutcome::Empty,
        refs: RefChanges::default(),
        error: None,
    });
    let mut source = source(None, &[RepositoryOutcome::Cloned]);
    source.repositories.push(repository);
    source.gone.push(Tombstone {
        id: "2".into(),
        name: "a/c".into(),
        path: "a/a#c".into(),
        since: Timestamp::UNIX_EPOCH,
        state: Absence::Hidden,
        runs: 1,
        days: 1,
        trashed: false,
        removed: false,
    });
    let mut report = Report::conclude(Timestamp::now(), false, vec![source]);
    report.run = Some(7);
    let text = serde_json::to_string(&report).unwrap();
    let read: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    // Words and fields of a newer version are kept, or ignored.
    let newer = text
        .replace("\"cloned\"", "\"mirrored\"")
        .replace("\"network\"", "\"weather\"")
        .replace("\"hidden\"", "\"asleep\"")
        .replace("\"run\":7", "\"run\":7,\"mood\":[]");
    let read: Report = serde_json::from_str(&newer).unwrap();
    let written = serde_json::to_string(&read).unwrap();
    assert_eq!(written, newer.replace(",\"mood\":[]", ""));
    assert_eq!(read.sources[0].repositories[0].outcome.is_good(), None);
}
