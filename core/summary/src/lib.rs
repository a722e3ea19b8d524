//! What is printed at the end of a run, and for a plan, a listing and a status; and small pieces of `text` that
//! several commands print. It is coloured (`terminal-text`); a `width` is that of the terminal it goes to, if it
//! goes to one.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod failures;
mod lines;
mod listing;
mod restored;
mod status;
mod tally;
pub mod text;
mod tone;
mod verified;

use std::fmt::Write as _;

use forgekeep_engine::plan::{Action, Plan};
use forgekeep_failure::ErrorKind;
use forgekeep_store::report::{
    Proof, Report, RepositoryOutcome, RepositoryReport, RunOutcome, SourceOutcome, SourceReport,
};
use forgekeep_terminal_text::{Cell, Column, Table, Tone, paint};
use forgekeep_untrusted::{Printable, Shown};

pub use lines::{alert_line, note_line, repository_line, source_failed};
pub use listing::of_listing;
pub use restored::{details_of_restored, of_restore, of_restored};
pub use status::of_status;
pub use tally::Tally;
pub use verified::{Scope, of_verdict};

/// The outcomes of repositories with the words for them, in the order of the table.
const OUTCOMES: [(RepositoryOutcome, &str); 8] = [
    (RepositoryOutcome::Cloned, "cloned"),
    (RepositoryOutcome::Updated, "updated"),
    (RepositoryOutcome::Unchanged, "unchanged"),
    (RepositoryOutcome::Empty, "empty"),
    (RepositoryOutcome::Skipped, "skipped"),
    (RepositoryOutcome::Partial, "partial"),
    (RepositoryOutcome::Failed, "failed"),
    (RepositoryOutcome::NotDone, "not done"),
];

/// What came of a run: a table with a line for each source, what failed and what to do about it,
/// and one line for the whole.
pub fn of_run(report: &Report, width: Option<usize>) -> String {
    let mut out = sources(report).shown("", width);
    for source in &report.sources {
        let all = source.repositories.iter();
        let proved = all.filter(|r| r.proof == Some(Proof::Listing)).count();
        if proved > 0 {
            let them = text::count(proved, "repository", "repositories");
            let _ = writeln!(
                out,
                "{}: {them} unchanged by the hoster's listing, git not asked",
                source.title
            );
        }
        let lost: usize = source
            .repositories
            .iter()
            .map(|r| r.refs.forced + r.refs.deleted)
            .sum();
        if lost > 0 {
            let refs = text::count(lost, "ref", "refs");
            let _ = writeln!(
                out,
                "{}: {refs} rewritten or deleted upstream, old ones kept",
                source.title
            );
        }
    }
    for alert in alerts(report) {
        let _ = writeln!(out, "{alert}");
    }
    let (failures, warnings) = (failures::of(report), failures::warnings(report));
    let last = paint(tone::of_run(report), last_line(report));
    let _ = write!(out, "{failures}{warnings}\n{last}\n");
    out
}

/// What somebody should know of a run that could not be made.
pub fn of_warnings(report: &Report) -> String {
    failures::warnings(report)
}

/// Most alerts that are shown: if there are more, these will do.
const ALERTS: usize = 10;

/// Where upstream has lost much: for sources, then for repositories.
fn alerts(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for source in &report.sources {
        let title = &source.title;
        lines.extend(
            source
                .alert
                .iter()
                .map(|what| format!("{title}: {} {what}", alert_word())),
        );
        for repository in &source.repositories {
            let name = &repository.name;
            let alert = repository.alert.iter();
            lines.extend(alert.map(|what| format!("{title}: {} {name}: {what}", alert_word())));
        }
    }
    if let Some(more @ 1..) = lines.len().checked_sub(ALERTS) {
        lines.truncate(ALERTS);
        lines.push(format!("… and {more} more: see the report"));
    }
    lines
}

/// What an alert begins with.
pub(crate) fn alert_word() -> String {
    paint(Tone::Odd, "ALERT:")
}

fn number_of(source: &SourceReport, outcome: RepositoryOutcome) -> usize {
    let all = source.repositories.iter();
    all.filter(|repository| repository.outcome == outcome)
        .count()
}

/// A column for each outcome that occurred: one of zeros would only be in the way.
fn sources(report: &Report) -> Table {
    let occurred: Vec<_> = OUTCOMES
        .into_iter()
        .filter(|(outcome, _)| report.repositories().any(|r| r.outcome == *outcome))
        .collect();
    let mut columns = vec![Column::name("source"), Column::word("result")];
    columns.extend(occurred.iter().map(|(_, word)| Column::number(*word)));
    if !occurred.is_empty() {
        columns.extend(["received", "work"].map(Column::number));
    }
    let mut table = Table::new(columns);
    for source in &report.sources {
        let result = match report.outcome {
            RunOutcome::Interrupted => cut_short(source),
            _ => None,
        };
        let result = result.map_or_else(
            || Cell::toned(tone::of_source(source.outcome), source.outcome.to_string()),
            |word| Cell::toned(Tone::Odd, word),
        );
        let mut row = vec![source.title.to_string().into(), result];
        row.extend(occurred.iter().map(|(outcome, _)| {
            let number = number_of(source, *outcome);
            match (number, tone::of_repository(*outcome)) {
                (0, _) => Cell::toned(Tone::Faint, "-"),
                (_, Some(tone)) => Cell::toned(tone, number.to_string()),
                (_, None) => number.to_string().into(),
            }
        }));
        let all = source.repositories.iter();
        match (occurred.is_empty(), source.repositories.is_empty()) {
            (true, _) => {}
            (false, true) => row.extend(["-", "-"].map(|none| Cell::toned(Tone::Faint, none))),
            (false, false) => {
                row.push(text::bytes(all.clone().map(|r| r.bytes_received).sum()).into());
                row.push(duration(all.map(|r| r.seconds).sum()).into());
            }
        }
        table.row(row);
    }
    table
}

/// What an interruption has left of a source of which it left nothing.
fn cut_short(source: &SourceReport) -> Option<&'static str> {
    let error = source.error.as_ref();
    if error.is_some_and(|error| error.kind == ErrorKind::Cancelled) {
        return Some("not listed");
    }
    let is_cut = source.outcome == SourceOutcome::Failed
        && error.is_none()
        && number_of(source, RepositoryOutcome::NotDone) > 0
        && number_of(source, RepositoryOutcome::Failed) == 0;
    is_cut.then_some("not done")
}

/// A time for a person: "1.2 s", "3 min 7 s", "2 h 5 min".
pub fn duration(seconds: f64) -> String {
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    // Saturates: no run is that long.
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

fn last_line(report: &Report) -> String {
    let safe = report.repositories().filter(|r| r.is_safe()).count();
    let sum = |outcome| -> usize { report.sources.iter().map(|s| number_of(s, outcome)).sum() };
    let failed = sum(RepositoryOutcome::Failed);
    let partial = sum(RepositoryOutcome::Partial);
    let sources = report.sources.iter();
    let unlisted = sources
        .filter(|s| s.outcome == SourceOutcome::Failed && s.repositories.is_empty())
        .count();
    let bytes: u64 = report.repositories().map(|r| r.bytes_received).sum();
    let seconds = report.finished.duration_since(report.started).as_secs_f64();
    let safe = text::count(safe, "repository", "repositories");
    let measured = format!("{} received, {}", text::bytes(bytes), duration(seconds));
    let listed: usize = report.sources.iter().map(|source| source.listed).sum();
    match (report.outcome, &report.error) {
        (RunOutcome::Ok, None) if listed == 0 => {
            "Nothing to back up: the hoster lists no repository.".to_owned()
        }
        (RunOutcome::Ok, None) if report.repositories().all(is_left_out) => {
            "Nothing to back up: every repository is left out.".to_owned()
        }
        (RunOutcome::Ok, None) if report.has_alert() => {
            format!("Backup complete, with alerts: {safe}, {measured}; see the alerts above.")
        }
        (RunOutcome::Ok, None) if report.has_warning() => {
            format!("Backup complete, with warnings: {safe}, {measured}.")
        }
        (RunOutcome::Ok, None) => format!("All good: {safe} backed up, {measured}."),
        (RunOutcome::Ok, Some(error)) => {
            format!("Backup complete, with an error: {safe} backed up, {measured}; {error}.")
        }
        (RunOutcome::Partial, _) if failed + unlisted + partial == 0 => {
            format!("Backup incomplete: {safe} backed up, {measured}; see the errors above.")
        }
        (RunOutcome::Partial, _) => {
            let lost = [
                (failed, "repository", "repositories"),
                (unlisted, "source", "sources"),
            ];
            let lost = lost.into_iter().filter(|(number, ..)| *number > 0);
            let lost: Vec<_> = lost
                .map(|(n, one, many)| text::count(n, one, many))
                .collect();
            let mut lost = lost.join(" and ");
            if !lost.is_empty() {
                lost.push_str(" failed");
            }
            if partial > 0 {
                let comma = if lost.is_empty() { "" } else { ", " };
                lost.push_str(&format!("{comma}{partial} of them only in part"));
            }
            format!("Not everything is backed up: {safe} done, {lost}; {measured}.")
        }
        (RunOutcome::Failed, _) => "Nothing was backed up.".to_owned(),
        (RunOutcome::Newer(_), _) => format!("{safe} backed up, {measured}: {}.", report.outcome),
        (RunOutcome::Interrupted, _) => {
            let not_done = sum(RepositoryOutcome::NotDone);
            let mut rest = Vec::new();
            for (number, one, many, what) in [
                (not_done, "repository", "repositories", "not done"),
                (unlisted, "source", "sources", "not listed"),
                (failed, "repository", "repositories", "failed"),
                (partial, "repository", "repositories", "only in part"),
            ] {
                if number > 0 {
                    let number = text::count(number, one, many);
                    rest.push(format!(", {number} {what}"));
                }
            }
            let rest = rest.concat();
            format!("Interrupted: {safe} backed up before{rest}; run again for the rest.")
        }
    }
}

fn is_left_out(repository: &RepositoryReport) -> bool {
    repository.outcome == RepositoryOutcome::Skipped
}

/// What a run would do.
pub fn of_plan(plan: &Plan, sources: &[SourceReport]) -> String {
    let mut out = String::new();
    for (index, source) in sources.iter().enumerate() {
        let _ = writeln!(out, "{} ({}):", source.title, source.hoster);
        if let Some(error) = &source.error {
            let _ = writeln!(out, "{}", text::failure("  ", error));
        }
        for error in source.owners.iter().filter_map(|o| o.error.as_ref()) {
            let _ = writeln!(out, "{}", text::failure("  ", error));
        }
        for task in plan.tasks.iter().filter(|task| task.source == index) {
            let word = match task.action {
                Action::Clone => "clone",
                Action::Update => "update",
                Action::Adopt => "adopt",
            };
            let name = task.repository.full_name.printable();
            let size = task
                .repository
                .size()
                .map_or_else(String::new, |size| format!(", {}", text::bytes(size)));
            let now = task.from.as_ref();
            let now = now.map_or_else(String::new, |from| {
                format!(" (now {})", Shown::of(&from.folder))
            });
            let to = Shown::of(&task.folder);
            let proved = match task.by_listing.is_unchanged() {
                true => ", unchanged by the listing",
                false => "",
            };
            let _ = writeln!(out, "  {word:<7} {name} -> {to}{now}{size}{proved}");
        }
        for repository in &source.repositories {
            let why = match (&repository.error, &repository.note) {
                (Some(error), _) => error.message.clone(),
                (None, Some(note)) => note.clone(),
                (None, None) => Printable::default(),
            };
            let word = if repository.outcome == RepositoryOutcome::Failed {
                "fail"
            } else {
                "skip"
            };
            let _ = writeln!(out, "  {word:<7} {}: {why}", repository.name);
        }
    }
    let counts = plan.counts();
    let number = |word: &str| counts.get(word).copied().unwrap_or(0);
    let _ = writeln!(
        out,
        "Nothing was changed. A run would clone {}, update {} and adopt {}.",
        number("clone"),
        number("update"),
        number("adopt")
    );
    let unchanged = plan.unchanged();
    if unchanged > 0 {
        let _ = writeln!(
            out,
            "Of those to update, git would not be asked for {unchanged}: the hoster's listing proves them \
             unchanged."
        );
    }
    out
}

#[cfg(test)]
mod tests;
