//! Somebody who is told, and how that is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use forgekeep_config::{Channel, ChannelKind, Mail, Ping, Preset, Webhook};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::Client;
use forgekeep_untrusted::{Redactor, Secret, Shown};
use url::Url;

use crate::message::Message;
use crate::ping::{self, Signal};
use crate::{mail, preset, template, web};

/// Somebody who is told.
pub(super) struct Recipient {
    pub(super) channel: Channel,
    /// What it is called in the state: no part of it is a secret.
    pub(super) id: String,
    /// What it is called in messages.
    pub(super) shown: String,
}

/// All of a configuration. The redactor learns of their secrets.
pub(super) fn recipients(channels: &[Channel], redactor: &Redactor) -> Vec<Arc<Recipient>> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut recipients = Vec::new();
    for channel in channels {
        for secret in secrets(&channel.kind) {
            redactor.add(&secret);
        }
        let (word, host) = who(&channel.kind);
        let name = format!("{word}:{host}");
        let number = names.entry(name.clone()).or_insert(0);
        *number += 1;
        let id = match *number {
            1 => name,
            number => format!("{name}:{number}"),
        };
        recipients.push(Arc::new(Recipient {
            channel: channel.clone(),
            id,
            shown: match channel.kind {
                ChannelKind::Mail(_) => format!("the mail server {host}"),
                ChannelKind::Webhook(_) => format!("the webhook at {host}"),
                ChannelKind::Ping(_) => format!("the ping at {host}"),
            },
        }));
    }
    recipients
}

/// Tells somebody one message.
pub(super) fn send(
    kind: &ChannelKind,
    client: &Result<Client, Failure>,
    signal: Signal,
    message: &Message,
    limit: Option<usize>,
) -> Result<(), Failure> {
    match kind {
        ChannelKind::Mail(mail) => mail::send(mail, message),
        ChannelKind::Webhook(webhook) => {
            let client = client.as_ref().map_err(Failure::clone)?;
            send_webhook(client, webhook, message)
        }
        ChannelKind::Ping(ping) => {
            let client = client.as_ref().map_err(Failure::clone)?;
            let body = (signal != Signal::Start).then_some(message);
            ping::send(client, ping, signal, body, limit).map(drop)
        }
    }
}

fn send_webhook(client: &Client, webhook: &Webhook, message: &Message) -> Result<(), Failure> {
    let url = Url::parse(webhook.url.expose()).map_err(|error| {
        Failure::new(
            ErrorKind::Config,
            format!("its address is not valid: {error}"),
        )
    })?;
    let (url, body) = match &webhook.template {
        Some(template) => (url, template::render(template, message)?),
        None => {
            let key = webhook.routing_key.as_ref();
            match preset::prepared(webhook.preset, &url, key, message)? {
                Some((url, body)) => (url, body.to_string()),
                None => return Ok(()),
            }
        }
    };
    let insecure = webhook.allow_insecure_http;
    let json = "application/json";
    web::post(client, &url, insecure, json, body.into_bytes()).map(drop)
}

/// All secrets of a channel.
fn secrets(kind: &ChannelKind) -> Vec<Secret> {
    match kind {
        ChannelKind::Mail(Mail { login, .. }) => {
            let password = login.iter().map(|(_, password)| password.clone());
            password.collect()
        }
        ChannelKind::Webhook(Webhook {
            url,
            routing_key,
            preset,
            ..
        }) => {
            let of_url = match (preset, routing_key) {
                // Its own address is everybody's.
                (Some(Preset::PagerDuty), Some(_)) => Vec::new(),
                _ => web::secrets_of(url),
            };
            of_url.into_iter().chain(routing_key.clone()).collect()
        }
        ChannelKind::Ping(Ping { url, .. }) => web::secrets_of(url),
    }
}

/// The word for a kind of channel, and whose it is.
fn who(kind: &ChannelKind) -> (&'static str, String) {
    let host = |url: &Secret| {
        let url = Url::parse(url.expose()).ok();
        let host = url.as_ref().and_then(Url::host_str);
        Shown::of(host.unwrap_or("an address")).to_string()
    };
    match kind {
        ChannelKind::Mail(mail) => ("mail", Shown::of(&mail.server).to_string()),
        ChannelKind::Webhook(webhook) => ("webhook", host(&webhook.url)),
        ChannelKind::Ping(ping) => ("ping", host(&ping.url)),
    }
}
