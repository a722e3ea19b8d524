//! What the host does for a source's plugin: requests by the run's one client, under its rules.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Services, SourceState};
use forgekeep_http::{Authorization, MadeBy, Request, Response};
use forgekeep_page_text::page_text;
use forgekeep_plugin_documents::{
    BatchAnswer, BatchAnswers, BatchRequest, Cancelled, Done, Download, ErrorKind as Word, Header,
    HosterError, HttpRequest, HttpResponse, LogLevel, LogLine, Progress, RESERVED_FIELDS, Refused,
    SecretAdd, StateGet, StatePut, StateValue, limit, method, parse, write,
};
use forgekeep_untrusted::{Secret, Shown, Untrusted};
use parking_lot::Mutex;
use serde::Serialize;
use url::Url;

use super::convert;
use super::keep::Keep;
use crate::limits::MOST_BODY;
use crate::plugin::{Answered, HostCalls, Reply};

/// Bytes of a request's body. They are searched for secrets.
const MOST_REQUEST_BODY: usize = 16 << 20;

/// Requests of a batch that are made at a time.
const AT_A_TIME: usize = 16;

/// Most characters of somebody else's page in a message.
const MAX_QUOTE: usize = 300;

/// The engine's services, as a plugin asks for them.
pub(super) struct HostServices {
    plugin: String,
    services: Services,
    keep: Keep,
}

impl HostServices {
    pub(super) fn new(plugin: String, services: Services, state: Arc<dyn SourceState>) -> Self {
        Self {
            plugin,
            services,
            keep: Keep::new(state),
        }
    }

    /// The services of a call that begins.
    pub(super) fn for_call(&self) -> OfCall<'_> {
        OfCall {
            services: self,
            once: Mutex::default(),
        }
    }

    pub(super) fn of_run(&self) -> &Services {
        &self.services
    }

    /// Makes a request, and tries again what was no answer.
    fn send(&self, request: HttpRequest, once: &SentOnce) -> Result<HttpResponse, Failure> {
        self.services.cancel.check()?;
        let request = self.checked(request)?;
        let mut retry = 0;
        loop {
            let answer = self.services.http.send(&request);
            note_once(&request, &answer, once);
            let answer = answer?;
            let response = self
                .read(answer)
                .and_then(|response| expect_data(&request, response));
            match response {
                Ok(response) => return Ok(response),
                Err(failure) if request.may_be_repeated() => {
                    self.services.retry(&mut retry, failure)?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Makes a request whose body becomes a file. Of another status than 200, the body is the answer's.
    fn download(&self, request: HttpRequest, once: &SentOnce) -> Result<Download, Failure> {
        self.services.cancel.check()?;
        let request = self.checked(request)?;
        let mut retry = 0;
        loop {
            let answer = self.services.http.send(&request);
            note_once(&request, &answer, once);
            let answer = answer?;
            if answer.status != 200 {
                let response = self.read(answer)?;
                return Ok(Download {
                    response,
                    file: None,
                });
            }
            let head = self.head(&answer);
            match self.keep.download(answer) {
                Ok(file) => {
                    return Ok(Download {
                        response: head,
                        file: Some(file),
                    });
                }
                Err(failure) if request.may_be_repeated() => {
                    self.services.retry(&mut retry, failure)?;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn refused(&self, why: &str) -> Failure {
        Failure::new(
            ErrorKind::Policy,
            format!("the plugin {} asked for {why}", self.plugin),
        )
        .with_hint("report it to the plugin's authors; nothing was sent")
    }

    fn checked(&self, request: HttpRequest) -> Result<Request, Failure> {
        let method = request.method;
        if !matches!(
            method.as_str(),
            "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH"
        ) {
            return Err(self.refused(&format!("the method \"{}\"", Shown::of(&method))));
        }
        let url = Url::parse(&request.url).map_err(|error| {
            let shown = convert::text(&request.url, &self.services.redactor);
            self.refused(&format!("\"{shown}\", which is not an address: {error}"))
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.refused("an address with a user name or password in it"));
        }
        if request.body.len() > MOST_REQUEST_BODY {
            let length = request.body.len();
            return Err(self.refused(&format!(
                "a request with a body of {length} bytes (at most {MOST_REQUEST_BODY})"
            )));
        }
        let authorization = convert::authorization(request.auth);
        self.check_authorization(&authorization)?;
        if authorization.is_anonymous() {
            self.services.scope.check_address(&url)?;
        } else {
            self.services.scope.check_credentials(&url)?;
        }
        self.services.know(&authorization);
        let mut headers = Vec::new();
        for header in request.headers {
            let name = header.name.to_ascii_lowercase();
            self.check_field(&name)?;
            headers.push((name, header.value));
        }
        Ok(Request {
            method,
            url,
            headers,
            authorization,
            body: request.body,
            upload: None,
            scope: Arc::clone(&self.services.scope),
            idempotent: request.idempotent,
            made_by: MadeBy::Plugin,
        })
    }

    fn check_authorization(&self, authorization: &Authorization) -> Result<(), Failure> {
        match authorization {
            Authorization::Basic { user, .. } if user.contains(':') => {
                Err(self.refused("a user name with a colon in it"))
            }
            Authorization::Field { name, .. } => self.check_field(&name.to_ascii_lowercase()),
            _ => Ok(()),
        }
    }

    /// Whether a plugin may set a header field.
    fn check_field(&self, name: &str) -> Result<(), Failure> {
        match RESERVED_FIELDS.contains(&name) {
            true => Err(self.refused(&format!(
                "the header field {name}, which is the host's to set"
            ))),
            false => Ok(()),
        }
    }

    fn read(&self, answer: Response) -> Result<HttpResponse, Failure> {
        let head = self.head(&answer);
        let limit = self.services.max_body_bytes.min(MOST_BODY as u64);
        let body = answer.body.read_all(&answer.url, limit);
        let body = body.map_err(|failure| match failure.kind {
            ErrorKind::Policy => failure.with_hint(
                "raise options.network.maxBodyBytes if the response is valid; it was discarded",
            ),
            _ => failure,
        })?;
        Ok(HttpResponse { body, ..head })
    }

    /// An answer without its body.
    fn head(&self, answer: &Response) -> HttpResponse {
        // A field that no document can hold is nothing that a hoster means.
        let headers = answer.headers.iter();
        let headers = headers.filter(|(name, value)| name.len() + value.len() <= limit::STRING / 2);
        HttpResponse {
            status: answer.status,
            url: answer.url.as_str().to_owned(),
            headers: headers
                .take(limit::ENTRIES)
                .cloned()
                .map(|(name, value)| Header { name, value })
                .collect(),
            ..HttpResponse::default()
        }
    }

    /// Makes requests side by side. Their bodies come back joined, as far as they fit: what does not is
    /// an error of its own request.
    fn batch(&self, requests: Vec<HttpRequest>, once: &SentOnce) -> BatchAnswers {
        let count = requests.len();
        let requests: Vec<_> = requests
            .into_iter()
            .map(|request| Mutex::new(Some(request)))
            .collect();
        let answers: Vec<_> = (0..count)
            .map(|_| Mutex::new(BatchAnswer::default()))
            .collect();
        let (next, room) = (AtomicUsize::new(0), AtomicUsize::new(MOST_BODY));
        thread::scope(|scope| {
            for _ in 0..count.min(AT_A_TIME) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(request), Some(answer)) = (requests.get(at), answers.get(at))
                        else {
                            break;
                        };
                        let Some(request) = request.lock().take() else {
                            break;
                        };
                        *answer.lock() =
                            match self.send(request, once).and_then(|r| within(&room, r)) {
                                Ok(response) => BatchAnswer {
                                    response: Some(response),
                                    error: None,
                                },
                                Err(failure) => BatchAnswer {
                                    response: None,
                                    error: Some(convert::error(&failure)),
                                },
                            };
                    }
                });
            }
        });
        BatchAnswers {
            answers: answers.into_iter().map(Mutex::into_inner).collect(),
        }
    }

    fn log(&self, line: &LogLine) {
        let level = match line.level {
            LogLevel::Error => log::Level::Error,
            LogLevel::Warn => log::Level::Warn,
            LogLevel::Debug => log::Level::Debug,
            LogLevel::Trace => log::Level::Trace,
            _ => log::Level::Info,
        };
        let message = convert::text(&line.message, &self.services.redactor);
        log::log!(target: "forgekeep::plugin", level, "{}: {message}", self.plugin);
    }

    fn answer(
        &self,
        method: &str,
        doc: &[u8],
        body: &[u8],
        once: &SentOnce,
    ) -> Option<Result<Reply, HosterError>> {
        Some(match method {
            method::HTTP => parse::<HttpRequest>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .and_then(|mut request| {
                    request.body = body.to_vec();
                    self.send(request, once)
                        .map_err(|failure| convert::error(&failure))
                })
                .map(|mut response| {
                    let body = std::mem::take(&mut response.body);
                    Reply {
                        doc: write(&response),
                        body,
                    }
                }),
            method::BATCH => parse::<BatchRequest>(doc)
                .and_then(|mut batch| batch.part(body).map(|()| batch.requests))
                .map_err(|refused| not_understood(method, &refused))
                .map(|requests| {
                    let mut answers = self.batch(requests, once);
                    let body = answers.join();
                    Reply {
                        doc: write(&answers),
                        body,
                    }
                }),
            method::LOG => parse::<LogLine>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .map(|line| {
                    self.log(&line);
                    document(&Done::default())
                }),
            method::PROGRESS => parse::<Progress>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .map(|progress| {
                    let total = progress
                        .total
                        .map_or_else(String::new, |t| format!(" of {t}"));
                    log::debug!("{}: {}{total} done", self.plugin, progress.done);
                    document(&Done::default())
                }),
            method::CANCELLED => Ok(document(&Cancelled {
                cancelled: self.services.cancel.is_cancelled(),
            })),
            method::DOWNLOAD => parse::<HttpRequest>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .and_then(|mut request| {
                    request.body = body.to_vec();
                    self.download(request, once)
                        .map_err(|failure| convert::error(&failure))
                })
                .map(|mut download| {
                    let body = std::mem::take(&mut download.response.body);
                    Reply {
                        doc: write(&download),
                        body,
                    }
                }),
            method::STATE_GET => parse::<StateGet>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .and_then(|asked| {
                    let value = self.keep.get(&asked, &self.services);
                    value.map_err(|failure| convert::error(&failure))
                })
                .map(|value| {
                    document(&StateValue {
                        value: value.map(|value| value.expose().into()),
                    })
                }),
            method::STATE_PUT => parse::<StatePut>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .and_then(|put| {
                    let kept = self.keep.put(put, &self.services);
                    kept.map_err(|failure| convert::error(&failure))
                })
                .map(|()| document(&Done::default())),
            method::SECRET_ADD => parse::<SecretAdd>(doc)
                .map_err(|refused| not_understood(method, &refused))
                .map(|add| {
                    let secret = Secret::new(add.secret.expose());
                    self.services.guard.know(&secret, &self.services.scope);
                    document(&Done::default())
                }),
            _ => return None,
        })
    }
}

/// What came of a request that was made once only, as it may have done its work.
type SentOnce = Mutex<Option<String>>;

/// The services of one call.
pub(super) struct OfCall<'a> {
    services: &'a HostServices,
    once: SentOnce,
}

impl OfCall<'_> {
    /// What came of the call's request that failed and was made once only.
    pub(super) fn sent_once(&self) -> Option<String> {
        self.once.lock().take()
    }
}

fn note_once(request: &Request, answer: &Result<Response, Failure>, once: &SentOnce) {
    if request.may_be_repeated() {
        return;
    }
    let what = match answer {
        Ok(answer) if answer.status >= 500 => format!("answered {}", answer.status),
        Ok(_) => return,
        Err(failure) => failure.message.to_string(),
    };
    *once.lock() = Some(format!("{} {}: {what}", request.method, request.url));
}

impl HostCalls for OfCall<'_> {
    fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        Some(match self.services.answer(method, doc, body, &self.once)? {
            Ok(reply) => Answered::Result(reply),
            Err(error) => Answered::Error(document(&error)),
        })
    }
}

fn document<T: Serialize>(document: &T) -> Reply {
    Reply {
        doc: write(document),
        body: Vec::new(),
    }
}

/// An answer of a batch, if there is room for its body.
fn within(room: &AtomicUsize, response: HttpResponse) -> Result<HttpResponse, Failure> {
    let length = response.body.len();
    let taken = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(length)
    });
    match taken {
        Ok(_) => Ok(response),
        Err(_) => Err(Failure::new(
            ErrorKind::Policy,
            format!("the answers of a batch are longer than {MOST_BODY} bytes together"),
        )
        .with_hint("report it to the plugin's authors: it may ask for fewer at a time")),
    }
}

fn not_understood(method: &str, refused: &Refused) -> HosterError {
    let kind = match refused {
        Refused::Unsupported(_) => Word::Unsupported,
        _ => Word::Plugin,
    };
    HosterError::new(
        kind,
        format!(
            "the plugin's request for `{}` cannot be used: {refused}",
            Shown::of(method)
        ),
    )
    .with_hint("report it to the plugin's authors")
}

/// Refuses what is certainly no answer to a request for JSON: the page of a hoster that is out of
/// order, or of a proxy. Here, because here it can be asked for again.
fn expect_data(request: &Request, response: HttpResponse) -> Result<HttpResponse, Failure> {
    let wants_json = request
        .headers
        .iter()
        .any(|(name, value)| name == "accept" && value == "application/json");
    let kind = response.header("content-type").unwrap_or_default();
    let what = if kind.starts_with("text/html") {
        "a web page"
    } else if response.body.is_empty() {
        "nothing"
    } else {
        return Ok(response);
    };
    if !wants_json || response.status != 200 {
        return Ok(response);
    }
    let mut message = format!("{} answered with {what} instead of JSON", response.url);
    let page = Untrusted::lossy(&response.body);
    let words: String = page_text(page.raw()).chars().take(MAX_QUOTE).collect();
    if !words.is_empty() {
        message = format!("{message}; it says: {words}");
    }
    Err(Failure::new(ErrorKind::BadAnswer, message)
    .with_hint("try again later and check apiUrl: the hoster may be out of order, or a proxy or login page is in between")
    .with_status(response.status)
    .transient())
}
