//! The objects of a mirror: every pack and index against its checksums, every object against its id.
//!
//! Loose objects come first, and without libgit2: it is not asked for what is damaged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::Failure;
use forgekeep_git::links::{Link, links};
use forgekeep_git::loose::{self, Size};
use forgekeep_git::object_files::{ObjectFiles, Packed, database, read};
use forgekeep_git::packs::{self, PackIndex, check_trailer};
use forgekeep_untrusted::Untrusted;
use git2::{Odb, Oid};
use parking_lot::Mutex;
use rayon::prelude::*;

use super::bulky::{self, Bulky};
use super::{Finding, Piece, Watch, auxiliary};

/// Objects that one thread reads in a row: neighbours in a pack share their bases.
const IN_A_ROW: usize = 2048;

/// What reading all objects has brought.
pub(super) struct AllRead {
    /// All that is listed anywhere, in order.
    pub known: Vec<Oid>,
    /// Listed, but without content that has this id.
    pub unreadable: HashSet<Oid>,
    /// Named by another object, and listed nowhere.
    pub missing: HashSet<Oid>,
    /// Listed, and not read, with the reason: nothing follows about these.
    pub unchecked: BTreeMap<Oid, Failure>,
}

/// Loose objects that are sound, with their sizes; and what is wrong with the others.
type AllLoose = (HashMap<Oid, Size>, HashMap<Oid, Finding>);

/// Checks packs, indexes and what is derived from them against their checksums: all of them, also
/// where one of them cannot be read.
pub(super) fn check_files(
    files: &ObjectFiles,
    watch: &Watch,
    found: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let packs = files.packs.par_iter().map(|pack| check_pack(pack, watch));
    let mut all: Vec<Result<Vec<Finding>, Failure>> = packs.collect();
    all.push(auxiliary::check(&files.objects, watch));
    let mut done = Ok(());
    for one in all {
        done = done.and(one.map(|one| found.extend(one)));
    }
    done
}

/// Checks loose objects by their files alone.
pub(super) fn check_loose_files(
    files: &ObjectFiles,
    watch: &Watch,
    found: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let (_, damaged) = check_all_loose(files, watch)?;
    found.extend(damaged.into_values());
    Ok(())
}

/// Looks at the loose objects.
fn check_all_loose(files: &ObjectFiles, watch: &Watch) -> Result<AllLoose, Failure> {
    let check = |(oid, path): &(Oid, PathBuf)| {
        watch.cancel.check()?;
        match loose::look_at(*oid, path) {
            Ok(size) => Ok((*oid, Ok(size))),
            Err(failure) if failure.is_damage() => {
                let finding = Finding::of(Piece::Loose, path, &failure);
                Ok((*oid, Err(finding.about(*oid))))
            }
            Err(failure) => Err(failure),
        }
    };
    let checked: Result<Vec<_>, Failure> = files.loose.par_iter().map(check).collect();
    let mut all = (HashMap::new(), HashMap::new());
    for (oid, looked) in checked? {
        match looked {
            Ok(size) => drop(all.0.insert(oid, size)),
            Err(finding) => drop(all.1.insert(oid, finding)),
        }
    }
    Ok(all)
}

/// Of damaged loose objects, those that libgit2 must not be asked for: it may never end reading
/// one. It comes to the loose one unless it finds the object in a pack.
fn barred(files: &ObjectFiles, damaged: &HashMap<Oid, Finding>, found: &[Finding]) -> HashSet<Oid> {
    let is_sound = |pack: &&Packed| {
        let mut all = found.iter();
        !all.any(|finding| finding.piece == Piece::Pack && finding.path == pack.path)
    };
    // A damaged multi-pack-index may hide what is in the packs.
    let is_found = !found
        .iter()
        .any(|finding| finding.piece == Piece::Auxiliary);
    let packs = files.packs.iter().filter(is_sound);
    let indexes: Vec<_> = packs.filter_map(Packed::index).collect();
    let is_packed = |oid| is_found && indexes.iter().any(|index| index.find(oid).is_some());
    let barred = damaged.keys().filter(|oid| !is_packed(**oid));
    barred.copied().collect()
}

/// Reads every object. Loose ones that are not what they should be are in `found`, which has to
/// have what [`check_files`] says.
pub(super) fn read_all(
    files: &ObjectFiles,
    mirror: &Path,
    watch: &Watch,
    found: &mut Vec<Finding>,
) -> Result<AllRead, Failure> {
    let known = files.known();
    let (sizes, damaged) = check_all_loose(files, watch)?;
    let barred = barred(files, &damaged, found);
    let mut damaged: Vec<Finding> = damaged.into_values().collect();
    damaged.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    found.extend(damaged);
    let bad = Mutex::new(Bad::default());
    let read = |database: &mut Result<Odb<'static>, Failure>, oids: &[Oid]| {
        let database = database.as_ref().map_err(Clone::clone)?;
        let oids = oids.iter().filter(|oid| !barred.contains(*oid));
        let found = read_some(database, oids, &known, watch)?;
        let mut bad = bad.lock();
        bad.unreadable.extend(found.unreadable);
        bad.missing.extend(found.missing);
        bad.too_large.extend(found.too_large);
        Ok(())
    };
    let mut large = Bulky::default();
    for pack in &files.packs {
        let Some(index) = pack.index() else {
            continue;
        };
        let amiss = |finding: &Finding| [&pack.path, &pack.index_path].contains(&&finding.path);
        let torn = found.iter().any(|finding| finding.path == pack.path);
        let aside = large.of_pack(&pack.path, index, torn, watch)?;
        let is_sound = aside.is_empty() && !found.iter().any(amiss);
        if is_sound && let Some(named) = read_pack(pack, index, &known, watch)? {
            bad.lock().missing.extend(named);
            continue;
        }
        let all = index.iter().filter(|(oid, _)| !aside.contains(oid));
        let mut order: Vec<(u64, Oid)> = all.map(|(oid, offset)| (offset, oid)).collect();
        order.par_sort_unstable();
        let order: Vec<Oid> = order.into_iter().map(|(_, oid)| oid).collect();
        order
            .par_chunks(IN_A_ROW)
            .map_init(|| database(mirror), read)
            .collect::<Result<(), Failure>>()?;
    }
    let aside = bulky::loose(files, &sizes, &mut large, watch);
    let loose = files.loose.iter().map(|(oid, _)| *oid);
    let loose: Vec<Oid> = loose.filter(|oid| !aside.contains(oid)).collect();
    loose
        .par_chunks(IN_A_ROW)
        .map_init(|| database(mirror), read)
        .collect::<Result<(), Failure>>()?;
    let bad = bad.into_inner();
    super::second::look(files, mirror, &bad.unreadable, found, watch)?;
    large.too_large(bad.too_large);
    let mut unreadable: HashSet<Oid> = bad.unreadable.union(&barred).copied().collect();
    unreadable.extend(large.damaged());
    Ok(AllRead {
        known,
        unreadable,
        missing: bad.missing,
        unchecked: large.unchecked(mirror),
    })
}

/// Reads a pack in which nothing seems amiss, in one go, and returns what its objects name and nobody has.
/// `None` if something is amiss: then it has to be read object by object.
fn read_pack(
    pack: &Packed,
    index: &PackIndex,
    known: &[Oid],
    watch: &Watch,
) -> Result<Option<HashSet<Oid>>, Failure> {
    let missing = Mutex::new(HashSet::new());
    let counted = AtomicU64::new(0);
    let whole = packs::traverse(
        &pack.path,
        &pack.index_path,
        index,
        &watch.cancel,
        |_, kind, content| {
            watch.count(1);
            counted.fetch_add(1, Ordering::Relaxed);
            let see = &mut |Link { oid, .. }| {
                if known.binary_search(&oid).is_err() {
                    missing.lock().insert(oid);
                }
            };
            links(kind, content, see).is_some()
        },
    )?;
    if !whole {
        watch.count_again(counted.into_inner());
        return Ok(None);
    }
    Ok(Some(missing.into_inner()))
}

fn check_pack(pack: &Packed, watch: &Watch) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    let piece = Piece::Index;
    match &pack.index {
        None => {
            let why = format!("its index, {}, is missing", file_name(&pack.index_path));
            found.push(Finding::new(Piece::Index, &pack.path, why));
        }
        Some(Err(failure)) if failure.is_damage() => {
            found.push(Finding::of(piece, &pack.index_path, failure));
        }
        Some(Err(failure)) => return Err(failure.clone()),
        Some(Ok(_)) => {}
    }
    let checked = match pack.index() {
        Some(index) => index.verify_pack(&pack.path, &watch.cancel),
        None => check_trailer(&pack.path, &watch.cancel).map(drop),
    };
    match checked {
        Ok(()) => {}
        Err(failure) if failure.is_damage() => {
            found.push(Finding::of(Piece::Pack, &pack.path, &failure));
        }
        Err(failure) => return Err(failure),
    }
    if let Some(index) = pack.index().filter(|_| found.is_empty())
        && !auxiliary::fits_crcs(&pack.path, index, watch)?
    {
        let why = "its CRCs do not match the pack, which is intact";
        found.push(Finding::new(Piece::Index, &pack.index_path, why));
    }
    Ok(found)
}

/// What is amiss with some objects.
#[derive(Default)]
struct Bad {
    unreadable: HashSet<Oid>,
    missing: HashSet<Oid>,
    /// Why libgit2 was not to read them.
    too_large: Vec<(Oid, Box<str>)>,
}

/// Reads some objects: those that cannot be, and those that they name and nobody has.
fn read_some<'o>(
    database: &Odb<'_>,
    oids: impl Iterator<Item = &'o Oid>,
    known: &[Oid],
    watch: &Watch,
) -> Result<Bad, Failure> {
    let mut bad = Bad::default();
    for oid in oids {
        watch.cancel.check()?;
        watch.count(1);
        let object = match read(database, *oid) {
            Ok(Some(object)) => object,
            Ok(None) => {
                bad.unreadable.insert(*oid);
                continue;
            }
            Err(Failure {
                too_large: Some(why),
                ..
            }) => {
                bad.too_large.push((*oid, why));
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let complete = links(object.kind(), object.data(), &mut |Link { oid, .. }| {
            if known.binary_search(&oid).is_err() {
                bad.missing.insert(oid);
            }
        });
        if complete.is_none() {
            bad.unreadable.insert(*oid);
        }
    }
    Ok(bad)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    Untrusted::of_path(name).into_raw()
}
