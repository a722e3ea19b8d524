//! Waits for the network, which may not be there yet after a boot or a resume.
//!
//! All that asks shares it: once anybody has answered, the network is there, and a host that does not answer is that
//! host's matter.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use forgekeep_failure::{ErrorKind, Failure};

/// The shortest and the longest time between two tries.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// Between two tries is this part of the time that it has been waited for.
const PART: u32 = 4;

/// How long the network is waited for. Clones share what is known of it.
#[derive(Clone, Debug, Default)]
pub(super) struct NetworkWait {
    most: Duration,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    has_answered: AtomicBool,
    /// When there was no answer for the first time.
    since: OnceLock<Instant>,
}

impl NetworkWait {
    pub(super) fn new(most: Duration) -> Self {
        Self {
            most,
            state: Arc::default(),
        }
    }

    /// Somebody has answered, whatever it was.
    pub(super) fn answered(&self) {
        self.state.has_answered.store(true, Ordering::Relaxed);
    }

    /// How long to wait before it is tried again; none where that is not worth it.
    pub(super) fn pause(&self, failure: &Failure, now: Instant) -> Option<Duration> {
        let is_of_network = failure.kind == ErrorKind::Network && !failure.permanent;
        if !is_of_network || self.state.has_answered.load(Ordering::Relaxed) {
            return None;
        }
        let since = *self.state.since.get_or_init(|| now);
        let waited = now.saturating_duration_since(since);
        let left = self.most.checked_sub(waited)?;
        let [shortest, longest] = PAUSES;
        (!left.is_zero()).then(|| (waited / PART).clamp(shortest, longest).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_waited_within_bounds_until_somebody_answers() {
        let begun = Instant::now();
        let network = Failure::new(ErrorKind::Network, "no answer").transient();
        let wait = NetworkWait::new(Duration::from_secs(600));
        let other = wait.clone();
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(wait.pause(&network, begun), Some(PAUSES[0]));
        assert_eq!(other.pause(&network, at(40)), Some(Duration::from_secs(10)));
        assert_eq!(wait.pause(&network, at(400)), Some(PAUSES[1]));
        assert_eq!(wait.pause(&network, at(595)), Some(Duration::from_secs(5)));
        assert_eq!(wait.pause(&network, at(600)), None);
        let tls = Failure::new(ErrorKind::Tls, "no handshake").transient();
        assert_eq!(wait.pause(&tls, at(40)), None);
        let refused = Failure {
            permanent: true,
            ..network.clone()
        };
        assert_eq!(wait.pause(&refused, at(40)), None);
        other.answered();
        assert_eq!(wait.pause(&network, at(40)), None);
        assert_eq!(NetworkWait::default().pause(&network, begun), None);
    }
}
