//! Lines in the user's crontab, between two marks.

use std::io::{self, Write as _};
use std::path::Path;

use forgekeep_untrusted::{Show as _, Untrusted};
use jiff::Zoned;
use tempfile::NamedTempFile;

use forgekeep_command::Why;
use forgekeep_failure::{ErrorKind, Failure};

use super::{Installed, JOBS, Job, Plan, When, files, next};

const BEGIN: &str = "# forgekeep: begin (written by `forgekeep schedule install`)";
const END: &str = "# forgekeep: end";

const HINT: &str = "see whether cron is installed and you may use it (cron.allow, cron.deny)";

pub(super) fn install(plan: &Plan) -> Result<Vec<String>, Failure> {
    let mut text = without_ours(&read()?);
    text.push_str(BEGIN);
    text.push('\n');
    for job in &JOBS {
        text.push_str(&line(plan, job)?);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    write(&text)?;
    Ok(Vec::new())
}

pub(super) fn remove() -> Result<(), Failure> {
    let text = read()?;
    match text.contains(BEGIN) {
        true => write(&without_ours(&text)),
        false => Ok(()),
    }
}

pub(super) fn status(plan: &Plan) -> Result<Vec<Installed>, Failure> {
    let text = read()?;
    let ours = text.split_once(BEGIN).map_or("", |(_, rest)| rest);
    let ours = ours.split_once(END).map_or("", |(ours, _)| ours);
    JOBS.iter()
        .map(|job| {
            let word = format!(" {} ", job.name);
            let found = ours.lines().find(|line| line.contains(&word));
            // The time may have been changed by hand.
            let command = |line: &str| line.splitn(6, ' ').nth(5).map(str::to_owned);
            let wanted = command(&line(plan, job)?);
            let is_right = found.is_none_or(|found| command(found) == wanted);
            let problem = "its line in the crontab does not fit the configuration";
            Ok(Installed {
                job: job.name,
                installed: found.is_some(),
                last: None,
                next: found.map(|line| match next::of_line(line) {
                    Some(when) => next::next(when, &Zoned::now()).unwrap_or_default(),
                    // It was changed by hand: cron alone knows.
                    None => line.splitn(6, ' ').take(5).collect::<Vec<_>>().join(" "),
                }),
                problems: if is_right {
                    Vec::new()
                } else {
                    vec![problem.to_owned()]
                },
            })
        })
        .collect()
}

/// The user's crontab; empty if there is none, which is exit code 1 and nothing printed. Any other failure is
/// no reason to think so: other lines would be lost.
fn read() -> Result<String, Failure> {
    files::printed("crontab", &["-l"]).or_else(|unanswered| match &unanswered.why {
        Why::Failed(status, printed)
            if status.code() == Some(1) && printed.expose().trim().is_empty() =>
        {
            Ok(String::new())
        }
        _ => Err(files::explain("crontab", &unanswered, HINT)),
    })
}

fn write(text: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("write", &std::env::temp_dir(), &error);
    let mut file = NamedTempFile::new().map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let path = Untrusted::of_path(file.path()).into_raw();
    files::run("crontab", &[&path], HINT).map(drop)
}

fn without_ours(text: &str) -> String {
    let mut kept = String::new();
    let mut is_ours = false;
    for line in text.lines() {
        is_ours |= line == BEGIN;
        if !is_ours {
            kept.push_str(line);
            kept.push('\n');
        }
        is_ours &= line != END;
    }
    kept
}

/// A line for `/bin/sh`, with cron's PATH. Cron mails what it prints: nothing, if all is good.
fn line(plan: &Plan, job: &Job) -> Result<String, Failure> {
    let when = match plan.when(job) {
        When::Daily(hour, minute) => format!("{minute} {hour} * * *"),
        When::Monthly(day, hour, minute) => format!("{minute} {hour} {day} * *"),
    };
    let (program, config) = (word(&plan.program)?, word(&plan.config)?);
    let command = job.command("none");
    Ok(format!(
        "{when} {} --quiet --config {} {command}",
        program, config
    ))
}

/// A command with the same configuration, as cron gives it to the shell.
pub(super) fn check(plan: &Plan, command: &str) -> Result<String, Failure> {
    let (program, config) = (word(&plan.program)?, word(&plan.config)?);
    let line = format!("{program} --quiet --config {config} {command}");
    // cron takes the backslash away.
    Ok(line.replace(r"\%", "%"))
}

/// A path, as one word of such a line.
fn word(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r']));
    let text = text.ok_or_else(|| {
        Failure::new(
            ErrorKind::Config,
            format!("{} cannot be named in a crontab", path.shown()),
        )
        .with_hint("use a path in UTF-8 and without line breaks")
    })?;
    // cron makes a line break of each % that has no backslash before it, whatever the quotes.
    Ok(format!(
        "'{}'",
        text.replace('\'', r"'\''").replace('%', r"\%")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_for_the_shell_and_for_cron() {
        let plan = Plan {
            program: "/opt/it's/forgekeep".into(),
            config: "/etc/100%.yml".into(),
            folder: "/srv".into(),
            user_only: true,
            at: None,
            root: "/".into(),
            secrets: Vec::new(),
        };
        let backup = r"17 4 * * * '/opt/it'\''s/forgekeep' --quiet --config '/etc/100\%.yml' backup --lock-wait 2h --network-wait 30m --progress none";
        assert_eq!(line(&plan, &JOBS[0]).unwrap(), backup);
        assert!(line(&plan, &JOBS[2]).unwrap().starts_with("23 15 5 * * "));
    }

    #[test]
    fn other_lines_of_a_crontab_stay() {
        let text = format!("MAILTO=me\n{BEGIN}\n1 2 3 4 5 old\n{END}\n5 5 * * * mine\n");
        assert_eq!(without_ours(&text), "MAILTO=me\n5 5 * * * mine\n");
        assert_eq!(without_ours("5 5 * * * mine"), "5 5 * * * mine\n");
    }
}
