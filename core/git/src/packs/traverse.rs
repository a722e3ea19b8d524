//! All objects of a pack, each read once and hashed, on all cores: by gix-pack, which resolves a delta where
//! its base has just been.
//!
//! gix-pack does not bound its memory: every object that others are made from is held until they are done.
//! So what that takes at most is summed up before, by the sizes in the headers of entries and deltas. A pack
//! that needs more than there is for all packs together is left to be read object by object, as is one in
//! which anything is amiss: gix-pack ends at the first such object, and damage is to be named whole.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::available_parallelism;

use forgekeep_failure::{Cancel, Failure};
use git2::{ObjectType, Oid};
use gix_pack::data;
use gix_pack::index::traverse::{SafetyCheck, with_index::Options};
use gix_pack::index::{self, Entry};
use gix_utils::progress::Progress;

use super::index::PackIndex;
use super::sizes::{Made, each_entry};

/// Bytes that all packs may take that are traversed at the same time.
const BYTES: u64 = 96 * 1024 * 1024;

/// Bytes that gix-pack holds for each object of a pack, with room to spare.
const OBJECT: u64 = 192;

/// Bytes of [`BYTES`] that are taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Packs that are being traversed.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// Reads all objects of a pack, and gives each to `visit` once its content has been found to have its id;
/// `visit` says whether to go on. Whether each object that the index lists was visited: if not, nothing is
/// known of any, and what was visited counts for nothing.
///
/// # Errors
///
/// The machine cannot read the pack, or [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled).
pub fn traverse(
    pack: &Path,
    index_path: &Path,
    index: &PackIndex,
    cancel: &Cancel,
    visit: impl Fn(Oid, ObjectType, &[u8]) -> bool + Sync,
) -> Result<bool, Failure> {
    let Some(held) = held_at_once(pack, index, cancel)? else {
        return Ok(false);
    };
    let running = Running::new();
    let objects = index.len() as u64;
    let tree = objects.saturating_mul(OBJECT);
    // Each thread has a chain of its own: fewer threads rather than none.
    let room = BYTES.saturating_sub(tree) / held.max(1);
    let threads = running
        .threads()
        .min(room.try_into().unwrap_or(usize::MAX))
        .max(1);
    let needed = held.saturating_mul(threads as u64).saturating_add(tree);
    let Some(_share) = Share::take(needed) else {
        return Ok(false);
    };
    let visited = AtomicU64::new(0);
    // gix-pack sets the flag itself where something is amiss: the run's own is not given to it.
    let stop = AtomicBool::new(false);
    let see = |kind: gix_object::Kind, content: &[u8], entry: &Entry, _: &dyn Progress| {
        let oid = Oid::from_bytes(entry.oid.as_bytes());
        let goes_on = oid.is_ok_and(|oid| visit(oid, of_git2(kind), content));
        if cancel.is_cancelled() || !goes_on {
            return Err(gix_error::message("it ends here").into());
        }
        visited.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let read = || {
        let sha1 = gix_hash::Kind::Sha1;
        let file = index::File::at(index_path, sha1).ok()?;
        let data = data::File::at(pack, sha1).ok()?;
        let is_it = file.index_checksum().as_bytes() == index.checksum();
        let options = Options {
            thread_limit: Some(threads),
            check: SafetyCheck::SkipFileChecksumVerification,
            alloc_limit_bytes: usize::try_from(BYTES).ok(),
        };
        let mut silent = gix_utils::progress::Discard;
        let done = file.traverse_with_index(&data, see, &mut silent, &stop, options);
        (is_it && done.is_ok()).then_some(())
    };
    // What gix-pack panics about is a pack that it cannot read.
    let done = catch_unwind(AssertUnwindSafe(read)).ok().flatten();
    cancel.check()?;
    Ok(done.is_some() && visited.into_inner() == objects)
}

fn of_git2(kind: gix_object::Kind) -> ObjectType {
    match kind {
        gix_object::Kind::Commit => ObjectType::Commit,
        gix_object::Kind::Tree => ObjectType::Tree,
        gix_object::Kind::Blob => ObjectType::Blob,
        gix_object::Kind::Tag => ObjectType::Tag,
    }
}

/// Bytes that one thread holds at most: the objects of the heaviest chain of deltas. `None` if that is not
/// known: an entry cannot be read, or a base comes after what is made from it.
fn held_at_once(pack: &Path, index: &PackIndex, cancel: &Cancel) -> Result<Option<u64>, Failure> {
    let mut offsets: Vec<u64> = Vec::with_capacity(index.len());
    // By position: the base's position, and the bytes of the object itself.
    let mut entries: Vec<(u32, u64)> = Vec::with_capacity(index.len());
    let mut is_known = true;
    each_entry(pack, index, cancel, |entry| {
        let known = entry.and_then(|entry| {
            let known = match entry.made {
                Made::Blob | Made::Whole => (u32::MAX, entry.size),
                Made::Delta { base, sizes } => {
                    // Only what came before it is among them.
                    let base = offsets.binary_search(&base?).ok()?;
                    let (_, result) = sizes?;
                    // A delta is inflated beside its base and its result.
                    (u32::try_from(base).ok()?, result.saturating_add(entry.size))
                }
            };
            offsets.push(entry.offset);
            Some(known)
        });
        match known {
            Some(known) => entries.push(known),
            None => is_known = false,
        }
    })?;
    if !is_known {
        return Ok(None);
    }
    let mut chains = vec![0_u64; entries.len()];
    let mut most = 0;
    for (position, (base, bytes)) in entries.iter().enumerate().rev() {
        let chain = chains[position].saturating_add(*bytes);
        match chains.get_mut(*base as usize) {
            Some(of_base) => *of_base = (*of_base).max(chain),
            None => most = most.max(chain),
        }
    }
    Ok(Some(most))
}

/// A part of [`BYTES`].
struct Share(u64);

impl Share {
    fn take(bytes: u64) -> Option<Self> {
        let order = Ordering::Relaxed;
        let more = |taken: u64| Some(taken.saturating_add(bytes)).filter(|all| *all <= BYTES);
        TAKEN.fetch_update(order, order, more).ok()?;
        Some(Self(bytes))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        TAKEN.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// One of the packs that are being traversed.
struct Running(usize);

impl Running {
    fn new() -> Self {
        Self(RUNNING.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// One large pack gets all cores, many get one each.
    fn threads(&self) -> usize {
        let cores = available_parallelism().map_or(1, usize::from);
        (cores / self.0).max(1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
