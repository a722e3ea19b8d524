//! The one thing that the page says first: what `status --check` says.

use forgekeep_status::{Level, SourceStatus};
use jiff::{SignedDuration, Timestamp};

use crate::Page;
use crate::text;

/// Reasons that are told.
const MOST_REASONS: usize = 20;

pub(crate) struct Verdict {
    pub level: Level,
    pub headline: &'static str,
    /// Why, the worst first.
    pub reasons: Vec<String>,
    pub more_reasons: usize,
    /// From when on the page is not to be believed: a run should have written another by then.
    pub until: Timestamp,
}

impl Verdict {
    pub fn of(page: &Page<'_>) -> Self {
        let level = page.status.level;
        let concerns = page.status.concerns.iter();
        let mut reasons: Vec<String> = concerns
            .map(|concern| text::message(&concern.message))
            .collect();
        let more_reasons = reasons.len().saturating_sub(MOST_REASONS);
        reasons.truncate(MOST_REASONS);
        Self {
            level,
            headline: headline(level),
            reasons,
            more_reasons,
            until: until(page),
        }
    }

    /// The class in the page.
    pub fn class(&self) -> &'static str {
        match self.level {
            Level::Ok => "good",
            Level::Warning => "warning",
            // What cannot be told is no better than what is not there.
            Level::Unknown | Level::Critical => "critical",
        }
    }
}

fn headline(level: Level) -> &'static str {
    match level {
        Level::Ok => "Good: everything that is configured is backed up",
        Level::Warning => "Look at this: backed up, with something to look at",
        Level::Unknown => "Not known: how the backup stands cannot be told",
        Level::Critical => "Not good: the backup needs somebody now",
    }
}

/// The first moment at which a source would be older than it may be. A page of which that has passed already
/// is red for it, and says when the next run should have written another.
fn until(page: &Page<'_>) -> Timestamp {
    let status = page.status;
    let max_age = |source: &SourceStatus| source.max_age_seconds.map(SignedDuration::from_secs);
    let of = |source: &SourceStatus| source.last_good?.checked_add(max_age(source)?).ok();
    let first = page.expected().filter_map(of);
    let next = || {
        let last = (status.last_run.as_ref()).map_or(status.now, |run| run.started);
        let longest = page.expected().filter_map(max_age).max();
        last.checked_add(longest.unwrap_or_default())
            .unwrap_or(status.now)
    };
    let to_come = first.filter(|time| *time > status.now);
    to_come.min().unwrap_or_else(next)
}
