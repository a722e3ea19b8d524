//! How many requests a source makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::Failure;

use super::{MadeBy, Request, Response};

/// Nothing was said of what is left.
const UNKNOWN: u64 = u64::MAX;

/// Counts requests, each try of its own; clones share it.
#[derive(Clone, Debug)]
pub struct RequestCounts(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    of_plugin: AtomicU64,
    of_host: AtomicU64,
    remaining: AtomicU64,
}

impl Default for RequestCounts {
    fn default() -> Self {
        Self(Arc::new(Counted {
            of_plugin: AtomicU64::new(0),
            of_host: AtomicU64::new(0),
            remaining: AtomicU64::new(UNKNOWN),
        }))
    }
}

impl RequestCounts {
    /// Requests that were made by somebody.
    pub fn made(&self, by: MadeBy) -> u64 {
        self.counter(by).load(Ordering::Relaxed)
    }

    /// How many requests the API still allows for, as its last answer that told it said.
    pub fn remaining(&self) -> Option<u64> {
        Some(self.0.remaining.load(Ordering::Relaxed)).filter(|remaining| *remaining != UNKNOWN)
    }

    fn counter(&self, by: MadeBy) -> &AtomicU64 {
        match by {
            MadeBy::Plugin => &self.0.of_plugin,
            MadeBy::Host => &self.0.of_host,
        }
    }

    pub(super) fn sent(&self, request: &Request) {
        self.counter(request.made_by)
            .fetch_add(1, Ordering::Relaxed);
    }

    /// `X-RateLimit-Remaining` or `RateLimit-Remaining`, as most hosters send it.
    pub(super) fn answered(&self, request: &Request, result: &Result<Response, Failure>) {
        let (Ok(answer), MadeBy::Plugin) = (result, request.made_by) else {
            return;
        };
        let said = ["x-ratelimit-remaining", "ratelimit-remaining"]
            .into_iter()
            .find_map(|name| answer.header(name)?.trim().parse::<u64>().ok());
        if let Some(remaining) = said {
            self.0.remaining.store(remaining, Ordering::Relaxed);
        }
    }
}
