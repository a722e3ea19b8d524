//! Channels that are addresses: webhooks and pings. The address is the secret.

use forgekeep_untrusted::Secret;
use url::Url;

use super::Secrets;
use crate::error::ConfigError;
use crate::reader::{Section, boolean};
use crate::secrets::{self, Form};

/// The words of `preset`.
pub const PRESETS: [&str; 7] = [
    "slack",
    "teams",
    "discord",
    "ntfy",
    "gotify",
    "apprise",
    "pagerduty",
];

/// The keys of a webhook.
pub(super) const KEYS: &[&str] = &[
    "url",
    "urlFile",
    "urlCommand",
    "allowInsecureHttp",
    "preset",
    "template",
    "routingKey",
    "routingKeyFile",
    "routingKeyCommand",
];

/// Those of them that a ping has.
pub(super) const PING_KEYS: &[&str] = &["url", "urlFile", "urlCommand", "allowInsecureHttp"];

/// Where PagerDuty takes events.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// What a webhook's service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Slack, and what takes the same: Mattermost, Rocket.Chat.
    Slack,
    /// A workflow of Microsoft Teams that posts what it receives.
    Teams,
    /// Discord.
    Discord,
    /// ntfy.
    Ntfy,
    /// Gotify.
    Gotify,
    /// Apprise's API.
    Apprise,
    /// PagerDuty's events, version 2.
    PagerDuty,
}

/// A web service that takes a message.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its address.
    pub url: Secret,
    /// Whether plain http to another machine is accepted.
    pub allow_insecure_http: bool,
    /// What it takes; JSON of our own where it is none.
    pub preset: Option<Preset>,
    /// A template of what it takes.
    pub template: Option<String>,
    /// PagerDuty's key of the service.
    pub routing_key: Option<Secret>,
}

/// A service that gives the alarm when no ping comes.
#[derive(Debug, Clone)]
pub struct Ping {
    /// The address of a ping of success.
    pub url: Secret,
    /// Whether plain http to another machine is accepted.
    pub allow_insecure_http: bool,
}

pub(super) fn webhook(
    section: &Section<'_>,
    secrets: &mut Secrets<'_>,
) -> Result<Webhook, ConfigError> {
    let allow_insecure_http = boolean(section, "allowInsecureHttp")?;
    let preset = preset(section)?;
    // As it is written: `%` means something else in it.
    let template = match section.get("template") {
        Some(field) => match field.raw_text() {
            Some(text) => Some(text.to_owned()),
            None => return Err(field.wrong_type("text", "write the template as one text")),
        },
        None => None,
    };
    if let (Some(_), Some(_), Some(field)) = (&preset, &template, section.get("template")) {
        return Err(field.invalid(
            "`preset` says already what is sent",
            "keep one of `preset` and `template`",
        ));
    }
    let routing_key = secret(section, "routingKey", secrets)?;
    if preset == Some(Preset::PagerDuty) && routing_key.is_none() {
        let hint = "add `routingKey`, `routingKeyFile` or `routingKeyCommand`";
        return Err(section.missing("routingKey", "PagerDuty knows the service by it", hint));
    }
    let url = match (preset, secrets::way(section, "url")?) {
        (Some(Preset::PagerDuty), None) => Secret::new(PAGERDUTY),
        _ => url(section, allow_insecure_http, secrets)?,
    };
    Ok(Webhook {
        url,
        allow_insecure_http,
        preset,
        template,
        routing_key,
    })
}

pub(super) fn ping(section: &Section<'_>, secrets: &mut Secrets<'_>) -> Result<Ping, ConfigError> {
    let allow_insecure_http = boolean(section, "allowInsecureHttp")?;
    Ok(Ping {
        url: url(section, allow_insecure_http, secrets)?,
        allow_insecure_http,
    })
}

fn preset(section: &Section<'_>) -> Result<Option<Preset>, ConfigError> {
    let Some(field) = section.get("preset") else {
        return Ok(None);
    };
    let text = field.text()?;
    Ok(Some(
        match text.value.trim().to_ascii_lowercase().as_str() {
            "slack" => Preset::Slack,
            "teams" => Preset::Teams,
            "discord" => Preset::Discord,
            "ntfy" => Preset::Ntfy,
            "gotify" => Preset::Gotify,
            "apprise" => Preset::Apprise,
            "pagerduty" => Preset::PagerDuty,
            _ => {
                return Err(field.invalid(
                    format!("`{}` is not known", text.quotable()),
                    format!(
                        "write one of {}, or leave the key out",
                        PRESETS.map(|word| format!("`{word}`")).join(", ")
                    ),
                ));
            }
        },
    ))
}

/// A secret that is read now or later; then it stands for one that is there.
fn secret(
    section: &Section<'_>,
    key: &str,
    secrets: &mut Secrets<'_>,
) -> Result<Option<Secret>, ConfigError> {
    let Some(way) = secrets::way(section, key)? else {
        return Ok(None);
    };
    match secrets {
        Secrets::Later => {
            secrets::check(&way)?;
            Ok(Some(Secret::new("")))
        }
        Secrets::Now(printed) => {
            let found = secrets::read(&way, key, Form::Line, printed)?;
            Ok(found.map(|found| Secret::new(found.secret.expose().trim())))
        }
    }
}

/// The address. No message quotes it.
fn url(
    section: &Section<'_>,
    allow_insecure_http: bool,
    secrets: &mut Secrets<'_>,
) -> Result<Secret, ConfigError> {
    let hint = "add `url`, `urlFile` or `urlCommand`";
    let missing = || section.missing("url", "it is where the message goes", hint);
    let url = secret(section, "url", secrets)?.ok_or_else(missing)?;
    if matches!(secrets, Secrets::Later) {
        return Ok(url);
    }
    let given = ["url", "urlFile", "urlCommand"];
    let Some(field) = given.into_iter().find_map(|key| section.get(key)) else {
        return Err(missing());
    };
    let example = "write the address as the service gives it, such as https://hooks.example.com/…";
    let parsed = Url::parse(url.expose())
        .map_err(|error| field.invalid(format!("it is not a valid address ({error})"), example))?;
    match parsed.scheme() {
        "https" => {}
        "http" if allow_insecure_http || crate::address::is_loopback(&parsed) => {}
        "http" => {
            return Err(field.invalid(
                "it is plain http to another computer: the address, which is a secret, would be sent unencrypted",
                "use https, or set `allowInsecureHttp: true` beside it if you accept that",
            ));
        }
        _ => return Err(field.invalid("it must begin with https:// or http://", example)),
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(field.invalid(
            "it holds a user name or a password before the host",
            "write an address without them; most services take a token in the path or the query",
        ));
    }
    Ok(url)
}
