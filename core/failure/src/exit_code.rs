//! Exit codes: all there are, what each means, and which kind of failure has which.
//!
//! The table in docs/exit-codes.md is made from this file.

use std::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ErrorKind;

/// How the process ends. In JSON it is the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// All good.
    Good,
    /// Something nobody foresaw.
    Unexpected,
    /// The arguments make no sense.
    Usage,
    /// Something failed, and something may be done.
    Partial,
    /// The configuration cannot be used.
    Configuration,
    /// A plugin is missing or cannot be loaded.
    Plugin,
    /// The credentials were refused.
    Credentials,
    /// Another run holds the lock.
    Locked,
    /// Stopped by a signal.
    Interrupted,
    /// What a newer version ended with: a failure.
    Newer(u8),
}

impl ExitCode {
    /// All that this version ends with, by number.
    pub const ALL: [Self; 9] = [
        Self::Good,
        Self::Unexpected,
        Self::Usage,
        Self::Partial,
        Self::Configuration,
        Self::Plugin,
        Self::Credentials,
        Self::Locked,
        Self::Interrupted,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Configuration => 10,
            Self::Plugin => 11,
            Self::Credentials => 12,
            Self::Locked => 13,
            Self::Interrupted => 130,
            Self::Newer(code) => code,
        }
    }

    /// What it means, as docs/exit-codes.md says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Good => {
                "All good: everything that was listed and not left out on purpose is backed up."
            }
            Self::Unexpected => {
                "Unexpected. Also: the backup folder cannot be used, there is no backup in it yet \
                (`verify`, `snapshots`, `restore`, `forget`), or the report could not be written \
                or kept, in an otherwise good run."
            }
            Self::Usage => {
                "The command line is invalid, `--source` names a title that the configuration \
                does not have, or a repository or snapshot that is not in the backup is asked for."
            }
            Self::Partial => {
                "Some repositories or sources failed, or a [listing falls \
                short](listings.md#listings-that-fall-short); the rest is backed up. Also an \
                [alert](alerts.md), if it counts as a failure; and `verify`, `snapshots`, `forget` \
                and `restore`, if something is damaged or could not be done, or if nothing is \
                left of a backup. Also when nothing was backed up for a reason that has no code \
                of its own (network, rate limit, disk, …) or for several reasons."
            }
            Self::Configuration => "The configuration cannot be used.",
            Self::Plugin => "A plugin is missing or cannot be loaded, and nothing was backed up.",
            Self::Credentials => {
                "Nothing was backed up, because the credentials were refused throughout."
            }
            Self::Locked => "Another run holds the lock.",
            Self::Interrupted => "Interrupted. Completed repositories are kept.",
            Self::Newer(_) => "A failure that only a newer version knows.",
        }
    }

    /// The version that has brought it.
    fn since(self) -> &'static str {
        match self {
            Self::Good
            | Self::Unexpected
            | Self::Usage
            | Self::Partial
            | Self::Configuration
            | Self::Plugin
            | Self::Credentials
            | Self::Locked
            | Self::Interrupted => "0.1",
            Self::Newer(_) => "",
        }
    }

    /// Where nothing was done, for one kind of failure throughout.
    pub fn of(kind: ErrorKind, asked: Asked) -> Self {
        use ErrorKind as K;
        // Of a run, of a restore, of a folder.
        let codes = match kind {
            K::Credentials => [Self::Credentials, Self::Credentials, Self::Unexpected],
            K::PluginMissing => [Self::Plugin, Self::Partial, Self::Unexpected],
            K::Config => [Self::Configuration, Self::Usage, Self::Unexpected],
            K::Cancelled => [Self::Interrupted, Self::Interrupted, Self::Unexpected],
            K::Damaged => [Self::Partial, Self::Partial, Self::Partial],
            K::NotFound | K::Policy | K::ForeignFolder => {
                [Self::Partial, Self::Usage, Self::Unexpected]
            }
            K::Forbidden
            | K::Gone
            | K::RateLimited
            | K::Unavailable
            | K::BadAnswer
            | K::Network
            | K::Tls
            | K::Plugin
            | K::Disk
            | K::Machine
            | K::ForeignFormat
            | K::Git
            | K::Shortfall
            | K::Alert
            | K::Other
            | K::Newer(_) => [Self::Partial, Self::Partial, Self::Unexpected],
        };
        let [of_run, of_restore, of_folder] = codes;
        match asked {
            Asked::Run => of_run,
            Asked::Restore => of_restore,
            Asked::Folder => of_folder,
        }
    }

    /// The table of all, in Markdown.
    pub fn table() -> String {
        let mut table = "| Code | Meaning | Since |\n|---|---|---|\n".to_owned();
        for code in Self::ALL {
            let (meaning, since) = (code.meaning(), code.since());
            // Text takes whatever is written to it.
            let _ = writeln!(table, "| {} | {meaning} | {since} |", code.code());
        }
        table
    }
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

impl<'de> Deserialize<'de> for ExitCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|code| code.code() == number);
        Ok(known.unwrap_or(Self::Newer(number)))
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ExitCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        u8::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        u8::json_schema(generator)
    }
}

/// What failed as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A run in which nothing was backed up, or what would be one.
    Run,
    /// A restore: what it was given may be to blame.
    Restore,
    /// A backup folder that was to be read, and in which there is no backup.
    Folder,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codes_are_in_the_table_and_in_order() {
        let codes = ExitCode::ALL.map(ExitCode::code);
        assert_eq!(codes, [0, 1, 2, 3, 10, 11, 12, 13, 130]);
        assert_eq!(ExitCode::table().lines().count(), codes.len() + 2);
    }

    #[test]
    fn a_code_is_a_number_in_json() {
        assert_eq!(
            serde_json::to_string(&ExitCode::Interrupted).unwrap(),
            "130"
        );
    }
}
