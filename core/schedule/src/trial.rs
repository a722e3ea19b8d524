//! `check`, with the user, the folders, the environment and the secrets that what is scheduled has: what is sound in
//! a terminal may fail at night.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use forgekeep_durable::regular_file;
use forgekeep_durable::state_folder::state_folder;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Shown, Untrusted};
use serde::Serialize;
use serde_json::Value;

use super::{Plan, Scheduler, cron, files, systemd};

/// How long it may take. Its unit ends it before.
const TIME: Duration = Duration::from_secs(600);

/// Most bytes of its result.
const MOST: u64 = 16 * 1024 * 1024;

/// What it is called in the folder for state of its unit.
const RESULT: &str = "check.json";

/// What came of a check.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialOutcome {
    /// A run would find all that it needs.
    Ok,
    /// Something would be missing.
    Failed,
    /// It could not be checked.
    Unknown,
}

/// What a run of the scheduler's would find.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// What came of it.
    pub outcome: TrialOutcome,
    /// The exit code of the check, if it came so far.
    pub exit_code: Option<u64>,
    /// What is wrong.
    pub problems: Vec<TrialProblem>,
}

/// Something that is wrong.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialProblem {
    /// What, and why.
    pub message: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl Trial {
    fn of_failure(outcome: TrialOutcome, failure: &Failure) -> Self {
        Self {
            outcome,
            exit_code: None,
            problems: vec![TrialProblem {
                message: failure.message.to_string(),
                hint: failure.hint.to_string(),
            }],
        }
    }

    /// Of what a check has written.
    fn of(document: &Value) -> Self {
        let exit_code = document["exitCode"].as_u64();
        let mut problems = Vec::new();
        let mut add = |who: &str, what: &Value| {
            let text = |key: &str| Shown::of(what[key].as_str().unwrap_or_default()).to_string();
            let who = match who {
                "" => String::new(),
                who => format!("{}: ", Shown::of(who)),
            };
            problems.push(TrialProblem {
                message: format!("{who}{}", text("message")),
                hint: text("hint"),
            });
        };
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let is_error = |finding: &Value| finding["severity"] == "error";
        if document["error"].is_object() {
            add("", &document["error"]);
        }
        for source in list(&document["sources"]) {
            let title = source["title"].as_str().unwrap_or_default();
            if source["error"].is_object() {
                add(title, &source["error"]);
            }
            for finding in list(&source["findings"]).iter().filter(|one| is_error(one)) {
                add(title, finding);
            }
        }
        for finding in list(&document["warnings"])
            .iter()
            .filter(|one| is_error(one))
        {
            add("", finding);
        }
        Self {
            outcome: match exit_code {
                Some(0) => TrialOutcome::Ok,
                Some(_) => TrialOutcome::Failed,
                None => TrialOutcome::Unknown,
            },
            exit_code,
            problems,
        }
    }
}

pub(super) fn of(scheduler: Scheduler, plan: &Plan) -> Trial {
    let tried = match scheduler {
        Scheduler::Systemd => of_systemd(plan),
        Scheduler::Cron => cron::check(plan, "check --result").and_then(|command| {
            let words = ["/bin/sh", "-c", &command];
            of_environment(&[("PATH", "/usr/bin:/bin"), ("SHELL", "/bin/sh")], &words)
        }),
        Scheduler::Launchd => {
            let (program, config) = (
                Untrusted::of_path(&plan.program),
                Untrusted::of_path(&plan.config),
            );
            let words = [program.raw(), "--config", config.raw(), "check", "--result"];
            of_environment(&[("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")], &words)
        }
    };
    tried.unwrap_or_else(|failure| Trial::of_failure(TrialOutcome::Unknown, &failure))
}

/// By the unit for it, which leaves its result in its folder for state.
fn of_systemd(plan: &Plan) -> Result<Trial, Failure> {
    let folder = match plan.user_only {
        true => state_folder(),
        false => Some(plan.root.join("var/lib/forgekeep")),
    };
    let no_home =
        || Failure::new(ErrorKind::Config, "there is no home folder").with_hint("set HOME");
    let result = folder.ok_or_else(no_home)?.join(RESULT);
    remove_old(&result)?;
    // Nobody is asked for a password in between.
    let mut words = vec!["--no-ask-password", "start", systemd::CHECK];
    if plan.user_only {
        words.insert(0, "--user");
    }
    let started = files::printed_within("systemctl", &words, TIME);
    if let Some(document) = written(&result)? {
        let _ = fs::remove_file(&result);
        return Ok(Trial::of(&document));
    }
    let hint = "see `journalctl -u forgekeep-check` for what systemd says of it";
    let Err(unanswered) = started else {
        let message = format!("{} has left no result", systemd::CHECK);
        return Err(Failure::new(ErrorKind::Machine, message).with_hint(hint));
    };
    let said = systemd::systemctl(
        plan,
        &[
            "show",
            "--property",
            "Result,ExecMainStatus",
            systemd::CHECK,
        ],
    )?;
    let value = |name: &str| {
        let mut lines = said.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    // systemd.exec(5), "Process Exit Codes".
    let why = match (value("ExecMainStatus"), value("Result")) {
        (Some("243"), _) => "its credentials could not be loaded",
        (Some("226"), _) => {
            "its folders could not be set up: one that is named in the unit may be missing"
        }
        (Some("203"), _) => "its program could not be started",
        (Some("217"), _) => "its user does not exist",
        (_, Some("timeout")) => "it took longer than its unit allows",
        (_, Some("oom-kill")) => "the machine had no memory left, and it was killed",
        // It was not started at all: who asks may not, or there is no such unit.
        _ => return Err(files::explain("systemctl", &unanswered, START)),
    };
    let failure = Failure::new(
        ErrorKind::Machine,
        format!("{} failed: {why}", systemd::CHECK),
    );
    Ok(Trial::of_failure(
        TrialOutcome::Failed,
        &failure.with_hint(hint),
    ))
}

const START: &str = "run it as root for the units of the machine, and `forgekeep schedule install` if units are missing; or leave this out with --no-check";

fn remove_old(result: &Path) -> Result<(), Failure> {
    match fs::remove_file(result) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", result, &error).with_hint(START))
        }
        _ => Ok(()),
    }
}

/// With nothing in its environment but this, and what each user has.
fn of_environment(set: &[(&str, &str)], command: &[&str]) -> Result<Trial, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::disk("make a folder in", &env::temp_dir(), &error))?;
    let result = folder.path().join(RESULT);
    let shown = Untrusted::of_path(&result);
    let mut words = vec!["-i".to_owned()];
    words.extend(set.iter().map(|(name, value)| format!("{name}={value}")));
    for name in ["HOME", "USER", "LOGNAME"] {
        let value = env::var(name).ok();
        words.extend(value.map(|value| format!("{name}={value}")));
    }
    let (last, rest) = command.split_last().unwrap_or((&"", &[]));
    words.extend(rest.iter().map(|word| (*word).to_owned()));
    match rest.first() {
        // A command for the shell is one word.
        Some(&"/bin/sh") => words.push(format!("{last} '{}'", shown.raw().replace('\'', r"'\''"))),
        _ => words.extend([(*last).to_owned(), shown.raw().to_owned()]),
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ran = files::printed_within("/usr/bin/env", &words, TIME);
    match (written(&result)?, ran) {
        (Some(document), _) => Ok(Trial::of(&document)),
        (None, Err(unanswered)) => {
            let hint = "run the command of the schedule by hand";
            let failure = files::explain("forgekeep check", &unanswered, hint);
            Ok(Trial::of_failure(TrialOutcome::Failed, &failure))
        }
        (None, Ok(_)) => {
            let message = "the check has left no result";
            Err(Failure::new(ErrorKind::Machine, message))
        }
    }
}

fn written(result: &Path) -> Result<Option<Value>, Failure> {
    match regular_file::read_at_most(result, MOST) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::disk("read", result, &error).with_hint(START)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_has_found_is_taken_from_where_it_stands() {
        let document = serde_json::json!({
            "exitCode": 12,
            "sources": [
                {"title": "acme", "error": {"message": "refused", "hint": "look"}, "findings": []},
                {"title": "b", "error": null, "findings": [
                    {"severity": "error", "message": "no\u{1b} scope", "hint": ""},
                    {"severity": "warning", "message": "soon", "hint": ""},
                ]},
            ],
            "warnings": [{"severity": "error", "message": "full", "hint": "make room"}],
        });
        let trial = Trial::of(&document);
        assert_eq!(
            (trial.outcome, trial.exit_code),
            (TrialOutcome::Failed, Some(12))
        );
        let told: Vec<_> = trial
            .problems
            .iter()
            .map(|one| one.message.as_str())
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0] == "acme: refused" && told[2] == "full", "{told:?}");
        assert!(!told[1].contains('\u{1b}'), "{told:?}");
        assert_eq!(
            Trial::of(&serde_json::json!({"exitCode": 0})).outcome,
            TrialOutcome::Ok
        );
        assert_eq!(Trial::of(&Value::Null).outcome, TrialOutcome::Unknown);
    }
}
