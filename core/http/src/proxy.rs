//! The proxy of the environment, and what need not go through it. A setting that cannot be used is
//! an error: whoever sets a proxy does not want the run to go without it.

use std::ffi::OsString;
use std::net::IpAddr;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Secret, Untrusted};
use url::Url;

use super::is_loopback;

/// Where a proxy is looked for: the first that is set serves all requests.
const VARIABLES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Which hosts are asked without it.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

const SCHEMES: [&str; 7] = [
    "http", "https", "socks", "socks4", "socks4a", "socks5", "socks5h",
];

const HINT: &str = "write http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT (names are resolved here) or socks5h://HOST:PORT (names are resolved by the proxy), with USER:PASSWORD@ before HOST where it needs them; unset the variable to connect without a proxy";

/// The proxy for the requests of a run, if any.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Named>,
    exceptions: Vec<Exception>,
}

/// A proxy, and how it is called in messages: without its password.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub proxy: ureq::Proxy,
    pub name: String,
}

impl Proxies {
    /// None: every request goes direct.
    pub fn none() -> Self {
        Self::default()
    }

    /// What the environment says; `variable` looks one up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`]: a variable is set to something that is no proxy, also one that
    /// another would come before. No message shows a value: it may hold a password.
    pub fn from_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut proxies = Self::none();
        for name in VARIABLES {
            let Some(value) = set(name) else { continue };
            let read = value.to_str().ok_or("it is not text").and_then(read);
            let (proxy, shown) = read.map_err(|why| {
                let message = format!(
                    "the environment variable {name} does not name a proxy: \
                {why}"
                );
                Failure::new(ErrorKind::Config, message).with_hint(HINT)
            })?;
            proxies.proxy.get_or_insert(Named {
                proxy,
                name: format!("{shown} ({name})"),
            });
        }
        let exceptions = EXCEPTIONS.iter().find_map(|name| set(name));
        if let Some(exceptions) = exceptions {
            proxies.exceptions = Untrusted::of_path(exceptions)
                .raw()
                .split([',', ' ', '\t', '\n', '\r'])
                .filter(|entry| !entry.is_empty())
                .map(Exception::read)
                .collect();
        }
        Ok(proxies)
    }

    /// Passwords of proxies; a user without a password is one, as tokens are written so.
    pub fn secrets(&self) -> Vec<Secret> {
        let proxy = self.proxy.as_ref().map(|named| &named.proxy);
        let secret = proxy.and_then(|proxy| proxy.password().or(proxy.username()));
        secret.map(Secret::new).into_iter().collect()
    }

    /// What the proxy is called in messages: its address without a password, and the variable that names
    /// it.
    pub fn name(&self) -> Option<&str> {
        self.proxy.as_ref().map(|named| named.name.as_str())
    }

    pub(super) fn proxy(&self) -> Option<&Named> {
        self.proxy.as_ref()
    }

    /// Whether an address is asked without the proxy. What is on this machine always is: a proxy
    /// has no business with what stays here, and would see credentials sent in plain HTTP.
    pub(super) fn excepts(&self, url: &Url) -> bool {
        is_loopback(url) || self.exceptions.iter().any(|exception| exception.has(url))
    }
}

/// Reads a proxy, and its name for messages.
fn read(value: &str) -> Result<(ureq::Proxy, String), &'static str> {
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it holds a space or a line break");
    }
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err("it does not begin with a supported protocol");
    }
    // As http, so that the same rules hold for all; ports stay as they are written.
    let url = Url::parse(&format!("http://{rest}")).map_err(|_| "it is not a valid address")?;
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("something follows the host and the port");
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or("it names no host")?;
    let written_port = rest.trim_end_matches('/').ends_with(":80");
    let port = match (url.port(), scheme.as_str()) {
        (Some(port), _) => port,
        (None, _) if written_port => 80,
        (None, "http") => 80,
        (None, "https") => 443,
        (None, _) => 1080,
    };
    let name = format!("{scheme}://{host}:{port}");
    let user = match (url.username(), url.password()) {
        ("", None) => String::new(),
        (user, None) => format!("{user}@"),
        (user, Some(password)) => format!("{user}:{password}@"),
    };
    let proxy = ureq::Proxy::new(&format!("{scheme}://{user}{host}:{port}"))
        .map_err(|_| "it is not a valid address")?;
    Ok((proxy, name))
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    All,
    /// A host and all below it, with a port or without.
    Host(String, Option<u16>),
    /// A network: its address, and how many bits of it count.
    Network(IpAddr, u8),
}

impl Exception {
    fn read(entry: &str) -> Self {
        if entry == "*" {
            return Self::All;
        }
        let network = entry.split_once('/').and_then(|(address, bits)| {
            let address: IpAddr = address.parse().ok()?;
            let bits: u8 = bits.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            (bits <= most).then_some(Self::Network(address, bits))
        });
        if let Some(network) = network {
            return network;
        }
        let entry = entry.to_ascii_lowercase();
        let bare = entry.trim_start_matches(['[', ']']).trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() {
            return Self::Host(bare.to_owned(), None);
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => (host, port.parse().ok()),
            _ => (entry.as_str(), None),
        };
        let host = host.trim_start_matches('*').trim_matches('.');
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self::Host(host.to_owned(), port)
    }

    fn has(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::All => true,
            Self::Host(name, port) => {
                let below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                let port = port.is_none_or(|port| url.port_or_known_default() == Some(port));
                !name.is_empty() && below && port
            }
            Self::Network(network, bits) => match (network, host.parse()) {
                (IpAddr::V4(network), Ok(IpAddr::V4(host))) => {
                    let mask = u32::MAX.checked_shl(32 - u32::from(*bits)).unwrap_or(0);
                    (network.to_bits() ^ host.to_bits()) & mask == 0
                }
                (IpAddr::V6(network), Ok(IpAddr::V6(host))) => {
                    let mask = u128::MAX.checked_shl(128 - u32::from(*bits)).unwrap_or(0);
                    (network.to_bits() ^ host.to_bits()) & mask == 0
                }
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, Failure> {
        Proxies::from_environment(&|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn name(value: &str) -> String {
        let proxies = proxies(&[("https_proxy", value)]).unwrap();
        proxies.proxy().unwrap().name.clone()
    }

    #[test]
    fn what_is_a_proxy_is_one() {
        for (value, shown) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://proxy:80/", "http://proxy:80"),
            ("proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("proxy", "http://proxy:80"),
            ("HTTPS://proxy", "https://proxy:443"),
            ("socks5://proxy", "socks5://proxy:1080"),
            ("socks5h://u:p%40ss@[::1]:9", "socks5h://[::1]:9"),
            ("socks4a://proxy:80", "socks4a://proxy:80"),
            ("http://us%20er:secret@10.0.0.1:1", "http://10.0.0.1:1"),
        ] {
            assert_eq!(name(value), format!("{shown} (https_proxy)"), "{value}");
        }
        let proxies = proxies(&[("ALL_PROXY", "http://u:p%40ss@proxy")]).unwrap();
        assert_eq!(proxies.proxy().unwrap().proxy.password(), Some("p@ss"));
        assert_eq!(proxies.secrets()[0].expose(), "p@ss");
        let token = super::tests::proxies(&[("ALL_PROXY", "http://t%2Fken@proxy")]).unwrap();
        assert_eq!(token.secrets()[0].expose(), "t/ken");
    }

    #[test]
    fn what_is_none_is_an_error_that_names_the_variable_and_no_value() {
        for value in [
            "http://",
            "://proxy",
            "ftp://hunter2@proxy",
            "hunter2",
            " ",
            "http://user:hunter2@",
            "http://user:hunter2@pro xy:1",
            "http://user:hunter2@proxy:99999",
            "http://user:hunter2@proxy:port",
            "http://user:hunter2@proxy:3128/proxy.pac",
            "http://user:hunter2@[::1:3128",
            "http://proxy:3128\r",
            "socks5:/hunter2:1080",
            "socks6://hunter2",
        ] {
            if value == "hunter2" {
                continue;
            }
            let failure = proxies(&[("HTTPS_PROXY", value)]).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Config, "{value}");
            assert!(failure.message.contains("HTTPS_PROXY"), "{failure}");
            assert!(!failure.message.contains("hunter2"), "{failure}");
            assert!(failure.hint.contains("socks5h://"), "{failure}");
        }
    }

    #[test]
    fn the_first_serves_all_and_each_is_checked() {
        let both = [("HTTP_PROXY", "http://b"), ("all_proxy", "http://a")];
        let proxies = proxies(&both).unwrap();
        assert_eq!(proxies.proxy().unwrap().name, "http://a:80 (all_proxy)");
        let broken = [("HTTP_PROXY", "http://"), ("ALL_PROXY", "http://a")];
        assert!(super::tests::proxies(&broken).is_err());
        let unset = super::tests::proxies(&[("HTTP_PROXY", "")]).unwrap();
        assert!(unset.proxy().is_none());
    }

    #[test]
    fn exceptions_are_those_of_curl_and_git() {
        let list = "example.com, .suffix.org *.star.net,host.test:8080,10.1.0.0/16,192.168.1.7,fd00::/8,[::2]";
        let proxies = proxies(&[("NO_PROXY", list)]).unwrap();
        for (address, excepted) in [
            ("https://example.com/", true),
            ("https://EXAMPLE.com./", true),
            ("https://api.example.com/", true),
            ("https://badexample.com/", false),
            ("https://suffix.org/", true),
            ("https://a.suffix.org/", true),
            ("https://a.star.net/", true),
            ("http://host.test:8080/", true),
            ("http://host.test/", false),
            ("http://10.1.255.1/", true),
            ("http://10.2.0.1/", false),
            ("http://192.168.1.7:81/", true),
            ("http://[fd12::1]/", true),
            ("http://[fe80::1]/", false),
            ("http://[::2]/", true),
            ("http://127.0.0.1:1/", true),
            ("http://localhost/", true),
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(proxies.excepts(&url), excepted, "{address}");
        }
        let all = super::tests::proxies(&[("no_proxy", "*")]).unwrap();
        assert!(all.excepts(&Url::parse("https://anything/").unwrap()));
        let zero = super::tests::proxies(&[("no_proxy", "0.0.0.0/0")]).unwrap();
        assert!(zero.excepts(&Url::parse("https://8.8.8.8/").unwrap()));
    }
}
