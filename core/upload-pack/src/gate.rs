//! What one ssh host bears: so many connections at a time, and no login again that has failed.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgekeep_failure::{Cancel, Failure};
use parking_lot::{Condvar, Mutex};

use crate::SshSettings;
use crate::place::SshPlace;

/// How often somebody who waits looks for an interruption.
const GLANCE: Duration = Duration::from_millis(200);

/// Host and port.
type Host = (String, Option<u16>);

/// Who logs in where, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Login {
    host: Host,
    user: String,
    command: Vec<String>,
    key: Option<PathBuf>,
}

/// What is known of a login.
#[derive(Debug, Default)]
struct Known {
    is_proven: bool,
    trying: usize,
    refused: Option<Failure>,
}

#[derive(Debug, Default)]
struct State {
    under_way: HashMap<Host, usize>,
    logins: HashMap<Login, Known>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

/// The ssh hosts of a run; clones share them. Nobody who has a connection waits for another one.
#[derive(Clone, Debug)]
pub struct SshHosts(Arc<Shared>);

impl SshHosts {
    /// `most` is how many connections to one host there may be at a time.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most: most.max(1),
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// A place among the connections to a host. As long as a login has not been good, only one tries it.
    ///
    /// # Errors
    ///
    /// This login has failed in this run, or the run was interrupted.
    pub(crate) fn enter(
        &self,
        place: &SshPlace,
        settings: &SshSettings,
        cancel: &Cancel,
    ) -> Result<Slot, Failure> {
        let login = Login {
            host: (place.host.to_lowercase(), place.port),
            user: place.user.clone(),
            command: settings.command.clone(),
            key: settings.key.clone(),
        };
        let mut state = self.0.state.lock();
        loop {
            cancel.check()?;
            let has_room = state
                .under_way
                .get(&login.host)
                .is_none_or(|now| *now < self.0.most);
            let known = state.logins.entry(login.clone()).or_default();
            if let Some(failure) = &known.refused {
                return Err(not_tried(failure, place));
            }
            if has_room && (known.is_proven || known.trying == 0) {
                known.trying += 1;
                *state.under_way.entry(login.host.clone()).or_default() += 1;
                return Ok(Slot {
                    hosts: self.clone(),
                    login,
                });
            }
            self.0.changed.wait_for(&mut state, GLANCE);
        }
    }
}

fn not_tried(failure: &Failure, place: &SshPlace) -> Failure {
    let mut not_tried = failure.clone();
    not_tried.message = format!(
        "not tried: an earlier login to {} failed in this run: {}",
        place.login(),
        failure.message
    )
    .into();
    not_tried
}

/// A place among the connections to a host; given back on drop.
#[derive(Debug)]
pub(crate) struct Slot {
    hosts: SshHosts,
    login: Login,
}

impl Slot {
    /// Whether this login was good in this run.
    pub(crate) fn is_proven(&self) -> bool {
        let state = self.hosts.0.state.lock();
        state
            .logins
            .get(&self.login)
            .is_some_and(|known| known.is_proven)
    }

    /// The login was good.
    pub(crate) fn proved(&self) {
        self.change(|known| known.is_proven = true);
    }

    /// The login was not good, and is not tried again.
    pub(crate) fn refused(&self, failure: &Failure) {
        self.change(|known| {
            if !known.is_proven {
                known.refused = Some(failure.clone());
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut state = self.hosts.0.state.lock();
        change(state.logins.entry(self.login.clone()).or_default());
        drop(state);
        self.hosts.0.changed.notify_all();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.hosts.0.state.lock();
        if let Some(now) = state.under_way.get_mut(&self.login.host) {
            *now = now.saturating_sub(1);
        }
        if let Some(known) = state.logins.get_mut(&self.login) {
            known.trying = known.trying.saturating_sub(1);
        }
        drop(state);
        self.hosts.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use forgekeep_failure::ErrorKind;

    use super::*;

    fn place(host: &str) -> SshPlace {
        SshPlace {
            user: "git".into(),
            host: host.into(),
            port: None,
            path: "x".into(),
        }
    }

    fn enter(hosts: &SshHosts, host: &str) -> Result<Slot, Failure> {
        hosts.enter(&place(host), &SshSettings::default(), &Cancel::new())
    }

    #[test]
    fn a_login_goes_alone_until_it_was_good_and_then_so_many() {
        let hosts = SshHosts::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let proven = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let slot = enter(&hosts, "a.example").unwrap();
                        let under_way = now.fetch_add(1, Ordering::SeqCst) + 1;
                        if proven.load(Ordering::SeqCst) == 0 {
                            assert_eq!(under_way, 1);
                            proven.store(1, Ordering::SeqCst);
                            slot.proved();
                        }
                        most.fetch_max(under_way, Ordering::SeqCst);
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3);
    }

    #[test]
    fn a_login_that_failed_is_not_tried_by_others_and_other_hosts_are() {
        let hosts = SshHosts::new(4);
        let slot = enter(&hosts, "a.example").unwrap();
        let waiting = hosts.clone();
        let waiter = std::thread::spawn(move || enter(&waiting, "A.example").map(drop));
        slot.refused(&Failure::new(ErrorKind::Network, "no").with_hint("do"));
        let failure = waiter.join().unwrap().unwrap_err();
        assert!(failure.message.starts_with("not tried"), "{failure}");
        assert_eq!(failure.hint.as_str(), "do");
        assert!(enter(&hosts, "b.example").is_ok());
    }

    #[test]
    fn an_interruption_ends_the_wait() {
        let hosts = SshHosts::new(1);
        let _slot = enter(&hosts, "a.example").unwrap();
        let cancel = Cancel::new();
        cancel.cancel();
        let settings = SshSettings::default();
        let failure = hosts
            .enter(&place("a.example"), &settings, &cancel)
            .unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Cancelled);
    }
}
