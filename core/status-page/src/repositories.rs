//! The table of repositories.

use std::collections::HashMap;

use forgekeep_status::{RepositoryStatus, SourceStatus, Status};
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_untrusted::Show as _;
use serde::Serialize;

use crate::text::{self, Clock, count};

/// A line of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    name: String,
    /// Whether somebody should look: class of the line.
    class: &'static str,
    state: String,
    /// What else there is to say of it.
    more: Vec<String>,
    good: String,
    age: String,
    size: String,
    snapshots: String,
    verified: String,
    drilled: String,
    rewritten: String,
    /// How to bring it back; empty where nothing is on disk.
    restore: String,
}

/// Those to look at first, then by name.
pub(crate) fn rows(status: &Status, source: &SourceStatus, clock: &Clock) -> Vec<Row> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for one in &source.repositories {
        *names.entry(&one.name).or_default() += 1;
    }
    let rows = source.repositories.iter().map(|one| {
        let is_unique = names.get(one.name.as_str()) == Some(&1);
        let restore = command(status, source, one, is_unique);
        (rank(one), Row::of(one, restore, clock))
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|(rank, _)| *rank);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn rank(one: &RepositoryStatus) -> u8 {
    match one.last_outcome {
        _ if !one.damage.is_empty() => 0,
        Some(RepositoryOutcome::Failed) if one.gone.is_none() => 1,
        Some(RepositoryOutcome::Partial | RepositoryOutcome::Newer(_)) => 2,
        _ if one.unreadable.is_some() || one.drilled_good == Some(false) => 2,
        _ if one.gone.is_some() => 3,
        _ => 4,
    }
}

impl Row {
    fn of(one: &RepositoryStatus, restore: String, clock: &Clock) -> Self {
        let or_never = |time: Option<jiff::Timestamp>| match time {
            Some(time) => clock.time(time),
            None => "never".to_owned(),
        };
        let class = match rank(one) {
            0 | 1 => "bad",
            2 => "odd",
            _ => "",
        };
        let drilled = match (one.drilled, one.drilled_good) {
            (Some(time), Some(false)) => format!("not as it was, {}", clock.time(time)),
            (time, _) => or_never(time),
        };
        let rewritten = one.rewritten.map_or_else(String::new, |refs| {
            let all = [(refs.forced, "forced"), (refs.deleted, "deleted")];
            let all = all.iter().filter(|(number, _)| *number > 0);
            let all: Vec<_> = all
                .map(|(number, word)| format!("{number} {word}"))
                .collect();
            format!("{}, {}", all.join(", "), clock.time(refs.run))
        });
        Self {
            name: text::shortened(&one.name),
            class,
            state: match one.last_outcome {
                Some(RepositoryOutcome::NotDone) => "not done".to_owned(),
                Some(outcome) => outcome.as_str().to_owned(),
                None => "not in any kept report".to_owned(),
            },
            more: remarks(one, clock),
            good: or_never(one.last_good),
            age: one
                .last_good
                .map_or_else(String::new, |time| clock.age(time)),
            size: one.size.map_or_else(String::new, text::bytes),
            snapshots: one.snapshots.map_or_else(String::new, |n| n.to_string()),
            verified: or_never(one.verified),
            drilled,
            rewritten,
            restore,
        }
    }
}

fn remarks(one: &RepositoryStatus, clock: &Clock) -> Vec<String> {
    let mut all = Vec::new();
    if !one.damage.is_empty() {
        let number = count(one.damage.len(), "problem", "problems");
        all.push(format!("damaged when it was verified: {number}"));
    }
    if let Some(since) = one.failing_since {
        all.push(format!("failing since {}", clock.time(since)));
    }
    all.extend(one.last_error.as_ref().map(text::error));
    if let Some(gone) = one.gone {
        all.push(format!("gone at the hoster since {}", clock.time(gone)));
    }
    all.extend(one.unreadable.as_ref().map(|why| text::message(why)));
    all
}

/// What to type to bring it back. A name that was made fit to be shown, or that another one has too, does
/// not find it: its id does.
fn command(
    status: &Status,
    source: &SourceStatus,
    one: &RepositoryStatus,
    is_unique: bool,
) -> String {
    if one.size.is_none() {
        return String::new();
    }
    let name = format!("{}/{}", source.title.shown(), one.name);
    let what = match is_unique && !name.contains('\\') {
        true => name,
        false => one.id.to_string(),
    };
    if what.is_empty() || what.contains('\\') {
        return String::new();
    }
    let (folder, what) = (text::quoted(&status.local_folder), text::quoted(&what));
    // What looks like an option is none.
    let end = if what.starts_with('-') { "-- " } else { "" };
    format!("forgekeep restore --folder {folder} --to restored {end}{what}")
}
