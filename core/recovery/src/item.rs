//! What is to be restored, and what is known of each repository.

use std::collections::BTreeMap;

use forgekeep_engine::run::OpenTarget;
use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::refs::RefName;
use forgekeep_hoster::Repository;
use forgekeep_restore::{Chosen, RestorePoint};
use forgekeep_restore_notes::{Note, Origin};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::Part;
use forgekeep_store::snapshot::SnapshotId;
use forgekeep_untrusted::Untrusted;
use git2::Oid;
use jiff::Timestamp;

use crate::survey::Survey;

/// What is to be restored, and what is known of where to.
pub struct Order<'a> {
    /// The repositories.
    pub chosen: Vec<&'a Kept>,
    /// Everything in the backup: what renames mean.
    pub all: &'a [Kept],
    /// Which state; the newest if none is named.
    pub point: Option<&'a RestorePoint>,
    /// What each source of the configuration lists, by its title.
    pub sources: BTreeMap<String, String>,
    /// Other names, by any unambiguous end of a repository's.
    pub rename: &'a BTreeMap<String, String>,
    /// The name of all of them, whatever they were called, for a drill: no earlier restore is gone on with.
    pub drill: Option<&'a str>,
    /// The target.
    pub target: &'a OpenTarget,
    /// Lists what is at the target.
    pub list: &'a dyn Fn() -> Result<Vec<Repository>, Failure>,
    /// What is noted of earlier restores to it.
    pub notes: &'a [Note],
    /// Ends it early.
    pub cancel: &'a Cancel,
}

/// A repository to bring back.
pub struct Item<'a> {
    /// What is in the backup.
    pub kept: &'a Kept,
    /// The same, for notes.
    pub origin: Origin,
    /// Full name it had then.
    pub full_name: Untrusted,
    /// What it is going to be called, below the target's name.
    pub name: Untrusted,
    /// Its state, until it is known what of it is sent.
    pub(crate) chosen: Option<Chosen>,
    /// What is left to say of the state then.
    pub then: Then,
    /// What of it is sent.
    pub survey: Survey,
    /// Its wiki, where there is one.
    pub wiki: Option<(Part, Chosen)>,
    /// Why there is none to restore, though the backup has one.
    pub wiki_lost: Option<Failure>,
    /// What is done.
    pub step: Step,
}

/// What there is to say of a state, beside the refs that are sent.
#[derive(Clone, Debug, Default)]
pub struct Then {
    /// The snapshot and its time; none for the present state of a mirror without snapshots.
    pub snapshot: Option<(SnapshotId, Timestamp)>,
    /// How many refs it has.
    pub refs: usize,
    /// Its default branch.
    pub head: Option<RefName>,
    /// What `HEAD` is detached at.
    pub detached: Option<Oid>,
}

impl Then {
    pub(crate) fn of(chosen: &Chosen) -> Self {
        Self {
            snapshot: chosen.snapshot.clone(),
            refs: chosen.state.tips.len(),
            head: chosen.state.default_branch().cloned(),
            detached: chosen.state.detached(),
        }
    }
}

/// What is done about a repository.
#[derive(Clone, Debug)]
pub enum Step {
    /// It is made.
    Make,
    /// An earlier restore has made it, or a repository without a ref is there: the rest is sent.
    GoOn(Box<Repository>, Whose),
    /// At the time that was asked for, it was not in the backup.
    NotThen,
    /// Nothing: it cannot be.
    Refuse(Failure),
}

/// Whose a repository at the target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// An earlier restore has made it.
    Ours,
    /// Somebody's, and it has to be empty.
    Anybodys,
}

impl Item<'_> {
    /// Its description, as it was last listed.
    pub fn description(&self) -> Untrusted {
        let state = self.kept.state.as_ref().ok().and_then(Option::as_ref);
        state.map_or_else(Untrusted::default, |state| state.description.clone())
    }

    /// Whether it was archived when it was last listed.
    pub fn is_archived(&self) -> bool {
        let state = self.kept.state.as_ref().ok().and_then(Option::as_ref);
        state.is_some_and(|state| state.archived)
    }

    /// Whether something of it is sent.
    pub fn is_sent(&self) -> bool {
        matches!(self.step, Step::Make | Step::GoOn(..))
    }
}
