//! Whether upstream has lost so much that somebody should look: a stolen token, a ransom note, a
//! script gone wrong. Nothing is lost in the backup either way.

use forgekeep_config::{AlertAction, AlertOptions};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::report::{Lost, RepositoryOutcome, SourceReport};
use forgekeep_untrusted::Printable;

use crate::event::{Event, Observer};

const HINT: &str = "see who did it, and rotate the credentials if nobody knows; the states before \
                    are kept: `forgekeep snapshots` lists them, `forgekeep restore --at` restores \
                    them";

/// Below this, a percentage of a source's repositories says nothing.
const SEVERAL: usize = 2;

/// Puts alerts into the reports of the repositories and of their source. `newly_gone` are
/// repositories that were not listed any more for the first time.
pub(crate) fn raise(
    options: &AlertOptions,
    report: &mut SourceReport,
    newly_gone: usize,
    observer: &dyn Observer,
) {
    if options.action == AlertAction::Off {
        return;
    }
    let mut alerts = 0;
    for repository in &mut report.repositories {
        let Some(lost) = repository.lost.filter(|lost| is_much(*lost, options)) else {
            continue;
        };
        let Lost { branches, of } = lost;
        let message: Printable = match branches == of {
            true => format!("upstream rewrote or deleted every branch ({of})"),
            false => format!("upstream rewrote or deleted {branches} of {of} branches"),
        }
        .into();
        observer.event(&Event::Alert {
            source: &report.title,
            repository: Some(&repository.name),
            message: &message,
            hint: HINT,
        });
        repository.add_alert(&message);
        alerts += 1;
    }
    let known = report.repositories.iter().filter(|repository| {
        repository.is_safe() && repository.outcome != RepositoryOutcome::Cloned
    });
    let known = known.count() + newly_gone;
    let rewritten = report.repositories.iter();
    let rewritten = rewritten.filter(|r| r.lost.is_some_and(|lost| lost.branches > 0));
    let hit = rewritten.count() + newly_gone;
    if hit >= SEVERAL && exceeds(hit, known, options.repositories_percent) {
        let mut message =
            format!("upstream rewrote or deleted branches in {hit} of {known} repositories");
        if newly_gone > 0 {
            message.push_str(&format!(", {newly_gone} of them deleted altogether"));
        }
        let message = Printable::from(message);
        observer.event(&Event::Alert {
            source: &report.title,
            repository: None,
            message: &message,
            hint: HINT,
        });
        report.alert = Some(message);
    }
    if options.action == AlertAction::Fail && report.error.is_none() {
        let what = report.alert.clone().or_else(|| match alerts {
            0 => None,
            1 => Some("the branches of a repository were rewritten or deleted".into()),
            n => Some(format!("the branches of {n} repositories were rewritten or deleted").into()),
        });
        report.error = what.map(|what| Failure::new(ErrorKind::Alert, what).with_hint(HINT));
    }
}

fn is_much(lost: Lost, options: &AlertOptions) -> bool {
    lost.branches > 0 && exceeds(lost.branches, lost.of, options.branches_percent)
}

fn exceeds(part: usize, whole: usize, percent: u32) -> bool {
    part as u64 * 100 >= whole as u64 * u64::from(percent)
}

#[cfg(test)]
mod tests {
    use forgekeep_store::report::RepositoryReport;

    use super::*;

    fn source(lost: &[(usize, usize)]) -> SourceReport {
        let mut report = SourceReport::listed("acme", "bitbucket", lost.len(), Vec::new());
        for (branches, of) in lost.iter().copied() {
            let mut repository = RepositoryReport::new("{1}", "acme/web", "acme/acme#web");
            repository.outcome = RepositoryOutcome::Updated;
            repository.lost = Some(Lost { branches, of });
            report.repositories.push(repository);
        }
        report
    }

    fn raised(options: &AlertOptions, lost: &[(usize, usize)], gone: usize) -> SourceReport {
        let mut report = source(lost);
        raise(options, &mut report, gone, &());
        report
    }

    #[test]
    fn thresholds() {
        let options = AlertOptions::default();
        let of = |lost: &[(usize, usize)], gone| {
            let report = raised(&options, lost, gone);
            let alerts = report.repositories.iter().filter(|r| r.alert.is_some());
            (alerts.count(), report.alert.is_some())
        };
        assert_eq!(of(&[(0, 1), (0, 0)], 0), (0, false));
        assert_eq!(of(&[(2, 3), (0, 3)], 0), (0, false));
        assert_eq!(of(&[(3, 3), (0, 3)], 0), (1, false));
        assert_eq!(of(&[(1, 3), (1, 3), (0, 1), (0, 1)], 0), (0, true));
        assert_eq!(of(&[(1, 3), (0, 1), (0, 1), (0, 1)], 1), (0, true));
        assert_eq!(of(&[(0, 1); 9], 2), (0, false));
    }

    #[test]
    fn what_follows_is_as_configured() {
        let with = |action| AlertOptions {
            action,
            ..AlertOptions::default()
        };
        let warned = raised(&with(AlertAction::Warn), &[(1, 1)], 0);
        assert_eq!(warned.error, None);
        let failed = raised(&with(AlertAction::Fail), &[(1, 1)], 0);
        assert_eq!(failed.error.unwrap().kind, ErrorKind::Alert);
        let calm = raised(&with(AlertAction::Fail), &[(0, 1)], 0);
        assert_eq!(calm.error, None);
        let off = raised(&with(AlertAction::Off), &[(1, 1)], 0);
        assert_eq!(off.repositories[0].alert, None);
    }
}
