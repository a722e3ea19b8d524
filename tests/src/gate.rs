//! What stands before the hoster: it writes down every request, and lets the faults happen.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use forgekeep_demo_hoster::{Body, Handler, Reply, Request, Response};
use parking_lot::{Mutex, MutexGuard};

use crate::fault::{Answer, Fault, Release};
use crate::logged::{Logged, RequestKind};
use crate::pack_bytes::PackBytes;

/// A request to the API, and the answer that it got.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub request: Logged,
    /// The answer as it was sent.
    pub answer: Answer,
}

/// The handler in front of the site.
pub(crate) struct Gate {
    behind: Box<dyn Handler>,
    pub(crate) release: Arc<Release>,
    log: Mutex<Vec<Logged>>,
    exchanges: Mutex<Vec<Exchange>>,
    faults: Mutex<Vec<Fault>>,
    pub(crate) packs: Arc<AtomicU64>,
}

impl Gate {
    pub(crate) fn new(behind: impl Handler) -> Self {
        Self {
            behind: Box::new(behind),
            release: Arc::default(),
            log: Mutex::default(),
            exchanges: Mutex::default(),
            faults: Mutex::default(),
            packs: Arc::default(),
        }
    }

    pub(crate) fn log(&self) -> MutexGuard<'_, Vec<Logged>> {
        self.log.lock()
    }

    pub(crate) fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock()
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock()
    }
}

impl Handler for Gate {
    fn handle(&self, request: Request) -> Reply {
        let logged = Logged::of(&request);
        // All rules count, also behind one that strikes.
        let mut faults = self.faults();
        let mut striking: Vec<_> = faults
            .iter_mut()
            .filter_map(|f| f.strikes(&logged))
            .collect();
        drop(faults);
        self.log().push(logged.clone());
        let reply = match striking.is_empty() {
            true => self.behind.handle(request),
            false => {
                striking
                    .swap_remove(0)
                    .perform(&logged, request, &*self.behind, &self.release)
            }
        };
        let is_pack = logged.kind == RequestKind::UploadPack;
        self.exchanges().extend(exchange(logged, &reply));
        match is_pack {
            true => counted(reply, Arc::clone(&self.packs)),
            false => reply,
        }
    }
}

/// The same answer, of which the bytes of the pack are counted as they are sent.
fn counted(reply: Reply, count: Arc<AtomicU64>) -> Reply {
    let Reply::Response(mut response) = reply else {
        return reply;
    };
    response.body = match response.body {
        Body::Stream(write) => Body::Stream(Box::new(move |client| {
            write(&mut PackBytes::new(client, &count))
        })),
        whole @ Body::Bytes(_) => whole,
    };
    Reply::Response(response)
}

/// What is written down of an answer: the API's alone, and if it was sent as a whole.
fn exchange(request: Logged, reply: &Reply) -> Option<Exchange> {
    let Reply::Response(Response {
        status,
        headers,
        body: Body::Bytes(body),
    }) = reply
    else {
        return None;
    };
    let answer = Answer {
        status: *status,
        headers: headers.clone(),
        body: body.clone(),
    };
    (request.kind == RequestKind::Api).then_some(Exchange { request, answer })
}
