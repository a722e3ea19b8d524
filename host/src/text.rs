//! Small pieces of text that several commands print.

use forgekeep_engine::Failure;
use forgekeep_engine::hoster::{Finding, Severity};

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
