//! Loose objects by their files alone: gitformat-loose(5).

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use forgekeep_durable::folder::names;
use forgekeep_durable::regular_file;
use forgekeep_failure::{Failure, trouble};
use forgekeep_pack::IdHasher;
use git2::{ObjectType, Oid};

use crate::links::parse_oid;

/// Bytes of the header of a loose object, which names its type and size, at most.
const LONGEST_HEADER: usize = 32;

/// The kind of an object, and its size in bytes.
pub type Size = (Option<ObjectType>, u64);

/// A loose object alone: gitformat-loose(5). libgit2 must read none that has not passed this: if one
/// ends before it has the length it says, it never ends.
pub fn check(oid: Oid, path: &Path) -> Result<(), Failure> {
    look_at(oid, path).map(|_| ())
}

/// The same; returns what its header says.
pub fn look_at(oid: Oid, path: &Path) -> Result<Size, Failure> {
    let wrong = |why: &str| Failure::damaged(path, why);
    let failed = |error: io::Error| Failure::disk("read", path, &error);
    let file = regular_file::open(path).map_err(failed)?;
    let mut bytes = flate2::bufread::ZlibDecoder::new(io::BufReader::new(file));
    // The id is that of the inflated file, header included.
    let mut id = IdHasher::with_header();
    let mut header = Vec::new();
    let mut length = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match bytes.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                let more = LONGEST_HEADER.saturating_sub(header.len()).min(read);
                header.extend_from_slice(&buffer[..more]);
                id.update(&buffer[..read]);
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
        return Err(wrong("there is data after its content"));
    }
    if id.finish() != Some(oid) {
        return Err(wrong("its content does not match its name"));
    }
    if says_length(&header) != Some(length) {
        return Err(wrong("its length does not match its header"));
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

/// All loose objects of a mirror.
pub fn all(mirror: &Path) -> Result<Vec<(Oid, PathBuf)>, Failure> {
    let mut loose = Vec::new();
    for first in 0..=u8::MAX {
        let first = format!("{first:02x}");
        let folder = mirror.join("objects").join(&first);
        for rest in names(&folder)? {
            let oid = rest.to_str().map(|rest| format!("{first}{rest}"));
            // git's own temporary files are among them.
            if let Some(oid) = oid.and_then(|oid| parse_oid(&oid)) {
                loose.push((oid, folder.join(rest)));
            }
        }
    }
    Ok(loose)
}
