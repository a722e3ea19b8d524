//! How much a plugin may ask of the host.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::broken::How;
use crate::plugin::{Answered, HostCalls, Reply};

/// Bytes of a document, either way.
pub const MOST_DOCUMENT: usize = 32 << 20;

/// Bytes of a body, either way: 64 answers of a `batch` with a megabyte each. What a single request
/// may carry is for the services to say, and less.
pub const MOST_BODY: usize = 64 << 20;

/// Bytes of a method's name, either way.
pub(crate) const MOST_METHOD: usize = 256;

/// Whether a frame may carry these.
pub(crate) fn fits(method: &str, doc: &[u8], body: &[u8]) -> Result<(), How> {
    for (length, most) in [
        (method.len(), MOST_METHOD),
        (doc.len(), MOST_DOCUMENT),
        (body.len(), MOST_BODY),
    ] {
        if length > most {
            return Err(How::TooLarge { length, most });
        }
    }
    Ok(())
}

/// Requests to the host within one call; lines of a log, progress and the question whether the run was
/// cancelled are none.
pub const MOST_SERVICE_REQUESTS: usize = 1_000;

/// Lines of a source's log that are passed on; the rest is counted.
pub const MOST_LOG_LINES: u64 = 10_000;

/// What is counted of a source, over all its calls and processes.
#[derive(Debug, Default)]
pub struct SourceLimits {
    lines: AtomicU64,
}

impl SourceLimits {
    /// Lines of its log that were not passed on.
    pub fn lines_left_out(&self) -> u64 {
        self.lines
            .load(Ordering::Relaxed)
            .saturating_sub(MOST_LOG_LINES)
    }

    fn take_line(&self) -> bool {
        self.lines.fetch_add(1, Ordering::Relaxed) < MOST_LOG_LINES
    }
}

/// The services of one call, within its limits.
pub(crate) struct Limited<'a> {
    host: &'a dyn HostCalls,
    /// `None`: somebody else counts.
    source: Option<&'a SourceLimits>,
    requests: AtomicUsize,
}

/// A call that has made too many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl<'a> Limited<'a> {
    /// Those of a call that begins.
    pub(crate) fn new(host: &'a dyn HostCalls, source: Option<&'a SourceLimits>) -> Self {
        Self {
            host,
            source,
            requests: AtomicUsize::new(0),
        }
    }

    /// Answers one request, unless it is one too many.
    pub(crate) fn call(
        &self,
        method: &str,
        doc: &[u8],
        body: &[u8],
    ) -> Result<Option<Answered>, TooMany> {
        let Some(source) = self.source else {
            return Ok(self.host.call(method, doc, body));
        };
        match method {
            "log" if !source.take_line() => {
                let doc = b"{}".to_vec();
                let body = Vec::new();
                return Ok(Some(Answered::Result(Reply { doc, body })));
            }
            "log" | "progress" | "cancelled" => {}
            _ => {
                let before = self.requests.fetch_add(1, Ordering::Relaxed);
                if before >= MOST_SERVICE_REQUESTS {
                    return Err(TooMany);
                }
            }
        }
        Ok(self.host.call(method, doc, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(AtomicU64);

    impl HostCalls for Counting {
        fn call(&self, method: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (method != "unknown").then(|| Answered::Result(Reply::default()))
        }
    }

    #[test]
    fn what_is_too_long_for_a_frame_is_told_with_its_limit() {
        let method = "m".repeat(MOST_METHOD + 1);
        assert_eq!(fits(&method[1..], b"{}", b""), Ok(()));
        let (length, most) = (MOST_METHOD + 1, MOST_METHOD);
        assert_eq!(
            fits(&method, b"{}", b""),
            Err(How::TooLarge { length, most })
        );
        let doc = vec![0; MOST_DOCUMENT + 1];
        assert!(fits("", &doc[1..], &doc[1..]).is_ok());
        assert!(fits("", &doc, b"").is_err());
    }

    #[test]
    fn a_call_may_make_a_thousand_requests() {
        let (host, source) = (Counting(AtomicU64::new(0)), SourceLimits::default());
        let limited = Limited::new(&host, Some(&source));
        for _ in 0..MOST_SERVICE_REQUESTS {
            assert!(limited.call("unknown", b"", b"").unwrap().is_none());
        }
        assert_eq!(limited.call("http", b"", b""), Err(TooMany));
        assert!(limited.call("cancelled", b"", b"").unwrap().is_some());
        let next = Limited::new(&host, Some(&source));
        assert!(next.call("http", b"", b"").is_ok());
    }

    #[test]
    fn lines_of_a_log_are_counted_over_the_calls_of_a_source() {
        let (host, source) = (Counting(AtomicU64::new(0)), SourceLimits::default());
        for _ in 0..2 {
            let limited = Limited::new(&host, Some(&source));
            for _ in 0..MOST_LOG_LINES {
                assert!(limited.call("log", b"", b"").unwrap().is_some());
            }
        }
        assert_eq!(host.0.into_inner(), MOST_LOG_LINES);
        assert_eq!(source.lines_left_out(), MOST_LOG_LINES);
    }
}
