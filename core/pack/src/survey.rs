//! A pack that has an index, read once from begin to end: its checksum, the CRCs of its entries, and the table.

use std::path::Path;

use flate2::Crc;
use forgekeep_failure::{Cancel, Failure};
use git2::Oid;
use sha1::{Digest, Sha1};

use crate::entry::{EntryHeader, HEADER};
use crate::pack_file::PackFile;
use crate::table::{Position, Table};
use crate::trailer::{TRAILER, wrong_sum};
use crate::{PackIndex, Unsound, damaged};

/// Bytes that are read at a time.
const PIECE: usize = 256 * 1024;

/// Bytes of the longest header of an entry: ten of a size, and twenty of an id.
const LONGEST: usize = 30;

/// A pack whose bytes are those that its checksum is of.
pub struct Survey<'a> {
    pub(crate) pack: &'a Path,
    index: &'a PackIndex,
    /// None if the offsets of the index are no entries.
    pub(crate) table: Option<Table>,
    /// By place in the pack, the place in the index.
    order: Vec<u32>,
    /// Whether the entries have the CRCs that the index has for them, if it has any. git and repacking go by
    /// these when they copy an entry as it is.
    pub fits_crcs: bool,
}

impl Survey<'_> {
    /// The id that the index has for an entry.
    pub(crate) fn oid(&self, position: Position) -> Oid {
        self.index.oid(self.order[position as usize] as usize)
    }
}

/// Reads a pack, and checks that it has the checksum that its trailer and its index have.
///
/// # Errors
///
/// [`Damaged`](forgekeep_failure::ErrorKind::Damaged) or [`Disk`](forgekeep_failure::ErrorKind::Disk), naming the
/// pack; [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled).
pub fn survey<'a>(
    pack: &'a Path,
    index: &'a PackIndex,
    cancel: &Cancel,
) -> Result<Survey<'a>, Failure> {
    let failed = |unsound| match unsound {
        Unsound::Failed(failure) => failure,
        Unsound::Disk(doing, path, error) => Failure::disk(doing, &path, &error),
        other => damaged(pack, &other.why()),
    };
    let file = PackFile::open(pack).map_err(failed)?;
    let metadata = file.file.metadata();
    let length = metadata
        .map_err(|error| Failure::disk("read", pack, &error))?
        .len();
    let Some(end) = length.checked_sub(TRAILER) else {
        return Err(damaged(pack, "it is too short"));
    };
    let mut order: Vec<u32> = (0..index.len() as u32).collect();
    order.sort_unstable_by_key(|at| index.offset(*at as usize));
    let mut entries = Walk::new(index, &order, end);
    let mut sum = Sha1::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while at < end {
        cancel.check()?;
        let wanted = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
        let read = file.read_at(&mut piece[..wanted], at).map_err(failed)?;
        if read == 0 {
            return Err(damaged(pack, "it became shorter while it was read"));
        }
        sum.update(&piece[..read]);
        entries.feed(at, &piece[..read]);
        at += read as u64;
    }
    let mut trailer = [0; TRAILER as usize];
    let read = file.read_at(&mut trailer, end).map_err(failed)?;
    let is_right = read == trailer.len() && sum.finalize()[..] == trailer;
    if !is_right || trailer != index.pack_checksum() {
        return Err(wrong_sum(pack));
    }
    let (table, fits_crcs) = entries.finish();
    Ok(Survey {
        pack,
        index,
        table,
        order,
        fits_crcs,
    })
}

/// Goes from entry to entry while the bytes come.
struct Walk<'a> {
    index: &'a PackIndex,
    order: &'a [u32],
    end: u64,
    /// Of the entry that is under way.
    place: usize,
    header: Vec<u8>,
    crc: Crc,
    table: Option<Table>,
    fits_crcs: bool,
}

impl<'a> Walk<'a> {
    fn new(index: &'a PackIndex, order: &'a [u32], end: u64) -> Self {
        let offset = |place: &u32| index.offset(*place as usize);
        let in_order = order.is_sorted_by(|one, other| offset(one) < offset(other));
        let first = order.first().map_or(HEADER, offset);
        let is_valid =
            in_order && first == HEADER && order.last().is_none_or(|last| offset(last) < end);
        Self {
            index,
            order,
            end,
            place: 0,
            header: Vec::with_capacity(LONGEST),
            crc: Crc::new(),
            table: is_valid.then(Table::default),
            fits_crcs: is_valid || index.is_empty() || index.crc(0).is_none(),
        }
    }

    /// Where an entry begins, or the last one ends.
    fn offset(&self, place: usize) -> u64 {
        let at = self.order.get(place);
        at.map_or(self.end, |at| self.index.offset(*at as usize))
    }

    /// The bytes that begin at `at`.
    fn feed(&mut self, at: u64, mut bytes: &[u8]) {
        if at == 0 {
            let begin = bytes.len().min(HEADER as usize);
            let count = self.order.len() as u32;
            if bytes[..begin].get(8..) != Some(&count.to_be_bytes()[..]) {
                self.table = None;
            }
            bytes = &bytes[begin..];
        }
        let mut at = at.max(HEADER);
        while self.table.is_some() && self.place < self.order.len() && !bytes.is_empty() {
            let end = self.offset(self.place + 1);
            let length = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (of_entry, rest) = bytes.split_at(length);
            self.crc.update(of_entry);
            let missing = (LONGEST - self.header.len()).min(length);
            self.header.extend(&of_entry[..missing]);
            at += length as u64;
            bytes = rest;
            if at == end {
                self.end_entry();
            }
        }
    }

    fn end_entry(&mut self) {
        let offset = self.offset(self.place);
        let header = EntryHeader::read(&mut &self.header[..]).ok();
        let pushed = self.table.as_mut().zip(header);
        let pushed = pushed.is_some_and(|(table, header)| table.push(offset, &header).is_ok());
        let crc = self.index.crc(self.order[self.place] as usize);
        self.fits_crcs &= crc.is_none_or(|crc| crc == self.crc.sum());
        if !pushed {
            self.table = None;
        }
        self.crc.reset();
        self.header.clear();
        self.place += 1;
    }

    fn finish(self) -> (Option<Table>, bool) {
        let table = self.table.map(|mut table| {
            table.seal(self.end);
            table
        });
        (table, self.fits_crcs)
    }
}
