//! When something was last done, for schedulers that do not remember it.

use std::path::Path;

use forgekeep_store::drills::Drills;
use forgekeep_store::health::Health;
use forgekeep_store::history;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How the name of a report says when its run began.
const NAME: &str = "%Y-%m-%dT%H-%M-%S%.fZ.json";

/// The last runs of which a backup folder knows. What cannot be read is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastRuns {
    /// When the last backup began.
    pub backup: Option<Timestamp>,
    /// When something was last verified.
    pub verify: Option<Timestamp>,
    /// When something was last restored in a drill.
    pub drill: Option<Timestamp>,
}

impl LastRuns {
    /// Those of this backup folder.
    pub fn read(folder: &Path) -> Self {
        let reports = history::names(&history::folder(folder)).unwrap_or_default();
        let begun = reports
            .iter()
            .filter(|name| history::is_report(name))
            .filter_map(|name| DateTime::strptime(NAME, name).ok())
            .filter_map(|begun| begun.to_zoned(TimeZone::UTC).ok());
        let health = Health::read(folder).ok();
        let drills = Drills::read(folder).ok();
        Self {
            backup: begun.map(|begun| begun.timestamp()).max(),
            verify: health.and_then(|health| {
                let known = health.repositories().iter();
                known.map(|known| known.verified).max()
            }),
            drill: drills.and_then(|drills| {
                let known = drills.repositories().iter();
                known.map(|known| known.drilled).max()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_report_says_when_its_run_began() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LastRuns::read(folder.path()), LastRuns::default());
        let runs = history::folder(folder.path());
        std::fs::create_dir_all(&runs).unwrap();
        for name in [
            "2026-11-30T04-17-00.123Z.json",
            "2026-11-29T04-17-00.123Z.json",
            "2026-13-30T04-17-00.123Z.json",
            "2027-11-30T04-17-00.123Z.txt",
        ] {
            std::fs::write(runs.join(name), "").unwrap();
        }
        let last = LastRuns::read(folder.path()).backup.unwrap();
        assert_eq!(last.to_string(), "2026-11-30T04:17:00.123Z");
    }
}
