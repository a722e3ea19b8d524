//! Reading what can still be read of a damaged pack. gitformat-pack(5).
//!
//! libgit2 gives up on a pack whose header or trailer is wrong, and on an object whose base is
//! damaged. Here each object stands for itself: what the index says of its place is tried, a base
//! that is damaged is taken from elsewhere, and its id decides.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use forgekeep_failure::Failure;
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Oid};

use crate::links::links;
use crate::packs::PackIndex;
use crate::{libgit2, memory};

/// Bytes of objects that are kept in memory as bases.
const CACHED: usize = 64 * 1024 * 1024;

/// Longest chain of deltas that is followed; git makes them up to 4095 long.
const LONGEST: usize = 4096;

/// Bytes that are read ahead.
const AHEAD: usize = 32 * 1024;

/// An object's type and content.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its type.
    pub kind: ObjectType,
    /// Its content, without the header.
    pub data: Vec<u8>,
}

impl Object {
    /// Whether its bytes have the form of its kind.
    pub fn is_well_formed(&self) -> bool {
        links(self.kind, &self.data, &mut |_| {}).is_some()
    }
}

/// A damaged pack, with an index that is sound.
pub struct Torn<'a> {
    path: PathBuf,
    file: BufReader<File>,
    /// What the machine could not do, other than read what is damaged.
    trouble: Option<Failure>,
    length: u64,
    index: &'a PackIndex,
    /// Positions in the index, by offset.
    by_offset: Vec<(u64, usize)>,
    cache: HashMap<Oid, Object>,
    cached: usize,
}

enum PackEntry {
    Whole(Object),
    Delta(Oid, Vec<u8>),
}

impl<'a> Torn<'a> {
    /// Opens a pack.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn open(pack: &Path, index: &'a PackIndex) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::disk("read", pack, &error);
        let file = File::open(pack).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let offsets = (0..index.len()).map(|position| (index.offset(position), position));
        let mut by_offset: Vec<_> = offsets.collect();
        by_offset.sort_unstable();
        Ok(Self {
            path: pack.to_owned(),
            trouble: None,
            file: BufReader::with_capacity(AHEAD, file),
            length,
            index,
            by_offset,
            cache: HashMap::new(),
            cached: 0,
        })
    }

    /// The objects it should hold, in the order of the pack: neighbours share bases.
    pub fn oids(&self) -> Vec<Oid> {
        let oids = self.by_offset.iter();
        oids.map(|(_, position)| self.index.oid(*position))
            .collect()
    }

    /// An object, if its bytes can be told. `elsewhere` is asked for bases that are damaged.
    ///
    /// # Errors
    ///
    /// The machine could not read it, or `elsewhere` could not: nothing follows about the object.
    pub fn read(
        &mut self,
        oid: Oid,
        elsewhere: &dyn Fn(Oid) -> Result<Option<Object>, Failure>,
    ) -> Result<Option<Object>, Failure> {
        let object = self.resolve(oid, elsewhere)?;
        match self.trouble.take() {
            Some(failure) if object.is_none() => Err(failure),
            _ => Ok(object),
        }
    }

    fn resolve(
        &mut self,
        oid: Oid,
        elsewhere: &dyn Fn(Oid) -> Result<Option<Object>, Failure>,
    ) -> Result<Option<Object>, Failure> {
        let mut deltas = Vec::new();
        let mut now = oid;
        let mut object = loop {
            if let Some(cached) = self.cache.get(&now) {
                break Some(cached.clone());
            }
            if deltas.len() > LONGEST {
                return Ok(None);
            }
            match self.entry_of(now) {
                Some(PackEntry::Delta(base, delta)) => {
                    deltas.push((now, delta));
                    now = base;
                }
                Some(PackEntry::Whole(object)) if is(&object, now) => break Some(object),
                // Of the wanted object itself there is no other copy worth having.
                _ if now == oid => return Ok(None),
                _ => break elsewhere(now)?,
            }
        };
        if let Some(object) = &object {
            self.remember(now, object);
        }
        while let Some((of, delta)) = deltas.pop() {
            let is_granted = result_of(&delta).is_none_or(|size| self.is_granted(size));
            let made = object.filter(|_| is_granted).and_then(|base| {
                let data = apply(&base.data, &delta)?;
                let kind = base.kind;
                Some(Object { kind, data })
            });
            object = made.filter(|object| is(object, of));
            if object.is_none() && of != oid {
                object = elsewhere(of)?;
            }
            if let Some(object) = &object {
                self.remember(of, object);
            }
        }
        Ok(object)
    }

    fn remember(&mut self, oid: Oid, object: &Object) {
        if self.cached > CACHED {
            self.cache.clear();
            self.cached = 0;
        }
        if object.data.len() < CACHED / 4 && self.cache.insert(oid, object.clone()).is_none() {
            self.cached += object.data.len();
        }
    }

    fn entry_of(&mut self, oid: Oid) -> Option<PackEntry> {
        let found = self.position(oid)?;
        self.entry(self.index.offset(found))
    }

    fn position(&self, oid: Oid) -> Option<usize> {
        let (mut low, mut high) = (0, self.index.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.index.oid(middle).cmp(&oid) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    fn at(&self, offset: u64) -> Option<Oid> {
        let found = self
            .by_offset
            .binary_search_by_key(&offset, |entry| entry.0);
        Some(self.index.oid(self.by_offset.get(found.ok()?)?.1))
    }

    fn entry(&mut self, offset: u64) -> Option<PackEntry> {
        let sought = self.file.seek(SeekFrom::Start(offset));
        self.done(sought)?;
        let mut byte = self.byte()?;
        let kind = (byte >> 4) & 7;
        let mut size = u64::from(byte & 15);
        let mut shift = 4;
        while byte & 128 != 0 {
            byte = self.byte()?;
            if shift > 56 {
                return None;
            }
            size |= u64::from(byte & 127) << shift;
            shift += 7;
        }
        let base = match kind {
            6 => {
                let mut distance = 0_u64;
                loop {
                    let byte = self.byte()?;
                    distance = distance.checked_mul(128)? | u64::from(byte & 127);
                    if byte & 128 == 0 {
                        break;
                    }
                    distance = distance.checked_add(1)?;
                }
                Some(self.at(offset.checked_sub(distance)?)?)
            }
            7 => {
                let mut id = [0; 20];
                let read = self.file.read_exact(&mut id);
                self.done(read)?;
                Some(Oid::from_bytes(&id).ok()?)
            }
            _ => None,
        };
        let data = self.inflate(size)?;
        let kind = match (kind, base) {
            (_, Some(base)) => return Some(PackEntry::Delta(base, data)),
            (1, _) => ObjectType::Commit,
            (2, _) => ObjectType::Tree,
            (3, _) => ObjectType::Blob,
            (4, _) => ObjectType::Tag,
            _ => return None,
        };
        Some(PackEntry::Whole(Object { kind, data }))
    }

    fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        let read = self.file.read_exact(&mut byte);
        self.done(read)?;
        Some(byte[0])
    }

    /// What was read; and if it is the machine that could not, that is remembered.
    fn done<T>(&mut self, read: io::Result<T>) -> Option<T> {
        read.inspect_err(|error| {
            let failure = Failure::disk("read", &self.path, error);
            if failure.is_of_machine() {
                self.trouble.get_or_insert(failure);
            }
        })
        .ok()
    }

    /// Whether so many bytes may be held; that they may not is remembered.
    fn is_granted(&mut self, size: u64) -> bool {
        let Some(why) = memory::refusal(size, memory::limit()) else {
            return true;
        };
        let message = format!("an object in {} cannot be read: {why}", self.path.shown());
        let failure = libgit2::too_large(message, &why);
        self.trouble.get_or_insert(failure);
        false
    }

    /// What is said about the length may be damaged, too: no memory is taken on its word.
    fn inflate(&mut self, size: u64) -> Option<Vec<u8>> {
        // Deflate makes at most a thousandfold of anything.
        if size > self.length.saturating_mul(1100) || !self.is_granted(size) {
            return None;
        }
        let mut data = Vec::new();
        let inflated = ZlibDecoder::new(&mut self.file);
        let read = inflated.take(size.checked_add(1)?).read_to_end(&mut data);
        self.done(read)?;
        (data.len() as u64 == size).then_some(data)
    }
}

/// Whether an object has an id.
pub fn is(object: &Object, oid: Oid) -> bool {
    Oid::hash_object(object.kind, &object.data).is_ok_and(|hash| hash == oid)
}

/// How large what a delta makes is, by its own word.
fn result_of(delta: &[u8]) -> Option<u64> {
    let mut rest = delta;
    length(&mut rest)?;
    length(&mut rest)
}

/// Applies a delta: gitformat-pack(5), "Deltified representation". `None` if it is none for this
/// base.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    if length(&mut rest)? != base.len() as u64 {
        return None;
    }
    let wanted = usize::try_from(length(&mut rest)?).ok()?;
    let mut data = Vec::new();
    while let Some((code, after)) = rest.split_first() {
        rest = after;
        if code & 128 == 0 {
            // So many bytes follow; 0 is reserved.
            let (new, after) = rest
                .split_at_checked(usize::from(*code))
                .filter(|_| *code != 0)?;
            data.extend_from_slice(new);
            rest = after;
        } else {
            let mut part = |bits: std::ops::Range<u8>| {
                let mut value = 0_usize;
                for (place, bit) in bits.enumerate() {
                    if code & (1 << bit) != 0 {
                        let (byte, after) = rest.split_first()?;
                        value |= usize::from(*byte) << (8 * place);
                        rest = after;
                    }
                }
                Some(value)
            };
            let offset = part(0..4)?;
            let size = match part(4..7)? {
                0 => 0x10000,
                size => size,
            };
            data.extend_from_slice(base.get(offset..offset.checked_add(size)?)?);
        }
        if data.len() > wanted {
            return None;
        }
    }
    (data.len() == wanted).then_some(data)
}

fn length(rest: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(value);
        }
        shift += 7;
        if shift > 56 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_delta_copies_and_inserts() {
        let base = b"one two three";
        // 13 bytes become 9: copy 4 from 4, insert "xyz", copy 2 from 0.
        let delta = [13, 9, 0x91, 4, 4, 3, b'x', b'y', b'z', 0x90, 2];
        assert_eq!(apply(base, &delta).unwrap(), b"two xyzon");
        assert_eq!(apply(b"another length", &delta), None);
        assert_eq!(apply(base, &delta[..delta.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            base in proptest::collection::vec(any::<u8>(), 0..20),
            delta in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = apply(&base, &delta);
            let mut fitting = vec![base.len() as u8, 10];
            fitting.extend(delta);
            let _ = apply(&base, &fitting);
        }
    }
}
