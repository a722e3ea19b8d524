//! What the repositories of a restore have in common.

use std::path::Path;

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::Failure;
use forgekeep_restore_notes::{Note, Notes};
use forgekeep_untrusted::Redactor;

use crate::item::Item;
use crate::plan::Plan;

/// What the repositories of a restore have in common.
pub struct Surroundings<'a> {
    /// The plan.
    pub plan: &'a Plan<'a>,
    /// The target.
    pub target: &'a OpenTarget,
    /// Where it is noted what is made.
    pub notes: &'a Notes,
    /// What earlier restores have noted.
    pub noted: &'a [Note],
    /// An empty folder for what is needed meanwhile.
    pub work: &'a Path,
}

impl Surroundings<'_> {
    /// What an earlier restore has noted of a repository.
    pub(crate) fn noted_of(&self, item: &Item<'_>) -> Option<&Note> {
        let mut noted = self.noted.iter();
        noted.find(|note| !note.drill && note.origin == item.origin)
    }

    /// Whether an earlier restore has set a repository up.
    pub(crate) fn is_set_up(&self, item: &Item<'_>) -> bool {
        self.noted_of(item).is_some_and(|note| note.set_up)
    }

    /// A folder for one repository.
    pub(crate) fn folder(&self) -> Result<tempfile::TempDir, Failure> {
        tempfile::tempdir_in(self.work)
            .map_err(|error| Failure::disk("write to", self.work, &error))
    }

    /// Knows the secrets.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.target.services.redactor
    }
}
