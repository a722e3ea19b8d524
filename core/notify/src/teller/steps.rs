//! What a channel is to be told of a run, and what is remembered of it.

use forgekeep_config::{Channel, ChannelKind, On};
use forgekeep_untrusted::Redactor;
use jiff::Timestamp;

use crate::message::{Event, Kept, Message, Told, late, with_late};
use crate::state::ChannelState;

/// One message for a channel.
pub(super) struct Step {
    pub(super) message: Message,
    /// What is kept if it cannot be sent.
    pub(super) keep: Option<Message>,
    /// Whether what could not be sent before is in it.
    pub(super) has_late: bool,
    /// Whether the channel is to be told once it has passed.
    pub(super) may_recover: bool,
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
    if step.may_recover {
        state.failing = true;
    }
    if step.message.event == Event::Recovery {
        state.failing = false;
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
