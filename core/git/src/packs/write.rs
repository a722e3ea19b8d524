//! Writes the new pack, and checks that it holds what was planned.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::write::ZlibEncoder;
use flate2::{Compression, CrcReader};
use forgekeep_durable::atomic_file;
use forgekeep_durable::space::Space;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use git2::{ErrorClass, Indexer, ObjectType, Repository};
use sha1::{Digest, Sha1};

use super::folder::PackFolder;
use super::large::{Large, Opened, Stream};
use super::plan::{Plan, StoredCopy};
use crate::{libgit2, loose, memory};
use forgekeep_pack::PackIndex;
use forgekeep_pack::damaged;
use forgekeep_pack::entry::{Base, EntryHeader, OFS_DELTA, PackReader, unreadable};

/// Bytes that are handed to libgit2 at a time.
const CHUNK: usize = 128 * 1024;

/// Bytes of an object in an index of version 2.
const INDEX_ENTRY: u64 = 28;

/// Writes the pack and its index into the folder of packs, checked and synced. Returns its path.
///
/// libgit2 names it by its checksum, so an equal pack that is there already is replaced by its like.
pub(super) fn write(
    found: &PackFolder,
    plan: &Plan<'_>,
    cancel: &Cancel,
) -> Result<PathBuf, Failure> {
    let folder = &found.folder;
    // There may be none as long as all objects are loose.
    atomic_file::make_folders(folder)?;
    check_room(found, plan)?;
    let written = Writer::new(found, plan, cancel).and_then(|writer| writer.write());
    let name = written.map_err(|failure| cancel.explain(failure))?;
    let pack = folder.join(format!("pack-{name}.pack"));
    let index = pack.with_extension("idx");
    let checked = check(plan, &pack, &index, cancel);
    if checked.is_err() && !found.packs.iter().any(|old| old.path == pack) {
        // The index last: it alone is taken for a leftover.
        let _ = fs::remove_file(&pack);
        let _ = fs::remove_file(&index);
    }
    checked.map(|()| pack)
}

/// What cannot fit is not begun: it would take the room from others until it fails.
fn check_room(found: &PackFolder, plan: &Plan<'_>) -> Result<(), Failure> {
    let copies = plan
        .steps
        .iter()
        .map(|step| plan.copies[step.copy as usize]);
    let needed: u64 = copies
        .map(|copy| copy.end - copy.offset + INDEX_ENTRY)
        .sum();
    match Space::free(&found.folder) {
        Some(free) if free < needed => Err(Failure::new(
            ErrorKind::Disk,
            format!(
                "the packs in {} were not repacked: that needs {needed} bytes, and {free} are free",
                found.folder.shown()
            ),
        )
        .with_hint("make room on this file system, then run again")),
        _ => Ok(()),
    }
}

/// Checks the ids that libgit2 has computed, and brings the files to the disk.
fn check(plan: &Plan<'_>, pack: &Path, index: &Path, cancel: &Cancel) -> Result<(), Failure> {
    let is_as_planned = PackIndex::open(index)?
        .iter()
        .map(|(oid, _)| oid)
        .eq(plan.oids.iter().copied());
    if !is_as_planned {
        return Err(of_packs(plan, "it does not match its index", cancel));
    }
    for file in [pack, index] {
        File::open(file)
            .and_then(|file| file.sync_all())
            .map_err(|error| Failure::disk("sync", file, &error))?;
    }
    atomic_file::sync_parent(pack)
}

struct Writer<'a> {
    found: &'a PackFolder,
    plan: &'a Plan<'a>,
    cancel: &'a Cancel,
    indexer: Indexer<'static>,
    /// Of all that was handed to the indexer.
    sum: Sha1,
    buffer: Vec<u8>,
    /// Bytes written, those in the buffer included.
    length: u64,
    /// Where each object begins, by its number; 0 if it does not yet.
    offsets: Vec<u64>,
    /// The pack last read from. Only one is open: there may be more of them than a process may open.
    reader: Option<(usize, PackReader<'a>)>,
    /// Opened for the first object that has to be read as a whole.
    repository: Option<Repository>,
}

impl<'a> Writer<'a> {
    fn new(found: &'a PackFolder, plan: &'a Plan<'a>, cancel: &'a Cancel) -> Result<Self, Failure> {
        // Without a database: the pack has to be complete by itself. The objects' own links are not
        // followed, as a mirror may lawfully lack what they lead to. Mode 0 is git's, read-only.
        let indexer = Indexer::new(None, &found.folder, 0, false);
        let mut indexer = indexer.map_err(|error| of_indexer(&error, found, plan, cancel))?;
        let flag = cancel.clone();
        indexer.progress(move |_| !flag.is_cancelled());
        Ok(Self {
            found,
            plan,
            cancel,
            indexer,
            sum: Sha1::new(),
            buffer: Vec::with_capacity(CHUNK),
            length: 0,
            offsets: vec![0; plan.oids.len()],
            reader: None,
            repository: None,
        })
    }

    fn write(mut self) -> Result<String, Failure> {
        let plan = self.plan;
        let mut header = *b"PACK\0\0\0\x02\0\0\0\0";
        header[8..].copy_from_slice(&(plan.steps.len() as u32).to_be_bytes());
        self.put(&header)?;
        for step in &plan.steps {
            let copy = &plan.copies[step.copy as usize];
            let object = copy.object as usize;
            self.offsets[object] = self.length;
            match copy.pack().filter(|_| !step.recompress) {
                Some(pack) => self.copy(copy, pack)?,
                None => self.compress(copy)?,
            }
        }
        self.flush()?;
        let sum = std::mem::take(&mut self.sum).finalize();
        self.put(&sum)?;
        self.flush()?;
        let name = self.indexer.commit();
        name.map_err(|error| of_indexer(&error, self.found, plan, self.cancel))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.length += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.cancel.check()?;
        self.sum.update(&self.buffer);
        let written = self.indexer.write_all(&self.buffer);
        self.buffer.clear();
        let failed = |error: io::Error| match error.get_ref().and_then(|it| it.downcast_ref()) {
            Some(error) => of_indexer(error, self.found, self.plan, self.cancel),
            None => Failure::disk("write to", &self.found.folder, &error),
        };
        written.map_err(failed)
    }

    /// Copies an entry. Only its header changes: the base is elsewhere now.
    fn copy(&mut self, copy: &StoredCopy, pack: usize) -> Result<(), Failure> {
        let path = &self.plan.packs[pack].path;
        let (_, mut reader) = match self.reader.take().filter(|(open, _)| *open == pack) {
            Some(open) => open,
            None => (pack, PackReader::open(path)?),
        };
        reader.seek(copy.offset)?;
        let mut raw = CrcReader::new(reader.by_ref().take(copy.end - copy.offset));
        let header = EntryHeader::read(&mut raw);
        let mut header = header.map_err(|error| unreadable(path, &error))?;
        if let Some(base) = copy.base() {
            header.kind = OFS_DELTA;
            header.base = Base::Distance(self.length - self.offsets[base as usize]);
        }
        self.put_header(&header)?;
        let mut bytes = [0; 16 * 1024];
        loop {
            match raw.read(&mut bytes) {
                Ok(0) => break,
                Ok(length) => self.put(&bytes[..length])?,
                Err(error) => return Err(unreadable(path, &error)),
            }
        }
        let is_whole = raw.get_ref().limit() == 0;
        let is_known = !self.plan.has_crcs[pack] || raw.crc().sum() == copy.crc;
        if !is_whole || !is_known {
            let oid = self.plan.oids[copy.object as usize];
            let why = format!("the bytes of {oid} do not match its index");
            return Err(damaged(path, &why));
        }
        self.reader = Some((pack, reader));
        Ok(())
    }

    /// Writes an object as a whole, from wherever libgit2 finds it.
    fn compress(&mut self, copy: &StoredCopy) -> Result<(), Failure> {
        let folder = &self.found.repository;
        let oid = self.plan.oids[copy.object as usize];
        let loose = self.found.loose_path(oid);
        if loose.exists() {
            // libgit2 may never end on a damaged one.
            loose::check(oid, &loose)?;
        }
        let opened = match self.repository.take() {
            Some(repository) => Ok(repository),
            None => Repository::open_bare(folder),
        };
        let repository = opened.map_err(|error| {
            if let Some(failure) = libgit2::of_machine("open", folder, &error) {
                return failure;
            }
            let why = format!("it cannot be opened: {}", libgit2::words(&error));
            damaged(folder, &why)
        })?;
        let unreadable = |error: git2::Error| {
            let path = copy
                .pack()
                .map_or(folder, |pack| &self.plan.packs[pack].path);
            if let Some(failure) = libgit2::of_machine("read", path, &error) {
                return failure;
            }
            let why = format!("{oid} cannot be read: {}", libgit2::words(&error));
            damaged(path, &why)
        };
        let database = repository.odb().map_err(unreadable)?;
        let (size, kind) = database.read_header(oid).map_err(unreadable)?;
        let mut large = Large::of(folder, memory::limit());
        if kind == ObjectType::Blob
            && large.is_large(size as u64)
            && let Opened::Stream(stream) = large.open(oid, &database, self.cancel)?
        {
            self.put_stream(stream, size as u64)?;
            drop(database);
            self.repository = Some(repository);
            return Ok(());
        }
        let object = database.read(oid).map_err(unreadable)?;
        let kind = match object.kind() {
            ObjectType::Commit => 1,
            ObjectType::Tree => 2,
            ObjectType::Tag => 4,
            _ => 3,
        };
        self.put_header(&EntryHeader {
            kind,
            size: object.len() as u64,
            base: Base::None,
        })?;
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
        let deflated = deflate.write_all(object.data());
        let deflated = deflated.and_then(|()| deflate.finish());
        // Into memory; there is nothing that could fail.
        let deflated = deflated.map_err(|error| Failure::disk("compress", folder, &error))?;
        for chunk in deflated.chunks(CHUNK) {
            self.put(chunk)?;
        }
        drop(object);
        drop(database);
        self.repository = Some(repository);
        Ok(())
    }

    /// Writes a large blob piece by piece. The indexer computes its id.
    fn put_stream(&mut self, mut stream: Stream, size: u64) -> Result<(), Failure> {
        self.put_header(&EntryHeader {
            kind: 3,
            size,
            base: Base::None,
        })?;
        let (cancel, folder) = (self.cancel, &self.found.folder);
        let failed = |error: io::Error| Failure::disk("compress", folder, &error);
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
        stream.copy_to(
            &mut |piece| {
                deflate.write_all(piece).map_err(failed)?;
                self.put(&std::mem::take(deflate.get_mut()))
            },
            cancel,
        )?;
        self.put(&deflate.finish().map_err(failed)?)
    }

    fn put_header(&mut self, header: &EntryHeader) -> Result<(), Failure> {
        let mut bytes = Vec::with_capacity(20);
        header.write(&mut bytes);
        self.put(&bytes)
    }
}

/// What an error of the indexer's is: of the disk, or of one of the packs.
fn of_indexer(
    error: &git2::Error,
    found: &PackFolder,
    plan: &Plan<'_>,
    cancel: &Cancel,
) -> Failure {
    if matches!(error.class(), ErrorClass::Os | ErrorClass::NoMemory) {
        return libgit2::explain(error, &found.repository);
    }
    let message = libgit2::words(error).to_string();
    of_packs(plan, &message, cancel)
}

/// One of the packs is not sound: says which one, if its checksum does.
fn of_packs(plan: &Plan<'_>, why: &str, cancel: &Cancel) -> Failure {
    for pack in plan.packs {
        let index = PackIndex::open(&pack.index);
        let checked = index.and_then(|index| index.verify_pack(&pack.path, cancel));
        if let Err(failure) = checked {
            return failure;
        }
    }
    let sources = match plan.packs {
        [] => "the loose objects".to_owned(),
        [pack] => pack.path.shown().to_string(),
        [first, others @ ..] => format!("{} and {} more", first.path.shown(), others.len()),
    };
    let message = format!("a pack made of {sources} is not valid: {why}");
    Failure::new(ErrorKind::Damaged, message)
        .with_hint("run `git fsck` in the backup's folder to see more; nothing was removed")
}
