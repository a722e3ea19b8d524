//! The steps of mirroring one repository, once upstream's refs are known.

mod taken_over;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use git2::{FetchOptions, RemoteCallbacks, Repository, RepositoryInitOptions};

use super::ask::Answered;
use super::merge::merge;
use super::place::{partial_path, remove_leftovers, remove_partial, take_packs};
use super::transport::{self, Exchange, with_exchange};
use super::{
    Lost, Mirrored, Outcome, Transfer, Upstream, broken, connected, fetch_apart, found,
    merge as merging, wanted_head,
};
use crate::names::printable;
use crate::refs::{self, RefName, Refs, StoredRefs};
use crate::snapshot::{Changes, Recorder, RefState, SnapshotId, Store};
use crate::{ErrorKind, Failure, atomic_file, packs};

/// What libgit2 says of a commit or a tag that it cannot parse.
const REFUSED: &str = "failed to parse";

/// One mirror, with what upstream has.
pub(super) struct Work<'a> {
    asked: &'a Upstream<'a>,
    pub exchange: Arc<Exchange>,
    pub upstream: Refs,
    pub head: Option<RefName>,
    /// Where the mirror is or shall be.
    folder: &'a Path,
    pub recorder: Recorder<'a>,
    progress: &'a dyn Fn(Transfer),
    /// Whether there is a mirror, which may be damaged.
    pub is_there: bool,
}

impl<'a> Work<'a> {
    pub fn new(
        upstream: &'a Upstream<'a>,
        folder: &'a Path,
        answered: Answered,
        progress: &'a dyn Fn(Transfer),
    ) -> Self {
        let Answered {
            advertisement,
            url,
            authorization,
        } = answered;
        let services = upstream.services;
        Self {
            asked: upstream,
            head: wanted_head(upstream.default_branch, &advertisement),
            exchange: Arc::new(Exchange {
                client: Arc::clone(&services.http),
                url,
                authorization,
                scope: Arc::clone(&services.scope),
                cancel: services.cancel.clone(),
                advertisement: Mutex::new(advertisement.raw),
                received: AtomicU64::new(0),
                failure: Mutex::new(None),
            }),
            upstream: advertisement.refs,
            folder,
            recorder: Recorder {
                store: Store::beside(folder),
                identity: upstream.identity,
            },
            progress,
            is_there: false,
        }
    }

    pub fn init(&self, folder: &Path) -> Result<Repository, Failure> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        Repository::init_opts(folder, &options).map_err(|e| self.failed(&e))
    }

    pub fn clone_into(&self, folder: &Path) -> Result<Outcome, Failure> {
        let partial = partial_path(folder);
        remove_partial(&partial)?;
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::disk("create", parent, &error))?;
        match self.make(&partial, folder) {
            Ok((changes, snapshot)) => {
                let mirrored = match self.upstream.is_empty() {
                    true => Mirrored::Empty,
                    false => Mirrored::Cloned,
                };
                Ok(self.outcome(mirrored, &changes, Some(snapshot), Lost::default()))
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

    fn make(&self, partial: &Path, folder: &Path) -> Result<(Changes, SnapshotId), Failure> {
        let repository = self.init(partial)?;
        self.download_missing(&repository, partial)?;
        let stored = StoredRefs::default();
        let (new, changes) = self.merge(&repository, &stored)?;
        self.exchange.cancel.check()?;
        self.switch(partial, &stored, &new)?;
        let after = found(&StoredRefs::read(partial)?, partial);
        let pending = self.recorder.prepare(None, &after, changes.clone())?;
        match put_in_place(partial, folder) {
            Ok(()) => Ok((changes, pending.commit()?)),
            Err(failure) => {
                pending.forget();
                Err(failure)
            }
        }
    }

    /// Brings the snapshots in step with the refs that are there. A state that somebody else has made
    /// counts only when what it lost is held. Returns the state of the newest snapshot, and what a
    /// killed run has changed without telling.
    pub fn settle(&self, stored: &mut StoredRefs) -> Result<(RefState, Option<Changes>), Failure> {
        let repository = self.open()?;
        self.check_refs(&repository, stored)?;
        let settled = self.recorder.settle(&found(stored, self.folder))?;
        if let Some(found) = settled.found {
            let odb = repository.odb().map_err(|e| self.failed(&e))?;
            let mut new = stored.refs.clone();
            for oid in found.lost.iter().filter(|oid| odb.exists(**oid)) {
                merging::keep(&mut new, *oid);
            }
            refs::peel(&repository, &mut new, &stored.refs).map_err(|e| self.failed(&e))?;
            refs::replace_all(self.folder, stored, &new)?;
            found.pending.commit()?;
            *stored = StoredRefs::read(self.folder)?;
        }
        Ok((settled.base, settled.untold))
    }

    fn open(&self) -> Result<Repository, Failure> {
        Repository::open_bare(self.folder).map_err(|error| {
            let (folder, why) = (self.folder.display(), error.message());
            let message = format!("{folder} cannot be opened: {why}");
            Failure::new(ErrorKind::Damaged, message).with_hint(
                "it was left alone; move it elsewhere to have the repository cloned anew",
            )
        })
    }

    /// `untold` is what a killed run has changed.
    pub fn update(
        &self,
        folder: &Path,
        mut stored: StoredRefs,
        untold: Option<Changes>,
    ) -> Result<Outcome, Failure> {
        remove_leftovers(folder);
        let (base, more) = self.settle(&mut stored)?;
        let stored = &stored;
        let repository = self.open()?;
        match self.download_missing(&repository, folder) {
            // libgit2 tells the server what is here by reading commits, and refuses those that old
            // versions of git have written. git does not.
            Err(failure) if failure.message.contains(REFUSED) => {
                log::info!(
                    "{}: fetching everything, after: {failure}",
                    folder.display()
                );
                self.fetch_everything(&repository)?;
            }
            done => done?,
        }
        self.complete(&repository, stored)?;
        let (new, mut changes) = self.merge(&repository, stored)?;
        let head = self.head.clone().or_else(|| refs::read_head(folder));
        let after = RefState::new(&new, head);
        changes.old_head = (base.head != after.head).then(|| base.head.clone());
        self.exchange.cancel.check()?;
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
        let mirrored = match self.upstream.is_empty() && changes.refs.is_empty() {
            true => Mirrored::Empty,
            false => Mirrored::Updated,
        };
        // Nobody may have its packs open while they are replaced.
        drop(repository);
        let mut lost = Lost::new(stored, &changes);
        for untold in untold.iter().chain(&more) {
            lost.branches += Lost::new(stored, untold).branches;
        }
        let mut outcome = self.outcome(mirrored, &changes, snapshot, lost);
        outcome.note = self.consolidate(folder)?;
        Ok(outcome)
    }

    fn outcome(
        &self,
        mirrored: Mirrored,
        changes: &Changes,
        snapshot: Option<SnapshotId>,
        lost: Lost,
    ) -> Outcome {
        Outcome {
            mirrored,
            refs: changes.into(),
            bytes_received: self.exchange.received.load(Ordering::Relaxed),
            snapshot,
            lost,
            note: None,
            warnings: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Keeps the packs few. The refs are switched: only damage that comes to light is a failure, all
    /// else is for the next run, and worth a note.
    fn consolidate(&self, folder: &Path) -> Result<Option<String>, Failure> {
        match packs::consolidate(folder, &self.exchange.cancel) {
            Ok(done) => {
                if done.packs_after < done.packs_before {
                    let (before, after) = (done.packs_before, done.packs_after);
                    log::info!("{}: {before} packs became {after}", folder.display());
                }
                Ok(None)
            }
            Err(failure) if failure.kind == ErrorKind::Damaged => Err(failure),
            Err(failure) if failure.kind == ErrorKind::Cancelled => Ok(None),
            Err(failure) => {
                log::warn!("{failure}");
                Ok(Some(format!("its packs were not consolidated: {failure}")))
            }
        }
    }

    /// Whether all refs that are there name objects that are there. Otherwise something is damaged,
    /// and must not be recorded as a state that somebody wanted.
    fn check_refs(&self, repository: &Repository, stored: &StoredRefs) -> Result<(), Failure> {
        let odb = repository.odb().map_err(|e| self.failed(&e))?;
        let absent = stored.refs.values().find(|value| !odb.exists(value.oid));
        absent.map_or(Ok(()), |value| {
            let folder = self.folder.display();
            let message = format!(
                "{folder} is damaged: a ref names {}, which is missing",
                value.oid
            );
            Err(Failure::new(ErrorKind::Damaged, message))
        })
    }

    /// Steps 2 and 3 of the head of this module.
    pub fn download_missing(&self, repository: &Repository, folder: &Path) -> Result<(), Failure> {
        let missing = {
            let odb = repository.odb().map_err(|e| self.failed(&e))?;
            self.upstream.values().any(|value| !odb.exists(value.oid))
        };
        if missing {
            self.download(repository)?;
            sync_packs(folder)?;
        }
        self.check_arrived(repository)
    }

    /// Makes sure that new tips have all they need. What libgit2 took for being there without it is
    /// fetched with everything else, as for a clone.
    fn complete(&self, repository: &Repository, stored: &StoredRefs) -> Result<(), Failure> {
        let gap = || {
            let tips = self.upstream.values().map(|value| value.oid);
            connected::first_gap(repository, &stored.refs, tips, &self.exchange.cancel)
        };
        let Some(oid) = gap()? else {
            return Ok(());
        };
        let folder = self.folder.display();
        log::info!("{folder}: {oid} is there, but not all it needs");
        self.fetch_everything(repository)?;
        match gap()? {
            None => Ok(()),
            Some(oid) => Err(Failure::new(
                ErrorKind::BadAnswer,
                format!("the server did not send all that {oid} needs"),
            )
            .with_hint("the refs were left as they were; run again later, and report it to the hoster if it stays")
            .transient()),
        }
    }

    /// Fetches all that upstream has, as for a clone, and moves it in.
    fn fetch_everything(&self, repository: &Repository) -> Result<(), Failure> {
        let apart = partial_path(self.folder);
        remove_partial(&apart)?;
        let fetched = fetch_apart(self.asked, &apart, None, self.progress);
        let moved = fetched.and_then(|received| {
            let all = &self.exchange.received;
            all.fetch_add(received, Ordering::Relaxed);
            take_packs(&apart, self.folder)
        });
        let _ = remove_partial(&apart);
        moved?;
        let refreshed = repository.odb().and_then(|odb| odb.refresh());
        refreshed.map_err(|e| self.failed(&e))
    }

    /// The refs of step 4.
    fn merge(
        &self,
        repository: &Repository,
        stored: &StoredRefs,
    ) -> Result<(Refs, Changes), Failure> {
        let failed = |error: git2::Error| self.failed(&error);
        let (mut new, changes) = merge(repository, stored, &self.upstream).map_err(failed)?;
        refs::peel(repository, &mut new, &stored.refs).map_err(failed)?;
        Ok((new, changes))
    }

    /// Step 4.
    fn switch(&self, folder: &Path, stored: &StoredRefs, new: &Refs) -> Result<(), Failure> {
        refs::replace_all(folder, stored, new)?;
        match &self.head {
            Some(head) if refs::read_head(folder).as_ref() != Some(head) => {
                refs::write_head(folder, head)
            }
            _ => Ok(()),
        }
    }

    fn download(&self, repository: &Repository) -> Result<(), Failure> {
        let mut callbacks = RemoteCallbacks::new();
        let exchange = &self.exchange;
        callbacks.transfer_progress(|stats| {
            (self.progress)(Transfer {
                objects: stats.received_objects(),
                total_objects: stats.total_objects(),
                bytes: exchange.received.load(Ordering::Relaxed),
            });
            !exchange.cancel.is_cancelled()
        });
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(callbacks)
            .download_tags(git2::AutotagOption::None);
        with_exchange(exchange, || {
            let mut remote = repository.remote_anonymous(transport::REMOTE_URL)?;
            remote.download(&["+refs/*:refs/*"], Some(&mut options))?;
            remote.disconnect()
        })
        .map_err(|error| self.failed(&error))
    }

    fn check_arrived(&self, repository: &Repository) -> Result<(), Failure> {
        let odb = repository.odb().map_err(|e| self.failed(&e))?;
        let absent = self
            .upstream
            .iter()
            .find(|(_, value)| !odb.exists(value.oid));
        match absent {
            None => Ok(()),
            Some((name, value)) => Err(Failure::new(
                ErrorKind::BadAnswer,
                format!(
                    "the server advertises {} at {}, but did not send that object",
                    printable(&String::from_utf8_lossy(name)),
                    value.oid
                ),
            )
            .with_hint("the refs were left as they were; run again later, and report it to the hoster if it stays")
            .transient()),
        }
    }

    /// What libgit2 says, or what really happened below it.
    pub fn failed(&self, error: &git2::Error) -> Failure {
        if let Some(failure) = self.exchange.take_failure() {
            return failure;
        }
        if self.exchange.cancel.is_cancelled() {
            return Failure::cancelled();
        }
        let failure = broken::explain(error, self.folder);
        match self.is_there && broken_here(error) {
            true => Failure {
                kind: ErrorKind::Damaged,
                ..failure
            },
            false => failure,
        }
    }
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

/// Makes sure that what the refs are about to point to survives a power loss.
fn sync_packs(folder: &Path) -> Result<(), Failure> {
    let packs = folder.join("objects/pack");
    let failed = |error: io::Error| Failure::disk("sync", &packs, &error);
    // Only the files of the last minutes can be new; syncing the others costs next to nothing, as
    // they have nothing left to write.
    for entry in fs::read_dir(&packs).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        fs::File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| Failure::disk("sync", &path, &error))?;
    }
    atomic_file::sync_parent(&packs.join("-"))
}
