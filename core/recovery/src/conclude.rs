//! The report of a restore, out of what came of each repository.

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::{ErrorKind, ExitCode, Finding};
use forgekeep_untrusted::Printable;
use jiff::Timestamp;

use crate::plan::Plan;
use crate::report::{
    Expected, NOT_RESTORED, Outcome, RepositoryRestored, RestoreOutcome, RestoreReport, TargetNamed,
};

/// Bytes that are sent in a second, as far as anybody can tell before.
const BYTES_A_SECOND: u64 = 10_000_000;

/// Concludes a restore, or a dry run.
pub fn conclude(
    plan: &Plan<'_>,
    target: &OpenTarget,
    started: Timestamp,
    dry_run: bool,
    interrupted: bool,
    (repositories, said): (Vec<RepositoryRestored>, Vec<Finding>),
) -> RestoreReport {
    let (outcome, exit_code) = outcome(&repositories, interrupted);
    let mut notes = target.findings.clone();
    notes.extend(plan.notes.iter().cloned());
    notes.extend(
        plan.report
            .refuses
            .iter()
            .map(|refused| Finding::info(format!("limit at the target: {refused}"))),
    );
    notes.extend(said);
    RestoreReport {
        schema: 1,
        dry_run,
        outcome,
        exit_code,
        target: TargetNamed {
            title: target.title.as_str().into(),
            hoster: target.hoster.clone(),
            name: target.name.as_str().into(),
            api_url: target.api_url.clone(),
        },
        started,
        finished: Timestamp::now(),
        expected: expected(plan),
        next_steps: next_steps(&repositories, dry_run),
        repositories,
        notes,
        not_restored: NOT_RESTORED.to_vec(),
    }
}

fn expected(plan: &Plan<'_>) -> Expected {
    let (repositories, bytes) = (plan.to_make(), plan.bytes());
    let paced = plan.report.takes.creates_per_minute.map_or(0, |most| {
        (repositories as u64 * 60).div_ceil(u64::from(most.max(1)))
    });
    Expected {
        repositories,
        bytes,
        seconds: paced.max(bytes.div_ceil(BYTES_A_SECOND)),
    }
}

fn outcome(repositories: &[RepositoryRestored], interrupted: bool) -> (Outcome, ExitCode) {
    if interrupted {
        return (Outcome::Interrupted, ExitCode::Interrupted);
    }
    let is_nothing = |one: &RepositoryRestored| one.outcome == RestoreOutcome::NotThen;
    if repositories.iter().all(is_nothing) {
        return (Outcome::Failed, ExitCode::Usage);
    }
    if repositories.iter().all(RepositoryRestored::is_whole) {
        return (Outcome::Ok, ExitCode::Good);
    }
    let there = |one: &RepositoryRestored| {
        one.outcome.is_good() && one.outcome != RestoreOutcome::NotThen
            || one.outcome == RestoreOutcome::Partial
    };
    if repositories.iter().any(there) {
        return (Outcome::Partial, ExitCode::Partial);
    }
    // Rights are missing throughout: nothing else has failed.
    let mut errors = repositories.iter().filter_map(|one| one.error.as_ref());
    let is_refused =
        |kind: ErrorKind| matches!(kind, ErrorKind::Credentials | ErrorKind::Forbidden);
    let code = match repositories.iter().any(|one| one.error.is_some())
        && errors.all(|error| is_refused(error.kind))
    {
        true => ExitCode::Credentials,
        false => ExitCode::Partial,
    };
    (Outcome::Failed, code)
}

fn next_steps(repositories: &[RepositoryRestored], dry_run: bool) -> Vec<Printable> {
    let mut steps: Vec<Printable> = Vec::new();
    if dry_run {
        steps.push(match repositories.iter().all(RepositoryRestored::is_whole) {
            true => "run the same command without --dry-run".into(),
            false => "settle what is named above, or leave it; then run the same command without --dry-run".into(),
        });
        return steps;
    }
    let is_made = |one: &RepositoryRestored| {
        matches!(
            one.outcome,
            RestoreOutcome::Restored | RestoreOutcome::Partial
        )
    };
    if !repositories.iter().all(RepositoryRestored::is_whole) {
        steps.push(
            "settle what is named above, and run the same command again: it goes on where it ended, and makes nothing twice"
                .into(),
        );
    }
    if repositories.iter().any(is_made) {
        steps.push("give people access again: all repositories are private".into());
        steps.push(
            "switch on what pushes start (workflows, pipelines), when you have looked at it".into(),
        );
        steps.push("tell people to clone again, or to set the new address: `git remote set-url origin URL`".into());
    }
    steps
}
