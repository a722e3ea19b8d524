//! What is told of a run.

use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_store::report::{Report, RepositoryOutcome, RunOutcome};
use forgekeep_untrusted::{Redactor, Shown};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::cut;

/// Most names of what failed.
const NAMES: usize = 1000;

/// Most bytes of a text: a mail is no report.
const MAX_TEXT: usize = 256 * 1024;

/// Most characters of a title.
const MAX_TITLE: usize = 200;

/// What was run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// A backup.
    #[default]
    Backup,
    /// The verification of what is kept.
    Verify,
    /// A restore to see that it works.
    Drill,
}

impl RunKind {
    /// The word for it, which is the command's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Verify => "verify",
            Self::Drill => "drill",
        }
    }

    /// What it is called in a sentence.
    fn noun(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Verify => "verification",
            Self::Drill => "restore drill",
        }
    }
}

/// What is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A run failed, in whole or in part.
    Failure,
    /// Upstream has lost much.
    Alert,
    /// A run is good again, after one of which it was told that it failed.
    Recovery,
    /// A run was good.
    Success,
}

impl Event {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Alert => "alert",
            Self::Recovery => "recovery",
            Self::Success => "success",
        }
    }
}

/// What somebody is told. Nothing in it is a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// What was run. It is no part of what services get.
    #[serde(skip)]
    pub kind: RunKind,
    /// What it is about.
    pub event: Event,
    /// One line.
    pub title: String,
    /// What failed and what to do.
    pub text: String,
    /// The outcome of the run, in the report's word.
    pub outcome: String,
    /// The exit code of the run.
    pub exit_code: u8,
    /// The names of the sources and repositories that failed.
    pub failed: Vec<String>,
}

/// A run, as far as somebody is told of it.
pub struct Told<'r> {
    report: &'r Report,
    kind: RunKind,
    failed: Vec<String>,
    text: String,
    all_sources: bool,
    hook_failed: bool,
    host: String,
}

impl<'r> Told<'r> {
    /// `text` is what a person is shown of the run at its end.
    pub fn new(report: &'r Report, text: &str, redactor: &Redactor) -> Self {
        Self {
            report,
            kind: RunKind::Backup,
            failed: Vec::new(),
            text: redactor.clean(text).trim().to_owned(),
            all_sources: true,
            hook_failed: false,
            host: host(),
        }
    }

    /// The same of a run that was not over all sources.
    #[must_use]
    pub fn over_all_sources(self, all_sources: bool) -> Self {
        Self {
            all_sources,
            ..self
        }
    }

    /// The same of a run that was no backup, with what failed in it. It is over all if nothing is known to
    /// be wrong any more: such a run looks at a part only.
    #[must_use]
    pub fn of_check(self, kind: RunKind, failed: Vec<String>) -> Self {
        Self {
            kind,
            failed,
            ..self
        }
    }

    /// What was run.
    pub fn kind(&self) -> RunKind {
        self.kind
    }

    /// The same of a run with a hook that failed.
    #[must_use]
    pub fn with_failed_hook(self, hook_failed: bool) -> Self {
        Self {
            hook_failed,
            ..self
        }
    }

    /// Whether it was over all sources.
    pub fn is_over_all(&self) -> bool {
        self.all_sources
    }

    /// Whether it, or a hook, failed. One that was interrupted only has not.
    pub fn has_failed(&self) -> bool {
        self.hook_failed || run_has_failed(self.report)
    }

    /// Whether the run itself failed, or was interrupted.
    pub fn is_good(&self) -> bool {
        self.report.exit_code == ExitCode::Good
    }

    /// Whether upstream has lost much.
    pub fn has_alert(&self) -> bool {
        self.report.has_alert()
    }

    /// The message for an event, with what could not be told before.
    pub fn message(&self, event: Event, redactor: &Redactor) -> Message {
        let clean = |text: &str| redactor.clean(text).into_owned();
        let title = format!("Forgekeep on {}: {}", self.host, self.headline(event));
        let failed = self.failed().into_iter().map(|name| clean(&name));
        Message {
            kind: self.kind,
            event,
            title: cut::line(&clean(&title), MAX_TITLE),
            text: cut::bytes(&clean(&self.body(event)), MAX_TEXT),
            outcome: self.report.outcome.to_string(),
            exit_code: self.report.exit_code.code(),
            failed: failed.take(NAMES).collect(),
        }
    }

    fn headline(&self, event: Event) -> String {
        let safe = self.report.repositories().filter(|r| r.is_safe()).count();
        let safe = match safe {
            1 => "1 repository".to_owned(),
            safe => format!("{safe} repositories"),
        };
        if self.kind != RunKind::Backup {
            let noun = self.kind.noun();
            return match (event, &self.report.error) {
                (Event::Recovery | Event::Success, _) => format!("{noun} is good again"),
                (_, Some(failure)) => format!("{noun} failed: {}", failure.message),
                (_, None) => format!("{noun} failed: {}", some_of(&self.failed())),
            };
        }
        match event {
            Event::Recovery => format!("backup works again, {safe} backed up"),
            Event::Alert => "backup complete, with alerts".to_owned(),
            Event::Success => format!("backup complete, {safe} backed up"),
            Event::Failure if self.is_good() => "backup complete, but a hook failed".to_owned(),
            Event::Failure => match (self.report.outcome, &self.report.error) {
                (RunOutcome::Interrupted, _) => "backup interrupted".to_owned(),
                (_, Some(failure)) => format!("backup failed: {}", failure.message),
                (RunOutcome::Partial, None) => {
                    format!("backup incomplete: {}", some_of(&self.failed()))
                }
                (_, None) => format!("backup failed: {}", some_of(&self.failed())),
            },
        }
    }

    /// Who failed: sources as a whole, then repositories.
    fn failed(&self) -> Vec<String> {
        let mut names = self.failed.clone();
        for source in &self.report.sources {
            let counts = |failure: &Failure| failure.kind != ErrorKind::Cancelled;
            if source.error.as_ref().is_some_and(counts) {
                names.push(source.title.to_string());
            }
        }
        for source in &self.report.sources {
            for repository in &source.repositories {
                if [RepositoryOutcome::Failed, RepositoryOutcome::Partial]
                    .contains(&repository.outcome)
                {
                    names.push(repository.name.to_string());
                }
            }
        }
        names
    }

    fn body(&self, event: Event) -> String {
        let mut text = String::new();
        if event == Event::Recovery {
            text.push_str(match self.kind {
                RunKind::Backup => "The backup is good again; the one before had failed.\n\n",
                RunKind::Verify => "Nothing is known to be damaged any more.\n\n",
                RunKind::Drill => "Everything came back as it was when it was restored last.\n\n",
            });
        }
        if !self.all_sources && self.kind == RunKind::Backup {
            text.push_str("Only some of the sources were asked for.\n\n");
        }
        let at = self.report.started.to_zoned(TimeZone::system());
        text.push_str(&format!(
            "{}\n\nRun of {}{} on {}, exit code {}.",
            self.text,
            match self.kind {
                RunKind::Backup => String::new(),
                kind => format!("`forgekeep {}` of ", kind.as_str()),
            },
            at.strftime("%Y-%m-%d %H:%M %Z"),
            self.host,
            self.report.exit_code.code()
        ));
        text
    }
}

/// Whether a run failed for another reason than that it was interrupted.
fn run_has_failed(report: &Report) -> bool {
    if report.outcome != RunOutcome::Interrupted {
        return report.exit_code != ExitCode::Good;
    }
    let counts = |failure: &Failure| failure.kind != ErrorKind::Cancelled;
    let of_sources = report.sources.iter().filter_map(|s| s.error.as_ref());
    let failed = report
        .repositories()
        .filter(|r| r.outcome == RepositoryOutcome::Failed);
    let of_repositories = failed.filter_map(|r| r.error.as_ref());
    of_sources.chain(of_repositories).any(counts)
}

fn some_of(names: &[String]) -> String {
    match names {
        [] => "see the text".to_owned(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// How this machine calls itself.
pub(super) fn host() -> String {
    let name = gethostname::gethostname();
    Shown::of(name.to_str().unwrap_or("this machine")).to_string()
}

/// A message that could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// When it was to be told.
    pub at: Timestamp,
    /// What was run.
    #[serde(default)]
    pub kind: RunKind,
    /// What.
    pub message: Message,
}

/// Most bytes that are kept of a text.
const KEPT_TEXT: usize = 8 * 1024;

impl Kept {
    pub(super) fn new(at: Timestamp, mut message: Message) -> Self {
        message.text = cut::bytes(&message.text, KEPT_TEXT);
        message.failed.truncate(100);
        Self {
            at,
            kind: message.kind,
            message,
        }
    }
}

/// One message of what could not be told before; none where everything was.
pub(super) fn late(kept: &[Kept]) -> Option<Message> {
    let last = kept.last()?;
    Some(Message {
        kind: last.kind,
        title: cut::line(&format!("Late: {}", last.message.title), MAX_TITLE),
        text: cut::bytes(
            &format!("This could not be sent before.\n\n{}", all_of(kept)),
            MAX_TEXT,
        ),
        ..last.message.clone()
    })
}

/// A message with what could not be told before.
pub(super) fn with_late(mut message: Message, kept: &[Kept]) -> Message {
    if !kept.is_empty() {
        let more = format!(
            "{}\n\nThis could not be sent before:\n\n{}",
            message.text,
            all_of(kept)
        );
        message.text = cut::bytes(&more, MAX_TEXT);
    }
    message
}

fn all_of(kept: &[Kept]) -> String {
    let texts = kept.iter().map(|kept| {
        let at = kept.at.to_zoned(TimeZone::system());
        let at = at.strftime("%Y-%m-%d %H:%M %Z");
        format!("[{at}] {}\n{}", kept.message.title, kept.message.text)
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgekeep_untrusted::Secret;

    fn refused(kind: ErrorKind, code: ExitCode, message: &str) -> Report {
        Report::refused(Timestamp::UNIX_EPOCH, code, Failure::new(kind, message))
    }

    #[test]
    fn a_message_has_one_line_for_its_title_and_no_secret() {
        let secret = Secret::new("hunter2-hunter2");
        let redactor = Redactor::new(&[&secret]);
        let report = refused(
            ErrorKind::Disk,
            ExitCode::Unexpected,
            "cannot write\nhunter2-hunter2",
        );
        let told = Told::new(&report, "text hunter2-hunter2", &redactor);
        assert!(told.has_failed());
        let message = told.message(Event::Failure, &redactor);
        assert!(!message.title.contains('\n'));
        let all = serde_json::to_string(&message).unwrap();
        assert!(!all.contains("hunter2"), "{all}");
        assert_eq!(message.exit_code, 1);
        assert_eq!(message.outcome, "failed");
    }

    #[test]
    fn an_interruption_alone_is_no_failure() {
        let report = Report::conclude(Timestamp::now(), true, Vec::new());
        let told = Told::new(&report, "", &Redactor::default());
        assert!(!told.has_failed() && !told.is_good());
    }
}
