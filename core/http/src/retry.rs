//! Trying again: one wrapper round the client, for the API and for git alike.
//!
//! - Whether it is worth it is the failure's to say: [`Failure::permanent`], or the status.
//! - The wait doubles with each try, with jitter, so that eight workers do not come back at once.
//! - What the server asks for in `Retry-After` is obeyed, up to a cap: beyond it, waiting in the
//!   night is worse than saying so in the morning.
//! - A request limit is no fault, and uses up no tries: `allowance.rs` has its rule. A good answer with
//!   `Retry-After` announces one: the next request to that host waits, where there is time for it.
//!
//! A body that breaks off while it is read is not tried again here, but by whoever reads it: a
//! fetch starts again, as git does. So it does when its POST is cut: the refs that it wants may have
//! moved since they were asked for, and the same POST would never succeed.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use forgekeep_failure::{Cancel, Failure};
use forgekeep_untrusted::Printable;

use super::allowance::{Allowance, ClosedHosts, Limit, retry_after};
use super::network_wait::NetworkWait;
use super::{HttpClient, Request, RequestCounts, Response};

/// Why a limited host is waited for.
const LIMITED: &str = "its request limit is used up";

/// How patient to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first.
    pub retries: u32,
    /// Wait before the first retry; doubles with each.
    pub first_wait: Duration,
    /// Longest single wait, and the longest `Retry-After` that is obeyed where it is not about a
    /// request limit.
    pub longest_wait: Duration,
    /// How long a source may wait for request limits, in all.
    pub limit_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(120),
            limit_wait: Duration::from_secs(3600),
        }
    }
}

impl RetryPolicy {
    /// The wait before a retry, counted from 0: between half and all of the doubled time.
    pub fn wait(&self, retry: u32, jitter: f64) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << retry.min(16));
        doubled
            .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
            .min(self.longest_wait)
    }
}

/// Told before each wait.
pub type OnWait = Arc<dyn Fn(&Wait<'_>) + Send + Sync>;

/// A wait that is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// Host that is waited for.
    pub host: &'a str,
    /// How long.
    pub time: Duration,
    /// Why.
    pub why: &'a str,
}

/// A client that tries again.
#[derive(Clone)]
pub struct Retrying<C> {
    inner: C,
    retry_policy: RetryPolicy,
    cancel: Cancel,
    on_wait: OnWait,
    closed: ClosedHosts,
    allowance: Allowance,
    counts: RequestCounts,
    network: NetworkWait,
}

impl<C: HttpClient> Retrying<C> {
    /// Wraps a client.
    pub fn new(inner: C, retry_policy: RetryPolicy, cancel: Cancel, on_wait: OnWait) -> Self {
        Self {
            inner,
            retry_policy,
            cancel,
            on_wait,
            closed: ClosedHosts::default(),
            allowance: Allowance::new(retry_policy.limit_wait),
            counts: RequestCounts::default(),
            network: NetworkWait::default(),
        }
    }

    /// The same, which waits for so long until any host answers at all.
    #[must_use]
    pub fn waiting_for_network(self, most: Duration) -> Self {
        Self {
            network: NetworkWait::new(most),
            ..self
        }
    }

    fn wait(&self, host: &str, time: Duration, why: &str) -> Result<(), Failure> {
        if time.is_zero() {
            return self.cancel.check();
        }
        log::info!("waiting {:.1} s for {host}: {why}", time.as_secs_f64());
        (self.on_wait)(&Wait { host, time, why });
        self.cancel.wait(time)
    }

    /// Waits until a host that is closed to all opens again, while there is time for it.
    fn wait_until_open(&self, host: &str) -> Result<(), Failure> {
        loop {
            let now = Instant::now();
            let left = self.closed.left(host, now);
            // Without the time, the host's own answer says most.
            if left.is_zero() || !self.allowance.take(left, now) {
                return Ok(());
            }
            self.wait(host, left, LIMITED)?;
        }
    }

    /// Waits for a limit; whether there was time for it. If not, others may still ask: they may
    /// have more time, and what they ask for may not be limited.
    fn wait_for_limit(&self, host: &str, limit: Limit) -> Result<bool, Failure> {
        let now = Instant::now();
        let enough = |time| self.allowance.take(time, now);
        let Some(time) = self.closed.close(host, limit, now, fastrand::f64(), enough) else {
            return Ok(false);
        };
        self.wait(host, time, LIMITED)?;
        Ok(true)
    }
}

impl<C: HttpClient + Clone> Retrying<C> {
    /// The same client for a source: what another has waited for limits is not its loss. Its requests
    /// are added to `counts`.
    #[must_use]
    pub fn for_source(&self, counts: &RequestCounts) -> Self {
        Self {
            allowance: self.allowance.renewed(),
            counts: counts.clone(),
            ..self.clone()
        }
    }
}

impl<C: Clone> Retrying<C> {
    /// A client that asks once, and waits for no limit: for what can be asked later as well.
    #[must_use]
    pub fn asking_once(&self) -> Self {
        let retry_policy = RetryPolicy {
            retries: 0,
            limit_wait: Duration::ZERO,
            ..self.retry_policy
        };
        Self {
            retry_policy,
            allowance: Allowance::new(Duration::ZERO),
            network: NetworkWait::default(),
            ..self.clone()
        }
    }
}

/// What to do after a try.
enum Verdict {
    Done,
    Again {
        after: Option<Duration>,
        why: String,
    },
}

fn judge(result: &Result<Response, Failure>) -> Verdict {
    match result {
        Ok(answer) if is_transient(answer.status) => Verdict::Again {
            after: answer
                .header("retry-after")
                .and_then(|field| retry_after(field, SystemTime::now())),
            why: format!("it answered {}", answer.status),
        },
        Ok(_) => Verdict::Done,
        Err(failure) if failure.permanent => Verdict::Done,
        Err(failure) => Verdict::Again {
            after: failure.retry_after,
            why: failure.message.to_string(),
        },
    }
}

/// How long a host asks to be left alone, though it has answered: some hosters delay answers if they
/// are asked all the same.
fn slow_down(answer: &Response) -> Option<Duration> {
    let field = (200..300)
        .contains(&answer.status)
        .then(|| answer.header("retry-after"));
    retry_after(field.flatten()?, SystemTime::now()).filter(|pause| !pause.is_zero())
}

/// Whether a request is a step of a fetch, which starts again if the step has no answer.
fn is_step_of_fetch(request: &Request) -> bool {
    let mut fields = request.headers.iter();
    request.method == "POST"
        && fields.any(|(name, value)| {
            name == "content-type" && value == "application/x-git-upload-pack-request"
        })
}

/// Statuses that may be another a moment later. 501 and 505 will not.
fn is_transient(status: u16) -> bool {
    matches!(status, 500 | 502..=504 | 506..=599)
}

impl<C: HttpClient> HttpClient for Retrying<C> {
    fn send(&self, request: &Request) -> Result<Response, Failure> {
        let host = Printable::from(request.url.host_str().unwrap_or_default());
        let mut retry = 0;
        loop {
            self.wait_until_open(&host)?;
            self.counts.sent(request);
            let result = self.inner.send(request);
            self.counts.answered(request, &result);
            self.cancel.check()?;
            match &result {
                Ok(_) => self.network.answered(),
                Err(failure) if request.may_be_repeated() && !is_step_of_fetch(request) => {
                    if let Some(time) = self.network.pause(failure, Instant::now()) {
                        self.wait(
                            &host,
                            time,
                            &format!("no network so far: {}", failure.message),
                        )?;
                        continue;
                    }
                }
                Err(_) => {}
            }
            if result.is_err() && is_step_of_fetch(request) {
                return result;
            }
            let limit = result.as_ref().ok();
            if let Some(limit) = limit.and_then(|answer| Limit::of(answer, SystemTime::now())) {
                match self.wait_for_limit(&host, limit)? {
                    true => continue,
                    false => return result,
                }
            }
            if let Ok(answer) = &result {
                match slow_down(answer) {
                    Some(pause) => self.closed.pause(&host, pause, Instant::now()),
                    None => self.closed.open(&host, Instant::now()),
                }
            }
            let Verdict::Again { after, why } = judge(&result) else {
                return result;
            };
            // It may have done its work, with only the answer lost.
            if !request.may_be_repeated() {
                return result.map_err(|mut failure| {
                    failure.permanent = true;
                    failure
                });
            }
            let asked = after.unwrap_or_default();
            if asked > self.retry_policy.longest_wait || retry >= self.retry_policy.retries {
                // The last word: nobody above tries it again.
                return result.map_err(|mut failure| {
                    failure.permanent = true;
                    failure
                });
            }
            // Frees its connection before the wait.
            drop(result);
            let time = self.retry_policy.wait(retry, fastrand::f64()).max(asked);
            self.wait(&host, time, &why)?;
            retry += 1;
        }
    }

    fn wait_out(&self, host: &str, asked: Option<Duration>) -> Result<bool, Failure> {
        self.wait_for_limit(&Printable::from(host), Limit::in_words(asked))
    }
}

#[cfg(test)]
mod tests {

    use forgekeep_failure::ErrorKind;
    use parking_lot::Mutex;
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::{Authorization, Body, CredentialScope};

    /// A status with its `Retry-After`, or a network failure and whether it is permanent.
    type Answer = Result<(u16, Option<&'static str>), bool>;

    /// Answers from a list.
    struct Scripted(Mutex<Vec<Answer>>);

    impl HttpClient for Scripted {
        fn send(&self, request: &Request) -> Result<Response, Failure> {
            let mut script = self.0.lock();
            match script.remove(0) {
                Ok((status, after)) => Ok(Response {
                    status,
                    url: request.url.clone(),
                    headers: after
                        .map(|after| ("retry-after".to_owned(), after.to_owned()))
                        .into_iter()
                        .collect(),
                    body: Body::new(std::io::empty()),
                }),
                Err(permanent) => {
                    let mut failure = Failure::new(ErrorKind::Network, "cut");
                    failure.permanent = permanent;
                    Err(failure)
                }
            }
        }
    }

    fn request() -> Request {
        let url = Url::parse("https://example.com/x").unwrap();
        let scope = Arc::new(CredentialScope::new(url.clone(), false, &[], false));
        Request::get(url, Authorization::Anonymous, scope)
    }

    /// Runs a script without really waiting; returns the result and the waits.
    fn run(script: Vec<Answer>, retries: u32) -> (Result<u16, Failure>, usize) {
        let waits = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&waits);
        let retry_policy = RetryPolicy {
            retries,
            first_wait: Duration::from_nanos(1),
            longest_wait: Duration::from_secs(2),
            limit_wait: Duration::from_millis(10),
        };
        let client = Retrying::new(
            Scripted(Mutex::new(script)),
            retry_policy,
            Cancel::new(),
            Arc::new(move |_| *counted.lock() += 1),
        );
        let result = client.send(&request()).map(|answer| answer.status);
        let waits = *waits.lock();
        (result, waits)
    }

    #[test]
    fn what_passes_is_waited_out() {
        assert_eq!(
            run(vec![Ok((503, None)), Err(false), Ok((200, None))], 3),
            (Ok(200), 2)
        );
    }

    #[test]
    fn what_stays_is_given_up_and_not_tried_again_above() {
        let (result, waits) = run(vec![Err(false), Err(false)], 1);
        assert!(result.unwrap_err().permanent);
        assert_eq!(waits, 1);
        assert_eq!(run(vec![Ok((500, None)), Ok((500, None))], 1), (Ok(500), 1));
    }

    #[test]
    fn what_is_permanent_is_not_tried_again() {
        for status in [200, 401, 403, 404, 410, 501] {
            assert_eq!(run(vec![Ok((status, None))], 3), (Ok(status), 0));
        }
        assert!(run(vec![Err(true)], 3).0.is_err());
    }

    #[test]
    fn a_long_retry_after_ends_it() {
        assert_eq!(run(vec![Ok((503, Some("3600")))], 3), (Ok(503), 0));
        let date = Some("Tue, 31 Dec 2999 23:59:59 GMT");
        assert_eq!(run(vec![Ok((503, date))], 3), (Ok(503), 0));
    }

    #[test]
    fn a_limit_uses_up_no_tries_but_its_own_time() {
        assert_eq!(
            run(vec![Ok((429, Some("0"))), Ok((200, None))], 0),
            (Ok(200), 0)
        );
        // Beyond the time there is, whatever the number of retries.
        for script in [
            vec![Ok((429, None))],
            vec![Ok((429, Some("3600")))],
            vec![Ok((429, Some("Tue, 31 Dec 2999 23:59:59 GMT")))],
            vec![Ok((429, Some("0"))), Ok((429, Some("0")))],
        ] {
            assert_eq!(run(script, 20), (Ok(429), 0));
        }
    }

    #[test]
    fn without_time_for_a_limit_each_has_the_answer_to_its_own_question() {
        let client = Retrying::new(
            Scripted(Mutex::new(vec![Ok((429, Some("3600"))), Ok((200, None))])),
            RetryPolicy {
                limit_wait: Duration::ZERO,
                ..RetryPolicy::default()
            },
            Cancel::new(),
            Arc::new(|_| {}),
        );
        assert_eq!(client.send(&request()).unwrap().status, 429);
        assert_eq!(client.send(&request()).unwrap().status, 200);
    }

    #[test]
    fn a_good_answer_that_asks_for_a_pause_holds_up_the_next_request_and_not_this_one() {
        let script = vec![Ok((200, Some("60"))), Ok((200, None)), Ok((200, None))];
        let client = Retrying::new(
            Scripted(Mutex::new(script)),
            RetryPolicy {
                limit_wait: Duration::ZERO,
                ..RetryPolicy::default()
            },
            Cancel::new(),
            Arc::new(|_| panic!("it waits without time for it")),
        );
        let left = || client.closed.left("example.com", Instant::now());
        assert_eq!(left(), Duration::ZERO);
        // Another answer, to a question that was asked before, does not end the pause.
        for _ in 0..3 {
            assert_eq!(client.send(&request()).unwrap().status, 200);
            assert!(left() > Duration::from_secs(50));
        }
        assert_eq!(run(vec![Ok((200, Some("0")))], 0), (Ok(200), 0));
    }

    /// What came of a request of a method, answered 502 and then 200.
    fn of_method(method: &str, idempotent: bool, script: Vec<Answer>) -> u16 {
        let client = Retrying::new(
            Scripted(Mutex::new(script)),
            RetryPolicy {
                first_wait: Duration::from_nanos(1),
                ..RetryPolicy::default()
            },
            Cancel::new(),
            Arc::new(|_| {}),
        );
        let mut request = request();
        request.method = method.to_owned();
        request.idempotent = idempotent;
        client.send(&request).map_or(0, |answer| answer.status)
    }

    #[test]
    fn what_may_have_done_its_work_is_not_sent_twice() {
        let script = || vec![Ok((502, None)), Ok((200, None))];
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            assert_eq!(of_method(method, false, script()), 502, "{method}");
            assert_eq!(of_method(method, true, script()), 200, "{method}");
            let cut = vec![Err(false), Ok((200, None))];
            assert_eq!(of_method(method, false, cut), 0, "{method}");
            // It was not taken in at all.
            let limited = vec![Ok((429, Some("0"))), Ok((200, None))];
            assert_eq!(of_method(method, false, limited), 200, "{method}");
        }
        for method in ["GET", "HEAD"] {
            assert_eq!(of_method(method, false, script()), 200, "{method}");
        }
    }

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = SystemTime::now();
        assert_eq!(retry_after(" 17 ", now), Some(Duration::from_secs(17)));
        assert_eq!(
            retry_after("Fri, 31 Dec 1999 23:59:59 GMT", now),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn an_interruption_ends_the_wait_for_a_limit() {
        let cancel = Cancel::new();
        let interrupt = cancel.clone();
        let client = Retrying::new(
            Scripted(Mutex::new(vec![Ok((429, None)), Ok((200, None))])),
            RetryPolicy::default(),
            cancel,
            Arc::new(move |_| interrupt.cancel()),
        );
        let failure = client.send(&request()).map(|a| a.status).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Cancelled);
    }

    #[test]
    fn an_interruption_ends_the_waiting() {
        let cancel = Cancel::new();
        let interrupt = cancel.clone();
        let retry_policy = RetryPolicy {
            first_wait: Duration::from_secs(3600),
            longest_wait: Duration::from_secs(7200),
            ..RetryPolicy::default()
        };
        let client = Retrying::new(
            Scripted(Mutex::new(vec![Ok((503, None)), Ok((200, None))])),
            retry_policy,
            cancel,
            Arc::new(move |_| interrupt.cancel()),
        );
        let failure = client.send(&request()).map(|a| a.status).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Cancelled);
    }

    proptest! {
        #[test]
        fn waits_grow_and_stay_below_the_cap(retry in 0u32..100, jitter in 0.0f64..1.0) {
            let retry_policy = RetryPolicy::default();
            let wait = retry_policy.wait(retry, jitter);
            prop_assert!(wait <= retry_policy.longest_wait);
            prop_assert!(wait >= retry_policy.first_wait / 2);
        }
    }
}
