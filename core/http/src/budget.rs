//! A budget of requests for each host, shared by the API and git: a token bucket.
//!
//! Hosters count requests by the hour. Whoever knows a limit can stay below it, instead of running
//! into it and being shut out for the rest of the hour. Without a limit in the configuration
//! nothing is held back: what a hoster allows differs by plan, and it says so itself by 429.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forgekeep_failure::{Cancel, Failure};
use forgekeep_untrusted::Printable;
use parking_lot::Mutex;

use super::retry::{OnWait, Wait};
use super::{HttpClient, Request, Response};

/// Part of an hour's requests that may go out at once, before they are spread over the hour.
const BURST: f64 = 0.1;

/// A bucket: it fills evenly, and each request takes one token. It may owe tokens: whoever takes
/// one that is not there yet waits until it would be.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// Tokens by the hour, and how they fill a bucket.
#[derive(Clone, Copy, Debug)]
struct Rate {
    per_second: f64,
    capacity: f64,
}

impl Rate {
    fn per_hour(requests: u32) -> Self {
        let requests = f64::from(requests.max(1));
        Self {
            per_second: requests / 3600.0,
            capacity: (requests * BURST).max(1.0),
        }
    }

    fn full(self, now: Instant) -> Bucket {
        Bucket {
            tokens: self.capacity,
            filled: now,
        }
    }

    /// Takes a token; returns how long to wait for it.
    fn take(self, bucket: &mut Bucket, now: Instant) -> Duration {
        let elapsed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + elapsed * self.per_second).min(self.capacity) - 1.0;
        bucket.filled = now;
        if bucket.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-bucket.tokens / self.per_second)
        }
    }
}

/// A client that stays within a budget.
#[derive(Clone)]
pub struct RateLimit<C> {
    inner: C,
    rate: Option<Rate>,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
    cancel: Cancel,
    on_wait: OnWait,
}

impl<C: HttpClient> RateLimit<C> {
    /// Wraps a client; `per_hour` is the number of requests to one host in an hour.
    pub fn new(inner: C, per_hour: Option<u32>, cancel: Cancel, on_wait: OnWait) -> Self {
        Self {
            inner,
            rate: per_hour.map(Rate::per_hour),
            buckets: Arc::default(),
            cancel,
            on_wait,
        }
    }

    fn take(&self, rate: Rate, host: &str) -> Duration {
        let now = Instant::now();
        let mut buckets = self.buckets.lock();
        let bucket = buckets
            .entry(host.to_owned())
            .or_insert_with(|| rate.full(now));
        rate.take(bucket, now)
    }
}

impl<C: HttpClient> HttpClient for RateLimit<C> {
    fn send(&self, request: &Request) -> Result<Response, Failure> {
        if let Some(rate) = self.rate {
            let host = Printable::from(request.url.host_str().unwrap_or_default());
            let time = self.take(rate, &host);
            if !time.is_zero() {
                (self.on_wait)(&Wait {
                    host: &host,
                    time,
                    why: "the budget of options.network.requestsPerHour",
                });
                self.cancel.wait(time)?;
            }
        }
        self.inner.send(request)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_burst_is_free_and_what_follows_is_spread() {
        let rate = Rate::per_hour(3600);
        let now = Instant::now();
        let mut bucket = rate.full(now);
        let waits: Vec<_> = (0..362).map(|_| rate.take(&mut bucket, now)).collect();
        assert!(waits[..360].iter().all(Duration::is_zero));
        assert_eq!(waits[360..], [1, 2].map(Duration::from_secs));
        // It fills again while nobody asks.
        let later = now + Duration::from_secs(3);
        assert!(rate.take(&mut bucket, later).is_zero());
    }

    proptest! {
        #[test]
        fn no_hour_sees_more_than_the_budget_and_a_burst(
            per_hour in 1u32..5000,
            gaps in proptest::collection::vec(0u64..100, 1..300),
        ) {
            let rate = Rate::per_hour(per_hour);
            let begin = Instant::now();
            let mut bucket = rate.full(begin);
            let mut now = begin;
            let mut sent = Vec::new();
            for gap in gaps {
                now += Duration::from_millis(gap);
                sent.push(now + rate.take(&mut bucket, now));
            }
            for first in &sent {
                let hour = *first..*first + Duration::from_secs(3600);
                let in_hour = sent.iter().filter(|at| hour.contains(at)).count() as f64;
                prop_assert!(in_hour <= f64::from(per_hour) + rate.capacity + 1.0);
            }
        }
    }
}
