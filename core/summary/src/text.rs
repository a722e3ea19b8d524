//! Small pieces of text that several commands print.

use std::fmt::Display;

use forgekeep_failure::{Failure, Finding, Severity};
use forgekeep_terminal_text::{Tone, paint};
use jiff::tz::TimeZone;
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};

/// A number of bytes for a person: powers of 1024, as `git` prints them.
pub fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// "1 repository", "2 repositories".
pub fn count(number: usize, singular: &str, plural: &str) -> String {
    let noun = if number == 1 { singular } else { plural };
    format!("{number} {noun}")
}

/// A failure as lines with an indent: what and why, then what to do.
pub fn failure(indent: &str, failure: &Failure) -> String {
    advised(indent, &failure.message, &failure.hint)
}

/// The same of one that is no more than a warning.
pub fn warning(failure: &Failure) -> String {
    warn(self::failure("", failure))
}

/// A sentence as a warning.
pub fn warn(message: impl Display) -> String {
    format!("{} {message}", paint(Tone::Odd, "warning:"))
}

/// What and why, then what to do, if there is anything, as lines with an indent.
pub fn advised(indent: &str, message: &str, hint: &str) -> String {
    let mut text = format!("{indent}{message}");
    if !hint.is_empty() {
        text.push('\n');
        text.push_str(&self::hint(hint, &format!("{indent}  ")));
    }
    text
}

/// What to do, as a line with an indent.
pub fn hint(hint: &str, indent: &str) -> String {
    let text = format!("hint: {hint}");
    format!("{indent}{}", paint(Tone::Faint, text))
}

/// A finding as lines with an indent.
pub fn finding(indent: &str, finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Info => "note:".to_owned(),
        Severity::Warning => paint(Tone::Odd, "warning:"),
        Severity::Error => paint(Tone::Bad, "error:"),
        Severity::Newer(word) => format!("{word}:"),
    };
    let key = if finding.key.is_empty() {
        String::new()
    } else {
        format!("{}: ", finding.key)
    };
    let message = format!("{word} {key}{}", finding.message);
    advised(indent, &message, &finding.hint)
}

/// A time in this machine's time zone, with the zone.
pub fn local(time: Timestamp) -> String {
    let time = time.to_zoned(TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// A time without what is below a second.
pub fn to_the_second(time: Timestamp) -> Timestamp {
    // Never upwards: a time to come would be odd.
    let round = TimestampRound::new()
        .smallest(Unit::Second)
        .mode(RoundMode::Trunc);
    time.round(round).unwrap_or(time)
}

/// How long ago, in the unit that says most.
pub fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    // Two machines may differ by as much.
    if seconds < -MINUTE {
        return "in the future: the clock was or is wrong".to_owned();
    }
    match seconds {
        ..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        _ => {
            let days = usize::try_from(seconds / DAY).unwrap_or(usize::MAX);
            format!("{} ago", count(days, "day", "days"))
        }
    }
}

/// A text as a word of a shell.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_for_people() {
        for (seconds, wanted) in [
            (-5, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3_599, "59 min ago"),
            (3_600, "1 h ago"),
            (86_399, "23 h ago"),
            (86_400, "1 day ago"),
            (40 * 86_400, "40 days ago"),
        ] {
            assert_eq!(age(seconds), wanted);
        }
    }

    #[test]
    fn a_word_of_a_shell_is_one_word() {
        for (text, word) in [
            ("/etc/forgekeep/config.yml", "/etc/forgekeep/config.yml"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's; rm", r"'it'\''s; rm'"),
            ("#998", "'#998'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
