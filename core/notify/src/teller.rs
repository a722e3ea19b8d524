//! All channels, told side by side.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use forgekeep_config::{Channel, ChannelKind, Mail, Notifications, On, Ping, Preset, Webhook};
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_http::{Client, Proxies, Settings};
use forgekeep_untrusted::{Redactor, Secret, Shown};
use jiff::Timestamp;
use url::Url;

use super::deadline::Deadline;
use super::message::{Event, Kept, Message, Told, late, with_late};
use super::ping::{self, Signal};
use super::state::{ChannelState, State};
use super::{mail, preset, sample, template, web};

/// How often it is looked whether time is up.
const GLANCE: Duration = Duration::from_millis(100);

/// How requests are made. There is a bound on all of them besides.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(20);
const CONNECTIONS: usize = 16;

/// Somebody who is told.
struct Recipient {
    channel: Channel,
    /// What it is called in the state: no part of it is a secret.
    id: String,
    /// What it is called in messages.
    shown: String,
}

/// Tells everybody.
pub struct Teller {
    recipients: Vec<Arc<Recipient>>,
    unusable: Vec<Finding>,
    proxies: Result<Proxies, Failure>,
    redactor: Redactor,
}

/// What was begun before a run.
pub struct Started {
    client: Option<Client>,
    answers: Receiver<(usize, Result<Option<usize>, Failure>)>,
    pending: usize,
}

/// What came of a test of a channel.
pub struct Tested {
    /// Its place in the configuration.
    pub key: String,
    /// What it is called; empty where it cannot be used at all.
    pub shown: String,
    /// What came of an ordinary message; of a ping, of a start.
    pub normal: Result<(), Failure>,
    /// What came of the worst.
    pub worst: Result<(), Failure>,
}

impl Tested {
    /// Whether anything failed.
    pub fn has_failed(&self) -> bool {
        self.normal.is_err() || self.worst.is_err()
    }
}

/// One message for a channel.
struct Step {
    message: Message,
    /// What is kept if it cannot be sent.
    keep: Option<Message>,
    /// Whether what could not be sent before is in it.
    has_late: bool,
    /// Whether the channel is to be told once it has passed.
    may_recover: bool,
}

impl Step {
    fn new(message: Message) -> Self {
        let is_kept = matches!(message.event, Event::Failure | Event::Alert);
        Self {
            keep: is_kept.then(|| message.clone()),
            has_late: false,
            may_recover: message.event == Event::Failure,
            message,
        }
    }
}

type Answer = (usize, usize, Result<(), Failure>);

impl Teller {
    /// Everybody in a configuration. The redactor learns of their secrets.
    pub fn new(
        told: &Notifications,
        proxies: Result<Proxies, Failure>,
        redactor: &Redactor,
    ) -> Self {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        let mut recipients = Vec::new();
        for channel in &told.channels {
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
        let unusable = told.unusable.iter().map(|error| Finding {
            key: error.key().unwrap_or_default().into(),
            hint: redactor.clean(error.hint()).into_owned().into(),
            ..Finding::warning(redactor.clean(&error.message()).into_owned())
        });
        Self {
            unusable: unusable.collect(),
            recipients,
            proxies,
            redactor: redactor.clone(),
        }
    }

    /// Whether nobody is told.
    pub fn is_empty(&self) -> bool {
        self.recipients.is_empty() && self.unusable.is_empty()
    }

    /// What is wrong with channels that cannot be used.
    pub fn unusable(&self) -> &[Finding] {
        &self.unusable
    }

    fn client(&self) -> Result<Client, Failure> {
        let settings = Settings {
            connect: CONNECT,
            stall: SILENCE,
            connections: CONNECTIONS,
        };
        self.proxies
            .clone()
            .map(|proxies| Client::behind(proxies, &settings))
    }

    /// Says to pings that a run over all sources begins. It is not waited for.
    pub fn start(&self) -> Started {
        let (give, answers) = channel();
        let mut started = Started {
            client: self.client().ok(),
            answers,
            pending: 0,
        };
        for (index, recipient) in self.recipients.iter().enumerate() {
            let (ChannelKind::Ping(ping), true, Some(client)) = (
                recipient.channel.kind.clone(),
                recipient.channel.on.always,
                started.client.clone(),
            ) else {
                continue;
            };
            let give: Sender<_> = give.clone();
            let work = move || {
                let sent = ping::send(&client, &ping, Signal::Start, None, None);
                // Nobody may be waiting any more.
                let _ = give.send((index, sent));
            };
            if thread::Builder::new().spawn(work).is_ok() {
                started.pending += 1;
            }
        }
        started
    }

    /// Tells everybody what they are to be told of a run, and what could not be told of those before. What
    /// is said of it is for the report; nothing of it is a secret.
    pub fn tell(
        &self,
        told: &Told<'_>,
        local_folder: Option<&Path>,
        started: Option<Started>,
        deadline: &Deadline,
    ) -> Vec<Finding> {
        let mut findings = self.unusable.clone();
        if self.recipients.is_empty() {
            return findings;
        }
        let (mut state, lost) = State::read(local_folder);
        findings.extend(lost);
        let before = state.clone();
        let now = Timestamp::now();
        // Before any other ping: the service takes them in the order in which they come.
        let begun = started
            .map(|started| started.wait(deadline))
            .unwrap_or_default();
        let steps: Vec<Vec<Step>> = self
            .recipients
            .iter()
            .map(|recipient| {
                let state = state.channels.get(&recipient.id);
                self.steps(recipient, told, state.unwrap_or(&ChannelState::default()))
            })
            .collect();
        let limits = begun
            .iter()
            .map(|(index, answer)| (*index, answer.as_ref().ok().copied().flatten()))
            .collect();
        let answers = self.send_all(&steps, &limits, deadline);
        for (index, recipient) in self.recipients.iter().enumerate() {
            let channel = state.channels.entry(recipient.id.clone()).or_default();
            let mut failure = match begun.get(&index) {
                Some(Err(failure)) => Some(failure.clone()),
                _ => None,
            };
            let mut is_kept = false;
            for (number, step) in steps[index].iter().enumerate() {
                match answers.get(&(index, number)) {
                    Some(Ok(())) => delivered(channel, step),
                    Some(Err(why)) => {
                        failure = Some(why.clone());
                        is_kept |= keep(channel, recipient, step, now);
                    }
                    // The one before it failed, and this one is told by the next run.
                    None => is_kept |= keep(channel, recipient, step, now),
                }
            }
            if channel.failing && told.is_over_all() && !told.has_failed() && told.is_good() {
                channel.failing = wants(&recipient.channel.on, Event::Recovery)
                    && steps[index]
                        .iter()
                        .any(|step| step.message.event == Event::Recovery);
            }
            if let Some(failure) = failure {
                findings.push(self.undelivered(recipient, &failure, is_kept));
            }
        }
        state.channels.retain(|id, channel| {
            *channel != ChannelState::default() && self.recipients.iter().any(|r| r.id == *id)
        });
        if state != before
            && let Err(failure) = state.write(local_folder)
        {
            findings.push(Finding {
                hint: failure.hint.clone(),
                ..Finding::warning(format!(
                    "it cannot be kept who was told what: {}",
                    failure.message
                ))
            });
        }
        findings
    }

    fn undelivered(&self, recipient: &Recipient, failure: &Failure, is_kept: bool) -> Finding {
        let next = match is_kept {
            true => "; the next run tells it",
            false => "",
        };
        let clean = |text: String| self.redactor.clean(&text).into_owned();
        Finding {
            key: recipient.channel.key.clone().into(),
            hint: clean(failure.hint.to_string()).into(),
            ..Finding::warning(clean(format!(
                "{} was not told: {}{next}",
                recipient.shown, failure.message
            )))
        }
    }

    /// What a channel is to be told, in order.
    fn steps(&self, recipient: &Recipient, told: &Told<'_>, state: &ChannelState) -> Vec<Step> {
        let on = &recipient.channel.on;
        let message = |event| told.message(event, &self.redactor);
        let is_ping = matches!(recipient.channel.kind, ChannelKind::Ping(_));
        let is_wanted = |event| wants(on, event);
        // Told to those who want everything; it is no failure, and no success.
        let interrupted = !told.has_failed() && !told.is_good();
        let is_told = match interrupted {
            true => on.always && !is_ping,
            false => told.has_failed() && is_wanted(Event::Failure),
        };
        if is_told {
            let own = Step::new(message(Event::Failure));
            return vec![Step {
                message: match is_ping {
                    true => own.message,
                    false => with_late(own.message, &state.unsent),
                },
                has_late: !is_ping && !state.unsent.is_empty(),
                // An interruption is nothing to recover from.
                may_recover: !interrupted,
                keep: own.keep.filter(|_| !is_ping),
            }];
        }
        let mut steps = Vec::new();
        if let Some(late) = late(&state.unsent).filter(|_| !is_ping) {
            steps.push(Step {
                keep: None,
                has_late: true,
                ..Step::new(late)
            });
        }
        if interrupted {
            return steps;
        }
        let had_failed = state.failing || steps.iter().any(|step| step.may_recover);
        let is_good = !told.has_failed();
        let recovers = is_good && had_failed && told.is_over_all();
        let begun = steps.len();
        if recovers && is_wanted(Event::Recovery) && !(is_ping && on.always) {
            steps.push(Step::new(message(Event::Recovery)));
        }
        if told.has_alert() && is_wanted(Event::Alert) && !(is_ping && on.always) {
            steps.push(Step::new(message(Event::Alert)));
        }
        let is_told = steps.len() > begun;
        if is_good && on.always && !is_told && (told.is_over_all() || !is_ping) {
            steps.push(Step::new(message(Event::Success)));
        }
        steps
    }

    /// Sends to each channel its messages one after the other, until one fails or time is up.
    fn send_all(
        &self,
        steps: &[Vec<Step>],
        limits: &BTreeMap<usize, Option<usize>>,
        deadline: &Deadline,
    ) -> BTreeMap<(usize, usize), Result<(), Failure>> {
        let messages: Vec<Vec<Message>> = steps
            .iter()
            .map(|steps| steps.iter().map(|step| step.message.clone()).collect())
            .collect();
        let signals = |_: usize, message: &Message| Signal::of(message.event);
        self.send_messages(&messages, &signals, limits, deadline)
    }

    fn send_messages(
        &self,
        messages: &[Vec<Message>],
        signals: &dyn Fn(usize, &Message) -> Signal,
        limits: &BTreeMap<usize, Option<usize>>,
        deadline: &Deadline,
    ) -> BTreeMap<(usize, usize), Result<(), Failure>> {
        let (give, answers) = channel::<Answer>();
        let client = self.client();
        let mut pending = BTreeMap::new();
        let mut all = BTreeMap::new();
        for (index, (recipient, messages)) in self.recipients.iter().zip(messages).enumerate() {
            if messages.is_empty() {
                continue;
            }
            let signalled = messages.iter().enumerate();
            let signalled: Vec<_> = signalled
                .map(|(number, message)| (signals(number, message), message.clone()))
                .collect();
            let (recipient, client, give) = (Arc::clone(recipient), client.clone(), give.clone());
            let limit = limits.get(&index).copied().flatten();
            let work = move || {
                for (number, (signal, message)) in signalled.into_iter().enumerate() {
                    let sent = send(&recipient.channel.kind, &client, signal, &message, limit);
                    let has_failed = sent.is_err();
                    // Nobody may be waiting any more.
                    if give.send((index, number, sent)).is_err() || has_failed {
                        break;
                    }
                }
            };
            match thread::Builder::new().spawn(work) {
                Ok(_) => drop(pending.insert(index, (0, messages.len()))),
                Err(error) => {
                    let why = format!("it cannot be told beside the others: {error}");
                    all.insert((index, 0), Err(Failure::new(ErrorKind::Machine, why)));
                }
            }
        }
        while !pending.is_empty() && !deadline.is_over() {
            let Ok((index, number, sent)) = answers.recv_timeout(deadline.left().min(GLANCE))
            else {
                continue;
            };
            let is_last = pending
                .get(&index)
                .is_some_and(|(_, of)| number + 1 == *of || sent.is_err());
            match is_last {
                true => drop(pending.remove(&index)),
                false => drop(pending.insert(index, (number + 1, messages[index].len()))),
            }
            all.insert((index, number), sent);
        }
        for (index, (number, _)) in pending {
            let slow = Failure::new(ErrorKind::Network, "it did not answer in time")
                .with_hint("check that the service answers within 30 seconds");
            all.insert((index, number), Err(slow));
        }
        // What is still under way is not waited for.
        if let Ok(client) = client {
            client.shutdown();
        }
        all
    }

    /// Sends each channel an ordinary message and the worst. To a ping it says that a run begins, and then
    /// that it failed: never that it was good.
    pub fn test(&self, cancel: &Cancel) -> Vec<Tested> {
        let no_limits = BTreeMap::new();
        let pass = |message: &Message, signal: Signal| {
            let messages = vec![vec![message.clone()]; self.recipients.len()];
            let deadline = Deadline::for_telling(cancel.clone());
            self.send_messages(&messages, &|_, _| signal, &no_limits, &deadline)
        };
        let mut normal = pass(&sample::normal(), Signal::Start);
        let mut worst = pass(&sample::worst(), Signal::Fail);
        let clean = |text: &str| self.redactor.clean(text).into_owned();
        let cleaned = |answers: &mut BTreeMap<(usize, usize), Result<(), Failure>>, index| {
            let answer = answers.remove(&(index, 0)).unwrap_or(Ok(()));
            answer.map_err(|mut failure| {
                failure.message = clean(&failure.message).into();
                failure.hint = clean(&failure.hint).into();
                failure
            })
        };
        let mut tested: Vec<Tested> = Vec::new();
        for (index, recipient) in self.recipients.iter().enumerate() {
            tested.push(Tested {
                key: recipient.channel.key.clone(),
                shown: recipient.shown.clone(),
                normal: cleaned(&mut normal, index),
                worst: cleaned(&mut worst, index),
            });
        }
        for finding in &self.unusable {
            let failure = Failure::new(ErrorKind::Config, finding.message.clone())
                .with_hint(finding.hint.clone());
            tested.push(Tested {
                key: finding.key.to_string(),
                shown: String::new(),
                normal: Err(failure.clone()),
                worst: Err(failure),
            });
        }
        tested
    }
}

impl Started {
    /// What came of each, by its number. What has no answer yet is given up.
    fn wait(mut self, deadline: &Deadline) -> BTreeMap<usize, Result<Option<usize>, Failure>> {
        let mut all = BTreeMap::new();
        let end = Deadline::within(deadline.left() / 3, Cancel::new());
        while self.pending > 0 && !end.is_over() && !deadline.is_over() {
            if let Ok((index, sent)) = self.answers.recv_timeout(GLANCE.min(end.left())) {
                all.insert(index, sent);
                self.pending -= 1;
            }
        }
        if let Some(client) = &self.client {
            client.shutdown();
        }
        all
    }
}

fn wants(on: &On, event: Event) -> bool {
    on.always
        || match event {
            Event::Failure => on.failure,
            Event::Alert => on.alert,
            Event::Recovery => on.recovery,
            Event::Success => false,
        }
}

fn delivered(channel: &mut ChannelState, step: &Step) {
    if step.has_late {
        channel.unsent.clear();
    }
    if step.may_recover {
        channel.failing = true;
    }
    if step.message.event == Event::Recovery {
        channel.failing = false;
    }
}

/// Keeps what could not be sent, if it is worth that: whether it will be told.
fn keep(channel: &mut ChannelState, recipient: &Recipient, step: &Step, now: Timestamp) -> bool {
    // A ping is about now.
    if matches!(recipient.channel.kind, ChannelKind::Ping(_)) {
        return false;
    }
    if let Some(message) = &step.keep {
        channel.keep(Kept::new(now, message.clone()));
    }
    // What was kept is kept still, and that a failure has passed is told while it is not.
    step.message.event != Event::Success
}

fn send(
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
