//! Processor time: user and system time of a process, and of all that it has started and waited for.
//!
//! `/proc/<pid>/stat` has it in ticks of 10 ms, also of a process that has ended and was not waited for. The
//! kernel adds up in nanoseconds, so the ticks of many short processes add up too. Nothing but Linux tells;
//! elsewhere it is 0.

use std::fs;
use std::time::Duration;

/// Processor time of a process.
#[derive(Default)]
pub(crate) struct Spent {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    own: Duration,
    /// Of those that it has waited for, and of theirs.
    pub(crate) children: Duration,
}

impl Spent {
    /// Of a process by its number, or `self`.
    pub(crate) fn of(process: &str) -> Self {
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
    Some(own + children)
}

/// Nothing tells it here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn of_ended(_: &std::process::Child) -> Option<Duration> {
    None
}
