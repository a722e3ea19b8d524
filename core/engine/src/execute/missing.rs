//! What a repository's folder should have held when its turn came, and did not: news, since nobody but
//! the disk may have taken it.

use crate::catalogue::{REPOSITORY, STATE_FILE};
use crate::mirror::{Mirrored, Outcome};
use crate::plan::Action;
use crate::report::RepositoryReport;

use super::Work;

/// What the state file was before this run wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldState {
    Sound { format: u32 },
    Damaged,
    Missing,
}

impl Work<'_> {
    /// Tells of files that were missing or damaged beside a mirror that is up to date now.
    pub(super) fn tell_what_was_missing(
        &self,
        report: &mut RepositoryReport,
        outcome: &Outcome,
        old: OldState,
    ) {
        let path = &self.path;
        let (title, id) = (&self.source.title, &self.repository().id);
        let was_known = self.patients.settle_state(title, id, path, &self.folder);
        // A run that was killed may have left a folder without it.
        let had = || self.patients.seen.had(path, Some(&report.id));
        let is_new = self.task.action == Action::Clone && outcome.mirrored != Mirrored::Unchanged;
        let what = match old {
            OldState::Missing if is_new && had() => format!(
                "{path} was missing, and an earlier run had it: it is cloned anew, and the states that only the backup had are lost"
            ),
            OldState::Missing if self.task.action == Action::Update && had() => {
                format!("{path}/{STATE_FILE} was missing, and is written anew")
            }
            OldState::Damaged => format!("{path}/{STATE_FILE} was damaged, and is written anew"),
            _ if was_known => {
                format!("{path}/{STATE_FILE} was damaged or missing, and is written anew")
            }
            // A mirror has its first snapshot before the state file of this format is written.
            OldState::Sound { format: 2.. } if outcome.had_no_snapshot => format!(
                "{path}/snapshots was missing: a new first snapshot of {REPOSITORY} is made, and the earlier ones are lost"
            ),
            _ => return,
        };
        self.alarm(report, &what);
    }
}
