//! Mirrors one repository.
//!
//! Download first, then switch all refs at once:
//!
//! 1. ask for the refs upstream has; if they are the ones we have, that was all;
//! 2. download the missing objects into the mirror, where nothing points to them yet;
//! 3. check that every ref's object has come;
//! 4. replace all refs in one atomic step, with a ref of our own for every tip that upstream has
//!    deleted or moved away from; the snapshot of the new state is written right before, and counts
//!    from right after.
//!
//! A failure before step 4 leaves the mirror as it was. A new mirror is made under a temporary
//! name and renamed into place, so that a failed clone leaves nothing that looks like a backup.

mod ancestry;
mod answer;
mod connected;
mod head;
mod merge;
mod outcome;
mod place;
mod ref_rules;
pub mod repair;
mod work;

use std::cell::RefCell;
use std::path::Path;
use std::sync::atomic::Ordering;

use forgekeep_durable::atomic_file;
use forgekeep_failure::{Failure, Finding};
use forgekeep_git::foreign::{self, Lacking};
use forgekeep_git::libgit2;
use forgekeep_git::refs::{self, RefName, StoredRefs};
use forgekeep_http::Services;
use forgekeep_protocol::{Advertisement, Connection, Remote, Way, advertise};
use forgekeep_store::snapshot::{Identity, RefState};
use forgekeep_untrusted::Untrusted;
use git2::Repository;
use place::MirrorFolder;
use work::Work;

pub use answer::{Answer, ask_early};
pub use forgekeep_protocol::Transfer;
pub use outcome::{Mirrored, Outcome};
pub use ref_rules::RefRules;

/// What to mirror, where to.
pub struct Upstream<'a> {
    /// Clone URL as the hoster gave it.
    pub url: &'a Untrusted,
    /// How to come there.
    pub way: Way,
    /// Default branch as the hoster says, without `refs/heads/`.
    pub default_branch: Option<&'a Untrusted>,
    /// Which of its refs are backed up.
    pub ref_rules: &'a RefRules,
    /// Whose mirror it is, for its snapshots.
    pub identity: &'a Identity,
    /// Client, rules and interruption.
    pub services: &'a Services,
    /// What it has said already, if it was asked early.
    pub answer: Option<&'a Answer>,
    /// Asked before more is done than to ask for upstream's refs and to compare them: before anything is
    /// fetched, examined or changed. A failure is the outcome, and nothing has been done then: the same
    /// call later comes to what this one would have.
    pub turn: &'a dyn Fn() -> Result<(), Failure>,
    /// Asked before anything is written to a mirror that is there: a failure is its outcome.
    pub may_write: &'a dyn Fn() -> Result<(), Failure>,
    /// What was converted or set aside on the way, also if the whole fails in the end.
    pub warnings: &'a RefCell<Vec<Finding>>,
}

impl Upstream<'_> {
    /// Asks for the refs it has.
    fn ask(&self) -> Result<(Advertisement, Connection<'_>), Failure> {
        advertise(&Remote {
            url: self.url,
            way: &self.way,
            services: self.services,
        })
    }

    /// Whether a mirror that is there may be changed now.
    fn may_change(&self) -> Result<(), Failure> {
        (self.turn)()?;
        (self.may_write)()
    }

    /// Makes a mirror that others have made or changed one that can be opened.
    pub fn take_in(&self, mirror: &Path) -> Result<(), Failure> {
        let mut found = Vec::new();
        let cancel = &self.services.cancel;
        let may_change = || self.may_change();
        let taken = foreign::take_in(mirror, &may_change, cancel, &mut found);
        self.warnings.borrow_mut().append(&mut found);
        taken
    }
}

/// Mirrors `upstream` into the bare repository at `folder`, which need not exist. One that is there has
/// been taken in (`Upstream::take_in`).
///
/// # Errors
///
/// The mirror is as it was before, or is not there if it was not.
pub fn mirror(
    upstream: &Upstream<'_>,
    folder: &Path,
    progress: &dyn Fn(Transfer),
) -> Result<Outcome, Failure> {
    libgit2::initialise()?;
    let place = MirrorFolder::look(folder)?;
    let cancel = &upstream.services.cancel;
    cancel.check()?;
    if let Some(answer) = upstream.answer {
        if place == MirrorFolder::Mirror
            && let Some(outcome) = answer::as_it_was(answer, upstream, folder, progress)?
        {
            return Ok(outcome);
        }
        // There is more to do than to ask, and what was answered may be old by then.
        (upstream.turn)()?;
    }
    let (advertised, connection) = upstream.ask()?;
    let mut work = Work::new(upstream, folder, (advertised, Some(connection)), progress);
    work.is_there = place == MirrorFolder::Mirror;
    work.newest = work.recorder.store.newest();
    let mut stored = match place {
        MirrorFolder::Free => StoredRefs::default(),
        MirrorFolder::Mirror => StoredRefs::read(folder)?,
    };
    let left_out = match Lacking::look(folder) {
        Some(lacking) if place == MirrorFolder::Mirror => work.fill(lacking, &stored)?,
        _ => None,
    };
    let mut untold = None;
    let mut head = None;
    let mut head_is_known = true;
    if place == MirrorFolder::Mirror {
        work.check_packed_refs(&stored)?;
        let found = found(&stored, folder)?;
        let store = &work.recorder.store;
        let is_settled = store.is_settled(work.newest.as_ref(), &found);
        head = found.head;
        if !is_settled {
            (upstream.turn)()?;
            let settled;
            (settled, untold) = work.settle(&mut stored)?;
            head = refs::read_head(folder)?;
            head_is_known = settled.head == head;
        }
    }
    if place == MirrorFolder::Mirror && head_is_known && is_same(&stored, &work, head.as_ref()) {
        return work.unchanged(&stored, untold.as_ref(), left_out);
    }
    match place {
        MirrorFolder::Free => {
            (upstream.turn)()?;
            let mut outcome = work.clone_into(folder)?;
            outcome.left_out.extend(work.left_out(work.cut_off(folder)));
            Ok(outcome)
        }
        MirrorFolder::Mirror => {
            upstream.may_change()?;
            foreign::check_loose(folder)?;
            let mut outcome = work.update(folder, stored, untold)?;
            let left_out = left_out.or_else(|| work.cut_off(folder));
            outcome.left_out.extend(work.left_out(left_out));
            Ok(outcome)
        }
    }
}

/// Whether git answers for a repository, asked as a backup would: one request, nothing is written.
///
/// # Errors
///
/// It does not.
pub fn ask(url: &Untrusted, way: &Way, services: &Services) -> Result<(), Failure> {
    let upstream = Remote { url, way, services };
    advertise(&upstream).map(drop)
}

/// Downloads what upstream has into a new bare repository at `folder`, and brings it to the disk:
/// everything, or what the mirror `beside` does not have yet. That one may have lost a part: only
/// upstream's refs are told of, and the pack leans on nothing of it. Returns how many bytes came.
pub fn fetch_apart(
    upstream: &Upstream<'_>,
    folder: &Path,
    beside: Option<&Path>,
    progress: &dyn Fn(Transfer),
) -> Result<u64, Failure> {
    let (advertised, connection) = upstream.ask()?;
    let mut work = Work::new(upstream, folder, (advertised, Some(connection)), progress);
    let mut repository = work.init(folder)?;
    let mut known = StoredRefs::default();
    if let Some(mirror) = beside {
        let objects = mirror.join("objects");
        let objects = objects
            .canonicalize()
            .map_err(|error| Failure::disk("read", &objects, &error))?;
        let mut line = objects.into_os_string().into_encoded_bytes();
        line.push(b'\n');
        atomic_file::replace(&folder.join("objects/info/alternates"), &line)?;
        let stored = StoredRefs::read(mirror)?;
        known.refs.extend(
            stored
                .upstream()
                .map(|(name, value)| (name.clone(), *value)),
        );
        repository = Repository::open_bare(folder).map_err(|e| work.failed(&e))?;
    }
    // Whoever repairs looks at what is there then.
    work.download(&repository, folder, &known, false)?;
    Ok(work.received.load(Ordering::Relaxed))
}

/// Whether a mirror with these refs and this `HEAD` already is what upstream has.
fn is_same(stored: &StoredRefs, work: &Work<'_>, head: Option<&RefName>) -> bool {
    let same_refs = stored
        .upstream()
        .map(|(name, value)| (name, value.oid))
        .eq(work.upstream.iter().map(|(name, value)| (name, value.oid)));
    let holds = |oid| stored.refs.values().any(|value| value.names(oid));
    let same_head = work.head.is_none() || work.head.as_ref() == head;
    same_refs && work.detached().is_none_or(holds) && same_head
}

/// The state of a mirror that is there.
fn found(stored: &StoredRefs, folder: &Path) -> Result<RefState, Failure> {
    Ok(RefState::new(&stored.refs, refs::read_head(folder)?))
}
