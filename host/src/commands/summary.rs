//! What is printed at the end of a run, and for a plan.

use std::fmt::Write as _;

use forgekeep_engine::plan::{Action, Plan};
use forgekeep_engine::report::{
    Report, RepositoryOutcome, RunOutcome, SourceOutcome, SourceReport,
};

use crate::text;

/// What came of a run: a line for each source, whatever failed, and one line for the whole.
pub fn of_run(report: &Report) -> String {
    let mut out = String::new();
    for source in &report.sources {
        let _ = writeln!(out, "{}", source_line(source));
        if let Some(error) = &source.error {
            let _ = writeln!(out, "{}", text::failure("  ", error));
        }
        for repository in source.failures() {
            let _ = writeln!(out, "  failed: {}", repository.name);
            if let Some(error) = &repository.error {
                let _ = writeln!(out, "{}", text::failure("    ", error));
            }
        }
    }
    let _ = writeln!(out, "{}", last_line(report));
    out
}

fn source_line(source: &SourceReport) -> String {
    let mut parts = Vec::new();
    let kinds = [
        (RepositoryOutcome::Cloned, "cloned"),
        (RepositoryOutcome::Updated, "updated"),
        (RepositoryOutcome::Unchanged, "unchanged"),
        (RepositoryOutcome::Empty, "empty"),
        (RepositoryOutcome::Skipped, "skipped"),
        (RepositoryOutcome::Failed, "failed"),
    ];
    for (outcome, word) in kinds {
        let number = source
            .repositories
            .iter()
            .filter(|repository| repository.outcome == outcome)
            .count();
        if number > 0 {
            parts.push(format!("{number} {word}"));
        }
    }
    let forced: usize = source.repositories.iter().map(|r| r.refs.forced).sum();
    let deleted: usize = source.repositories.iter().map(|r| r.refs.deleted).sum();
    if forced + deleted > 0 {
        parts.push(format!(
            "{} rewritten or deleted upstream, old ones kept",
            text::count(forced + deleted, "ref", "refs")
        ));
    }
    let word = match source.outcome {
        SourceOutcome::Ok => "ok",
        SourceOutcome::Partial => "partial",
        SourceOutcome::Failed => "failed",
    };
    let detail = if parts.is_empty() {
        String::new()
    } else {
        format!(": {}", parts.join(", "))
    };
    format!("{} ({}): {word}{detail}", source.title, source.hoster)
}

fn last_line(report: &Report) -> String {
    let safe = report.repositories().filter(|r| r.is_safe()).count();
    let failed = report
        .repositories()
        .filter(|r| r.outcome == RepositoryOutcome::Failed)
        .count();
    let bytes: u64 = report.repositories().map(|r| r.bytes_received).sum();
    let seconds = report.finished.duration_since(report.started).as_secs_f64();
    let safe = text::count(safe, "repository", "repositories");
    let measured = format!("{} received, {seconds:.1} s", text::bytes(bytes));
    match report.outcome {
        RunOutcome::Ok => format!("All good: {safe} backed up, {measured}."),
        RunOutcome::Partial => {
            format!("Not everything is backed up: {safe} are, {failed} failed; {measured}.")
        }
        RunOutcome::Failed => "Nothing was backed up.".to_owned(),
        RunOutcome::Interrupted => {
            format!("Interrupted: {safe} backed up before; run again for the rest.")
        }
    }
}

/// What a run would do.
pub fn of_plan(plan: &Plan, sources: &[SourceReport]) -> String {
    let mut out = String::new();
    for (index, source) in sources.iter().enumerate() {
        let _ = writeln!(out, "{} ({}):", source.title, source.hoster);
        if let Some(error) = &source.error {
            let _ = writeln!(out, "{}", text::failure("  ", error));
        }
        for task in plan.tasks.iter().filter(|task| task.source == index) {
            let word = match task.action {
                Action::Clone => "clone",
                Action::Update => "update",
                Action::Adopt => "adopt",
            };
            let name = forgekeep_engine::names::printable(&task.repository.full_name);
            let size = task
                .repository
                .size
                .map_or_else(String::new, |size| format!(", {}", text::bytes(size)));
            let _ = writeln!(out, "  {word:<7} {name} -> {}{size}", task.folder);
        }
        for repository in &source.repositories {
            let why = match (&repository.error, &repository.note) {
                (Some(error), _) => error.message.clone(),
                (None, Some(note)) => note.clone(),
                (None, None) => String::new(),
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
    out
}
