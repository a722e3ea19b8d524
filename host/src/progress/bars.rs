use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use forgekeep_engine::event::{Event, Observer};
use forgekeep_failure::ErrorKind;
use forgekeep_mirror::Transfer;
use forgekeep_store::report::RepositoryOutcome;
use forgekeep_summary::{alert_line, note_line, repository_line, source_failed, text};
use forgekeep_terminal_text::{Rate, left, shorten, width};
use indicatif::{ProgressBar, ProgressState};
use parking_lot::{Mutex, MutexGuard};

use super::work::{BAR, first_fitting, room, style};
use crate::terminal::{bars, tell};

/// Most repositories shown at the same time; fewer on a terminal with few lines.
const ROWS: usize = 6;

/// What a repository is worth on the bar besides its bytes: to ask for one takes time, too.
const EACH: u64 = 256 * 1024;

/// Bars on standard error: one for the whole, and a row for each repository that is received.
pub struct Bars {
    overall: ProgressBar,
    /// What is under way; only some of it has a row.
    rows: Mutex<Rows>,
    most_rows: usize,
    pace: Arc<Pace>,
}

type Rows = HashMap<(String, String), Row>;

#[derive(Default)]
struct Row {
    bar: Option<ProgressBar>,
    /// What the hoster says it has, if it is new in the backup.
    expected: u64,
    /// What has come of it.
    received: u64,
}

/// How far the run is.
#[derive(Default)]
struct Pace {
    /// Repositories that are planned so far, and those that are done.
    planned: AtomicU64,
    done: AtomicU64,
    /// Bytes that came.
    received: AtomicU64,
    /// Of what there is to do and of what is done, each repository and each byte that is expected counts.
    to_do: AtomicU64,
    gone_through: AtomicU64,
    clock: Mutex<Option<Clock>>,
}

struct Clock {
    begun: Instant,
    rate: Rate,
}

impl Pace {
    /// What is said beside the bar, as it is now.
    fn text(&self) -> String {
        let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let received = number(&self.received);
        let (mut rate, mut time) = (String::new(), String::new());
        if let Some(clock) = &mut *self.clock.lock() {
            let elapsed = clock.begun.elapsed();
            clock.rate.note(elapsed, received);
            if let Some(speed) = clock.rate.per_second() {
                rate = format!(", {}/s", text::bytes(speed));
            }
            let known = left(elapsed, number(&self.gone_through), number(&self.to_do));
            time = known.map_or_else(String::new, |time| format!(", {time}"));
        }
        let count = format!("{}/{}", number(&self.done), number(&self.planned));
        let bytes = text::bytes(received);
        first_fitting(
            [
                format!("{count} repositories, {bytes} received{rate}{time}"),
                format!("{count}, {bytes} received{rate}{time}"),
                format!("{count}, {bytes}{rate}{time}"),
                format!("{count}{time}"),
            ],
            room(BAR),
        )
    }
}

impl Bars {
    /// Shows the bars.
    pub fn new() -> Self {
        let overall = bars().add(ProgressBar::new_spinner());
        overall.set_message("listing");
        overall.enable_steady_tick(Duration::from_millis(120));
        Self {
            overall,
            rows: Mutex::default(),
            most_rows: rows_for(console::Term::stderr().size().0),
            pace: Arc::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock()
    }

    fn planned(&self, repositories: usize, new_bytes: u64) {
        // It grows: sources are listed while others are backed up.
        let new = repositories as u64;
        let before = self.pace.planned.fetch_add(new, Ordering::Relaxed);
        let worth = new.saturating_mul(EACH).saturating_add(new_bytes);
        let to_do = self.pace.to_do.fetch_add(worth, Ordering::Relaxed);
        self.overall.set_length(to_do.saturating_add(worth));
        if before > 0 {
            return;
        }
        *self.pace.clock.lock() = Some(Clock {
            begun: Instant::now(),
            rate: Rate::default(),
        });
        let pace = self.pace.clone();
        self.overall.set_message("");
        self.overall
            .set_style(style("{bar:20.cyan} {pace}  {wide_msg}").with_key(
                "pace",
                move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = out.write_str(&pace.text());
                },
            ));
    }

    fn begin(&self, source: &str, name: &str, expected: Option<u64>) {
        let key = (source.to_owned(), name.to_owned());
        let row = Row {
            expected: expected.unwrap_or(0),
            ..Row::default()
        };
        self.rows().insert(key, row);
    }

    /// What is only asked whether it has changed gets no row: one that receives something does.
    fn receive(&self, source: &str, name: &str, transfer: Transfer) {
        let mut rows = self.rows();
        let is_room = rows.values().filter(|row| row.bar.is_some()).count() < self.most_rows;
        let Some(row) = rows.get_mut(&(source.to_owned(), name.to_owned())) else {
            return;
        };
        self.count(row, transfer.bytes);
        if row.bar.is_none() && is_room {
            let new = bars().add(ProgressBar::new_spinner());
            new.set_style(style("  {spinner} {wide_msg}"));
            row.bar = Some(new);
        }
        if let Some(bar) = &row.bar {
            let how_far = format!(
                "  {}/{} objects, {}",
                transfer.objects,
                transfer.total_objects,
                text::bytes(transfer.bytes)
            );
            bar.set_message(format!("{}{how_far}", fitting(name, &how_far)));
            bar.tick();
        }
    }

    /// So much of it has come; a download that began anew has less than before.
    fn count(&self, row: &mut Row, received: u64) {
        let more = received.saturating_sub(row.received);
        let counted = |bytes: u64| bytes.min(row.expected);
        let further = counted(received).saturating_sub(counted(row.received));
        self.pace.received.fetch_add(more, Ordering::Relaxed);
        self.advance(further);
        row.received = row.received.max(received);
    }

    fn advance(&self, by: u64) {
        self.pace.gone_through.fetch_add(by, Ordering::Relaxed);
        self.overall.inc(by);
    }

    /// What is left out of the backup was not under way.
    fn end(&self, source: &str, name: &str, received: u64) {
        let row = self.rows().remove(&(source.to_owned(), name.to_owned()));
        let Some(mut row) = row else {
            return;
        };
        self.count(&mut row, received);
        self.advance(EACH + row.expected.saturating_sub(row.received));
        self.pace.done.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = row.bar {
            bar.finish_and_clear();
            bars().remove(&bar);
        }
    }
}

impl Observer for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::PageListed {
                source,
                listed,
                total,
            } => {
                let of = total.map_or_else(String::new, |total| format!(" of {total}"));
                self.overall
                    .set_message(format!("listing {source}: {listed}{of}"));
            }
            Event::Warning { finding } => tell!("{}", text::finding("", finding)),
            Event::Note { source, finding } => {
                if let Some(line) = note_line(source, finding) {
                    tell!("{line}");
                }
            }
            Event::Alert {
                source,
                repository,
                message,
                hint,
            } => tell!("{}", alert_line(source, *repository, message, hint)),
            // An interruption is told once.
            Event::SourceFailed { source, error } if error.kind != ErrorKind::Cancelled => {
                tell!("{}", source_failed(source, &error.message));
            }
            Event::Planned {
                repositories,
                new_bytes,
                ..
            } => self.planned(*repositories, *new_bytes),
            Event::Waiting { host, seconds, .. } => {
                self.overall
                    .set_message(format!("waiting {seconds:.0} s for {host}"));
            }
            Event::RepositoryStarted {
                source,
                name,
                bytes,
            } => self.begin(source, name, *bytes),
            Event::Receiving {
                source,
                name,
                transfer,
            } => self.receive(source, name, *transfer),
            Event::RepositoryFinished { source, repository } => {
                self.end(source, &repository.name, repository.bytes_received);
                self.overall.set_message("");
                if [RepositoryOutcome::Failed, RepositoryOutcome::Partial]
                    .contains(&repository.outcome)
                {
                    tell!("{}", repository_line(source, repository));
                }
            }
            Event::Finished { .. } => {
                self.overall.finish_and_clear();
                let _ = bars().clear();
            }
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = bars().clear();
    }
}

/// A name, shortened if the terminal has no room for it before what follows.
fn fitting<'n>(name: &'n str, what_follows: &str) -> std::borrow::Cow<'n, str> {
    // A spinner with its spaces, and a place for the cursor.
    let taken = 5 + width(what_follows);
    shorten(name, room(taken).max(8))
}

/// Rows for repositories on a terminal with this many lines: one line is the overall bar's, and one
/// is left for the cursor.
fn rows_for(lines: u16) -> usize {
    usize::from(lines).saturating_sub(2).clamp(1, ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_leave_room_on_a_small_terminal() {
        assert_eq!([0, 3, 4, 24, 300].map(rows_for), [1, 1, 2, 6, 6]);
    }
}
