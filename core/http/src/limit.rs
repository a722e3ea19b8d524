//! No more than so many requests to one host at the same time, API and git together.
//!
//! `jobs` bounds the work of a run; this bounds what one hoster has to bear of it, where several
//! sources are on different hosters, or one is small. A request counts until its answer is read to
//! the end or dropped. Nobody holds one while waiting for another: so nobody waits for ever.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use forgekeep_failure::{Cancel, Failure};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{Body, HttpClient, Request, Response};

/// How often a waiting request looks for an interruption.
const GLANCE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct Hosts {
    under_way: Mutex<HashMap<String, usize>>,
    done: Condvar,
}

impl Hosts {
    fn under_way(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.under_way.lock()
    }
}

/// A client that asks a host so many things at the same time.
#[derive(Clone)]
pub struct ConcurrencyLimit<C> {
    inner: C,
    most: Option<usize>,
    hosts: Arc<Hosts>,
    cancel: Cancel,
}

impl<C: HttpClient> ConcurrencyLimit<C> {
    /// Wraps a client; `most` is the number of requests to one host at the same time.
    pub fn new(inner: C, most: Option<usize>, cancel: Cancel) -> Self {
        Self {
            inner,
            most,
            hosts: Arc::default(),
            cancel,
        }
    }

    fn enter(&self, most: usize, host: &str) -> Result<RequestSlot, Failure> {
        let mut under_way = self.hosts.under_way();
        loop {
            self.cancel.check()?;
            let number = under_way.entry(host.to_owned()).or_default();
            if *number < most {
                *number += 1;
                return Ok(RequestSlot {
                    hosts: Arc::clone(&self.hosts),
                    host: host.to_owned(),
                });
            }
            self.hosts.done.wait_for(&mut under_way, GLANCE);
        }
    }
}

/// A place among the requests to a host; given back on drop.
struct RequestSlot {
    hosts: Arc<Hosts>,
    host: String,
}

impl Drop for RequestSlot {
    fn drop(&mut self) {
        if let Some(number) = self.hosts.under_way().get_mut(&self.host) {
            *number = number.saturating_sub(1);
        }
        self.hosts.done.notify_all();
    }
}

/// A body that holds its request's place until it is dropped.
struct InPlace {
    // Dropped first: what is left of the body is drained before the place is free.
    body: Body,
    _place: RequestSlot,
}

impl Read for InPlace {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

impl<C: HttpClient> HttpClient for ConcurrencyLimit<C> {
    fn send(&self, request: &Request) -> Result<Response, Failure> {
        let Some(most) = self.most else {
            return self.inner.send(request);
        };
        let place = self.enter(most, request.url.host_str().unwrap_or_default())?;
        let answer = self.inner.send(request)?;
        Ok(Response {
            body: Body::new(InPlace {
                body: answer.body,
                _place: place,
            }),
            ..answer
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use url::Url;

    use super::*;
    use crate::{Authorization, CredentialScope};

    /// Answers with a body that counts as under way until it is dropped.
    #[derive(Clone, Default)]
    struct Counting {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }

    struct Counted(Counting);

    impl Read for Counted {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.now.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl HttpClient for Counting {
        fn send(&self, request: &Request) -> Result<Response, Failure> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            Ok(Response {
                status: 200,
                url: request.url.clone(),
                headers: Vec::new(),
                body: Body::new(Counted(self.clone())),
            })
        }
    }

    fn request(host: &str) -> Request {
        let url = Url::parse(&format!("https://{host}/x")).unwrap();
        let scope = Arc::new(CredentialScope::new(url.clone(), false, &[], false));
        Request::get(url, Authorization::Anonymous, scope)
    }

    #[test]
    fn no_more_than_the_limit_are_under_way_and_all_are_done() {
        let counting = Counting::default();
        let client = ConcurrencyLimit::new(counting.clone(), Some(3), Cancel::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        drop(client.send(&request("a.example")).unwrap());
                    }
                });
            }
        });
        assert!(counting.most.load(Ordering::SeqCst) <= 3);
        assert_eq!(counting.now.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn hosts_do_not_wait_for_each_other_and_an_interruption_ends_the_wait() {
        let cancel = Cancel::new();
        let client = ConcurrencyLimit::new(Counting::default(), Some(1), cancel.clone());
        let _first = client.send(&request("a.example")).unwrap();
        let _other = client.send(&request("b.example")).unwrap();
        let waiting = client.clone();
        let waiter = std::thread::spawn(move || waiting.send(&request("a.example")).is_err());
        cancel.cancel();
        assert!(waiter.join().unwrap());
    }
}
