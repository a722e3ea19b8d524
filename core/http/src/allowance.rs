//! Request limits of hosters. A limit is no fault: it is waited for by its own rule, within a time
//! of its own, and uses up no retries.
//!
//! - What the answer asks for is obeyed: `Retry-After`, else the time of a reset.
//! - A reset counts only for a limit that is used up. Some hosters refuse by secondary limits while requests of
//!   the hour are left, and want a minute then, and more each time they refuse again.
//! - Without either, the wait begins with half a minute, or with a whole one for such a limit and for those
//!   that are told in words alone, and doubles up to a quarter of an hour; an answer of the edge of a service
//!   (`x-envoy-ratelimited`) is about short bursts, and is waited for less long at first.
//! - A host that limits one worker has limited all: they wait together, and begin together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Response;
use parking_lot::{Mutex, MutexGuard};

/// First wait where the answer does not say how long.
const FIRST: Duration = Duration::from_secs(30);

/// The same for a limit beside the hour's, and for one that is told in words.
const FIRST_OF_OTHERS: Duration = Duration::from_secs(60);

/// The same for bursts.
const FIRST_OF_BURST: Duration = Duration::from_secs(5);

/// Longest wait where the answer does not say how long.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Least wait where a host asks for one again and again, and gives times that do not help.
const FLOOR: Duration = Duration::from_secs(1);

/// A reset below is a number of seconds, above a time since 1970: some hosters give the one,
/// others the other.
const SECONDS_BELOW: u64 = 86_400;

/// What an answer says about a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// How long it asks to wait.
    asked: Option<Duration>,
    /// How long to wait the first time, where it asks for nothing.
    first: Duration,
}

impl Limit {
    /// One that is told in words. It lasts a moment at least: asked again at once, whoever says so
    /// would say so for ever.
    pub fn in_words(asked: Option<Duration>) -> Self {
        Self {
            asked: asked.map(|asked| asked.max(FLOOR)),
            first: FIRST_OF_OTHERS,
        }
    }

    /// Reads an answer; `None` if it is not about a limit.
    pub fn of(answer: &Response, now: SystemTime) -> Option<Self> {
        let remaining = answer
            .header("x-ratelimit-remaining")
            .or_else(|| answer.header("ratelimit-remaining"))
            .and_then(|field| field.trim().parse::<u64>().ok());
        let is_limit = match answer.status {
            429 => true,
            403 => remaining == Some(0),
            _ => false,
        };
        let is_another = remaining.is_some_and(|remaining| remaining > 0);
        // Its times are by its own clock, which may be another than this machine's.
        let date = answer.header("date").and_then(http_date);
        let now = date.unwrap_or(now);
        let asked = || {
            let after = answer.header("retry-after");
            let reset = answer
                .header("x-ratelimit-reset")
                .or_else(|| answer.header("ratelimit-reset"))
                .filter(|_| !is_another);
            after
                .and_then(|field| retry_after(field, now))
                .or_else(|| reset.and_then(|field| until_reset(field, now)))
        };
        is_limit.then(|| Self {
            asked: asked(),
            first: match answer.header("x-envoy-ratelimited") {
                Some(_) => FIRST_OF_BURST,
                None if is_another => FIRST_OF_OTHERS,
                None => FIRST,
            },
        })
    }

    /// The wait after so many limits in a row, counted from 1.
    fn wait(self, strikes: u32, jitter: f64) -> Duration {
        let doublings = strikes.saturating_sub(1).min(16);
        match self.asked {
            // The first time it is taken at its word.
            Some(asked) if strikes <= 1 => asked,
            Some(asked) => asked.max((FLOOR * (1 << doublings)).min(LONGEST)),
            None => {
                let wait = (self.first * (1 << doublings)).min(LONGEST);
                wait + wait.mul_f64(jitter.clamp(0.0, 1.0) / 4.0)
            }
        }
    }
}

fn until_reset(field: &str, now: SystemTime) -> Option<Duration> {
    let number: u64 = field.trim().parse().ok()?;
    if number < SECONDS_BELOW {
        return Some(Duration::from_secs(number));
    }
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(number))?;
    Some(time.duration_since(now).unwrap_or_default())
}

/// A host that limits.
#[derive(Clone, Copy, Debug)]
struct Closed {
    until: Instant,
    strikes: u32,
}

/// Which hosts do not want to be asked, and until when; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct ClosedHosts(Arc<Mutex<HashMap<String, Closed>>>);

impl ClosedHosts {
    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Closed>> {
        self.0.lock()
    }

    /// How long a host is closed yet.
    pub fn left(&self, host: &str, now: Instant) -> Duration {
        let hosts = self.hosts();
        let closed = hosts.get(host);
        closed.map_or(Duration::ZERO, |closed| {
            closed.until.saturating_duration_since(now)
        })
    }

    /// A host has said that there is a limit; how long to wait, if there is `enough` time for it.
    pub fn close(
        &self,
        host: &str,
        limit: Limit,
        now: Instant,
        jitter: f64,
        enough: impl FnOnce(Duration) -> bool,
    ) -> Option<Duration> {
        let mut hosts = self.hosts();
        let known = hosts.get(host).copied();
        let (left, strikes) = known.map_or((Duration::ZERO, 0), |closed| {
            (closed.until.saturating_duration_since(now), closed.strikes)
        });
        // An answer to a question that was asked before the host was closed counts once with it.
        let (strikes, wait) = match (left.is_zero(), limit.asked) {
            (false, None) => (strikes, left),
            (false, Some(asked)) => (strikes, asked.max(left)),
            (true, _) => (strikes + 1, limit.wait(strikes + 1, jitter)),
        };
        let until = now.checked_add(wait).filter(|_| enough(wait))?;
        hosts.insert(host.to_owned(), Closed { until, strikes });
        Some(wait)
    }

    /// A host has answered, and asks to be left alone for a while: no request that is made is held up, the
    /// next ones are.
    pub fn pause(&self, host: &str, time: Duration, now: Instant) {
        let Some(until) = now.checked_add(time) else {
            return;
        };
        let mut hosts = self.hosts();
        let until = hosts
            .get(host)
            .map_or(until, |closed| closed.until.max(until));
        hosts.insert(host.to_owned(), Closed { until, strikes: 0 });
    }

    /// A host has answered. What it has asked for with another good answer stays.
    pub fn open(&self, host: &str, now: Instant) {
        let mut hosts = self.hosts();
        let pauses = |closed: &Closed| closed.strikes == 0 && closed.until > now;
        if !hosts.get(host).is_some_and(pauses) {
            hosts.remove(host);
        }
    }
}

/// The time that a source may spend waiting for limits in a run; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Allowance {
    whole: Duration,
    spent: Arc<Mutex<Spent>>,
}

#[derive(Debug, Default)]
struct Spent {
    time: Duration,
    /// Until when it is spent already: workers wait side by side.
    until: Option<Instant>,
}

impl Allowance {
    pub fn new(whole: Duration) -> Self {
        Self {
            whole,
            spent: Arc::default(),
        }
    }

    /// The same allowance, of which nothing is spent.
    pub fn renewed(&self) -> Self {
        Self::new(self.whole)
    }

    /// Takes the time of a wait that is about to begin; whether there was enough of it.
    pub fn take(&self, wait: Duration, now: Instant) -> bool {
        let mut spent = self.spent.lock();
        let Some(end) = now.checked_add(wait) else {
            return false;
        };
        let from = spent.until.map_or(now, |until| until.max(now));
        let time = spent.time + end.saturating_duration_since(from);
        if time > self.whole {
            return false;
        }
        spent.time = time;
        spent.until = Some(from.max(end));
        true
    }
}

/// The time in a `Retry-After` field: seconds, or a date (RFC 9110, 10.2.3).
pub(super) fn retry_after(field: &str, now: SystemTime) -> Option<Duration> {
    let field = field.trim();
    if let Ok(seconds) = field.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = http_date(field)?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn http_date(field: &str) -> Option<SystemTime> {
    let date = jiff::fmt::rfc2822::parse(field.trim()).ok()?;
    Some(SystemTime::from(date.timestamp()))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::Body;

    const HOUR: Duration = Duration::from_secs(3600);

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        Response {
            status,
            url: Url::parse("https://example.com/").unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Body::new(std::io::empty()),
        }
    }

    fn asked(headers: &[(&str, &str)]) -> Option<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let limit = Limit::of(&answer(429, headers), now).unwrap();
        limit.asked.map(|asked| asked.as_secs())
    }

    #[test]
    fn what_an_answer_asks_for_is_read() {
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&[("retry-after", "17")]), Some(17));
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[("x-ratelimit-reset", "77")]), Some(77));
        assert_eq!(asked(&[("x-ratelimit-reset", "86399")]), Some(86_399));
        assert_eq!(asked(&[("x-ratelimit-reset", "1800000060")]), Some(60));
        assert_eq!(asked(&[("x-ratelimit-reset", "1700000000")]), Some(0));
        assert_eq!(asked(&[("x-ratelimit-reset", "-5")]), None);
        assert_eq!(
            asked(&[("x-ratelimit-reset", "99999999999999999999")]),
            None
        );
        assert_eq!(asked(&[("ratelimit-reset", "5")]), Some(5));
        // By the clock that set it.
        let date = ("date", "Fri, 15 Jan 2027 07:59:30 GMT");
        assert_eq!(
            asked(&[("x-ratelimit-reset", "1800000060"), date]),
            Some(90)
        );
        // The field that is meant for it wins.
        let both = [("x-ratelimit-reset", "900"), ("retry-after", "3")];
        assert_eq!(asked(&both), Some(3));
    }

    #[test]
    fn only_limits_are_limits() {
        let now = SystemTime::now();
        assert!(Limit::of(&answer(403, &[]), now).is_none());
        assert!(Limit::of(&answer(503, &[("retry-after", "3")]), now).is_none());
        let used_up = [("x-ratelimit-remaining", "0")];
        assert!(Limit::of(&answer(403, &used_up), now).is_some());
        assert!(Limit::of(&answer(200, &used_up), now).is_none());
    }

    #[test]
    fn without_a_time_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let limit =
            |headers: &[_]| Limit::of(&answer(429, headers), SystemTime::UNIX_EPOCH).unwrap();
        let waits = |limit: Limit, jitter| -> Vec<u64> {
            (1..=8)
                .map(|strikes| limit.wait(strikes, jitter).as_secs())
                .collect()
        };
        let plain = limit(&[]);
        assert_eq!(waits(plain, 0.0), [30, 60, 120, 240, 480, 900, 900, 900]);
        let burst = limit(&[("x-envoy-ratelimited", "true")]);
        assert_eq!(waits(burst, 0.0)[..4], [5, 10, 20, 40]);
        // The hour's is not used up: when it starts anew says nothing.
        let left = ("x-ratelimit-remaining", "4000");
        let another = limit(&[left, ("x-ratelimit-reset", "3000")]);
        assert_eq!(waits(another, 0.0)[..4], [60, 120, 240, 480]);
        assert_eq!(waits(Limit::in_words(None), 0.0)[..2], [60, 120]);
        let asks = limit(&[left, ("retry-after", "7")]);
        assert_eq!(waits(asks, 0.0)[0], 7);
        let used_up = ("x-ratelimit-remaining", "0");
        let hour = limit(&[used_up, ("x-ratelimit-reset", "3000")]);
        assert_eq!(waits(hour, 0.0)[0], 3000);
        for (least, most) in waits(plain, 0.0).into_iter().zip(waits(plain, 1.0)) {
            assert!(most > least && most <= least * 5 / 4, "{least} {most}");
        }
        assert!(plain.wait(u32::MAX, 1.0) <= LONGEST * 5 / 4);
    }

    #[test]
    fn times_that_do_not_help_are_no_way_to_be_asked_without_end() {
        let limit = Limit {
            asked: Some(Duration::ZERO),
            first: FIRST,
        };
        let waits: Vec<_> = (1..=4).map(|n| limit.wait(n, 0.5).as_secs()).collect();
        assert_eq!(waits, [0, 2, 4, 8]);
    }

    #[test]
    fn workers_wait_together_and_a_round_counts_once() {
        let hosts = ClosedHosts::default();
        let now = Instant::now();
        let limit = Limit {
            asked: None,
            first: FIRST,
        };
        let close = |now| hosts.close("a", limit, now, 0.0, |_| true).unwrap();
        assert_eq!(hosts.close("a", limit, now, 0.0, |_| false), None);
        assert_eq!(hosts.left("a", now), Duration::ZERO);
        assert_eq!(close(now), FIRST);
        let later = now + Duration::from_secs(10);
        // Another worker's answer to a question asked before.
        assert_eq!(close(later).as_secs(), 20);
        assert_eq!(hosts.left("a", later).as_secs(), 20);
        assert_eq!(hosts.left("b", later), Duration::ZERO);
        let next = now + Duration::from_secs(31);
        assert_eq!(close(next), 2 * FIRST);
        hosts.open("a", now);
        assert_eq!(hosts.left("a", next), Duration::ZERO);
        assert_eq!(close(next), FIRST);
    }

    #[test]
    fn an_allowance_counts_time_and_not_workers() {
        let allowance = Allowance::new(HOUR);
        let now = Instant::now();
        for _ in 0..8 {
            assert!(allowance.take(HOUR / 2, now));
        }
        let later = now + HOUR / 2;
        assert!(allowance.take(HOUR / 2, later));
        assert!(!allowance.take(Duration::from_secs(1), later + HOUR / 2));
        assert!(allowance.renewed().take(HOUR, later));
        assert!(!allowance.renewed().take(HOUR * 2, later));
        assert!(!Allowance::new(Duration::ZERO).take(FLOOR, now));
    }
}
