//! What the disk says, whatever the reports do.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use forgekeep_failure::Failure;
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use rayon::prelude::*;

use super::{RepositoryStatus, SourceStatus, Status, Unreadable};
use crate::drills::Drills;
use crate::health::Health;
use crate::inventory::{self, Kept};
use crate::layout::{DRILLED, OWN_FOLDER, VERIFIED};

/// What is kept of one repository.
struct OnDisk {
    kept: Kept,
    size: u64,
    snapshots: usize,
    newest: Option<super::NewestSnapshot>,
}

/// Adds what is in the backup folder: to what the reports know, and what they do not.
pub(super) fn add(status: &mut Status, folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        status.no_backup = inventory::absence(folder, &[]);
        return Ok(());
    }
    let health = match Health::read(folder) {
        Ok(health) => Some(health),
        Err(failure) => {
            let file = folder.join(OWN_FOLDER).join(VERIFIED.name);
            status.unreadable.push(Unreadable {
                file: file.shown().into(),
                why: failure.message,
            });
            None
        }
    };
    let drills = match Drills::read(folder) {
        Ok(drills) => drills,
        Err(failure) => {
            let file = folder.join(OWN_FOLDER).join(DRILLED.name);
            status.unreadable.push(Unreadable {
                file: file.shown().into(),
                why: failure.message,
            });
            Drills::nothing(folder)
        }
    };
    let all = inventory::read(folder)?;
    status.no_backup = inventory::absence(folder, &all);
    let all: Vec<OnDisk> = all.into_par_iter().map(look).collect();
    let mut known: Vec<ReportedRepositories> = status
        .sources
        .iter()
        .map(ReportedRepositories::of)
        .collect();
    for on_disk in all {
        let kept = &on_disk.kept;
        let at = status.sources.iter().position(|s| s.title == kept.title);
        let at = at.unwrap_or_else(|| {
            let state = kept.state.as_ref().ok().and_then(Option::as_ref);
            let hoster = state.map_or("", |state| &state.hoster);
            status.sources.push(SourceStatus {
                configured: false,
                ..SourceStatus::new(kept.title.clone(), hoster)
            });
            known.push(ReportedRepositories::default());
            status.sources.len() - 1
        });
        let source = &mut status.sources[at];
        let index = known[at].index_of(kept).unwrap_or_else(|| {
            let id = kept.id().cloned().unwrap_or_default();
            let blank = RepositoryStatus::new(id.printable(), kept.full_name.printable());
            source.repositories.push(blank);
            source.repositories.len() - 1
        });
        let verified = health
            .as_ref()
            .and_then(|health| health.of(&kept.title, kept.id(), &kept.path));
        let drilled = drills.of(&kept.title, kept.id(), &kept.path);
        let repository = &mut source.repositories[index];
        repository.drilled = drilled.map(|drilled| drilled.drilled);
        repository.drilled_good = drilled.map(|drilled| drilled.good);
        repository.path.clone_from(&on_disk.kept.path);
        repository.size = Some(on_disk.size);
        repository.snapshots = Some(on_disk.snapshots);
        repository.newest_snapshot = on_disk.newest;
        match &on_disk.kept.state {
            Ok(state) => repository.gone = state.as_ref().and_then(|state| state.gone),
            Err(failure) => repository.unreadable = Some(failure.message.clone()),
        }
        if let Some(verified) = verified {
            repository.verified = Some(verified.verified);
            repository.damage.clone_from(&verified.damage);
        }
    }
    Ok(())
}

/// What the reports know of a source's repositories.
#[derive(Default)]
struct ReportedRepositories {
    by_id: HashMap<Printable, usize>,
    by_path: HashMap<Untrusted, usize>,
}

impl ReportedRepositories {
    fn of(source: &SourceStatus) -> Self {
        let mut known = Self::default();
        for (index, repository) in source.repositories.iter().enumerate() {
            if !repository.id.is_empty() {
                known.by_id.insert(repository.id.clone(), index);
            }
            if !repository.path.is_empty() {
                known.by_path.insert(repository.path.clone(), index);
            }
        }
        known
    }

    fn index_of(&self, kept: &Kept) -> Option<usize> {
        match kept.id() {
            Some(id) => self.by_id.get(&id.printable()).copied(),
            None => self.by_path.get(&kept.path).copied(),
        }
    }
}

fn look(kept: Kept) -> OnDisk {
    let snapshots: Vec<_> = kept
        .parts()
        .map(|part| part.snapshots().entries().unwrap_or_default())
        .collect();
    let newest = snapshots
        .first()
        .and_then(|of_repository| of_repository.last());
    OnDisk {
        size: bytes_in(&kept.folder),
        snapshots: snapshots.iter().map(Vec::len).sum(),
        newest: newest.map(|entry| super::NewestSnapshot {
            id: entry.id.clone(),
            time: entry.time,
        }),
        kept,
    }
}

/// Bytes of all files in a folder and below. What goes meanwhile, or cannot be read, does not count.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_in(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}
