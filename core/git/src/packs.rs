//! Keeps the number of packs of a mirror down. libgit2 never repacks: each fetch adds a pack, and
//! every look for an object goes through all of them.
//!
//! Packs are copied, not recomputed: an object keeps the bytes and the delta that the hoster's
//! git has made of it (gitformat-pack(5)). In four steps:
//!
//! 1. `plan` chooses one copy of each object, such that the base of a delta comes before it;
//! 2. `write` streams the copies through libgit2's indexer, which computes every object's id;
//! 3. the ids must be the ones that were planned, and the new files are synced;
//! 4. only then `folder` removes what they replace.
//!
//! A failure before step 4 leaves all that was there. A kill within it leaves objects twice, or an
//! index without its pack, which the next fetch removes.
//!
//! An object is never left out because a pack that stays has it, too: nobody has checked that one.
//! The bases that libgit2 appends to the thin packs of a fetch go once their packs are merged.

mod folder;
mod hold;
mod large;
mod plan;
mod refused;
pub mod sizes;
mod write;

use std::path::Path;

use folder::{Loose, Pack, PackFolder};
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use git2::Oid;
use plan::Plan;

use crate::libgit2;

pub use folder::{bytes_of_packs, pack_names as names};
pub use forgekeep_pack::PackIndex;
pub use hold::{hold, is_unfinished, release, release_some};
pub use large::{Large, Opened, Stream};
pub use refused::refused;
pub use sizes::{Bulk, bulky};

/// Fewer packs than these are left alone, or each night's fetch would have a pack written again.
const FEW: usize = 8;

/// Bytes. A larger pack is left alone by [`repack`]: writing it again costs more than a look
/// into one more pack.
const LARGE: u64 = 512 * 1024 * 1024;

/// What came of it. For the packs of the whole folder, those that were left alone included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repacking {
    /// Packs there were.
    pub packs_before: usize,
    /// Packs there are.
    pub packs_after: usize,
    /// Bytes of those packs without their indexes, and of the loose objects that were replaced.
    pub bytes_before: u64,
    /// Bytes of the packs there are.
    pub bytes_after: u64,
    /// Objects that are no more: those [`rewrite`] was told not to keep.
    pub objects_dropped: usize,
}

/// Brings the packs of the bare repository in `folder` down to a bounded number, if there are many.
///
/// Sorted by size, a pack is left alone if it and all larger ones have at least twice the size of
/// all smaller ones together; the others become one. So what is left grows threefold from pack to
/// pack, and a byte is copied again only when its pack has grown by half. Afterwards there are fewer
/// than 8 packs, or at most 16 of up to 512 MiB each; and those that are not touched: larger ones,
/// and any with a `.keep` or `.promisor`. Loose objects are taken in if there are thousands.
///
/// If nothing is to be done, this costs a look into two folders. Otherwise the disk must have room
/// for what is merged, and memory is needed for the tables, here and in libgit2: some 500 bytes an
/// object, and twice the largest object that has to be compressed again. No new deltas are sought:
/// what a hoster has sent as a whole stays so.
///
/// Nothing is done if there is a `multi-pack-index`: somebody's git manages these packs. The caller
/// holds the run lock; readers may be at work.
///
/// # Errors
///
/// [`ErrorKind::Damaged`] naming the file, [`ErrorKind::Disk`] naming the path, or
/// [`ErrorKind::Cancelled`]. Nothing was removed, except if a replaced file could not be.
pub fn repack(folder: &Path, cancel: &Cancel) -> Result<Repacking, Failure> {
    cancel.check()?;
    let found = PackFolder::look(folder)?;
    if found.has_multi_pack_index {
        log::info!(
            "{}: the packs are left alone, as there is a multi-pack-index: another Git maintains them",
            folder.shown()
        );
        return Ok(found.unchanged());
    }
    let mut packs: Vec<_> = found.packs.iter().filter(|pack| !pack.kept).collect();
    packs.retain(|pack| pack.size <= LARGE);
    packs.sort_by_key(|pack| pack.size);
    let sizes: Vec<u64> = packs.iter().map(|pack| pack.size).collect();
    packs.truncate(to_merge(&sizes));
    let loose = if found.has_many_loose()? {
        found.loose()?
    } else {
        Vec::new()
    };
    if packs.is_empty() && loose.is_empty() {
        return Ok(found.unchanged());
    }
    replace(&found, packs, &loose, &|_| true, cancel)
}

/// Writes one new pack that holds exactly the objects for which `keep` says true, of all packs and
/// loose objects of the bare repository in `folder`, and removes those. `keep` is asked once for
/// each object.
///
/// Packs with a `.keep` or `.promisor` are not touched, and what they hold stays. A commit-graph is
/// removed if objects are dropped: it may name them, and git makes another. Room and memory are as
/// for [`repack`]. The caller has to hold the run lock, and to know that no git is writing.
///
/// # Errors
///
/// As for [`repack`]; and [`ErrorKind::ForeignFolder`] if there is a `multi-pack-index`.
pub fn rewrite(
    folder: &Path,
    keep: &dyn Fn(Oid) -> bool,
    cancel: &Cancel,
) -> Result<Repacking, Failure> {
    cancel.check()?;
    let found = PackFolder::look(folder)?;
    if found.has_multi_pack_index {
        return Err(Failure::new(
            ErrorKind::ForeignFolder,
            format!(
                "{} has a multi-pack-index: another Git maintains these packs",
                found.folder.shown()
            ),
        )
        .with_hint("remove that file and have git leave this folder alone, then run again"));
    }
    let packs = found.packs.iter().filter(|pack| !pack.kept).collect();
    replace(&found, packs, &found.loose()?, keep, cancel)
}

/// How many of these packs become one, from the smallest on. `sizes` are in ascending order.
fn to_merge(sizes: &[u64]) -> usize {
    if sizes.len() < FEW {
        return 0;
    }
    let mut smaller: u64 = sizes.iter().sum();
    for (position, size) in sizes.iter().enumerate().rev() {
        smaller -= size;
        if *size < 2 * smaller {
            return position + 1;
        }
    }
    0
}

/// Has one new pack take the place of `packs` and `loose`.
fn replace(
    found: &PackFolder,
    mut packs: Vec<&Pack>,
    loose: &[Loose],
    keep: &dyn Fn(Oid) -> bool,
    cancel: &Cancel,
) -> Result<Repacking, Failure> {
    // The largest first: what is said first is found at the begin of the new pack, and the next
    // copy finds it in the same order.
    packs.sort_by_key(|pack| std::cmp::Reverse(pack.size));
    let plan = Plan::make(&packs, loose, keep, cancel)?;
    if packs.len() < 2 && loose.is_empty() && plan.dropped == 0 {
        return Ok(found.unchanged());
    }
    libgit2::initialise()?;
    let new = match plan.steps.is_empty() {
        true => None,
        false => Some(write::write(found, &plan, cancel)?),
    };
    // From here on it is brought to its end: what is there twice would be copied again otherwise.
    if plan.dropped > 0 {
        found.remove_commit_graph()?;
    }
    found.remove(&packs, loose, new.as_deref())?;
    let now = PackFolder::look(&found.repository)?;
    let replaced: u64 = loose.iter().map(|loose| loose.size).sum();
    let before = found.unchanged();
    Ok(Repacking {
        packs_before: before.packs_before,
        packs_after: now.packs.len(),
        bytes_before: before.bytes_before + replaced,
        bytes_after: now.unchanged().bytes_after,
        objects_dropped: plan.dropped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_packs_are_left_alone_and_many_equal_ones_become_one() {
        assert_eq!(to_merge(&[]), 0);
        assert_eq!(to_merge(&[10; FEW - 1]), 0);
        assert_eq!(to_merge(&[10; FEW]), FEW);
    }

    #[test]
    fn a_pack_stays_if_it_has_twice_the_size_of_all_smaller_ones() {
        let small = [10; 7];
        assert_eq!(to_merge(&[&small[..], &[140]].concat()), 7);
        assert_eq!(to_merge(&[&small[..], &[139]].concat()), 8);
        assert_eq!(to_merge(&[&small[..], &[140, 420]].concat()), 7);
        // The largest makes the one before it go, too.
        assert_eq!(to_merge(&[&small[..], &[140, 419]].concat()), 9);
    }

    #[test]
    fn what_is_left_is_no_more_than_is_said() {
        // The smallest pack there can be: header and trailer.
        let (mut sizes, mut sum) = (vec![32], 32);
        while 2 * sum <= LARGE {
            sizes.push(2 * sum);
            sum *= 3;
        }
        assert_eq!(to_merge(&sizes), 0);
        assert!(sizes.len() <= 16, "{}", sizes.len());
    }
}
