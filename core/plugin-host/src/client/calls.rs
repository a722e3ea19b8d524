//! The calls that are under way in a worker's process.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::clock::Clock;
use crate::broken::{FrameFault, Rule};
use crate::frame::Frame;

/// Requests of one call that may wait to be served.
const MOST_WAITING: usize = 64;

/// Bytes of all requests that wait to be served.
const MOST_WAITING_BYTES: usize = 128 << 20;

/// What a call hears of its process.
#[derive(Debug)]
pub(super) enum Event {
    /// Its answer, or what has come of it otherwise.
    Done(Frame),
    /// The plugin broke a rule in it.
    Broke(Rule),
    /// A request of the plugin.
    Ask(Frame),
}

#[derive(Debug)]
struct Open {
    /// `None`: it has heard what came of it, and nothing more is due.
    inbox: Option<Sender<Event>>,
    clock: Clock,
    waiting: usize,
}

/// All calls that are under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: HashMap<u64, Open>,
    next: u64,
    waiting_bytes: usize,
    /// The process has ended, and will answer no more.
    pub(super) is_over: bool,
    /// It has closed its pipe: when it is ended if it does not end by itself.
    pub(super) lingers_until: Option<Instant>,
    /// How many still waited for their answers when the process ended.
    pub(super) at_the_end: usize,
}

impl Calls {
    /// A call begins. `None`: the process has ended.
    pub(super) fn begin(&mut self, time: Duration) -> Option<(u64, Receiver<Event>)> {
        if self.is_over {
            return None;
        }
        let (inbox, receiver) = channel();
        let call = self.next;
        self.next += 1;
        let open = Open {
            inbox: Some(inbox),
            clock: Clock::start(time, Instant::now()),
            waiting: 0,
        };
        self.open.insert(call, open);
        Some((call, receiver))
    }

    /// A call has ended. Whatever comes for it later, nobody waits for.
    pub(super) fn end(&mut self, call: u64) {
        self.open.remove(&call);
    }

    /// The process has ended: all who wait are told.
    pub(super) fn end_all(&mut self) {
        self.is_over = true;
        let waits = |open: &&Open| open.inbox.is_some();
        self.at_the_end = self.open.values().filter(waits).count();
        self.open.clear();
    }

    /// The clock of a call, while it is under way.
    pub(super) fn clock(&mut self, call: u64) -> Option<&mut Clock> {
        self.open.get_mut(&call).map(|open| &mut open.clock)
    }

    /// The call whose time is over first, and when; the whole of its time.
    pub(super) fn first_due(&self) -> Option<(Instant, u64, Duration)> {
        let due = |(call, open): (&u64, &Open)| {
            open.clock.due().map(|due| (due, *call, open.clock.whole))
        };
        self.open.iter().filter_map(due).min()
    }

    /// Hands over what has come for a call: requests as far as they may wait, and one answer, so that
    /// what lies here unread has a limit.
    pub(super) fn hand_over(&mut self, call: u64, event: Event) -> Result<(), FrameFault> {
        let Some(open) = self.open.get_mut(&call) else {
            return Err(FrameFault::Unasked);
        };
        if let Event::Ask(frame) = &event {
            open.waiting += 1;
            self.waiting_bytes += frame.length();
            if open.waiting > MOST_WAITING || self.waiting_bytes > MOST_WAITING_BYTES {
                return Err(FrameFault::Flood);
            }
        }
        let inbox = match event {
            Event::Ask(_) => open.inbox.clone(),
            Event::Done(_) | Event::Broke(_) => open.inbox.take(),
        };
        // Nobody listens any more only if the call has just been given up.
        let _ = inbox.ok_or(FrameFault::Unasked)?.send(event);
        Ok(())
    }

    /// A request is served.
    pub(super) fn served(&mut self, call: u64, bytes: usize) {
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        if let Some(open) = self.open.get_mut(&call) {
            open.waiting = open.waiting.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Kind;

    fn frame(kind: Kind, length: usize) -> Frame {
        Frame {
            kind,
            status: 0,
            call: 0,
            item: 0,
            method: String::new(),
            doc: vec![0; length],
            body: Vec::new(),
        }
    }

    fn ask(length: usize) -> Event {
        Event::Ask(frame(Kind::Ask, length))
    }

    #[test]
    fn a_call_is_answered_once() {
        let answers = || {
            [
                Event::Done(frame(Kind::Answered, 1)),
                Event::Done(frame(Kind::Dropped, 1)),
                Event::Broke(Rule::Request),
            ]
        };
        for answer in answers() {
            let mut calls = Calls::default();
            let (call, inbox) = calls.begin(Duration::from_secs(1)).unwrap();
            calls.hand_over(call, ask(1)).unwrap();
            calls.hand_over(call, answer).unwrap();
            for more in answers().into_iter().chain([ask(1)]) {
                assert_eq!(calls.hand_over(call, more), Err(FrameFault::Unasked));
            }
            assert_eq!(inbox.iter().count(), 2);
            // It waits for nothing any more, and is not to blame for an end.
            calls.begin(Duration::from_secs(1)).unwrap();
            calls.end_all();
            assert_eq!(calls.at_the_end, 1);
        }
    }

    #[test]
    fn only_so_many_requests_wait() {
        let mut calls = Calls::default();
        let (call, _inbox) = calls.begin(Duration::from_secs(1)).unwrap();
        for _ in 0..10 {
            for _ in 0..MOST_WAITING {
                calls.hand_over(call, ask(1)).unwrap();
            }
            (0..MOST_WAITING).for_each(|_| calls.served(call, 1));
        }
        for _ in 0..4 {
            calls.hand_over(call, ask(32 << 20)).unwrap();
        }
        assert_eq!(calls.hand_over(call, ask(1)), Err(FrameFault::Flood));
        (0..4).for_each(|_| calls.served(call, 32 << 20));
        calls.end(call);
        assert_eq!(calls.hand_over(call, ask(1)), Err(FrameFault::Unasked));
        calls.end_all();
        assert!(calls.begin(Duration::ZERO).is_none());
    }
}
