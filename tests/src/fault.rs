//! Faults on purpose: which request, and what happens to it.

use std::io::Write;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use forgekeep_demo_hoster::{Body, Handler, Reply, Request, Response};
use forgekeep_pkt_line::{self as pkt_line, Packet, Packets};
use parking_lot::{Condvar, Mutex};

use crate::logged::{Logged, RequestKind};

/// A rule: which requests fail, and how. Of several that match, the first one injected acts.
#[derive(Debug, Clone)]
pub struct Fault {
    kind: RequestKind,
    action: Action,
    repository: Option<String>,
    wiki: Option<bool>,
    text: Option<String>,
    method: Option<String>,
    /// The first and the last of the matching requests that fail, counted from 1.
    between: (usize, usize),
    seen: usize,
}

impl Fault {
    /// Lets every request of a kind fail.
    pub fn on(kind: RequestKind, action: Action) -> Self {
        let between = (1, usize::MAX);
        Self {
            kind,
            action,
            repository: None,
            wiki: None,
            text: None,
            method: None,
            between,
            seen: 0,
        }
    }

    /// Only of the repository with this slug.
    #[must_use]
    pub fn repository(mut self, slug: &str) -> Self {
        self.repository = Some(slug.to_owned());
        self
    }

    /// Only of wikis, or of everything else.
    #[must_use]
    pub fn wiki(mut self, wiki: bool) -> Self {
        self.wiki = Some(wiki);
        self
    }

    /// Only where path and query contain a text, such as `page=2`.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    /// Only those of a method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only the first so many of those requests.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.between = (1, count);
        self
    }

    /// Only one of those requests, counted from 1.
    #[must_use]
    pub fn nth(mut self, number: usize) -> Self {
        self.between = (number, number);
        self
    }

    pub(crate) fn strikes(&mut self, request: &Logged) -> Option<Action> {
        let matches = self.kind == request.kind
            && (self.repository.is_none() || self.repository == request.repository)
            && (self.method.is_none() || self.method.as_ref() == Some(&request.method))
            && self.wiki.is_none_or(|wiki| wiki == request.wiki)
            && self
                .text
                .as_ref()
                .is_none_or(|text| request.target.contains(text));
        self.seen += usize::from(matches);
        let due = (self.between.0..=self.between.1).contains(&self.seen);
        (matches && due).then(|| self.action.clone())
    }
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// Answers something else.
    Respond {
        /// The status code.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Answers with half of the body, and closes the connection.
    Truncate,
    /// Sends bytes that are not HTTP, and closes the connection.
    Garbage,
    /// Sends nothing until [`crate::Forge::release`], or the forge's end.
    Hang,
    /// Closes the connection without an answer.
    Close,
    /// Answers 200, with an error inside git's protocol.
    GitError(String),
    /// Answers with half of the pack, as if that were all.
    EndPackEarly,
    /// Answers properly, but late.
    Delay(Duration),
    /// Sends half of the body, then nothing until [`crate::Forge::release`], or the forge's end.
    Stall,
    /// Sends the body in pieces, with a pause after each, until [`crate::Forge::release`].
    Slowly {
        /// The pause.
        pause: Duration,
        /// Cuts the real body into pieces, which may be more than it.
        cut: fn(Vec<u8>) -> Vec<Vec<u8>>,
    },
    /// Spoils the real answer.
    Alter(fn(&mut Answer)),
    /// Spoils the request before it is answered.
    AlterRequest(fn(&mut Request)),
    /// Does what follows from the request.
    Depends(fn(&Logged) -> Action),
}

/// A real answer, before it is sent.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, without those that frame the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Action {
    /// A status with Bitbucket's error document.
    pub fn status(status: u16) -> Self {
        let body = format!(r#"{{"type": "error", "error": {{"message": "injected {status}"}}}}"#);
        Self::Respond {
            status,
            headers: vec![header("Content-Type", "application/json")],
            body: body.into(),
        }
    }

    /// The same, with a time to wait.
    pub fn retry_after(status: u16, seconds: u32) -> Self {
        Self::status(status).with_header("Retry-After", &seconds.to_string())
    }

    /// A page for people, as load balancers send it when what is behind them is down.
    pub fn html(status: u16) -> Self {
        let body = "<!DOCTYPE html>\n<html><head><title>Bitbucket is down</title></head></html>\n";
        let headers = vec![header("Content-Type", "text/html; charset=utf-8")];
        Self::Respond {
            status,
            headers,
            body: body.into(),
        }
    }

    /// A body of one's own, as JSON.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![header("Content-Type", "application/json")];
        Self::Respond {
            status,
            headers,
            body: body.to_string().into(),
        }
    }

    /// A byte of the body now and then.
    pub fn drip() -> Self {
        Self::Slowly {
            pause: Duration::from_millis(900),
            cut: |body| body.into_iter().map(|byte| vec![byte]).collect(),
        }
    }

    /// A redirect.
    pub fn redirect(status: u16, url: &str) -> Self {
        Self::Respond {
            status,
            headers: vec![header("Location", url)],
            body: Vec::new(),
        }
    }

    /// The same answer with one header more; other actions stay what they are.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        if let Self::Respond { headers, .. } = &mut self {
            headers.push(header(name, value));
        }
        self
    }

    pub(crate) fn perform(
        self,
        logged: &Logged,
        request: Request,
        site: &dyn Handler,
        release: &Arc<Release>,
    ) -> Reply {
        let release = Arc::clone(release);
        match self {
            Self::Respond {
                status,
                headers,
                body,
            } => Reply::Response(Response {
                status,
                headers,
                body: Body::Bytes(body),
            }),
            Self::Truncate => {
                let message = half_an_answer(site, request);
                Reply::TakeOver(Box::new(move |client| client.write_all(&message)))
            }
            Self::Stall => {
                let message = half_an_answer(site, request);
                Reply::TakeOver(Box::new(move |client| {
                    client.write_all(&message)?;
                    release.wait();
                    Ok(())
                }))
            }
            Self::Slowly { pause, cut } => {
                let mut answer = real_answer(site, request);
                let pieces = cut(std::mem::take(&mut answer.body));
                let head = answer.head(pieces.iter().map(Vec::len).sum());
                Reply::TakeOver(Box::new(move |client| {
                    client.write_all(&head)?;
                    for piece in pieces {
                        client.write_all(&piece)?;
                        if release.wait_for(pause) {
                            break;
                        }
                    }
                    Ok(())
                }))
            }
            Self::Alter(alter) => {
                let mut answer = real_answer(site, request);
                alter(&mut answer);
                answer.into_reply()
            }
            Self::AlterRequest(alter) => {
                let mut request = request;
                alter(&mut request);
                site.handle(request)
            }
            Self::Depends(action) => action(logged).perform(logged, request, site, &release),
            Self::Garbage => Reply::TakeOver(Box::new(|client| client.write_all(&[0x16; 600]))),
            Self::Close => Reply::TakeOver(Box::new(|_| Ok(()))),
            Self::Hang => Reply::TakeOver(Box::new(move |_| {
                release.wait();
                Ok(())
            })),
            Self::GitError(message) => {
                let mut body = Vec::new();
                let mut phase = "result";
                if logged.kind == RequestKind::InfoRefs {
                    phase = "advertisement";
                    pkt_line::push(&mut body, "# service=git-upload-pack\n");
                    body.extend(pkt_line::FLUSH);
                }
                pkt_line::push(&mut body, format!("ERR {message}"));
                let content_type = format!("application/x-git-upload-pack-{phase}");
                Reply::Response(Response::new(200, &content_type, body))
            }
            Self::EndPackEarly => {
                let mut answer = real_answer(site, request);
                answer.body = half_the_pack(&answer.body);
                answer.into_reply()
            }
            Self::Delay(time) => {
                thread::sleep(time);
                site.handle(request)
            }
        }
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

impl Answer {
    /// The head on the wire, for a body of another length than it has.
    fn head(&self, length: usize) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Spoilt\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {length}\r\n\r\n"));
        head.into_bytes()
    }

    fn into_reply(self) -> Reply {
        Reply::Response(Response {
            status: self.status,
            headers: self.headers,
            body: Body::Bytes(self.body),
        })
    }
}

/// The real answer as bytes, with a body that is half as long as its head says.
fn half_an_answer(site: &dyn Handler, request: Request) -> Vec<u8> {
    let answer = real_answer(site, request);
    let length = answer.body.len();
    let mut message = answer.head(length.max(2));
    message.extend(&answer.body[..length / 2]);
    message
}

fn real_answer(site: &dyn Handler, request: Request) -> Answer {
    match site.handle(request) {
        Reply::Response(Response {
            status,
            headers,
            body,
        }) => {
            let body = body.into_bytes().expect("the real answer is complete");
            Answer {
                status,
                headers,
                body,
            }
        }
        Reply::TakeOver(_) => unreachable!("the site answers properly"),
    }
}

/// Keeps the acknowledgements and half of what is on the pack's band, in a body that ends well.
fn half_the_pack(body: &[u8]) -> Vec<u8> {
    let (mut packets, mut early, mut pack) = (Packets::new(body), Vec::new(), Vec::new());
    while let Ok(packet @ (Packet::Data(_) | Packet::Flush)) = packets.next() {
        match packet {
            Packet::Data([1, data @ ..]) => pack.extend(data),
            Packet::Data([2, ..]) => {}
            Packet::Data(line) => pkt_line::push(&mut early, line),
            _ => {}
        }
    }
    pack.truncate(pack.len() / 2);
    for data in pack.chunks(pkt_line::LONGEST - 1) {
        pkt_line::push(&mut early, [&[1], data].concat());
    }
    early.extend(pkt_line::FLUSH);
    early
}

/// Lets everything that hangs go on.
#[derive(Debug, Default)]
pub(crate) struct Release {
    released: Mutex<bool>,
    changed: Condvar,
}

impl Release {
    pub(crate) fn release(&self) {
        *self.released.lock() = true;
        self.changed.notify_all();
    }

    /// Whether that comes to pass within a time.
    fn wait_for(&self, time: Duration) -> bool {
        let mut released = self.released.lock();
        let waiting = |released: &mut bool| !*released;
        self.changed.wait_while_for(&mut released, waiting, time);
        *released
    }

    fn wait(&self) {
        let mut released = self.released.lock();
        self.changed
            .wait_while(&mut released, |released| !*released);
    }
}
