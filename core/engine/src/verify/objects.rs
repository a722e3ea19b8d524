//! The objects of a mirror: every pack and index against its checksums, every object against its id.
//!
//! Loose objects come first, and without libgit2: it is not asked for what is damaged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Odb, OdbObject, Oid};
use rayon::prelude::*;
use sha1::{Digest, Sha1};

use super::bulky::{self, Bulky};
use super::{Finding, Part, Watch, auxiliary};
use crate::links::{Link, links};
use crate::names::printable;
use crate::packs::PackIndex;
use crate::{ErrorKind, Failure, memory, regular_file, trouble};

/// Objects that one thread reads in a row: neighbours in a pack share their bases.
const IN_A_ROW: usize = 2048;

/// Length of the checksum at the end of a pack.
pub(super) const TRAILER: u64 = 20;

/// Bytes of the header of a loose object, which names its type and size, at most.
const LONGEST_HEADER: usize = 32;

/// What the objects' folder of a mirror holds.
pub(crate) struct Shelf {
    pub packs: Vec<Packed>,
    /// Loose objects: what the file's name says, and the file.
    pub loose: Vec<(Oid, PathBuf)>,
    /// Indexes whose pack is not there.
    pub lone: Vec<PathBuf>,
    objects: PathBuf,
}

/// A pack.
pub(crate) struct Packed {
    pub path: PathBuf,
    /// Where its index is or should be.
    pub index_path: PathBuf,
    /// Its index; a failure if it is damaged, `None` if there is none.
    pub index: Option<Result<PackIndex, Failure>>,
}

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

/// The kind of an object, and its size in bytes.
type Size = (Option<ObjectType>, u64);

/// Loose objects that are sound, with their sizes; and what is wrong with the others.
type AllLoose = (HashMap<Oid, Size>, HashMap<Oid, Finding>);

/// The objects of a mirror without its configuration, which may be damaged as well.
pub(crate) fn database(mirror: &Path) -> Result<Odb<'static>, Failure> {
    crate::mirror::initialise()?;
    let objects = mirror.join("objects");
    let failed = |why: &str| {
        let message = format!("the objects in {} cannot be read: {why}", objects.display());
        Failure::new(ErrorKind::Other, message)
    };
    let text = objects.to_str();
    let text = text.ok_or_else(|| failed("libgit2 takes only paths in UTF-8"))?;
    let database = Odb::new();
    let opened = database.and_then(|database| {
        database.add_disk_alternate(text)?;
        Ok(database)
    });
    opened.map_err(|error| {
        let of_machine = Failure::of_machine("open", &objects, &error);
        of_machine.unwrap_or_else(|| failed(&printable(error.message()).to_string()))
    })
}

impl Shelf {
    /// Looks at the folder, and reads the indexes.
    pub(crate) fn look(mirror: &Path) -> Result<Self, Failure> {
        let shelf = Self::gather(mirror)?;
        let indexes = shelf.packs.iter().filter_map(|pack| pack.index.as_ref());
        let mut unread = indexes.filter_map(|index| index.as_ref().err());
        match unread.find(|failure| !failure.is_damage()) {
            Some(failure) => Err(failure.clone()),
            None => Ok(shelf),
        }
    }

    /// The same, also where the machine cannot read an index: [`check_files`](Self::check_files) says so.
    pub(super) fn gather(mirror: &Path) -> Result<Self, Failure> {
        let folder = mirror.join("objects/pack");
        let mut stems: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        for name in names(&folder)? {
            let parts = name.to_str().and_then(|name| name.rsplit_once('.'));
            if let Some((stem, ending)) = parts.filter(|(stem, _)| stem.starts_with("pack-")) {
                let endings = stems.entry(stem.to_owned()).or_default();
                endings.insert(ending.to_owned());
            }
        }
        let mut shelf = Self {
            packs: Vec::new(),
            loose: loose(mirror)?,
            lone: Vec::new(),
            objects: mirror.join("objects"),
        };
        for (stem, endings) in stems {
            let file = |ending: &str| folder.join(format!("{stem}.{ending}"));
            let has_index = endings.contains("idx");
            if endings.contains("pack") {
                let index_path = file("idx");
                shelf.packs.push(Packed {
                    path: file("pack"),
                    index: has_index.then(|| PackIndex::open(&index_path)),
                    index_path,
                });
            } else if has_index {
                shelf.lone.push(file("idx"));
            }
        }
        Ok(shelf)
    }

    /// Everything that is listed, in order.
    pub(crate) fn known(&self) -> Vec<Oid> {
        let mut known: Vec<Oid> = self.loose.iter().map(|(oid, _)| *oid).collect();
        for index in self.packs.iter().filter_map(Packed::index) {
            known.extend(index.iter().map(|(oid, _)| oid));
        }
        known.par_sort_unstable();
        known.dedup();
        known
    }

    /// How many objects there are to read; one in two packs counts twice.
    pub(super) fn count(&self) -> u64 {
        let packed = self.packs.iter().filter_map(Packed::index);
        let packed: usize = packed.map(PackIndex::len).sum();
        (packed + self.loose.len()) as u64
    }

    /// Checks packs, indexes and what is derived from them against their checksums: all of them, also
    /// where one of them cannot be read.
    pub(super) fn check_files(
        &self,
        watch: &Watch,
        found: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let packs = self.packs.par_iter().map(|pack| pack.check(watch));
        let mut all: Vec<Result<Vec<Finding>, Failure>> = packs.collect();
        all.push(auxiliary::check(&self.objects, watch));
        let mut done = Ok(());
        for one in all {
            done = done.and(one.map(|one| found.extend(one)));
        }
        done
    }

    /// Checks loose objects by their files alone.
    pub(super) fn check_loose_files(
        &self,
        watch: &Watch,
        found: &mut Vec<Finding>,
    ) -> Result<(), Failure> {
        let (_, damaged) = self.check_loose(watch)?;
        found.extend(damaged.into_values());
        Ok(())
    }

    /// Looks at the loose objects.
    fn check_loose(&self, watch: &Watch) -> Result<AllLoose, Failure> {
        let check = |(oid, path): &(Oid, PathBuf)| {
            watch.cancel.check()?;
            match look_at_loose(*oid, path) {
                Ok(size) => Ok((*oid, Ok(size))),
                Err(failure) if failure.is_damage() => {
                    let finding = Finding::of(Part::Loose, path, &failure);
                    Ok((*oid, Err(finding.about(*oid))))
                }
                Err(failure) => Err(failure),
            }
        };
        let checked: Result<Vec<_>, Failure> = self.loose.par_iter().map(check).collect();
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
    fn barred(&self, damaged: &HashMap<Oid, Finding>, found: &[Finding]) -> HashSet<Oid> {
        let is_sound = |pack: &&Packed| {
            let mut all = found.iter();
            !all.any(|finding| finding.part == Part::Pack && finding.path == pack.path)
        };
        // A damaged multi-pack-index may hide what is in the packs.
        let is_found = !found.iter().any(|finding| finding.part == Part::Auxiliary);
        let packs = self.packs.iter().filter(is_sound);
        let indexes: Vec<_> = packs.filter_map(Packed::index).collect();
        let is_packed = |oid| is_found && indexes.iter().any(|index| holds(index, oid));
        let barred = damaged.keys().filter(|oid| !is_packed(**oid));
        barred.copied().collect()
    }

    /// Reads every object. Loose ones that are not what they should be are in `found`, which has to
    /// have what [`check_files`](Self::check_files) says.
    pub(super) fn read_all(
        &self,
        mirror: &Path,
        watch: &Watch,
        found: &mut Vec<Finding>,
    ) -> Result<AllRead, Failure> {
        let known = self.known();
        let (sizes, damaged) = self.check_loose(watch)?;
        let barred = self.barred(&damaged, found);
        let mut damaged: Vec<Finding> = damaged.into_values().collect();
        damaged.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        found.extend(damaged);
        let bad = Mutex::new(Bad::default());
        let read = |database: &mut Result<Odb<'static>, Failure>, oids: &[Oid]| {
            let database = database.as_ref().map_err(Clone::clone)?;
            let oids = oids.iter().filter(|oid| !barred.contains(*oid));
            let found = read_some(database, oids, &known, watch)?;
            let mut bad = bad.lock().unwrap_or_else(PoisonError::into_inner);
            bad.unreadable.extend(found.unreadable);
            bad.missing.extend(found.missing);
            bad.too_large.extend(found.too_large);
            Ok(())
        };
        let mut large = Bulky::default();
        for pack in &self.packs {
            let Some(index) = pack.index() else {
                continue;
            };
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
        }
        let aside = bulky::loose(self, &sizes, &mut large, watch);
        let loose = self.loose.iter().map(|(oid, _)| *oid);
        let loose: Vec<Oid> = loose.filter(|oid| !aside.contains(oid)).collect();
        loose
            .par_chunks(IN_A_ROW)
            .map_init(|| database(mirror), read)
            .collect::<Result<(), Failure>>()?;
        let bad = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
        super::second::look(self, mirror, &bad.unreadable, found, watch)?;
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
}

impl Packed {
    /// The index, if it can be used.
    pub(crate) fn index(&self) -> Option<&PackIndex> {
        self.index.as_ref()?.as_ref().ok()
    }

    fn check(&self, watch: &Watch) -> Result<Vec<Finding>, Failure> {
        let mut found = Vec::new();
        let part = Part::Index;
        match &self.index {
            None => {
                let why = format!("its index, {}, is missing", file_name(&self.index_path));
                found.push(Finding::new(Part::Index, &self.path, why));
            }
            Some(Err(failure)) if failure.is_damage() => {
                found.push(Finding::of(part, &self.index_path, failure));
            }
            Some(Err(failure)) => return Err(failure.clone()),
            Some(Ok(_)) => {}
        }
        let checked = match self.index() {
            Some(index) => index.verify_pack(&self.path, &watch.cancel),
            None => check_trailer(&self.path, watch),
        };
        match checked {
            Ok(()) => {}
            Err(failure) if failure.is_damage() => {
                found.push(Finding::of(Part::Pack, &self.path, &failure));
            }
            Err(failure) => return Err(failure),
        }
        if let Some(index) = self.index().filter(|_| found.is_empty())
            && !auxiliary::fits_crcs(&self.path, index, watch)?
        {
            let why = "its CRCs are not those of the pack, which is sound";
            found.push(Finding::new(Part::Index, &self.index_path, why));
        }
        Ok(found)
    }
}

/// Whether an index lists an object.
pub(crate) fn holds(index: &PackIndex, oid: Oid) -> bool {
    let (mut low, mut high) = (0, index.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match index.oid(middle).cmp(&oid) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    false
}

/// Checks a pack by what it says about itself alone.
pub(crate) fn check_trailer(pack: &Path, watch: &Watch) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::disk("read", pack, &error);
    let wrong = |why: &str| {
        let message = format!("{} is damaged: {why}", pack.display());
        Failure::new(ErrorKind::Damaged, message)
    };
    let mut file = File::open(pack).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let body = length.checked_sub(TRAILER);
    let mut rest = (&mut file).take(body.ok_or_else(|| wrong("it is too short"))?);
    let mut sum = Sha1::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        watch.cancel.check()?;
        match rest.read(&mut buffer).map_err(failed)? {
            0 => break,
            read => sum.update(&buffer[..read]),
        }
    }
    let mut trailer = [0; TRAILER as usize];
    file.read_exact(&mut trailer).map_err(failed)?;
    match sum.finalize()[..] == trailer {
        true => Ok(()),
        false => Err(wrong("its checksum is not that of its content")),
    }
}

/// A loose object alone: gitformat-loose(5). libgit2 must read none that has not passed this: if one
/// ends before it has the length it says, it never ends.
pub(crate) fn check_loose(oid: Oid, path: &Path) -> Result<(), Failure> {
    look_at_loose(oid, path).map(|_| ())
}

/// The same; returns what its header says.
fn look_at_loose(oid: Oid, path: &Path) -> Result<Size, Failure> {
    let wrong = |why: &str| {
        let message = format!("{} is damaged: {why}", path.display());
        Failure::new(ErrorKind::Damaged, message)
    };
    let failed = |error: io::Error| Failure::disk("read", path, &error);
    let file = regular_file::open(path).map_err(failed)?;
    let mut bytes = flate2::bufread::ZlibDecoder::new(io::BufReader::new(file));
    // The id is that of the inflated file, header included.
    let mut sum = Sha1::new();
    let mut header = Vec::new();
    let mut length = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let more = LONGEST_HEADER.saturating_sub(header.len()).min(read);
                header.extend_from_slice(&buffer[..more]);
                sum.update(&buffer[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What the system says of the file, not what inflating says of its content.
            Err(error) if trouble::of(&error).is_some() => return Err(failed(error)),
            Err(error) => return Err(wrong(&format!("it cannot be inflated: {error}"))),
        }
    }
    let after = bytes.get_mut().fill_buf();
    if !after.map_err(failed)?.is_empty() {
        return Err(wrong("something follows its content"));
    }
    if sum.finalize()[..] != *oid.as_bytes() {
        return Err(wrong("its content is not what its name says"));
    }
    if says_length(&header) != Some(length) {
        return Err(wrong("its length is not what its header says"));
    }
    let kind = header.split(|byte| *byte == b' ').next();
    let kind = kind.and_then(|kind| std::str::from_utf8(kind).ok());
    Ok((kind.and_then(ObjectType::from_str), length))
}

/// How long a loose object is by its header, which is included.
fn says_length(begin: &[u8]) -> Option<u64> {
    let end = begin.iter().position(|byte| *byte == 0)?;
    let header = std::str::from_utf8(&begin[..end]).ok()?;
    let size: u64 = header.split_once(' ')?.1.parse().ok()?;
    size.checked_add(end as u64 + 1)
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

/// Has libgit2 read an object; `None` if there is none that can be read.
///
/// # Errors
///
/// The machine could not; or it is too large to be held in memory ([`Failure::too_large`]).
pub(crate) fn read<'o>(database: &'o Odb<'_>, oid: Oid) -> Result<Option<OdbObject<'o>>, Failure> {
    memory::exactly(|| database.read(oid))
        .map(Some)
        .or_else(|error| {
            let what = format!("the object {oid}");
            match Failure::of_machine("read", Path::new(&what), &error) {
                Some(failure) => Err(failure),
                None => Ok(None),
            }
        })
}

/// All loose objects of a mirror.
fn loose(mirror: &Path) -> Result<Vec<(Oid, PathBuf)>, Failure> {
    let mut loose = Vec::new();
    for first in 0..=u8::MAX {
        let first = format!("{first:02x}");
        let folder = mirror.join("objects").join(&first);
        for rest in names(&folder)? {
            let oid = rest.to_str().map(|rest| format!("{first}{rest}"));
            // git's own temporary files are among them.
            if let Some(oid) = oid.and_then(|oid| crate::refs::parse_oid(&oid)) {
                loose.push((oid, folder.join(rest)));
            }
        }
    }
    Ok(loose)
}

/// The names in a folder; none if it does not exist.
pub(super) fn names(folder: &Path) -> Result<Vec<OsString>, Failure> {
    let failed = |error: io::Error| Failure::disk("read", folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    names.collect::<Result<_, _>>().map_err(failed)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
