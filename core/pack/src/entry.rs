//! An entry of a pack: its header, which says type, size and base; and reading it from the file.
//! gitformat-pack(5), "pack-*.pack files have the following format".

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use forgekeep_failure::Failure;
use git2::Oid;

use crate::damaged;
use crate::index::PackIndex;
use crate::trailer::TRAILER;

/// Length of a pack's own header: `PACK`, version, number of objects.
pub const HEADER: u64 = 12;

/// Type of an entry whose base is so many bytes before it.
pub const OFS_DELTA: u8 = 6;

/// Type of an entry whose base is named by its id.
const REF_DELTA: u8 = 7;

/// What an entry's object is to be made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing: it is there as a whole.
    None,
    /// The entry that begins so many bytes before it.
    Distance(u64),
    /// That object.
    Id(Oid),
}

/// What comes before an entry's compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    /// Type of the object, or of the delta.
    pub kind: u8,
    /// Bytes once it is inflated.
    pub size: u64,
    /// What it is to be made from.
    pub base: Base,
}

impl EntryHeader {
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if it is none.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let invalid = |why| io::Error::new(io::ErrorKind::InvalidData, why);
        let mut byte = next(from)?;
        let kind = byte >> 4 & 7;
        let mut size = u64::from(byte & 15);
        let mut shift = 4;
        while byte & 128 != 0 {
            byte = next(from)?;
            let bits = u64::from(byte & 127);
            if shift > 60 || bits << shift >> shift != bits {
                return Err(invalid("the size of an entry is not terminated"));
            }
            size |= bits << shift;
            shift += 7;
        }
        let base = match kind {
            1..=4 => Base::None,
            OFS_DELTA => Base::Distance(read_distance(from)?),
            REF_DELTA => {
                let mut id = [0; 20];
                from.read_exact(&mut id)?;
                Base::Id(Oid::from_bytes(&id).map_err(io::Error::other)?)
            }
            _ => return Err(invalid("an entry has no valid type")),
        };
        Ok(Self { kind, size, base })
    }

    /// Appends it. A base by its id is not written: our packs have none.
    pub fn write(&self, to: &mut Vec<u8>) {
        let mut rest = self.size >> 4;
        let mut byte = self.kind << 4 | (self.size & 15) as u8;
        while rest > 0 {
            to.push(byte | 128);
            byte = (rest & 127) as u8;
            rest >>= 7;
        }
        to.push(byte);
        if let Base::Distance(distance) = self.base {
            write_distance(distance, to);
        }
    }
}

/// A number in which each further byte also stands for one more than the bytes before it can say.
fn read_distance(from: &mut impl Read) -> io::Result<u64> {
    let mut byte = next(from)?;
    let mut distance = u64::from(byte & 127);
    while byte & 128 != 0 {
        byte = next(from)?;
        if distance >= u64::MAX >> 8 {
            let why = "the base offset of an entry is not terminated";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        distance = (distance + 1) << 7 | u64::from(byte & 127);
    }
    Ok(distance)
}

fn write_distance(distance: u64, to: &mut Vec<u8>) {
    let mut bytes = [0; 10];
    let mut at = bytes.len() - 1;
    bytes[at] = (distance & 127) as u8;
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        at -= 1;
        bytes[at] = 128 | (rest & 127) as u8;
        rest >>= 7;
    }
    to.extend(&bytes[at..]);
}

fn next(from: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    from.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// A pack that is open for reading.
pub struct PackReader<'a> {
    path: &'a Path,
    file: BufReader<File>,
    position: u64,
}

impl<'a> PackReader<'a> {
    /// # Errors
    ///
    /// The file cannot be opened.
    pub fn open(path: &'a Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| Failure::disk("read", path, &error))?;
        Ok(Self {
            path,
            file: BufReader::with_capacity(32 * 1024, file),
            position: 0,
        })
    }

    /// Goes to an entry, or to any other place.
    pub fn seek(&mut self, offset: u64) -> Result<(), Failure> {
        let distance = offset.wrapping_sub(self.position).cast_signed();
        let sought = self.file.seek_relative(distance);
        sought.map_err(|error| unreadable(self.path, &error))?;
        self.position = offset;
        Ok(())
    }

    /// Reads the header of the entry that begins and ends there.
    pub fn header(&mut self, offset: u64, end: u64) -> Result<EntryHeader, Failure> {
        self.seek(offset)?;
        let header = EntryHeader::read(&mut self.by_ref().take(end.saturating_sub(offset)));
        header.map_err(|error| unreadable(self.path, &error))
    }

    /// What comes after what was read last.
    pub fn into_rest(self) -> BufReader<File> {
        self.file
    }

    /// Checks that begin and end are a pack's and fit the index. Returns where its entries end.
    pub fn check(&mut self, index: &PackIndex) -> Result<u64, Failure> {
        let metadata = self.file.get_ref().metadata();
        let length = metadata
            .map_err(|error| unreadable(self.path, &error))?
            .len();
        let Some(end) = length.checked_sub(TRAILER).filter(|end| *end >= HEADER) else {
            return Err(damaged(self.path, "it is too short"));
        };
        let mut header = [0; HEADER as usize];
        let mut trailer = [0; TRAILER as usize];
        self.seek(0)?;
        let read = self.read_exact(&mut header);
        read.map_err(|error| unreadable(self.path, &error))?;
        self.seek(end)?;
        let read = self.read_exact(&mut trailer);
        read.map_err(|error| unreadable(self.path, &error))?;
        let count = u32::try_from(index.len()).unwrap_or(u32::MAX).to_be_bytes();
        let is_pack = header.starts_with(b"PACK\0\0\0") && matches!(header[7], 2 | 3);
        if !is_pack || !header.ends_with(&count) || trailer != index.pack_checksum() {
            return Err(damaged(self.path, "it does not match its index"));
        }
        Ok(end)
    }
}

/// What an error is that reading a pack has met.
pub fn unreadable(pack: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(pack, "it ends within an entry"),
        io::ErrorKind::InvalidData => damaged(pack, &error.to_string()),
        _ => Failure::disk("read", pack, error),
    }
}

impl Read for PackReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_header_that_is_written_is_read(
            kind in 1..=4_u8,
            size: u64,
            distance in proptest::option::of(0..u64::MAX >> 8),
        ) {
            let header = EntryHeader {
                kind: distance.map_or(kind, |_| OFS_DELTA),
                size,
                base: distance.map_or(Base::None, Base::Distance),
            };
            let mut bytes = Vec::new();
            header.write(&mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(EntryHeader::read(&mut rest).unwrap(), header);
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = EntryHeader::read(&mut &bytes[..]);
        }

        #[test]
        fn endless_numbers_are_survived(first: u8, bytes in proptest::collection::vec(128..=255_u8, 0..40)) {
            let _ = EntryHeader::read(&mut &[&[first][..], &bytes].concat()[..]);
        }
    }
}
