//! What the repositories of a restore have in common.

use std::path::Path;

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::Failure;
use forgekeep_hoster::{Part, Repository};
use forgekeep_restore_notes::{Note, Notes};
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Redactor;

use crate::item::Item;
use crate::plan::Plan;
use crate::push::{Destination, Sender};

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

    /// A part of a repository at the target, to be pushed to or compared with.
    ///
    /// # Errors
    ///
    /// The target is not open.
    pub(crate) fn destination<'s>(
        &'s self,
        repository: &'s Repository,
        part: &'s Part,
    ) -> Result<Destination<'s>, Failure> {
        Ok(Destination {
            session: self.target.session()?,
            services: &self.target.services,
            repository,
            part,
            takes: &self.plan.report.takes,
        })
    }

    /// The refs that a part has at the target.
    ///
    /// # Errors
    ///
    /// It cannot be asked.
    pub(crate) fn refs_there(
        &self,
        repository: &Repository,
        part: &Part,
        mirror: &Path,
    ) -> Result<Tips, Failure> {
        let to = self.destination(repository, part)?;
        let (none, work) = (Tips::new(), self.folder()?);
        let sender = Sender::begin(&to, mirror, &none, work.path(), false)?;
        Ok(sender.theirs().clone())
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
