//! The tiles, and what is said of runs and sources in a line.

use forgekeep_status::{LastRun, RepositoryStatus, SourceStatus};
use forgekeep_store::report::RepositoryOutcome;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::Page;
use crate::text::{self, Clock, count};

/// A few words and numbers.
#[derive(Serialize)]
pub(crate) struct Tile {
    name: &'static str,
    /// Each with what it is about.
    facts: Vec<Fact>,
}

#[derive(Serialize)]
struct Fact {
    name: String,
    value: String,
}

fn fact(name: impl Into<String>, value: impl Into<String>) -> Fact {
    Fact {
        name: name.into(),
        value: value.into(),
    }
}

pub(crate) fn tiles(page: &Page<'_>, clock: &Clock) -> Vec<Tile> {
    let all = || page.status.sources.iter().flat_map(|s| &s.repositories);
    // Those that the hoster has: what is gone there cannot become any newer.
    let alive: Vec<_> = all().filter(|one| is_expected(one)).collect();
    let on_disk: Vec<_> = all().filter(|one| one.size.is_some()).collect();
    let part = |of: &[&RepositoryStatus],
                hours: i64,
                time: &dyn Fn(&RepositoryStatus) -> Option<Timestamp>| {
        let since = |time| clock.now.duration_since(time) <= SignedDuration::from_hours(hours);
        let number = of.iter().filter(|one| time(one).is_some_and(since)).count();
        format!("{number} of {}", of.len())
    };
    let good = |one: &RepositoryStatus| one.last_good;
    let verified = |one: &RepositoryStatus| one.verified.filter(|_| one.damage.is_empty());
    let drilled = |one: &RepositoryStatus| one.drilled.filter(|_| one.drilled_good == Some(true));
    vec![
        Tile {
            name: "Backed up",
            facts: vec![
                fact("within 24 hours", part(&alive, 24, &good)),
                fact("within 7 days", part(&alive, 7 * 24, &good)),
                fact("within 30 days", part(&alive, 30 * 24, &good)),
            ],
        },
        Tile {
            name: "Verified, and intact",
            facts: vec![
                fact("within 7 days", part(&on_disk, 7 * 24, &verified)),
                fact("within 30 days", part(&on_disk, 30 * 24, &verified)),
            ],
        },
        Tile {
            name: "Restored in a drill",
            facts: vec![
                fact("within 30 days", part(&on_disk, 30 * 24, &drilled)),
                fact("within 90 days", part(&on_disk, 90 * 24, &drilled)),
            ],
        },
        Tile {
            name: "Newest alert",
            facts: vec![alert(page, clock)],
        },
        Tile {
            name: "Credentials expire",
            facts: expiry(page),
        },
        Tile {
            name: "Space",
            facts: space(page, &on_disk),
        },
    ]
}

/// Whether a run is to back it up.
fn is_expected(one: &RepositoryStatus) -> bool {
    let is_left_out = one.last_outcome == Some(RepositoryOutcome::Skipped);
    one.gone.is_none() && one.last_run.is_some() && !is_left_out
}

fn alert(page: &Page<'_>, clock: &Clock) -> Fact {
    let Some(alert) = &page.status.newest_alert else {
        return fact("in the reports that are kept", "none");
    };
    let of = match alert.repository.is_empty() {
        true => text::shortened(&alert.source.printable()),
        false => text::shortened(&alert.repository),
    };
    let when = format!(
        "{} ({} ago), {of}",
        clock.time(alert.run),
        clock.age(alert.run)
    );
    fact(when, text::message(&alert.message))
}

fn expiry(page: &Page<'_>) -> Vec<Fact> {
    let mut dated: Vec<_> = page
        .expected()
        .filter_map(|one| Some((one.expires?, &one.title)))
        .collect();
    dated.sort();
    let known = dated.len();
    let mut facts: Vec<_> = dated
        .into_iter()
        .take(3)
        .map(|(day, title)| fact(text::shortened(&title.printable()), last_day(day)))
        .collect();
    let unknown = page.expected().count() - known;
    if unknown > 0 {
        let unknown = count(unknown, "source", "sources");
        facts.push(fact("not in the configuration", unknown));
    }
    facts
}

fn space(page: &Page<'_>, on_disk: &[&RepositoryStatus]) -> Vec<Fact> {
    let size = on_disk.iter().filter_map(|one| one.size).sum();
    let mut facts = vec![fact("repositories on disk", text::bytes(size))];
    if let Some(room) = page.status.space {
        facts.push(fact("free", text::bytes(room.free_bytes)));
    }
    if let Some(days) = page.status.days_until_full {
        let days = match days {
            ..1000 => days.to_string(),
            _ => "more than 1000".to_owned(),
        };
        facts.push(fact("days until full, as it grows now", days));
    }
    facts
}

/// The last day on which credentials are good that expire then.
fn last_day(end: Timestamp) -> String {
    let moment = end - SignedDuration::from_secs(1);
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

pub(crate) fn last_run(run: &LastRun, clock: &Clock) -> String {
    let took = run.finished.duration_since(run.started).as_secs_f64();
    format!(
        "{} ({} ago): {}, exit code {}, took {}",
        clock.time(run.started),
        clock.age(run.finished),
        run.outcome.as_str(),
        run.exit_code.code(),
        text::duration(took.max(0.0))
    )
}

pub(crate) fn source_line(source: &SourceStatus, clock: &Clock) -> String {
    let mut facts = Vec::new();
    match (source.last_run, source.last_outcome) {
        (Some(run), Some(outcome)) => {
            facts.push(format!(
                "{} in the run of {}",
                outcome.as_str(),
                clock.time(run)
            ));
        }
        _ if !source.configured => facts.push("not in the configuration".to_owned()),
        _ => facts.push("not in any kept report".to_owned()),
    }
    if let Some(listed) = source.listed {
        let listed = usize::try_from(listed).unwrap_or(usize::MAX);
        facts.push(format!(
            "{} listed",
            count(listed, "repository", "repositories")
        ));
    }
    if let Some(time) = source.last_good {
        facts.push(format!(
            "last good {} ({} ago)",
            clock.time(time),
            clock.age(time)
        ));
    }
    let kept = source.repositories.iter().filter_map(|one| one.size);
    let (number, size) = kept.fold((0, 0), |(n, sum), size| (n + 1, sum + size));
    let number = count(number, "repository", "repositories");
    facts.push(format!("{number} on disk, {}", text::bytes(size)));
    facts.join("; ")
}
