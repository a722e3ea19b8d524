//! Numbers, times and texts as a page shows them.

use forgekeep_status::KeptError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Characters of a name, and of a message; more are shortened in the middle, or at the end.
const NAME: usize = 100;
const MESSAGE: usize = 400;

/// Tells times in a zone, and how long ago they were.
pub(crate) struct Clock {
    pub now: Timestamp,
    zone: TimeZone,
}

/// A time for a person, and for the script.
#[derive(Serialize)]
pub(crate) struct Exact {
    iso: String,
    text: String,
}

impl Clock {
    pub fn new(now: Timestamp, zone: TimeZone) -> Self {
        Self { now, zone }
    }

    /// To the minute, without its zone.
    pub fn time(&self, time: Timestamp) -> String {
        let zoned = time.to_zoned(self.zone.clone());
        zoned.strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// To the second, with its zone.
    pub fn exact(&self, time: Timestamp) -> Exact {
        let zoned = time.to_zoned(self.zone.clone());
        Exact {
            iso: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            text: zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
        }
    }

    /// How long ago it was: `5 h`.
    pub fn age(&self, time: Timestamp) -> String {
        let seconds = self.now.duration_since(time).as_secs();
        match seconds {
            ..=-61 => "in the future".to_owned(),
            -60..3_600 => format!("{} min", seconds.max(0) / 60),
            3_600..172_800 => format!("{} h", seconds / 3_600),
            _ => format!("{} d", seconds / 86_400),
        }
    }

    pub fn zone_name(&self) -> String {
        let offset = self.now.to_zoned(self.zone.clone());
        let offset = offset.strftime("UTC%:z").to_string();
        match self.zone.iana_name() {
            Some(name) => format!("{name} ({offset} when this was written)"),
            None => offset,
        }
    }
}

/// A number of bytes: powers of 1024.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match unit {
        "B" => format!("{count} B"),
        _ if value < 10.0 => format!("{value:.1} {unit}"),
        _ => format!("{value:.0} {unit}"),
    }
}

/// A length of time: `4 min`.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..36_000.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.0} h", seconds / 3_600.0),
    }
}

/// "1 repository", "2 repositories".
pub(crate) fn count(number: usize, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}

/// A name that fits: its begin and its end tell most.
pub(crate) fn shortened(name: &str) -> String {
    let all: Vec<char> = name.chars().collect();
    if all.len() <= NAME {
        return name.to_owned();
    }
    let half = NAME / 2;
    let head = all.iter().take(half);
    let tail = all.iter().skip(all.len() - half);
    head.chain(['…'].iter()).chain(tail).collect()
}

/// A message that fits.
pub(crate) fn message(text: &str) -> String {
    match text.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// What failed, and what to do.
pub(crate) fn error(error: &KeptError) -> String {
    let mut all = message(&error.message);
    if !error.hint.is_empty() {
        all.push_str(" — hint: ");
        all.push_str(&message(&error.hint));
    }
    all
}

/// A word for a shell, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
