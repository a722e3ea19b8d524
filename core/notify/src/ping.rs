//! Pings to a service that gives the alarm when none comes.

use forgekeep_config::Ping;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::Client;
use url::Url;

use super::message::{Event, Message};
use super::{cut, web};

/// Most bytes of a ping's body. healthchecks keeps the first 100 kB, others less.
const MAX_BODY: usize = 10_000;

/// Where fewer are kept, there is no sense in a body.
const LEAST_BODY: usize = 200;

/// The service that answers `OK` to a ping that counts, and 200 also to one that does not.
const HEALTHCHECKS: &str = "hc-ping.com";

/// What a ping says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Start,
    Success,
    Fail,
}

impl Signal {
    /// What a message is to a ping.
    pub(super) fn of(event: Event) -> Self {
        match event {
            Event::Failure | Event::Alert => Self::Fail,
            Event::Recovery | Event::Success => Self::Success,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Start => "/start",
            Self::Success => "",
            Self::Fail => "/fail",
        }
    }
}

/// Pings; how much of a body the service keeps, where it says so.
///
/// # Errors
///
/// The service has not taken it.
pub(super) fn send(
    client: &Client,
    ping: &Ping,
    signal: Signal,
    message: Option<&Message>,
    body_limit: Option<usize>,
) -> Result<Option<usize>, Failure> {
    let url = address(ping, signal)?;
    let text = message.map(|message| format!("{}\n\n{}", message.title, message.text));
    let most = body_limit.unwrap_or(MAX_BODY).min(MAX_BODY);
    let body = match most {
        0..LEAST_BODY => String::new(),
        most => cut::tail(text.as_deref().unwrap_or_default(), most),
    };
    let answer = web::post(
        client,
        &url,
        ping.allow_insecure_http,
        "text/plain; charset=utf-8",
        body.into_bytes(),
    )?;
    let said = answer.text.raw().trim();
    let is_strict = url.host_str() == Some(HEALTHCHECKS);
    // `OK (not found)` is 200 too.
    if (is_strict && said != "OK") || said.starts_with("OK (") {
        return Err(Failure::new(
            ErrorKind::BadAnswer,
            format!("it has not taken the ping: {}", web::words(&answer.text)),
        )
        .with_hint("check the address against the one that the service shows for this check"));
    }
    Ok(answer.body_limit)
}

fn address(ping: &Ping, signal: Signal) -> Result<Url, Failure> {
    let mut url = Url::parse(ping.url.expose()).map_err(|error| {
        Failure::new(
            ErrorKind::Config,
            format!("its address is not valid: {error}"),
        )
    })?;
    let path = url.path().trim_end_matches('/').to_owned();
    if signal != Signal::Success {
        url.set_path(&format!("{path}{}", signal.suffix()));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgekeep_untrusted::Secret;

    #[test]
    fn what_a_ping_adds_stands_before_the_query() {
        for (url, fail) in [
            (
                "https://hc.example/ping/1",
                "https://hc.example/ping/1/fail",
            ),
            (
                "https://hc.example/ping/1/",
                "https://hc.example/ping/1/fail",
            ),
            ("https://hc.example/1?a=b", "https://hc.example/1/fail?a=b"),
        ] {
            let ping = Ping {
                url: Secret::new(url),
                allow_insecure_http: false,
            };
            assert_eq!(address(&ping, Signal::Fail).unwrap().as_str(), fail);
            assert_eq!(address(&ping, Signal::Success).unwrap().as_str(), url);
        }
    }
}
