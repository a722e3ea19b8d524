//! How long a call may take.

use std::time::{Duration, Instant};

/// How long calls may take. Only the plugin's own time counts: the clock stops while the host makes
/// requests over the network for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Loading, `hello`, `manifest` and `validate`: they ask nobody.
    pub short: Duration,
    /// Any other method.
    pub call: Duration,
    /// Dropping an object.
    pub drop: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            short: Duration::from_secs(10),
            call: Duration::from_secs(60),
            drop: Duration::from_secs(5),
        }
    }
}

impl Deadlines {
    /// How long a method may take.
    pub(super) fn of(&self, method: &str) -> Duration {
        match method {
            "hello" | "manifest" | "validate" => self.short,
            _ => self.call,
        }
    }
}

/// Whether a call's clock stops while this request is under way: it may take as long as the network.
pub(super) fn is_network(method: &str) -> bool {
    matches!(method, "http" | "batch" | "download")
}

/// The clock of one call.
#[derive(Debug)]
pub(super) struct Clock {
    /// All that it may take.
    pub(super) whole: Duration,
    left: Duration,
    since: Instant,
    /// Reasons for which it stands.
    paused: usize,
}

impl Clock {
    pub(super) fn start(whole: Duration, now: Instant) -> Self {
        Self {
            whole,
            left: whole,
            since: now,
            paused: 0,
        }
    }

    pub(super) fn pause(&mut self, now: Instant) {
        if self.paused == 0 {
            self.left = self.left.saturating_sub(now - self.since);
        }
        self.paused += 1;
    }

    pub(super) fn go_on(&mut self, now: Instant) {
        self.paused = self.paused.saturating_sub(1);
        if self.paused == 0 {
            self.since = now;
        }
    }

    /// When its time is over; `None` while it stands.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.paused == 0).then(|| self.since + self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_stands_while_requests_are_under_way() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut clock = Clock::start(Duration::from_secs(10), begin);
        assert_eq!(clock.due(), Some(at(10)));
        clock.pause(at(4));
        clock.pause(at(5));
        clock.go_on(at(100));
        assert_eq!(clock.due(), None);
        clock.go_on(at(200));
        assert_eq!(clock.due(), Some(at(206)));
        clock.pause(at(300));
        clock.go_on(at(300));
        assert_eq!(clock.due(), Some(at(300)));
    }

    #[test]
    fn methods_have_their_times() {
        let deadlines = Deadlines::default();
        assert_eq!(deadlines.of("hello").as_secs(), 10);
        assert_eq!(deadlines.of("manifest").as_secs(), 10);
        assert_eq!(deadlines.of("validate").as_secs(), 10);
        assert_eq!(deadlines.of("list").as_secs(), 60);
        assert!(is_network("batch") && !is_network("state.put"));
    }
}
