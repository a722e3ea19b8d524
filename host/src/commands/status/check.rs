//! `forgekeep status --check`: for a monitor, which is another user on the other side of a disk that may
//! hang, and which reads the first line and the exit code.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_command_line::{Common, StatusArguments};
use forgekeep_documents::StatusUntold;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_status::{Concern, Level, Status};
use forgekeep_summary::text::age;
use forgekeep_untrusted::{Printable, Show as _};

use crate::commands::{offline, print_json};
use crate::exit::{Complaint, Ending};
use crate::terminal::out;

/// What comes from the thread that looks.
enum Found {
    /// Which folder it looks at.
    Folder(PathBuf),
    /// How the backup stands.
    Told(Box<Result<Status, Failure>>),
}

/// Ends with the exit code that monitors expect, whatever is in the way.
pub fn run(common: &Common, arguments: &StatusArguments) -> Result<Ending, Complaint> {
    let within = Duration::from_secs(arguments.timeout.get());
    let folder = arguments.place.folder.clone();
    let config = common.config.clone();
    let told = within_time(within, move |tell| {
        let told = match folder {
            Some(folder) => {
                tell(Found::Folder(folder.clone()));
                Status::read_folder(&folder)
            }
            None => offline::configuration_of(config.as_deref())
                .map_err(|error| untold(ErrorKind::Config, error.message(), error.hint()))
                .and_then(|config| {
                    tell(Found::Folder(config.local_folder.clone()));
                    Status::read(&config)
                }),
        };
        tell(Found::Told(Box::new(told)));
    });
    match told {
        Ok(status) => {
            match arguments.json {
                true => print_json(&status)?,
                false => print(&status),
            }
            Ok(Ending::Monitor(status.level))
        }
        Err(failure) => {
            let concern = Concern {
                hint: failure.hint.clone(),
                ..Concern::new(Level::Unknown, failure.message.clone())
            };
            let level = concern.level;
            match arguments.json {
                true => print_json(&StatusUntold::new(concern, failure))?,
                false => {
                    out!("{}", first_line(level, &concern.message, 0));
                    print_hint(&concern);
                }
            }
            Ok(Ending::Monitor(level))
        }
    }
}

fn untold(kind: ErrorKind, message: impl Into<Printable>, hint: impl Into<Printable>) -> Failure {
    Failure::new(kind, message).with_hint(hint)
}

/// What another thread finds in this time. One that waits for a file system which does not answer is left
/// behind: nothing can wake it.
fn within_time(
    within: Duration,
    look: impl FnOnce(&dyn Fn(Found)) + Send + 'static,
) -> Result<Status, Failure> {
    let deadline = Instant::now() + within;
    let (sender, receiver) = mpsc::channel();
    let spawned = thread::Builder::new().spawn(move || {
        // Whoever has waited long enough is gone.
        look(&|found| drop(sender.send(found)));
    });
    if let Err(error) = spawned {
        let message = format!("no thread can be started: {error}");
        let hint = "check the limits on processes and memory";
        return Err(untold(ErrorKind::Machine, message, hint));
    }
    let mut place = "the configuration".to_owned();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left) {
            Ok(Found::Folder(folder)) => place = folder.shown().to_string(),
            Ok(Found::Told(told)) => return *told,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let seconds = within.as_secs();
                let message = format!("{place} did not answer within {seconds} s");
                let hint = "check whether the disk or the file server answers";
                return Err(untold(ErrorKind::Disk, message, hint));
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(untold(
                    ErrorKind::Other,
                    format!("{place} could not be looked at: the program failed"),
                    "report this, with what is on standard error",
                ));
            }
        }
    }
}

fn print(status: &Status) {
    match status.concerns.first() {
        Some(worst) => {
            let more = status.concerns.len() - 1;
            out!("{}", first_line(status.level, &worst.message, more));
            print_hint(worst);
        }
        None => out!("{}", good_line(status)),
    }
    for concern in status.concerns.iter().skip(1) {
        let level = concern.level.as_str();
        out!("{level}: {}", without_bars(&concern.message));
        print_hint(concern);
    }
    if let Some(run) = &status.under_way {
        out!("run {} is under way", run.run);
    }
}

fn print_hint(concern: &Concern) {
    if !concern.hint.is_empty() {
        out!("  hint: {}", without_bars(&concern.hint));
    }
}

fn first_line(level: Level, message: &str, more: usize) -> String {
    let more = match more {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let level = level.as_str().to_uppercase();
    // One line, whatever a message is made of.
    let message = message.replace('\n', "; ");
    without_bars(&format!("{level}: {message}{more}"))
}

fn good_line(status: &Status) -> String {
    let expected = status.sources.iter().filter(|s| s.max_age.is_some());
    let oldest = expected.clone().filter_map(|s| s.age_seconds).max();
    let oldest = oldest.map(|seconds| format!(", oldest good run {}", age(seconds)));
    let number = forgekeep_summary::text::count(expected.count(), "source", "sources");
    let line = format!("{number} backed up{}", oldest.unwrap_or_default());
    first_line(Level::Ok, &line, 0)
}

/// Monitors take what follows a bar for figures.
fn without_bars(text: &str) -> String {
    text.replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_answer_is_left_behind_and_named() {
        let (release, hang) = mpsc::channel::<()>();
        let begun = Instant::now();
        let told = within_time(Duration::from_millis(50), move |tell| {
            tell(Found::Folder("/mnt/away".into()));
            let _ = hang.recv();
        });
        assert!(begun.elapsed() < Duration::from_secs(20));
        let failure = told.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Disk);
        assert!(failure.message.starts_with("/mnt/away did not answer"));
        drop(release);
        // One that fails is told at once.
        let told = within_time(Duration::from_secs(600), |_| {});
        assert!(told.unwrap_err().message.contains("the program failed"));
    }

    #[test]
    fn the_first_line_is_one_line_without_figures() {
        let line = first_line(Level::Critical, "a|b: x\ny", 2);
        assert_eq!(line, "CRITICAL: a/b: x; y (and 2 more)");
    }
}
