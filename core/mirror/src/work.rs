//! The steps of mirroring one repository, once upstream's refs are known.

mod confirm;
mod download;
mod parts;
mod settle;
mod slices;
mod taken_over;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fs, io};

use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding, Severity};
use forgekeep_git::object_files::database;
use forgekeep_git::refs::{self, RefName, RefValue, Refs, StoredRefs};
use forgekeep_git::{libgit2, packs};
use forgekeep_pack::Unsound;
use forgekeep_protocol::{Advertisement, Connection, remove_incoming};
use forgekeep_store::report::{Lost, RefChanges};
use forgekeep_store::snapshot::{Changes, Recorder, RefState, SnapshotFile, SnapshotId, Store};
use forgekeep_untrusted::{Printable, Show as _};
use git2::{Odb, Oid, Repository, RepositoryInitOptions};

use super::merge::merge;
use super::outcome::{self, left};
use super::place::{partial_path, remove_leftovers, remove_partial, tidy};
use super::ref_rules::RefRules;
use super::{Mirrored, Outcome, Transfer, Upstream, found, head, merge as merging};
use slices::NotFetched;

/// One mirror, with what upstream has.
pub(super) struct Work<'a> {
    asked: &'a Upstream<'a>,
    /// None where upstream has answered early.
    connection: Option<Connection<'a>>,
    pub cancel: &'a Cancel,
    /// Bytes received in packs.
    pub received: AtomicU64,
    /// What upstream has, besides its refs.
    pub advertised: Advertisement,
    pub upstream: Refs,
    /// Where `HEAD` shall point; `None` leaves it as it is.
    pub head: Option<RefName>,
    /// Where the mirror is or shall be.
    folder: &'a Path,
    pub recorder: Recorder<'a>,
    progress: &'a dyn Fn(Transfer),
    /// Whether there is a mirror, which may be damaged.
    pub is_there: bool,
    /// What has not come of it although it was asked for.
    not_fetched: Option<NotFetched>,
    /// What somebody should look at, found on the way.
    pub alert: RefCell<Option<String>>,
    /// Whether the mirror was there without a snapshot.
    pub had_no_snapshot: Cell<bool>,
    /// The newest snapshot that the mirror was found with.
    pub newest: Option<SnapshotFile>,
}

impl<'a> Work<'a> {
    pub fn new(
        upstream: &'a Upstream<'a>,
        folder: &'a Path,
        (mut advertised, connection): (Advertisement, Option<Connection<'a>>),
        progress: &'a dyn Fn(Transfer),
    ) -> Self {
        leave_out(&mut advertised, upstream.ref_rules);
        // One that cannot be read is told of where it counts.
        let present = || refs::read_head(folder).ok().flatten();
        Self {
            asked: upstream,
            head: head::wanted_head(upstream.default_branch, &advertised, present),
            connection,
            cancel: &upstream.services.cancel,
            received: AtomicU64::new(0),
            upstream: std::mem::take(&mut advertised.refs),
            advertised,
            folder,
            recorder: Recorder {
                store: Store::beside(folder),
                identity: upstream.identity,
            },
            progress,
            is_there: false,
            not_fetched: None,
            alert: RefCell::default(),
            had_no_snapshot: Cell::new(false),
            newest: None,
        }
    }

    /// What upstream's `HEAD` is detached at, if it is.
    pub fn detached(&self) -> Option<Oid> {
        self.head.as_deref().and_then(refs::detached)
    }

    /// All objects that upstream names, and can be asked for.
    pub fn tips(&self) -> impl Iterator<Item = Oid> {
        let refs = self.upstream.values().map(|value| value.oid);
        let head = self.advertised.head_oid;
        refs.chain(head.filter(|_| self.detached().is_some()))
    }

    /// Whether upstream has nothing at all.
    pub fn is_empty(&self) -> bool {
        self.tips().next().is_none()
    }

    pub fn init(&self, folder: &Path) -> Result<Repository, Failure> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        Repository::init_opts(folder, &options).map_err(|e| self.failed(&e))
    }

    pub fn clone_into(&mut self, folder: &Path) -> Result<Outcome, Failure> {
        let partial = partial_path(folder);
        remove_partial(&partial)?;
        let parent = folder.parent().unwrap_or(folder);
        atomic_file::make_folders(parent)?;
        match self.make(&partial, folder) {
            Ok((refs, snapshot)) => {
                let mirrored = match self.is_empty() {
                    true => Mirrored::Empty,
                    false => Mirrored::Cloned,
                };
                Ok(self.outcome(mirrored, refs, Some(snapshot), Lost::default()))
            }
            Err(failure) => {
                // What is left of it is removed before the next try, if not now.
                let _ = remove_partial(&partial);
                // Gone if nothing else is in it: a failed clone leaves nothing.
                let _ = fs::remove_dir(parent);
                Err(failure)
            }
        }
    }

    fn make(&mut self, partial: &Path, folder: &Path) -> Result<(RefChanges, SnapshotId), Failure> {
        let repository = self.init(partial)?;
        let stored = StoredRefs::default();
        self.download(&repository, partial, &stored, true)?;
        self.mark_ends(&repository, partial)?;
        let (new, changes) = self.merge(&repository, &stored, None)?;
        self.cancel.check()?;
        refs::write_new(partial, &new, self.head.as_deref())?;
        // Of a million refs, each copy takes as much as all of the rest.
        drop(new);
        packs::release(partial);
        let after = found(&StoredRefs::read(partial)?, partial)?;
        let counts = outcome::count(&changes);
        let pending = self.recorder.prepare(None, &after, changes)?;
        match put_in_place(partial, folder) {
            Ok(()) => Ok((counts, pending.commit()?)),
            Err(failure) => {
                pending.forget();
                Err(failure)
            }
        }
    }

    fn open(&self) -> Result<Repository, Failure> {
        Repository::open_bare(self.folder).map_err(|error| {
            if let Some(failure) = libgit2::of_machine("open", self.folder, &error) {
                return failure;
            }
            let (folder, why) = (self.folder.shown(), libgit2::words(&error));
            let message = format!("{folder} cannot be opened: {why}");
            Failure::new(ErrorKind::Damaged, message).with_hint(
                "move it elsewhere to have the repository cloned again; it was left alone",
            )
        })
    }

    fn odb<'r>(&self, repository: &'r Repository) -> Result<Odb<'r>, Failure> {
        repository.odb().map_err(|e| self.failed(&e))
    }

    /// `untold` is what a killed run has changed.
    pub fn update(
        &mut self,
        folder: &Path,
        mut stored: StoredRefs,
        untold: Option<Changes>,
    ) -> Result<Outcome, Failure> {
        remove_leftovers(folder);
        remove_incoming(folder)?;
        let (base, more) = self.settle(&mut stored)?;
        let stored = &stored;
        let repository = self.open()?;
        let packs_before = packs::names(folder)?;
        self.download_new(&repository, stored)?;
        let present = refs::read_head(folder)?;
        let was_at = present.as_deref().and_then(refs::detached);
        let (new, mut changes) = self.merge(&repository, stored, was_at)?;
        let head = self.head.clone().or(present);
        let after = RefState::new(&new, head);
        changes.old_head = (base.head != after.head).then(|| base.head.clone());
        self.cancel.check()?;
        // A run that was killed before it wrote HEAD has left nothing else to do.
        let snapshot = if after == base {
            self.switch(folder, stored, &new)?;
            None
        } else {
            let pending = self
                .recorder
                .prepare(Some(&base), &after, changes.clone())?;
            self.switch(folder, stored, &new)?;
            Some(pending.commit()?)
        };
        self.confirm(stored, &new, &packs_before)?;
        packs::release(folder);
        let mirrored = match self.is_empty() && changes.refs.is_empty() {
            true => Mirrored::Empty,
            false => Mirrored::Updated,
        };
        // Nobody may have its packs open while they are replaced.
        drop(repository);
        let mut lost = self.lost(stored, &changes)?;
        for untold in untold.iter().chain(&more) {
            lost.branches += self.lost(stored, untold)?.branches;
        }
        let mut outcome = self.outcome(mirrored, outcome::count(&changes), snapshot, lost);
        outcome.note = self.repack(folder)?;
        Ok(outcome)
    }

    /// What upstream has lost by these changes: not what it still has under another name, or merged.
    pub fn lost(&self, stored: &StoredRefs, changes: &Changes) -> Result<Lost, Failure> {
        let left: HashSet<Oid> = left(changes).collect();
        if left.is_empty() {
            return Ok(outcome::lost(stored, changes, |_| false));
        }
        let tips = self.upstream.values();
        let tips = tips.map(|value| value.peeled.unwrap_or(value.oid));
        let tips = tips.chain(self.detached());
        let gone = merging::unreached(&self.open()?, left, tips.collect(), self.cancel)?;
        Ok(outcome::lost(stored, changes, |oid| !gone.contains(oid)))
    }

    /// There is nothing to do, and all that the refs name is there.
    pub fn unchanged(
        &self,
        stored: &StoredRefs,
        untold: Option<&Changes>,
        left_out: Option<Failure>,
    ) -> Result<Outcome, Failure> {
        let mirrored = match self.is_empty() {
            true => Mirrored::Empty,
            false => Mirrored::Unchanged,
        };
        self.check_tips(stored)?;
        self.mend_peeled(stored)?;
        tidy(self.folder);
        let lost = match untold {
            Some(changes) => self.lost(stored, changes)?,
            None => Lost::default(),
        };
        let outcome = self.outcome(mirrored, RefChanges::default(), None, lost);
        Ok(Outcome {
            left_out: self.left_out(left_out),
            ..outcome
        })
    }

    fn outcome(
        &self,
        mirrored: Mirrored,
        refs: RefChanges,
        snapshot: Option<SnapshotId>,
        lost: Lost,
    ) -> Outcome {
        Outcome {
            mirrored,
            refs,
            bytes_received: self.received.load(Ordering::Relaxed),
            snapshot,
            lost,
            note: None,
            alert: self.alert.take(),
            had_no_snapshot: self.had_no_snapshot.get(),
            newest_before: self.newest.clone(),
            warnings: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Keeps the packs few. The refs are switched: only damage that comes to light is a failure, all
    /// else is for the next run, and worth a note.
    fn repack(&self, folder: &Path) -> Result<Option<String>, Failure> {
        let before = packs::names(folder)?;
        match packs::repack(folder, self.cancel) {
            Ok(done) => {
                if done.packs_after < done.packs_before {
                    let (before, after) = (done.packs_before, done.packs_after);
                    log::info!("{}: {before} packs became {after}", folder.shown());
                }
                Ok(None)
            }
            // Unless somebody's git has removed what was to be read: then the next run sees what is there.
            Err(failure)
                if failure.kind == ErrorKind::Damaged && packs::names(folder)? == before =>
            {
                Err(failure)
            }
            Err(failure) if failure.kind == ErrorKind::Cancelled => Ok(None),
            Err(failure) => {
                log::warn!("{failure}");
                Ok(Some(format!("its packs were not repacked: {failure}")))
            }
        }
    }

    /// [`check_refs`](Self::check_refs), where nothing else is to be done: a pack may have been removed
    /// since it came.
    pub fn check_tips(&self, stored: &StoredRefs) -> Result<(), Failure> {
        // Without the rest of a repository, which takes longer to open than the objects; but a folder
        // without refs is no repository. libgit2 takes the path of objects alone only as UTF-8.
        match self.folder.to_str() {
            Some(_) if self.folder.join("refs").is_dir() => {
                self.check_refs(&database(self.folder)?, stored)
            }
            _ => self.check_refs(&self.odb(&self.open()?)?, stored),
        }
    }

    /// Whether all refs that are there name objects that are there. Otherwise something is damaged,
    /// and must not be recorded as a state that somebody wanted.
    fn check_refs(&self, odb: &Odb<'_>, stored: &StoredRefs) -> Result<(), Failure> {
        let absent = stored.refs.values().find(|value| !odb.exists(value.oid));
        absent.map_or(Ok(()), |value| {
            let why = format!("a ref names {}, which is missing", value.oid);
            Err(Failure::damaged(self.folder, why))
        })
    }

    /// The refs of step 4. `was_at` is what the mirror's `HEAD` is detached at.
    fn merge(
        &self,
        repository: &Repository,
        stored: &StoredRefs,
        was_at: Option<Oid>,
    ) -> Result<(Refs, Changes), Failure> {
        let failed = |error: git2::Error| self.failed(&error);
        let odb = repository.odb().map_err(failed)?;
        let rules = self.asked.ref_rules;
        let (mut new, changes) =
            merge(repository, &odb, stored, &self.upstream, rules, self.cancel)?;
        refs::peel(repository, &mut new, &stored.refs).map_err(failed)?;
        if let Some(absent) = self.detached().filter(|oid| !odb.exists(*oid)) {
            return Err(self.not_sent(absent));
        }
        // What only HEAD holds, until it moves.
        let was_at = was_at.filter(|oid| odb.exists(*oid));
        for oid in was_at.into_iter().chain(self.detached()) {
            if !new.values().any(|value| value.names(oid)) {
                merging::keep(&mut new, oid);
                refs::peel(repository, &mut new, &stored.refs).map_err(failed)?;
            }
        }
        Ok((new, changes))
    }

    /// Step 4.
    fn switch(&self, folder: &Path, stored: &StoredRefs, new: &Refs) -> Result<(), Failure> {
        refs::replace_all(folder, stored, new)?;
        match &self.head {
            Some(head) if refs::read_head(folder)?.as_ref() != Some(head) => {
                refs::write_head(folder, head)
            }
            _ => Ok(()),
        }
    }

    /// Tells of something that does not keep the rest from being backed up, once.
    fn warn(&self, failure: Failure) {
        let found = Finding {
            severity: Severity::Warning,
            key: Printable::default(),
            message: failure.message,
            hint: failure.hint,
        };
        let mut warnings = self.asked.warnings.borrow_mut();
        if !warnings.contains(&found) {
            warnings.push(found);
        }
    }

    /// A pack cannot be taken in. What it leans on here may be damaged.
    pub fn refused(&self, unsound: &Unsound) -> Failure {
        let failure = packs::refused(unsound, self.folder);
        match unsound {
            Unsound::Invalid(_) | Unsound::NoBase(_) if self.is_there => Failure {
                kind: ErrorKind::Damaged,
                ..failure
            },
            _ => failure,
        }
    }

    /// What libgit2 says.
    pub fn failed(&self, error: &git2::Error) -> Failure {
        if self.cancel.is_cancelled() {
            return Failure::cancelled();
        }
        let failure = libgit2::explain(error, self.folder);
        match self.is_there && !failure.is_of_machine() && broken_here(error) {
            true => Failure {
                kind: ErrorKind::Damaged,
                ..failure
            },
            false => failure,
        }
    }
}

/// Takes what is not backed up from what upstream has. Advice never goes as far as `HEAD`'s branch; where the
/// configuration does, `HEAD` holds nothing by itself.
pub(super) fn leave_out(advertised: &mut Advertisement, rules: &RefRules) {
    let (head, oid) = (advertised.head.take(), advertised.head_oid);
    // A server that says nothing of symbolic refs leaves open which branch it is.
    let is_head = |name: &RefName, value: &RefValue| match &head {
        Some(head) => name == head,
        None => name.starts_with(b"refs/heads/") && Some(value.oid) == oid,
    };
    let mut lost_head = false;
    advertised.refs.retain(|name, value| {
        let is_head = is_head(name, value);
        let stays = !rules.leave_out_with(is_head, name);
        lost_head |= is_head && !stays;
        stays
    });
    let is_held = |value: &RefValue| Some(value.oid) == oid;
    if lost_head && !advertised.refs.values().any(is_held) {
        advertised.head_oid = None;
        advertised.head_peeled = None;
    }
    advertised.head = head;
}

/// Whether an error of libgit2's may come from what is damaged in a mirror.
fn broken_here(error: &git2::Error) -> bool {
    use git2::ErrorClass as C;
    matches!(
        error.class(),
        C::Odb | C::Object | C::Zlib | C::Tree | C::Tag | C::Reference | C::Repository | C::Indexer
    )
}

/// Renames a mirror that is complete.
fn put_in_place(partial: &Path, folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::disk("replace", folder, &error)),
    }
    // Without these, git would not take it for a repository after a power loss.
    let config = partial.join("config");
    fs::File::open(&config)
        .and_then(|file| file.sync_all())
        .map_err(|error| Failure::disk("sync", &config, &error))?;
    for path in [partial.join("objects/pack"), partial.join("objects")] {
        atomic_file::sync_parent(&path)?;
    }
    fs::rename(partial, folder)
        .map_err(|error| Failure::disk("rename into place", folder, &error))?;
    atomic_file::sync_parent(folder)
}
