//! What a channel is to be told of a run, and what is remembered of it.

use std::collections::BTreeSet;

use forgekeep_config::{Channel, ChannelKind, On};
use forgekeep_untrusted::Redactor;
use jiff::Timestamp;

use crate::message::{Event, Kept, Message, RunKind, Told, late, with_late};
use crate::state::ChannelState;

/// One message for a channel.
pub(super) struct Step {
    pub(super) message: Message,
    /// What is kept if it cannot be sent.
    pub(super) keep: Option<Message>,
    /// Whether what could not be sent before is in it.
    pub(super) has_late: bool,
    /// Of what the channel is to be told once it has passed.
    pub(super) fails: BTreeSet<RunKind>,
}

impl Step {
    fn new(message: Message) -> Self {
        let is_kept = matches!(message.event, Event::Failure | Event::Alert);
        Self {
            keep: is_kept.then(|| message.clone()),
            has_late: false,
            fails: fails(&message).collect(),
            message,
        }
    }
}

fn fails(message: &Message) -> impl Iterator<Item = RunKind> + use<> {
    (message.event == Event::Failure)
        .then_some(message.kind)
        .into_iter()
}

/// What could not be told before of failures.
fn late_failures(kept: &[Kept]) -> impl Iterator<Item = RunKind> {
    let failures = kept
        .iter()
        .filter(|kept| kept.message.event == Event::Failure);
    failures.map(|kept| kept.kind)
}

/// What a channel is to be told, in order.
pub(super) fn steps(
    channel: &Channel,
    told: &Told<'_>,
    state: &ChannelState,
    redactor: &Redactor,
) -> Vec<Step> {
    let on = &channel.on;
    let message = |event| told.message(event, redactor);
    let is_ping = matches!(channel.kind, ChannelKind::Ping(_));
    let is_wanted = |event| wants(on, event);
    // Told to those who want everything; it is no failure, and no success.
    let interrupted = !told.has_failed() && !told.is_good();
    let is_told = match interrupted {
        true => on.always && !is_ping && told.kind() == RunKind::Backup,
        false => told.has_failed() && is_wanted(Event::Failure),
    };
    if is_told {
        let own = Step::new(message(Event::Failure));
        let late: &[Kept] = if is_ping { &[] } else { &state.unsent };
        // An interruption is nothing to recover from.
        let fails = own.fails.into_iter().filter(|_| !interrupted);
        return vec![Step {
            fails: fails.chain(late_failures(late)).collect(),
            message: with_late(own.message, late),
            has_late: !late.is_empty(),
            keep: own.keep.filter(|_| !is_ping),
        }];
    }
    let mut steps = Vec::new();
    if let Some(late) = late(&state.unsent).filter(|_| !is_ping) {
        steps.push(Step {
            keep: None,
            has_late: true,
            fails: late_failures(&state.unsent).collect(),
            ..Step::new(late)
        });
    }
    if interrupted {
        return steps;
    }
    let kind = told.kind();
    let had_failed = state.is_failing(kind) || steps.iter().any(|step| step.fails.contains(&kind));
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
    // That a backup is there each day is told to those who want everything; the rest is not news.
    if kind == RunKind::Backup
        && is_good
        && on.always
        && !is_told
        && (told.is_over_all() || !is_ping)
    {
        steps.push(Step::new(message(Event::Success)));
    }
    steps
}

pub(super) fn wants(on: &On, event: Event) -> bool {
    on.always
        || match event {
            Event::Failure => on.failure,
            Event::Alert => on.alert,
            Event::Recovery => on.recovery,
            Event::Success => false,
        }
}

pub(super) fn delivered(state: &mut ChannelState, step: &Step) {
    if step.has_late {
        state.unsent.clear();
    }
    for kind in &step.fails {
        state.set_failing(*kind, true);
    }
    if step.message.event == Event::Recovery {
        state.set_failing(step.message.kind, false);
    }
}

/// Keeps what could not be sent, if it is worth that: whether it will be told.
pub(super) fn keep(
    state: &mut ChannelState,
    channel: &Channel,
    step: &Step,
    now: Timestamp,
) -> bool {
    // A ping is about now.
    if matches!(channel.kind, ChannelKind::Ping(_)) {
        return false;
    }
    if let Some(message) = &step.keep {
        state.keep(Kept::new(now, message.clone()));
    }
    // What was kept is kept still, and that a failure has passed is told while it is not.
    step.message.event != Event::Success
}

#[cfg(test)]
mod tests {
    use super::*;
    use forgekeep_config::{Mail, MailSecurity, Ping};
    use forgekeep_failure::{ErrorKind, ExitCode, Failure};
    use forgekeep_store::report::Report;
    use forgekeep_untrusted::Secret;

    const USUAL: On = On {
        failure: true,
        alert: true,
        recovery: true,
        always: false,
    };
    const ALWAYS: On = On {
        failure: false,
        alert: false,
        recovery: false,
        always: true,
    };

    fn mail(on: On) -> Channel {
        Channel {
            key: String::new(),
            on,
            kind: ChannelKind::Mail(Mail {
                server: String::new(),
                port: 25,
                security: MailSecurity::None,
                ca: None,
                from: String::new(),
                to: Vec::new(),
                login: None,
            }),
        }
    }

    fn ping(on: On) -> Channel {
        Channel {
            kind: ChannelKind::Ping(Ping {
                url: Secret::new(""),
                allow_insecure_http: false,
            }),
            ..mail(on)
        }
    }

    fn good() -> Report {
        Report::conclude(Timestamp::now(), false, Vec::new())
    }

    fn bad() -> Report {
        let failure = Failure::new(ErrorKind::Other, "broken");
        Report::refused(Timestamp::now(), ExitCode::Unexpected, failure)
    }

    fn interrupted() -> Report {
        Report::conclude(Timestamp::now(), true, Vec::new())
    }

    /// What a channel is told of a run, in the words of events.
    fn told(channel: &Channel, report: &Report, state: &ChannelState, all: bool) -> Vec<String> {
        let redactor = Redactor::default();
        let told = Told::new(report, "", &redactor).over_all_sources(all);
        let steps = steps(channel, &told, state, &redactor);
        let late = |step: &Step| if step.has_late { "late " } else { "" };
        let words = steps
            .iter()
            .map(|step| format!("{}{}", late(step), step.message.event.as_str()));
        words.collect()
    }

    #[test]
    fn each_channel_is_told_what_it_is_to_be_told() {
        let none = ChannelState::default();
        let failing = ChannelState {
            failing: true,
            ..none.clone()
        };
        let redactor = Redactor::default();
        let report = bad();
        let message = Told::new(&report, "", &redactor).message(Event::Failure, &redactor);
        let unsent = ChannelState {
            unsent: vec![Kept::new(Timestamp::now(), message)],
            ..none.clone()
        };
        let only_failure = On {
            alert: false,
            recovery: false,
            ..USUAL
        };
        let (usual, always, pings) = (mail(USUAL), mail(ALWAYS), ping(ALWAYS));
        let (few, failing_pings) = (mail(only_failure), ping(only_failure));
        let cases: [(&Channel, Report, &ChannelState, bool, &[&str]); 19] = [
            (&usual, good(), &none, true, &[]),
            (&usual, bad(), &none, true, &["failure"]),
            (&usual, bad(), &failing, true, &["failure"]),
            (&usual, good(), &failing, true, &["recovery"]),
            (&usual, good(), &failing, false, &[]),
            (&usual, interrupted(), &failing, true, &[]),
            (&usual, bad(), &unsent, true, &["late failure"]),
            (&usual, good(), &unsent, true, &["late failure", "recovery"]),
            (&usual, good(), &unsent, false, &["late failure"]),
            (&usual, interrupted(), &unsent, true, &["late failure"]),
            (&few, good(), &failing, true, &[]),
            (&few, good(), &unsent, true, &["late failure"]),
            (&always, good(), &none, true, &["success"]),
            (&always, good(), &failing, true, &["recovery"]),
            (&always, interrupted(), &none, true, &["failure"]),
            (&pings, good(), &failing, true, &["success"]),
            (&pings, good(), &none, false, &[]),
            (&pings, interrupted(), &none, true, &[]),
            (&failing_pings, good(), &failing, true, &[]),
        ];
        for (number, (channel, report, state, all, wanted)) in cases.iter().enumerate() {
            assert_eq!(told(channel, report, state, *all), *wanted, "{number}");
        }
    }

    #[test]
    fn what_a_verification_found_passes_by_a_good_one_and_by_no_backup() {
        let redactor = Redactor::default();
        let (usual, always) = (mail(USUAL), mail(ALWAYS));
        let words = |channel: &Channel, report: &Report, kind, state: &ChannelState, all| {
            let told = Told::new(report, "", &redactor);
            let told = match kind {
                RunKind::Backup => told,
                kind => told.of_check(kind, Vec::new()),
            };
            let steps = steps(channel, &told.over_all_sources(all), state, &redactor);
            let mut state = state.clone();
            steps.iter().for_each(|step| delivered(&mut state, step));
            let words = steps.iter().map(|step| step.message.event.as_str());
            (words.collect::<Vec<_>>(), state)
        };
        let none = ChannelState::default();
        let (told, damaged) = words(&usual, &bad(), RunKind::Verify, &none, false);
        assert_eq!(told, ["failure"]);
        for (kind, all, wanted) in [
            (RunKind::Backup, true, &[][..]),
            (RunKind::Drill, true, &[]),
            (RunKind::Verify, false, &[]),
            (RunKind::Verify, true, &["recovery"]),
        ] {
            let (told, _) = words(&usual, &good(), kind, &damaged, all);
            assert_eq!(told, wanted, "{kind:?} {all}");
        }
        let (told, _) = words(&always, &good(), RunKind::Verify, &none, true);
        assert_eq!(told, [""; 0]);
        let (told, _) = words(&always, &interrupted(), RunKind::Verify, &none, true);
        assert_eq!(told, [""; 0]);
        // What could not be sent then is told late, and stays what it was.
        let report = bad();
        let told = Told::new(&report, "", &redactor).of_check(RunKind::Drill, Vec::new());
        let message = told.message(Event::Failure, &redactor);
        let unsent = ChannelState {
            unsent: vec![Kept::new(Timestamp::now(), message)],
            ..none
        };
        let (told, state) = words(&usual, &good(), RunKind::Backup, &unsent, true);
        assert_eq!(told, ["failure"]);
        assert!(state.is_failing(RunKind::Drill) && !state.failing);
    }

    #[test]
    fn an_interruption_is_nothing_to_recover_from() {
        let redactor = Redactor::default();
        let report = interrupted();
        let told = Told::new(&report, "", &redactor);
        let steps = steps(&mail(ALWAYS), &told, &ChannelState::default(), &redactor);
        let mut state = ChannelState::default();
        delivered(&mut state, &steps[0]);
        assert!(!state.failing);
    }
}
