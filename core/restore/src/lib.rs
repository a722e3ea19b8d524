//! Brings a repository back as it was: into a folder, or into an empty repository elsewhere. Needs
//! neither network nor plugins, takes no lock, and changes nothing in the backup.
//!
//! Into a folder, in this order:
//!
//! 1. the objects are copied, each pack against its checksum (`copy`);
//! 2. all that the refs reach must be there and readable: a damaged backup is no good restore
//!    (`reach`; `unindexed` helps where only an index is);
//! 3. the refs and `HEAD` of the state are written, those of Forgekeep's own left out;
//! 4. the work tree is checked out (`work_tree`);
//! 5. the whole is put in its place (`place`).
//!
//! `restore_point` says which state is meant, `parts` how a part of each kind is restored, `all` restores
//! every repository of a backup, and `push` sets a repository elsewhere to a state.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod all;
mod copy;
mod parts;
mod place;
mod push;
mod reach;
mod restore_point;
mod unindexed;
mod work_tree;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::links::peeled;
use forgekeep_git::refs::{self, RefName, RefValue, Refs, StoredRefs};
use forgekeep_git::{foreign, libgit2};
use forgekeep_store::snapshot::{RefState, SnapshotId, Store, Tips};
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Odb, Oid, Repository, RepositoryInitOptions};
use jiff::Timestamp;

pub use all::{Outcome, RestoreItem, items, restore_all};
pub use parts::{Manner, restore_part};
pub use place::{check_free, check_outside};
pub use push::{
    Answers, Destination, NotSent, Outgoing, Push, Pushed, ReceivePack, RefUpdate, RefusedRef,
    Spooled, Theirs, push,
};
pub use restore_point::RestorePoint;

/// A state of a mirror.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The snapshot and its time; `None` for the present state of a mirror without snapshots.
    pub snapshot: Option<(SnapshotId, Timestamp)>,
    /// Its refs and `HEAD`.
    pub state: RefState,
}

/// Finds the state of the mirror at `mirror` that is meant: by default that of the newest snapshot,
/// or the present one of a mirror without snapshots.
///
/// # Errors
///
/// [`ErrorKind::NotFound`] if there is no such state, [`ErrorKind::Damaged`] if it cannot be told.
pub fn choose(mirror: &Path, point: Option<&RestorePoint>) -> Result<Chosen, Failure> {
    if !mirror.join("HEAD").exists() {
        return Err(Failure::new(
            ErrorKind::NotFound,
            format!("there is no mirror at {} yet", mirror.shown()),
        )
        .with_hint(
            "run `forgekeep backup` to make it; `forgekeep status -v` shows why it is missing",
        ));
    }
    foreign::check_known(mirror)?;
    let store = Store::beside(mirror);
    let entries = store.entries()?;
    let present = StoredRefs::read(mirror)
        .and_then(|stored| Ok(RefState::new(&stored.refs, refs::read_head(mirror)?)));
    let at = match (point, entries.len().checked_sub(1)) {
        (Some(point), _) => point.find(&entries)?,
        (None, Some(newest)) => newest,
        (None, None) => {
            return present.map(|state| Chosen {
                snapshot: None,
                state,
            });
        }
    };
    if let Err(failure) = &present {
        log::warn!("{failure}");
    }
    let entry = &entries[at];
    let state = store
        .state(&entries, at, present.ok().as_ref())
        .map_err(|failure| {
            failure.with_hint("choose another state with --at: `forgekeep snapshots` lists them")
        })?;
    Ok(Chosen {
        snapshot: Some((entry.id.clone(), entry.time)),
        state,
    })
}

/// What to restore into a folder.
#[derive(Clone, Copy, Debug)]
struct Order<'a> {
    /// The mirror.
    pub mirror: &'a Path,
    /// The state.
    pub chosen: &'a Chosen,
    /// The folder: new, or empty.
    pub target: &'a Path,
    /// Without a work tree.
    pub bare: bool,
    /// The largest object that is held in memory to be checked out: `options.limits.objectBytes`.
    pub object_bytes: u64,
    /// Whether it may be in the backup folder.
    pub in_backup: bool,
    /// Counts the bytes that are copied.
    pub copied: Option<&'a AtomicU64>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Refs that were restored.
    pub refs: usize,
    /// What `HEAD` is.
    pub head: Head,
    /// Files of the mirror that are damaged. Nothing is missing from what was restored all the same.
    pub damaged: Vec<Failure>,
    /// Files of the work tree that are not there, or not as `git clone` would have them; and objects
    /// too large to be checked.
    pub odd: Vec<Failure>,
}

/// What `HEAD` of a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// It points to a ref that exists.
    Born(RefName),
    /// It points to one that does not: there is nothing to check out.
    Unborn(RefName),
    /// It is at a commit, not at a branch.
    Detached(Oid),
    /// It is not known where it pointed.
    Unknown,
}

impl Head {
    /// Of a state, as `git clone` makes it: `HEAD` at a ref that is no branch is detached there.
    fn of(state: &RefState, odb: &Odb<'_>) -> Self {
        if let Some(oid) = state.detached() {
            return Self::Detached(commit_of(odb, oid).unwrap_or(oid));
        }
        let Some(name) = &state.head else {
            return Self::Unknown;
        };
        let is_branch = name.starts_with(b"refs/heads/");
        match state.tips.get(name) {
            Some(_) if is_branch => Self::Born(name.clone()),
            // What is no commit cannot be checked out, nor be a detached HEAD.
            Some(tip) => {
                commit_of(odb, *tip).map_or_else(|| Self::Born(name.clone()), Self::Detached)
            }
            None if is_branch => Self::Unborn(name.clone()),
            None => Self::Unknown,
        }
    }
}

/// The commit that an object is, or is a tag of.
fn commit_of(odb: &Odb<'_>, oid: Oid) -> Option<Oid> {
    let oid = peeled(odb, oid, &HashSet::new())?;
    let (_, kind) = odb.read_header(oid).ok()?;
    (kind == ObjectType::Commit).then_some(oid)
}

/// Restores a repository into a folder.
///
/// # Errors
///
/// Nothing that looks like a repository is left then, unless it is all there but for a work tree that
/// git has to check out; this is said. [`ErrorKind::ForeignFolder`] if something is in the way,
/// [`ErrorKind::Damaged`] if the mirror lacks something.
fn restore(order: &Order<'_>, cancel: &Cancel) -> Result<Restored, Failure> {
    libgit2::initialise()?;
    cancel.check()?;
    let building = place::Building::begin(order.target)?;
    // Once more, now that it is there: somebody may have put a link in the way. A mirror is at
    // <backup>/<title>/<repository>/<part>.
    if let Some(backup) = order.mirror.ancestors().nth(3).filter(|_| !order.in_backup) {
        place::check_outside(&building.folder(), backup)?;
    }
    let (restored, no_work_tree) = build(order, &building.folder(), cancel)?;
    cancel.check()?;
    building.finish(if order.bare { "HEAD" } else { ".git" })?;
    no_work_tree.map_or(Ok(restored), Err)
}

/// Also returns why there is no work tree, if there should be one.
fn build(
    order: &Order<'_>,
    folder: &Path,
    cancel: &Cancel,
) -> Result<(Restored, Option<Failure>), Failure> {
    let git_dir = match order.bare {
        true => folder.to_owned(),
        false => folder.join(".git"),
    };
    let mut options = RepositoryInitOptions::new();
    options
        .bare(order.bare)
        .no_reinit(true)
        .external_template(false);
    drop(Repository::init_opts(folder, &options).map_err(|e| failed(&e))?);
    let state = &order.chosen.state;
    let mut damaged = copy::objects(order.mirror, &git_dir, order.copied, cancel)?;
    let mut unread = Vec::new();
    let told = reach::SideFindings {
        damaged: &mut damaged,
        unread: &mut unread,
    };
    let rescued = reach::complete(&git_dir, order.mirror, &state.roots(), told, cancel)?;
    if rescued > 0 {
        log::info!("{rescued} objects were recovered from damaged files and packed again");
    }
    // Opened again: what was opened before knows nothing of these packs.
    let repository = Repository::open(&git_dir).map_err(|e| failed(&e))?;
    write_refs(&repository, &git_dir, &state.tips)?;
    let odb = repository.odb().map_err(|e| failed(&e))?;
    let head = Head::of(state, &odb);
    let tip = match &head {
        Head::Born(name) => state.tips.get(name).copied(),
        Head::Detached(oid) => Some(*oid),
        Head::Unborn(_) | Head::Unknown => None,
    };
    match &head {
        Head::Born(name) | Head::Unborn(name) => refs::write_head(&git_dir, name)?,
        Head::Detached(oid) => refs::write_head(&git_dir, &refs::detached_at(*oid))?,
        Head::Unknown => {}
    }
    let mut checked_out = work_tree::CheckedOut::default();
    if let (false, Some(tip)) = (order.bare, tip) {
        cancel.check()?;
        checked_out = work_tree::check_out(&repository, order, folder, tip, cancel)?;
    }
    if !order.bare && head == Head::Unknown && !state.tips.is_empty() {
        let message = "nothing was checked out: HEAD is damaged or missing in the backup, and no \
        snapshot names the default branch";
        let failure = Failure::new(ErrorKind::Damaged, message);
        unread.push(failure.with_hint("check out a branch in the restored folder: `git switch <branch>`; objects and refs are all there"));
    }
    unread.append(&mut checked_out.odd);
    let restored = Restored {
        odd: unread,
        refs: state.tips.len(),
        head,
        damaged,
    };
    Ok((restored, checked_out.nothing))
}

/// Writes these refs into a repository that has none.
fn write_refs(repository: &Repository, git_dir: &Path, tips: &Tips) -> Result<(), Failure> {
    let value = |oid| RefValue { oid, peeled: None };
    let mut refs: Refs = tips
        .iter()
        .map(|(name, oid)| (name.clone(), value(*oid)))
        .collect();
    let peeled = refs::peel_readable(repository, &mut refs).map_err(|e| failed(&e))?;
    match peeled {
        true => refs::replace_all(git_dir, &StoredRefs::default(), &refs),
        false => refs::write_unpeeled(git_dir, &refs),
    }
}

/// An error of libgit2's.
fn failed(error: &git2::Error) -> Failure {
    let of_machine = libgit2::of_machine("restore", Path::new("an object"), error);
    if let Some(failure) = of_machine.filter(|failure| failure.too_large.is_some()) {
        return failure;
    }
    let message = libgit2::words(error);
    let kind = match error.class() {
        git2::ErrorClass::Os => ErrorKind::Disk,
        _ => ErrorKind::Git,
    };
    Failure::new(kind, format!("the restore failed: {message}"))
        .with_hint("check whether the disk is full or read-only; -v shows more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_out_to_be_in_the_backup_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mirror = root.path().join("backup/acme/acme#web/repo");
        std::fs::create_dir_all(&mirror).unwrap();
        let state = RefState {
            head: None,
            tips: Tips::new(),
        };
        let chosen = Chosen {
            snapshot: None,
            state,
        };
        let order = |target| Order {
            mirror: &mirror,
            chosen: &chosen,
            target,
            bare: true,
            object_bytes: forgekeep_git::memory::OBJECT_BYTES,
            in_backup: false,
            copied: None,
        };
        let inside = root.path().join("backup/acme/new");
        let refused = restore(&order(&inside), &Cancel::new()).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::ForeignFolder);
        let folder = std::fs::read_dir(inside.parent().unwrap()).unwrap();
        assert_eq!(folder.count(), 1);
        restore(&order(&root.path().join("new")), &Cancel::new()).unwrap();
    }
}
