//! Whether git accepts a source's credentials. Refused ones are not tried on repository after
//! repository: that is how accounts get locked.
//!
//! - The first request goes alone: that of the repository that was begun with first. The others wait for
//!   its answer, but no longer than [`HEAD_START`] after it was sent: a repository that hangs must not hold
//!   up its source.
//! - An answer of git's proves the credentials. From then on, a 401 is that repository's own.
//! - A 401 before that ends the source, unless its plugin has others to give: nothing more is asked with
//!   these credentials. What was
//!   under way already goes on, and if it proves them after all, so does the source.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_untrusted::Shown;
use parking_lot::{Condvar, Mutex, MutexGuard};
use url::Url;

use super::{Authorization, HttpClient, Request, Response};

/// How long the first request may go alone.
const HEAD_START: Duration = Duration::from_secs(2);

/// How long the first may take until it asks: its credentials have to be got, and its mirror looked at.
const PREPARATION: Duration = Duration::from_secs(30);

/// How often a waiting request looks for an interruption, and at the time.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Default)]
enum CredentialState {
    /// Nobody has had an answer, and nobody is about to ask for one.
    #[default]
    Unknown,
    /// Somebody is the one to get an answer: since then, or since it has asked for it.
    Trying {
        since: Instant,
        number: u64,
        has_asked: bool,
    },
    Proven,
    Refused(Failure),
}

/// Lets a source ask git as long as its credentials are not refused; clones share it.
#[derive(Clone, Default)]
pub struct CredentialGate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<CredentialState>,
    changed: Condvar,
    visitors: AtomicU64,
}

/// Somebody who asks git, for one repository. Whose visit begins first is the first to ask, however long
/// it takes to get the credentials.
pub struct Visit {
    gate: CredentialGate,
    number: u64,
}

impl CredentialGate {
    /// For use with `?`, before anything is done about a repository.
    ///
    /// # Errors
    ///
    /// The credentials were refused.
    pub fn check(&self) -> Result<(), Failure> {
        match &*self.state() {
            CredentialState::Refused(failure) => Err(not_tried(failure)),
            CredentialState::Unknown | CredentialState::Trying { .. } | CredentialState::Proven => {
                Ok(())
            }
        }
    }

    /// Before anything is done about a repository.
    pub fn visit(&self) -> Visit {
        let number = self.0.visitors.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        if matches!(&*state, CredentialState::Unknown) {
            *state = CredentialState::trying(number, false);
        }
        drop(state);
        Visit {
            gate: self.clone(),
            number,
        }
    }

    /// There are other credentials than those that were refused: they may be tried.
    pub fn forget_refusal(&self) {
        let mut state = self.state();
        if matches!(&*state, CredentialState::Refused(_)) {
            *state = CredentialState::Unknown;
        }
    }

    fn state(&self) -> MutexGuard<'_, CredentialState> {
        self.0.state.lock()
    }

    fn enter(&self, number: u64, cancel: &Cancel) -> Result<(), Failure> {
        let mut state = self.state();
        loop {
            cancel.check()?;
            match &*state {
                CredentialState::Unknown => {
                    *state = CredentialState::trying(number, true);
                    return Ok(());
                }
                CredentialState::Proven => return Ok(()),
                CredentialState::Trying {
                    since,
                    number: first,
                    has_asked,
                } => {
                    let most = match has_asked {
                        true => HEAD_START,
                        false => PREPARATION,
                    };
                    if *first == number {
                        if !has_asked {
                            *state = CredentialState::trying(number, true);
                        }
                        return Ok(());
                    }
                    if since.elapsed() >= most {
                        return Ok(());
                    }
                }
                CredentialState::Refused(failure) => return Err(not_tried(failure)),
            }
            self.0.changed.wait_for(&mut state, GLANCE);
        }
    }

    fn learn(&self, request: &Request, result: &Result<Response, Failure>) {
        let answer = result.as_ref().ok();
        // Elsewhere the credentials were not sent.
        let answer = answer.filter(|answer| answer.url.origin() == request.url.origin());
        let mut state = self.state();
        match (answer.map(|answer| answer.status), &*state) {
            (Some(200), _) if answer.is_some_and(is_of_git) => *state = CredentialState::Proven,
            (Some(401), CredentialState::Unknown | CredentialState::Trying { .. }) => {
                *state = CredentialState::Refused(refused(&request.url, &request.authorization));
            }
            (_, CredentialState::Trying { .. }) => *state = CredentialState::Unknown,
            _ => {}
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

impl CredentialState {
    fn trying(number: u64, has_asked: bool) -> Self {
        Self::Trying {
            since: Instant::now(),
            number,
            has_asked,
        }
    }
}

impl Visit {
    /// The client for this visit's requests to git.
    pub fn watch(&self, inner: &Arc<dyn HttpClient>, cancel: &Cancel) -> Arc<dyn HttpClient> {
        Arc::new(Watched {
            inner: Arc::clone(inner),
            gate: self.gate.clone(),
            number: self.number,
            cancel: cancel.clone(),
        })
    }
}

impl Drop for Visit {
    /// Who has asked nothing, or got no answer, lets the others ask.
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if matches!(&*state, CredentialState::Trying { number, .. } if *number == self.number) {
            *state = CredentialState::Unknown;
            drop(state);
            self.gate.0.changed.notify_all();
        }
    }
}

fn is_of_git(answer: &Response) -> bool {
    let kind = answer.header("content-type").unwrap_or_default();
    kind.starts_with("application/x-git-upload-pack-")
}

fn not_tried(failure: &Failure) -> Failure {
    failure.clone().while_doing("not tried, after")
}

/// The failure when git answers 401 to credentials: what to do differs by their kind.
pub fn refused(url: &Url, authorization: &Authorization) -> Failure {
    let hint = match authorization {
        Authorization::Basic { user, .. } => format!(
            "check authName, and that the token has not expired and may read repositories: sent \
            were the source's password and the user name \"{}\"",
            Shown::of(user)
        ),
        Authorization::Bearer(_) | Authorization::Scheme { .. } | Authorization::Field { .. } => {
            "check that the token has not expired and may read repositories".to_owned()
        }
        Authorization::Anonymous => {
            "give the source a password (a token); `forgekeep check` shows whether it is accepted"
                .to_owned()
        }
    };
    let why = match authorization.is_anonymous() {
        true => "it requires credentials, and the source has none",
        false => "the credentials were refused",
    };
    Failure::new(ErrorKind::Credentials, format!("{url} answered 401: {why}"))
        .with_hint(hint)
        .with_status(401)
}

/// A client that is asked by all who use a source's credentials.
struct Watched {
    inner: Arc<dyn HttpClient>,
    gate: CredentialGate,
    number: u64,
    cancel: Cancel,
}

impl HttpClient for Watched {
    fn send(&self, request: &Request) -> Result<Response, Failure> {
        if request.authorization.is_anonymous() {
            return self.inner.send(request);
        }
        self.gate.enter(self.number, &self.cancel)?;
        let result = self.inner.send(request);
        self.gate.learn(request, &result);
        result
    }

    fn wait_out(&self, host: &str, asked: Option<Duration>) -> Result<bool, Failure> {
        self.inner.wait_out(host, asked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use forgekeep_untrusted::Secret;

    use super::*;
    use crate::{Body, CredentialScope};

    /// Answers with the status that the path names, and counts.
    #[derive(Clone, Default)]
    struct Server(Arc<AtomicUsize>);

    impl HttpClient for Server {
        fn send(&self, request: &Request) -> Result<Response, Failure> {
            self.0.fetch_add(1, Ordering::SeqCst);
            // Time for the others to come and wait.
            std::thread::sleep(Duration::from_millis(20));
            let kind = "application/x-git-upload-pack-advertisement";
            Ok(Response {
                status: request.url.path()[1..].parse().unwrap(),
                url: request.url.clone(),
                headers: vec![("content-type".to_owned(), kind.to_owned())],
                body: Body::new(std::io::empty()),
            })
        }
    }

    fn request(status: u16, authorization: Authorization) -> Request {
        let url = Url::parse(&format!("https://example.com/{status}")).unwrap();
        let scope = Arc::new(CredentialScope::new(url.clone(), false, &[], false));
        Request::get(url, authorization, scope)
    }

    fn token() -> Authorization {
        Authorization::Bearer(Secret::new("token"))
    }

    fn served() -> (Arc<dyn HttpClient>, Server) {
        let server = Server::default();
        (Arc::new(server.clone()), server)
    }

    fn watched(gate: &CredentialGate) -> (Arc<dyn HttpClient>, Server) {
        let (inner, server) = served();
        (gate.visit().watch(&inner, &Cancel::new()), server)
    }

    #[test]
    fn of_many_at_once_exactly_one_is_refused() {
        let gate = CredentialGate::default();
        let (inner, server) = served();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let visit = gate.visit();
                    let client = visit.watch(&inner, &Cancel::new());
                    client.send(&request(401, token()))
                });
            }
        });
        assert_eq!(server.0.load(Ordering::SeqCst), 1);
        let failure = gate.check().unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Credentials);
        assert!(failure.message.starts_with("not tried, after: "));
    }

    #[test]
    fn who_has_come_first_asks_first_whoever_has_its_credentials_first() {
        let gate = CredentialGate::default();
        let (inner, server) = served();
        let first = gate.visit();
        let second = gate.visit();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let client = second.watch(&inner, &Cancel::new());
                client.send(&request(401, token())).unwrap().status
            });
            // It has asked as soon as it may.
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(server.0.load(Ordering::SeqCst), 0);
            let client = first.watch(&inner, &Cancel::new());
            assert_eq!(client.send(&request(200, token())).unwrap().status, 200);
            assert_eq!(second.join().unwrap(), 401);
        });
        gate.check().unwrap();
    }

    #[test]
    fn who_has_come_first_goes_alone_from_its_request_on() {
        let gate = CredentialGate::default();
        let (inner, server) = served();
        let first = gate.visit();
        let second = gate.visit();
        // Its credentials took long.
        if let CredentialState::Trying { since, .. } = &mut *gate.state() {
            *since = Instant::now().checked_sub(HEAD_START).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let client = second.watch(&inner, &Cancel::new());
                client.send(&request(401, token()))
            });
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(server.0.load(Ordering::SeqCst), 0);
            let client = first.watch(&inner, &Cancel::new());
            client.send(&request(401, token())).unwrap();
        });
        assert_eq!(server.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_has_come_first_and_leaves_lets_the_others_ask() {
        let gate = CredentialGate::default();
        let (inner, _) = served();
        let first = gate.visit();
        let second = gate.visit();
        drop(first);
        let client = second.watch(&inner, &Cancel::new());
        let at = Instant::now();
        client.send(&request(200, token())).unwrap();
        assert!(at.elapsed() < HEAD_START, "it has waited");
    }

    #[test]
    fn after_a_success_a_refusal_is_that_repositorys_own() {
        let gate = CredentialGate::default();
        let (client, server) = watched(&gate);
        for status in [404, 200, 401, 401] {
            assert_eq!(
                client.send(&request(status, token())).unwrap().status,
                status
            );
        }
        gate.check().unwrap();
        assert_eq!(server.0.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn what_had_no_credentials_says_nothing_about_them() {
        let gate = CredentialGate::default();
        let (client, _) = watched(&gate);
        client
            .send(&request(401, Authorization::Anonymous))
            .unwrap();
        gate.check().unwrap();
    }
}
