//! A report as a file: one line of JSON that tells when it is damaged.
//!
//! The last member is `checksum`: the id that git gives a blob with the line without it. A report
//! without `run` is of version 0.1, which wrote none, and is read as it is.

use std::io;
use std::path::Path;

use forgekeep_durable::{regular_file, sealed};
use forgekeep_failure::trouble::{self, Trouble};
use forgekeep_untrusted::Printable;
use serde::Deserialize;

use crate::report::Report;

const BEFORE: &str = ",\"checksum\":\"";
const AFTER: &str = "\"}\n";
const END: &str = "}\n";

/// Largest report that is read: more than a million repositories.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Why a report cannot be used.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Whether it is damaged; else the machine is to blame, and the report may be sound.
    pub damaged: bool,
    /// What is wrong.
    pub why: Printable,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    run: Option<u64>,
}

/// A report's text with its checksum, which is put into the report too.
pub(super) fn seal(report: &mut Report, text: &str) -> String {
    let text = format!("{text}\n");
    let body = text.strip_suffix(END).unwrap_or(&text);
    let checksum = sealed::checksum(&text);
    let sealed = format!("{body}{BEFORE}{checksum}{AFTER}");
    report.checksum = Some(checksum);
    sealed
}

/// Reads a report and checks it; or says what is wrong. `None` if it is not there.
pub fn read(path: &Path) -> Result<Option<String>, Unread> {
    let bytes = match regular_file::read_at_most(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Unread {
                damaged: trouble::of(&error) != Some(Trouble::Machine),
                why: error.to_string().into(),
            });
        }
    };
    let damaged = |why: Printable| Unread { damaged: true, why };
    let text = String::from_utf8(bytes)
        .map_err(|error| damaged(format!("it is damaged: {error}").into()))?;
    check(&text).map_err(damaged)?;
    Ok(Some(text))
}

fn check(text: &str) -> Result<(), Printable> {
    if let Some((body, rest)) = text.rsplit_once(BEFORE) {
        let found = rest.strip_suffix(AFTER);
        let wanted = sealed::checksum(&format!("{body}{END}"));
        return match found == Some(wanted.as_str()) {
            true => Ok(()),
            false => Err("it is damaged: its checksum does not match its content".into()),
        };
    }
    let head: Head = serde_json::from_str(text)
        .map_err(|error| Printable::from(format!("it is damaged: {error}")))?;
    match head.run {
        Some(_) => Err("it is damaged: its checksum is missing".into()),
        None => Ok(()),
    }
}

/// The number of the run that a report is of; `None` in one of version 0.1.
pub(super) fn number(text: &str) -> Option<u64> {
    serde_json::from_str::<Head>(text).ok()?.run
}

#[cfg(test)]
mod tests {
    use forgekeep_failure::{ErrorKind, ExitCode, Failure};

    use super::*;

    #[test]
    fn every_flipped_or_missing_byte_of_a_report_is_seen() {
        let failure = Failure::new(ErrorKind::Other, "x");
        let mut report =
            Report::refused(jiff::Timestamp::UNIX_EPOCH, ExitCode::Unexpected, failure);
        report.run = Some(7);
        let text = serde_json::to_string(&report).unwrap();
        let sealed = seal(&mut report, &text);
        assert_eq!(check(&sealed), Ok(()));
        assert_eq!(number(&sealed), Some(7));
        let value: serde_json::Value = serde_json::from_str(&sealed).unwrap();
        assert_eq!(value, serde_json::to_value(&report).unwrap());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone().into_bytes();
            bad[at] ^= 1;
            let bad = String::from_utf8(bad).unwrap();
            assert!(check(&bad).is_err(), "{at}");
            assert!(check(&sealed[..at]).is_err(), "{at}");
        }
    }
}
