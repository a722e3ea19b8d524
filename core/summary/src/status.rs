//! How a backup stands, as text.

use std::fmt::Write as _;

use forgekeep_status::{KeptError, LastRun, RepositoryStatus, SourceStatus, Status};
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_terminal_text::{Cell, Column, Table, Tone, paint};
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use crate::text::{self, age, local};
use crate::tone;

/// Repositories that a line names.
const NAMED: usize = 5;

/// Failing repositories that have a line of their own.
const FAILING: usize = 20;

/// How a backup stands: the last run, a table of the sources, and what there is to say of each; with `all`, every
/// repository.
pub fn of_status(status: &Status, all: bool, width: Option<usize>) -> String {
    let mut out = format!("backup folder: {}\n", status.local_folder);
    add_runs(&mut out, status);
    if let Some(failure) = &status.no_backup {
        line(&mut out, text::failure("", failure));
    }
    if !status.sources.is_empty() {
        let table = sources(status).shown("", width);
        line(&mut out, format!("\n{}", table.trim_end()));
    }
    for source in &status.sources {
        let mut about = String::new();
        add_source(&mut about, source, status);
        add_repositories(&mut about, source, all, width);
        if !about.is_empty() {
            let title = format!("{} ({})", source.title.shown(), source.hoster);
            line(&mut out, format!("\n{}", paint(Tone::Strong, title)));
            out.push_str(&about);
        }
    }
    if let Some(room) = status.space {
        let files = room.free_files;
        let files = files.map_or_else(String::new, |number| format!(", {number} inodes"));
        let (free, total) = (text::bytes(room.free_bytes), text::bytes(room.total_bytes));
        let days = status.days_until_full.map_or_else(String::new, |days| {
            let days = text::count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days");
            format!("; enough for {days} as the backup grows now")
        });
        line(&mut out, format!("\nfree: {free} of {total}{files}{days}"));
    }
    out
}

fn line(out: &mut String, text: impl AsRef<str>) {
    let _ = writeln!(out, "{}", text.as_ref());
}

fn add_runs(out: &mut String, status: &Status) {
    if let Some(run) = &status.under_way {
        let since = run.started;
        let since = since.map_or_else(String::new, |at| format!(" since {}", local(at)));
        line(out, format!("run {} is under way{since}", run.run));
    }
    for died in &status.died {
        let begun = died.started;
        let begun = begun.map_or_else(String::new, |time| format!(" of {}", local(time)));
        let ended = paint(Tone::Bad, "ended without a report");
        line(out, format!("run {}{begun}: {ended}", died.run));
        let hint = "run `forgekeep backup` again: it was killed, ran out of memory, or the machine stopped";
        line(out, text::hint(hint, "  "));
    }
    match &status.last_run {
        Some(run) => add_last_run(out, run),
        None => line(out, "no run yet"),
    }
}

fn add_last_run(out: &mut String, run: &LastRun) {
    let outcome = paint(tone::of_outcome(run.outcome), run.outcome);
    line(
        out,
        format!(
            "last run: {} ({}): {outcome}, exit code {}",
            local(run.finished),
            age(run.age_seconds),
            run.exit_code.code()
        ),
    );
    if let Some(error) = &run.error {
        line(out, error_lines("  ", error));
    }
}

/// A line for each source.
fn sources(status: &Status) -> Table {
    let mut table = Table::new(vec![
        Column::name("source"),
        Column::word("result"),
        Column::word("last good"),
        Column::number("listed"),
        Column::number("on disk"),
        Column::number("size"),
        Column::number("snapshots"),
    ]);
    for source in &status.sources {
        let result = match (source.last_run, source.last_outcome) {
            (Some(_), Some(outcome)) => Cell::toned(tone::of_source(outcome), outcome.to_string()),
            _ if !source.configured && status.has_configuration => {
                Cell::toned(Tone::Odd, "not configured")
            }
            _ => Cell::toned(Tone::Odd, "in no report"),
        };
        let good = match source.age_seconds.filter(|_| source.last_good.is_some()) {
            Some(seconds) if source.overdue => Cell::toned(Tone::Bad, age(seconds)),
            Some(seconds) => age(seconds).into(),
            None if source.last_run.is_some() => Cell::toned(Tone::Bad, "never"),
            None => Cell::toned(Tone::Faint, "-"),
        };
        let listed = source.listed;
        let kept = source.repositories.iter().filter(|r| r.size.is_some());
        let size = kept.clone().filter_map(|r| r.size).sum();
        let snapshots: usize = kept.clone().filter_map(|r| r.snapshots).sum();
        table.row(vec![
            source.title.shown().to_string().into(),
            result,
            good,
            listed.map_or_else(|| Cell::toned(Tone::Faint, "-"), |n| n.to_string().into()),
            kept.count().to_string().into(),
            text::bytes(size).into(),
            snapshots.to_string().into(),
        ]);
    }
    table
}

/// What there is to say of a source besides its line in the table.
fn add_source(out: &mut String, source: &SourceStatus, status: &Status) {
    let now = status.now;
    if let Some(error) = &source.last_error {
        line(out, error_lines("  ", error));
    }
    let last = status.last_run.as_ref().map(|last| last.started);
    if let Some(run) = source.last_run.filter(|run| last != Some(*run)) {
        line(out, format!("  last run over it: {}", local(run)));
    }
    if let Some(limit) = source.max_age.filter(|_| source.overdue) {
        let good = match source.last_good {
            Some(time) => format!("last good {}", local(time)),
            None => "never good in the kept reports".to_owned(),
        };
        let overdue = paint(Tone::Bad, format!("older than maxAge ({limit})"));
        line(out, format!("  {good}, {overdue}"));
    }
    if let Some(since) = source.failing_since {
        let failing = paint(Tone::Bad, "failing");
        line(out, format!("  {failing} since {}", local(since)));
    }
    for alert in &source.alerts {
        line(out, format!("  {} {alert}", paint(Tone::Odd, "alert:")));
    }
    if let Some(expires) = source.expires {
        let word = if expires <= now { "expired" } else { "expire" };
        line(
            out,
            format!("  the credentials {word} on {}", last_day(expires)),
        );
    }
    if let Some(verified) = verified_line(source, now) {
        line(out, format!("  {verified}"));
    }
    if let Some(drill) = drill_line(source, now) {
        line(out, format!("  {drill}"));
    }
}

/// The day of which this is the end.
fn last_day(end: Timestamp) -> String {
    let day = end.checked_sub(jiff::SignedDuration::from_secs(1));
    day.unwrap_or(end).strftime("%Y-%m-%d").to_string()
}

fn add_repositories(out: &mut String, source: &SourceStatus, all: bool, width: Option<usize>) {
    if all && !source.repositories.is_empty() {
        out.push_str(&repositories(source).shown("  ", width));
    }
    let mut failing = 0;
    for repository in &source.repositories {
        let since = repository.failing_since;
        failing += usize::from(since.is_some());
        let is_failing = since.is_some() && (all || failing <= FAILING);
        let error = repository.last_error.as_ref().filter(|_| all);
        if is_odd(repository) || is_failing || error.is_some() {
            line(out, format!("  {}", repository.name));
        }
        if let Some(error) = error {
            line(out, error_lines("    ", error));
        }
        if let Some(since) = since.filter(|_| is_failing) {
            let good = match repository.last_good {
                Some(_) => String::new(),
                None => "; never good in the kept reports".to_owned(),
            };
            let failing = paint(Tone::Bad, "failing");
            line(out, format!("    {failing} since {}{good}", local(since)));
        }
        add_oddities(out, repository);
    }
    if failing > FAILING && !all {
        let more = failing - FAILING;
        line(
            out,
            format!("  {more} more are failing: `forgekeep status -v` shows them"),
        );
    }
}

/// A line for each repository.
fn repositories(source: &SourceStatus) -> Table {
    let mut table = Table::new(vec![
        Column::name("repository"),
        Column::word("result"),
        Column::word("last good"),
        Column::number("size"),
        Column::number("snapshots"),
        Column::name("folder"),
    ]);
    let none = || Cell::toned(Tone::Faint, "-");
    for repository in &source.repositories {
        let outcome = repository.last_outcome;
        let result = outcome.map_or_else(
            || Cell::toned(Tone::Odd, "in no report"),
            |outcome| match tone::of_repository(outcome) {
                // What the word of a newer version means is told below.
                Some(tone) if !is_unknown(repository) => Cell::toned(tone, outcome.to_string()),
                Some(tone) => Cell::toned(tone, outcome.as_str()),
                None => outcome.to_string().into(),
            },
        );
        let good = match (repository.last_good, repository.age_seconds, outcome) {
            (Some(_), Some(seconds), _) => age(seconds).into(),
            // Left out on purpose, and always: nothing is amiss.
            (.., Some(RepositoryOutcome::Skipped) | None) => none(),
            _ => Cell::toned(Tone::Bad, "never"),
        };
        let folder = repository.path.shown().to_string();
        table.row(vec![
            repository.name.to_string().into(),
            result,
            good,
            repository
                .size
                .map_or_else(none, |size| text::bytes(size).into()),
            repository
                .snapshots
                .map_or_else(none, |number| number.to_string().into()),
            match folder.is_empty() {
                true => none(),
                false => folder.into(),
            },
        ]);
    }
    table
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

fn add_oddities(out: &mut String, repository: &RepositoryStatus) {
    if let Some(outcome) = repository.last_outcome.filter(|_| is_unknown(repository)) {
        line(out, format!("    last outcome: {outcome}"));
    }
    if let Some(gone) = repository.gone {
        let gone = local(gone);
        line(
            out,
            format!("    gone at the hoster since {gone}; what is in the backup is kept"),
        );
    }
    if let Some(why) = &repository.unreadable {
        line(out, format!("    {why}"));
    }
    if let (Some(first), Some(verified)) = (repository.damage.first(), repository.verified) {
        let number = text::count(repository.damage.len(), "problem", "problems");
        line(
            out,
            format!(
                "    {}, as verified at {}: {number}, the first in {}",
                paint(Tone::Bad, "damaged"),
                local(verified),
                first.file.shown()
            ),
        );
        let hint = "run `forgekeep backup`: it repairs what the hoster still has";
        line(out, text::hint(hint, "      "));
    }
}

fn error_lines(indent: &str, error: &KeptError) -> String {
    text::advised(indent, &error.message, &error.hint)
}
