//! Sources with a new title: what is in the folder of a title that is no longer configured is taken
//! over, not cloned again.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;

use forgekeep_config::filter::Decision;
use forgekeep_failure::{Failure, Finding};
use forgekeep_store::catalogue::{self, Catalogue, Listing, RepositoryState};
use forgekeep_store::health::Health;
use forgekeep_store::layout::{CONFIGURATIONS, OWN_FOLDER};
use forgekeep_store::part;
use forgekeep_store::trash;
use forgekeep_untrusted::{Show as _, Untrusted, names};

use super::{Asked, Opened, error_note, opened};
use crate::completeness::{Key, Listings};
use crate::event::{Event, Observer};
use crate::run::Engine;

/// The folder of a title that is not configured.
struct Orphan {
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

/// Why a source may have a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It lists it now.
    Listed,
    /// It lists what the old title listed: what is gone goes along.
    SameListing,
}

/// What has come to a source from an orphan.
#[derive(Default)]
struct Taken {
    number: usize,
    failed: Option<Failure>,
}

impl Engine {
    /// Moves what listed sources had under a title that is no longer configured into their folders.
    /// A run that is killed in this leaves the rest to the next one.
    pub(super) fn take_over(
        &self,
        asked: &mut [Asked<'_>],
        listings: &mut Listings,
        observer: &dyn Observer,
    ) {
        let mut orphans = self.orphans();
        let mut all_taken: HashMap<(usize, usize), Taken> = HashMap::new();
        // Where several may have one: first whoever lists it, in the order of the configuration.
        for claim in [Claim::Listed, Claim::SameListing] {
            for (index, asked) in asked.iter_mut().enumerate() {
                let Ok(found) = &mut asked.answer else {
                    continue;
                };
                for (of, orphan) in orphans.iter_mut().enumerate() {
                    let taken = all_taken.entry((index, of)).or_default();
                    found.take_from(orphan, claim, listings, taken);
                }
            }
        }
        for (of, orphan) in orphans.iter().enumerate() {
            for (index, asked) in asked.iter_mut().enumerate() {
                let taken = all_taken.remove(&(index, of)).unwrap_or_default();
                if let Ok(found) = &mut asked.answer {
                    found.tell(orphan, taken, observer);
                }
            }
        }
        for asked in &mut *asked {
            if let Ok(found) = &mut asked.answer
                && found.has_taken
            {
                match Catalogue::read(&found.source.folder, &found.source.hoster) {
                    Ok(catalogue) => found.catalogue = catalogue,
                    Err(failure) => asked.answer = Err(failure),
                }
            }
        }
        self.retitle_trash(asked);
        self.retitle_health(asked);
    }

    fn is_configured(&self, title: &str) -> bool {
        self.config.sources.iter().any(|s| s.title == title)
    }

    fn orphans(&self) -> Vec<Orphan> {
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
                    title: names::decode_component(&name).unwrap_or(name).into(),
                    folder: entry.path(),
                    by_hoster: HashMap::new(),
                });
            }
        }
        orphans.sort_by(|a, b| a.title.cmp(&b.title));
        orphans
    }

    /// What is in the trash is shown with the title that the source has now.
    fn retitle_trash(&self, asked: &[Asked<'_>]) {
        let entries = trash::entries(&self.config.local_folder).unwrap_or_default();
        for entry in entries {
            if self.is_configured(entry.trashed.source.raw()) || entry.unread.is_some() {
                continue;
            }
            let mut sources = opened(asked).map(|found| &found.source);
            let source = sources.find(|source| {
                source.hoster == entry.state.hoster
                    && entry.state.listing.as_ref() == Some(&source.listing())
            });
            if let Some(source) = source {
                let mut state = entry.state.clone();
                let mut trashed = entry.trashed.clone();
                trashed.source = source.title.as_str().into();
                state.trashed = Some(trashed);
                if let Err(failure) = state.write(&entry.folder) {
                    log::warn!("{failure}");
                }
            }
        }
    }

    /// What is known to be damaged is known under the new title too.
    fn retitle_health(&self, asked: &[Asked<'_>]) {
        // One that cannot be read is told by whoever needs it.
        let Ok(mut health) = Health::read(&self.config.local_folder) else {
            return;
        };
        let is_orphan = |title: &Untrusted| !self.is_configured(title.raw());
        let place = |id: &Untrusted| {
            opened(asked).find_map(|found| {
                let folder = found.catalogue.folder_of(id)?;
                let path = format!("{}/{folder}", found.source.folder_name);
                Some((found.source.title.as_str().into(), path.into()))
            })
        };
        if health.move_entries(is_orphan, place)
            && let Err(failure) = health.write()
        {
            log::warn!("{failure}");
        }
    }
}

impl Orphan {
    fn of_hoster(&mut self, hoster: &str) -> &mut Vec<Kept> {
        let folder = &self.folder;
        let read = || {
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
            all
        };
        self.by_hoster.entry(hoster.to_owned()).or_insert_with(read)
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

impl Opened {
    fn take_from(
        &mut self,
        orphan: &mut Orphan,
        claim: Claim,
        listings: &mut Listings,
        taken: &mut Taken,
    ) {
        let listing = self.source.listing();
        let (title, from) = (orphan.title.clone(), orphan.folder.clone());
        let kept = orphan.of_hoster(&self.source.hoster);
        let mut known = kept.iter().filter_map(|kept| kept.listing.as_ref());
        let is_same = known.clone().any(|of| *of == listing);
        // An id is good within one server: without a state file, the others tell which one it was.
        let of_one_server =
            known.clone().next().is_some() && known.all(|of| of.api_url == listing.api_url);
        let wanted = match (claim, kept.is_empty()) {
            (Claim::Listed, false) => self.backed_up(),
            _ => HashSet::new(),
        };
        let is_for = |opened: &Self, kept: &Kept| {
            if opened.catalogue.folder_of(&kept.id).is_some() {
                return false;
            }
            let of_server = match &kept.listing {
                Some(of) => of.api_url == listing.api_url,
                None => of_one_server,
            };
            match claim {
                Claim::Listed => of_server && wanted.contains(&kept.id),
                Claim::SameListing => kept.listing.as_ref() == Some(&listing),
            }
        };
        let mut left = Vec::new();
        for kept in kept.drain(..) {
            if !is_for(self, &kept) {
                left.push(kept);
                continue;
            }
            // First of all: a run that is killed leaves the number to compare with.
            if is_same {
                let key = Key {
                    title: &self.source.title,
                    hoster: &self.source.hoster,
                    name: &self.source.name,
                };
                listings.retitle(title.raw(), key);
            }
            let name = self.free_name(&kept.folder);
            let target = self.source.folder.join(&name);
            match catalogue::relocate(&from.join(&kept.folder), &target) {
                Ok(()) => {
                    self.catalogue.claim(&name, &kept.id);
                    taken.number += 1;
                }
                Err(failure) => {
                    taken.failed.get_or_insert(failure);
                    left.push(kept);
                }
            }
        }
        *kept = left;
    }

    /// What is listed and let through by the filters.
    fn backed_up(&self) -> HashSet<Untrusted> {
        let included = |full_name: &str| self.filter.decide(full_name) == Decision::Included;
        let all = self
            .repositories
            .iter()
            .filter(|r| included(r.full_name.raw()));
        all.map(|r| r.id.clone()).collect()
    }

    fn free_name(&self, folder: &str) -> String {
        let is_taken = |name: &str| {
            let key = names::collision_key(name);
            self.catalogue.owner(&key).is_some()
                || self.source.folder.join(name).symlink_metadata().is_ok()
        };
        let mut name = folder.to_owned();
        let mut number = 1;
        while is_taken(&name) {
            number += 1;
            name = format!("{folder}~{number}");
        }
        name
    }

    fn tell(&mut self, orphan: &Orphan, taken: Taken, observer: &dyn Observer) {
        let title = orphan.title.shown();
        let mut findings = Vec::new();
        if taken.number > 0 {
            self.has_taken = true;
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
        for finding in findings {
            observer.event(&Event::Note {
                source: &self.source.title,
                finding: &finding,
            });
            self.notes.push(finding);
        }
    }
}
