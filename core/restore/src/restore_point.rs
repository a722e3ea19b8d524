//! What `--at` says: a snapshot, or a time.

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::snapshot::{SnapshotFile, SnapshotId};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Fewer digits of an id are taken for a slip.
const FEWEST_DIGITS: usize = 4;

/// Which state of a repository is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestorePoint {
    /// The snapshot whose id begins like this.
    Id(String),
    /// The state at this time: the last snapshot up to it.
    Time(Timestamp),
}

impl RestorePoint {
    /// Reads what somebody typed:
    ///
    /// - 4 to 12 hex digits: the begin of a snapshot's id;
    /// - a time with its offset: `2026-11-22T18:30Z`, `2026-11-22 18:30+01:00`;
    /// - a time without: in `zone`;
    /// - a date alone: the end of that day in `zone`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is none of these.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, Failure> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if (FEWEST_DIGITS..=SnapshotId::DIGITS).contains(&text.len()) && text.bytes().all(is_hex) {
            return Ok(Self::Id(text.to_owned()));
        }
        read_time(text, zone).map(Self::Time).ok_or_else(|| {
            let message = format!("\"{text}\" is neither the id of a snapshot nor a time");
            Failure::new(ErrorKind::Config, message).with_hint(
                "give at least 4 digits of an id that `forgekeep snapshots` shows, or a time such as 2026-11-22, 2026-11-22T18:30 or 2026-11-22T18:30Z",
            )
        })
    }

    /// The one that is meant among [`Store::entries`](forgekeep_store::snapshot::Store::entries).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] if there is none, or no one that alone begins like the id.
    pub fn find(&self, entries: &[SnapshotFile]) -> Result<usize, Failure> {
        let Some(oldest) = entries.first() else {
            return Err(
                Failure::new(ErrorKind::NotFound, "there is no snapshot yet").with_hint(
                    "run `forgekeep backup` to make the first; without --at the present state is restored",
                ),
            );
        };
        match self {
            Self::Time(time) => {
                // By number: a clock that was set back has put later states before earlier ones.
                let found = entries.iter().rposition(|entry| entry.time <= *time);
                found.ok_or_else(|| {
                    let message = format!(
                        "the first snapshot, {}, is of {}, which is later than that",
                        oldest.id, oldest.time
                    );
                    Failure::new(ErrorKind::NotFound, message).with_hint(
                        "give --at the time of the oldest or a later one; `forgekeep snapshots` lists all",
                    )
                })
            }
            Self::Id(begin) => {
                let begins = |entry: &&SnapshotFile| entry.id.as_str().starts_with(begin.as_str());
                let found: Vec<&SnapshotFile> = entries.iter().filter(begins).collect();
                let failure = match found.as_slice() {
                    [one] => return Ok(one_of(entries, one)),
                    [] => {
                        Failure::new(ErrorKind::NotFound, format!("there is no snapshot {begin}"))
                            .with_hint(
                                "choose one that `forgekeep snapshots` lists; a date is written with hyphens",
                            )
                    }
                    several => {
                        let ids = several.iter().take(5).map(|entry| entry.id.as_str());
                        let ids: Vec<_> = ids.collect();
                        Failure::new(
                            ErrorKind::NotFound,
                            format!("{begin} matches several snapshots"),
                        )
                        .with_hint(format!("give more digits: {}", ids.join(", ")))
                    }
                };
                Err(failure)
            }
        }
    }
}

fn one_of(entries: &[SnapshotFile], one: &SnapshotFile) -> usize {
    let found = entries.iter().position(|entry| entry == one);
    found.unwrap_or_default()
}

fn read_time(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let is_date = text.len() == "2026-11-22".len()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_date {
        let date: Date = text.parse().ok()?;
        let next = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
        return next.timestamp().checked_sub(1.nanosecond()).ok();
    }
    let time: DateTime = text.parse().ok()?;
    Some(time.to_zoned(zone.clone()).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }

    fn time(text: &str) -> Timestamp {
        match RestorePoint::parse(text, &zone()).unwrap() {
            RestorePoint::Time(time) => time,
            RestorePoint::Id(id) => panic!("{text} was taken for the id {id}"),
        }
    }

    fn entries(all: &[(&str, &str)]) -> Vec<SnapshotFile> {
        (1..)
            .zip(all)
            .map(|(number, (id, time))| SnapshotFile {
                number,
                time: time.parse().unwrap(),
                id: SnapshotId::parse(id).unwrap(),
                path: PathBuf::new(),
            })
            .collect()
    }

    #[test]
    fn times_are_read_with_and_without_offset() {
        for (text, wanted) in [
            ("2026-11-22T18:30:00Z", "2026-11-22T18:30:00Z"),
            ("2026-11-22T18:30Z", "2026-11-22T18:30:00Z"),
            ("2026-11-22 18:30+05:30", "2026-11-22T13:00:00Z"),
            ("2026-11-22T18:30", "2026-11-22T16:30:00Z"),
            ("2026-11-22 18:30:05", "2026-11-22T16:30:05Z"),
            ("2026-11-22", "2026-11-22T21:59:59.999999999Z"),
        ] {
            assert_eq!(time(text).to_string(), wanted, "{text}");
        }
    }

    #[test]
    fn an_id_is_told_from_a_time_and_both_from_nonsense() {
        for id in ["2026", "20261122", "0123456789ab"] {
            let point = RestorePoint::parse(id, &zone()).unwrap();
            assert_eq!(point, RestorePoint::Id(id.to_owned()));
        }
        for bad in [
            "",
            "abc",
            "0123456789abc",
            "ABCD",
            "yesterday",
            "2026-13-01",
            "2026-11-22T25:00",
            "2026-1-2",
        ] {
            let failure = RestorePoint::parse(bad, &zone()).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Config, "{bad}");
        }
    }

    #[test]
    fn the_last_snapshot_up_to_a_time_counts_also_if_the_clock_was_wrong() {
        let entries = entries(&[
            ("aaaa00000000", "2026-01-01T00:00:00Z"),
            ("aaab00000000", "2030-01-01T00:00:00Z"),
            ("cccc00000000", "2026-01-03T00:00:00Z"),
        ]);
        let at = |text: &str| RestorePoint::Time(text.parse().unwrap()).find(&entries);
        assert_eq!(at("2026-01-01T00:00:00Z").unwrap(), 0);
        assert_eq!(at("2026-01-02T00:00:00Z").unwrap(), 0);
        assert_eq!(at("2026-01-04T00:00:00Z").unwrap(), 2);
        let early = at("2025-12-31T00:00:00Z").unwrap_err();
        assert!(early.message.contains("aaaa00000000"), "{early}");
    }

    #[test]
    fn the_begin_of_an_id_must_be_unambiguous() {
        let entries = entries(&[
            ("aaaa00000000", "2026-01-01T00:00:00Z"),
            ("aaab00000000", "2026-01-02T00:00:00Z"),
            ("aaaa0000000f", "2026-01-03T00:00:00Z"),
        ]);
        let id = |text: &str| RestorePoint::Id(text.to_owned()).find(&entries);
        assert_eq!(id("aaab").unwrap(), 1);
        assert_eq!(id("aaaa0000000f").unwrap(), 2);
        let several = id("aaaa").unwrap_err();
        assert!(several.hint.contains("aaaa0000000f"), "{}", several.hint);
        assert_eq!(id("ffff").unwrap_err().kind, ErrorKind::NotFound);
        assert!(RestorePoint::Id("aaaa".to_owned()).find(&[]).is_err());
    }
}
