//! Repositories that were brought back to the hoster they had been backed up from: under a new id, they go on
//! in the folder that they have had.

use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_restore_notes::Returned;
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::trash;
use forgekeep_untrusted::Untrusted;

use super::{Planner, error_note};

impl Planner<'_> {
    /// Gives the folders of what was brought back to the repositories that stand for it now. What is still
    /// listed under its old id keeps its folder.
    pub(super) fn take_returned(
        &mut self,
        index: usize,
        listed: &mut [Box<Repository>],
    ) -> Vec<Finding> {
        let Some(server) = self.sources[index].server.clone() else {
            return Vec::new();
        };
        let folder = &self.engine.config.local_folder;
        let now = self.asking.now;
        let returned = Returned::read(folder, &server.hoster, &server.api_url, now);
        if self.cases.is_some() && !returned.pairs.is_empty() {
            let mut pairs = returned.pairs.clone();
            pairs.retain(|new, _| listed.iter().any(|one| one.id == *new));
            trash::renew(folder, &server.hoster, &pairs);
        }
        // What has no refs yet would be taken for one that has lost them all.
        let mut left_out = 0;
        for repository in listed.iter_mut() {
            let (id, name) = (&repository.id, &repository.full_name);
            let is_known = self.sources[index].catalogue.folder_of(id).is_some();
            if returned.is_under_way(id, name, is_known) {
                let why = "a restore to it is under way, or was interrupted: run it again, so that it is whole";
                repository.skip = Some(why.into());
                left_out += 1;
            }
        }
        let pairs = returned.pairs;
        let mut notes = Vec::new();
        if left_out > 0 {
            let what = match left_out {
                1 => "1 repository is left out:".to_owned(),
                number => format!("{number} repositories are left out:"),
            };
            let message = format!("{what} a restore to it is under way, or was interrupted");
            notes.push(Finding {
                hint: "run `forgekeep restore --to-hoster` again, so that it is whole; it is left out for a week at most".into(),
                ..Finding::warning(message)
            });
        }
        let mut number = 0;
        for repository in listed.iter().filter(|_| !pairs.is_empty()) {
            let new = &repository.id;
            let catalogue = &self.sources[index].catalogue;
            let mut former = pairs.get(new).into_iter().flatten();
            // The last id that the backup has it under.
            let known = |old| Some((old, catalogue.folder_of(old)?.to_owned()));
            let Some((old, known)) = former.find_map(known) else {
                continue;
            };
            let is_listed = listed.iter().any(|other| other.id == *old);
            if is_listed || catalogue.folder_of(new).is_some() {
                continue;
            }
            if self.cases.is_some()
                && let Err(failure) = self.rewrite(index, &known, new)
            {
                let doing = "what was brought back is cloned again, beside its old folder";
                notes.push(error_note(failure.while_doing(doing)));
                continue;
            }
            self.sources[index].catalogue.renew(old, new);
            number += 1;
        }
        if number > 0 {
            let what = match number {
                1 => "1 repository that was restored goes".to_owned(),
                number => format!("{number} repositories that were restored go"),
            };
            let message = format!("{what} on in the old folder, with the history");
            notes.push(Finding::info(message));
        }
        notes
    }

    fn rewrite(&self, index: usize, folder: &str, new: &Untrusted) -> Result<(), Failure> {
        let folder = self.sources[index].folder.join(folder);
        let state = RepositoryState::read(&folder)?.or_else(|| RepositoryState::recover(&folder));
        let Some(mut state) = state else {
            return Ok(());
        };
        state.renew(new);
        state.gone = None;
        state.missing = None;
        state.write(&folder)
    }
}
