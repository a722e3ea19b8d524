//! Why a request had no answer, or an answer no end: what to do differs.

use std::io;

use forgekeep_failure::{ErrorKind, Failure};
use ureq::Timeout;
use url::Url;

use super::connect::{CUT_HANDSHAKE, TooSlow};
use super::tunnel::{Fault, ProxyFault};

/// Why there was no answer, told apart as far as the client knows: what to do differs.
pub(super) fn unreachable_host(url: &Url, error: &ureq::Error) -> Failure {
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
            "run again later; options.network.stallSeconds is the idle timeout",
        ),
        ureq::Error::Tls(CUT_HANDSHAKE) => return cut_handshake(url),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            return tls_failure(url, &error.to_string());
        }
        ureq::Error::ConnectionFailed => (
            ErrorKind::Network,
            format!("no connection to {host}"),
            "check the network",
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

fn cut_handshake(url: &Url) -> Failure {
    let why = format!("{url}: TLS failed: {CUT_HANDSHAKE}");
    Failure::new(ErrorKind::Tls, why)
        .with_hint("run again later; if it stays, check the address and its port, and look at proxies and firewalls in between")
        .transient()
}

/// What a proxy did, not the host: it is named, and the host is not blamed.
fn proxy_failure(url: &Url, fault: &ProxyFault) -> Failure {
    let host = url.host_str().unwrap_or("the host");
    let proxy = &fault.proxy;
    let refused = |why: String, hint: &str| {
        let why = format!("{url}: the proxy did not connect to {host}: {proxy} {why}");
        Failure::new(ErrorKind::Network, why).with_hint(hint)
    };
    match &fault.what {
        Fault::Status(407) => refused(
            "wants credentials (407)".to_owned(),
            "write USER:PASSWORD@ before the host in that variable, or correct them",
        ),
        Fault::Status(status @ 500..) => refused(
            format!("answered {status}"),
            "run again later; if it stays, ask whoever runs the proxy",
        )
        .transient(),
        Fault::Status(status) => refused(
            format!("answered {status}"),
            "ask whoever runs the proxy to allow this host, or name it in NO_PROXY",
        ),
        Fault::NoAnswer => refused(
            "gave no answer of a proxy".to_owned(),
            "check its address and port, and that it is a proxy of the kind that the variable says",
        )
        .transient(),
        Fault::Failed(ureq::Error::Timeout(_)) => Failure::new(
            ErrorKind::Network,
            format!("{url}: no connection to {host} in time: the proxy {proxy} does not answer"),
        )
        .with_hint("check that the proxy is running; options.network.connectSeconds sets the limit")
        .transient(),
        Fault::Failed(error) => {
            let address = proxy.split(' ').next().unwrap_or(proxy);
            // The reasons are the same as for a host.
            let reason = match Url::parse(address) {
                Ok(address) => unreachable_host(&address, error),
                Err(_) => Failure::new(ErrorKind::Network, error.to_string()),
            };
            let why = reason.message.split_once(": ").map_or("", |(_, why)| why);
            let hint = match reason.kind {
                ErrorKind::Tls => {
                    "install the authority of the proxy's certificate, or name it in SSL_CERT_FILE; if the proxy does not speak TLS itself, write http:// in that variable"
                }
                _ => {
                    "check that the proxy is running, its address and port in that variable, and the user and password in it"
                }
            };
            refused(format!("failed: {why}"), hint).transient()
        }
    }
}

fn io_failure(url: &Url, error: &io::Error) -> Failure {
    let inner = error.get_ref();
    if let Some(fault) = inner.and_then(|inner| inner.downcast_ref::<ProxyFault>()) {
        return proxy_failure(url, fault);
    }
    if let Some(slow) = inner.and_then(|inner| inner.downcast_ref::<TooSlow>()) {
        return Failure::new(ErrorKind::Network, format!("{url}: {slow}"))
            .with_hint("run again later; options.network.stallSeconds sets how long an answer may take for so little")
            .transient();
    }
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
            "run again later; options.network.stallSeconds is the idle timeout",
        ),
        io::ErrorKind::NotConnected => return Failure::cancelled(),
        _ => (text, "check the network"),
    };
    Failure::new(ErrorKind::Network, format!("{url}: {why}"))
        .with_hint(hint)
        .transient()
}

/// A body that ended before its end.
pub fn broken_body(url: &Url, error: &io::Error) -> Failure {
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
    .with_hint("report this to the hoster; the response was discarded")
}
