//! How the backup grows from day to day, and how long its disk lasts.

use forgekeep_untrusted::Printable;
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::Status;
use crate::day::SourceDay;

/// Days over which growth is measured.
const OVER: i32 = 30;

/// Days between the first and the last size, at least: less says nothing of the next ones.
const LEAST: usize = 7;

impl Status {
    /// So many days up to now, the oldest first.
    pub fn last_days(&self, number: i32) -> Vec<Date> {
        let today = self.now.to_zoned(TimeZone::UTC).date();
        let days = (0..number).rev();
        days.filter_map(|back| today.checked_sub(back.days()).ok())
            .collect()
    }

    /// What the sources of the configuration have together on each of so many days; none before the first that
    /// is known. Not every source takes part in each day's runs: its last value stands until the next.
    pub fn sum_by_day(
        &self,
        number: i32,
        value: impl Fn(&SourceDay) -> Option<u64>,
    ) -> Vec<Option<f64>> {
        let expected = self.sources.iter().filter(|source| source.configured);
        let titles: Vec<Printable> = expected.map(|one| one.title.printable()).collect();
        let mut known: Vec<Option<u64>> = vec![None; titles.len()];
        let days = self.last_days(number).into_iter().map(|day| {
            if let Some(day) = self.days.get(&day) {
                for (title, known) in titles.iter().zip(&mut known) {
                    let source = day.sources.iter().find(|source| source.title == *title);
                    *known = source.and_then(&value).or(*known);
                }
            }
            let is_any = known.iter().any(Option::is_some);
            is_any.then(|| known.iter().flatten().sum::<u64>() as f64)
        });
        days.collect()
    }

    /// For how many days there is room if the backup grows as it did in the last [`OVER`] ones. None where it
    /// did not grow, or is not known for long enough.
    pub(crate) fn room_in_days(&self) -> Option<u64> {
        let sizes = self.sum_by_day(OVER, |source| source.size);
        let sizes: Vec<_> = sizes.into_iter().flatten().collect();
        let (first, last) = (sizes.first()?, sizes.last()?);
        let days = sizes.len().checked_sub(1).filter(|days| *days >= LEAST)?;
        let grown = (last - first) / days as f64;
        let free = self.space?.free_bytes as f64;
        // As a number of days it is large enough either way.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        (grown > 0.0).then(|| (free / grown) as u64)
    }
}
