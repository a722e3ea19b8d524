//! The objects of a mirror: every pack and index against its checksums, every object against its id.
//!
//! Loose objects come first, and without libgit2: it is not asked for what is damaged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_failure::Failure;
use forgekeep_git::links::{Link, links};
use forgekeep_git::loose::{self, Size};
use forgekeep_git::object_files::{ObjectFiles, Packed, database, read};
use forgekeep_pack::{Object, Survey, check_trailer, survey};
use forgekeep_untrusted::Untrusted;
use git2::{Odb, Oid};
use parking_lot::Mutex;
use rayon::prelude::*;

use super::bulky::{self, Bulky};
use super::known::Known;
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

/// What is known of the packs of a folder, in their order: nothing of one in which something is amiss.
pub(super) type Surveys<'f> = Vec<Option<Survey<'f>>>;

/// Loose objects that are sound, with their sizes; and what is wrong with the others.
type AllLoose = (HashMap<Oid, Size>, HashMap<Oid, Finding>);

/// Checks packs, indexes and what is derived from them against their checksums: all of them, also
/// where one of them cannot be read. Returns what is known of each pack in which nothing is amiss.
pub(super) fn check_files<'f>(
    files: &'f ObjectFiles,
    watch: &Watch,
    found: &mut Vec<Finding>,
) -> Result<Surveys<'f>, Failure> {
    let packs = files.packs.par_iter().map(|pack| check_pack(pack, watch));
    let all: Vec<Result<_, Failure>> = packs.collect();
    let mut surveys = Vec::new();
    let mut done = Ok(());
    for one in all {
        done = done.and(one.map(|(findings, survey)| {
            found.extend(findings);
            surveys.push(survey);
        }));
    }
    found.extend(auxiliary::check(&files.objects, watch)?);
    done.map(|()| surveys)
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
    surveys: Surveys<'_>,
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
    let lookup = Known::new(&known);
    for (pack, survey) in files.packs.iter().zip(surveys) {
        let Some(index) = pack.index() else {
            continue;
        };
        let bytes = bytes_of(pack);
        let share = bytes / u64::try_from(index.len().max(1)).unwrap_or(u64::MAX);
        if let Some(survey) = survey
            && let Some((named, counted)) =
                read_pack(&survey, &files.objects, &lookup, share, watch)?
        {
            watch.count_bytes(bytes.saturating_sub(share.saturating_mul(counted)));
            bad.lock().missing.extend(named);
            continue;
        }
        let torn = found.iter().any(|finding| finding.path == pack.path);
        let aside = large.of_pack(&pack.path, index, torn, watch)?;
        let all = index.iter().filter(|(oid, _)| !aside.contains(oid));
        let mut order: Vec<(u64, Oid)> = all.map(|(oid, offset)| (offset, oid)).collect();
        order.par_sort_unstable();
        let order: Vec<Oid> = order.into_iter().map(|(_, oid)| oid).collect();
        order
            .par_chunks(IN_A_ROW)
            .map_init(|| database(mirror), read)
            .collect::<Result<(), Failure>>()?;
        watch.count_bytes(bytes);
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

/// How large a pack is with its index.
fn bytes_of(pack: &Packed) -> u64 {
    let sizes =
        [&pack.path, &pack.index_path].map(|path| fs::metadata(path).map(|file| file.len()));
    sizes.into_iter().flatten().sum()
}

/// Reads a pack in which nothing seems amiss, in one go, and returns what its objects name and nobody has, and
/// how many they are. Each is told to be `share` bytes of the pack.
/// `None` if something is amiss: then it has to be read object by object, which finds all damage.
fn read_pack(
    survey: &Survey<'_>,
    objects: &Path,
    known: &Known<'_>,
    share: u64,
    watch: &Watch,
) -> Result<Option<(HashSet<Oid>, u64)>, Failure> {
    let missing = Mutex::new(HashSet::new());
    let counted = AtomicU64::new(0);
    let see = |object: &Object<'_>| {
        watch.count(1);
        watch.count_bytes(share);
        counted.fetch_add(1, Ordering::Relaxed);
        // A blob names nothing; a large one is not held.
        let see = &mut |Link { oid, .. }| {
            if !known.has(oid) {
                missing.lock().insert(oid);
            }
        };
        object
            .content
            .is_none_or(|content| links(object.kind, content, see).is_some())
    };
    let read = forgekeep_pack::read_all(survey, watch.object_bytes, objects, &watch.cancel, see);
    watch.cancel.check()?;
    if read.is_err() {
        let counted = counted.into_inner();
        watch.count_again(counted);
        watch.count_bytes_again(share.saturating_mul(counted));
        return Ok(None);
    }
    Ok(Some((missing.into_inner(), counted.into_inner())))
}

fn check_pack<'f>(
    pack: &'f Packed,
    watch: &Watch,
) -> Result<(Vec<Finding>, Option<Survey<'f>>), Failure> {
    let mut found = Vec::new();
    match &pack.index {
        None => {
            let why = format!("its index, {}, is missing", file_name(&pack.index_path));
            found.push(Finding::new(Piece::Index, &pack.path, why));
        }
        Some(Err(failure)) if failure.is_damage() => {
            found.push(Finding::of(Piece::Index, &pack.index_path, failure));
        }
        Some(Err(failure)) => return Err(failure.clone()),
        Some(Ok(_)) => {}
    }
    let checked = match pack.index() {
        Some(index) => survey(&pack.path, index, &watch.cancel).map(Some),
        None => check_trailer(&pack.path, &watch.cancel).map(|_| None),
    };
    let survey = match checked {
        Ok(survey) => survey,
        Err(failure) if failure.is_damage() => {
            found.push(Finding::of(Piece::Pack, &pack.path, &failure));
            None
        }
        Err(failure) => return Err(failure),
    };
    if survey.as_ref().is_some_and(|survey| !survey.fits_crcs) {
        let why = "its CRCs do not match the pack, which is intact";
        found.push(Finding::new(Piece::Index, &pack.index_path, why));
    }
    let is_sound = found.is_empty();
    Ok((found, survey.filter(|_| is_sound)))
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
