//! One object of a pack that has an index, made from its base and its deltas. All of it may be larger than
//! memory: [`Buffer`] holds it.

use std::io::Read;
use std::path::Path;

use forgekeep_failure::Cancel;
use git2::Oid;

use crate::buffer::Buffer;
use crate::delta::{DeltaHeader, apply};
use crate::entry::Base;
use crate::inflate::Entries;
use crate::pack_file::PackFile;
use crate::table::object_kind;
use crate::trailer::TRAILER;
use crate::{PackIndex, Unsound, object_id};

/// The content of an object.
pub struct Made {
    content: Buffer,
    read: usize,
}

/// Makes an object that the pack has as a delta; as a whole, too, though there is no need to. `None` if the
/// index does not have it, or not what it is made from. It has the id that it is looked for by. `folder` is
/// where files without names go; nothing of it is to be larger than `most` bytes.
///
/// # Errors
///
/// It cannot be made, or is another one.
pub fn make(
    pack: &Path,
    index: &PackIndex,
    oid: Oid,
    folder: &Path,
    most: u64,
    cancel: &Cancel,
) -> Result<Option<Made>, Unsound> {
    let Some(mut offset) = index.find(oid) else {
        return Ok(None);
    };
    let file = PackFile::open(pack)?;
    let length = file.file.metadata();
    let length = length.map_err(|error| Unsound::disk("read", pack, error))?;
    let end = length.len().saturating_sub(TRAILER);
    let mut entries = Entries::new(&file, cancel);
    let mut deltas = Vec::new();
    let kind = loop {
        let header = entries.header(offset, end)?;
        match header.base {
            Base::None => {
                break object_kind(header.kind)
                    .ok_or(Unsound::Invalid("an entry has no valid type"))?;
            }
            // In a circle, by ids.
            _ if deltas.len() > index.len() => {
                return Err(Unsound::Invalid("a delta is made from itself"));
            }
            _ => deltas.push(offset),
        }
        offset = match header.base {
            Base::None => offset,
            Base::Distance(distance) => offset.checked_sub(distance).ok_or(Unsound::Invalid(
                "a delta is made from what is before the pack",
            ))?,
            Base::Id(base) => match index.find(base) {
                Some(offset) => offset,
                None => return Ok(None),
            },
        };
    };
    let mut content = read(&mut entries, offset, end, folder, most)?;
    for offset in deltas.into_iter().rev() {
        let delta = read(&mut entries, offset, end, folder, most)?;
        let header = DeltaHeader::read(&delta).filter(|it| it.base == content.len() as u64);
        let header = header.ok_or(Unsound::Invalid("a delta does not fit its base"))?;
        let size = usize::try_from(bounded(header.result, most)?);
        let size = size.map_err(|_| Unsound::TooLarge(header.result))?;
        let failed = |error| Unsound::disk("write to", folder, error);
        let mut result = Buffer::new(size, folder).map_err(failed)?;
        apply(&content, &delta[header.length..], &mut result)
            .ok_or(Unsound::Invalid("a delta cannot be applied"))?;
        content = result;
        cancel.check()?;
    }
    match object_id(kind, &content) {
        Some(is) if is == oid => Ok(Some(Made { content, read: 0 })),
        Some(_) => Err(Unsound::Invalid("an object does not match its id")),
        None => Err(Unsound::Collision),
    }
}

fn read(
    entries: &mut Entries<'_>,
    offset: u64,
    end: u64,
    folder: &Path,
    most: u64,
) -> Result<Buffer, Unsound> {
    let header = entries.header(offset, end)?;
    entries.content(bounded(header.size, most)?, folder)
}

fn bounded(size: u64, most: u64) -> Result<u64, Unsound> {
    match size <= most {
        true => Ok(size),
        false => Err(Unsound::TooLarge(size)),
    }
}

impl Made {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.content.len() as u64
    }
}

impl Read for Made {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        let mut rest = &self.content[self.read..];
        let read = rest.read(room)?;
        self.read += read;
        Ok(read)
    }
}
