//! Commands that are run before and after a run.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use forgekeep_command::{Unanswered, Why};
use forgekeep_config::HookCommand;
use forgekeep_failure::{Cancel, Finding};
use forgekeep_store::report::Report;
use forgekeep_untrusted::{Redactor, Show as _, Shown, Untrusted};

use super::deadline::Deadline;

/// How long a command may take.
const TIME: Duration = Duration::from_secs(300);

/// Most characters of a command's last words that are told.
const MAX_WORDS: usize = 300;

/// Variables that are ours, and hold secrets.
const OURS: [&str; 1] = ["FORGEKEEP_PUSH_PASSWORD"];

/// When a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the run.
    Before,
    /// After a run that failed.
    Failure,
    /// After each run.
    After,
}

impl When {
    fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Failure => "failure",
            Self::After => "after",
        }
    }
}

/// What a command finds in its environment.
pub struct HookEnvironment<'e> {
    /// The process's own.
    pub own: Vec<(OsString, OsString)>,
    /// Knows the secrets, none of which it is given.
    pub redactor: &'e Redactor,
    /// The backup folder.
    pub folder: &'e Path,
    /// The report, once there is one.
    pub report: Option<&'e Report>,
}

impl HookEnvironment<'_> {
    fn changes(&self, when: When) -> Vec<(OsString, Option<OsString>)> {
        let holds_secret = |value: &OsString| {
            let value = Untrusted::of_path(value);
            self.redactor.finds(value.raw())
        };
        let is_ours = |name: &OsString| OURS.iter().any(|ours| name == ours);
        let secret = self.own.iter();
        let secret = secret.filter(|(name, value)| is_ours(name) || holds_secret(value));
        let mut changes: Vec<_> = secret.map(|(name, _)| (name.clone(), None)).collect();
        let mut set = |name: &str, value: Option<OsString>| {
            changes.push((OsString::from(name), value));
        };
        set("FORGEKEEP_HOOK", Some(when.as_str().into()));
        set("FORGEKEEP_FOLDER", Some(self.folder.as_os_str().to_owned()));
        let report = self.report;
        set(
            "FORGEKEEP_OUTCOME",
            report.map(|report| report.outcome.to_string().into()),
        );
        set(
            "FORGEKEEP_EXIT_CODE",
            report.map(|report| report.exit_code.code().to_string().into()),
        );
        let file = report.and_then(|report| report.file.as_ref());
        set(
            "FORGEKEEP_REPORT",
            file.map(|file| file.as_os_str().to_owned()),
        );
        changes
    }
}

/// Runs the commands one after the other, and says which of them failed. Each is run, whatever came of
/// those before.
pub fn run_hooks(
    when: When,
    commands: &[HookCommand],
    environment: &HookEnvironment<'_>,
    cancel: &Cancel,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if commands.is_empty() {
        return findings;
    }
    let changes = environment.changes(when);
    for (index, command) in commands.iter().enumerate() {
        let key = format!("hooks.{}[{index}]", when.as_str());
        log::info!("running {key}");
        let deadline = Deadline::within(TIME, cancel.clone());
        let ran = forgekeep_command::run(&command.program, &command.arguments, &changes, &|| {
            deadline.is_over()
        });
        if let Err(unanswered) = ran {
            let why = why(&unanswered, cancel, environment.redactor);
            let program = Path::new(&command.program).shown().to_string();
            findings.push(Finding {
                key: key.into(),
                hint: "run the command in a terminal as the user who runs Forgekeep".into(),
                ..Finding::warning(format!(
                    "the hook {} failed: {why}",
                    environment.redactor.clean(&program)
                ))
            });
        }
    }
    findings
}

fn why(failed: &Unanswered, cancel: &Cancel, redactor: &Redactor) -> String {
    let why = match &failed.why {
        Why::Unstarted(error) => format!("it cannot be run: {error}"),
        Why::TimedOut if cancel.is_cancelled() => {
            "it did not end in time after the run was interrupted".to_owned()
        }
        Why::TimedOut => format!("it did not end in {} seconds", TIME.as_secs()),
        // Nothing of what it prints is kept beyond its last words.
        Why::TooLong => "it printed too much".to_owned(),
        Why::Failed(status, _) => match status.code() {
            Some(code) => format!("it ended with exit code {code}"),
            None => format!("it was ended ({status})"),
        },
    };
    let words = Untrusted::lossy(&failed.words);
    let words = redactor.clean(words.raw()).into_owned();
    let lines: Vec<&str> = words.lines().map(str::trim).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let line = lines.join(" / ");
    let beyond = line.chars().count().saturating_sub(MAX_WORDS);
    let cut: String = line.chars().skip(beyond).collect();
    match (cut.is_empty(), beyond) {
        (true, _) => why,
        (false, 0) => format!("{why}, and said: {}", Shown::of(&cut)),
        (false, _) => format!("{why}, and said: …{}", Shown::of(&cut)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use forgekeep_untrusted::Secret;

    fn sh(script: &str) -> HookCommand {
        HookCommand {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
        }
    }

    #[test]
    fn no_secret_is_in_its_environment_and_what_it_says_is_clean() {
        let secret = Secret::new("hunter2-hunter2");
        let redactor = Redactor::new(&[&secret]);
        let environment = HookEnvironment {
            own: vec![
                ("HOME".into(), "ATAT:hunter2-hunter2".into()),
                ("FORGEKEEP_PUSH_PASSWORD".into(), "x".into()),
            ],
            redactor: &redactor,
            folder: Path::new("/srv/backup"),
            report: None,
        };
        let commands = [
            sh("test -z \"$HOME\" && test -z \"$FORGEKEEP_PUSH_PASSWORD\""),
            sh("test \"$FORGEKEEP_HOOK\" = before && test \"$FORGEKEEP_FOLDER\" = /srv/backup"),
            sh("echo hunter2-hunter2 >&2; printf 'a\\033[31mb'; exit 7"),
        ];
        let findings = run_hooks(When::Before, &commands, &environment, &Cancel::new());
        assert_eq!(findings.len(), 1, "{findings:?}");
        let message = findings[0].message.as_str();
        assert_eq!(findings[0].key.as_str(), "hooks.before[2]");
        assert!(message.contains("exit code 7"), "{message}");
        assert!(!message.contains("hunter2") && !message.contains('\u{1b}'));
    }

    #[test]
    fn one_that_is_not_there_stops_none_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ran");
        let environment = HookEnvironment {
            own: Vec::new(),
            redactor: &Redactor::default(),
            folder: folder.path(),
            report: None,
        };
        let missing = HookCommand {
            program: "/no/such/program".to_owned(),
            arguments: Vec::new(),
        };
        let commands = [missing, sh("touch \"$FORGEKEEP_FOLDER/ran\"")];
        let findings = run_hooks(When::After, &commands, &environment, &Cancel::new());
        assert_eq!(findings.len(), 1);
        assert!(file.exists());
    }
}
