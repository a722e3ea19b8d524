//! Scripted services, to test a hoster plugin without a network.
//!
//! A [`Script`] answers each request with what was written down for its URL, and keeps every
//! request for the test to look at. A URL nobody wrote down answers 404, as a hoster would.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a test kit: a broken script is a failing test

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use forgekeep_abi_draft::abi_stable::sabi_trait::TD_Opaque;
use forgekeep_abi_draft::abi_stable::std_types::{RResult, RStr};
use forgekeep_abi_draft::{
    Extras, Header, HosterError, HttpRequest, HttpResponse, LogLevel, Services_TO,
};
use forgekeep_plugin_sdk_draft::Services;
use parking_lot::Mutex;

/// A forge written down in advance.
#[derive(Clone, Debug, Default)]
pub struct Script {
    state: Arc<Mutex<ScriptState>>,
}

#[derive(Debug, Default)]
struct ScriptState {
    answers: HashMap<String, VecDeque<Result<HttpResponse, HosterError>>>,
    requests: Vec<HttpRequest>,
    log: Vec<(LogLevel, String)>,
    cancelled: bool,
}

impl Script {
    /// An empty script.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `url` with JSON. Said twice for one URL, the answers come in turn, and the last one
    /// stays.
    #[must_use]
    pub fn json(self, url: &str, status: u16, body: &serde_json::Value) -> Self {
        self.body(
            url,
            status,
            "application/json; charset=utf-8",
            body.to_string(),
        )
    }

    /// Answers `url` with any body.
    #[must_use]
    pub fn body(
        self,
        url: &str,
        status: u16,
        content_type: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        self.answer(
            url,
            Ok(HttpResponse {
                status,
                url: url.into(),
                headers: vec![Header {
                    name: "content-type".into(),
                    value: content_type.into(),
                }]
                .into(),
                body: body.into().into(),
                extras: Extras::new(),
            }),
        )
    }

    /// Answers `url` with a whole response, or with a failure of the network.
    #[must_use]
    pub fn answer(self, url: &str, answer: Result<HttpResponse, HosterError>) -> Self {
        self.state
            .lock()
            .answers
            .entry(url.to_owned())
            .or_default()
            .push_back(answer);
        self
    }

    /// The services to open a session with.
    pub fn services(&self) -> Services {
        Services::new(Services_TO::from_value(self.clone(), TD_Opaque))
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
}

impl forgekeep_abi_draft::Services for Script {
    fn http(&self, request: HttpRequest) -> RResult<HttpResponse, HosterError> {
        let mut state = self.state.lock();
        let url = request.url.to_string();
        state.requests.push(request);
        let answer = match state.answers.get_mut(&url) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        match answer {
            Some(Ok(response)) => RResult::ROk(response),
            Some(Err(error)) => RResult::RErr(error),
            None => RResult::ROk(HttpResponse {
                status: 404,
                url: url.as_str().into(),
                headers: Vec::new().into(),
                body: Vec::new().into(),
                extras: Extras::new(),
            }),
        }
    }

    fn log(&self, level: LogLevel, message: RStr<'_>) {
        let mut state = self.state.lock();
        state.log.push((level, message.to_string()));
    }

    fn cancelled(&self) -> bool {
        self.state.lock().cancelled
    }
}
