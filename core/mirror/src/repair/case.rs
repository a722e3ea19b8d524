//! What is known of a mirror's damage, in the course of a run.

use std::collections::HashSet;
use std::path::Path;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::parse_oid;
use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::health::{Damage, Health, Verified, is_in, is_still_lost};
use forgekeep_store::history::Seen;
use forgekeep_store::layout::STATE_FILE;
use forgekeep_store::{layout, snapshot};
use forgekeep_untrusted::{Show as _, Untrusted};
use forgekeep_verify::{Examined, Finding};
use git2::Oid;
use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

/// All that is known in a backup folder.
pub struct RepairCases {
    /// None if a newer version has written it: then it is left alone.
    health: Mutex<Option<Health>>,
    /// Ids and folders of those about whom something is known: most are sound, and there are many.
    ill: Mutex<HashSet<Untrusted>>,
    /// What there was after the last runs.
    pub seen: Seen,
}

/// One mirror.
pub struct RepairCase<'a> {
    /// All that there are in the run.
    pub cases: &'a RepairCases,
    /// Title of the source.
    pub source: &'a Untrusted,
    /// The hoster's identity of the repository.
    pub id: &'a Untrusted,
    /// Full name at the hoster.
    pub name: &'a Untrusted,
    /// The repository's folder below the backup folder, parts joined by `/`.
    pub path: &'a Untrusted,
    /// The mirror.
    pub mirror: &'a Path,
    /// Whether it has no `HEAD`: there is none, or it is damaged.
    pub lacks_head: bool,
}

impl RepairCases {
    /// Reads what is known.
    pub fn read(local_folder: &Path) -> Self {
        let health = match Health::read(local_folder) {
            Ok(health) => Some(health),
            Err(failure) => {
                log::warn!("{failure}");
                let damaged = failure.kind == ErrorKind::Damaged;
                damaged.then(|| Health::nothing(local_folder))
            }
        };
        Self {
            ill: Mutex::new(health.iter().flat_map(ill).cloned().collect()),
            health: Mutex::new(health),
            seen: Seen::new(local_folder),
        }
    }

    fn health(&self) -> MutexGuard<'_, Option<Health>> {
        self.health.lock()
    }

    /// Changes what is known, and writes it down; nothing, if a newer version has written it.
    ///
    /// On a copy: a panic on the way costs one repository, and half of its change must not be written
    /// with the next one's.
    fn change(&self, change: impl FnOnce(&mut Health)) -> Result<(), Failure> {
        let mut slot = self.health();
        let Some(known) = &mut *slot else {
            return Ok(());
        };
        let mut next = known.clone();
        change(&mut next);
        let written = next.write();
        *known = next;
        written
    }

    /// What is known of repositories whose folders have moved to another title is known there from here
    /// on, as [`Health::move_entries`] has it.
    pub fn retitle(
        &self,
        is_orphan: impl Fn(&Untrusted) -> bool,
        place: impl Fn(&Untrusted) -> Option<(Untrusted, Untrusted)>,
    ) {
        let mut slot = self.health();
        let Some(known) = &mut *slot else {
            return;
        };
        let mut next = known.clone();
        if !next.move_entries(is_orphan, place) {
            return;
        }
        if let Err(failure) = next.write() {
            log::warn!("{failure}");
        }
        self.ill().extend(ill(&next).cloned());
        *known = next;
    }

    fn ill(&self) -> MutexGuard<'_, HashSet<Untrusted>> {
        self.ill.lock()
    }

    /// Whether any damage is known of a repository, also such as was given up.
    pub fn is_ill(&self, id: &Untrusted, path: &Untrusted) -> bool {
        let ill = self.ill();
        ill.contains(id) || ill.contains(path)
    }

    /// Forgets that a repository's state file was damaged, if it is sound now. Whether it was.
    pub fn settle_state(
        &self,
        source: &Untrusted,
        id: &Untrusted,
        path: &Untrusted,
        folder: &Path,
    ) -> bool {
        if !self.is_ill(id, path) {
            return false;
        }
        let file = format!("{}/{STATE_FILE}", path.raw());
        let known = match &*self.health() {
            Some(health) => health.of(source, Some(id), path).cloned(),
            None => None,
        };
        let Some(mut known) = known.filter(|k| k.damage.iter().any(|d| d.file == file)) else {
            return false;
        };
        let is_sound = matches!(RepositoryState::read(folder), Ok(Some(_)));
        if is_sound {
            known.damage.retain(|damage| damage.file != file);
            known.lost.retain(|damage| damage.file != file);
            known.id = Some(id.clone());
            if let Err(failure) = self.change(|health| health.set(known)) {
                log::warn!("{failure}");
            }
        }
        is_sound
    }
}

/// Ids and folders of those that are damaged, or have lost something.
fn ill(health: &Health) -> impl Iterator<Item = &Untrusted> {
    let all = health.repositories().iter();
    let ill = all.filter(|known| !known.damage.is_empty() || !known.lost.is_empty());
    ill.flat_map(|known| known.id.iter().chain([&known.path]))
}

impl RepairCase<'_> {
    /// The repository's folder.
    pub(super) fn folder(&self) -> &Path {
        self.mirror.parent().unwrap_or(self.mirror)
    }

    /// A finding in terms of the backup folder.
    pub(super) fn damage(&self, finding: &Finding) -> Damage {
        finding.to_damage(self.folder(), self.path)
    }

    fn known(&self) -> Option<Verified> {
        let health = self.cases.health();
        let known = health.as_ref()?;
        let mut known = known.of(self.source, Some(self.id), self.path)?.clone();
        // Its folder may have followed a rename since.
        let old = std::mem::replace(&mut known.path, self.path.clone());
        for damage in known.damage.iter_mut().chain(&mut known.lost) {
            if let Some(below) = damage.file.raw().strip_prefix(old.raw()) {
                damage.file = format!("{}{below}", self.path.raw()).into();
            }
        }
        Some(known)
    }

    /// Whether a damage is one of this mirror, and not of the other one or of the state file.
    fn is_mine(&self, damage: &Damage) -> bool {
        let name = self.mirror.file_name().unwrap_or_default();
        let name = Untrusted::of_path(name);
        let below = damage.file.raw().strip_prefix(self.path.raw());
        let below = below.and_then(|below| below.strip_prefix('/'));
        below.is_some_and(|below| {
            let snapshots = format!("{}/", layout::SNAPSHOTS);
            let below = below.strip_prefix(&snapshots).unwrap_or(below);
            below.split('/').next() == Some(name.raw())
        })
    }

    /// Whether it is known to be damaged, and not given up.
    pub(super) fn is_ill(&self) -> bool {
        let known = match self.cases.is_ill(self.id, self.path) {
            true => self.known(),
            false => None,
        };
        known.is_some_and(|known| known.to_repair().any(|damage| self.is_mine(damage)))
    }

    /// Whether a part of it is lost.
    pub(super) fn has_given_up(&self) -> bool {
        self.cases.is_ill(self.id, self.path)
            && self.known().is_some_and(|known| !known.lost.is_empty())
    }

    /// The objects that were given up.
    pub(super) fn lost_objects(&self) -> HashSet<Oid> {
        if !self.has_given_up() {
            return HashSet::new();
        }
        let lost = self.known().map_or_else(Vec::new, |known| known.lost);
        let mine = lost.iter().filter(|lost| self.is_mine(lost));
        mine.filter_map(|lost| parse_oid(lost.object.as_deref()?))
            .collect()
    }

    /// What was given up, for as long as the damaged files are there.
    pub(super) fn given_up(&self) -> Option<Failure> {
        if !self.cases.is_ill(self.id, self.path) {
            return None;
        }
        let known = self.known()?;
        let lost: Vec<_> = known
            .lost
            .iter()
            .filter(|lost| self.is_mine(lost))
            .collect();
        let first = lost.first()?;
        let folder = self.folder().join(layout::DAMAGED_FILES);
        if !folder.is_dir() {
            return None;
        }
        let more = match lost.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let object = first.object.as_deref();
        let object = object.map_or_else(String::new, |object| format!("object {object}: "));
        let message = format!(
            "a part of the history cannot be repaired, as upstream no longer has it: {}: {object}{}{more}",
            first.file.shown(),
            first.what
        );
        Some(Failure::new(ErrorKind::Damaged, message).with_hint(format!(
            "restore what is damaged, which is kept in {}, from another copy, or remove that folder to accept the loss; what upstream has now is backed up",
            folder.shown()
        )))
    }

    /// Remembers what an examination has found; those findings that are not given up.
    pub(super) fn note(&self, examined: &Examined) -> Result<Vec<Finding>, Failure> {
        let known = self.known();
        let lost = known.map_or_else(Vec::new, |known| known.lost);
        let all: Vec<Damage> = examined.findings.iter().map(|f| self.damage(f)).collect();
        let mut given_up = lost;
        given_up.retain(|lost| self.is_mine(lost) && is_still_lost(lost, &all));
        let new = examined.findings.iter().zip(&all);
        let new: Vec<Finding> = new
            .filter(|(_, damage)| !is_in(&given_up, damage))
            .map(|(finding, _)| finding.clone())
            .collect();
        self.remember(examined, all, given_up)?;
        Ok(new)
    }

    /// Whether nothing is known to be damaged or lost of this mirror and of the other one.
    pub(super) fn is_whole(&self) -> bool {
        let mirrors = |damage: &Damage| !damage.file.raw().ends_with(STATE_FILE);
        let known = self.known();
        let mut known = known.iter().flat_map(|k| k.damage.iter().chain(&k.lost));
        !known.any(mirrors)
    }

    /// Remembers what is left after a repair, which is given up. Whether nothing is, of this mirror
    /// and of the other one.
    pub(super) fn conclude(
        &self,
        examined: &Examined,
        snapshots: &[String],
        aside: &Path,
    ) -> Result<bool, Failure> {
        let all: Vec<Damage> = examined.findings.iter().map(|f| self.damage(f)).collect();
        let mut lost = all.clone();
        let folder = snapshot::Store::beside(self.mirror);
        for what in snapshots {
            log::warn!("{what} is lost; its file is in {}", aside.shown());
            let finding = Finding::new(
                forgekeep_verify::Piece::Snapshot,
                folder.folder(),
                format!("{what} is lost"),
            );
            lost.push(self.damage(&finding));
        }
        self.remember(examined, all, lost)?;
        Ok(self.is_whole())
    }

    fn remember(
        &self,
        examined: &Examined,
        damage: Vec<Damage>,
        lost: Vec<Damage>,
    ) -> Result<(), Failure> {
        let mut entry = self.known().unwrap_or_else(|| Verified {
            source: self.source.clone(),
            id: Some(self.id.clone()),
            path: self.path.clone(),
            name: self.name.clone(),
            verified: Timestamp::now(),
            objects: examined.objects,
            damage: Vec::new(),
            lost: Vec::new(),
            more: serde_json::Map::new(),
        });
        self.cases.ill().insert(self.path.clone());
        entry.damage.retain(|damage| !self.is_mine(damage));
        entry.lost.retain(|damage| !self.is_mine(damage));
        entry.damage.extend(damage);
        entry.lost.extend(lost);
        entry.id = Some(self.id.clone());
        entry.verified = Timestamp::now();
        self.cases.change(|health| health.set(entry))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn verified(path: &str) -> Verified {
        Verified {
            source: "acme".into(),
            id: None,
            path: path.into(),
            name: path.to_owned().into(),
            verified: Timestamp::now(),
            objects: 1,
            damage: Vec::new(),
            lost: Vec::new(),
            more: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_panic_leaves_nothing_half_changed_for_others_to_write() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["web", "api", "docs", layout::OWN_FOLDER] {
            fs::create_dir(folder.path().join(path)).unwrap();
        }
        let cases = RepairCases::read(folder.path());
        cases.change(|health| health.set(verified("web"))).unwrap();
        let panicking = || {
            cases.change(|health| {
                health.set(verified("docs"));
                panic!("on purpose");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
        // The lock is free, and what the next one writes is whole.
        cases.change(|health| health.set(verified("api"))).unwrap();
        let health = Health::read(folder.path()).unwrap();
        let paths: Vec<_> = health
            .repositories()
            .iter()
            .map(|known| &known.path)
            .collect();
        assert_eq!(paths, ["api", "web"]);
    }
}
