//! What the disk says, whatever the reports do.

use std::collections::HashMap;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::drills::Drills;
use forgekeep_store::health::Health;
use forgekeep_store::inventory;
use forgekeep_store::layout::{DRILLED, OWN_FOLDER, StateFile, VERIFIED};
use forgekeep_untrusted::{Printable, Show as _, Untrusted};

use super::folders::{self, KnownFolders, OnDisk};
use super::model::{RepositoryStatus, SourceStatus, Status, Unreadable, UnreadableKind};

/// Adds what is in the backup folder: to what the reports know, and what they do not.
pub(super) fn add(status: &mut Status, folder: &Path) -> Result<(), Failure> {
    if !folder.exists() {
        status.no_backup = inventory::absence(folder, true);
        return Ok(());
    }
    let health = match Health::read(folder) {
        Ok(health) => Some(health),
        Err(failure) => {
            status
                .unreadable
                .push(unreadable(folder, &VERIFIED, failure));
            None
        }
    };
    let drills = match Drills::read(folder) {
        Ok(drills) => drills,
        Err(failure) => {
            status
                .unreadable
                .push(unreadable(folder, &DRILLED, failure));
            Drills::nothing(folder)
        }
    };
    let (health, drills) = (health.as_ref().map(Health::lookup), drills.lookup());
    let all = folders::look(folder, &KnownFolders::read(folder))?;
    status.no_backup = inventory::absence(folder, all.is_empty());
    let mut known: Vec<ReportedRepositories> = status
        .sources
        .iter()
        .map(ReportedRepositories::of)
        .collect();
    for on_disk in all {
        let at = status.sources.iter().position(|s| s.title == on_disk.title);
        let at = at.unwrap_or_else(|| {
            status.sources.push(SourceStatus {
                configured: false,
                ..SourceStatus::new(on_disk.title.clone(), &on_disk.hoster)
            });
            known.push(ReportedRepositories::default());
            status.sources.len() - 1
        });
        let source = &mut status.sources[at];
        let index = known[at].index_of(&on_disk).unwrap_or_else(|| {
            let id = on_disk.id.clone().unwrap_or_default();
            let blank = RepositoryStatus::new(id.printable(), on_disk.name.printable());
            source.repositories.push(blank);
            source.repositories.len() - 1
        });
        let (title, id, path) = (&on_disk.title, on_disk.id.as_ref(), &on_disk.path);
        let verified = health
            .as_ref()
            .and_then(|health| health.of(title, id, path));
        let drilled = drills.of(title, id, path);
        let repository = &mut source.repositories[index];
        repository.drilled = drilled.map(|drilled| drilled.drilled);
        repository.drilled_good = drilled.map(|drilled| drilled.good);
        if let Some(verified) = verified {
            repository.verified = Some(verified.verified);
            repository.damage.clone_from(&verified.damage);
        }
        repository.path = on_disk.path;
        repository.size = Some(on_disk.size);
        repository.snapshots = Some(on_disk.snapshots);
        repository.newest_snapshot = on_disk.newest;
        repository.gone = on_disk.gone;
        repository.unreadable = on_disk.unreadable;
    }
    Ok(())
}

fn unreadable(folder: &Path, file: &StateFile, failure: Failure) -> Unreadable {
    let kind = match failure.kind {
        ErrorKind::Disk | ErrorKind::Machine => UnreadableKind::Refused,
        _ => UnreadableKind::Damaged,
    };
    Unreadable {
        file: folder.join(OWN_FOLDER).join(file.name).shown().into(),
        kind,
        why: failure.message,
    }
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

    fn index_of(&self, on_disk: &OnDisk) -> Option<usize> {
        match &on_disk.id {
            Some(id) => self.by_id.get(&id.printable()).copied(),
            None => self.by_path.get(&on_disk.path).copied(),
        }
    }
}
