use forgekeep_failure::Failure;
use forgekeep_status::{KeptError, LastRun, RepositoryStatus, SourceStatus, Status};
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use super::backup::in_the_way;
use super::page;
use crate::exit::{Complaint, ExitCode};
use crate::report_file::{PAGE, ReportFile};
use crate::terminal::{out, tell};
use forgekeep_command_line::{Common, StatusArguments};
use forgekeep_summary::text::{self, age, to_the_second};

/// Repositories that a line names.
const NAMED: usize = 5;

/// `forgekeep status`.
pub fn run(common: &Common, arguments: &StatusArguments) -> Result<ExitCode, Complaint> {
    let config = super::offline::configuration(common)?;
    let file = match &arguments.html {
        Some(path) => Some(ReportFile::prepare(path, PAGE)?),
        None => None,
    };
    if let Some(complaint) = file
        .as_ref()
        .and_then(|file| in_the_way("--html", file, &config))
    {
        return Err(complaint);
    }
    let untold =
        |failure: Failure| Complaint::new(ExitCode::Unexpected, failure.message, failure.hint);
    let status = Status::read(&config).map_err(untold)?;
    for file in &status.unreadable {
        tell!("warning: {} is skipped: {}", file.file, file.why);
    }
    if let Some(file) = file {
        let page = page::render(&config, status).map_err(untold)?;
        file.write(page.as_bytes(), PAGE)?;
    } else if arguments.json {
        super::print_json(&status)?;
    } else {
        print(&status, common.verbose > 0);
    }
    Ok(ExitCode::Good)
}

fn print(status: &Status, verbose: bool) {
    out!("backup folder: {}", status.local_folder);
    for died in &status.died {
        let begun = died
            .started
            .map_or_else(String::new, |time| format!(" of {}", to_the_second(time)));
        out!("run {}{begun}: ended without a report", died.run);
        out!(
            "  hint: it was killed, ran out of memory, or the machine stopped: run `forgekeep backup` again"
        );
    }
    match &status.last_run {
        Some(run) => print_run(run),
        None => out!("no run yet"),
    }
    if let Some(failure) = &status.no_backup {
        out!("{}", text::failure("", failure));
    }
    for source in &status.sources {
        out!("{}", source_line(source, status));
        if let Some(error) = &source.last_error {
            out!("{}", error_lines("  ", error));
        }
        if let Some(line) = drill_line(source, status.now) {
            out!("  {line}");
        }
        for repository in &source.repositories {
            if verbose {
                print_repository(repository);
            } else if is_odd(repository) {
                out!("  {}", repository.name);
            }
            print_oddities(repository);
        }
    }
}

fn print_run(run: &LastRun) {
    out!(
        "last run: {} ({}): {}, exit code {}",
        to_the_second(run.finished),
        age(run.age_seconds),
        run.outcome,
        run.exit_code.code()
    );
    if let Some(error) = &run.error {
        out!("{}", error_lines("  ", error));
    }
}

fn source_line(source: &SourceStatus, status: &Status) -> String {
    let head = format!("{} ({}): ", source.title.shown(), source.hoster);
    let mut line = match (source.last_run, source.last_outcome) {
        (Some(_), Some(outcome)) => format!("{head}{outcome}"),
        _ if !source.configured => format!("{head}not in the configuration"),
        _ => format!("{head}not in any kept report"),
    };
    if let Some(listed) = source.listed {
        let listed = usize::try_from(listed).unwrap_or(usize::MAX);
        let listed = text::count(listed, "repository", "repositories");
        line.push_str(&format!(", {listed} listed"));
    }
    let last = status.last_run.as_ref().map(|last| last.started);
    if let Some(run) = source.last_run {
        if last != Some(run) {
            line.push_str(&format!(" by the run of {}", to_the_second(run)));
        }
        line = format!("{line}; {}", good(source.last_good, source.age_seconds));
    }
    let kept = source.repositories.iter().filter(|r| r.size.is_some());
    let size = kept.clone().filter_map(|r| r.size).sum();
    let snapshots = kept.clone().filter_map(|r| r.snapshots).sum();
    line.push_str(&format!(
        "; {} on disk, {}, {}",
        text::count(kept.count(), "repository", "repositories"),
        text::bytes(size),
        text::count(snapshots, "snapshot", "snapshots")
    ));
    line
}

/// When its repositories were last brought back, and which never were; none where there was no drill yet.
fn drill_line(source: &SourceStatus, now: Timestamp) -> Option<String> {
    let on_disk = source.repositories.iter().filter(|one| one.size.is_some());
    let (good, others): (Vec<_>, Vec<_>) = on_disk.partition(|one| one.drilled_good == Some(true));
    let (failed, never): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|one| one.drilled.is_some());
    if good.is_empty() && failed.is_empty() {
        return None;
    }
    let names = |all: &[&RepositoryStatus]| {
        let named: Vec<&str> = all
            .iter()
            .take(NAMED)
            .map(|one| one.name.as_str())
            .collect();
        let more = all.len().saturating_sub(NAMED);
        match more {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    };
    let mut facts = Vec::new();
    let oldest = good.iter().filter_map(|one| one.drilled).min();
    if let Some(oldest) = oldest {
        let days = (now.as_second() - oldest.as_second())
            .max(0)
            .div_euclid(24 * 3600)
            + 1;
        let days = text::count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days");
        let number = text::count(good.len(), "repository", "repositories");
        facts.push(format!("{number} restored within {days}"));
    }
    if !failed.is_empty() {
        facts.push(format!("not as it was: {}", names(&failed)));
    }
    if !never.is_empty() {
        facts.push(format!("never restored: {}", names(&never)));
    }
    Some(format!("drill: {}", facts.join("; ")))
}

/// What of a source somebody should know about, whatever else is asked for.
fn is_odd(repository: &RepositoryStatus) -> bool {
    repository.gone.is_some()
        || !repository.damage.is_empty()
        || repository.unreadable.is_some()
        || is_unknown(repository)
}

/// Whether a newer version has said how it came out, in a word that this one does not know.
fn is_unknown(repository: &RepositoryStatus) -> bool {
    matches!(repository.last_outcome, Some(RepositoryOutcome::Newer(_)))
}

fn print_repository(repository: &RepositoryStatus) {
    let outcome = repository.last_outcome;
    let mut facts = vec![match outcome {
        Some(outcome) => outcome.as_str().to_owned(),
        None => "not in any kept report".to_owned(),
    }];
    match (repository.last_good, outcome) {
        // Left out on purpose, and always: nothing is amiss.
        (None, Some(RepositoryOutcome::Skipped) | None) => {}
        (time, _) => facts.push(good(time, repository.age_seconds)),
    }
    if let (Some(size), Some(snapshots)) = (repository.size, repository.snapshots) {
        let snapshots = text::count(snapshots, "snapshot", "snapshots");
        facts.push(format!("{}, {snapshots}", text::bytes(size)));
    }
    let place = match repository.path.is_empty() {
        true => String::new(),
        false => format!(" in {}", repository.path.shown()),
    };
    out!("  {}{place}: {}", repository.name, facts.join("; "));
    if let Some(error) = &repository.last_error {
        out!("{}", error_lines("    ", error));
    }
}

fn print_oddities(repository: &RepositoryStatus) {
    if let Some(outcome) = repository.last_outcome.filter(|_| is_unknown(repository)) {
        out!("    last outcome: {outcome}");
    }
    if let Some(gone) = repository.gone {
        let gone = to_the_second(gone);
        out!("    gone at the hoster since {gone}; what is in the backup is kept");
    }
    if let Some(why) = &repository.unreadable {
        out!("    {why}");
    }
    if let (Some(first), Some(verified)) = (repository.damage.first(), repository.verified) {
        let number = repository.damage.len();
        let number = text::count(number, "problem", "problems");
        let verified = to_the_second(verified);
        out!(
            "    damaged, as verified at {verified}: {number}, the first in {}",
            first.file.shown()
        );
        out!("      hint: run `forgekeep backup`: it repairs what the hoster still has");
    }
}

fn good(time: Option<Timestamp>, seconds: Option<i64>) -> String {
    match (time, seconds) {
        (Some(time), Some(seconds)) => {
            format!("last good {} ({})", to_the_second(time), age(seconds))
        }
        _ => "never good in the kept reports".to_owned(),
    }
}

fn error_lines(indent: &str, error: &KeptError) -> String {
    let mut lines = format!("{indent}{}", error.message);
    if !error.hint.is_empty() {
        lines.push_str(&format!("\n{indent}  hint: {}", error.hint));
    }
    lines
}
