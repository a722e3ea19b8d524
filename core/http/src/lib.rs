//! HTTP: one client for the API and for git, so that both share connections, proxy, certificate
//! authorities, time limits and the rules for credentials.
//!
//! [`HttpClient`] is a small trait, so that what concerns every request (retries, rate limits) can
//! be wrapped round it.

mod allowance;
mod budget;
mod client;
mod connect;
mod counts;
mod credential_gate;
mod guard;
mod in_force;
mod interruptible;
mod limit;
mod network_wait;
mod proxy;
mod retry;
mod scope;
mod services;
mod tunnel;
mod unreachable;

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forgekeep_failure::Failure;
use forgekeep_untrusted::Secret;
use url::Url;

pub use budget::RateLimit;
pub use client::{Client, Settings};
pub use counts::RequestCounts;
pub use credential_gate::{CredentialGate, Visit, refused};
pub use guard::{CredentialGuard, SHORTEST_GUARDED};
pub use in_force::NetworkInForce;
pub use limit::ConcurrencyLimit;
pub use proxy::Proxies;
pub use retry::{OnWait, RetryPolicy, Retrying, Wait};
pub use scope::{CredentialScope, is_loopback};
pub use services::Services;
pub use unreachable::broken_body;

/// Something that makes HTTP requests.
pub trait HttpClient: Send + Sync {
    /// Makes a request. Any status is a response; a failure means there was none. Redirects within
    /// the origin are followed; redirects to another origin are followed without credentials.
    fn send(&self, request: &Request) -> Result<Response, Failure>;

    /// Waits for the limit of a host that tells of it in the words of an answer, and by no status;
    /// whether there was time for that. `asked` is how long it asks to wait.
    fn wait_out(&self, host: &str, asked: Option<Duration>) -> Result<bool, Failure> {
        let _ = (host, asked);
        Ok(false)
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, … in capitals.
    pub method: String,
    /// Absolute URL without user or password.
    pub url: Url,
    /// Header fields; `Authorization` is not among them.
    pub headers: Vec<(String, String)>,
    /// Credentials. The caller has checked that they may go to this origin.
    pub authorization: Authorization,
    /// Body; empty for none.
    pub body: Vec<u8>,
    /// A file in place of the body, read as it is sent.
    pub upload: Option<PathBuf>,
    /// The rules for addresses, which a redirect must keep too.
    pub scope: Arc<CredentialScope>,
    /// Whether it may be sent twice: a POST, PUT, PATCH or DELETE that did its work and whose answer was
    /// lost is not tried again unless its maker says that this does no harm. What only asks (GET, HEAD)
    /// always may.
    pub idempotent: bool,
    /// Who has made it.
    pub made_by: MadeBy,
}

/// Who has made a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MadeBy {
    /// We, out of what we know.
    #[default]
    Host,
    /// A plugin: its body may hold anything.
    Plugin,
}

impl Request {
    /// A GET.
    pub fn get(url: Url, authorization: Authorization, scope: Arc<CredentialScope>) -> Self {
        Self {
            method: "GET".to_owned(),
            url,
            headers: Vec::new(),
            authorization,
            body: Vec::new(),
            upload: None,
            scope,
            idempotent: false,
            made_by: MadeBy::Host,
        }
    }

    /// Whether it may be sent again when its answer was lost.
    pub fn may_be_repeated(&self) -> bool {
        self.idempotent || matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Credentials for a request.
#[derive(Clone, Debug, Default)]
pub enum Authorization {
    /// None.
    #[default]
    Anonymous,
    /// HTTP Basic, RFC 7617.
    Basic {
        /// User name, without a colon.
        user: String,
        /// Password or token.
        secret: Secret,
    },
    /// Bearer token, RFC 6750.
    Bearer(Secret),
    /// Another scheme of the `Authorization` field, such as `token`.
    Scheme {
        /// The scheme (RFC 9110, 11.1: a token).
        scheme: String,
        /// What follows it.
        secret: Secret,
    },
    /// A field of the hoster's own, such as `PRIVATE-TOKEN`.
    Field {
        /// Its name.
        name: String,
        /// Its value.
        secret: Secret,
    },
}

impl Authorization {
    /// Whether there are credentials.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// The password or token.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::Anonymous => None,
            Self::Basic { secret, .. }
            | Self::Bearer(secret)
            | Self::Scheme { secret, .. }
            | Self::Field { secret, .. } => Some(secret),
        }
    }

    /// Name and value of the field that carries them: for the one place that puts it on the wire.
    fn field(&self) -> Option<(&str, Secret)> {
        let of_standard = |value: String| Some(("authorization", Secret::new(value)));
        match self {
            Self::Anonymous => None,
            Self::Basic { user, secret } => {
                let pair = STANDARD.encode(format!("{user}:{}", secret.expose()));
                of_standard(format!("Basic {pair}"))
            }
            Self::Bearer(secret) => of_standard(format!("Bearer {}", secret.expose())),
            Self::Scheme { scheme, secret } => of_standard(format!("{scheme} {}", secret.expose())),
            Self::Field { name, secret } => Some((name, secret.clone())),
        }
    }
}

/// What came back.
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// URL that answered, after redirects.
    pub url: Url,
    /// Header fields, names in lower case. Values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Body,
}

impl Response {
    /// The first value of a field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} from {})", self.status, self.url)
    }
}

/// Most bytes that are read and thrown away to save a connection; beyond, a new one is cheaper.
const DRAIN_LIMIT: u64 = 256 * 1024;

/// A body that is read as it arrives. What is left of it on drop is drained: a connection is only
/// reused once its last body was read to the end, and libgit2 stops reading at the last packet.
pub struct Body {
    reader: Box<dyn Read + Send>,
    finished: bool,
}

impl Body {
    /// Wraps a reader.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self {
            reader: Box::new(reader),
            finished: false,
        }
    }

    /// The whole body, if it is no longer than `limit` bytes.
    pub fn read_all(mut self, url: &Url, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = (&mut self).take(limit + 1).read_to_end(&mut bytes);
        match read {
            Ok(_) if bytes.len() as u64 <= limit => Ok(bytes),
            Ok(_) => {
                // The rest may be endless: do not drain it.
                self.finished = true;
                Err(unreachable::too_large(url, limit))
            }
            Err(error) => {
                self.finished = true;
                Err(broken_body(url, &error))
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        if !buffer.is_empty() && !matches!(&read, Ok(1..)) {
            self.finished = true;
        }
        read
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.finished {
            let _ = io::copy(&mut (&mut self.reader).take(DRAIN_LIMIT), &mut io::sink());
        }
    }
}
