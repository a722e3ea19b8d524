//! What a program costs: time, processor time and memory; and what the server beside it costs.
//!
//! Processor time is user and system time, of a program and of all that it has started and waited for, as
//! `/proc/<pid>/stat` has it in ticks of 10 ms once the program has ended. The kernel adds up in nanoseconds,
//! so the ticks of many short processes add up too. Nothing but Linux tells; elsewhere it is 0.

use std::fs;
use std::ops::Add;
use std::time::Duration;

use crate::backend;
use crate::peak::Peak;
use crate::sandbox::{Invocation, Run};

/// What a run has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// From its start to its end.
    pub time: Duration,
    /// Processor time of the program.
    pub processor: Duration,
    /// Processor time of the `git http-backend`s that answered meanwhile, with what they started. The few
    /// threads of the harness that pass their answers on are not in it.
    pub server: Duration,
    /// Memory of the program itself, without what it started.
    pub peak: Peak,
}

impl Cost {
    /// Runs a program to its end, and sees what it costs. Nothing else may run beside it that this process has
    /// started.
    pub fn of(invocation: Invocation<'_>) -> (Run, Self) {
        backend::wait_until_idle();
        let before = Spent::of("self").children;
        let (run, peak) = Peak::of(invocation);
        backend::wait_until_idle();
        let all = Spent::of("self").children.saturating_sub(before);
        let cost = Self {
            time: run.time,
            processor: run.processor,
            server: all.saturating_sub(run.processor),
            peak,
        };
        (run, cost)
    }
}

/// Processor time of a process.
#[derive(Default)]
struct Spent {
    own: Duration,
    /// Of those that it has waited for, and of theirs.
    children: Duration,
}

impl Spent {
    fn of(process: &str) -> Self {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // proc_pid_stat(5): the name, in parentheses, may hold anything; `utime` is the twelfth field after it.
        let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(4);
        let times: Vec<u64> = ticks.filter_map(|ticks| ticks.parse().ok()).collect();
        match times[..] {
            [user, system, children_user, children_system] => Self {
                own: Duration::from_millis((user + system) * TICK),
                children: Duration::from_millis((children_user + children_system) * TICK),
            },
            _ => Self::default(),
        }
    }
}

/// Milliseconds of a tick: the kernel's `USER_HZ` is 100 on all that Rust compiles for.
const TICK: u64 = 10;

/// Processor time of a child that has ended and was not waited for yet; none while it runs.
#[cfg(target_os = "linux")]
pub(crate) fn of_ended(child: &std::process::Child) -> Option<Duration> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(Pid::from_child(child)), options).ok()??;
    let Spent { own, children } = Spent::of(&child.id().to_string());
    Some(own.add(children))
}

/// Nothing tells it here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn of_ended(_: &std::process::Child) -> Option<Duration> {
    None
}

/// The one in the middle; the upper one of an even number.
pub fn median<T: Ord + Copy>(all: impl IntoIterator<Item = T>) -> T {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort();
    all[all.len() / 2]
}
