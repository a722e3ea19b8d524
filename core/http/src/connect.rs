//! What ureq's own connections do not tell or bear: whether it was the TLS handshake that was cut,
//! and answers that come so slowly that they never end.

use std::error::Error as StdError;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};
use std::{fmt, io};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};

use super::scope::is_localhost;
use super::tunnel::Tunnel;

/// Fewest bytes that an answer brings in the time of a stall, once it has begun. As git's
/// `http.lowSpeedLimit` and `http.lowSpeedTime`.
const LEAST: usize = 1024;

/// The same for answers to a POST: one packet of git's. While a git server counts and compresses
/// objects, for minutes, it sends nothing but such packets to show that it is alive.
const LEAST_OF_POST: usize = 5;

/// Why a TLS handshake failed that did not fail for a reason of TLS's own.
pub(super) const CUT_HANDSHAKE: &str = "the connection was cut during the handshake";

/// An answer that comes too slowly.
#[derive(Debug)]
pub(super) struct TooSlow {
    least: usize,
    window: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, window } = self;
        let seconds = window.as_secs_f64();
        write!(
            f,
            "the answer came slower than {least} bytes in {seconds} s"
        )
    }
}

impl StdError for TooSlow {}

/// Makes connections as ureq does by default, with a measure below TLS (where whoever drips within
/// one record is seen) and one above it (where requests are).
pub(super) fn connector(tunnel: Tunnel, stall: Duration) -> impl Connector {
    let pacing = |least| Pacing {
        window: stall,
        least,
    };
    tunnel
        .chain(TcpConnector::default())
        .chain(pacing(LEAST_OF_POST))
        .chain(Tls(RustlsConnector::default()))
        .chain(pacing(LEAST))
}

/// TLS, which says so when it is cut.
#[derive(Debug)]
struct Tls(RustlsConnector);

impl<In: Transport> Connector<In> for Tls {
    type Out = <RustlsConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| {
            use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
            let cut = [
                BrokenPipe,
                ConnectionAborted,
                ConnectionReset,
                UnexpectedEof,
            ];
            match error {
                Error::Io(error) if cut.contains(&error.kind()) => Error::Tls(CUT_HANDSHAKE),
                other => other,
            }
        })
    }
}

/// Looks names up as ureq does by default, but for `localhost`: that is this machine, as RFC 6761
/// wants it, and is not asked of a name server. Credentials go there without TLS, so nobody else
/// may say where it is; and a machine without `/etc/hosts` has a localhost too. An address is no name:
/// ureq would start a thread for each request, only to wait for it.
#[derive(Debug, Default)]
pub(super) struct Names(DefaultResolver);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        match uri.host() {
            Some(name) if is_localhost(name) => {
                let mut addresses = self.empty();
                addresses.push((Ipv4Addr::LOCALHOST, port).into());
                addresses.push((Ipv6Addr::LOCALHOST, port).into());
                Ok(addresses)
            }
            host => match host.and_then(ip) {
                Some(ip) => {
                    let mut addresses = self.empty();
                    addresses.push((ip, port).into());
                    Ok(addresses)
                }
                // The standard library has no kind of its own for a name that is not known; what
                // the system says has a number.
                None => match self.0.resolve(uri, config, timeout) {
                    Err(Error::Io(error)) if error.raw_os_error().is_none() => {
                        log::debug!("{error}");
                        Err(Error::HostNotFound)
                    }
                    resolved => resolved,
                },
            },
        }
    }
}

/// The address that a URL has in the place of a name.
fn ip(host: &str) -> Option<IpAddr> {
    let v6 = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    v6.unwrap_or(host).parse().ok()
}

/// Adds a measure to connections.
#[derive(Debug)]
struct Pacing {
    window: Duration,
    least: usize,
}

impl<In: Transport> Connector<In> for Pacing {
    type Out = Paced<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Paced {
            inner,
            least: self.least,
            patient: false,
            pace: Pace::new(self.window),
        }))
    }
}

/// Bytes against the time that was spent waiting for them. What the reader does between two reads
/// is not the server's time.
#[derive(Debug)]
struct Pace {
    window: Duration,
    begun: bool,
    waited: Duration,
    bytes: usize,
}

impl Pace {
    fn new(window: Duration) -> Self {
        Self {
            window,
            begun: false,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// After a wait that brought so many bytes.
    fn learn(&mut self, bytes: usize, waited: Duration, least: usize) -> Result<(), TooSlow> {
        if self.begun {
            self.waited += waited;
        }
        // How long the first byte may take is the limit on silence.
        self.begun |= bytes > 0;
        self.bytes += bytes;
        if self.bytes >= least {
            (self.waited, self.bytes) = (Duration::ZERO, 0);
        }
        if self.waited >= self.window {
            let window = self.window;
            return Err(TooSlow { least, window });
        }
        Ok(())
    }
}

/// A connection on which answers keep a pace.
#[derive(Debug)]
struct Paced<T> {
    inner: T,
    least: usize,
    /// Whether the request under way is a POST.
    patient: bool,
    pace: Pace,
}

impl<T: Transport> Transport for Paced<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = self.inner.buffers().output();
        // A head begins with its method; a body of ours never does.
        if output.starts_with(b"POST ") {
            self.patient = true;
        } else if output.starts_with(b"GET ") {
            self.patient = false;
        }
        self.pace = Pace::new(self.pace.window);
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let begun = Instant::now();
        let more = self.inner.await_input(timeout)?;
        let bytes = self.inner.buffers().input().len().saturating_sub(before);
        let least = if self.patient {
            LEAST_OF_POST
        } else {
            self.least
        };
        // The end is no matter of pace.
        if more {
            let kept = self.pace.learn(bytes, begun.elapsed(), least);
            kept.map_err(|slow| Error::Io(io::Error::new(io::ErrorKind::TimedOut, slow)))?;
        }
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    /// Whether an answer in which each wait brings so many bytes is borne for an hour.
    fn is_borne(bytes: usize, wait: u64, least: usize) -> bool {
        let mut pace = Pace::new(WINDOW);
        let wait = Duration::from_secs(wait);
        (0..3600 / wait.as_secs()).all(|_| pace.learn(bytes, wait, least).is_ok())
    }

    #[test]
    fn a_drip_is_not_borne_and_a_slow_line_is() {
        assert!(!is_borne(1, 1, LEAST));
        assert!(!is_borne(1, 59, LEAST));
        assert!(!is_borne(1, 59, LEAST_OF_POST));
        assert!(is_borne(64, 3, LEAST));
    }

    #[test]
    fn a_git_server_that_shows_it_is_alive_is_borne() {
        assert!(is_borne(5, 5, LEAST_OF_POST));
        assert!(is_borne(5, 59, LEAST_OF_POST));
    }

    #[test]
    fn the_first_byte_may_take_as_long_as_a_silence() {
        let mut pace = Pace::new(WINDOW);
        pace.learn(100, WINDOW * 2, LEAST).unwrap();
        pace.learn(1, WINDOW / 2, LEAST).unwrap();
        pace.learn(1, WINDOW / 2, LEAST).unwrap_err();
    }
}
