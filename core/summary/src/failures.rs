//! What failed, why, and what to do: the same reason and the same advice once.

use std::fmt::Write as _;

use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_store::report::{Report, RunOutcome};
use forgekeep_terminal_text::{Tone, paint};

use crate::text;

/// Reasons that are listed; the report has them all.
const MOST: usize = 20;
/// Names that are listed for one reason.
const NAMES: usize = 3;

/// One reason, and whom it concerns.
struct Reason {
    message: String,
    hint: String,
    names: Vec<String>,
    /// See [`Failure::cause`].
    cause: Option<String>,
}

#[derive(Default)]
struct Reasons(Vec<Reason>);

impl Reasons {
    fn add(&mut self, name: String, message: &str, hint: &str, cause: Option<&str>) {
        let same = |reason: &&mut Reason| {
            let same_cause = cause.is_some() && reason.cause.as_deref() == cause;
            (reason.message == message || same_cause) && reason.hint == hint
        };
        match self.0.iter_mut().find(same) {
            Some(reason) => {
                reason.names.push(name);
                // No single address is what it is about any more.
                if reason.message != message
                    && let Some(cause) = cause
                {
                    cause.clone_into(&mut reason.message);
                }
            }
            None => self.0.push(Reason {
                message: message.to_owned(),
                hint: hint.to_owned(),
                names: vec![name],
                cause: cause.map(str::to_owned),
            }),
        }
    }
}

/// A paragraph about all that failed; empty if nothing did. What concerns a whole source is first.
pub fn of(report: &Report) -> String {
    shown(paint(Tone::Bad, "What failed:"), reasons(report).0)
}

/// A paragraph about what somebody should know although it is no failure; empty if nothing is.
pub fn warnings(report: &Report) -> String {
    let mut reasons = Reasons::default();
    let mut add = |name: String, findings: &[Finding]| {
        for finding in findings {
            if finding.severity == Severity::Warning {
                reasons.add(name.clone(), &finding.message, &finding.hint, None);
            }
        }
    };
    for finding in &report.warnings {
        let about = match finding.key.is_empty() {
            true => "backup folder".to_owned(),
            // A part of the configuration.
            false => finding.key.to_string(),
        };
        add(about, std::slice::from_ref(finding));
    }
    for source in &report.sources {
        add(source.title.to_string(), &source.notes);
    }
    for source in &report.sources {
        for repository in &source.repositories {
            add(
                name_of(report, &source.title, &repository.name),
                &repository.warnings,
            );
        }
    }
    shown(paint(Tone::Odd, "Warnings:"), reasons.0)
}

fn name_of(report: &Report, title: &str, name: &str) -> String {
    match report.sources.len() {
        1 => name.to_owned(),
        _ => format!("{title}: {name}"),
    }
}

fn reasons(report: &Report) -> Reasons {
    let mut reasons = Reasons::default();
    // Of what was interrupted, the last line tells.
    let was_interrupted = report.outcome == RunOutcome::Interrupted;
    let counts = |failure: &&Failure| !was_interrupted || failure.kind != ErrorKind::Cancelled;
    for source in &report.sources {
        if let Some(Failure { message, hint, .. }) = source.error.as_ref().filter(counts) {
            reasons.add(source.title.to_string(), message, hint, None);
        }
        for Failure { message, hint, .. } in source.owners.iter().filter_map(|o| o.error.as_ref()) {
            reasons.add(source.title.to_string(), message, hint, None);
        }
        let notes = source.notes.iter();
        for note in notes.filter(|note| note.severity == Severity::Error) {
            reasons.add(source.title.to_string(), &note.message, &note.hint, None);
        }
    }
    for source in &report.sources {
        for repository in source.failures() {
            let name = name_of(report, &source.title, &repository.name);
            let error = repository.error.as_ref();
            if error.is_some_and(|error| !counts(&error)) {
                continue;
            }
            let (message, hint) = error.map_or(("", ""), |e| (&e.message, &e.hint));
            let cause = error.and_then(|e| e.cause.as_deref());
            reasons.add(name, message, hint, cause);
        }
    }
    reasons
}

fn shown(head: String, mut reasons: Vec<Reason>) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let rest = reasons.split_off(reasons.len().min(MOST));
    let rest: usize = rest.iter().map(|reason| reason.names.len()).sum();
    let mut out = format!("\n{head}\n");
    while !reasons.is_empty() {
        let hint = reasons[0].hint.clone();
        let (same, others) = reasons.into_iter().partition(|reason| reason.hint == hint);
        reasons = others;
        for Reason { message, names, .. } in same {
            let _ = writeln!(out, "  {}: {message}", some_of(&names));
        }
        if !hint.is_empty() {
            let _ = writeln!(out, "{}", text::hint(&hint, "    "));
        }
    }
    if rest > 0 {
        let _ = writeln!(
            out,
            "  … and {rest} more: see the report (--report, or .forgekeep/runs in the backup folder)"
        );
    }
    out
}

fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES)].join(", ");
    match names.len().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
