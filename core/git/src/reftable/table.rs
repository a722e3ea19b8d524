//! One table: header, blocks of refs, footer.

use git2::Oid;

use super::Value;
use crate::ref_name::RefName;

/// Length of a SHA-1.
const ID: usize = 20;

/// Most bytes that the names of one table may take, unpacked: a prefix can be had again and again.
const MOST_NAMES: usize = 512 * 1024 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Error {
    Damaged(&'static str),
    /// Its objects have no SHA-1 ids.
    OtherIds,
}

const SHORT: Error = Error::Damaged("it is cut off");
const BLOCK: Error = Error::Damaged("a block of refs is malformed");

/// A ref, or `None` where the table says that it is gone.
type Record = (RefName, Option<Value>);

/// The records of a table, in the order of their names.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record>, Error> {
    let header = Header::read(bytes)?;
    let end = header.end_of_refs(bytes)?;
    let mut records: Vec<Record> = Vec::new();
    let mut names = 0;
    let mut at = 0;
    while at < end {
        // The first block has the file's header in front, which counts as a part of it.
        let skip = if at == 0 { header.length } else { 0 };
        match bytes.get(at + skip) {
            Some(b'r') => {}
            // No refs at all: a table of logs only.
            Some(b'g' | b'o' | b'i') if at == 0 => break,
            _ => return Err(BLOCK),
        }
        let length = number(bytes, at + skip + 1, 3)?;
        let block = at.checked_add(length).and_then(|to| bytes.get(at..to));
        let block = block.filter(|block| at + block.len() <= end);
        let before = records.len();
        read_block(block.ok_or(BLOCK)?, skip, &mut records, &mut names)?;
        if records.len() == before {
            return Err(BLOCK);
        }
        at += length;
        // Blocks are filled up with zeros, but for the last, and where they have no common size.
        if length < header.block_size && bytes.get(at) == Some(&0) {
            at += header.block_size - length;
        }
    }
    match records.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        true => Ok(records),
        false => Err(Error::Damaged("its refs are not in order")),
    }
}

struct Header {
    length: usize,
    block_size: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.get(..4) != Some(b"REFT") {
            return Err(Error::Damaged("it is not a table of refs"));
        }
        let length = match bytes.get(4) {
            Some(1) => 24,
            Some(2) => match bytes.get(24..28) {
                Some(b"sha1") => 28,
                Some(b"s256") => return Err(Error::OtherIds),
                _ => return Err(Error::Damaged("its header names an unknown hash function")),
            },
            _ => return Err(Error::Damaged("its version is unknown")),
        };
        Ok(Self {
            length,
            block_size: number(bytes, 5, 3)?,
        })
    }

    /// Where the blocks of refs end, after a look at the footer.
    fn end_of_refs(&self, bytes: &[u8]) -> Result<usize, Error> {
        let footer = bytes.len().checked_sub(self.length + 44).ok_or(SHORT)?;
        if footer < self.length {
            return Err(SHORT);
        }
        let (body, sum) = bytes[footer..].split_at(self.length + 40);
        let mut crc = flate2::Crc::new();
        crc.update(body);
        if crc.sum().to_be_bytes() != sum {
            return Err(Error::Damaged("the checksum at its end does not match"));
        }
        if body[..self.length] != bytes[..self.length] {
            return Err(Error::Damaged("its footer does not match its header"));
        }
        // Index of refs, objects (with the length of their ids in the low bits), logs.
        let sections = [
            number(body, self.length, 8)?,
            number(body, self.length + 8, 8)? >> 5,
            number(body, self.length + 24, 8)?,
        ];
        let first = sections.into_iter().filter(|at| *at > 0).min();
        let end = first.unwrap_or(footer);
        match end <= footer {
            // Refs first, if there are any: a section right behind the header says there are none.
            true if end <= self.length => Ok(0),
            true => Ok(end),
            false => Err(SHORT),
        }
    }
}

/// A block of refs; `skip` bytes of the file's header come first.
fn read_block(
    block: &[u8],
    skip: usize,
    records: &mut Vec<Record>,
    names: &mut usize,
) -> Result<(), Error> {
    let count = block.len().checked_sub(2).ok_or(BLOCK)?;
    let restarts = number(block, count, 2)?;
    let end = restarts
        .checked_mul(3)
        .and_then(|all| count.checked_sub(all));
    let begin = skip + 4;
    let end = end
        .filter(|end| restarts > 0 && *end >= begin)
        .ok_or(BLOCK)?;
    let mut wanted = Vec::with_capacity(restarts);
    for index in 0..restarts {
        wanted.push(number(block, end + 3 * index, 3)?);
    }
    let mut wanted = wanted.into_iter().peekable();
    let mut reader = Reader {
        bytes: &block[..end],
        at: begin,
    };
    let mut last = RefName::new();
    while reader.at < end {
        let is_restart = wanted.next_if_eq(&reader.at).is_some();
        let prefix = reader.varint()?;
        let (suffix, kind) = {
            let both = reader.varint()?;
            (both >> 3, both & 7)
        };
        if prefix > last.len() || is_restart && prefix != 0 {
            return Err(BLOCK);
        }
        last.truncate(prefix);
        last.extend(reader.take(suffix)?);
        *names += last.len();
        if last.is_empty() || *names > MOST_NAMES {
            return Err(BLOCK);
        }
        reader.varint()?; // When it was written.
        let value = match kind {
            0 => None,
            1 => Some(Value::Object(reader.id()?, None)),
            2 => Some(Value::Object(reader.id()?, Some(reader.id()?))),
            3 => {
                let length = reader.varint()?;
                Some(Value::Symbolic(reader.take(length)?.to_vec()))
            }
            _ => return Err(BLOCK),
        };
        records.push((last.clone(), value));
    }
    match wanted.next() {
        None => Ok(()),
        Some(_) => Err(BLOCK),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let to = self.at.checked_add(length).ok_or(BLOCK)?;
        let taken = self.bytes.get(self.at..to).ok_or(BLOCK)?;
        self.at = to;
        Ok(taken)
    }

    fn id(&mut self) -> Result<Oid, Error> {
        Oid::from_bytes(self.take(ID)?).map_err(|_| BLOCK)
    }

    /// As the offsets in a pack: each further byte adds one.
    fn varint(&mut self) -> Result<usize, Error> {
        let mut value = 0_usize;
        loop {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            let next = value.checked_add(1).ok_or(BLOCK)?;
            value = next.checked_mul(128).ok_or(BLOCK)?;
        }
    }
}

fn number(bytes: &[u8], at: usize, length: usize) -> Result<usize, Error> {
    let to = at.checked_add(length).ok_or(SHORT)?;
    let digits = bytes.get(at..to).ok_or(SHORT)?;
    let value = digits
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).map_err(|_| SHORT)
}
