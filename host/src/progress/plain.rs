use forgekeep_engine::event::{Event, Observer};
use forgekeep_failure::{ErrorKind, Finding, Severity};
use forgekeep_store::report::{RepositoryOutcome, RepositoryReport};
use forgekeep_summary::text;
use forgekeep_terminal_text::{Tone, paint};

use crate::terminal::tell;

/// A line on standard error for each thing worth a line. What is as it was is not, unless
/// `options.backup.logRepoFinished` wants it.
pub struct Plain {
    /// Only what is wrong.
    pub quiet: bool,
    /// A line for every repository.
    pub log_all: bool,
}

impl Observer for Plain {
    fn event(&self, event: &Event<'_>) {
        if let Some(line) = self.line(event) {
            tell!("{line}");
        }
    }
}

impl Plain {
    fn line(&self, event: &Event<'_>) -> Option<String> {
        match event {
            Event::Note { source, finding } => note_line(source, finding),
            Event::Warning { finding } => Some(text::finding("", finding)),
            Event::Alert {
                source,
                repository,
                message,
                hint,
            } => Some(alert_line(source, *repository, message, hint)),
            // An interruption is told once.
            Event::SourceFailed { error, .. } if error.kind == ErrorKind::Cancelled => None,
            Event::SourceFailed { source, error } => Some(source_failed(source, &error.message)),
            Event::RepositoryFinished { source, repository } => {
                let line = repository_line(source, repository);
                match repository.outcome {
                    RepositoryOutcome::Failed | RepositoryOutcome::Partial => Some(line),
                    // An interruption is told once.
                    RepositoryOutcome::NotDone => None,
                    _ if self.quiet => None,
                    RepositoryOutcome::Cloned | RepositoryOutcome::Updated => Some(line),
                    _ => self.log_all.then_some(line),
                }
            }
            Event::Waiting { host, seconds, why } if !self.quiet && *seconds >= 5.0 => {
                Some(format!("waiting {seconds:.0} s for {host}: {why}"))
            }
            Event::SourceListed { source, listed } if !self.quiet => Some(format!(
                "{source}: {} listed",
                text::count(*listed, "repository", "repositories")
            )),
            _ => None,
        }
    }
}

/// A source's note, unless it is only good to know. Warnings are shown however quiet a run shall be.
pub fn note_line(source: &str, finding: &Finding) -> Option<String> {
    let shown = finding.severity >= Severity::Warning;
    shown.then(|| format!("{source}: {}", text::finding("", finding)))
}

/// Whatever else is wanted to be quiet.
pub fn alert_line(source: &str, repository: Option<&str>, message: &str, hint: &str) -> String {
    let name = repository.map_or_else(String::new, |name| format!("{name}: "));
    let word = forgekeep_summary::alert_word();
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
