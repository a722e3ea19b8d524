//! `forgekeep notify unit-failed`: tells of a unit of systemd that could not tell itself.
//!
//! systemd starts it when a unit has failed (`OnFailure=`), and says in the environment what has become of that
//! (systemd.exec(5), `$MONITOR_…`, since 251). A run that has told leaves the id that systemd has given to it, and
//! then this is silent.

use std::env;

use forgekeep_command_line::Common;
use forgekeep_config::ConfigError;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::report::Report;
use forgekeep_summary::text;
use forgekeep_telling::{CheckOutcome, RunKind, Telling, invocation};
use forgekeep_untrusted::Shown;
use jiff::Timestamp;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::{self, tell};

/// `forgekeep notify unit-failed UNIT`.
pub fn run(common: &Common, unit: &str) -> Result<ExitCode, Complaint> {
    if variable("MONITOR_INVOCATION_ID").is_some_and(|id| invocation::has_told(&id)) {
        return Ok(ExitCode::Good);
    }
    let kind = match unit {
        unit if unit.ends_with("-verify") => RunKind::Verify,
        unit if unit.ends_with("-drill") => RunKind::Drill,
        _ => RunKind::Backup,
    };
    let named = common.config.as_deref();
    let (telling, broken) = match super::offline::configuration(common) {
        Ok(config) => {
            let (telling, odd) = Telling::of(kind, &config, &[], &super::variable);
            super::warn(common, &odd);
            (Some(telling), None)
        }
        Err(error) => (
            Telling::of_broken(kind, named, &super::variable),
            Some(error),
        ),
    };
    let Some(telling) = telling else {
        return Err(Complaint::new(
            ExitCode::Configuration,
            format!(
                "nobody can be told that {} failed: the configuration cannot be read",
                Shown::of(unit)
            ),
            "run `forgekeep check`",
        ));
    };
    terminal::hide(telling.redactor());
    let (now, failure) = (Timestamp::now(), failure(unit, broken.as_ref()));
    let warnings = match kind {
        RunKind::Backup => {
            let mut report = Report::refused(now, ExitCode::Unexpected, failure);
            telling.end(&mut report);
            report.warnings
        }
        RunKind::Verify | RunKind::Drill => {
            telling.end_check(CheckOutcome::refused(now, ExitCode::Unexpected, failure))
        }
    };
    for warning in &warnings {
        tell!("{}", text::finding("", warning));
    }
    match warnings.is_empty() {
        true => Ok(ExitCode::Good),
        false => Ok(ExitCode::Partial),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn failure(unit: &str, broken: Option<&ConfigError>) -> Failure {
    let (result, code, status) = (
        variable("MONITOR_SERVICE_RESULT"),
        variable("MONITOR_EXIT_CODE"),
        variable("MONITOR_EXIT_STATUS"),
    );
    let why = match (result.as_deref(), code.as_deref(), status.as_deref()) {
        (Some("oom-kill"), _, _) => "the machine had no memory left, and it was killed".to_owned(),
        (Some("timeout"), _, _) => "it took longer than its unit allows".to_owned(),
        (Some("start-limit-hit"), _, _) => "it failed several times in a row".to_owned(),
        (_, Some("killed" | "dumped"), Some(signal)) => {
            format!("it was ended by signal {}", Shown::of(signal))
        }
        // systemd.exec(5), "Process Exit Codes".
        (_, _, Some("243")) => "its credentials could not be loaded".to_owned(),
        (_, _, Some("226")) => {
            "its folders could not be set up: one that is named in the unit may be missing"
                .to_owned()
        }
        (_, _, Some("203")) => "its program could not be started".to_owned(),
        (_, _, Some("217")) => "its user does not exist".to_owned(),
        (_, _, Some("10")) if let Some(error) = broken => {
            format!("its configuration cannot be used: {}", error.message())
        }
        (_, Some("exited"), Some(status)) => format!("it ended with {}", Shown::of(status)),
        (Some(result), _, _) => format!("systemd calls it {}", Shown::of(result)),
        _ => "systemd does not say why".to_owned(),
    };
    let unit = Shown::of(unit);
    let message = format!("{unit} failed before it could tell: {why}");
    Failure::new(ErrorKind::Machine, message).with_hint(format!(
        "see `journalctl -u {unit}` and `systemctl status {unit}`"
    ))
}
