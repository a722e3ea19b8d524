use std::io;
use std::time::Duration;

use ureq::http;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Timeout};
use url::Url;

use super::{Body, HttpClient, Request, Response, is_loopback};
use crate::redact::Redactor;
use crate::{ErrorKind, Failure};

/// Redirects followed for one request. RFC 9110 sets no number; git follows 20, browsers too, but
/// no API nor git server needs more than one or two.
const MAX_REDIRECTS: usize = 5;

/// How the client behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name resolution, connection and TLS handshake, each.
    pub connect: Duration,
    /// Longest silence while something is expected. There is no limit on the total: a large
    /// repository takes as long as it takes.
    pub stall: Duration,
    /// Connections kept for reuse, to one host and in all: one for each worker and each source.
    pub connections: usize,
}

/// The run's one HTTP client.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    /// The same without the environment's proxy, for this machine: a proxy has no business with
    /// what stays here, and would see credentials sent in plain HTTP.
    direct: Agent,
}

impl Client {
    /// A client; opens no connection yet.
    pub fn new(settings: &Settings) -> Self {
        let config = || {
            Agent::config_builder()
                .http_status_as_error(false)
                // Followed below, where the rules for credentials are.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_resolve(Some(settings.connect))
                .timeout_connect(Some(settings.connect))
                .timeout_per_read(Some(settings.stall))
                .timeout_per_write(Some(settings.stall))
                .max_idle_connections(settings.connections)
                .max_idle_connections_per_host(settings.connections)
                .max_idle_age(Duration::from_secs(60))
                .user_agent(concat!("forgekeep/", env!("CARGO_PKG_VERSION")))
                // The system's certificate authorities: a company's own count too.
                .tls_config(
                    TlsConfig::builder()
                        .root_certs(RootCerts::PlatformVerifier)
                        .build(),
                )
        };
        Self {
            agent: config().build().new_agent(),
            direct: config().proxy(None).build().new_agent(),
        }
    }

    /// Ends every request under way, for good: for an interrupted run.
    pub fn shutdown(&self) {
        self.agent.clone().shutdown();
        self.direct.clone().shutdown();
    }

    fn send_once(
        &self,
        request: &Request,
        url: &Url,
    ) -> Result<http::Response<ureq::Body>, Failure> {
        let mut builder = http::Request::builder()
            .method(request.method.as_str())
            .uri(url.as_str());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if url.origin() == request.url.origin()
            && let Some(field) = request.authorization.field()
        {
            let mut value = http::HeaderValue::from_str(field.expose()).map_err(|_| {
                Failure::new(
                    ErrorKind::Config,
                    "the user name or password holds a character that cannot be sent in HTTP",
                )
                .with_hint("look for a line break or a control character in it")
            })?;
            value.set_sensitive(true);
            builder = builder.header(http::header::AUTHORIZATION, value);
        }
        let unusable = |error: http::Error| {
            Failure::new(ErrorKind::Policy, format!("cannot ask {url}: {error}"))
        };
        log::trace!("{} {}", request.method, cleaned(request, url.as_str()));
        let agent = if is_loopback(url) {
            &self.direct
        } else {
            &self.agent
        };
        let answer = if request.body.is_empty() && request.method != "POST" {
            agent.run(builder.body(()).map_err(unusable)?)
        } else {
            agent.run(builder.body(request.body.as_slice()).map_err(unusable)?)
        };
        let answer = answer.map_err(|error| unreachable_host(url, &error))?;
        log::debug!(
            "{} {}: {}",
            request.method,
            cleaned(request, url.as_str()),
            answer.status().as_u16()
        );
        Ok(answer)
    }
}

impl HttpClient for Client {
    fn send(&self, request: &Request) -> Result<Response, Failure> {
        // A failure is logged and shown before any report is made of it, and it names an address
        // that a redirect may have chosen.
        self.follow(request).map_err(|mut failure| {
            failure.message = cleaned(request, &failure.message);
            failure
        })
    }
}

impl Client {
    fn follow(&self, request: &Request) -> Result<Response, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send_once(request, &url)?;
            let Some(target) = redirect_target(request, &url, &answer)? else {
                return Ok(response(url, answer));
            };
            // Read to the end, so that the connection serves the next request too.
            drop(Body::new(answer.into_body().into_reader()));
            url = target;
        }
        Err(Failure::new(
            ErrorKind::BadAnswer,
            format!("{} redirects more than {MAX_REDIRECTS} times", request.url),
        )
        .with_hint("report it to the hoster"))
    }
}

/// Text with an address in it, for people: where a server redirects to may hold what was sent to it.
fn cleaned(request: &Request, text: &str) -> String {
    let secrets: Vec<_> = request.authorization.secret().into_iter().collect();
    Redactor::new(&secrets).clean(text).into_owned()
}

/// Where a redirect leads; `None` if the answer is none, or one that must not be followed: like
/// git, a POST is only repeated where the server says so by 307 or 308 (RFC 9110, 15.4).
fn redirect_target(
    request: &Request,
    url: &Url,
    answer: &http::Response<ureq::Body>,
) -> Result<Option<Url>, Failure> {
    let status = answer.status().as_u16();
    let follow = match status {
        301..=303 => request.method == "GET",
        307 | 308 => true,
        _ => false,
    };
    let location = answer
        .headers()
        .get(http::header::LOCATION)
        .and_then(|value| value.to_str().ok());
    let (true, Some(location)) = (follow, location) else {
        return Ok(None);
    };
    let refused = |why: &str| {
        Failure::new(ErrorKind::Policy, format!("{url} redirects {why}"))
            .with_hint("nothing was sent there; report it to the hoster")
            .with_status(status)
    };
    let mut target = url
        .join(location)
        .map_err(|_| refused("to something that is not an address"))?;
    target.set_fragment(None);
    let _ = target.set_username("");
    let _ = target.set_password(None);
    match (url.scheme(), target.scheme()) {
        (_, "https") | ("http", "http") => {}
        ("https", "http") => return Err(refused("from https to plain http")),
        _ => return Err(refused("to something that is not HTTP")),
    }
    request
        .scope
        .check_address(&target)
        .map_err(|failure| failure.while_doing(&format!("{url} redirects")))?;
    if request.method != "GET" && target.origin() != url.origin() {
        return Err(refused("a request with a body to another host"));
    }
    Ok(Some(target))
}

fn response(url: Url, answer: http::Response<ureq::Body>) -> Response {
    let (head, body) = answer.into_parts();
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    Response {
        status: head.status.as_u16(),
        url,
        headers,
        body: Body::new(body.into_with_config().limit(u64::MAX).reader()),
    }
}

/// Why there was no answer, told apart as far as the client knows: what to do differs.
fn unreachable_host(url: &Url, error: &ureq::Error) -> Failure {
    let host = url.host_str().unwrap_or("the host");
    let (kind, why, hint) = match error {
        ureq::Error::HostNotFound => (
            ErrorKind::Network,
            format!("the name {host} is not known to the name server"),
            "check the address and this machine's name resolution",
        ),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => (
            ErrorKind::Network,
            format!("no connection to {host} in time"),
            "check the network; options.network.connectSeconds sets the limit",
        ),
        ureq::Error::Timeout(_) => (
            ErrorKind::Network,
            format!("{host} fell silent"),
            "run again later; options.network.stallSeconds sets how long silence is borne",
        ),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            return tls_failure(url, &error.to_string());
        }
        ureq::Error::ConnectionFailed => (
            ErrorKind::Network,
            format!("no connection to {host}"),
            "check the network and the proxy",
        ),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => (
            ErrorKind::Network,
            format!("the proxy did not connect to {host}"),
            "check the environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
        ),
        ureq::Error::Io(error) => return io_failure(url, error),
        other => (
            ErrorKind::Network,
            other.to_string(),
            "run again later; -v shows more",
        ),
    };
    Failure::new(kind, format!("{url}: {why}"))
        .with_hint(hint)
        .transient()
}

/// Why TLS did not come about, by rustls's words: the HTTP library hands its errors on as texts.
fn tls_failure(url: &Url, why: &str) -> Failure {
    let (why, hint) = if why.contains("corrupt message") {
        (
            format!("what listens there does not speak TLS ({why})"),
            "check the address and its port: it may be one for plain http",
        )
    } else if why.contains("not valid for name") {
        (
            format!("TLS failed: {why}"),
            "check the address: the certificate is another host's",
        )
    } else {
        (
            format!("TLS failed: {why}"),
            "check this machine's clock and certificate authorities; behind a proxy that reads TLS, its certificate authority must be installed",
        )
    };
    Failure::new(ErrorKind::Tls, format!("{url}: {why}")).with_hint(hint)
}

fn io_failure(url: &Url, error: &io::Error) -> Failure {
    let inner = error.get_ref();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return unreachable_host(url, inner);
    }
    let text = error.to_string();
    let because_of_tls = inner.is_some_and(|inner| {
        text.contains("certificate")
            || inner
                .source()
                .is_some_and(|s| s.to_string().contains("certificate"))
    });
    // The standard library has no kind of its own for this.
    if text.contains("failed to lookup address information") {
        return unreachable_host(url, &ureq::Error::HostNotFound);
    }
    if because_of_tls || error.kind() == io::ErrorKind::InvalidData {
        return tls_failure(url, &text);
    }
    let (why, hint) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            "connection refused: nothing listens there".to_owned(),
            "check the address and that the server is running",
        ),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => (
            "the connection was cut".to_owned(),
            "run again later; if it stays, look at proxies and firewalls in between",
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => (
            "the server fell silent".to_owned(),
            "run again later; options.network.stallSeconds sets how long silence is borne",
        ),
        io::ErrorKind::NotConnected => return Failure::cancelled(),
        _ => (text, "check the network"),
    };
    Failure::new(ErrorKind::Network, format!("{url}: {why}"))
        .with_hint(hint)
        .transient()
}

/// A body that ended before its end.
pub(crate) fn broken_body(url: &Url, error: &io::Error) -> Failure {
    let failure = io_failure(url, error);
    if failure.kind == ErrorKind::Cancelled {
        return failure;
    }
    failure.while_doing("the answer broke off")
}

/// A body longer than allowed.
pub(super) fn too_large(url: &Url, limit: u64) -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!("{url}: the answer is larger than {limit} bytes"),
    )
    .with_hint("no honest answer is; nothing of it was used. Report it to the hoster")
}
