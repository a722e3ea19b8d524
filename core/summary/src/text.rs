//! Small pieces of text that several commands print.

use forgekeep_failure::{Failure, Finding, Severity};
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
    let mut text = format!("{indent}{}", failure.message);
    if !failure.hint.is_empty() {
        text.push_str(&format!("\n{indent}  hint: {}", failure.hint));
    }
    text
}

/// A finding as lines with an indent.
pub fn finding(indent: &str, finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Newer(word) => word.as_str(),
    };
    let key = if finding.key.is_empty() {
        String::new()
    } else {
        format!("{}: ", finding.key)
    };
    let mut text = format!("{indent}{word}: {key}{}", finding.message);
    if !finding.hint.is_empty() {
        text.push_str(&format!("\n{indent}  hint: {}", finding.hint));
    }
    text
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
    let (number, singular, plural) = if seconds < MINUTE {
        return "less than a minute ago".to_owned();
    } else if seconds < HOUR {
        (seconds / MINUTE, "minute", "minutes")
    } else if seconds < DAY {
        (seconds / HOUR, "hour", "hours")
    } else {
        (seconds / DAY, "day", "days")
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    format!("{} ago", count(number, singular, plural))
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
            (-5, "less than a minute ago"),
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
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
