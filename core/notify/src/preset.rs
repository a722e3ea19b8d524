//! What services take: JSON, made from values, and as long as each bears.

use forgekeep_config::Preset;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Secret;
use serde_json::{Value, json};
use url::Url;

use super::cut;
use super::message::{Event, Message, RunKind, host};

/// Characters of a message in Discord.
const DISCORD: usize = 2000;

/// Bytes of a message in ntfy.
const NTFY: usize = 4096;

/// Characters of a message in Slack; longer ones are split.
const SLACK: usize = 4000;

/// Bytes of a message in Teams, of which there may be 28 KiB with all round it.
const TEAMS: usize = 12 * 1024;

/// Lines of a message in Teams: each is a block of its own.
const TEAMS_LINES: usize = 60;

/// Characters of a summary in PagerDuty.
const PAGERDUTY_SUMMARY: usize = 1024;

/// Bytes of what others take, which name no limit that would matter.
const OTHERS: usize = 32 * 1024;

/// Names of what failed, where they stand beside the text.
const NAMES: usize = 100;

/// Where to send what; nothing where the service has no use for the message.
pub(super) type Prepared = Option<(Url, Value)>;

/// A message for a service.
///
/// # Errors
///
/// The address cannot be one of the service.
pub(super) fn prepared(
    preset: Option<Preset>,
    url: &Url,
    routing_key: Option<&Secret>,
    message: &Message,
) -> Result<Prepared, Failure> {
    let here = |body: Value| Ok(Some((url.clone(), body)));
    match preset {
        None => here(json!({
            "event": message.event,
            "title": message.title,
            "text": message.text,
            "outcome": message.outcome,
            "exitCode": message.exit_code,
            "failed": message.failed,
        })),
        Some(Preset::Slack) => here(slack(message)),
        Some(Preset::Teams) => here(teams(message)),
        Some(Preset::Discord) => here(discord(message)),
        Some(Preset::Ntfy) => ntfy(url, message).map(Some),
        Some(Preset::Gotify) => here(json!({
            "title": message.title,
            "message": cut::bytes(&message.text, OTHERS),
            "priority": match message.event {
                Event::Failure => 8,
                Event::Alert => 6,
                Event::Recovery | Event::Success => 3,
            },
        })),
        Some(Preset::Apprise) => here(json!({
            "title": message.title,
            "body": cut::bytes(&message.text, OTHERS),
            "type": match message.event {
                Event::Failure => "failure",
                Event::Alert => "warning",
                Event::Recovery | Event::Success => "success",
            },
            "format": "text",
        })),
        Some(Preset::PagerDuty) => Ok(Some((url.clone(), pagerduty(routing_key, message)))),
    }
}

/// Slack reads three characters as markup of its own (`<!channel>`, `<https://…|…>`), and nothing in a
/// block of plain text but those.
fn slack(message: &Message) -> Value {
    let escaped = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    };
    // A block of code, which nothing in it may end.
    let text = message.text.replace("```", "'''");
    let title = escaped(&message.title);
    let room = SLACK.saturating_sub(title.len() + 20);
    // What is escaped is longer, and is cut before: never within an escape.
    let mut most = room;
    let text = loop {
        let text = escaped(&cut::characters(&text, most));
        if text.encode_utf16().count() <= room || most == 0 {
            break text;
        }
        most = most * 3 / 4;
    };
    json!({ "text": format!("*{title}*\n```{text}```") })
}

/// An adaptive card, as a workflow takes it. Runs of text are no Markdown: a name of a repository makes no
/// link.
fn teams(message: &Message) -> Value {
    let mut body = vec![json!({
        "type": "RichTextBlock",
        "inlines": [{ "type": "TextRun", "text": message.title, "weight": "Bolder", "size": "Medium" }],
    })];
    let text = cut::bytes(&message.text, TEAMS);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for line in lines.iter().take(TEAMS_LINES) {
        body.push(json!({
            "type": "RichTextBlock",
            "spacing": "None",
            "inlines": [{ "type": "TextRun", "text": line }],
        }));
    }
    if lines.len() > TEAMS_LINES {
        body.push(json!({
            "type": "RichTextBlock",
            "inlines": [{ "type": "TextRun", "text": "… (cut; see the report)" }],
        }));
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    })
}

/// Nobody is mentioned, whatever the text says.
fn discord(message: &Message) -> Value {
    // Markdown of the title shall not be any.
    let title: String = message
        .title
        .chars()
        .flat_map(|c| match c {
            '*' | '_' | '`' | '~' | '|' | '\\' | '>' | '[' | ']' | '#' => vec!['\\', c],
            c => vec![c],
        })
        .collect();
    let title = cut::line(&title, 300);
    let used = title.encode_utf16().count() + 16;
    let text = message.text.replace("```", "'''");
    let text = cut::characters(&text, DISCORD - used);
    json!({
        "content": format!("**{title}**\n```\n{text}\n```"),
        "allowed_mentions": { "parse": [] },
    })
}

/// ntfy takes JSON at its root, with the topic in it: titles in a header would have to be ASCII.
fn ntfy(url: &Url, message: &Message) -> Result<(Url, Value), Failure> {
    let path = url.path().trim_end_matches('/');
    let (base, topic) = path.rsplit_once('/').unwrap_or(("", path));
    if topic.is_empty() {
        return Err(
            Failure::new(ErrorKind::Config, "its address names no topic of ntfy").with_hint(
                "write the address with the topic, such as https://ntfy.example.com/topic",
            ),
        );
    }
    let topic = topic.to_owned();
    let mut root = url.clone();
    root.set_path(&format!("{base}/"));
    let (priority, tag) = match message.event {
        Event::Failure => (4, "rotating_light"),
        Event::Alert => (4, "warning"),
        Event::Recovery | Event::Success => (3, "white_check_mark"),
    };
    let body = json!({
        "topic": topic,
        "title": cut::line(&message.title, 200),
        "message": cut::bytes(&message.text, NTFY),
        "priority": priority,
        "tags": [tag],
    });
    Ok((root, body))
}

/// One incident for each machine and kind of run, and another one for alerts, which nothing resolves by itself.
fn pagerduty(routing_key: Option<&Secret>, message: &Message) -> Value {
    let host = host();
    // What a good backup resolves is not what a verification has found.
    let of = match message.kind {
        RunKind::Backup => format!("forgekeep:{host}"),
        kind => format!("forgekeep:{host}:{}", kind.as_str()),
    };
    let (action, severity, key) = match message.event {
        Event::Failure => ("trigger", "critical", of),
        Event::Alert => ("trigger", "warning", format!("{of}:alert")),
        Event::Recovery | Event::Success => ("resolve", "info", of),
    };
    let failed: Vec<_> = message.failed.iter().take(NAMES).collect();
    json!({
        "routing_key": routing_key.map(Secret::expose),
        "event_action": action,
        "dedup_key": key,
        "client": "Forgekeep",
        "payload": {
            "summary": cut::line(&message.title, PAGERDUTY_SUMMARY),
            "source": host,
            "severity": severity,
            "component": message.kind.as_str(),
            "custom_details": {
                "text": cut::bytes(&message.text, OTHERS),
                "outcome": message.outcome,
                "exitCode": message.exit_code,
                "failed": failed,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const ALL: [Option<Preset>; 8] = [
        None,
        Some(Preset::Slack),
        Some(Preset::Teams),
        Some(Preset::Discord),
        Some(Preset::Ntfy),
        Some(Preset::Gotify),
        Some(Preset::Apprise),
        Some(Preset::PagerDuty),
    ];

    fn of(preset: Option<Preset>, message: &Message) -> (Url, Value) {
        let url = Url::parse("https://x.example/a/topic?auth=1").unwrap();
        let key = Secret::new("key");
        prepared(preset, &url, Some(&key), message)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn the_worst_message_keeps_to_what_each_service_takes() {
        let worst = sample::worst();
        for preset in ALL {
            let (_, body) = of(preset, &worst);
            let text = body.to_string();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), body);
        }
        let (_, discord) = of(Some(Preset::Discord), &worst);
        let content = discord["content"].as_str().unwrap();
        assert!(content.encode_utf16().count() <= 2000);
        assert_eq!(content.matches("```").count(), 2);
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
        let (url, ntfy) = of(Some(Preset::Ntfy), &worst);
        assert!(ntfy["message"].as_str().unwrap().len() <= 4096);
        assert_eq!(ntfy["topic"], "topic");
        assert_eq!(url.as_str(), "https://x.example/a/?auth=1");
        let (_, teams) = of(Some(Preset::Teams), &worst);
        assert!(
            teams.to_string().len() <= 28 * 1024,
            "{}",
            teams.to_string().len()
        );
        assert_eq!(teams["type"], "message");
        let (_, slack) = of(Some(Preset::Slack), &worst);
        let text = slack["text"].as_str().unwrap();
        assert!(text.encode_utf16().count() <= 4000);
        assert!(!text.contains("<!here>"));
    }

    #[test]
    fn an_incident_is_resolved_by_the_key_that_it_was_made_with() {
        let failure = sample::normal();
        let recovery = Message {
            event: Event::Recovery,
            ..failure.clone()
        };
        let (_, made) = of(Some(Preset::PagerDuty), &failure);
        let (_, resolved) = of(Some(Preset::PagerDuty), &recovery);
        assert_eq!(made["event_action"], "trigger");
        assert_eq!(resolved["event_action"], "resolve");
        assert_eq!(made["dedup_key"], resolved["dedup_key"]);
        assert_eq!(made["routing_key"], "key");
    }

    #[test]
    fn json_of_our_own_has_what_the_manual_says() {
        let (_, body) = of(None, &sample::normal());
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        let mut names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["event", "exitCode", "failed", "outcome", "text", "title"]
        );
        assert_eq!(body["event"], "failure");
    }
}
