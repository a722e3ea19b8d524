//! The one thing that the page says first.

use forgekeep_status::{SourceStatus, Status};
use forgekeep_store::report::SourceOutcome;
use forgekeep_untrusted::Show as _;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::text::{self, Clock, count};
use crate::{Expected, Page, facts};

/// Reasons that are told.
const MOST_REASONS: usize = 20;

/// Days before credentials expire from which on that is told.
const EXPIRES_SOON: i32 = 14;

/// Days for which there has to be room.
const DAYS_OF_ROOM: u64 = 30;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Good,
    Warning,
    Critical,
}

impl Level {
    /// The class in the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

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
        let status = page.status;
        let mut all = Reasons(Vec::new());
        all.of_run(status);
        for expected in page.expected {
            let source = status.sources.iter().find(|s| s.title == expected.title);
            if let Some(source) = source {
                all.of_source(source, expected, page);
            }
        }
        all.of_repositories(status);
        if let Some((free, days)) = facts::room(page)
            && days < DAYS_OF_ROOM
        {
            let free = text::bytes(free);
            let days = count(usize::try_from(days).unwrap_or(usize::MAX), "day", "days");
            all.warn(format!(
                "{free} are free: enough for {days} if the backup grows as in the last 30 days"
            ));
        }
        let mut all = all.0;
        all.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        let level = all.first().map_or(Level::Good, |(level, _)| *level);
        let more_reasons = all.len().saturating_sub(MOST_REASONS);
        all.truncate(MOST_REASONS);
        Self {
            level,
            headline: headline(level),
            reasons: all.into_iter().map(|(_, reason)| reason).collect(),
            more_reasons,
            until: until(page),
        }
    }
}

fn headline(level: Level) -> &'static str {
    match level {
        Level::Good => "Good: everything that is configured is backed up",
        Level::Warning => "Look at this: backed up, with something to look at",
        Level::Critical => "Not good: the backup needs somebody now",
    }
}

/// The first moment at which a source would be older than it may be. A page of which that has passed already
/// is red for it, and says when the next run should have written another.
fn until(page: &Page<'_>) -> Timestamp {
    let status = page.status;
    let of = |expected: &Expected| {
        let source = status.sources.iter().find(|s| s.title == expected.title)?;
        source.last_good?.checked_add(expected.max_age).ok()
    };
    let to_come = page.expected.iter().filter_map(of);
    let first = to_come.filter(|time| *time > status.now).min();
    let longest = page.expected.iter().map(|expected| expected.max_age).max();
    let next = || {
        let last = status
            .last_run
            .as_ref()
            .map_or(status.now, |run| run.started);
        last.checked_add(longest.unwrap_or(SignedDuration::ZERO))
            .unwrap_or(status.now)
    };
    first.unwrap_or_else(next)
}

struct Reasons(Vec<(Level, String)>);

impl Reasons {
    fn warn(&mut self, reason: String) {
        self.0.push((Level::Warning, reason));
    }

    fn alarm(&mut self, reason: String) {
        self.0.push((Level::Critical, reason));
    }

    fn of_run(&mut self, status: &Status) {
        if let Some(failure) = &status.no_backup {
            self.alarm(text::message(&failure.message));
        }
        match &status.last_run {
            None => self.alarm("there was no run yet".to_owned()),
            Some(run) => {
                if let Some(error) = &run.error {
                    self.alarm(format!("the last run: {}", text::error(error)));
                }
            }
        }
        for died in &status.died {
            self.warn(format!(
                "run {} ended without a report: it was killed, ran out of memory, or the machine stopped",
                died.run
            ));
        }
        for file in &status.unreadable {
            let why = text::message(&file.why);
            self.warn(format!("{} is skipped: {why}", file.file));
        }
    }

    fn of_source(&mut self, source: &SourceStatus, expected: &Expected, page: &Page<'_>) {
        let clock = Clock::new(page.status.now, page.zone.clone());
        let title = text::shortened(&source.title.shown().to_string());
        let most = text::duration(expected.max_age.as_secs_f64());
        match source.last_good {
            _ if source.last_run.is_none() => {
                self.alarm(format!("{title}: no run has backed it up yet"));
            }
            None => self.alarm(format!("{title}: never good in the reports that are kept")),
            Some(time) if clock.now.duration_since(time) > expected.max_age => {
                self.alarm(format!(
                    "{title}: last good {} ({} ago), and it may be {most} old",
                    clock.time(time),
                    clock.age(time)
                ));
            }
            Some(_) => {}
        }
        match source.last_outcome {
            Some(SourceOutcome::Failed) => self.alarm(format!("{title}: its last run failed")),
            Some(SourceOutcome::Partial) => {
                self.warn(format!("{title}: not all of it is backed up"));
            }
            Some(SourceOutcome::Newer(word)) => self.warn(format!(
                "{title}: its last outcome is `{}`, which this version does not know",
                word.as_str()
            )),
            Some(SourceOutcome::Ok) | None => {}
        }
        let alert = page.status.newest_alert.as_ref();
        if let Some(alert) =
            alert.filter(|a| a.source == source.title && Some(a.run) == source.last_run)
        {
            self.warn(format!("{title}: alert: {}", text::message(&alert.message)));
        }
        if let Some(day) = expected.expires {
            let today = clock.now.to_zoned(TimeZone::UTC).date();
            let soon = today.checked_add(EXPIRES_SOON.days()).unwrap_or(today);
            if day < today {
                self.alarm(format!("{title}: its credentials expired on {day}"));
            } else if day <= soon {
                self.warn(format!("{title}: its credentials expire on {day}"));
            }
        }
    }

    fn of_repositories(&mut self, status: &Status) {
        let all = || status.sources.iter().flat_map(|s| &s.repositories);
        let number = |n: usize| count(n, "repository", "repositories");
        let damaged = all().filter(|one| !one.damage.is_empty()).count();
        if damaged > 0 {
            let damaged = number(damaged);
            self.alarm(format!("{damaged} found damaged: run `forgekeep backup`"));
        }
        let unreadable = all().filter(|one| one.unreadable.is_some()).count();
        if unreadable > 0 {
            let unreadable = number(unreadable);
            self.warn(format!(
                "{unreadable} with a state file that cannot be read"
            ));
        }
        let not_back = all().filter(|one| one.drilled_good == Some(false)).count();
        if not_back > 0 {
            self.warn(format!("{} not as it was in a drill", number(not_back)));
        }
    }
}
