//! The index of a pack: which objects it holds, and where. gitformat-pack(5).

use std::fs;
use std::path::Path;

use forgekeep_failure::{Cancel, Failure};
use git2::Oid;
use sha1::{Digest, Sha1};

use crate::damaged;
use crate::trailer::{check_trailer, wrong_sum};

/// Length of an object id and of a checksum.
const ID: usize = 20;

/// First bytes of an index of version 2; one of version 1 has a number there that is too large.
pub(crate) const MAGIC: &[u8] = b"\xfftOc";

/// In a table of offsets of version 2: the other bits count into the table of long ones.
pub(crate) const IS_LONG: u32 = 1 << 31;

/// A pack's index in memory: 32 bytes an object.
#[derive(Debug)]
pub struct PackIndex {
    oids: Vec<Oid>,
    offsets: Vec<u64>,
    /// None in version 1.
    crcs: Vec<u32>,
    pack_checksum: [u8; ID],
    checksum: [u8; ID],
}

impl PackIndex {
    /// Reads a `.idx`, of version 1 or 2, and checks its form and its checksum. Where its offsets
    /// point is not looked at.
    ///
    /// # Errors
    ///
    /// [`Damaged`](forgekeep_failure::ErrorKind::Damaged) or [`Disk`](forgekeep_failure::ErrorKind::Disk), naming the file.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = fs::read(path).map_err(|error| Failure::disk("read", path, &error))?;
        let Some((body, &checksum)) = file.split_last_chunk() else {
            return Err(damaged(path, "it is too short"));
        };
        if Sha1::digest(body)[..] != checksum {
            return Err(damaged(path, "its checksum does not match its content"));
        }
        Self::parse(body, checksum).map_err(|why| damaged(path, why))
    }

    /// Reads what comes before the checksum.
    fn parse(body: &[u8], checksum: [u8; ID]) -> Result<Self, &'static str> {
        let Some((mut rest, &pack_checksum)) = body.split_last_chunk() else {
            return Err("it is too short");
        };
        let mut index = Self {
            oids: Vec::new(),
            offsets: Vec::new(),
            crcs: Vec::new(),
            pack_checksum,
            checksum,
        };
        let is_first = !rest.starts_with(MAGIC);
        if !is_first && number(take(&mut rest, 8, 1)?.split_at(4).1) != 2 {
            return Err("its version is unknown");
        }
        let fanout = numbers(take(&mut rest, 4, 256)?);
        let count = fanout.last().map_or(0, |count| *count as usize);
        if is_first {
            for entry in take(&mut rest, 4 + ID, count)?.chunks_exact(4 + ID) {
                let (offset, id) = entry.split_at(4);
                index.offsets.push(number(offset).into());
                index.oids.push(oid(id)?);
            }
            if !rest.is_empty() {
                return Err("it is too long");
            }
        } else {
            let ids = take(&mut rest, ID, count)?.chunks_exact(ID);
            index.oids = ids.map(oid).collect::<Result<_, _>>()?;
            index.crcs = numbers(take(&mut rest, 4, count)?);
            let offsets = take(&mut rest, 4, count)?;
            index.offsets = long_offsets(&numbers(offsets), rest)?;
        }
        index.check_order(&fanout)?;
        Ok(index)
    }

    /// Checks that the ids are in ascending order, with as many of each first byte as `fanout` says.
    fn check_order(&self, fanout: &[u32]) -> Result<(), &'static str> {
        if !self.oids.is_sorted() {
            return Err("its object ids are not in order");
        }
        let mut begin = 0;
        for (first, end) in fanout.iter().enumerate() {
            let ids = self.oids.get(begin..*end as usize);
            let fits = |id: &Oid| usize::from(id.as_bytes()[0]) == first;
            if !ids.is_some_and(|ids| ids.iter().all(fits)) {
                return Err("its fan-out table does not fit its object ids");
            }
            begin = *end as usize;
        }
        Ok(())
    }

    /// How many objects the pack holds.
    pub fn len(&self) -> usize {
        self.oids.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.oids.is_empty()
    }

    /// The id of the object at `position`, of [`len`](Self::len), in ascending order of ids.
    pub fn oid(&self, position: usize) -> Oid {
        self.oids[position]
    }

    /// Where in the pack the object at `position` begins, in bytes, as the index says.
    pub fn offset(&self, position: usize) -> u64 {
        self.offsets[position]
    }

    /// CRC-32 of the bytes in the pack of the object at `position`; `None` in version 1.
    pub fn crc(&self, position: usize) -> Option<u32> {
        self.crcs.get(position).copied()
    }

    /// Where in the pack an object begins, if the pack has it.
    pub fn find(&self, oid: Oid) -> Option<u64> {
        let position = self.oids.binary_search(&oid).ok()?;
        Some(self.offsets[position])
    }

    /// All ids and offsets, in ascending order of ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Oid, u64)> {
        self.oids.iter().copied().zip(self.offsets.iter().copied())
    }

    /// SHA-1 of the pack, as its own trailer should have it.
    pub fn pack_checksum(&self) -> [u8; ID] {
        self.pack_checksum
    }

    /// SHA-1 of the index, which [`open`](Self::open) has found right.
    pub fn checksum(&self) -> [u8; ID] {
        self.checksum
    }

    /// Reads all of the pack, and checks that it has the checksum that the index and its own trailer
    /// have.
    ///
    /// # Errors
    ///
    /// [`Damaged`](forgekeep_failure::ErrorKind::Damaged) or [`Disk`](forgekeep_failure::ErrorKind::Disk), naming the pack;
    /// [`Cancelled`](forgekeep_failure::ErrorKind::Cancelled).
    pub fn verify_pack(&self, pack: &Path, cancel: &Cancel) -> Result<(), Failure> {
        match check_trailer(pack, cancel)? == self.pack_checksum {
            true => Ok(()),
            false => Err(wrong_sum(pack)),
        }
    }
}

/// The offsets of version 2, those that need more than 31 bits from the `long` table.
fn long_offsets(offsets: &[u32], long: &[u8]) -> Result<Vec<u64>, &'static str> {
    let (long, rest) = long.as_chunks::<8>();
    if !rest.is_empty() || long.len() > offsets.len() {
        return Err("its table of long offsets has an impossible length");
    }
    let resolve = |offset: &u32| {
        if offset & IS_LONG == 0 {
            return Some(u64::from(*offset));
        }
        let position = (offset & !IS_LONG) as usize;
        long.get(position).map(|bytes| u64::from_be_bytes(*bytes))
    };
    let offsets: Option<_> = offsets.iter().map(resolve).collect();
    offsets.ok_or("an offset is not in its table of long offsets")
}

/// Takes a table off the front.
fn take<'a>(rest: &mut &'a [u8], width: usize, count: usize) -> Result<&'a [u8], &'static str> {
    let length = width.checked_mul(count);
    let split = length.and_then(|length| rest.split_at_checked(length));
    let (table, after) = split.ok_or("it is too short")?;
    *rest = after;
    Ok(table)
}

fn number(bytes: &[u8]) -> u32 {
    let one = |all, byte: &u8| all << 8 | u32::from(*byte);
    bytes.iter().fold(0, one)
}

fn numbers(table: &[u8]) -> Vec<u32> {
    table.chunks_exact(4).map(number).collect()
}

fn oid(bytes: &[u8]) -> Result<Oid, &'static str> {
    Oid::from_bytes(bytes).map_err(|_| "an object id has a wrong length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An index with these ids and offsets, without its checksum.
    fn made(version: u32, entries: &[([u8; ID], u64)]) -> Vec<u8> {
        let mut body = Vec::new();
        if version != 1 {
            body.extend(MAGIC);
            body.extend(version.to_be_bytes());
        }
        for first in 0..=u8::MAX {
            let count = entries.iter().filter(|(id, _)| id[0] <= first).count();
            body.extend((count as u32).to_be_bytes());
        }
        if version == 1 {
            for (id, offset) in entries {
                body.extend((*offset as u32).to_be_bytes());
                body.extend(id);
            }
        } else {
            let mut long = Vec::new();
            body.extend(entries.iter().flat_map(|(id, _)| id));
            body.extend(entries.iter().flat_map(|_| 7_u32.to_be_bytes()));
            for (_, offset) in entries {
                let short = u32::try_from(*offset).ok().filter(|o| o & IS_LONG == 0);
                let short = short.unwrap_or_else(|| {
                    long.push(*offset);
                    IS_LONG | (long.len() as u32 - 1)
                });
                body.extend(short.to_be_bytes());
            }
            body.extend(long.iter().flat_map(|offset| offset.to_be_bytes()));
        }
        body.extend([9; ID]);
        body
    }

    fn entries(mut all: Vec<([u8; ID], u64)>) -> Vec<([u8; ID], u64)> {
        all.sort_unstable();
        all
    }

    #[test]
    fn disorder_is_damage() {
        let (one, two) = (([1; ID], 12), ([2; ID], 40));
        PackIndex::parse(&made(2, &[one, two]), [0; ID]).unwrap();
        PackIndex::parse(&made(2, &[two, one]), [0; ID]).unwrap_err();
        PackIndex::parse(&made(3, &[one, two]), [0; ID]).unwrap_err();
        let mut fanout = made(2, &[one, two]);
        // One object before 01, says the table.
        fanout[8 + 3] = 1;
        PackIndex::parse(&fanout, [0; ID]).unwrap_err();
        let mut long = made(2, &[one, ([2; ID], 1 << 33)]);
        let position = long.len() - ID - 8 - 1;
        // The second of one long offset.
        long[position] = 1;
        PackIndex::parse(&long, [0; ID]).unwrap_err();
    }

    #[test]
    fn a_wrong_checksum_is_damage_and_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pack-1.idx");
        let mut file = made(2, &[([1; ID], 12)]);
        let sum = Sha1::digest(&file);
        file.extend(sum);
        fs::write(&path, &file).unwrap();
        assert_eq!(PackIndex::open(&path).unwrap().len(), 1);
        // In the table of CRCs, which says nothing about its own form.
        file[8 + 1024 + ID] ^= 1;
        fs::write(&path, &file).unwrap();
        let failure = PackIndex::open(&path).unwrap_err();
        assert_eq!(failure.kind, forgekeep_failure::ErrorKind::Damaged);
        assert!(failure.message.contains("pack-1.idx"), "{failure}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            all in proptest::collection::vec((any::<[u8; ID]>(), any::<u64>()), 0..40)
        ) {
            let all = entries(all);
            let index = PackIndex::parse(&made(2, &all), [0; ID]).unwrap();
            let read: Vec<_> = index.iter().collect();
            let made: Vec<_> = all
                .iter()
                .map(|(id, offset)| (Oid::from_bytes(id).unwrap(), *offset))
                .collect();
            prop_assert_eq!(read, made);
            prop_assert_eq!(index.pack_checksum(), [9; ID]);
            prop_assert!((0..index.len()).all(|position| index.crc(position) == Some(7)));
        }

        #[test]
        fn version_1_is_read(
            all in proptest::collection::vec((any::<[u8; ID]>(), any::<u32>()), 0..40)
        ) {
            let all = entries(all.into_iter().map(|(id, at)| (id, at.into())).collect());
            let index = PackIndex::parse(&made(1, &all), [0; ID]).unwrap();
            let offsets: Vec<_> = index.iter().map(|(_, offset)| offset).collect();
            prop_assert_eq!(offsets, all.iter().map(|(_, at)| *at).collect::<Vec<_>>());
            prop_assert!((0..index.len()).all(|position| index.crc(position).is_none()));
        }

        #[test]
        fn any_bytes_are_survived(
            bytes in proptest::collection::vec(any::<u8>(), 0..3000),
            all in proptest::collection::vec((any::<[u8; ID]>(), any::<u64>()), 0..20),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let _ = PackIndex::parse(&bytes, [0; ID]);
            let mut body = made(2, &entries(all));
            for (at, byte) in changes {
                let at = at.index(body.len());
                body[at] = byte;
            }
            let _ = PackIndex::parse(&body, [0; ID]);
            body.truncate(cut.index(body.len()));
            let _ = PackIndex::parse(&body, [0; ID]);
        }
    }
}
