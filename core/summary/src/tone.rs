//! Which colour an outcome has.

use forgekeep_store::report::{Report, RepositoryOutcome, RunOutcome, SourceOutcome};
use forgekeep_terminal_text::Tone;

pub(crate) fn of_run(report: &Report) -> Tone {
    match of_outcome(report.outcome) {
        Tone::Good if report.has_alert() || report.has_warning() || report.error.is_some() => {
            Tone::Odd
        }
        tone => tone,
    }
}

pub(crate) fn of_outcome(outcome: RunOutcome) -> Tone {
    match outcome {
        RunOutcome::Ok => Tone::Good,
        RunOutcome::Partial | RunOutcome::Interrupted | RunOutcome::Newer(_) => Tone::Odd,
        RunOutcome::Failed => Tone::Bad,
    }
}

pub(crate) fn of_source(outcome: SourceOutcome) -> Tone {
    match outcome {
        SourceOutcome::Ok => Tone::Good,
        SourceOutcome::Partial | SourceOutcome::Newer(_) => Tone::Odd,
        SourceOutcome::Failed => Tone::Bad,
    }
}

/// None for what is as it should be.
pub(crate) fn of_repository(outcome: RepositoryOutcome) -> Option<Tone> {
    use RepositoryOutcome as O;
    match outcome {
        O::Cloned | O::Updated | O::Unchanged | O::Empty | O::Skipped => None,
        O::Partial | O::NotDone | O::Newer(_) => Some(Tone::Odd),
        O::Failed => Some(Tone::Bad),
    }
}
