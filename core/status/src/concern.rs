//! What somebody has to see to, and how bad it is.

use forgekeep_untrusted::Printable;
use serde::Serialize;

/// How bad it is, as monitors have it; what is worse comes later.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is amiss.
    Ok,
    /// Somebody should look.
    Warning,
    /// It cannot be told.
    Unknown,
    /// Something is not backed up.
    Critical,
}

impl Level {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// The exit code that monitors expect.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// What somebody has to see to.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Concern {
    /// How bad it is.
    pub level: Level,
    /// What, and why.
    pub message: Printable,
    /// What to do; may be empty.
    pub hint: Printable,
}

impl Concern {
    /// One without a hint.
    pub fn new(level: Level, message: impl Into<Printable>) -> Self {
        Self {
            level,
            message: message.into(),
            hint: Printable::default(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<Printable>) -> Self {
        self.hint = hint.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worse_comes_later_and_codes_are_the_monitors() {
        assert!(Level::Critical > Level::Unknown && Level::Unknown > Level::Warning);
        let all = [Level::Ok, Level::Warning, Level::Critical, Level::Unknown];
        assert_eq!(all.map(Level::code), [0, 1, 2, 3]);
    }
}
