//! Takes in a pack: to the disk, and entry by entry through the scan; then everything is made from its base,
//! what it leans on is added, and the index is written.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use forgekeep_failure::{Cancel, Failure};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};

use crate::Unsound;
use crate::entry::{Base, EntryHeader, HEADER};
use crate::index_writer::{self, Entry};
use crate::pack_file::PackFile;
use crate::resolve::{Ids, Object, Resolver, Root};
use crate::scan::Scan;
use crate::table::{Position, Table};
use crate::trailer::TRAILER;

/// Bytes of objects from elsewhere that are held at a time.
const OTHERS: usize = 16 * 1024 * 1024;

/// A pack that is coming.
pub struct IncomingPack {
    path: PathBuf,
    file: File,
    scan: Scan,
}

/// A pack that has come, with its index. Both are written, and not synced yet.
pub struct Indexed {
    /// The checksum in its trailer, by which git names a pack.
    pub checksum: Oid,
    /// Objects it has now.
    pub objects: u32,
    /// Its file.
    pub pack: File,
    /// The file of its index.
    pub index: File,
}

/// Finds an object that a pack leans on and does not have.
pub type FindBase<'a> = &'a mut dyn FnMut(Oid) -> Result<Option<(ObjectType, Vec<u8>)>, Failure>;

impl IncomingPack {
    /// Into a new file at `path`.
    ///
    /// # Errors
    ///
    /// The file cannot be made.
    pub fn create(path: &Path) -> Result<Self, Unsound> {
        let file = index_writer::create(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|error| Unsound::disk("create", path, error))?,
            scan: Scan::new(),
        })
    }

    /// Some bytes more of the pack.
    ///
    /// # Errors
    ///
    /// It is no pack, or cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Unsound> {
        self.file
            .write_all(bytes)
            .map_err(|error| Unsound::disk("write to", &self.path, error))?;
        self.scan.feed(bytes)
    }

    /// Objects that have come.
    pub fn seen(&self) -> usize {
        self.scan.seen()
    }

    /// Objects that the pack says it has; 0 at first.
    pub fn count(&self) -> u32 {
        self.scan.count()
    }

    /// That was all of it: computes the id of each object, adds from `find_base` what deltas lean on, and writes
    /// the index to a new file at `index_path`. None for a pack without objects.
    ///
    /// An object that has to be held and is larger than `limit` bytes is refused. Files for contents are made in
    /// the folder of the pack.
    ///
    /// # Errors
    ///
    /// The pack is not sound, or the machine cannot.
    pub fn finish(
        mut self,
        index_path: &Path,
        find_base: FindBase<'_>,
        limit: u64,
        cancel: &Cancel,
    ) -> Result<Option<Indexed>, Unsound> {
        let mut sum = self.scan.finish()?;
        let Scan {
            table, crcs, whole, ..
        } = self.scan;
        if table.len() == 0 {
            return Ok(None);
        }
        let ids = Ids::new(table.len());
        for (position, oid) in &whole {
            ids.set(*position, *oid);
        }
        let made = AtomicUsize::new(whole.len());
        let see = |object: &Object<'_>| {
            ids.set(object.position, object.oid);
            made.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let file = PackFile {
            file: self.file,
            path: self.path,
        };
        let folder = file.path.parent().unwrap_or(Path::new("."));
        let resolver = Resolver::new(&table, &file, limit, folder, cancel, &see);
        let bases = whole
            .into_iter()
            .filter(|(position, oid)| resolver.is_base(*position, *oid));
        let roots: Vec<Root> = bases
            .map(|(position, oid)| Root::Seen(position, oid))
            .collect();
        resolver.run(&roots)?;
        drop(roots);
        let added = complete(&resolver, &table, &file, find_base, cancel)?;
        if made.load(Ordering::Relaxed) != table.len() {
            let mut named = table.named().iter();
            let lacking = named.find(|(_, position)| !resolver.is_made(*position));
            return Err(lacking.map_or(
                Unsound::Invalid("a delta's base is not in the pack"),
                |(base, _)| Unsound::NoBase(*base),
            ));
        }
        drop(resolver);
        let objects = table.len() as u32 + added.len() as u32;
        if !added.is_empty() {
            sum = seal(&file, objects, cancel)?;
        }
        let entry =
            |position: Position| match added.get((position as usize).wrapping_sub(table.len())) {
                Some(added) => *added,
                None => Entry {
                    id: ids.get(position),
                    offset: table.offsets()[position as usize],
                    crc: crcs[position as usize],
                },
            };
        let index = index_writer::write(index_path, objects, entry, &sum)
            .map_err(|error| Unsound::disk("write to", index_path, error))?;
        cancel.check()?;
        let checksum = Oid::from_bytes(&sum).map_err(|_| Unsound::Invalid("it has no checksum"))?;
        Ok(Some(Indexed {
            checksum,
            objects,
            pack: file.file,
            index,
        }))
    }
}

/// Adds the objects that deltas lean on and that are not in the pack, and makes what is made from them.
fn complete(
    resolver: &Resolver<'_>,
    table: &Table,
    file: &PackFile,
    find_base: FindBase<'_>,
    cancel: &Cancel,
) -> Result<Vec<Entry>, Unsound> {
    let mut added = Vec::new();
    let mut end = table.end();
    let mut groups = table
        .named()
        .chunk_by(|one, other| one.0 == other.0)
        .peekable();
    while groups.peek().is_some() {
        let mut roots = Vec::new();
        let mut held = 0;
        while held < OTHERS
            && let Some(group) = groups.next()
        {
            cancel.check()?;
            let lacks = group
                .iter()
                .any(|(_, position)| !resolver.is_made(*position));
            let Some((base, _)) = group.first().filter(|_| lacks) else {
                continue;
            };
            if let Some((kind, content)) = find_base(*base)? {
                held += content.len();
                added.push(append(file, &mut end, *base, kind, &content)?);
                roots.push(Root::Other(*base, kind, content));
            }
        }
        resolver.run(&roots)?;
    }
    Ok(added)
}

/// Writes an object as a whole where the trailer was, or behind what was added before.
fn append(
    file: &PackFile,
    end: &mut u64,
    oid: Oid,
    kind: ObjectType,
    content: &[u8],
) -> Result<Entry, Unsound> {
    let failed = |error| Unsound::disk("write to", &file.path, error);
    let number = match kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3,
    };
    let header = EntryHeader {
        kind: number,
        size: content.len() as u64,
        base: Base::None,
    };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    let mut deflate = ZlibEncoder::new(bytes, Compression::fast());
    deflate.write_all(content).map_err(failed)?;
    let bytes = deflate.finish().map_err(failed)?;
    let mut to = &file.file;
    to.seek(SeekFrom::Start(*end)).map_err(failed)?;
    to.write_all(&bytes).map_err(failed)?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    let (words, _) = oid.as_bytes().as_chunks::<4>();
    let mut id = [0; 5];
    for (to, word) in id.iter_mut().zip(words) {
        *to = u32::from_be_bytes(*word);
    }
    let entry = Entry {
        id,
        offset: *end,
        crc: crc.sum(),
    };
    *end += bytes.len() as u64;
    Ok(entry)
}

/// Writes the new number of objects and the new checksum. Objects follow the old ones without a gap, and are
/// longer than the old trailer was only if there are several: what is left of that is cut off.
fn seal(file: &PackFile, objects: u32, cancel: &Cancel) -> Result<[u8; TRAILER as usize], Unsound> {
    let failed = |error| Unsound::disk("write to", &file.path, error);
    let mut to = &file.file;
    let end = to.stream_position().map_err(failed)?;
    to.seek(SeekFrom::Start(HEADER - 4)).map_err(failed)?;
    to.write_all(&objects.to_be_bytes()).map_err(failed)?;
    file.file.set_len(end).map_err(failed)?;
    let mut sum = Sha1::new();
    let mut piece = vec![0; 256 * 1024];
    let mut at = 0;
    while at < end {
        cancel.check()?;
        let read = file.read_at(&mut piece, at)?;
        if read == 0 {
            return Err(Unsound::Invalid("it became shorter while it was read"));
        }
        sum.update(&piece[..read]);
        at += read as u64;
    }
    let sum: [u8; TRAILER as usize] = sum.finalize().into();
    to.seek(SeekFrom::Start(end)).map_err(failed)?;
    to.write_all(&sum).map_err(failed)?;
    Ok(sum)
}
