//! Why a request had no answer, or an answer no end: what to do differs.

use std::io;

use forgekeep_failure::{ErrorKind, Failure};
use ureq::Timeout;
use url::Url;

use super::connect::{CUT_HANDSHAKE, TooSlow};
use super::tunnel::{Fault, ProxyFault};

/// Why there was no answer, told apart as far as the client knows: what to do differs.
pub(super) fn unreachable_host(url: &Url, error: &ureq::Error) -> Failure {
    about(url, reason(url, error))
}

fn about(url: &Url, failure: Failure) -> Failure {
    match failure.kind {
        ErrorKind::Cancelled => failure,
        _ => failure.while_doing(url.as_str()),
    }
}

/// The same, without the address.
fn reason(url: &Url, error: &ureq::Error) -> Failure {
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
            format!("{host} stopped answering"),
            "run again later; options.network.stallSeconds is the idle timeout",
        ),
        ureq::Error::Tls(CUT_HANDSHAKE) => return cut_handshake(),
        ureq::Error::Rustls(error) => return tls_failure(Some(error), &error.to_string()),
        ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
            return tls_failure(None, &error.to_string());
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
    Failure::new(kind, why).with_hint(hint).transient()
}

/// Why TLS did not come about: by rustls's error, where it was handed on.
fn tls_failure(error: Option<&rustls::Error>, why: &str) -> Failure {
    use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
    use rustls::Error::{InvalidCertificate, InvalidMessage};

    let (why, hint) = match error {
        Some(InvalidMessage(_)) => (
            format!("the server there does not speak TLS ({why})"),
            "check the address and its port: it may be one for plain http",
        ),
        Some(InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => (
            format!("TLS failed: {why}"),
            "check the address: the certificate is for another host",
        ),
        _ => (
            format!("TLS failed: {why}"),
            "check this machine's clock and certificate authorities; behind a proxy that reads TLS, its certificate authority must be installed",
        ),
    };
    Failure::new(ErrorKind::Tls, why).with_hint(hint)
}

fn cut_handshake() -> Failure {
    let why = format!("TLS failed: {CUT_HANDSHAKE}");
    Failure::new(ErrorKind::Tls, why)
        .with_hint(
            "run again later; if it persists, check the address and its port, and look at \
        proxies and firewalls in between",
        )
        .transient()
}

/// What a proxy did, not the host: it is named, and the host is not blamed.
fn proxy_failure(url: &Url, fault: &ProxyFault) -> Failure {
    let host = url.host_str().unwrap_or("the host");
    let proxy = &fault.proxy;
    let refused = |why: String, hint: &str| {
        let why = format!("the proxy did not connect to {host}: {proxy} {why}");
        Failure::new(ErrorKind::Network, why).with_hint(hint)
    };
    match &fault.what {
        Fault::Status(407) => refused(
            "requires credentials (407)".to_owned(),
            "write USER:PASSWORD@ before the host in that variable, or correct them",
        ),
        Fault::Status(status @ 500..) => refused(
            format!("answered {status}"),
            "run again later; if it persists, ask whoever runs the proxy",
        )
        .transient(),
        Fault::Status(status) => refused(
            format!("answered {status}"),
            "ask whoever runs the proxy to allow this host, or name it in NO_PROXY",
        ),
        Fault::NoAnswer => refused(
            "did not answer as a proxy does".to_owned(),
            "check its address and port, and that it is a proxy of the kind named in the variable",
        )
        .transient(),
        Fault::Failed(ureq::Error::Timeout(_)) => Failure::new(
            ErrorKind::Network,
            format!("no connection to {host} in time: the proxy {proxy} does not answer"),
        )
        .with_hint("check that the proxy is running; options.network.connectSeconds sets the limit")
        .transient(),
        Fault::Failed(error) => {
            let address = proxy.split(' ').next().unwrap_or(proxy);
            // The reasons are the same as for a host.
            let reason = match Url::parse(address) {
                Ok(address) => reason(&address, error),
                Err(_) => Failure::new(ErrorKind::Network, error.to_string()),
            };
            let why = reason.message;
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

/// The error of rustls that is behind one of reading or writing.
fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error.get_ref()?);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        source = match error.downcast_ref::<io::Error>() {
            Some(error) => error
                .get_ref()
                .map(|inner| inner as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn io_failure(url: &Url, error: &io::Error) -> Failure {
    let inner = error.get_ref();
    if let Some(fault) = inner.and_then(|inner| inner.downcast_ref::<ProxyFault>()) {
        return proxy_failure(url, fault);
    }
    if let Some(slow) = inner.and_then(|inner| inner.downcast_ref::<TooSlow>()) {
        return Failure::new(ErrorKind::Network, slow.to_string())
            .with_hint(
                "run again later; options.network.stallSeconds sets the time in which that \
            many bytes have to come",
            )
            .transient();
    }
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return reason(url, inner);
    }
    let text = error.to_string();
    let of_tls = of_tls(error);
    if of_tls.is_some() || error.kind() == io::ErrorKind::InvalidData {
        return tls_failure(of_tls, &text);
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
            "run again later; if it persists, look at proxies and firewalls in between",
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => (
            "the server stopped answering".to_owned(),
            "run again later; options.network.stallSeconds is the idle timeout",
        ),
        io::ErrorKind::NotConnected => return Failure::cancelled(),
        _ => (text, "check the network"),
    };
    Failure::new(ErrorKind::Network, why)
        .with_hint(hint)
        .transient()
}

/// A body that ended before its end.
pub fn broken_body(url: &Url, error: &io::Error) -> Failure {
    let failure = about(url, io_failure(url, error));
    match failure.kind {
        ErrorKind::Cancelled => failure,
        _ => failure.while_doing("the answer broke off"),
    }
}

/// A body longer than allowed.
pub(super) fn too_large(url: &Url, limit: u64) -> Failure {
    Failure::new(
        ErrorKind::Policy,
        format!("{url}: the answer is larger than {limit} bytes"),
    )
    .with_hint("report this to the hoster; the response was discarded")
}
