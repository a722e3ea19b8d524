//! libgit2's transport over the run's own HTTP client.
//!
//! libgit2 knows transports by the scheme of a URL, once for the whole process. Ours is
//! registered for the scheme `forgekeep`; every fetch uses the same made-up URL, and what it is
//! really about (address, credentials, client) comes from the thread it runs on. So no address and
//! no secret is ever seen by libgit2, which would put it into messages and configuration.

use std::cell::RefCell;
use std::io::{self, Cursor, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use url::Url;

use super::advertisement::remote_error;
use super::ask::{USER_AGENT, expect_kind, service_url, status_failure};
use crate::cancel::Cancel;
use crate::http::{Authorization, Body, CredentialScope, HttpClient, Request};
use crate::{ErrorKind, Failure};

/// The URL of every remote; see the head of this module.
pub(super) const REMOTE_URL: &str = "forgekeep://upstream/";

/// What one fetch is about.
pub(super) struct Exchange {
    pub client: Arc<dyn HttpClient>,
    /// Clone URL, as it answered: after redirects.
    pub url: Url,
    pub authorization: Authorization,
    pub scope: Arc<CredentialScope>,
    pub cancel: Cancel,
    /// The advertisement, for libgit2 to read without asking again.
    pub advertisement: Mutex<Vec<u8>>,
    /// Bytes received in packs.
    pub received: AtomicU64,
    /// Why the exchange failed: libgit2 keeps only a text.
    pub failure: Mutex<Option<Failure>>,
}

impl Exchange {
    fn fail(&self, failure: Failure) -> io::Error {
        let error = io::Error::other(failure.message.clone());
        let mut slot = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        slot.get_or_insert(failure);
        error
    }

    /// Takes the reason out, if there is one.
    pub fn take_failure(&self) -> Option<Failure> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Exchange>>> = const { RefCell::new(None) };
}

/// Runs `work` with this thread's fetches being about `exchange`.
pub(super) fn with_exchange<T>(exchange: &Arc<Exchange>, work: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.with(|current| *current.borrow_mut() = None);
        }
    }
    CURRENT.with(|current| *current.borrow_mut() = Some(Arc::clone(exchange)));
    let _reset = Reset;
    work()
}

/// Sets libgit2 up, once in a process, before its first use.
///
/// # Errors
///
/// [`ErrorKind::Git`], if libgit2 cannot be set up at all.
pub fn initialise() -> Result<(), Failure> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| set_up().map_err(|error| error.message().to_owned()))
        .clone()
        .map_err(|error| Failure::new(ErrorKind::Git, format!("libgit2 cannot be set up: {error}")))
}

#[allow(unsafe_code)]
fn set_up() -> Result<(), git2::Error> {
    use git2::ConfigLevel::{Global, ProgramData, System, XDG};

    // SAFETY: these set process-wide state of libgit2 without a lock. `initialise` runs this once,
    // and every use of libgit2 in this crate comes after it has returned.
    unsafe {
        // A user's configuration must not change what is mirrored (insteadOf, hooks, filters).
        for level in [Global, ProgramData, System, XDG] {
            git2::opts::set_search_path(level, "")?;
        }
        // The backup folder is named by the operator; it may well belong to another user.
        git2::opts::set_verify_owner_validation(false)?;
        git2::transport::register("forgekeep", |remote| {
            let exchange = CURRENT.with(|current| current.borrow().clone());
            let exchange =
                exchange.ok_or_else(|| git2::Error::from_str("no exchange on this thread"))?;
            Transport::smart(remote, true, Subtransport { exchange })
        })
    }
}

struct Subtransport {
    exchange: Arc<Exchange>,
}

impl SmartSubtransport for Subtransport {
    fn action(
        &self,
        _url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        match service {
            Service::UploadPackLs => {
                let mut slot = self
                    .exchange
                    .advertisement
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                Ok(Box::new(Cursor::new(std::mem::take(&mut *slot))))
            }
            Service::UploadPack => Ok(Box::new(Round {
                exchange: Arc::clone(&self.exchange),
                request: Vec::new(),
                answer: None,
                besides: Besides::default(),
            })),
            Service::ReceivePackLs | Service::ReceivePack => {
                Err(git2::Error::from_str("a mirror is never pushed from"))
            }
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One round of a stateless conversation: a POST of all that was written before the first read.
struct Round {
    exchange: Arc<Exchange>,
    request: Vec<u8>,
    answer: Option<Body>,
    besides: Besides,
}

/// Most bytes of an answer that are not the pack: acknowledgements, messages of progress. An
/// honest server sends some kilobytes; what is in the pack is bounded by the disk.
const MOST_BESIDES: u64 = 16 * 1024 * 1024;

/// Counts what of an answer is not the pack (gitprotocol-pack(5): the side band).
#[derive(Default)]
struct Besides {
    bytes: u64,
    /// What has come of a packet's length and band.
    head: Vec<u8>,
    /// What is to come of the packet, and whether it counts.
    left: usize,
    counts: bool,
    /// Whether this is no packet format any more, but the pack as it is.
    bare: bool,
}

impl Besides {
    /// After so many bytes more; returns whether that is still bearable.
    fn learn(&mut self, mut bytes: &[u8]) -> bool {
        while let ([first, rest @ ..], false) = (bytes, self.bare) {
            if self.left > 0 {
                let (packet, others) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= packet.len();
                self.bytes += if self.counts { packet.len() as u64 } else { 0 };
                bytes = others;
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            let digits = std::str::from_utf8(self.head.get(..4).unwrap_or_default());
            match (
                self.head.len(),
                digits.map(|d| usize::from_str_radix(d, 16)),
            ) {
                (..4, _) => continue,
                (_, Ok(Ok(length @ 5..))) => match self.head.get(4) {
                    None => continue,
                    Some(band) => {
                        self.left = length - 5;
                        // Packets without data would cost nothing, and might never end.
                        self.counts = *band != 1 || self.left == 0;
                    }
                },
                (_, Ok(Ok(_))) => self.counts = true,
                _ => (self.bare, self.counts) = (true, false),
            }
            self.bytes += if self.counts {
                self.head.len() as u64
            } else {
                0
            };
            self.head.clear();
        }
        self.bytes <= MOST_BESIDES
    }
}

impl Round {
    fn post(&mut self) -> Result<Body, Failure> {
        self.exchange.cancel.check()?;
        let request = Request {
            method: "POST".to_owned(),
            url: service_url(&self.exchange.url, "git-upload-pack", None),
            headers: Vec::new(),
            authorization: self.exchange.authorization.clone(),
            body: std::mem::take(&mut self.request),
            scope: Arc::clone(&self.exchange.scope),
        }
        .header("user-agent", USER_AGENT)
        .header("content-type", "application/x-git-upload-pack-request")
        .header("accept", "application/x-git-upload-pack-result")
        .header("accept-encoding", "identity");
        let answer = self.exchange.client.send(&request)?;
        if answer.status != 200 {
            return Err(status_failure(&answer, &self.exchange.authorization));
        }
        expect_kind(&answer, "application/x-git-upload-pack-result")?;
        self.without_error(answer.body)
    }

    /// The same body, unless it begins with an error in git's own protocol: libgit2 would keep
    /// nothing of what the server says.
    fn without_error(&self, mut body: Body) -> Result<Body, Failure> {
        const MARK: &[u8] = b"ERR ";
        let mut read = |length: u64| {
            let mut bytes = Vec::new();
            let done = (&mut body).take(length).read_to_end(&mut bytes);
            done.map(|_| bytes)
                .map_err(|error| crate::http::broken_body(&self.exchange.url, &error))
        };
        // The length of the first packet, as four hex digits, and the begin of what is in it.
        let head = read(8)?;
        if head.get(4..) != Some(MARK) {
            return Ok(Body::new(Cursor::new(head).chain(body)));
        }
        let length = std::str::from_utf8(&head[..4]).unwrap_or_default();
        let length = u64::from_str_radix(length, 16).unwrap_or_default();
        Err(remote_error(&read(length.saturating_sub(8))?))
    }
}

impl Write for Round {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Round {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let answer = match &mut self.answer {
            Some(answer) => answer,
            None => {
                let answer = self.post().map_err(|failure| self.exchange.fail(failure))?;
                self.answer.insert(answer)
            }
        };
        if let Err(failure) = self.exchange.cancel.check() {
            return Err(self.exchange.fail(failure));
        }
        match answer.read(buffer) {
            Ok(read) => {
                if !self.besides.learn(buffer.get(..read).unwrap_or_default()) {
                    return Err(self.exchange.fail(too_much_besides(&self.exchange.url)));
                }
                self.exchange
                    .received
                    .fetch_add(read as u64, Ordering::Relaxed);
                Ok(read)
            }
            Err(error) => {
                let failure = crate::http::broken_body(&self.exchange.url, &error);
                Err(self.exchange.fail(failure))
            }
        }
    }
}

fn too_much_besides(url: &Url) -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!("{url}: the server sent more than {MOST_BESIDES} bytes besides the pack"),
    )
    .with_hint("no honest server does; nothing of it was used. Report it to the hoster")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(data: &[u8]) -> Vec<u8> {
        [format!("{:04x}", data.len() + 4).as_bytes(), data].concat()
    }

    fn besides(answer: &[u8], piece: usize) -> u64 {
        let mut besides = Besides::default();
        for piece in answer.chunks(piece) {
            besides.learn(piece);
        }
        besides.bytes
    }

    proptest! {
        #[test]
        fn what_is_not_the_pack_is_counted_in_whatever_pieces_it_comes(
            progress in proptest::collection::vec(0usize..2000, 0..20),
            pack in proptest::collection::vec(1usize..2000, 0..20),
            piece in 1usize..3000,
        ) {
            let mut answer = packet(b"NAK\n");
            for size in &progress {
                answer.extend(packet(&[&[2][..], &vec![0; *size]].concat()));
            }
            for size in &pack {
                answer.extend(packet(&[&[1][..], &vec![0; *size]].concat()));
            }
            let wanted = answer.len() - pack.iter().map(|size| size + 5).sum::<usize>();
            answer.extend(b"0000");
            prop_assert_eq!(besides(&answer, piece), wanted as u64 + 4);
        }
    }

    #[test]
    fn empty_packets_count_and_a_bare_pack_does_not() {
        assert_eq!(besides(&b"0005\x01".repeat(7), 3), 35);
        assert_eq!(besides(&b"0000".repeat(7), 3), 28);
        assert_eq!(besides(b"0008NAK\nPACK and so on", 5), 8);
    }
}
