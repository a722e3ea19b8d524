//! Packs made in a workshop: indexes made again, and packs of what was salvaged.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::packs::Stream;
use forgekeep_git::torn::Object;
use forgekeep_verify::Watch;
use git2::{Indexer, ObjectType, Oid};
use sha1::{Digest, Sha1};

/// Bytes that are handed over at a time.
const CHUNK: usize = 128 * 1024;

/// Has libgit2 index a pack. Returns the index, in `folder`.
pub(super) fn index_of(pack: &Path, folder: &Path, watch: &Watch) -> Result<PathBuf, Failure> {
    let wrong = |error: git2::Error| {
        // The indexer writes, too: what fails on that side says nothing about the pack.
        if error.class() == git2::ErrorClass::Os {
            return libgit2::explain(&error, folder);
        }
        if let Some(failure) = libgit2::of_machine("index", pack, &error) {
            return failure;
        }
        Failure::damaged(pack, libgit2::words(&error).to_string())
    };
    let failed = |error: io::Error| Failure::disk("read", pack, &error);
    let mut indexer = Indexer::new(None, folder, 0, false).map_err(wrong)?;
    let mut file = File::open(pack).map_err(failed)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        watch.cancel.check()?;
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        feed(&mut indexer, &buffer[..read], folder)?;
    }
    let name = indexer.commit().map_err(wrong)?;
    Ok(folder.join(format!("pack-{name}.idx")))
}

fn feed(indexer: &mut Indexer<'_>, bytes: &[u8], folder: &Path) -> Result<(), Failure> {
    indexer.write_all(bytes).map_err(|error| {
        let of_git = error
            .get_ref()
            .and_then(|it| it.downcast_ref::<git2::Error>());
        match of_git {
            Some(error) if error.class() == git2::ErrorClass::Os => libgit2::explain(error, folder),
            Some(error) => {
                if let Some(failure) = libgit2::of_machine("write to", folder, error) {
                    return failure;
                }
                let message = libgit2::words(error).to_string();
                Failure::new(ErrorKind::Damaged, format!("a pack is damaged: {message}"))
            }
            _ => Failure::disk("write to", folder, &error),
        }
    })
}

/// Writes a large blob as an entry, piece by piece, if it is whole.
pub(super) fn write_blob(
    to: &mut impl Write,
    open: impl Fn() -> Result<Stream, Failure>,
    oid: Oid,
    size: u64,
    watch: &Watch,
) -> Result<bool, Failure> {
    let is_whole = match open().and_then(|mut stream| stream.is_blob(oid, &watch.cancel)) {
        Err(failure) if failure.is_damage() => false,
        looked => looked?,
    };
    if !is_whole {
        return Ok(false);
    }
    let failed = |error: io::Error| Failure::disk("write", Path::new("what is salvaged"), &error);
    write_header(to, 3, size).map_err(failed)?;
    let mut deflate = ZlibEncoder::new(to, Compression::default());
    let mut see = |piece: &[u8]| deflate.write_all(piece).map_err(failed);
    open()?.copy_to(&mut see, &watch.cancel)?;
    deflate.finish().map_err(failed)?;
    Ok(true)
}

/// An entry of a pack, as a whole: gitformat-pack(5).
pub(super) fn write_entry(to: &mut impl Write, object: &Object) -> io::Result<()> {
    let kind = match object.kind {
        ObjectType::Commit => 1,
        ObjectType::Tree => 2,
        ObjectType::Tag => 4,
        _ => 3_u8,
    };
    write_header(to, kind, object.data.len() as u64)?;
    let mut deflate = ZlibEncoder::new(to, Compression::default());
    deflate.write_all(&object.data)?;
    deflate.finish().map(drop)
}

fn write_header(to: &mut impl Write, kind: u8, size: u64) -> io::Result<()> {
    let mut rest = size >> 4;
    let mut byte = kind << 4 | (size & 15) as u8;
    while rest > 0 {
        to.write_all(&[byte | 128])?;
        byte = (rest & 127) as u8;
        rest >>= 7;
    }
    to.write_all(&[byte])
}

/// Makes a pack with its index out of entries in a file.
pub(super) fn write_pack(
    entries: &Path,
    count: usize,
    folder: &Path,
    watch: &Watch,
) -> Result<(), Failure> {
    let of_git = |error: git2::Error| {
        let message = libgit2::words(&error).to_string();
        let message = format!("the salvaged objects cannot be packed: {message}");
        Failure::new(ErrorKind::Git, message)
    };
    let failed = |error: io::Error| Failure::disk("read", entries, &error);
    let mut indexer = Indexer::new(None, folder, 0, false).map_err(of_git)?;
    let mut sum = Sha1::new();
    let mut header = *b"PACK\0\0\0\x02\0\0\0\0";
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    header[8..].copy_from_slice(&count.to_be_bytes());
    sum.update(header);
    feed(&mut indexer, &header, folder)?;
    let mut file = File::open(entries).map_err(failed)?;
    let mut buffer = vec![0; CHUNK];
    loop {
        watch.cancel.check()?;
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        sum.update(&buffer[..read]);
        feed(&mut indexer, &buffer[..read], folder)?;
    }
    feed(&mut indexer, &sum.finalize(), folder)?;
    indexer.commit().map(drop).map_err(of_git)
}
