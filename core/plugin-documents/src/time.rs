use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::read::Read;

/// A moment. In documents it is RFC 3339 in UTC, such as `2026-11-30T08:00:00Z`.
///
/// ```
/// # use forgekeep_plugin_documents::Timestamp;
/// let said: Timestamp = "2026-11-30T09:00:00+01:00".parse()?;
/// assert_eq!(said.to_string(), "2026-11-30T08:00:00Z");
/// assert_eq!(Timestamp::from_second(said.as_second()), Some(said));
/// # Ok::<(), forgekeep_plugin_documents::NotATime>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// A text that is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATime;

impl fmt::Display for NotATime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is not a time as RFC 3339 writes it")
    }
}

impl std::error::Error for NotATime {}

impl Timestamp {
    /// Now, by this machine's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now())
    }

    /// So many seconds after 1970 began; `None` for what no calendar has.
    pub fn from_second(second: i64) -> Option<Self> {
        jiff::Timestamp::from_second(second).ok().map(Self)
    }

    /// Seconds since 1970 began.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        time.0.into()
    }
}

/// RFC 3339, with whatever offset.
impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        text.parse().map(Self).map_err(|_| NotATime)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Read for Timestamp {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let utc = text.ends_with('Z').then(|| text.parse().ok()).flatten();
        utc.ok_or_else(|| D::Error::custom("a time that is not RFC 3339 in UTC"))
    }
}
