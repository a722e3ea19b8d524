//! Which objects of a pack are large, by the headers of its entries: nothing is inflated but the
//! begin of each delta, which says how large its base is and how large its result.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};
use forgekeep_failure::{Cancel, Failure};
use forgekeep_pack::entry::{Base, PackReader, unreadable};
use forgekeep_pack::{DeltaHeader, PackIndex};
use git2::Oid;

/// Type of an entry that is a blob as a whole.
const BLOB: u8 = 3;

/// Deltas on a delta on a delta; git makes no longer chains than these.
const LONGEST: usize = 4096;

/// Two numbers of 64 bits, at seven bits a byte.
const SIZES: usize = 20;

/// What makes an object large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bulk {
    /// It is a blob as a whole, and can be inflated piece by piece.
    Blob {
        /// Where its entry begins.
        offset: u64,
        /// Bytes.
        size: u64,
    },
    /// An object of so many bytes has to be held in memory: it, or one that it is made from.
    Held(u64),
}

/// The objects of a pack that have `from` bytes or more, or are made from such. What is damaged is
/// not among them.
///
/// # Errors
///
/// The machine cannot read the pack, or [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled).
pub fn bulky(
    pack: &Path,
    index: &PackIndex,
    from: u64,
    cancel: &Cancel,
) -> Result<HashMap<Oid, Bulk>, Failure> {
    let mut reader = PackReader::open(pack)?;
    let offsets = (0..index.len()).map(|position| (index.offset(position), position));
    let mut entries: Vec<_> = offsets.collect();
    entries.sort_unstable();
    let ends = entries.iter().skip(1).map(|(offset, _)| *offset);
    let ends: Vec<u64> = ends.chain([u64::MAX]).collect();
    let mut found = HashMap::new();
    // By offset, what has to be held for each large entry.
    let mut held: HashMap<u64, u64> = HashMap::new();
    let mut deltas = Vec::new();
    let mut in_order = true;
    let mut inflate = Decompress::new(true);
    for ((offset, position), end) in entries.iter().zip(ends) {
        cancel.check()?;
        let header = match reader.header(*offset, end) {
            Ok(header) => header,
            Err(failure) if failure.is_damage() => continue,
            Err(failure) => return Err(failure),
        };
        let base = match header.base {
            Base::None => {
                if header.size >= from {
                    held.insert(*offset, header.size);
                    let (offset, size) = (*offset, header.size);
                    let bulk = match header.kind {
                        BLOB => Bulk::Blob { offset, size },
                        _ => Bulk::Held(size),
                    };
                    found.insert(index.oid(*position), bulk);
                }
                continue;
            }
            Base::Distance(distance) => offset.checked_sub(distance),
            Base::Id(oid) => index.find(oid),
        };
        let sizes = match delta_sizes(&mut reader, &mut inflate) {
            Ok(sizes) => sizes,
            Err(error) => match unreadable(pack, &error) {
                failure if failure.is_damage() => None,
                failure => return Err(failure),
            },
        };
        let own = sizes.map_or(0, |(base, result)| base.max(result));
        if own >= from {
            held.insert(*offset, own);
        }
        if let Some(base) = base {
            in_order &= base < *offset;
            inherit(&mut held, *offset, base);
            deltas.push((*offset, *position, base));
        }
    }
    // A base that is named by its id may come later in the pack.
    for _ in 0..LONGEST {
        cancel.check()?;
        let mut changed = false;
        for (offset, _, base) in deltas.iter().filter(|_| !in_order) {
            changed |= inherit(&mut held, *offset, *base);
        }
        if !changed {
            break;
        }
    }
    for (offset, position, _) in deltas {
        if let Some(size) = held.get(&offset) {
            found.insert(index.oid(position), Bulk::Held(*size));
        }
    }
    Ok(found)
}

/// What a base needs, its delta needs too. Whether that was news.
fn inherit(held: &mut HashMap<u64, u64>, delta: u64, base: u64) -> bool {
    let of_base = held.get(&base).copied().unwrap_or(0);
    let is_more = of_base > held.get(&delta).copied().unwrap_or(0);
    if is_more {
        held.insert(delta, of_base);
    }
    is_more
}

/// The size of a delta's base and that of its result, from where a reader is.
fn delta_sizes(
    reader: &mut PackReader<'_>,
    inflate: &mut Decompress,
) -> io::Result<Option<(u64, u64)>> {
    let mut begin = [0; SIZES];
    let mut length = 0;
    let mut chunk = [0; 128];
    inflate.reset(true);
    while length < SIZES {
        let read = reader.read(&mut chunk)?;
        let flush = FlushDecompress::None;
        let status = inflate.decompress(&chunk[..read], &mut begin[length..], flush);
        length = usize::try_from(inflate.total_out()).unwrap_or(SIZES);
        match status {
            Ok(Status::StreamEnd) | Err(_) => break,
            _ if read == 0 => break,
            Ok(_) => {}
        }
    }
    let header = DeltaHeader::read(begin.get(..length).unwrap_or_default());
    Ok(header.map(|header| (header.base, header.result)))
}
