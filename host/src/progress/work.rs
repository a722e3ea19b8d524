use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_summary::text;
use forgekeep_terminal_text::{Rate, left, width};
use indicatif::{ProgressBar, ProgressStyle};

use crate::terminal::{bars, stderr_width};

/// How often a bar is brought up to date.
const TICK: Duration = Duration::from_millis(100);

/// Columns that a bar takes, with the space after it and a place for the cursor.
pub(super) const BAR: usize = 22;

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
        bar.set_message(self.message(
            WorkDone::default(),
            Duration::ZERO,
            &Rate::default(),
            room(BAR),
        ));
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
                    bar.set_message(self.message(now, elapsed, &rate, room(BAR)));
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

    fn message(&self, done: WorkDone, elapsed: Duration, rate: &Rate, room: usize) -> String {
        let count = format!("{}/{}", done.number, self.number);
        let (bytes, of_all) = match self.bytes {
            0 => (None, None),
            all => {
                let now = text::bytes(done.bytes.min(all));
                (
                    Some(now.clone()),
                    Some(format!("{now} of {}", text::bytes(all))),
                )
            }
        };
        let rate = rate.per_second();
        let rate = rate.map(|rate| format!("{}/s", text::bytes(rate)));
        let all = [self.number, self.bytes][usize::from(self.bytes > 0)];
        let left = left(elapsed, self.position(done), all);
        let named = format!("{count} {}", self.what);
        let form = |count: &String, bytes: &Option<String>| {
            let facts = [Some(count), bytes.as_ref(), rate.as_ref(), left.as_ref()];
            facts
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        first_fitting(
            [
                form(&named, &of_all),
                form(&count, &of_all),
                form(&count, &bytes),
            ],
            room,
        )
    }
}

/// The first that fits, else the last.
pub(super) fn first_fitting<const N: usize>(forms: [String; N], room: usize) -> String {
    let mut forms = forms.into_iter();
    let mut last = forms.next().unwrap_or_default();
    for form in forms {
        if width(&last) <= room {
            break;
        }
        last = form;
    }
    last
}

/// How much room there is on the terminal beside what takes so much.
pub(super) fn room(taken: usize) -> usize {
    stderr_width().map_or(usize::MAX, |all| all.saturating_sub(taken))
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
        let told = |rate: &mut Rate, seconds: u32, number, bytes| {
            rate.note(second * seconds, bytes);
            let done = WorkDone { number, bytes };
            bar.message(done, second * seconds, rate, 80)
        };
        assert_eq!(
            told(&mut rate, 0, 0, 0),
            "0/4 repositories, 0 B of 4.00 MiB"
        );
        assert_eq!(
            told(&mut rate, 2, 0, 1024 * 1024),
            "0/4 repositories, 1.00 MiB of 4.00 MiB, 512.00 KiB/s"
        );
        assert_eq!(
            told(&mut rate, 4, 2, 2 * 1024 * 1024),
            "2/4 repositories, 2.00 MiB of 4.00 MiB, 512.00 KiB/s, 4 s left"
        );
        let done = WorkDone {
            number: 2,
            bytes: 2 * 1024 * 1024,
        };
        let narrow = |room| bar.message(done, second * 4, &rate, room);
        assert_eq!(
            narrow(50),
            "2/4, 2.00 MiB of 4.00 MiB, 512.00 KiB/s, 4 s left"
        );
        assert_eq!(narrow(40), "2/4, 2.00 MiB, 512.00 KiB/s, 4 s left");
        // What was read twice is not more than there is.
        assert_eq!(
            told(&mut rate, 5, 3, 9 * 1024 * 1024),
            "3/4 repositories, 4.00 MiB of 4.00 MiB, 1.80 MiB/s"
        );
    }
}
