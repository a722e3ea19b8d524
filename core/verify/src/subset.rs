//! A part of all repositories.

use std::str::FromStr;

use forgekeep_store::inventory::Kept;
use forgekeep_untrusted::Shown;
use git2::{ObjectType, Oid};
use jiff::Timestamp;

/// The Nth of M parts: M runs over M days verify everything once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subset {
    part: u32,
    of: u32,
}

impl Subset {
    /// Whether a repository is in this part. It stays in it, whatever comes and goes beside it.
    pub fn has(self, kept: &Kept) -> bool {
        self.has_key(kept.id().unwrap_or(&kept.path).raw())
    }

    fn has_key(self, key: &str) -> bool {
        let hash = Oid::hash_object(ObjectType::Blob, key.as_bytes());
        let first = hash.ok().and_then(|hash| {
            let bytes = hash.as_bytes().first_chunk::<4>();
            bytes.map(|bytes| u32::from_be_bytes(*bytes))
        });
        first.unwrap_or(0) % self.of == self.part - 1
    }
}

impl FromStr for Subset {
    type Err = String;

    /// Reads `3/7`.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let number = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().ok()).flatten()
        };
        match parts.map(|(part, of)| (number(part), number(of))) {
            Some((Some(part), Some(of))) if part >= 1 && part <= of => Ok(Self { part, of }),
            _ => Err(format!(
                "\"{}\" is not N/M with N from 1 to M",
                Shown::of(text)
            )),
        }
    }
}

/// Days in which everything is verified that is verified by [`longest_ago`] each day, and two to spare for a
/// machine that was off.
const DAYS: i64 = 28;

/// A part of all for a run now, those first that were never verified, then by the last time: so much that
/// everything is verified within thirty days if this is done each day, and more after days without.
pub fn longest_ago(
    mut all: Vec<&Kept>,
    last: impl Fn(&Kept) -> Option<Timestamp>,
    now: Timestamp,
) -> Vec<&Kept> {
    let newest = all.iter().filter_map(|kept| last(kept)).max();
    // A clock that was set back is no reason to do nothing.
    let days = newest.map_or(1, |newest| {
        let hours = now.duration_since(newest).as_hours();
        (hours.saturating_add(12) / 24).clamp(1, DAYS)
    });
    all.sort_by_cached_key(|kept| (last(kept), kept.path.clone()));
    let most = all.len().saturating_mul(days as usize);
    all.truncate(most.div_ceil(DAYS as usize));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_part_is_refused() {
        for text in [
            "",
            "3",
            "0/7",
            "8/7",
            "1/0",
            "-1/7",
            "+1/7",
            "1/7/7",
            "a/b",
            "1/99999999999",
        ] {
            assert!(text.parse::<Subset>().is_err(), "{text}");
        }
        assert_eq!("7/7".parse(), Ok(Subset { part: 7, of: 7 }));
    }

    proptest! {
        #[test]
        fn the_parts_cover_everything_once(key in ".{0,40}", of in 1_u32..50) {
            let parts = (1..=of).filter(|part| Subset { part: *part, of }.has_key(&key));
            prop_assert_eq!(parts.count(), 1);
        }
    }
}
