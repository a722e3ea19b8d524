//! The checks of `apiUrl` and `trustedOrigins`.

use url::{Host, Url};

use super::error::ConfigError;
use super::reader::Field;

/// The field's address. No message quotes it: a token may be written into it.
pub(super) fn api_url(
    field: &Field<'_>,
    text: &str,
    allow_insecure_http: bool,
) -> Result<Url, ConfigError> {
    let example = "write the base address of the API, such as https://git.example.com/api";
    address(field, text, allow_insecure_http, example)
}

/// An address to clone from. No message quotes it.
pub(super) fn clone_url(
    field: &Field<'_>,
    text: &str,
    allow_insecure_http: bool,
) -> Result<Url, ConfigError> {
    let example =
        "write the address as `git clone` takes it, such as https://git.example.com/acme/web.git";
    address(field, text, allow_insecure_http, example)
}

fn address(
    field: &Field<'_>,
    text: &str,
    allow_insecure_http: bool,
    example: &str,
) -> Result<Url, ConfigError> {
    let url = Url::parse(text)
        .map_err(|error| field.invalid(format!("it is not a valid address ({error})"), example))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(field.invalid("it must begin with https:// or http://", example));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(field.invalid(
            "it holds a user name or a password",
            "move them to `authName` and `password`",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(field.invalid("it holds a query (`?`) or a fragment (`#`)", example));
    }
    if url.scheme() == "http" && !allow_insecure_http && !is_loopback(&url) {
        return Err(field.invalid(
            "it is plain http to another computer: the password would be sent unencrypted",
            "use https, or set `allowInsecureHttp: true` for this source if you accept that",
        ));
    }
    Ok(url)
}

/// One of the field's origins: a scheme, a host and perhaps a port. No message quotes it.
pub(super) fn origin(
    field: &Field<'_>,
    text: &str,
    allow_insecure_http: bool,
) -> Result<Url, ConfigError> {
    let url = api_url(field, text, allow_insecure_http)?;
    if url.path() != "/" {
        return Err(field.invalid(
            "it holds a path, but credentials are for a whole host",
            "write scheme and host alone, such as https://files.example.com",
        ));
    }
    Ok(url)
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
