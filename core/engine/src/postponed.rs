//! What the last run had no time for, since its hoster's limits on requests were reached: it comes first.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use forgekeep_store::history;
use forgekeep_untrusted::{Printable, Untrusted};

/// The identities of repositories, by the title of their source.
pub(crate) struct Postponed(HashMap<Printable, HashSet<Printable>>);

impl Postponed {
    /// By the reports in a backup folder.
    pub fn read(local_folder: &Path) -> Self {
        Self(history::postponed(local_folder))
    }

    /// Whether a repository of a source is among them.
    pub fn has(&self, title: &str, id: &Untrusted) -> bool {
        let of_source = self.0.get(title);
        of_source.is_some_and(|ids| ids.contains(&id.printable()))
    }
}
