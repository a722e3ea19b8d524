use forgekeep_engine::config::{self, Config, ConfigError};
use forgekeep_engine::names::printable;
use forgekeep_engine::status::{KeptError, LastRun, RepositoryStatus, SourceStatus, Status};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

use crate::cli::{Common, StatusArguments};
use crate::exit::{Complaint, Ending};
use crate::terminal::{out, tell};
use crate::text;

/// Stands for variables that are not set. Not a text that anything is called by.
const STAND_IN: &str = "\u{fffd}unset\u{fffd}";

/// `forgekeep status`.
pub fn run(common: &Common, arguments: &StatusArguments) -> Result<Ending, Complaint> {
    let config = configuration(common)?;
    let status = Status::read(&config)
        .map_err(|failure| Complaint::new(Ending::Unexpected, failure.message, failure.hint))?;
    for file in &status.unreadable {
        tell!(
            "warning: {} is skipped: {}",
            file.file,
            printable(&file.why)
        );
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&status).map_err(|error| {
            Complaint::new(
                Ending::Unexpected,
                format!("the status cannot be written: {error}"),
                "",
            )
        })?;
        out!("{text}");
    } else {
        print(&status, common.verbose > 0);
    }
    Ok(Ending::Good)
}

/// The configuration, also where the variables with the secrets are not set: whoever watches a
/// backup has no need of them.
fn configuration(common: &Common) -> Result<Config, ConfigError> {
    let error = match super::configuration(common) {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    let file = config::find(common.config.as_deref(), &super::variable, &|path| {
        path.is_file()
    })?;
    let environment = |name: &str| {
        let value = super::variable(name).filter(|value| !value.is_empty());
        Some(value.unwrap_or_else(|| STAND_IN.to_owned()))
    };
    match config::load(&file, &environment) {
        Ok(config) if !needs_variables(&config) => Ok(config),
        _ => Err(error),
    }
}

/// Whether what the status is about depends on variables that are not set.
fn needs_variables(config: &Config) -> bool {
    let folder = config.local_folder.to_string_lossy();
    let sources = config.sources.iter();
    let mut texts = sources.flat_map(|source| [source.title.as_str(), source.hoster.as_str()]);
    folder.contains(STAND_IN) || texts.any(|text| text.contains(STAND_IN))
}

fn print(status: &Status, verbose: bool) {
    out!("backup folder: {}", status.local_folder);
    match &status.last_run {
        Some(run) => print_run(run),
        None => out!("no run yet"),
    }
    for source in &status.sources {
        out!("{}", source_line(source, status));
        if let Some(error) = &source.last_error {
            out!("{}", error_lines("  ", error));
        }
        if verbose {
            for repository in &source.repositories {
                print_repository(repository);
            }
        }
    }
}

fn print_run(run: &LastRun) {
    out!(
        "last run: {} ({}): {}, exit code {}",
        to_the_second(run.finished),
        age(run.age_seconds),
        printable(&run.outcome),
        run.exit_code
    );
    if let Some(error) = &run.error {
        out!("{}", error_lines("  ", error));
    }
}

fn source_line(source: &SourceStatus, status: &Status) -> String {
    let head = format!("{} ({}): ", source.title, source.hoster);
    let (Some(run), Some(outcome)) = (source.last_run, &source.last_outcome) else {
        return format!("{head}not in any run that is kept");
    };
    let mut line = format!("{head}{}", printable(outcome));
    if let Some(listed) = source.listed {
        let listed = usize::try_from(listed).unwrap_or(usize::MAX);
        let listed = text::count(listed, "repository", "repositories");
        line.push_str(&format!(", {listed} listed"));
    }
    if status
        .last_run
        .as_ref()
        .is_some_and(|last| last.started != run)
    {
        line.push_str(&format!(" by the run of {}", to_the_second(run)));
    }
    format!("{line}; {}", good(source.last_good, source.age_seconds))
}

fn print_repository(repository: &RepositoryStatus) {
    let place = match repository.path.as_str() {
        "" => String::new(),
        path => format!(" in {}", printable(path)),
    };
    let good = match (repository.last_good, repository.last_outcome.as_str()) {
        // Left out on purpose, and always: nothing is amiss.
        (None, "skipped") => String::new(),
        (time, _) => format!("; {}", good(time, repository.age_seconds)),
    };
    out!(
        "  {}{place}: {}{good}",
        printable(&repository.name),
        printable(&repository.last_outcome)
    );
    if let Some(error) = &repository.last_error {
        out!("{}", error_lines("    ", error));
    }
}

fn good(time: Option<Timestamp>, seconds: Option<i64>) -> String {
    match (time, seconds) {
        (Some(time), Some(seconds)) => {
            format!("last good {} ({})", to_the_second(time), age(seconds))
        }
        _ => "never good in the runs that are kept".to_owned(),
    }
}

fn error_lines(indent: &str, error: &KeptError) -> String {
    let mut lines = format!("{indent}{}", printable(&error.message));
    if !error.hint.is_empty() {
        lines.push_str(&format!("\n{indent}  hint: {}", printable(&error.hint)));
    }
    lines
}

fn to_the_second(time: Timestamp) -> Timestamp {
    // Never upwards: a time to come would be odd.
    let round = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Trunc);
    time.round(round).unwrap_or(time)
}

/// How long ago, in the unit that says most.
fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let (number, singular, plural) = if seconds < MINUTE {
        return "less than a minute ago".to_owned();
    } else if seconds < HOUR {
        (seconds / MINUTE, "minute", "minutes")
    } else if seconds < DAY {
        (seconds / HOUR, "hour", "hours")
    } else {
        (seconds / DAY, "day", "days")
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    format!("{} ago", text::count(number, singular, plural))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_for_people() {
        for (seconds, wanted) in [
            (-5, "less than a minute ago"),
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (40 * 86_400, "40 days ago"),
        ] {
            assert_eq!(age(seconds), wanted);
        }
    }
}
