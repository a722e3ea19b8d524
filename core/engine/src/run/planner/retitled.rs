//! Sources with a new title: what is in the folder of a title that is no longer configured (an orphan)
//! is taken over, not cloned again.
//!
//! Where several sources may have a repository, the first in the configuration that backs it up gets
//! it: so one that is listed before those ahead of it leaves it undecided. What nobody lists any more
//! goes along with the listing it came from, when all sources are listed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_config::filter::{Decision, RepoFilter};
use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_store::catalogue::{self, Catalogue, Listing, RepositoryState};
use forgekeep_store::layout::{CONFIGURATIONS, OWN_FOLDER};
use forgekeep_store::part;
use forgekeep_store::{trash, versions};
use forgekeep_untrusted::{Show as _, Untrusted, names};

use super::judged::error_note;
use super::{Planner, SourceToPlan, State};
use crate::event::note_of;
use crate::run::Engine;

/// The folder of a title that is not configured.
pub(super) struct Orphan {
    title: Untrusted,
    folder: PathBuf,
    by_hoster: HashMap<String, Vec<Kept>>,
}

/// A repository in it.
struct Kept {
    id: Untrusted,
    folder: String,
    /// `None` where its state file is missing or damaged.
    listing: Option<Listing>,
}

/// What has come to a source from an orphan.
#[derive(Default)]
pub(super) struct Taken {
    number: usize,
    failed: Option<Failure>,
}

impl Planner<'_> {
    /// Takes over what a source lists now and backs up. What a source ahead of it may want, it leaves.
    pub(super) fn take_listed(&mut self, index: usize, listed: &[Box<Repository>]) {
        if self.orphans_of(index).is_empty() || self.may_be_wanted_before(index) {
            return;
        }
        let source = self.sources[index].source;
        // One of its own: that of the source counts what it decides.
        let Ok(filter) = RepoFilter::new(&source.include_repos, &source.ignore_repos) else {
            return;
        };
        let is_wanted = |full_name: &str| filter.decide_name(full_name) == Decision::Included;
        let wanted = listed.iter().filter(|r| is_wanted(r.full_name.raw()));
        self.take_orphans(index, &wanted.map(|r| &r.id).collect());
    }

    /// Takes over what a source wants of the orphans.
    pub(super) fn take_orphans(&mut self, index: usize, wanted: &HashSet<&Untrusted>) {
        self.keep_number(index);
        self.take(index, |kept, is_of_server, _| {
            is_of_server && wanted.contains(&kept.id)
        });
    }

    /// What is in the orphans that a source may take from them.
    pub(super) fn orphaned(&self, index: usize) -> HashSet<&Untrusted> {
        let mut ids = HashSet::new();
        for orphan in &self.orphans {
            let (all, is_of_server) = orphan.of_source(&self.sources[index]);
            ids.extend(
                all.iter()
                    .filter(|kept| is_of_server(kept))
                    .map(|kept| &kept.id),
            );
        }
        ids
    }

    /// Whether a source ahead of one in the configuration is still to be listed, and may want what that
    /// one wants.
    pub(super) fn may_be_wanted_before(&self, index: usize) -> bool {
        let mut before = self.of_server(index).take_while(|other| *other < index);
        before.any(|other| self.sources[other].is_awaited())
    }

    /// Whether a source has repositories under a title that it had.
    pub(super) fn has_old_title(&self, index: usize) -> bool {
        self.orphans_of(index).iter().any(|at| {
            let (all, _) = self.orphans[*at].of_source(&self.sources[index]);
            all.iter().any(|kept| self.is_same_listing(index, kept))
        })
    }

    /// What is left of the listing that a source goes on with goes along, and what has come is told.
    pub(super) fn take_same_listings(&mut self) {
        for index in 0..self.sources.len() {
            if self.sources[index].listed().is_some() {
                self.keep_number(index);
                self.take(index, |kept, _, source| {
                    let listed = source.listed();
                    let is_planned =
                        listed.is_some_and(|of| of.listed.get(&kept.id) == Some(&true));
                    // What it is about to clone could not be taken.
                    !is_planned && kept.listing.as_ref() == source.listing().as_ref()
                });
            }
        }
        for at in 0..self.orphans.len() {
            for index in 0..self.sources.len() {
                if let Some(taken) = self.sources[index].taken.remove(&at) {
                    self.tell(at, index, taken);
                }
            }
        }
        self.retitle_trash();
    }

    fn is_same_listing(&self, index: usize, kept: &Kept) -> bool {
        let listing = self.sources[index].listing();
        listing.is_some() && kept.listing == listing
    }

    /// The orphans with something of a source's hoster, which are read when they are first asked for.
    fn orphans_of(&self, index: usize) -> Vec<usize> {
        let all = self.orphans.iter().enumerate();
        let some = all.filter(|(_, orphan)| !orphan.of_source(&self.sources[index]).0.is_empty());
        some.map(|(at, _)| at).collect()
    }

    /// Before anything is taken: a run that is killed leaves the number to compare with.
    fn keep_number(&mut self, index: usize) {
        for at in self.orphans_of(index) {
            let source = &self.sources[index];
            let (all, _) = self.orphans[at].of_source(source);
            if all
                .iter()
                .any(|kept| kept.listing.is_some() && kept.listing == source.listing())
            {
                let title = self.orphans[at].title.clone();
                self.listings.retitle(title.raw(), source.key());
                let folder = &self.engine.config.local_folder;
                if let Err(failure) = versions::retitle(folder, title.raw(), &source.source.title) {
                    log::warn!("{failure}");
                }
            }
        }
    }

    /// Moves what a source is to have from the orphans into its folder. A run that is killed in this
    /// leaves the rest to the next one.
    fn take(&mut self, index: usize, is_for: impl Fn(&Kept, bool, &SourceToPlan<'_>) -> bool) {
        let Some(hoster) = self.sources[index].hoster() else {
            return;
        };
        let mut come = Vec::new();
        for at in self.orphans_of(index) {
            let orphan = &mut self.orphans[at];
            let source = &mut self.sources[index];
            let wanted = orphan.wanted(source, &is_for);
            if wanted.is_empty() {
                continue;
            }
            // What a killed run has left there does not come along.
            if let Err(failure) = part::remove_leftovers(&orphan.folder) {
                log::warn!("{failure}");
            }
            let taken = source.taken.entry(at).or_default();
            let kept = orphan.by_hoster.entry(hoster.clone()).or_default();
            kept.retain(|kept| {
                if !wanted.contains(&kept.id) {
                    return true;
                }
                let name = free_name(&source.catalogue, &source.folder, &kept.folder);
                let target = source.folder.join(&name);
                match catalogue::relocate(&orphan.folder.join(&kept.folder), &target) {
                    Ok(()) => {
                        source.catalogue.take_in(&source.folder, &name, &hoster);
                        taken.number += 1;
                        come.push((kept.id.clone(), name));
                        false
                    }
                    Err(failure) => {
                        taken.failed.get_or_insert(failure);
                        true
                    }
                }
            });
        }
        if !come.is_empty() {
            self.retitle_health(index);
            self.sources[index].note_come(come);
        }
    }

    fn tell(&mut self, at: usize, index: usize, taken: Taken) {
        let orphan = &self.orphans[at];
        let title = orphan.title.shown();
        let mut findings = Vec::new();
        if taken.number > 0 {
            orphan.remove_if_empty();
            let what = match taken.number {
                1 => "1 repository was".to_owned(),
                number => format!("{number} repositories were"),
            };
            findings.push(Finding::warning(format!(
                "{what} taken over, with the history, from \"{title}\", a title that is no longer configured"
            )));
        }
        if let Some(failure) = taken.failed {
            let doing = format!("what was backed up as \"{title}\" cannot be taken over");
            findings.push(error_note(failure.while_doing(&doing)));
        }
        if let Some(listed) = self.sources[index].listed_mut() {
            for finding in findings {
                note_of(&mut listed.run.report, finding, self.observer);
            }
        }
    }

    /// What is in the trash is shown with the title that the source has now.
    fn retitle_trash(&self) {
        let entries = trash::entries(&self.engine.config.local_folder).unwrap_or_default();
        for entry in entries {
            if self.engine.is_configured(entry.trashed.source.raw()) || entry.unread.is_some() {
                continue;
            }
            let mut sources = self.sources.iter().filter(|of| of.listed().is_some());
            let source = sources.find(|source| {
                source.hoster().as_ref() == Some(&entry.state.hoster)
                    && entry.state.listing.is_some()
                    && entry.state.listing == source.listing()
            });
            if let Some(source) = source {
                let mut state = entry.state.clone();
                let mut trashed = entry.trashed.clone();
                trashed.source = source.source.title.as_str().into();
                state.trashed = Some(trashed);
                if let Err(failure) = state.write(&entry.folder) {
                    log::warn!("{failure}");
                }
            }
        }
    }

    /// What is known to be damaged is known under the new title too.
    fn retitle_health(&self, index: usize) {
        let Some(cases) = self.cases else {
            return;
        };
        let source = &self.sources[index];
        let is_orphan = |title: &Untrusted| !self.engine.is_configured(title.raw());
        let place = |id: &Untrusted| {
            let folder = source.catalogue.folder_of(id)?;
            let path = format!("{}/{folder}", source.folder_name);
            Some((source.source.title.as_str().into(), path.into()))
        };
        cases.retitle(is_orphan, place);
    }
}

impl SourceToPlan<'_> {
    /// What has come after the source was planned is missed or back like the rest.
    fn note_come(&mut self, come: Vec<(Untrusted, String)>) {
        let State::Listed(listed) = &mut self.state else {
            return;
        };
        for (id, folder) in come {
            if !listed.listed.contains_key(&id) {
                listed.run.unlisted.push(folder);
            } else if self.catalogue.is_gone(&id) {
                listed.run.returned.push(folder);
            }
        }
    }

    fn hoster(&self) -> Option<String> {
        self.server.as_ref().map(|server| server.hoster.clone())
    }

    /// Which listing its repositories are from.
    fn listing(&self) -> Option<Listing> {
        let server = self.server.as_ref()?;
        Some(Listing {
            api_url: server.api_url.clone(),
            name: self.source.name.clone(),
        })
    }
}

impl Engine {
    fn is_configured(&self, title: &str) -> bool {
        self.config.sources.iter().any(|s| s.title == title)
    }

    /// What there is. `hosters` are those whose repositories in it may be asked for.
    pub(super) fn orphans(&self, hosters: &HashSet<String>) -> Vec<Orphan> {
        let Ok(entries) = fs::read_dir(&self.config.local_folder) else {
            return Vec::new();
        };
        let mut orphans = Vec::new();
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let is_ours = name == OWN_FOLDER || name == CONFIGURATIONS;
            let mut sources = self.config.sources.iter();
            let has_source = sources.any(|s| names::encode_component(&s.title) == name);
            if !is_ours && !has_source && entry.path().is_dir() {
                orphans.push(Orphan {
                    by_hoster: kept(&entry.path(), hosters),
                    title: names::decode_component(&name).unwrap_or(name).into(),
                    folder: entry.path(),
                });
            }
        }
        orphans.sort_by(|a, b| a.title.cmp(&b.title));
        orphans
    }
}

/// What is in an orphan, by the hosters.
fn kept(folder: &Path, hosters: &HashSet<String>) -> HashMap<String, Vec<Kept>> {
    let of_hoster = |hoster: &String| {
        let catalogue = Catalogue::read(folder, hoster).unwrap_or_default();
        let mut all: Vec<Kept> = catalogue
            .ids()
            .map(|(id, name)| Kept {
                id: id.clone(),
                folder: name.to_owned(),
                listing: RepositoryState::read(&folder.join(name))
                    .ok()
                    .flatten()
                    .and_then(|state| state.listing),
            })
            .collect();
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        (hoster.clone(), all)
    };
    hosters.iter().map(of_hoster).collect()
}

impl Orphan {
    /// What it has of a source's hoster, and what of that is of the source's server.
    fn of_source(&self, source: &SourceToPlan<'_>) -> (&[Kept], impl Fn(&Kept) -> bool) {
        let server = source.server.as_ref();
        let all = server.and_then(|server| self.by_hoster.get(&server.hoster));
        let all = all.map_or(&[][..], Vec::as_slice);
        let api_url = server.map_or("", |server| &server.api_url).to_owned();
        let mut known = all.iter().filter_map(|kept| kept.listing.as_ref());
        // An id is good within one server: without a state file, the others tell which one it was.
        let of_one_server = known.clone().next().is_some() && known.all(|of| of.api_url == api_url);
        let is_of_server = move |kept: &Kept| match &kept.listing {
            Some(of) => of.api_url == api_url,
            None => of_one_server,
        };
        (all, is_of_server)
    }

    /// The identities that a source is to have from it.
    fn wanted(
        &self,
        source: &SourceToPlan<'_>,
        is_for: impl Fn(&Kept, bool, &SourceToPlan<'_>) -> bool,
    ) -> HashSet<Untrusted> {
        let (all, is_of_server) = self.of_source(source);
        let wanted = all.iter().filter(|kept| {
            source.catalogue.folder_of(&kept.id).is_none()
                && is_for(kept, is_of_server(kept), source)
        });
        wanted.map(|kept| kept.id.clone()).collect()
    }

    /// Removes the folder if nothing is left in it but what killed runs began.
    fn remove_if_empty(&self) {
        if let Err(failure) = part::remove_leftovers(&self.folder) {
            log::warn!("{failure}");
        }
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            // Only an empty folder can be removed like this.
            let _ = fs::remove_dir(entry.path());
        }
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The name that a folder gets below a source's: its own, if that is free.
fn free_name(catalogue: &Catalogue, source_folder: &Path, folder: &str) -> String {
    let is_taken = |name: &str| {
        catalogue.owner(&names::collision_key(name)).is_some()
            || source_folder.join(name).symlink_metadata().is_ok()
    };
    let mut name = folder.to_owned();
    let mut number = 1;
    while is_taken(&name) {
        number += 1;
        name = format!("{folder}~{number}");
    }
    name
}
