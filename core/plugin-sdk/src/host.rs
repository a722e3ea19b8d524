use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use forgekeep_plugin_documents::{
    Auth, BatchAnswer, BatchAnswers, BatchRequest, Cancelled, Document, Done, Download,
    DownloadedFile, ErrorKind, HosterError, HttpRequest, HttpResponse, LogLevel, LogLine, Progress,
    Secret, SecretAdd, StateGet, StatePut, StateValue, limit, method, parse, write,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{json, status_error};
use crate::session::Session;
use crate::wire::{Line, Outgoing, Replied};

/// For how long an answer to "was the run interrupted?" holds, in milliseconds.
const HOLDS: u64 = 100;

/// What the host does for a plugin, for the duration of a call. It may be used from several threads.
pub struct Host<'call> {
    line: Line<'call>,
    session: Session,
    began: Instant,
    /// Whether the run was interrupted, as far as is known.
    cancelled: AtomicBool,
    /// When the host was last asked, in milliseconds since the call began, and one more. 0: never.
    asked: AtomicU64,
}

/// What came of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downloaded {
    /// The host has the file.
    File(DownloadedFile),
    /// The hoster answered something else than 200.
    Answer(HttpResponse),
}

impl<'call> Host<'call> {
    pub(crate) fn new(line: Line<'call>, session: Session) -> Self {
        Self {
            line,
            session,
            began: Instant::now(),
            cancelled: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        }
    }

    pub(crate) fn with_session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    /// What [`Hoster::open`](crate::Hoster::open) has given for this source.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Plugin`], if that is something else than a `T`.
    pub fn session<T: 'static>(&self) -> Result<&T, HosterError> {
        self.session.get().ok_or_else(|| {
            let name = std::any::type_name::<T>();
            HosterError::new(
                ErrorKind::Plugin,
                format!("the plugin looks for a session of type {name}, and opened none"),
            )
            .with_hint("report it to its authors: this is a bug of the plugin")
        })
    }

    /// Makes a request. Any HTTP status is an answer; an error means that there was none.
    ///
    /// # Errors
    ///
    /// Where there was no answer, or a rule of the host forbids the request.
    pub fn http(&self, request: HttpRequest) -> Result<HttpResponse, HosterError> {
        self.go_on()?;
        let (mut response, body) =
            self.ask::<_, HttpResponse>(method::HTTP, &request, &request.body)?;
        response.body = body;
        Ok(response)
    }

    /// A `GET` that accepts JSON.
    ///
    /// # Errors
    ///
    /// As [`Host::http`].
    pub fn get(&self, url: &str, auth: &Auth) -> Result<HttpResponse, HosterError> {
        self.http(HttpRequest::get(url, auth))
    }

    /// A `GET` that accepts JSON and is answered with 2xx.
    ///
    /// # Errors
    ///
    /// As [`Host::http`]; as [`status_error`] for another status.
    pub fn get_good(&self, url: &str, auth: &Auth) -> Result<HttpResponse, HosterError> {
        let response = self.get(url, auth)?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(status_error(&response)),
        }
    }

    /// A `GET` whose answer is read as JSON.
    ///
    /// # Errors
    ///
    /// As [`Host::get_good`]; as [`json`].
    pub fn get_json<T: DeserializeOwned>(&self, url: &str, auth: &Auth) -> Result<T, HosterError> {
        json(&self.get_good(url, auth)?)
    }

    /// What is good to know, and not needed: `None` where it could not be had, which is logged. What ends
    /// the call, or makes it wait, stays an error.
    ///
    /// # Errors
    ///
    /// An interruption, and a limit that is used up.
    pub fn if_told<T>(&self, answer: Result<T, HosterError>) -> Result<Option<T>, HosterError> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if matches!(error.kind, ErrorKind::Cancelled | ErrorKind::RateLimited) => {
                Err(error)
            }
            Err(error) => {
                self.debug(&format!("not told, and not needed: {error}"));
                Ok(None)
            }
        }
    }

    /// Makes requests side by side. What came of each is in their order.
    ///
    /// # Errors
    ///
    /// Where none was made.
    pub fn batch(
        &self,
        requests: Vec<HttpRequest>,
    ) -> Result<Vec<Result<HttpResponse, HosterError>>, HosterError> {
        let mut all = Vec::new();
        for some in requests.chunks(limit::BATCH) {
            self.go_on()?;
            let mut batch = BatchRequest {
                requests: some.to_vec(),
            };
            let joined = batch.join();
            let (mut answers, bodies) =
                self.ask::<_, BatchAnswers>(method::BATCH, &batch, &joined)?;
            answers
                .part(&bodies)
                .map_err(|refused| broken(method::BATCH, &refused.to_string()))?;
            if answers.answers.len() != some.len() {
                return Err(broken(method::BATCH, "another number of answers"));
            }
            all.extend(answers.answers.into_iter().map(|answer| match answer {
                BatchAnswer {
                    response: Some(response),
                    error: None,
                } => Ok(response),
                BatchAnswer {
                    error: Some(error), ..
                } => Err(error),
                BatchAnswer { .. } => Err(broken(method::BATCH, "no answer to one request")),
            }));
        }
        Ok(all)
    }

    /// Downloads to a file, which the host keeps.
    ///
    /// # Errors
    ///
    /// As [`Host::http`].
    pub fn download(&self, request: HttpRequest) -> Result<Downloaded, HosterError> {
        self.go_on()?;
        let (mut download, body) =
            self.ask::<_, Download>(method::DOWNLOAD, &request, &request.body)?;
        Ok(match download.file {
            Some(file) => Downloaded::File(file),
            None => {
                download.response.body = body;
                Downloaded::Answer(download.response)
            }
        })
    }

    /// Writes a line to the host's log. Without secrets.
    pub fn log(&self, level: LogLevel, message: &str) {
        let line = LogLine {
            level,
            message: message.to_owned(),
        };
        // A log that does not go is no reason to fail.
        let _ = self.ask::<_, Done>(method::LOG, &line, &[]);
    }

    /// Logs that something is odd.
    pub fn warn(&self, message: &str) {
        self.log(LogLevel::Warn, message);
    }

    /// Logs the normal course of things.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    /// Logs what the author of the plugin wants to know.
    pub fn debug(&self, message: &str) {
        self.log(LogLevel::Debug, message);
    }

    /// Says how far the call has come.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        // As with the log.
        let _ = self.ask::<_, Done>(method::PROGRESS, &Progress { done, total }, &[]);
    }

    /// Whether the run was interrupted. Then return soon.
    pub fn cancelled(&self) -> bool {
        if self.cancelled.load(Ordering::Relaxed) {
            return true;
        }
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let asked = self.asked.load(Ordering::Relaxed);
        if asked != 0 && now.saturating_sub(asked) < HOLDS {
            return false;
        }
        self.asked.store(now, Ordering::Relaxed);
        match self.ask::<_, Cancelled>(method::CANCELLED, &Done::default(), &[]) {
            Ok((said, _)) if said.cancelled => {
                self.cancelled.store(true, Ordering::Relaxed);
                true
            }
            _ => false,
        }
    }

    /// Tells the host a secret that it does not know yet, such as a token that was made: it is kept out
    /// of messages, and refused where it does not belong.
    ///
    /// # Errors
    ///
    /// Where the host did not take it. Then do not use it.
    pub fn add_secret(&self, secret: &Secret) -> Result<(), HosterError> {
        let add = SecretAdd {
            secret: secret.clone(),
        };
        self.ask::<_, Done>(method::SECRET_ADD, &add, &[])
            .map(|_| ())
    }

    /// What was put away for this source under a key, in this run or an earlier one.
    ///
    /// # Errors
    ///
    /// Where it could not be read.
    pub fn state_get(&self, key: &str) -> Result<Option<Secret>, HosterError> {
        let get = StateGet {
            key: key.to_owned(),
        };
        let (found, _) = self.ask::<_, StateValue>(method::STATE_GET, &get, &[])?;
        Ok(found.value)
    }

    /// Puts something away for this source, for later runs: 64 KiB in all, never a credential that was
    /// made. It is on disk when this returns. `None` removes it.
    ///
    /// # Errors
    ///
    /// Where it was not written.
    pub fn state_put(
        &self,
        key: &str,
        value: Option<&str>,
        secret: bool,
    ) -> Result<(), HosterError> {
        let put = StatePut {
            key: key.to_owned(),
            value: value.map(Secret::new),
            secret,
        };
        self.ask::<_, Done>(method::STATE_PUT, &put, &[])
            .map(|_| ())
    }

    /// Whether there is any use in another request.
    fn go_on(&self) -> Result<(), HosterError> {
        match self.cancelled() {
            true => Err(HosterError::new(ErrorKind::Cancelled, "interrupted")),
            false => Ok(()),
        }
    }

    fn ask<Q: Serialize, A: Document>(
        &self,
        method: &str,
        question: &Q,
        body: &[u8],
    ) -> Result<(A, Vec<u8>), HosterError> {
        match self.line.ask(method, &write(question), body) {
            Replied::Result(Outgoing { document, body }) => match parse(&document) {
                Ok(answer) => Ok((answer, body)),
                Err(refused) => Err(broken(method, &refused.to_string())),
            },
            Replied::Error(Outgoing { document, .. }) => {
                let error: HosterError =
                    parse(&document).unwrap_or_else(|refused| broken(method, &refused.to_string()));
                if error.kind == ErrorKind::Cancelled {
                    self.cancelled.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
            Replied::Unknown => Err(HosterError::new(
                ErrorKind::Unsupported,
                format!("this forgekeep has no service `{method}`"),
            )
            .with_hint("use a newer forgekeep with this plugin")),
            Replied::Broken => Err(broken(method, "bytes that cannot be")),
        }
    }
}

fn broken(method: &str, why: &str) -> HosterError {
    HosterError::new(
        ErrorKind::Other,
        format!("the host's answer to `{method}` cannot be read: {why}"),
    )
    .with_hint("report it to the authors of forgekeep")
}
