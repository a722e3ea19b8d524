//! What is said of a run while it goes on, in a line each.

use forgekeep_failure::{Finding, Severity};
use forgekeep_store::report::{RepositoryOutcome, RepositoryReport};
use forgekeep_terminal_text::{Tone, paint};

use crate::text;

/// A source's note, unless it is only good to know. Warnings are shown however quiet a run shall be.
pub fn note_line(source: &str, finding: &Finding) -> Option<String> {
    let shown = finding.severity >= Severity::Warning;
    shown.then(|| format!("{source}: {}", text::finding("", finding)))
}

/// Whatever else is wanted to be quiet.
pub fn alert_line(source: &str, repository: Option<&str>, message: &str, hint: &str) -> String {
    let name = repository.map_or_else(String::new, |name| format!("{name}: "));
    let word = crate::alert_word();
    text::advised("", &format!("{source}: {word} {name}{message}"), hint)
}

/// That none of a source is backed up in this run.
pub fn source_failed(source: &str, why: &str) -> String {
    format!("{source}: {} {why}", paint(Tone::Bad, "failed:"))
}

/// What came of a repository, in a line. What to do about a failure is in the summary at the end.
pub fn repository_line(source: &str, repository: &RepositoryReport) -> String {
    let name = &repository.name;
    let refs = &repository.refs;
    let mut changes = Vec::new();
    for (number, word) in [
        (refs.created, "new"),
        (refs.updated, "updated"),
        (refs.forced, "forced"),
        (refs.deleted, "deleted"),
    ] {
        if number > 0 {
            changes.push(format!("{number} {word}"));
        }
    }
    let word = match repository.outcome {
        RepositoryOutcome::Failed => paint(Tone::Bad, "failed"),
        RepositoryOutcome::Partial => paint(Tone::Odd, "partial"),
        other => other.to_string(),
    };
    let mut line = format!("{source}: {word} {name}");
    if !changes.is_empty() {
        line.push_str(&format!(" (refs: {})", changes.join(", ")));
    }
    if let Some(note) = &repository.note {
        line.push_str(&format!(" ({note})"));
    }
    if let Some(error) = &repository.error {
        line.push_str(&format!(": {}", error.message));
    }
    line
}
