//! What a repository's folder should have held when its turn came, and did not: news, since nobody but
//! the disk may have taken it. And its state file, which tells the next run.

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_mirror::{Mirrored, Outcome};
use forgekeep_store::catalogue::{Newest, RepositoryState};
use forgekeep_store::layout::{REPOSITORY, STATE_FILE};
use forgekeep_store::part::{Part, PartKind};
use forgekeep_store::report::RepositoryReport;
use forgekeep_untrusted::Show as _;
use jiff::Timestamp;

use super::Work;
use crate::plan::Action;

/// What the state file was before this run wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OldState {
    Sound {
        format: u32,
        /// The newest snapshot of the repository, if it is gone.
        lost: Option<Newest>,
        /// The parts of which it knows snapshots, by their names.
        known: Vec<String>,
    },
    Damaged,
    Missing,
}

impl OldState {
    /// Whether it knows of snapshots of a part.
    pub(super) fn knows(&self, part: &Part) -> bool {
        matches!(self, Self::Sound { known, .. } if known.contains(&part.name))
    }
}

impl Work<'_> {
    /// Writes whose folder it is, after success only, and only if there is something new to say. What was
    /// there before.
    pub(super) fn note_state(&self, outcome: &Outcome) -> Result<OldState, Failure> {
        let was;
        let repository = self.repository();
        let listing = self.source.listing();
        let owner = &repository.owner.id;
        let owner = (!owner.is_empty()).then(|| owner.clone());
        let old = match RepositoryState::read(&self.folder) {
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                log::warn!("{}: {failure}", self.name);
                was = OldState::Damaged;
                RepositoryState::recover(&self.folder)
            }
            read => {
                let old = read?;
                let found = outcome.newest_before.as_ref();
                was = old
                    .as_ref()
                    .map_or(OldState::Missing, |old| OldState::Sound {
                        format: old.format,
                        lost: old.lost_newest(REPOSITORY, found).cloned(),
                        known: old.newest.keys().cloned().collect(),
                    });
                let same = old.as_ref().is_some_and(|state| {
                    let names = (&state.full_name, &state.id);
                    names == (&repository.full_name, &repository.id)
                        && state.gone.is_none()
                        && state.listing.as_ref() == Some(&listing)
                        && state.owner == owner
                        && state.description == repository.description
                        && state.archived == repository.archived
                });
                let quiet = matches!(outcome.mirrored, Mirrored::Unchanged | Mirrored::Empty);
                let is_lost = matches!(was, OldState::Sound { lost: Some(_), .. });
                if same && quiet && !is_lost {
                    return Ok(was);
                }
                old.or_else(|| RepositoryState::recover(&self.folder))
            }
        };
        let now = Timestamp::now();
        let fresh = RepositoryState {
            listing: Some(listing),
            owner,
            description: repository.description.clone(),
            archived: repository.archived,
            ..RepositoryState::new(self.identity(), now)
        };
        let mut state = match old {
            None => fresh,
            Some(old) => RepositoryState {
                created: old.created,
                newest: old.newest,
                more: old.more,
                ..fresh
            },
        };
        state.note_newest(&self.part(PartKind::Repository));
        log::debug!("{}: writing {STATE_FILE}", self.name);
        state.write(&self.folder).map(|()| was)
    }

    /// Tells of files that were missing or damaged beside a mirror that is up to date now.
    pub(super) fn tell_what_was_missing(
        &self,
        report: &mut RepositoryReport,
        outcome: &Outcome,
        old: &OldState,
    ) {
        let title = self.source.title.as_str().into();
        let id = &self.repository().id;
        let was_known = self
            .cases
            .settle_state(&title, id, &self.path, &self.folder);
        // A run that was killed may have left a folder without it.
        let had = || self.cases.seen.had(&self.path, Some(id));
        let path = self.path.shown();
        let is_new = self.task.action == Action::Clone && outcome.mirrored != Mirrored::Unchanged;
        let what = match old {
            OldState::Missing if is_new && had() => format!(
                "{path} was missing, and an earlier run had it: it is cloned again, and the states that only the backup had are lost"
            ),
            OldState::Missing if self.task.action == Action::Update && had() => {
                format!("{path}/{STATE_FILE} was missing, and is written again")
            }
            OldState::Damaged => format!("{path}/{STATE_FILE} was damaged, and is written again"),
            _ if was_known => {
                format!("{path}/{STATE_FILE} was damaged or missing, and is written again")
            }
            // A mirror has its first snapshot before the state file of this format is written.
            OldState::Sound { format: 2.., .. } if outcome.had_no_snapshot => format!(
                "{path}/snapshots was missing: a new first snapshot of {REPOSITORY} is made, and the earlier ones are lost"
            ),
            OldState::Sound {
                lost: Some(lost), ..
            } => self.lost_snapshot(REPOSITORY, Some(outcome), lost),
            _ => return,
        };
        self.alert(report, &what);
    }

    /// Tells of snapshots of a further part that are gone, and takes down which is its newest now.
    /// Without an outcome upstream has no such part any more, and what is kept of it should be there.
    pub(super) fn note_part(
        &self,
        report: &mut RepositoryReport,
        part: &Part,
        outcome: Option<&Outcome>,
    ) {
        let Ok(Some(mut state)) = RepositoryState::read(&self.folder) else {
            return;
        };
        let found = match outcome {
            Some(outcome) => outcome.newest_before.clone(),
            None => part.snapshots().newest(),
        };
        let lost = state.lost_newest(&part.name, found.as_ref()).cloned();
        let is_new = outcome.is_some_and(|outcome| outcome.snapshot.is_some());
        if lost.is_none() && !is_new {
            return;
        }
        state.note_newest(part);
        if let Err(failure) = state.write(&self.folder) {
            log::warn!("{failure}");
        }
        if let Some(lost) = lost {
            let what = self.lost_snapshot(&part.name, outcome, &lost);
            self.alert(report, &what);
        }
    }

    /// The news that a mirror's newest snapshot is gone.
    fn lost_snapshot(&self, mirror: &str, outcome: Option<&Outcome>, lost: &Newest) -> String {
        let path = self.path.shown();
        let (number, id) = (lost.number, lost.id.shown());
        match outcome {
            Some(outcome) if outcome.mirrored == Mirrored::Cloned => format!(
                "{path}/{mirror} was missing with its snapshots: it is cloned again, and the states that only the backup had are lost"
            ),
            Some(outcome) if outcome.had_no_snapshot => format!(
                "{path}/snapshots/{mirror} was missing: a new first snapshot is made, and the earlier ones are lost"
            ),
            _ => format!(
                "{path}/snapshots/{mirror}: the newest snapshot, number {number} ({id}), was missing"
            ),
        }
    }
}
