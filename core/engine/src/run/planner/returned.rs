//! Repositories that were brought back to the hoster they had been backed up from: under a new id, they go on
//! in the folder that they have had.

use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::restores::Returned;
use forgekeep_store::trash;
use forgekeep_untrusted::Untrusted;
use serde_json::Value;

use super::{Planner, error_note};

/// Key of a state file, for those who look for what a repository was: the ids it has had.
const FORMER_IDS: &str = "formerIds";

impl Planner<'_> {
    /// Gives the folders of what was brought back to the repositories that stand for it now. What is still
    /// listed under its old id keeps its folder.
    pub(super) fn take_returned(
        &mut self,
        index: usize,
        listed: &mut [Repository],
    ) -> Vec<Finding> {
        let Some(server) = self.sources[index].server.clone() else {
            return Vec::new();
        };
        let folder = &self.engine.config.local_folder;
        let now = self.asking.now;
        let returned = Returned::read(folder, &server.hoster, &server.api_url, now);
        self.renew_trash(&server.hoster, listed, &returned);
        // What has no refs yet would be taken for one that has lost them all.
        for repository in listed.iter_mut() {
            let (id, name) = (&repository.id, &repository.full_name);
            let is_known = self.sources[index].catalogue.folder_of(id).is_some();
            if returned.is_under_way(id, name, is_known) {
                let why = "a restore to it is under way, or was interrupted: run it again, so that it is whole";
                repository.skip = Some(why.into());
            }
        }
        let pairs = returned.pairs;
        let mut notes = Vec::new();
        let mut number = 0;
        for repository in listed.iter().filter(|_| !pairs.is_empty()) {
            let new = &repository.id;
            let Some(old) = pairs.get(new) else {
                continue;
            };
            let catalogue = &self.sources[index].catalogue;
            let is_listed = listed.iter().any(|other| other.id == *old);
            let Some(known) = catalogue.folder_of(old).map(str::to_owned) else {
                continue;
            };
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

    /// Gives what is in the trash the ids that it came back under, so that it is taken from there.
    fn renew_trash(&self, hoster: &str, listed: &[Repository], returned: &Returned) {
        if self.cases.is_none() || returned.pairs.is_empty() {
            return;
        }
        let entries = trash::entries(&self.engine.config.local_folder).unwrap_or_default();
        for entry in entries {
            let mut pairs = returned.pairs.iter();
            let is_it = |(new, old): &(&Untrusted, &Untrusted)| {
                entry.state.hoster == hoster
                    && entry.state.id == **old
                    && listed.iter().any(|one| one.id == **new)
            };
            if let Some((new, _)) = pairs.find(is_it).filter(|_| entry.unread.is_none())
                && let Err(failure) = renewed(entry.state.clone(), new).write(&entry.folder)
            {
                log::warn!("{failure}");
            }
        }
    }

    fn rewrite(&self, index: usize, folder: &str, new: &Untrusted) -> Result<(), Failure> {
        let folder = self.sources[index].folder.join(folder);
        let state = RepositoryState::read(&folder)?.or_else(|| RepositoryState::recover(&folder));
        let Some(mut state) = state.map(|state| renewed(state, new)) else {
            return Ok(());
        };
        state.gone = None;
        state.missing = None;
        state.write(&folder)
    }
}

/// A state under another id, which remembers the one it had.
fn renewed(mut state: RepositoryState, new: &Untrusted) -> RepositoryState {
    let former = state
        .more
        .entry(FORMER_IDS)
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(ids) = former {
        ids.push(Value::from(state.id.raw()));
    }
    state.id = new.clone();
    state
}
