//! A request, as it is written down.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{GitCall, GitRoute, Request, api, is_oauth};

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// The REST API.
    Api,
    /// `GET info/refs`.
    InfoRefs,
    /// `POST git-upload-pack`.
    UploadPack,
    /// `POST git-receive-pack`.
    ReceivePack,
    /// A token for an OAuth consumer.
    Token,
    /// Anything else; a client has no reason to ask for it.
    Other,
}

/// The credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Basic, decoded.
    Basic {
        /// The user name.
        user: String,
        /// The password or token.
        secret: String,
    },
    /// Bearer.
    Bearer(String),
    /// Anything else, as it was sent.
    Other(String),
}

impl Authorization {
    fn parse(value: &str) -> Self {
        let decoded = |text: &str| String::from_utf8(STANDARD.decode(text).ok()?).ok();
        match value.split_once(' ') {
            Some(("Bearer", token)) => Self::Bearer(token.to_owned()),
            Some(("Basic", text)) => match decoded(text).as_deref().and_then(|t| t.split_once(':'))
            {
                Some((user, secret)) => Self::Basic {
                    user: user.to_owned(),
                    secret: secret.to_owned(),
                },
                None => Self::Other(value.to_owned()),
            },
            _ => Self::Other(value.to_owned()),
        }
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Logged {
    /// What it is about.
    pub kind: RequestKind,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// The slug of the repository, for git and for the API of one repository.
    pub repository: Option<String>,
    /// Whether it is about a wiki.
    pub wiki: bool,
    /// The credentials; none where there was no such header.
    pub authorization: Option<Authorization>,
    /// Every header.
    pub headers: Vec<(String, String)>,
    /// The client's end of the connection.
    pub remote: SocketAddr,
}

impl Logged {
    pub(crate) fn of(request: &Request) -> Self {
        let route = GitRoute::parse(request);
        let kind = match &route {
            _ if api::is_api(request) => RequestKind::Api,
            _ if is_oauth(request) => RequestKind::Token,
            Some(GitRoute {
                call: GitCall::InfoRefs,
                ..
            }) => RequestKind::InfoRefs,
            Some(GitRoute {
                call: GitCall::UploadPack,
                ..
            }) => RequestKind::UploadPack,
            Some(GitRoute {
                call: GitCall::ReceivePack,
                ..
            }) => RequestKind::ReceivePack,
            None => RequestKind::Other,
        };
        let wiki = route.as_ref().is_some_and(|route| route.wiki);
        let mut segments = request.segments().into_iter();
        let repository = match kind {
            RequestKind::Api if segments.nth(1).as_deref() == Some("repositories") => {
                segments.nth(1)
            }
            RequestKind::Api => None,
            _ => route.map(|route| route.repository),
        };
        Self {
            kind,
            method: request.method.clone(),
            target: request.target.clone(),
            repository,
            wiki,
            authorization: request.header("Authorization").map(Authorization::parse),
            headers: request.headers.clone(),
            remote: request.remote,
        }
    }

    /// Whether it asks for something to be changed.
    pub fn writes(&self) -> bool {
        let is_read = matches!(self.kind, RequestKind::UploadPack | RequestKind::Token);
        !is_read && !matches!(self.method.as_str(), "GET" | "HEAD")
    }
}
