//! Mirrors one repository.
//!
//! Download first, then switch all refs at once:
//!
//! 1. ask for the refs upstream has; if they are the ones we have, that was all;
//! 2. download the missing objects into the mirror, where nothing points to them yet;
//! 3. check that every ref's object has come;
//! 4. replace all refs in one atomic step, with a ref of our own for every tip that upstream has
//!    deleted or moved away from.
//!
//! A failure before step 4 leaves the mirror as it was. A new mirror is made under a temporary
//! name and renamed into place, so that a failed clone leaves nothing that looks like a backup.

mod advertisement;
mod ask;
mod broken;
mod merge;
mod place;
mod refs;
mod transport;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use git2::{FetchOptions, RemoteCallbacks, Repository, RepositoryInitOptions};
use serde::Serialize;

use crate::hoster::Services;
use crate::http::Authorization;
use crate::names::printable;
use crate::{ErrorKind, Failure, atomic_file};

pub use advertisement::Advertisement;
use ask::{Answered, advertise};
use merge::merge;
use place::{Place, partial_path, remove_leftovers, remove_partial};
use refs::{RefName, Refs, StoredRefs};
use transport::{Exchange, with_exchange};

pub use place::PARTIAL;
pub use transport::initialise;

/// What to mirror, where to.
pub struct Upstream<'a> {
    /// Clone URL as the hoster gave it.
    pub url: &'a str,
    /// Credentials for it.
    pub authorization: Authorization,
    /// Default branch as the hoster says, without `refs/heads/`.
    pub default_branch: Option<&'a str>,
    /// Client, rules and interruption.
    pub services: &'a Services,
    /// Asked before anything is written to a mirror that is there: a failure is its outcome.
    pub may_write: &'a dyn Fn() -> Result<(), Failure>,
}

/// How a mirror came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mirrored {
    /// It is new.
    Cloned,
    /// Something changed.
    Updated,
    /// Nothing changed.
    Unchanged,
    /// Upstream has no ref at all.
    Empty,
}

/// How many refs changed, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RefChanges {
    /// New ones.
    pub created: usize,
    /// Moved forward.
    pub updated: usize,
    /// Moved elsewhere: the old tip is kept.
    pub forced: usize,
    /// Gone upstream: the old tip is kept.
    pub deleted: usize,
}

/// What came of mirroring a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it came out.
    pub mirrored: Mirrored,
    /// What changed.
    pub refs: RefChanges,
    /// Bytes received in packs.
    pub bytes_received: u64,
}

/// How far a download is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// Objects received.
    pub objects: usize,
    /// Objects in all, once known.
    pub total_objects: usize,
    /// Bytes received.
    pub bytes: u64,
}

/// Mirrors `upstream` into the bare repository at `folder`, which need not exist.
///
/// # Errors
///
/// The mirror is as it was before, or is not there if it was not.
pub fn mirror(
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
) -> Result<Outcome, Failure> {
    initialise()?;
    let place = Place::look(folder)?;
    let cancel = &upstream.services.cancel;
    cancel.check()?;
    let Answered {
        advertisement,
        url,
        authorization,
    } = advertise(upstream)?;
    let head = wanted_head(upstream.default_branch, &advertisement);
    let stored = match place {
        Place::Free => StoredRefs::default(),
        Place::Mirror => StoredRefs::read(folder)?,
    };
    if place == Place::Mirror && is_same(&stored, &advertisement.refs, head.as_deref(), folder) {
        let mirrored = if advertisement.refs.is_empty() {
            Mirrored::Empty
        } else {
            Mirrored::Unchanged
        };
        return Ok(Outcome {
            mirrored,
            refs: RefChanges::default(),
            bytes_received: 0,
        });
    }
    let work = Work {
        exchange: Arc::new(Exchange {
            client: Arc::clone(&upstream.services.http),
            url,
            authorization,
            scope: Arc::clone(&upstream.services.scope),
            cancel: cancel.clone(),
            advertisement: Mutex::new(advertisement.raw),
            received: AtomicU64::new(0),
            failure: Mutex::new(None),
        }),
        upstream: advertisement.refs,
        head,
        folder,
        progress,
    };
    match place {
        Place::Free => work.clone_into(folder),
        Place::Mirror => {
            (upstream.may_write)()?;
            work.update(folder, &stored)
        }
    }
}

/// Where `HEAD` shall point: to the default branch the hoster names, else to the one its git
/// server names; `None` leaves it as it is.
fn wanted_head(default_branch: Option<&str>, advertisement: &Advertisement) -> Option<RefName> {
    let named = default_branch.map(|branch| format!("refs/heads/{branch}").into_bytes());
    let valid = named.filter(|name| refs::is_valid_name(name));
    let exists = |name: &RefName| advertisement.refs.contains_key(name);
    let advertised = advertisement.head.clone();
    valid
        .clone()
        .filter(exists)
        .or_else(|| advertised.clone().filter(exists))
        // An empty repository: its HEAD is unborn, but points somewhere.
        .or(advertised)
        .or(valid)
}

/// Whether a mirror already is what upstream has.
fn is_same(stored: &StoredRefs, upstream: &Refs, head: Option<&[u8]>, folder: &Path) -> bool {
    let same_refs = stored
        .upstream()
        .map(|(name, value)| (name, value.oid))
        .eq(upstream.iter().map(|(name, value)| (name, value.oid)));
    same_refs && (head.is_none() || refs::read_head(folder).as_deref() == head)
}

struct Work<'a> {
    exchange: Arc<Exchange>,
    upstream: Refs,
    head: Option<RefName>,
    /// Where the mirror is or shall be.
    folder: &'a Path,
    progress: &'a dyn Fn(Transfer),
}

impl Work<'_> {
    fn clone_into(&self, folder: &Path) -> Result<Outcome, Failure> {
        let partial = partial_path(folder);
        remove_partial(&partial)?;
        let parent = folder.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| Failure::disk("create", parent, &error))?;
        let made = self.make(&partial).and_then(|refs| {
            match fs::remove_dir(folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::disk("replace", folder, &error)),
            }
            fs::rename(&partial, folder)
                .map_err(|error| Failure::disk("rename into place", folder, &error))?;
            atomic_file::sync_parent(folder)?;
            Ok(refs)
        });
        match made {
            Ok(refs) => Ok(self.outcome(
                if self.upstream.is_empty() {
                    Mirrored::Empty
                } else {
                    Mirrored::Cloned
                },
                refs,
            )),
            Err(failure) => {
                // What is left of it is removed before the next try, if not now.
                let _ = remove_partial(&partial);
                // Gone if nothing else is in it: a failed clone leaves nothing.
                let _ = fs::remove_dir(parent);
                Err(failure)
            }
        }
    }

    fn make(&self, partial: &Path) -> Result<RefChanges, Failure> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(true).external_template(false);
        let repository = Repository::init_opts(partial, &options).map_err(|e| self.failed(&e))?;
        self.fetch(&repository, &StoredRefs::default(), partial)
    }

    fn update(&self, folder: &Path, stored: &StoredRefs) -> Result<Outcome, Failure> {
        let repository = Repository::open_bare(folder).map_err(|error| {
            Failure::new(
                ErrorKind::Damaged,
                format!("{} cannot be opened: {}", folder.display(), error.message()),
            )
            .with_hint("it was left alone; move it elsewhere to have the repository cloned anew")
        })?;
        remove_leftovers(folder);
        let refs = self.fetch(&repository, stored, folder)?;
        let mirrored = if self.upstream.is_empty() && refs.deleted == 0 {
            Mirrored::Empty
        } else {
            Mirrored::Updated
        };
        Ok(self.outcome(mirrored, refs))
    }

    fn outcome(&self, mirrored: Mirrored, refs: RefChanges) -> Outcome {
        Outcome {
            mirrored,
            refs,
            bytes_received: self.exchange.received.load(Ordering::Relaxed),
        }
    }

    /// Steps 2 to 4 of the head of this module.
    fn fetch(
        &self,
        repository: &Repository,
        stored: &StoredRefs,
        folder: &Path,
    ) -> Result<RefChanges, Failure> {
        let missing = {
            let odb = repository.odb().map_err(|e| self.failed(&e))?;
            self.upstream.values().any(|value| !odb.exists(value.oid))
        };
        if missing {
            self.download(repository)?;
            sync_packs(folder)?;
        }
        self.check_arrived(repository)?;
        let (mut new, changes) =
            merge(repository, stored, &self.upstream).map_err(|e| self.failed(&e))?;
        refs::peel(repository, &mut new, &stored.refs).map_err(|e| self.failed(&e))?;
        self.exchange.cancel.check()?;
        refs::replace_all(folder, stored, &new)?;
        if let Some(head) = &self.head
            && refs::read_head(folder).as_ref() != Some(head)
        {
            refs::write_head(folder, head)?;
        }
        Ok(changes)
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
    fn failed(&self, error: &git2::Error) -> Failure {
        if let Some(failure) = self.exchange.take_failure() {
            return failure;
        }
        if self.exchange.cancel.is_cancelled() {
            return Failure::cancelled();
        }
        broken::explain(error, self.folder)
    }
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
