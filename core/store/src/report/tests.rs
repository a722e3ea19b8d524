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
