//! How bad it is: what somebody has to see to, in the order in which a monitor asks.

use forgekeep_config::EXPIRY_DAYS;
use forgekeep_durable::space::Room;
use forgekeep_failure::ErrorKind;
use forgekeep_store::report::{RepositoryOutcome, RunOutcome, SourceOutcome};
use forgekeep_untrusted::{Printable, Show as _};
use jiff::Timestamp;

use crate::concern::{Concern, Level};
use crate::model::{KeptError, RepositoryStatus, SourceStatus, Status, UnreadableKind};

/// Repositories that a message names.
const NAMED: usize = 5;

/// How far ahead another machine's clock may be, in seconds.
const CLOCKS_DIFFER: i64 = 3600;

/// What has to be free, at least.
const LEAST_BYTES: u64 = 1024 * 1024 * 1024;

/// What has to be free, as a part of the backup: one in so many bytes.
const PART_OF_BACKUP: u64 = 20;

/// Days for which there has to be room.
const DAYS_OF_ROOM: u64 = 30;

/// How many files more it has to be possible to make, at least.
const LEAST_FILES: u64 = 10_000;

/// All there are, the worst first. What was never verified is none.
pub(super) fn concerns(status: &Status) -> Vec<Concern> {
    let mut all = Vec::new();
    of_files(status, &mut all);
    // What the last reports say is not known where one may not be read: nothing can be missed then.
    let mut refused = status.unreadable.iter();
    let missing = match refused.any(|file| file.kind == UnreadableKind::Refused) {
        true => Level::Unknown,
        false => Level::Critical,
    };
    if let Some(failure) = &status.no_backup {
        let concern = Concern::new(missing, failure.message.clone());
        all.push(concern.hint(failure.hint.clone()));
    }
    of_last_run(status, &mut all);
    for source in status.sources.iter().filter(|s| s.max_age.is_some()) {
        of_source(source, status.now, missing, &mut all);
    }
    for source in &status.sources {
        of_repositories(source, &mut all);
    }
    of_space(status, &mut all);
    // In the order in which they were found, those of one level.
    all.sort_by_key(|concern| std::cmp::Reverse(concern.level));
    all
}

fn of_last_run(status: &Status, all: &mut Vec<Concern>) {
    if let Some(died) = status.died.first() {
        let message = match status.died.len() {
            1 => format!("run {} ended without a report", died.run),
            number => format!(
                "{number} runs ended without a report, the last is {}",
                died.run
            ),
        };
        let hint = "see the system log of that time, then run `forgekeep backup` again";
        all.push(Concern::new(Level::Warning, message).hint(hint));
    }
    let Some(run) = &status.last_run else {
        return;
    };
    let why = |error: &KeptError| format!(": {}", error.message);
    let why = run.error.as_ref().map(why).unwrap_or_default();
    let (level, message) = match run.outcome {
        RunOutcome::Failed if run.is_bare => (
            Level::Critical,
            format!("the last run backed up nothing{why}"),
        ),
        RunOutcome::Interrupted => (
            Level::Warning,
            "the last run was interrupted: it completed some repositories only".to_owned(),
        ),
        _ if run.error.is_some() => (Level::Warning, format!("the last run had an error{why}")),
        _ => return,
    };
    all.push(Concern::new(level, message).hint(hint_of(run.error.as_ref())));
}

fn of_source(source: &SourceStatus, now: Timestamp, missing: Level, all: &mut Vec<Concern>) {
    let title = source.title.shown();
    let mut add = |level, message: String, hint: &str| {
        let message = format!("{title}: {message}");
        all.push(Concern::new(level, message).hint(hint));
    };
    if source.last_run.is_none() {
        let hint = "run `forgekeep backup`, and check that it is scheduled";
        add(missing, "no run has backed it up".to_owned(), hint);
    } else if let Some(age) = source.age_seconds.filter(|age| *age < -CLOCKS_DIFFER) {
        let hours = age.unsigned_abs().div_ceil(3600);
        let message = format!(
            "its last good run is {hours} hours in the future, so its age cannot be told: the \
            clock was or is wrong"
        );
        let hint = "check the clock of this machine, then run `forgekeep backup`";
        add(Level::Unknown, message, hint);
    } else if source.overdue {
        let limit = source.max_age.map(|within| within.to_string());
        let limit = limit.unwrap_or_default();
        let message = match source.age_seconds {
            Some(age) => format!(
                "its last good run is {} old, and maxAge is {limit}",
                duration(age)
            ),
            None => format!("no kept run of it was good, and maxAge is {limit}"),
        };
        let hint = "check that the backup is scheduled and runs, and what its last report says";
        add(missing, message, hint);
    }
    of_last_outcome(source, all);
    for alert in source.alerts.iter().take(NAMED) {
        let message = format!("{title}: alert: {alert}");
        let hint = "look at what has happened upstream; the earlier states are kept";
        all.push(Concern::new(Level::Warning, message).hint(hint));
    }
    if let Some(expires) = source.expires {
        let days = (expires.as_second() - now.as_second()).div_euclid(24 * 3600);
        let when = match days {
            ..0 => "have expired".to_owned(),
            0 => "expire today".to_owned(),
            1 => "expire tomorrow".to_owned(),
            2..=EXPIRY_DAYS => format!("expire in {days} days"),
            _ => return,
        };
        let message = format!("{title}: its credentials {when}");
        let hint = "make new credentials, and put them and their day into the configuration";
        all.push(Concern::new(Level::Warning, message).hint(hint));
    }
}

fn of_last_outcome(source: &SourceStatus, all: &mut Vec<Concern>) {
    let title = source.title.shown();
    let error = source.last_error.as_ref();
    let cancelled = error.is_some_and(|error| error.kind == ErrorKind::Cancelled.as_str());
    let failing: Vec<&RepositoryStatus> = (source.repositories.iter())
        .filter(|one| one.last_run == source.last_run)
        .filter(|one| {
            matches!(
                one.last_outcome,
                Some(RepositoryOutcome::Failed | RepositoryOutcome::Partial)
            )
        })
        .collect();
    let why = match error {
        Some(error) => format!(": {}", error.message),
        None if failing.is_empty() => String::new(),
        None => format!(": {}", names(&failing)),
    };
    let (level, message) = match source.last_outcome {
        Some(SourceOutcome::Failed) if !source.was_interrupted && !cancelled => {
            (Level::Critical, format!("{title}: it failed{why}"))
        }
        // A reboot in the middle of a run is no disaster: the age tells if no other run follows.
        Some(SourceOutcome::Failed | SourceOutcome::Partial) => (
            Level::Warning,
            format!("{title}: not everything is backed up{why}"),
        ),
        Some(outcome @ SourceOutcome::Newer(_)) => {
            (Level::Warning, format!("{title}: its outcome is {outcome}"))
        }
        Some(SourceOutcome::Ok) | None => return,
    };
    all.push(Concern::new(level, message).hint(hint_of(error)));
}

fn of_repositories(source: &SourceStatus, all: &mut Vec<Concern>) {
    let title = source.title.shown();
    let mut add = |what: &str, hint: &str, is_so: &dyn Fn(&RepositoryStatus) -> bool| {
        let found: Vec<_> = source.repositories.iter().filter(|r| is_so(r)).collect();
        if !found.is_empty() {
            let message = format!("{title}: {what}: {}", names(&found));
            all.push(Concern::new(Level::Warning, message).hint(hint));
        }
    };
    add(
        "damaged when it was last verified",
        "run `forgekeep backup`: it repairs what the hoster still has",
        &|one| !one.damage.is_empty(),
    );
    add(
        "its state file cannot be read",
        "run `forgekeep backup`, then `forgekeep verify`",
        &|one| one.unreadable.is_some(),
    );
    add(
        "the last drill did not bring it back as it was",
        "run `forgekeep verify`, then `forgekeep drill` again",
        &|one| one.drilled_good == Some(false),
    );
}

fn of_files(status: &Status, all: &mut Vec<Concern>) {
    for unreadable in &status.unreadable {
        let message = format!("{} cannot be used: {}", unreadable.file, unreadable.why);
        let (level, hint) = match unreadable.kind {
            UnreadableKind::Foreign => continue,
            UnreadableKind::Damaged => (
                Level::Warning,
                "run `forgekeep backup`: it sets damaged files aside",
            ),
            UnreadableKind::Refused => (
                Level::Unknown,
                "run this as the user who runs the backup, or let this user read `.forgekeep`",
            ),
        };
        all.push(Concern::new(level, message).hint(hint));
    }
}

fn of_space(status: &Status, all: &mut Vec<Concern>) {
    let sizes = status.sources.iter().flat_map(|s| &s.repositories);
    let size = sizes.filter_map(|r| r.size).fold(0, u64::saturating_add);
    let short = status.space.and_then(|room| shortage(room, size));
    let days = status.days_until_full.filter(|days| *days < DAYS_OF_ROOM);
    let soon = days.map(|days| {
        let word = if days == 1 { "day" } else { "days" };
        format!(
            "space is short: what is free is enough for {days} {word} if the backup grows as in the last 30 days"
        )
    });
    if let Some(message) = short.or(soon) {
        let hint = "make room, or move the backup to a larger disk";
        all.push(Concern::new(Level::Warning, message).hint(hint));
    }
}

/// What is short on the disk, if anything is, of a backup that has so many bytes.
fn shortage(room: Room, size: u64) -> Option<String> {
    let least = LEAST_BYTES.max(size / PART_OF_BACKUP);
    if room.free_bytes < least {
        let mib = |bytes: u64| bytes / (1024 * 1024);
        return Some(format!(
            "space is short: {} MiB are free, and {} MiB should be",
            mib(room.free_bytes),
            mib(least)
        ));
    }
    let files = room.free_files.filter(|files| *files < LEAST_FILES)?;
    Some(format!(
        "inodes are short: {files} more files can be made, and {LEAST_FILES} should be possible"
    ))
}

fn hint_of(error: Option<&KeptError>) -> Printable {
    error.map(|error| error.hint.clone()).unwrap_or_default()
}

/// The first few names, and how many more there are.
fn names(all: &[&RepositoryStatus]) -> String {
    let named: Vec<&str> = all
        .iter()
        .take(NAMED)
        .map(|one| one.name.as_str())
        .collect();
    match all.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// A length of time for people, in the unit that says most.
fn duration(seconds: i64) -> String {
    let hours = seconds.max(0) / 3600;
    let (number, singular, plural) = match hours {
        0 => (seconds.max(0) / 60, "minute", "minutes"),
        1..48 => (hours, "hour", "hours"),
        _ => (hours / 24, "day", "days"),
    };
    let noun = if number == 1 { singular } else { plural };
    format!("{number} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = LEAST_BYTES;

    fn room(free_bytes: u64, free_files: Option<u64>) -> Room {
        Room {
            free_bytes,
            total_bytes: 100 * GIB,
            free_files,
        }
    }

    #[test]
    fn space_is_short_below_a_gibibyte_or_a_part_of_the_backup_and_without_inodes() {
        assert_eq!(shortage(room(GIB, None), 0), None);
        assert_eq!(
            shortage(room(GIB - 1, None), 0).unwrap(),
            "space is short: 1023 MiB are free, and 1024 MiB should be"
        );
        assert_eq!(shortage(room(2 * GIB, Some(10_000)), 40 * GIB), None);
        assert!(shortage(room(2 * GIB, None), 41 * GIB).is_some());
        let inodes = shortage(room(50 * GIB, Some(9_999)), 0).unwrap();
        assert!(inodes.starts_with("inodes are short: 9999"), "{inodes}");
    }

    #[test]
    fn lengths_of_time_are_for_people() {
        for (seconds, wanted) in [
            (-1, "0 minutes"),
            (60, "1 minute"),
            (3600, "1 hour"),
            (47 * 3600, "47 hours"),
            (6 * 86_400, "6 days"),
        ] {
            assert_eq!(duration(seconds), wanted);
        }
    }
}
