//! The most memory that a program takes while it runs.
//!
//! That is `VmHWM`, the peak of its resident memory, read from `/proc/<pid>/status` until it ends. Files that
//! are mapped into memory, such as a pack while it is indexed, count as far as they are resident, though the
//! system may take that back at any time. So the peak of anonymous memory, `RssAnon`, is beside it; it is
//! sampled, and may be missed. Nothing but Linux tells either.

use std::fmt;
use std::fs;
use std::thread;
use std::time::Duration;

use crate::sandbox::{Invocation, Run};

/// Peaks, in kB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// Of resident memory.
    pub resident: u64,
    /// Of anonymous memory.
    pub anonymous: u64,
}

impl Peak {
    /// Runs a program to its end, and watches it.
    pub fn of(invocation: Invocation<'_>) -> (Run, Self) {
        let running = invocation.spawn();
        let status = format!("/proc/{}/status", running.pid());
        let watch = thread::spawn(move || {
            let mut peak = Self::default();
            // A process that has ended but was not waited for has no such lines any more.
            while let Some(now) = fs::read_to_string(&status).ok().and_then(|text| {
                peak.anonymous = peak.anonymous.max(field(&text, "RssAnon:")?);
                field(&text, "VmHWM:")
            }) {
                peak.resident = peak.resident.max(now);
                thread::sleep(Duration::from_millis(1));
            }
            peak
        });
        let run = running.wait();
        (run, watch.join().expect("the watcher ends"))
    }
}

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [resident, anonymous] = [self.resident, self.anonymous].map(|kb| kb as f64 / 1024.0);
        f.pad(&format!("{resident:.1} MB ({anonymous:.1} MB)"))
    }
}

/// A figure in kB.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
