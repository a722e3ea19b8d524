use std::fs::File;
use std::time::Duration;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_untrusted::Redactor;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, http};
use url::Url;

use super::connect::{Names, connector};
use super::guard::{CredentialGuard, fields_for};
use super::interruptible::interruptible;
use super::proxy::Proxies;
use super::tunnel::Tunnel;
use super::unreachable::unreachable_host;
use super::{Body, HttpClient, Request, Response};

/// Redirects followed for one request. RFC 9110 sets no number; git follows 20, browsers too, but
/// no API nor git server needs more than one or two.
const MAX_REDIRECTS: usize = 5;

/// How the client behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name resolution, connection and TLS handshake, each.
    pub connect: Duration,
    /// Longest silence while something is expected, and the time in which an answer has to bring
    /// at least a little; `connect.rs` says how much. There is no limit on the total: a large
    /// repository takes as long as it takes.
    pub stall: Duration,
    /// Connections kept for reuse, to one host and in all: one for each worker and each source.
    pub connections: usize,
}

/// The run's one HTTP client.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    /// The same without the proxy, for what need not go through it.
    direct: Agent,
    proxies: Proxies,
    guard: CredentialGuard,
    /// Set by [`Client::shutdown`].
    cancel: Cancel,
}

impl Client {
    /// A client without a proxy; opens no connection yet.
    pub fn new(settings: &Settings) -> Self {
        Self::behind(Proxies::none(), settings)
    }

    /// A client that asks through proxies.
    pub fn behind(proxies: Proxies, settings: &Settings) -> Self {
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
        let agent = |proxies: &Proxies| {
            let named = proxies.proxy().cloned();
            // Never ureq's own reading of the environment, which passes over what it cannot read.
            let proxy = named.as_ref().map(|named| named.proxy.clone());
            let tunnel = Tunnel::new(named, config().proxy(None).build());
            let config = config().proxy(proxy).build();
            let connector = connector(tunnel, settings.stall);
            Agent::with_parts(config, connector, Names::default())
        };
        Self {
            agent: agent(&proxies),
            direct: agent(&Proxies::none()),
            proxies,
            guard: CredentialGuard::default(),
            cancel: Cancel::new(),
        }
    }

    /// The same client, which takes no secret where this guard says it may not go.
    #[must_use]
    pub fn guarded_by(self, guard: CredentialGuard) -> Self {
        Self { guard, ..self }
    }

    /// Ends every request under way, for good: for an interrupted run.
    pub fn shutdown(&self) {
        self.cancel.cancel();
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
        self.guard.check(request, url)?;
        for (name, value) in fields_for(request, url) {
            builder = builder.header(name, value);
        }
        if url.origin() == request.url.origin()
            && let Some((name, field)) = request.authorization.field()
        {
            let mut value = http::HeaderValue::from_str(field.expose()).map_err(|_| {
                Failure::new(
                    ErrorKind::Config,
                    "the user name or password holds a character that cannot be sent in HTTP",
                )
                .with_hint("look for a line break or a control character in it")
            })?;
            value.set_sensitive(true);
            builder = builder.header(name, value);
        }
        let unusable = |error: http::Error| {
            Failure::new(
                ErrorKind::Policy,
                format!("cannot send a request to {url}: {error}"),
            )
        };
        log::trace!("{} {}", request.method, cleaned(request, url.as_str()));
        let agent = if self.proxies.excepts(url) {
            self.direct.clone()
        } else {
            self.agent.clone()
        };
        let answer = if let Some(path) = &request.upload {
            let file = File::open(path).map_err(|error| Failure::disk("read", path, &error))?;
            let message = builder.body(file).map_err(unusable)?;
            interruptible(&self.cancel, move || agent.run(message))
        } else if request.body.is_empty() && request.method != "POST" {
            let message = builder.body(()).map_err(unusable)?;
            interruptible(&self.cancel, move || agent.run(message))
        } else {
            let message = builder.body(request.body.clone()).map_err(unusable)?;
            interruptible(&self.cancel, move || agent.run(message))
        };
        let answer = answer?.map_err(|error| unreachable_host(url, &error))?;
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
        self.follow(request)
    }
}

impl Client {
    fn follow(&self, request: &Request) -> Result<Response, Failure> {
        // A failure is logged and shown before any report is made of it, and it names an address
        // that a redirect may have chosen.
        self.follow_redirects(request).map_err(|mut failure| {
            failure.message = cleaned(request, &failure.message).into();
            failure
        })
    }

    fn follow_redirects(&self, request: &Request) -> Result<Response, Failure> {
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
            .with_hint("report it to the hoster; nothing was sent there")
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
