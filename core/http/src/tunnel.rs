//! Connections through a proxy. What goes wrong on the way to it, or at it, is told apart from what
//! goes wrong at the host that is asked.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::config::Config;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, SocksConnector, Transport, TransportAdapter,
};
use ureq::{Error, Proxy};

use super::proxy::Named;

/// Longest head of an answer to `CONNECT`.
const MAX_HEAD: usize = 8 * 1024;

/// What a proxy did not do.
#[derive(Debug)]
pub(super) struct ProxyFault {
    /// Its address and where it is set, without a password.
    pub proxy: String,
    pub what: Fault,
}

/// How a proxy failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// It was not reached, or a SOCKS proxy said no.
    Failed(Error),
    /// It answered `CONNECT` with another status than 200.
    Status(u16),
    /// It closed the connection, or its answer was none.
    NoAnswer,
}

impl fmt::Display for ProxyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the proxy {} failed", self.proxy)
    }
}

impl StdError for ProxyFault {}

/// Makes connections through a proxy, whichever kind it is; none where the configuration of the
/// connection has none.
#[derive(Debug)]
pub(super) struct Tunnel {
    named: Option<Named>,
    /// For the connection to the proxy itself.
    direct: Config,
}

impl Tunnel {
    pub fn new(named: Option<Named>, direct: Config) -> Self {
        Self { named, direct }
    }
}

impl Connector<()> for Tunnel {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let (Some(named), Some(proxy)) = (&self.named, details.config.proxy()) else {
            return Ok(None);
        };
        let connected = match proxy.protocol() {
            ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https => {
                self.tunnel(details, proxy).map(Some)
            }
            _ => SocksConnector::default()
                .connect(details, None::<()>)
                .map(|made| made.map(|made| Box::new(made) as Box<dyn Transport>))
                .map_err(Fault::Failed),
        };
        connected.map_err(|what| {
            let proxy = named.name.clone();
            Error::Io(io::Error::other(ProxyFault { proxy, what }))
        })
    }
}

impl Tunnel {
    /// Asks an HTTP proxy for a connection (RFC 9110, 9.3.6).
    fn tunnel(
        &self,
        details: &ConnectionDetails<'_>,
        proxy: &Proxy,
    ) -> Result<Box<dyn Transport>, Fault> {
        let addrs = details
            .resolver
            .resolve(proxy.uri(), details.config, details.timeout)
            .map_err(Fault::Failed)?;
        let to_proxy = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            config: &self.direct,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let transport = (details.run_connector)(&to_proxy).map_err(Fault::Failed)?;
        let mut adapter = TransportAdapter::new(transport, details.current_time.clone());
        adapter.set_timeout(details.timeout);
        let asked = adapter
            .write_all(question(details, proxy).as_bytes())
            .and_then(|()| adapter.flush());
        asked.map_err(|error| Fault::Failed(Error::Io(error)))?;
        let mut transport = adapter.into_inner();
        match status(&mut *transport, details.timeout)? {
            200..=299 => Ok(Box::new(Tunnelled(transport))),
            status => Err(Fault::Status(status)),
        }
    }
}

fn question(details: &ConnectionDetails<'_>, proxy: &Proxy) -> String {
    let host = details.uri.host().unwrap_or_default();
    let port = details.uri.port_u16().unwrap_or(match details.needs_tls() {
        true => 443,
        false => 80,
    });
    let mut head = format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {}\r\nProxy-Connection: Keep-Alive\r\n",
        concat!("forgekeep/", env!("CARGO_PKG_VERSION"))
    );
    if proxy.username().is_some() || proxy.password().is_some() {
        let (user, password) = (proxy.username(), proxy.password());
        let pair = format!(
            "{}:{}",
            user.unwrap_or_default(),
            password.unwrap_or_default()
        );
        head.push_str(&format!(
            "Proxy-Authorization: Basic {}\r\n",
            STANDARD.encode(pair)
        ));
    }
    head.push_str("\r\n");
    head
}

/// The status of an answer, of which the head is read and nothing else.
fn status(transport: &mut dyn Transport, timeout: NextTimeout) -> Result<u16, Fault> {
    loop {
        let input = transport.buffers().input();
        let end = input.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        if let Some(end) = end {
            let status = status_of(&input[..end]);
            transport.buffers().input_consume(end + 4);
            return status.ok_or(Fault::NoAnswer);
        }
        if input.len() > MAX_HEAD || !input.starts_with(&b"HTTP/1."[..input.len().min(7)]) {
            return Err(Fault::NoAnswer);
        }
        // Tells ureq that nothing was consumed.
        transport.buffers().input_consume(0);
        let more = transport.await_input(timeout);
        match more {
            Ok(true) => {}
            Ok(false) => return Err(Fault::NoAnswer),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Fault::NoAnswer);
            }
            Err(error) => return Err(Fault::Failed(error)),
        }
    }
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

/// A connection through a proxy: it may have TLS to the proxy, but none to the host yet.
#[derive(Debug)]
struct Tunnelled(Box<dyn Transport>);

impl Transport for Tunnelled {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_of_http_have_a_status() {
        assert_eq!(status_of(b"HTTP/1.1 200 Connected\r\nx: y"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 407"), Some(407));
        for head in [
            &b"SSH-2.0"[..],
            b"",
            b"HTTP/1.1",
            b"HTTP/1.1 two",
            b"\xff 1",
        ] {
            assert_eq!(status_of(head), None);
        }
    }
}
