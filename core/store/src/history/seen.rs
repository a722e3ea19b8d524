//! What the last runs have left in the backup, as their reports say: no clock is asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use forgekeep_untrusted::{Printable, Untrusted};

use super::{file, folder, is_report, newest_first};
use crate::report::{Brief, Report};

/// How many reports are read: of the last one, all that failed then is in an earlier one.
const REPORTS: usize = 10;

/// What the last runs have left, read when it is first asked for.
pub struct Seen {
    local_folder: PathBuf,
    /// The hoster's identities by folder: the folders that there are.
    folders: OnceLock<HashMap<Untrusted, Printable>>,
}

impl Seen {
    /// Of a backup folder.
    pub fn new(local_folder: &Path) -> Self {
        Self {
            local_folder: local_folder.to_owned(),
            folders: OnceLock::new(),
        }
    }

    /// Whether a run has come to its end with a repository in this folder, by what is known of it last.
    /// `path` is below the backup folder; without an id, the folder is all there is.
    pub fn had(&self, path: &Untrusted, id: Option<&Untrusted>) -> bool {
        let folders = self.folders.get_or_init(|| self.read());
        let known = folders.get(path);
        known.is_some_and(|known| id.is_none_or(|id| id.printable() == *known))
    }

    fn read(&self) -> HashMap<Untrusted, Printable> {
        let runs = folder(&self.local_folder);
        let names = newest_first(&self.local_folder).unwrap_or_default();
        let reports = names.iter().filter(|name| is_report(name)).take(REPORTS);
        let mut known: HashMap<Untrusted, Option<Printable>> = HashMap::new();
        for name in reports {
            let text = file::read(&runs.join(name)).ok().flatten();
            let report = text.and_then(|text| serde_json::from_str::<Report<Brief>>(&text).ok());
            for source in report.into_iter().flat_map(|report| report.sources) {
                let there = source.repositories.into_iter().filter_map(|entry| {
                    // One that failed is in an earlier report, if it is in the backup at all.
                    let is_there = entry.outcome.is_good() == Some(true);
                    is_there.then_some((entry.path, Some(entry.id)))
                });
                let gone = source.gone.into_iter();
                let gone = gone.map(|gone| (gone.path, (!gone.removed).then_some(gone.id)));
                for (path, id) in there.chain(gone) {
                    known.entry(path).or_insert(id);
                }
            }
        }
        let there = known.into_iter();
        there.filter_map(|(path, id)| Some((path, id?))).collect()
    }
}
