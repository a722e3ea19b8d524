//! What came of each day, drawn.

use forgekeep_status::SourceStatus;
use forgekeep_status::days::{Day, SourceDay};
use forgekeep_untrusted::Printable;
use jiff::civil::Date;
use serde::Serialize;

use crate::Page;
use crate::text;

/// Days of a source's strip, and of the graphs of the whole backup.
const STRIP: i32 = 90;
const YEAR: i32 = 366;

/// Height of a graph, in the units of its drawing; a day is four wide.
const HEIGHT: f64 = 60.0;

/// Days that a strip names.
const NAMED: usize = 5;

/// A source's days: one mark each, as high as the day was good.
#[derive(Serialize)]
pub(crate) struct Strip {
    width: i32,
    good: String,
    partial: String,
    failed: String,
    none: String,
    words: String,
}

/// A line over days.
#[derive(Serialize)]
pub(crate) struct Graph {
    name: String,
    width: usize,
    height: f64,
    path: String,
    words: String,
    from: String,
    to: String,
}

/// What came of a source on a day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Partial,
    Failed,
    None,
}

impl Outcome {
    /// The best one: what was backed up once that day is backed up.
    fn of(day: Option<&SourceDay>) -> Self {
        match day {
            Some(day) if day.good > 0 => Self::Good,
            Some(day) if day.partial > 0 => Self::Partial,
            Some(day) if day.failed > 0 => Self::Failed,
            _ => Self::None,
        }
    }
}

fn of_source<'d>(day: &'d Day, title: &Printable) -> Option<&'d SourceDay> {
    day.sources.iter().find(|source| source.title == *title)
}

impl Strip {
    pub fn of(page: &Page<'_>, source: &SourceStatus) -> Self {
        let title = source.title.printable();
        let days = page.status.last_days(STRIP);
        let came: Vec<_> = days
            .iter()
            .map(|day| {
                let day = page.status.days.get(day);
                Outcome::of(day.and_then(|day| of_source(day, &title)))
            })
            .collect();
        let drawn = |wanted: Outcome, height: i32| {
            let all = came.iter().enumerate().filter(|(_, one)| **one == wanted);
            let all = all.map(|(at, _)| format!("M{} {}h5v{height}h-5z", at * 7, 20 - height));
            all.collect::<String>()
        };
        let number = |wanted| came.iter().filter(|one| **one == wanted).count();
        let mut words = format!(
            "Last {STRIP} days: {} good, {} partial, {} failed, {} without a run",
            number(Outcome::Good),
            number(Outcome::Partial),
            number(Outcome::Failed),
            number(Outcome::None)
        );
        let failed = days.iter().zip(&came).rev();
        let failed: Vec<_> = failed
            .filter(|(_, one)| **one == Outcome::Failed)
            .take(NAMED)
            .map(|(day, _)| day.to_string())
            .collect();
        if !failed.is_empty() {
            words.push_str(&format!("; failed on {}", failed.join(", ")));
        }
        Self {
            width: STRIP * 7 - 2,
            good: drawn(Outcome::Good, 20),
            partial: drawn(Outcome::Partial, 13),
            failed: drawn(Outcome::Failed, 7),
            none: drawn(Outcome::None, 2),
            words,
        }
    }
}

/// Those of the backup as a whole.
pub(crate) fn of_backup(page: &Page<'_>) -> Vec<Graph> {
    let days = page.status.last_days(YEAR);
    let day = |day: &Date| page.status.days.get(day);
    let took = days.iter().map(|one| day(one).map(|day| day.seconds));
    let bytes = |day: &Day| day.sources.iter().map(|source| source.bytes).sum::<u64>() as f64;
    let received = days.iter().map(|one| day(one).map(bytes));
    let sizes = page.status.sum_by_day(YEAR, |source| source.size);
    let listed = page.status.sum_by_day(YEAR, |source| Some(source.listed));
    let of_bytes = |value: f64| text::bytes(whole(value));
    let number = |value: f64| whole(value).to_string();
    let all = [
        Graph::of(
            "Duration of a day's runs",
            took.collect(),
            &days,
            &text::duration,
        ),
        Graph::of("Received in a day", received.collect(), &days, &of_bytes),
        Graph::of("Size on disk", sizes, &days, &of_bytes),
        Graph::of("Repositories listed", listed, &days, &number),
    ];
    all.into_iter().flatten().collect()
}

/// How many repositories a source has listed.
pub(crate) fn listed(page: &Page<'_>, source: &SourceStatus) -> Option<Graph> {
    let title = source.title.printable();
    let days = page.status.last_days(STRIP);
    let values = days.iter().map(|day| {
        let day = page.status.days.get(day)?;
        of_source(day, &title).map(|source| source.listed as f64)
    });
    let number = |value: f64| whole(value).to_string();
    Graph::of("Repositories listed", values.collect(), &days, &number)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative, and made from a u64"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

impl Graph {
    /// `None` where there is nothing to draw.
    fn of(
        name: &str,
        values: Vec<Option<f64>>,
        days: &[Date],
        words: &dyn Fn(f64) -> String,
    ) -> Option<Self> {
        let known = || {
            values
                .iter()
                .zip(days)
                .filter_map(|(value, day)| Some(((*value)?, day)))
        };
        let (last, on) = known().next_back()?;
        let by_value = |a: &(f64, &Date), b: &(f64, &Date)| a.0.total_cmp(&b.0);
        let (highest, top) = known().max_by(by_value)?;
        let (lowest, bottom) = known().min_by(by_value)?;
        // What is before the first day that is known takes no room.
        let first = values.iter().position(Option::is_some).unwrap_or(0);
        let scale = if highest > 0.0 { HEIGHT / highest } else { 0.0 };
        let mut path = String::new();
        let mut is_joined = false;
        for (at, value) in values.iter().skip(first).enumerate() {
            let Some(value) = value else {
                is_joined = false;
                continue;
            };
            let y = HEIGHT - value * scale;
            let step = if is_joined { 'L' } else { 'M' };
            path.push_str(&format!("{step}{} {y:.1}h3", at * 4));
            is_joined = true;
        }
        Some(Self {
            name: name.to_owned(),
            width: (values.len() - first) * 4,
            height: HEIGHT,
            path,
            words: format!(
                "{} on {on}; highest {} on {top}, lowest {} on {bottom}",
                words(last),
                words(highest),
                words(lowest)
            ),
            from: days.get(first).map_or_else(String::new, Date::to_string),
            to: days.last().map_or_else(String::new, Date::to_string),
        })
    }
}
