//! What a program costs: time, processor time and memory; and what the server beside it costs.

use std::time::Duration;

use crate::backend;
use crate::peak::Peak;
use crate::processor::Spent;
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

/// The one in the middle; the upper one of an even number.
pub fn median<T: Ord + Copy>(all: impl IntoIterator<Item = T>) -> T {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort();
    all[all.len() / 2]
}
