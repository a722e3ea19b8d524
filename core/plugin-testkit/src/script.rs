use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use forgekeep_plugin_documents::{
    BatchAnswer, BatchAnswers, BatchRequest, Cancelled, Document, Done, Download, DownloadedFile,
    ErrorKind, HosterError, LogLine, Progress, SecretAdd, StateGet, StatePut, StateValue, method,
    parse, write,
};
use forgekeep_plugin_sdk::{Header, HttpRequest, HttpResponse, LogLevel, Secret};
use parking_lot::Mutex;

/// What comes of a request.
pub(crate) type Outcome = Result<HttpResponse, HosterError>;

/// What comes of a service: document and bytes.
pub type Served = Result<(Vec<u8>, Vec<u8>), HosterError>;

/// A forge written down in advance, and what the host does besides. Clones are the same forge.
#[derive(Clone, Debug, Default)]
pub struct Script {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<(String, String), VecDeque<Outcome>>,
    otherwise: Option<Outcome>,
    requests: Vec<HttpRequest>,
    log: Vec<(LogLevel, String)>,
    progress: Vec<(u64, Option<u64>)>,
    secrets: Vec<Secret>,
    state: HashMap<String, Secret>,
    cancelled: bool,
}

impl Script {
    /// An empty script: everything answers 404, as a hoster would.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a `GET` of `url` with JSON. Said twice for one address, the answers come in turn, and
    /// the last one stays.
    #[must_use]
    pub fn json(self, url: &str, status: u16, body: &serde_json::Value) -> Self {
        self.body(
            url,
            status,
            "application/json; charset=utf-8",
            body.to_string(),
        )
    }

    /// Answers a `GET` of `url` with any body.
    #[must_use]
    pub fn body(
        self,
        url: &str,
        status: u16,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        self.answer(url, Ok(response(status, content_type, body)))
    }

    /// Answers a `GET` of `url` with a whole response, or with a failure of the network. A response
    /// without an address comes from where it was asked for.
    #[must_use]
    pub fn answer(self, url: &str, answer: Outcome) -> Self {
        self.on("GET", url, answer)
    }

    /// Answers another method.
    #[must_use]
    pub fn on(self, method: &str, url: &str, answer: Outcome) -> Self {
        let place = (method.to_owned(), url.to_owned());
        let mut state = self.state.lock();
        state.answers.entry(place).or_default().push_back(answer);
        drop(state);
        self
    }

    /// Answers a `GET` of `url` once with this, before what was written down for it.
    #[must_use]
    pub fn before(self, url: &str, answer: Outcome) -> Self {
        let place = ("GET".to_owned(), url.to_owned());
        let mut state = self.state.lock();
        state.answers.entry(place).or_default().push_front(answer);
        drop(state);
        self
    }

    /// Answers whatever nothing was written down for.
    #[must_use]
    pub fn otherwise(self, answer: Outcome) -> Self {
        self.state.lock().otherwise = Some(answer);
        self
    }

    /// Interrupts the run.
    pub fn cancel(&self) {
        self.state.lock().cancelled = true;
    }

    /// The requests made so far.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.state.lock().requests.clone()
    }

    /// The lines logged so far.
    pub fn log(&self) -> Vec<(LogLevel, String)> {
        self.state.lock().log.clone()
    }

    /// What was said of how far it has come: done, and of how much.
    pub fn progress(&self) -> Vec<(u64, Option<u64>)> {
        self.state.lock().progress.clone()
    }

    /// The secrets that the plugin has told.
    pub fn secrets(&self) -> Vec<Secret> {
        self.state.lock().secrets.clone()
    }

    /// What the plugin has put away under a key.
    pub fn state(&self, key: &str) -> Option<Secret> {
        self.state.lock().state.get(key).cloned()
    }

    /// Does what a host does: for whoever calls a plugin in a way of their own ([`Callee`](crate::Callee)).
    /// `None`: there is no such service.
    ///
    /// # Errors
    ///
    /// What the plugin gets for an answer then.
    pub fn serve(&self, name: &str, document: &[u8], body: &[u8]) -> Option<Served> {
        Some(match name {
            method::HTTP => self.http(document, body),
            method::BATCH => self.batch(document, body),
            method::DOWNLOAD => self.download(document, body),
            method::LOG => self.note::<LogLine>(document, |state, line| {
                state.log.push((line.level, line.message));
            }),
            method::PROGRESS => self.note::<Progress>(document, |state, progress| {
                state.progress.push((progress.done, progress.total));
            }),
            method::SECRET_ADD => self.note::<SecretAdd>(document, |state, add| {
                state.secrets.push(add.secret);
            }),
            method::STATE_PUT => self.note::<StatePut>(document, |state, put| {
                match put.value {
                    Some(value) => state.state.insert(put.key, value),
                    None => state.state.remove(&put.key),
                };
            }),
            method::STATE_GET => read::<StateGet>(document).map(|get| {
                let value = self.state(&get.key);
                (write(&StateValue { value }), Vec::new())
            }),
            method::CANCELLED => read::<Done>(document).map(|_| {
                let cancelled = self.state.lock().cancelled;
                (write(&Cancelled { cancelled }), Vec::new())
            }),
            _ => return None,
        })
    }

    fn note<T: Document>(&self, document: &[u8], take: impl FnOnce(&mut State, T)) -> Served {
        let document = read(document)?;
        take(&mut self.state.lock(), document);
        Ok((write(&Done::default()), Vec::new()))
    }

    fn http(&self, document: &[u8], body: &[u8]) -> Served {
        let mut request: HttpRequest = read(document)?;
        request.body = body.to_vec();
        let response = self.make(request)?;
        Ok((write(&response), response.body))
    }

    fn batch(&self, document: &[u8], body: &[u8]) -> Served {
        let mut batch: BatchRequest = read(document)?;
        batch
            .part(body)
            .map_err(|refused| broken(&refused.to_string()))?;
        let answers = batch.requests.into_iter().map(|request| {
            let (response, error) = match self.make(request) {
                Ok(response) => (Some(response), None),
                Err(error) => (None, Some(error)),
            };
            BatchAnswer { response, error }
        });
        let mut answers = BatchAnswers {
            answers: answers.collect(),
        };
        let joined = answers.join();
        Ok((write(&answers), joined))
    }

    fn download(&self, document: &[u8], body: &[u8]) -> Served {
        let mut request: HttpRequest = read(document)?;
        request.body = body.to_vec();
        let mut response = self.make(request)?;
        if response.status != 200 {
            let body = std::mem::take(&mut response.body);
            let file = None;
            return Ok((write(&Download { response, file }), body));
        }
        // A stand-in: the kit has no SHA-256, and plugins have no use for one but to compare it.
        let file = Some(DownloadedFile {
            file: format!("file-{}", self.state.lock().requests.len()),
            size: response.body.len() as u64,
            sha256: "0".repeat(64),
        });
        Ok((write(&Download { response, file }), Vec::new()))
    }

    fn make(&self, request: HttpRequest) -> Outcome {
        let mut state = self.state.lock();
        if state.cancelled {
            return Err(HosterError::new(ErrorKind::Cancelled, "interrupted"));
        }
        let (method, url) = (request.method.clone(), request.url.clone());
        state.requests.push(request);
        let answer = match state.answers.get_mut(&(method, url.clone())) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => state.otherwise.clone(),
        };
        let mut response = answer.unwrap_or_else(|| Ok(response(404, "", "")))?;
        if response.url.is_empty() {
            response.url = url;
        }
        Ok(response)
    }
}

/// A response with a body and its type, if any.
pub(crate) fn response(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> HttpResponse {
    let header = (!content_type.is_empty()).then(|| Header {
        name: "content-type".to_owned(),
        value: content_type.to_owned(),
    });
    HttpResponse {
        status,
        headers: header.into_iter().collect(),
        body: body.into(),
        ..HttpResponse::default()
    }
}

fn read<T: Document>(document: &[u8]) -> Result<T, HosterError> {
    parse(document).map_err(|refused| broken(&refused.to_string()))
}

fn broken(why: &str) -> HosterError {
    HosterError::new(
        ErrorKind::Plugin,
        format!("the plugin's request cannot be read: {why}"),
    )
}
