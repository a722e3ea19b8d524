//! All channels, told side by side.

mod recipient;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use forgekeep_config::{ChannelKind, Notifications};
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_http::{Client, Proxies, Settings};
use forgekeep_untrusted::Redactor;
use jiff::Timestamp;

use recipient::{Recipient, recipients, send};
use steps::{Step, delivered, keep, steps, wants};

use super::deadline::Deadline;
use super::message::{Event, Message, Told};
use super::ping::Signal;
use super::state::{ChannelState, State, StatePlaces};
use super::{ping, sample};

/// How often it is looked whether time is up.
const GLANCE: Duration = Duration::from_millis(100);

/// How requests are made. There is a bound on all of them besides.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(20);
const CONNECTIONS: usize = 16;

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

type Answer = (usize, usize, Result<(), Failure>);

impl Teller {
    /// Everybody in a configuration. The redactor learns of their secrets.
    pub fn new(
        told: &Notifications,
        proxies: Result<Proxies, Failure>,
        redactor: &Redactor,
    ) -> Self {
        let recipients = recipients(&told.channels, redactor);
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
        places: &StatePlaces,
        started: Option<Started>,
        deadline: &Deadline,
    ) -> Vec<Finding> {
        let mut findings = self.unusable.clone();
        if self.recipients.is_empty() {
            return findings;
        }
        let (mut state, lost) = State::read(places);
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
                steps(
                    &recipient.channel,
                    told,
                    state.unwrap_or(&ChannelState::default()),
                    &self.redactor,
                )
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
                        is_kept |= keep(channel, &recipient.channel, step, now);
                    }
                    // The one before it failed, and this one is told by the next run.
                    None => is_kept |= keep(channel, &recipient.channel, step, now),
                }
            }
            let kind = told.kind();
            let has_passed = told.is_over_all() && !told.has_failed() && told.is_good();
            if channel.is_failing(kind) && has_passed {
                let is_untold = wants(&recipient.channel.on, Event::Recovery)
                    && steps[index]
                        .iter()
                        .any(|step| step.message.event == Event::Recovery);
                channel.set_failing(kind, is_untold);
            }
            if let Some(failure) = failure {
                findings.push(self.undelivered(recipient, &failure, is_kept));
            }
        }
        // Whose one that cannot be used now is nobody knows: it may be another day.
        let is_known =
            |id: &String| !self.unusable.is_empty() || self.recipients.iter().any(|r| r.id == *id);
        state
            .channels
            .retain(|id, channel| *channel != ChannelState::default() && is_known(id));
        if state != before
            && let Err(failure) = state.write(places)
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
