//! Who serves a hoster.

use std::path::PathBuf;

use forgekeep_config::OptionSpec;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Printable;
use url::Url;

/// Who a hoster's plugin is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HosterInfo {
    /// The `hoster:` of a source.
    pub id: String,
    /// Other values of `hoster:` it answers to.
    pub aliases: Vec<String>,
    /// The plugin's own version.
    pub version: Printable,
    /// Who made it.
    pub authors: Vec<Printable>,
    /// One line about it.
    pub description: Printable,
    /// What a source's `type` may be; none where it makes no difference.
    pub types: Vec<String>,
    /// What its listing says of each repository, so that filters can rely upon it, in the words of plugin
    /// protocol 1.
    pub attributes: Vec<String>,
    /// Base of the hoster's API for sources without `apiUrl`.
    pub api_url: String,
    /// Further origins that may get its credentials, besides the API's own: only with its own API address.
    pub trusted_origins: Vec<String>,
    /// Origins that follow from a source's `apiUrl`, as patterns with `{host}`, `{domain}` and `{port}`.
    pub derived_origins: Vec<String>,
    /// Keys of a source that only this hoster knows.
    pub options: Vec<OptionSpec>,
    /// How many repositories may be asked for their refs at a time, where the plugin lowers what the
    /// configuration says.
    pub ref_questions: Option<u32>,
    /// Whether repositories can be made and removed there.
    pub target: bool,
    /// Whether its sources have no `name`, and there is no API.
    pub nameless: bool,
    /// File it was loaded from.
    pub file: PathBuf,
    /// SHA-256 of that file, in hexadecimal digits; empty for one that is in no file.
    pub sha256: String,
}

/// The base of the API that a source talks to: its own `apiUrl`, else the hoster's.
///
/// # Errors
///
/// There is none, or the plugin's is no address.
pub fn api_url(info: &HosterInfo, own: Option<&Url>) -> Result<Url, Failure> {
    if info.nameless && info.api_url.is_empty() {
        // Nobody is asked there: RFC 2606 keeps such names for that.
        return Url::parse(&format!("https://{}.invalid", info.id)).map_err(|error| {
            Failure::new(
                ErrorKind::Plugin,
                format!(
                    "the plugin {} has no id that can be a host: {error}",
                    info.id
                ),
            )
            .with_hint("report it to the plugin's authors: this is a bug in the plugin")
        });
    }
    if let Some(url) = own {
        return Ok(url.clone());
    }
    if info.api_url.is_empty() {
        return Err(Failure::new(
            ErrorKind::Config,
            format!("the hoster \"{}\" has no address of its own", info.id),
        )
        .with_hint("give the source an apiUrl"));
    }
    Url::parse(&info.api_url).map_err(|error| {
        Failure::new(
            ErrorKind::Plugin,
            format!(
                "the plugin {} gives an API address that is not a URL: {error}",
                info.id
            ),
        )
        .with_hint("report it to the plugin's authors: this is a bug in the plugin")
    })
}

/// The origins beyond that of the API which may get a source's credentials, as the plugin says: with the
/// hoster's own API those that it names, with another those that follow from its address. A plugin
/// speaks of its hoster's own service: behind another address there may be anybody.
pub fn trusted_origins(info: &HosterInfo, api: &Url) -> Vec<String> {
    let own = Url::parse(&info.api_url);
    if own.is_ok_and(|own| own.origin() == api.origin()) {
        return info.trusted_origins.clone();
    }
    let derived = info.derived_origins.iter();
    derived
        .filter_map(|pattern| derived_origin(pattern, api))
        .collect()
}

/// The origin that a pattern makes of an address: on its host, below it, or beside it in its domain.
/// None where that would be anybody's: a domain of one label holds strangers.
fn derived_origin(pattern: &str, api: &Url) -> Option<String> {
    let host = api.host_str()?;
    let domain = match host.split_once('.') {
        Some((_, domain)) if domain.contains('.') && api.domain().is_some() => domain,
        _ if pattern.contains("{domain}") => return None,
        _ => host,
    };
    let port = api
        .port()
        .map_or_else(String::new, |port| format!(":{port}"));
    let text = pattern
        .replace("{host}", host)
        .replace("{domain}", domain)
        .replace("{port}", &port);
    let url = Url::parse(&text).ok()?;
    let made = url.host_str()?;
    let is_within = |of: &str| {
        made == of
            || made
                .strip_suffix(of)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    let is_plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    // Plain HTTP only where the API has it.
    let is_scheme = url.scheme() == "https" || url.scheme() == api.scheme();
    (is_plain && is_scheme && (is_within(host) || is_within(domain)))
        .then(|| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> HosterInfo {
        HosterInfo {
            api_url: "https://api.forge.example".to_owned(),
            trusted_origins: vec!["https://forge.example".to_owned()],
            derived_origins: [
                "https://gist.{host}",
                "https://raw.{domain}{port}",
                "https://evil.example",
                "https://{host}.evil.example",
                "ftp://{host}",
                "https://user@{host}",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..HosterInfo::default()
        }
    }

    fn origins(api: &str) -> Vec<String> {
        trusted_origins(&info(), &Url::parse(api).unwrap())
    }

    #[test]
    fn named_origins_count_with_the_plugins_own_api_alone() {
        assert_eq!(
            origins("https://api.forge.example/v2"),
            ["https://forge.example"]
        );
    }

    #[test]
    fn derived_origins_stay_with_the_host_of_the_api() {
        assert_eq!(
            origins("https://git.acme.example:8443/api/v3"),
            [
                "https://gist.git.acme.example",
                "https://raw.acme.example:8443"
            ]
        );
        // Its domain would be a whole country's, or no domain at all.
        assert_eq!(
            origins("https://acme.example"),
            ["https://gist.acme.example"]
        );
        assert_eq!(origins("https://10.0.0.1"), Vec::<String>::new());
    }
}
