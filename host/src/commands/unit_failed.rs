//! `forgekeep notify unit-failed`: tells of a unit of systemd that could not tell itself.
//!
//! systemd starts it when a unit has failed (`OnFailure=`), and says in the environment what has become of that
//! (systemd.exec(5), `$MONITOR_…`, since 251). A run that has told leaves the id that systemd has given to it, and
//! then this is silent.

use std::env;

use forgekeep_command_line::Common;
use forgekeep_engine::run::Selection;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::report::Report;
use forgekeep_summary::text;
use forgekeep_untrusted::Shown;
use jiff::Timestamp;

use super::telling::Telling;
use crate::exit::{Complaint, ExitCode};
use crate::terminal::tell;
use crate::told;

/// `forgekeep notify unit-failed UNIT`.
pub fn run(common: &Common, unit: &str) -> Result<ExitCode, Complaint> {
    let invocation = variable("MONITOR_INVOCATION_ID");
    if invocation.is_some() && invocation == told::last_told() {
        return Ok(ExitCode::Good);
    }
    let failure = failure(unit);
    let mut report = Report::refused(Timestamp::now(), ExitCode::Unexpected, failure);
    let telling = match super::offline::configuration(common) {
        Ok(config) => Some(Telling::of(common, &config, &Selection::default())),
        Err(_) => Telling::of_broken(common),
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
    telling.end(&mut report);
    for warning in &report.warnings {
        tell!("{}", text::finding("", warning));
    }
    match report.warnings.is_empty() {
        true => Ok(ExitCode::Good),
        false => Ok(ExitCode::Partial),
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn failure(unit: &str) -> Failure {
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
        (_, _, Some("3")) if unit.ends_with("-verify") => {
            "something in the backup is damaged, or could not be checked".to_owned()
        }
        (_, _, Some("3")) if unit.ends_with("-drill") => {
            "something was not brought back as it was backed up".to_owned()
        }
        (_, Some("exited"), Some(status)) => format!("it ended with {}", Shown::of(status)),
        (Some(result), _, _) => format!("systemd calls it {}", Shown::of(result)),
        _ => "systemd does not say why".to_owned(),
    };
    // Only a backup tells of itself.
    let before = if unit.ends_with("-backup") {
        " before it could tell"
    } else {
        ""
    };
    let unit = Shown::of(unit);
    Failure::new(ErrorKind::Machine, format!("{unit} failed{before}: {why}")).with_hint(format!(
        "see `journalctl -u {unit}` and `systemctl status {unit}`"
    ))
}
