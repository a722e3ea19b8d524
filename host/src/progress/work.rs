use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_summary::text;
use forgekeep_terminal_text::{Rate, left};
use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::bars;

/// How often a bar is brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// How far work is.
#[derive(Clone, Copy, Debug, Default)]
pub struct WorkDone {
    /// Things that are done.
    pub number: u64,
    /// Bytes that are done; more than there are if something was done twice.
    pub bytes: u64,
}

/// A bar for work whose size is known: so many things of so many bytes.
pub struct WorkBar {
    bar: Option<ProgressBar>,
    what: &'static str,
    number: u64,
    bytes: u64,
}

impl WorkBar {
    pub(super) fn new(is_shown: bool, what: &'static str, number: usize, bytes: u64) -> Self {
        Self {
            bar: is_shown.then(|| bars().add(ProgressBar::no_length())),
            what,
            number: number as u64,
            bytes,
        }
    }

    /// Does the work, and shows meanwhile how far it is.
    pub fn showing<T>(&self, done: impl Fn() -> WorkDone + Send, work: impl FnOnce() -> T) -> T {
        let Some(bar) = &self.bar else {
            return work();
        };
        // Drawn as soon as there is anything to draw: the style comes first.
        bar.set_style(style("{bar:20.cyan} {wide_msg}"));
        bar.set_message(self.message(WorkDone::default(), Duration::ZERO, &Rate::default()));
        bar.set_length(match self.bytes {
            0 => self.number,
            bytes => bytes,
        });
        let begun = Instant::now();
        let (finished, end) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut rate = Rate::default();
                while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    let now = done();
                    let elapsed = begun.elapsed();
                    rate.note(elapsed, now.bytes);
                    bar.set_position(self.position(now));
                    bar.set_message(self.message(now, elapsed, &rate));
                }
            });
            let result = work();
            drop(finished);
            bar.finish_and_clear();
            bars().remove(bar);
            result
        })
    }

    /// By bytes where there are any.
    fn position(&self, done: WorkDone) -> u64 {
        match self.bytes {
            0 => done.number.min(self.number),
            bytes => done.bytes.min(bytes),
        }
    }

    fn message(&self, done: WorkDone, elapsed: Duration, rate: &Rate) -> String {
        let all = [self.number, self.bytes][usize::from(self.bytes > 0)];
        let mut facts = vec![format!("{}/{} {}", done.number, self.number, self.what)];
        if self.bytes > 0 {
            let (now, all) = (done.bytes.min(self.bytes), self.bytes);
            facts.push(format!("{} of {}", text::bytes(now), text::bytes(all)));
        }
        let rate = rate.per_second();
        facts.extend(rate.map(|rate| format!("{}/s", text::bytes(rate))));
        facts.extend(left(elapsed, self.position(done), all));
        facts.join(", ")
    }
}

/// A style from a template of ours.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_time_left_appear_once_they_are_known() {
        let bar = WorkBar::new(false, "repositories", 4, 4 * 1024 * 1024);
        let second = Duration::from_secs(1);
        let mut rate = Rate::default();
        let mut told = |seconds: u32, number, bytes| {
            rate.note(second * seconds, bytes);
            let done = WorkDone { number, bytes };
            bar.message(done, second * seconds, &rate)
        };
        assert_eq!(told(0, 0, 0), "0/4 repositories, 0 B of 4.00 MiB");
        assert_eq!(
            told(2, 0, 1024 * 1024),
            "0/4 repositories, 1.00 MiB of 4.00 MiB, 512.00 KiB/s"
        );
        assert_eq!(
            told(4, 2, 2 * 1024 * 1024),
            "2/4 repositories, 2.00 MiB of 4.00 MiB, 512.00 KiB/s, 4 s left"
        );
        // What was read twice is not more than there is.
        assert_eq!(
            told(5, 3, 9 * 1024 * 1024),
            "3/4 repositories, 4.00 MiB of 4.00 MiB, 1.80 MiB/s"
        );
    }
}
