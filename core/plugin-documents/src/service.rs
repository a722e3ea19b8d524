//! What the host does for a plugin.

use crate::access::Auth;
use crate::error::HosterError;
use crate::limit;
use crate::macros::{document, items, words_that_inform};
use crate::read::Document;
use crate::refused::Refused;
use crate::secret::Secret;

/// Header fields that are the host's to set: they would carry credentials past its rules, or
/// change what the connection is.
pub const RESERVED_FIELDS: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
    "trailer",
];

document! {
    /// A header of a request or an answer.
    pub struct Header {
        /// Its name.
        pub name: String,
        /// Its value.
        pub value: String,
    }
}

document! {
    /// An HTTP request that the host is to make. Its body is the bytes beside the document.
    pub struct HttpRequest {
        /// `GET`, `POST`, …
        pub method: String,
        /// Where to: an absolute address.
        pub url: String,
        /// Headers. Credentials do not belong here.
        pub headers: Vec<Header>,
        /// Credentials. Absent: none.
        pub auth: Auth,
        /// Whether it may be made twice with the same result. `PUT` and `DELETE` are tried again only
        /// if so; `POST` and `PATCH` never unless so.
        pub idempotent: bool,
        /// Bytes of its body: needed in a batch, where the bodies are joined.
        pub body_length: Option<u64>,
        /// The body.
        #[serde(skip)]
        pub body: Vec<u8>,
    }
}

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: &str, url: impl Into<String>, auth: &Auth) -> Self {
        Self {
            method: method.to_owned(),
            url: url.into(),
            auth: auth.clone(),
            ..Self::default()
        }
    }

    /// A `GET` that accepts JSON.
    pub fn get(url: impl Into<String>, auth: &Auth) -> Self {
        Self::new("GET", url, auth).with_header("accept", "application/json")
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(Header {
            name: name.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with_header("content-type", content_type)
    }
}

document! {
    /// What came back. Its body is the bytes beside the document.
    pub struct HttpResponse {
        /// Any status is an answer.
        pub status: u16,
        /// Where it came from, after redirects.
        pub url: String,
        /// Headers.
        pub headers: Vec<Header>,
        /// Bytes of its body: needed in a batch, where the bodies are joined.
        pub body_length: Option<u64>,
        /// The body.
        #[serde(skip)]
        pub body: Vec<u8>,
    }
}

impl HttpResponse {
    /// A header's value, by its name in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }
}

document! {
    /// Requests to be made side by side, at most 64. The bytes beside it are their bodies, joined.
    pub struct BatchRequest {
        /// The requests.
        pub requests: Vec<HttpRequest>,
    }
}

document! {
    /// What came of one request of a batch: one of the two.
    pub struct BatchAnswer {
        /// An answer.
        pub response: Option<HttpResponse>,
        /// There was none.
        pub error: Option<HosterError>,
    }
}

document! {
    /// What came of a batch, in its order. The bytes beside it are the bodies, joined.
    pub struct BatchAnswers {
        /// The answers.
        pub answers: Vec<BatchAnswer>,
    }
}

document! {
    /// What came of a download. The host keeps the file; one that nothing comes of is removed.
    pub struct Download {
        /// Status, address and headers. Of another status than 200, the bytes beside are the body.
        pub response: HttpResponse,
        /// The file, where there is one.
        pub file: Option<DownloadedFile>,
    }
}

document! {
    /// A file that the host has downloaded.
    pub struct DownloadedFile {
        /// What stands for it in later documents.
        pub file: String,
        /// Bytes.
        pub size: u64,
        /// SHA-256, in hexadecimal digits.
        pub sha256: String,
    }
}

words_that_inform! {
    /// How much a line of the log matters.
    pub enum LogLevel, by default Info {
        /// Something failed.
        Error = "error",
        /// Something is odd.
        Warn = "warn",
        /// The normal course of things.
        Info = "info",
        /// What the author of the plugin wants to know.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

document! {
    /// A line for the host's log.
    pub struct LogLine {
        /// How much it matters.
        pub level: LogLevel,
        /// One line, without secrets.
        pub message: String,
    }
}

document! {
    /// How far a call has come.
    pub struct Progress {
        /// What is done.
        pub done: u64,
        /// Of how much, where that is known.
        pub total: Option<u64>,
    }
}

document! {
    /// Whether the run was interrupted.
    pub struct Cancelled {
        /// Then return soon, with an error of kind cancelled.
        pub cancelled: bool,
    }
}

document! {
    /// A secret that the host does not know yet, such as a token that was made.
    pub struct SecretAdd {
        /// The secret.
        pub secret: Secret,
    }
}

document! {
    /// Asks for what the plugin has put away for this source.
    pub struct StateGet {
        /// Under which key.
        pub key: String,
    }
}

document! {
    /// What was put away.
    pub struct StateValue {
        /// Absent: nothing.
        pub value: Option<Secret>,
    }
}

document! {
    /// Puts something away for this source: 64 KiB in all, never a credential that was made.
    pub struct StatePut {
        /// Under which key.
        pub key: String,
        /// What. Absent: removes it.
        pub value: Option<Secret>,
        /// Whether it is to be kept out of all messages.
        pub secret: bool,
    }
}

items! {
    Header: limit::ENTRIES, "headers";
    HttpRequest: limit::BATCH, "requests";
    BatchAnswer: limit::BATCH, "answers";
}

/// Takes the next body off what is left of the joined ones.
fn take_body(rest: &mut &[u8], length: Option<u64>) -> Result<Vec<u8>, Refused> {
    let missing = || Refused::malformed("the bodies of a batch are shorter than it says");
    let length = usize::try_from(length.unwrap_or_default()).map_err(|_| missing())?;
    let (body, left) = rest.split_at_checked(length).ok_or_else(missing)?;
    *rest = left;
    Ok(body.to_vec())
}

impl BatchRequest {
    /// Notes the length of each body, and joins them.
    pub fn join(&mut self) -> Vec<u8> {
        let mut joined = Vec::new();
        for request in &mut self.requests {
            request.body_length = Some(request.body.len() as u64);
            joined.append(&mut request.body);
        }
        joined
    }

    /// Gives each request its body.
    ///
    /// # Errors
    ///
    /// [`Refused`], where the bodies are shorter than the lengths say.
    pub fn part(&mut self, joined: &[u8]) -> Result<(), Refused> {
        let mut rest = joined;
        for request in &mut self.requests {
            request.body = take_body(&mut rest, request.body_length)?;
        }
        Ok(())
    }
}

impl BatchAnswers {
    /// Notes the length of each body, and joins them.
    pub fn join(&mut self) -> Vec<u8> {
        let mut joined = Vec::new();
        for response in self.answers.iter_mut().filter_map(|a| a.response.as_mut()) {
            response.body_length = Some(response.body.len() as u64);
            joined.append(&mut response.body);
        }
        joined
    }

    /// Gives each answer its body.
    ///
    /// # Errors
    ///
    /// [`Refused`], where the bodies are shorter than the lengths say.
    pub fn part(&mut self, joined: &[u8]) -> Result<(), Refused> {
        let mut rest = joined;
        for response in self.answers.iter_mut().filter_map(|a| a.response.as_mut()) {
            response.body = take_body(&mut rest, response.body_length)?;
        }
        Ok(())
    }
}

impl Document for HttpRequest {}
impl Document for HttpResponse {}
impl Document for BatchRequest {}
impl Document for BatchAnswers {}
impl Document for Download {}
impl Document for LogLine {}
impl Document for Progress {}
impl Document for Cancelled {}
impl Document for SecretAdd {}
impl Document for StateGet {}
impl Document for StateValue {}
impl Document for StatePut {}
