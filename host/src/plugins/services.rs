//! What the host does for a plugin's session: requests by the run's one client, under its rules.

use std::sync::Arc;

use abi_stable::std_types::{RResult, RStr};
use forgekeep_abi_draft::{Extras, Header, HosterError, HttpRequest, HttpResponse, LogLevel};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::Services;
use forgekeep_http::{Authorization, MadeBy, Request, Response};
use forgekeep_page_text::page_text;
use forgekeep_untrusted::Untrusted;

use super::convert;

/// Header fields that are the host's to set: they would carry credentials past its rules, or
/// change what the connection is.
const RESERVED: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
];

/// The engine's services, as a plugin sees them.
pub struct HostServices {
    pub plugin: String,
    pub services: Services,
}

impl HostServices {
    fn send(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        self.services.cancel.check()?;
        let request = self.checked(request)?;
        let mut retry = 0;
        loop {
            let answer = self.services.http.send(&request)?;
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

    fn checked(&self, request: HttpRequest) -> Result<Request, Failure> {
        let refused = |why: String| {
            Failure::new(
                ErrorKind::Policy,
                format!("the plugin {} asked for {why}", self.plugin),
            )
            .with_hint("report it to the plugin's authors; nothing was sent")
        };
        let method = request.method.to_string();
        if !matches!(
            method.as_str(),
            "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH"
        ) {
            return Err(refused(format!("the method \"{method}\"")));
        }
        let url = url::Url::parse(&request.url).map_err(|error| {
            refused(format!(
                "\"{}\", which is not an address: {error}",
                request.url
            ))
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "an address with a user name or password in it".to_owned(),
            ));
        }
        let authorization = convert::authorization(request.authorization);
        if authorization.is_anonymous() {
            self.services.scope.check_address(&url)?;
        } else {
            self.services.scope.check_credentials(&url)?;
        }
        self.services.know(&authorization);
        let mut headers = Vec::new();
        for header in request.headers {
            let name = header.name.to_ascii_lowercase();
            if RESERVED.contains(&name.as_str()) {
                return Err(refused(format!(
                    "the header field {name}, which is the host's to set"
                )));
            }
            headers.push((name, header.value.into()));
        }
        if let Authorization::Basic { user, .. } = &authorization
            && user.contains(':')
        {
            return Err(refused("a user name with a colon in it".to_owned()));
        }
        Ok(Request {
            method,
            url,
            headers,
            authorization,
            body: request.body.into(),
            scope: Arc::clone(&self.services.scope),
            idempotent: false,
            made_by: MadeBy::Plugin,
        })
    }

    fn read(&self, answer: Response) -> Result<HttpResponse, Failure> {
        let limit = self.services.max_body_bytes;
        let body = answer.body.read_all(&answer.url, limit);
        let body = body.map_err(|failure| match failure.kind {
            ErrorKind::Policy => failure.with_hint(
                "raise options.network.maxBodyBytes if the response is valid; it was discarded",
            ),
            _ => failure,
        })?;
        Ok(HttpResponse {
            status: answer.status,
            url: answer.url.as_str().into(),
            headers: answer
                .headers
                .into_iter()
                .map(|(name, value)| Header {
                    name: name.into(),
                    value: value.into(),
                })
                .collect(),
            body: body.into(),
            extras: Extras::new(),
        })
    }
}

/// Most characters of somebody else's page in a message.
const MAX_QUOTE: usize = 300;

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

impl forgekeep_abi_draft::Services for HostServices {
    fn http(&self, request: HttpRequest) -> RResult<HttpResponse, HosterError> {
        match self.send(request) {
            Ok(response) => RResult::ROk(response),
            Err(failure) => RResult::RErr(convert::error(&failure)),
        }
    }

    fn log(&self, level: LogLevel, message: RStr<'_>) {
        let level = match level {
            LogLevel::Error => log::Level::Error,
            LogLevel::Warn => log::Level::Warn,
            LogLevel::Info => log::Level::Info,
            LogLevel::Debug => log::Level::Debug,
            LogLevel::Trace => log::Level::Trace,
        };
        let message = convert::text(&message, &self.services.redactor);
        log::log!(target: "forgekeep::plugin", level, "{}: {message}", self.plugin);
    }

    fn cancelled(&self) -> bool {
        self.services.cancel.is_cancelled()
    }
}
