//! Which copy of which object goes into the new pack, and in which order.

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use git2::Oid;

use super::folder::{Loose, Pack};
use forgekeep_pack::PackIndex;
use forgekeep_pack::damaged;
use forgekeep_pack::entry::{Base, HEADER, PackReader};

/// Longest chain of deltas to an object: git's default (`--depth` in git-pack-objects(1)), as each
/// link costs the reader.
const DEEPEST: u8 = 50;

/// Stands for "none" among numbers of objects, and for "loose" among those of packs.
const NONE: u32 = u32::MAX;

/// An object as it is found in one of the packs, or loose.
#[derive(Clone, Copy)]
pub(super) struct StoredCopy {
    /// Where its entry begins and ends in its pack; for a loose one, 0 and the size of its file.
    pub offset: u64,
    pub end: u64,
    pub crc: u32,
    /// Number of its object.
    pub object: u32,
    pack: u32,
    base: u32,
}

impl StoredCopy {
    /// Number of its pack; `None` if it is loose.
    pub(super) fn pack(&self) -> Option<usize> {
        (self.pack != NONE).then_some(self.pack as usize)
    }

    /// Number of the object it is a delta to; its own, if that one is not in the new pack.
    pub(super) fn base(&self) -> Option<u32> {
        (self.base != NONE).then_some(self.base)
    }
}

/// One object to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Number of the copy.
    pub copy: u32,
    /// Read and compress the object, as no copy of it can be used.
    pub recompress: bool,
}

/// What to write.
pub(super) struct Plan<'a> {
    pub packs: &'a [&'a Pack],
    /// By number of pack: whether the CRCs of its copies are known.
    pub has_crcs: Vec<bool>,
    /// Ids by number of object, in ascending order: those of the new pack.
    pub oids: Vec<Oid>,
    pub copies: Vec<StoredCopy>,
    /// One for each object, bases before their deltas.
    pub steps: Vec<Step>,
    /// Objects left out because they shall not be kept.
    pub dropped: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn make(
        packs: &'a [&'a Pack],
        loose: &[Loose],
        keep: &dyn Fn(Oid) -> bool,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        let mut indexes = Vec::new();
        for pack in packs {
            cancel.check()?;
            indexes.push(PackIndex::open(&pack.index)?);
        }
        let packed = indexes.iter().flat_map(|index| index.iter());
        let mut oids: Vec<Oid> = packed.map(|(oid, _)| oid).collect();
        oids.extend(loose.iter().map(|loose| loose.oid));
        if oids.len() >= NONE as usize {
            return Err(Failure::new(
                ErrorKind::Other,
                format!("{} objects are too many for one pack", oids.len()),
            ));
        }
        oids.sort_unstable();
        oids.dedup();
        let all = oids.len();
        oids.retain(|oid| keep(*oid));
        let mut plan = Self {
            packs,
            has_crcs: Vec::new(),
            dropped: all - oids.len(),
            oids,
            copies: Vec::new(),
            steps: Vec::new(),
        };
        for (pack, index) in indexes.into_iter().enumerate() {
            cancel.check()?;
            plan.has_crcs
                .push(index.is_empty() || index.crc(0).is_some());
            plan.add_pack(pack, &index, cancel)?;
        }
        for loose in loose {
            if let Some(object) = plan.number(loose.oid) {
                plan.copies.push(StoredCopy {
                    offset: 0,
                    end: loose.size,
                    crc: 0,
                    object,
                    pack: NONE,
                    base: NONE,
                });
            }
        }
        plan.steps = Chooser::new(plan.oids.len(), &plan.copies).choose_all();
        Ok(plan)
    }

    /// The number of an object, if it goes into the new pack.
    fn number(&self, oid: Oid) -> Option<u32> {
        let found = self.oids.binary_search(&oid).ok();
        found.map(|number| number as u32)
    }

    fn add_pack(&mut self, pack: usize, index: &PackIndex, cancel: &Cancel) -> Result<(), Failure> {
        let path = &self.packs[pack].path;
        let mut reader = PackReader::open(path)?;
        let mut end = reader.check(index)?;
        // From the last entry to the first, as each ends where the next begins.
        let mut positions: Vec<u32> = (0..index.len() as u32).collect();
        positions.sort_unstable_by_key(|position| index.offset(*position as usize));
        let mut ends = vec![0; positions.len()];
        for (entry, position) in positions.iter().enumerate().rev() {
            let offset = index.offset(*position as usize);
            if offset < HEADER || offset >= end {
                return Err(damaged(path, "its index has impossible offsets"));
            }
            ends[entry] = end;
            end = offset;
        }
        for (entry, position) in positions.iter().enumerate() {
            if entry % 1024 == 0 {
                cancel.check()?;
            }
            let position = *position as usize;
            let Some(object) = self.number(index.oid(position)) else {
                continue;
            };
            let offset = index.offset(position);
            let header = reader.header(offset, ends[entry])?;
            let base = match header.base {
                Base::None => None,
                Base::Id(id) => Some(id),
                Base::Distance(distance) => {
                    let offset = offset.wrapping_sub(distance);
                    let key = |position: &u32| index.offset(*position as usize);
                    let found = positions.binary_search_by_key(&offset, key).ok();
                    let found = found.filter(|base| *base < entry);
                    let found = found.map(|base| index.oid(positions[base] as usize));
                    let why = "a delta's base is not an entry before it";
                    Some(found.ok_or_else(|| damaged(path, why))?)
                }
            };
            let base = match base {
                None => NONE,
                // A delta to what will not be there is of no use, like one to itself.
                Some(base) => match self.number(base) {
                    Some(base) => base,
                    None => object,
                },
            };
            self.copies.push(StoredCopy {
                offset,
                end: ends[entry],
                crc: index.crc(position).unwrap_or_default(),
                object,
                pack: pack as u32,
                base,
            });
        }
        Ok(())
    }
}

/// How far the choice for an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChoiceState {
    New,
    /// Its base is being chosen. A delta to it would close a circle: two packs can hold two objects
    /// as deltas to each other.
    Open,
    /// Chosen: so many deltas lie between it and a whole object.
    Done(u8),
}

struct Chooser<'a> {
    copies: &'a [StoredCopy],
    /// Numbers of copies by object, the smallest copy first.
    candidates: Vec<u32>,
    /// Where in `candidates` an object's begin.
    begins: Vec<u32>,
    states: Vec<ChoiceState>,
    steps: Vec<Step>,
}

impl<'a> Chooser<'a> {
    fn new(objects: usize, copies: &'a [StoredCopy]) -> Self {
        let mut candidates: Vec<u32> = (0..copies.len() as u32).collect();
        candidates.sort_unstable_by_key(|number| {
            let copy = &copies[*number as usize];
            // A loose one has to be compressed again, whatever its size.
            (
                copy.object,
                copy.pack == NONE,
                copy.end - copy.offset,
                *number,
            )
        });
        let mut begins = vec![0; objects + 1];
        for copy in copies {
            begins[copy.object as usize + 1] += 1;
        }
        for object in 0..objects {
            begins[object + 1] += begins[object];
        }
        Self {
            copies,
            candidates,
            begins,
            states: vec![ChoiceState::New; objects],
            steps: Vec::with_capacity(objects),
        }
    }

    /// In the order of the copies, but each base before its deltas.
    fn choose_all(mut self) -> Vec<Step> {
        let copies = self.copies;
        // A stack of ours: a chain of deltas may be longer than the thread's stack is deep.
        let mut open = Vec::new();
        for first in copies {
            if self.states[first.object as usize] == ChoiceState::New {
                open.push(first.object);
            }
            while let Some(&object) = open.last() {
                let (step, depth) = match self.choose(object) {
                    Choice::Needs(base) => {
                        self.states[object as usize] = ChoiceState::Open;
                        open.push(base);
                        continue;
                    }
                    Choice::Is(step, depth) => (step, depth),
                };
                self.states[object as usize] = ChoiceState::Done(depth);
                self.steps.push(step);
                open.pop();
            }
        }
        self.steps
    }

    fn choose(&self, object: u32) -> Choice {
        let place = object as usize;
        let (begin, end) = (self.begins[place] as usize, self.begins[place + 1] as usize);
        let candidates = &self.candidates[begin..end];
        for &number in candidates {
            let copy = &self.copies[number as usize];
            let recompress = copy.pack == NONE;
            let step = Step {
                copy: number,
                recompress,
            };
            let Some(base) = copy.base() else {
                return Choice::Is(step, 0);
            };
            match self.states[base as usize] {
                ChoiceState::New if base != object => return Choice::Needs(base),
                ChoiceState::Done(depth) if depth < DEEPEST => return Choice::Is(step, depth + 1),
                _ => {}
            }
        }
        // Every object has a copy, as it was found by one.
        let copy = candidates.first().copied().unwrap_or_default();
        Choice::Is(
            Step {
                copy,
                recompress: true,
            },
            0,
        )
    }
}

enum Choice {
    /// That base has to be chosen first.
    Needs(u32),
    /// This, so deep.
    Is(Step, u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(object: u32, pack: u32, base: u32, size: u64) -> StoredCopy {
        StoredCopy {
            offset: 12,
            end: 12 + size,
            crc: 0,
            object,
            pack,
            base,
        }
    }

    fn chosen(objects: usize, copies: &[StoredCopy]) -> Vec<(u32, bool)> {
        let steps = Chooser::new(objects, copies).choose_all();
        assert_eq!(steps.len(), objects);
        let steps = steps.iter().map(|step| (step.copy, step.recompress));
        steps.collect()
    }

    #[test]
    fn the_smallest_copy_is_chosen_and_its_base_comes_first() {
        let copies = [
            copy(0, 0, NONE, 100),
            copy(0, 1, 1, 5),
            copy(1, 1, NONE, 90),
        ];
        assert_eq!(chosen(2, &copies), [(2, false), (1, false)]);
    }

    #[test]
    fn a_circle_of_deltas_across_packs_is_cut() {
        // Each pack has one whole and the other as a delta to it.
        let whole = [
            copy(0, 0, NONE, 90),
            copy(1, 0, 0, 5),
            copy(1, 1, NONE, 90),
            copy(0, 1, 1, 5),
        ];
        assert_eq!(chosen(2, &whole), [(2, false), (3, false)]);
        // No whole copy of either: one is read and compressed.
        let none = [copy(0, 0, 1, 5), copy(1, 1, 0, 5)];
        assert_eq!(chosen(2, &none), [(1, true), (0, false)]);
    }

    #[test]
    fn a_delta_without_its_base_is_read_and_compressed_and_a_loose_object_too() {
        assert_eq!(chosen(1, &[copy(0, 0, 0, 5)]), [(0, true)]);
        assert_eq!(chosen(1, &[copy(0, NONE, NONE, 5)]), [(0, true)]);
        let both = [copy(0, NONE, NONE, 5), copy(0, 0, NONE, 90)];
        assert_eq!(chosen(1, &both), [(1, false)]);
    }

    #[test]
    fn chains_are_cut_at_the_longest_and_do_not_overflow_the_stack() {
        let count: u32 = 200_000;
        let mut copies: Vec<_> = (0..count).map(|at| copy(at, 0, at + 1, 5)).collect();
        copies.push(copy(count, 0, NONE, 90));
        let steps = chosen(count as usize + 1, &copies);
        let mut depth = 0;
        for (number, (at, recompress)) in steps.iter().enumerate() {
            assert_eq!(*at, count - number as u32);
            let is_whole = *recompress || *at == count;
            depth = if is_whole { 0 } else { depth + 1 };
            assert!(depth <= u32::from(DEEPEST));
        }
        let recompress = steps.iter().filter(|(_, recompress)| *recompress).count();
        assert_eq!(recompress as u32, count / (u32::from(DEEPEST) + 1));
    }
}
