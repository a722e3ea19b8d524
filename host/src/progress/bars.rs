use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forgekeep_engine::event::{Event, Observer};
use forgekeep_mirror::Transfer;
use forgekeep_summary::text;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use parking_lot::{Mutex, MutexGuard};

use super::BARS;
use super::plain::{alert_line, note_line, repository_line};
use crate::terminal;

/// Most repositories shown at the same time; fewer on a terminal with few lines.
const ROWS: usize = 6;

/// Bars on standard error: one for the whole, and a row for each repository that is received.
pub struct Bars {
    all: MultiProgress,
    overall: ProgressBar,
    /// What is under way; only some of it has a row.
    rows: Mutex<Rows>,
    most_rows: usize,
    /// Repositories that are planned so far.
    planned: AtomicU64,
    received: AtomicU64,
}

type Rows = HashMap<(String, String), Option<ProgressBar>>;

impl Bars {
    /// Shows the bars.
    pub fn new() -> Self {
        let all = BARS.get_or_init(MultiProgress::new).clone();
        let overall = all.add(ProgressBar::new_spinner());
        overall.set_message("listing");
        overall.enable_steady_tick(Duration::from_millis(120));
        Self {
            all,
            overall,
            rows: Mutex::new(HashMap::new()),
            most_rows: rows_for(console::Term::stderr().size().0),
            planned: AtomicU64::new(0),
            received: AtomicU64::new(0),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock()
    }

    fn say(&self, line: &str) {
        let _ = self.all.println(terminal::hidden(line));
    }

    fn begin(&self, source: &str, name: &str) {
        let key = (source.to_owned(), name.to_owned());
        self.rows().insert(key, None);
    }

    /// What is only asked whether it has changed gets no row: one that receives something does.
    fn receive(&self, source: &str, name: &str, transfer: Transfer) {
        let mut rows = self.rows();
        let is_room = rows.values().flatten().count() < self.most_rows;
        let Some(row) = rows.get_mut(&(source.to_owned(), name.to_owned())) else {
            return;
        };
        if row.is_none() && is_room {
            let new = self.all.add(ProgressBar::new_spinner());
            new.set_style(style("  {spinner} {wide_msg}"));
            *row = Some(new);
        }
        if let Some(row) = row {
            row.set_message(format!(
                "{name}  {}/{} objects, {}",
                transfer.objects,
                transfer.total_objects,
                text::bytes(transfer.bytes)
            ));
            row.tick();
        }
    }

    /// Whether it was under way: what is left out of the backup is not.
    fn end(&self, source: &str, name: &str) -> bool {
        let row = self.rows().remove(&(source.to_owned(), name.to_owned()));
        let was_under_way = row.is_some();
        if let Some(row) = row.flatten() {
            row.finish_and_clear();
            self.all.remove(&row);
        }
        was_under_way
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
            Event::Warning { finding } => self.say(&text::finding("", finding)),
            Event::Note { source, finding } => {
                if let Some(line) = note_line(source, finding) {
                    self.say(&line);
                }
            }
            Event::Alert {
                source,
                repository,
                message,
                hint,
            } => {
                let line = alert_line(source, *repository, message, hint);
                self.say(&line);
            }
            Event::SourceFailed { source, error } => {
                self.say(&format!("{source}: failed: {}", error.message));
            }
            Event::Planned { repositories, .. } => {
                // It grows: sources are listed while others are backed up.
                let new = *repositories as u64;
                let before = self.planned.fetch_add(new, Ordering::Relaxed);
                self.overall.set_length(before + new);
                if before == 0 {
                    self.overall.set_message("");
                    self.overall.set_style(style(
                        "{bar:20} {pos}/{len} repositories, {rate}, {eta} to go, {prefix}  {wide_msg}",
                    ));
                }
            }
            Event::Waiting { host, seconds, .. } => {
                self.overall
                    .set_message(format!("waiting {seconds:.0} s for {host}"));
            }
            Event::RepositoryStarted { source, name } => self.begin(source, name),
            Event::Receiving {
                source,
                name,
                transfer,
            } => self.receive(source, name, *transfer),
            Event::RepositoryFinished { source, repository } => {
                let was_planned = self.end(source, &repository.name);
                let bytes = repository.bytes_received;
                let received = self.received.fetch_add(bytes, Ordering::Relaxed) + bytes;
                self.overall
                    .set_prefix(format!("{} received", text::bytes(received)));
                self.overall.set_message("");
                self.overall.inc(u64::from(was_planned));
                if repository.error.is_some() {
                    self.say(&repository_line(source, repository));
                }
            }
            Event::Finished { .. } => {
                self.overall.finish_and_clear();
                let _ = self.all.clear();
            }
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        let _ = self.all.clear();
    }
}

/// Rows for repositories on a terminal with this many lines: one line is the overall bar's, and one
/// is left for the cursor.
fn rows_for(lines: u16) -> usize {
    usize::from(lines).saturating_sub(2).clamp(1, ROWS)
}

/// A style from a template of ours.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key(
            "rate",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = write!(out, "{:.1}/s", state.per_sec());
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_leave_room_on_a_small_terminal() {
        assert_eq!([0, 3, 4, 24, 300].map(rows_for), [1, 1, 2, 6, 6]);
    }
}
