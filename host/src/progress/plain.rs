use forgekeep_engine::event::{Event, Observer};
use forgekeep_failure::ErrorKind;
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_summary::{alert_line, note_line, repository_line, source_failed, text};

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
