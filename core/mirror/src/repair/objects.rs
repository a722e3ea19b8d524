//! Objects: a full set from upstream, and whatever can still be read here.
//!
//! Everything is made beside the mirror, then moved in, and only then damaged files are moved out.
//! So at every moment each object that can be read is in the mirror.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::object_files::{ObjectFiles, Packed, database};
use forgekeep_git::packs::{self, Bulk, PackIndex, Stream};
use forgekeep_git::torn::{Object, Torn, is};
use forgekeep_git::{loose, memory, object_files};
use forgekeep_untrusted::{Show as _, Untrusted};
use forgekeep_verify::auxiliary::of_multi_pack_index;
use forgekeep_verify::{Finding, Piece, examine};
use git2::{Odb, Oid};

use super::aside::Aside;
use super::packing::{index_of, write_blob, write_entry, write_pack};
use super::{Repair, files_of};

/// Bytes from which on a blob is not held in memory.
const LARGE: u64 = 16 * 1024 * 1024;

/// Packs by what is wrong with them.
struct Sorted<'a> {
    sound: Vec<&'a Packed>,
    /// Only the index is damaged or missing.
    unindexed: Vec<&'a Packed>,
    bad: Vec<&'a Packed>,
}

/// Brings the objects of a mirror back as far as can be.
pub(super) fn repair(
    repair: &Repair<'_>,
    findings: &[Finding],
    aside: &Aside,
) -> Result<(), Failure> {
    let mirror = repair.mirror;
    let again;
    let mut findings = findings;
    if move_auxiliary_out(mirror, findings, aside)? && findings.iter().any(is_lost) {
        // Perhaps only because libgit2 has looked where they have said.
        again = examine(mirror, &repair.watch)?.findings;
        findings = &again;
    }
    let files = ObjectFiles::look(mirror)?;
    let mut sorted = sort(&files, findings);
    let workshop = repair.workshop();
    remove(&workshop)?;
    let result = (|| {
        let indexed = reindex(repair, &mut sorted, &workshop, aside)?;
        let mut lost = findings.iter().any(is_lost);
        if lost && sorted.bad.is_empty() && !indexed.is_empty() {
            // Perhaps only for want of an index.
            let again = examine(mirror, &repair.watch)?;
            lost = again.findings.iter().any(is_lost);
        }
        if lost || !sorted.bad.is_empty() {
            log::info!("{}: fetching everything again", mirror.shown());
            repair.fetch(&workshop, true)?;
            salvage(repair, &files, &sorted, &indexed, &workshop)?;
            let bad: HashSet<&Path> = sorted.bad.iter().map(|p| p.path.as_path()).collect();
            move_in(mirror, &workshop, &bad, Some(aside))?;
        }
        move_out(mirror, &files, &sorted, findings, &workshop, aside)
    })();
    let _ = remove(&workshop);
    result
}

fn is_lost(finding: &Finding) -> bool {
    finding.piece == Piece::Object
}

/// Moves out what is derived from the rest, if it is damaged: git makes it again. Whether it was.
fn move_auxiliary_out(mirror: &Path, findings: &[Finding], aside: &Aside) -> Result<bool, Failure> {
    let mut found = false;
    for finding in findings.iter().filter(|f| f.piece == Piece::Auxiliary) {
        found = true;
        aside.take(&finding.path)?;
        if let Ok(below) = finding.path.strip_prefix(mirror.join("objects/pack")) {
            if Untrusted::of_path(below)
                .raw()
                .starts_with("multi-pack-index")
            {
                remove_multi_pack_index(mirror)?;
            }
        } else if finding.path.ends_with("info/commit-graph") {
            // It stands alone.
        } else {
            // The others of its chain are of no use without it.
            remove(&mirror.join("objects/info/commit-graphs"))?;
        }
    }
    Ok(found)
}

fn remove_multi_pack_index(mirror: &Path) -> Result<(), Failure> {
    for path in of_multi_pack_index(mirror)? {
        if path.is_dir() {
            remove(&path)?;
        } else {
            fs::remove_file(&path).map_err(|error| Failure::disk("remove", &path, &error))?;
        }
    }
    Ok(())
}

/// Fetches what upstream has and the mirror has not, and moves it in.
pub(super) fn fetch_new(repair: &Repair<'_>) -> Result<(), Failure> {
    let workshop = repair.workshop();
    remove(&workshop)?;
    let moved = repair
        .fetch(&workshop, false)
        .and_then(|()| move_in(repair.mirror, &workshop, &HashSet::new(), None));
    let _ = remove(&workshop);
    moved
}

/// Tells which packs are damaged. An object that cannot be read makes a pack bad that has the
/// checksum it should have: it was damaged before it was written.
fn sort<'a>(files: &'a ObjectFiles, findings: &[Finding]) -> Sorted<'a> {
    let mut sorted = Sorted {
        sound: Vec::new(),
        unindexed: Vec::new(),
        bad: Vec::new(),
    };
    let named = |piece, path: &Path| {
        let mut all = findings.iter();
        all.any(|finding| finding.piece == piece && finding.path == path)
    };
    let objects = findings.iter().filter(|f| f.piece == Piece::Object);
    let lost: Vec<Oid> = objects.filter_map(|finding| finding.object).collect();
    for pack in &files.packs {
        let holds_lost = pack
            .index()
            .is_some_and(|index| lost.iter().any(|oid| index.find(*oid).is_some()));
        if named(Piece::Pack, &pack.path) || holds_lost {
            sorted.bad.push(pack);
        } else if pack.index().is_none() || named(Piece::Index, &pack.index_path) {
            sorted.unindexed.push(pack);
        } else {
            sorted.sound.push(pack);
        }
    }
    sorted
}

/// Makes the indexes again of packs that are sound themselves. A pack that libgit2 finds fault with
/// all the same is bad.
fn reindex(
    repair: &Repair<'_>,
    sorted: &mut Sorted<'_>,
    workshop: &Path,
    aside: &Aside,
) -> Result<Vec<PackIndex>, Failure> {
    let mut made = Vec::new();
    for pack in std::mem::take(&mut sorted.unindexed) {
        let folder = workshop.join("index");
        regular_file::make_folder(&folder)?;
        match index_of(&pack.path, &folder, &repair.watch) {
            Ok(index) => {
                aside.copy(&pack.index_path)?;
                sync(&index)?;
                rename(&index, &pack.index_path)?;
                made.push(PackIndex::open(&pack.index_path)?);
            }
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                log::warn!("{failure}");
                sorted.bad.push(pack);
            }
            Err(failure) => return Err(failure),
        }
        remove(&folder)?;
    }
    Ok(made)
}

/// Writes what only the bad packs have, and what can still be read of it, into a pack in the
/// workshop.
fn salvage(
    repair: &Repair<'_>,
    files: &ObjectFiles,
    sorted: &Sorted<'_>,
    indexed: &[PackIndex],
    workshop: &Path,
) -> Result<(), Failure> {
    let fresh = ObjectFiles::look(workshop)?;
    let mut have: Vec<&PackIndex> = sorted.sound.iter().filter_map(|p| p.index()).collect();
    have.extend(indexed);
    have.extend(fresh.packs.iter().filter_map(Packed::index));
    let loose: HashMap<Oid, &Path> = files.loose.iter().map(|(o, p)| (*o, &**p)).collect();
    let (new, old) = (database(workshop)?, database(repair.mirror)?);
    let here = |oid: Oid| match loose.get(&oid) {
        // libgit2 may come to it, and never end.
        Some(path) if !is_whole(oid, path)? => read_packed(files, oid),
        _ => read(&old, oid),
    };
    let elsewhere = |oid: Oid| match read(&new, oid)? {
        Some(object) => Ok(Some(object)),
        None => here(oid),
    };
    let mut done: HashSet<Oid> = HashSet::new();
    let path = workshop.join("salvaged");
    let failed = |error: io::Error| Failure::disk("write", &path, &error);
    let mut file = io::BufWriter::new(File::create(&path).map_err(failed)?);
    for pack in &sorted.bad {
        let Some(index) = pack.index() else {
            continue;
        };
        let mut torn = Torn::open(&pack.path, index)?;
        let from = memory::limit().saturating_add(1).min(LARGE);
        let bulky = packs::bulky(&pack.path, index, from, &repair.watch.cancel)?;
        for oid in torn.oids() {
            repair.watch.cancel.check()?;
            if done.contains(&oid) || have.iter().any(|index| index.find(oid).is_some()) {
                continue;
            }
            if let Some(path) = loose.get(&oid)
                && is_whole(oid, path)?
            {
                continue;
            }
            if let Some(Bulk::Blob { offset, size }) = bulky.get(&oid) {
                let open = || Stream::of_entry(&pack.path, *offset, *size);
                if write_blob(&mut file, open, oid, *size, &repair.watch)? {
                    done.insert(oid);
                }
                continue;
            }
            if let Some(object) = torn.read(oid, &elsewhere)? {
                write_entry(&mut file, &object).map_err(failed)?;
                done.insert(oid);
            }
        }
    }
    let file = file
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    drop(file);
    if done.is_empty() {
        return Ok(());
    }
    log::info!("{}: {} objects salvaged", repair.mirror.shown(), done.len());
    write_pack(
        &path,
        done.len(),
        &workshop.join("objects/pack"),
        &repair.watch,
    )
}

/// Whether a loose object is what its name says.
fn is_whole(oid: Oid, path: &Path) -> Result<bool, Failure> {
    match loose::check(oid, path) {
        Ok(()) => Ok(true),
        Err(failure) if failure.is_damage() => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn read(database: &Odb<'_>, oid: Oid) -> Result<Option<Object>, Failure> {
    let object = object_files::read(database, oid)?.map(|object| Object {
        kind: object.kind(),
        data: object.data().to_vec(),
    });
    Ok(object.filter(|object| is(object, oid)))
}

/// Reads an object out of packs without libgit2.
fn read_packed(files: &ObjectFiles, oid: Oid) -> Result<Option<Object>, Failure> {
    for pack in &files.packs {
        let Some(index) = pack.index().filter(|index| index.find(oid).is_some()) else {
            continue;
        };
        let object = Torn::open(&pack.path, index)?.read(oid, &|_| Ok(None))?;
        if object.is_some() {
            return Ok(object);
        }
    }
    Ok(None)
}

/// Moves the packs of the workshop into the mirror: the pack first, as git does.
fn move_in(
    mirror: &Path,
    workshop: &Path,
    bad: &HashSet<&Path>,
    aside: Option<&Aside>,
) -> Result<(), Failure> {
    let folder = mirror.join("objects/pack");
    atomic_file::make_folders(&folder)?;
    for pack in ObjectFiles::look(workshop)?.packs {
        let Some(name) = pack.path.file_name() else {
            continue;
        };
        let place = folder.join(name);
        // A pack is named by its checksum: one that is there and sound is the same.
        if place.exists() && !bad.contains(place.as_path()) {
            continue;
        }
        for file in [&pack.path, &pack.index_path] {
            sync(file)?;
        }
        let index = place.with_extension("idx");
        if let Some(aside) = aside {
            aside.copy(&place)?;
            aside.copy(&index)?;
        }
        packs::hold(&place)?;
        rename(&pack.path, &place)?;
        rename(&pack.index_path, &index)?;
    }
    Ok(())
}

/// Moves out what is damaged and was not replaced.
fn move_out(
    mirror: &Path,
    files: &ObjectFiles,
    sorted: &Sorted<'_>,
    findings: &[Finding],
    workshop: &Path,
    aside: &Aside,
) -> Result<(), Failure> {
    // What was moved in under the same name stays.
    let replaced: HashSet<_> = files_of(&aside.folder)
        .iter()
        .filter_map(|path| path.file_name().map(ToOwned::to_owned))
        .collect();
    for pack in &sorted.bad {
        let name = pack.path.file_name().unwrap_or_default();
        if replaced.contains(name) {
            continue;
        }
        for ending in ["pack", "idx", "rev", "bitmap", "keep", "mtimes"] {
            aside.take(&pack.path.with_extension(ending))?;
        }
    }
    for index in &files.lone {
        if !index.with_extension("pack").exists() {
            aside.take(index)?;
        }
    }
    for finding in findings.iter().filter(|f| f.piece == Piece::Loose) {
        aside.take(&finding.path)?;
    }
    // All only repeat what packs say, of some that are gone now. git makes them again.
    let _ = remove_multi_pack_index(mirror);
    let _ = fs::remove_file(mirror.join("objects/info/commit-graph"));
    let _ = fs::remove_dir_all(mirror.join("objects/info/commit-graphs"));
    remove(workshop)
}

fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).map_err(|error| Failure::disk("rename into place", to, &error))?;
    atomic_file::sync_parent(to)
}

fn sync(path: &Path) -> Result<(), Failure> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| Failure::disk("sync", path, &error))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", folder, &error))
        }
        _ => Ok(()),
    }
}
