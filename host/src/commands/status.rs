mod check;

use std::path::Path;

use forgekeep_command_line::{Common, StatusArguments};
use forgekeep_config::Config;
use forgekeep_failure::Failure;
use forgekeep_status::{KeptError, LastRun, RepositoryStatus, SourceStatus, Status};
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_summary::text::{self, age, to_the_second};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use super::backup::in_the_way;
use super::page;
use crate::exit::{Complaint, Ending, ExitCode};
use crate::report_file::{PAGE, ReportFile};
use crate::terminal::{out, tell};

/// Repositories that a line names.
const NAMED: usize = 5;

/// Failing repositories that have a line of their own.
const FAILING: usize = 20;

/// `forgekeep status`.
pub fn run(common: &Common, arguments: &StatusArguments) -> Result<Ending, Complaint> {
    if arguments.check {
        return check::run(common, arguments);
    }
    if let Some(folder) = &arguments.place.folder {
        let status = Status::read_folder(folder).map_err(untold)?;
        tell_skipped(&status);
        return show(common, arguments, &status);
    }
    let config = super::offline::configuration(common)?;
    if let Some(path) = &arguments.html {
        return write_page(&config, path);
    }
    let status = Status::read(&config).map_err(untold)?;
    tell_skipped(&status);
    show(common, arguments, &status)
}

fn untold(failure: Failure) -> Complaint {
    Complaint::new(ExitCode::Unexpected, failure.message, failure.hint)
}

fn tell_skipped(status: &Status) {
    for file in &status.unreadable {
        tell!("warning: {} is skipped: {}", file.file, file.why);
    }
}

fn show(
    common: &Common,
    arguments: &StatusArguments,
    status: &Status,
) -> Result<Ending, Complaint> {
    if arguments.json {
        super::print_json(status)?;
    } else {
        print(status, common.verbose > 0);
    }
    Ok(ExitCode::Good.into())
}

fn write_page(config: &Config, path: &Path) -> Result<Ending, Complaint> {
    let file = ReportFile::prepare(path, PAGE)?;
    if let Some(complaint) = in_the_way("--html", &file, config) {
        return Err(complaint);
    }
    let status = Status::read(config).map_err(untold)?;
    tell_skipped(&status);
    let page = page::render(&status).map_err(untold)?;
    file.write(page.as_bytes(), PAGE)?;
    Ok(ExitCode::Good.into())
}

fn print(status: &Status, verbose: bool) {
    out!("backup folder: {}", status.local_folder);
    if let Some(run) = &status.under_way {
        let since = run.started;
        let since = since.map_or_else(String::new, |at| format!(" since {}", to_the_second(at)));
        out!("run {} is under way{since}", run.run);
    }
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
        print_source(source, status.now);
        print_repositories(source, verbose);
    }
    if let Some(room) = status.space {
        let files = room.free_files;
        let files = files.map_or_else(String::new, |number| format!(", {number} inodes"));
        let (free, total) = (text::bytes(room.free_bytes), text::bytes(room.total_bytes));
        let days = status.days_until_full.map_or_else(String::new, |days| {
            let days = text::count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days");
            format!("; enough for {days} as the backup grows now")
        });
        out!("free: {free} of {total}{files}{days}");
    }
}

/// What there is to say of a source besides its line.
fn print_source(source: &SourceStatus, now: Timestamp) {
    if let Some(error) = &source.last_error {
        out!("{}", error_lines("  ", error));
    }
    if let Some(since) = source.failing_since {
        out!("  failing since {}", to_the_second(since));
    }
    for alert in &source.alerts {
        out!("  alert: {alert}");
    }
    if let Some(expires) = source.expires {
        let word = if expires <= now { "expired" } else { "expire" };
        out!("  the credentials {word} on {}", last_day(expires));
    }
    if let Some(line) = verified_line(source, now) {
        out!("  {line}");
    }
    if let Some(line) = drill_line(source, now) {
        out!("  {line}");
    }
}

/// The day of which this is the end.
fn last_day(end: Timestamp) -> String {
    let day = end.checked_sub(jiff::SignedDuration::from_secs(1));
    day.unwrap_or(end).strftime("%Y-%m-%d").to_string()
}

fn print_repositories(source: &SourceStatus, verbose: bool) {
    let mut failing = 0;
    for repository in &source.repositories {
        let since = repository.failing_since;
        failing += usize::from(since.is_some());
        if verbose {
            print_repository(repository);
        } else if is_odd(repository) || (since.is_some() && failing <= FAILING) {
            out!("  {}", repository.name);
        }
        if let Some(since) = since.filter(|_| verbose || failing <= FAILING) {
            let good = match repository.last_good {
                Some(_) => String::new(),
                None => "; never good in the kept reports".to_owned(),
            };
            out!("    failing since {}{good}", to_the_second(since));
        }
        print_oddities(repository);
    }
    if failing > FAILING && !verbose {
        let more = failing - FAILING;
        out!("  {more} more are failing: `forgekeep status -v` shows them");
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
        _ if !source.configured && status.has_configuration => {
            format!("{head}not in the configuration")
        }
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
    if let Some(limit) = source.max_age.filter(|_| source.overdue) {
        line.push_str(&format!(", older than maxAge ({limit})"));
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

/// Within how long its repositories were verified, and how many never were.
fn verified_line(source: &SourceStatus, now: Timestamp) -> Option<String> {
    let on_disk = source.repositories.iter().filter(|one| one.size.is_some());
    let (verified, never): (Vec<_>, Vec<_>) = on_disk.partition(|one| one.verified.is_some());
    let oldest = verified.iter().filter_map(|one| one.verified).min();
    let mut facts = Vec::new();
    if let Some(oldest) = oldest {
        let number = text::count(verified.len(), "repository", "repositories");
        facts.push(format!("{number} within {}", days_since(oldest, now)));
    }
    if !never.is_empty() {
        let number = text::count(never.len(), "repository", "repositories");
        facts.push(format!("{number} never"));
    }
    (!facts.is_empty()).then(|| format!("verified: {}", facts.join(", ")))
}

/// In how many days this was, the begun one counted.
fn days_since(time: Timestamp, now: Timestamp) -> String {
    let seconds = (now.as_second() - time.as_second()).max(0);
    let days = seconds.div_euclid(24 * 3600) + 1;
    text::count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days")
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
        let days = days_since(oldest, now);
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
