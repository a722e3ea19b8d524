//! The entries of a pack, in their order: 17 bytes for each, and 24 for one whose base is named by its id.

use git2::{ObjectType, Oid};

use crate::Unsound;
use crate::entry::{Base, EntryHeader};

/// Where an entry is in its [`Table`].
pub(crate) type Position = u32;

/// No base, or none that is known by its place.
const NONE: Position = Position::MAX;

/// The entries of a pack.
#[derive(Default)]
pub struct Table {
    offsets: Vec<u64>,
    kinds: Vec<u8>,
    bases: Vec<Position>,
    /// What is made from an object that is named by its id; in the order of those once it is sealed.
    named: Vec<(Oid, Position)>,
    /// Where the last entry ends.
    end: u64,
}

impl Table {
    /// Adds the entry that begins at `offset`, behind all others.
    pub(crate) fn push(&mut self, offset: u64, header: &EntryHeader) -> Result<Position, Unsound> {
        let position = Position::try_from(self.offsets.len()).ok();
        let position = position.filter(|position| *position != NONE);
        let position = position.ok_or(Unsound::Invalid("it has too many objects"))?;
        let mut of_base = NONE;
        match header.base {
            Base::None => {}
            Base::Distance(distance) => {
                let base = offset.checked_sub(distance);
                let found = base.and_then(|base| self.offsets.binary_search(&base).ok());
                let found = found.ok_or(Unsound::Invalid("a delta's base is not in the pack"))?;
                of_base = found as Position;
            }
            Base::Id(oid) => self.named.push((oid, position)),
        }
        self.offsets.push(offset);
        self.kinds.push(header.kind);
        self.bases.push(of_base);
        Ok(position)
    }

    /// There are no more: the last one ends there.
    pub(crate) fn seal(&mut self, end: u64) {
        self.end = end;
        self.named.sort_unstable();
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }

    pub(crate) fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Where an entry begins and ends.
    pub(crate) fn range(&self, position: Position) -> (u64, u64) {
        let at = position as usize;
        let end = self.offsets.get(at + 1).copied().unwrap_or(self.end);
        (self.offsets[at], end)
    }

    /// Where the last one ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The type of an object that is there as a whole.
    pub(crate) fn whole(&self, position: Position) -> Option<ObjectType> {
        object_kind(self.kinds[position as usize])
    }

    /// What is made from an object by its id: where in [`named`](Self::named).
    pub(crate) fn named_by(&self, oid: Oid) -> std::ops::Range<usize> {
        if self.named.is_empty() {
            return 0..0;
        }
        let begin = self.named.partition_point(|(base, _)| *base < oid);
        let length = self.named[begin..].partition_point(|(base, _)| *base == oid);
        begin..begin + length
    }

    pub(crate) fn named(&self) -> &[(Oid, Position)] {
        &self.named
    }

    /// What is made from each entry.
    pub(crate) fn children(&self) -> Children {
        let count = self.bases.len();
        let mut starts: Vec<u32> = vec![0; count + 1];
        // How many objects are made from each, at first or second hand: a base comes before what is made
        // from it, so from the end on all of them are known.
        let mut weights: Vec<u32> = vec![1; count];
        for (at, base) in self.bases.iter().enumerate().rev() {
            let weight = weights[at];
            if let Some(of_base) = weights.get_mut(*base as usize) {
                *of_base = of_base.saturating_add(weight);
                starts[*base as usize + 1] += 1;
            }
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut filled = starts.clone();
        let mut order: Vec<Position> = vec![0; starts[count] as usize];
        for (at, base) in self.bases.iter().enumerate() {
            if let Some(next) = filled.get_mut(*base as usize) {
                order[*next as usize] = at as Position;
                *next += 1;
            }
        }
        drop(filled);
        for at in 0..count {
            let of_one = &mut order[starts[at] as usize..starts[at + 1] as usize];
            of_one.sort_unstable_by_key(|child| weights[*child as usize]);
        }
        Children { starts, order }
    }
}

/// What is made from each entry of a [`Table`] by its place, the one last from which most is made: while that
/// one is at work, its base is needed no longer. So of a tree of n deltas at most log2(n) bases are held.
pub(crate) struct Children {
    starts: Vec<u32>,
    order: Vec<Position>,
}

impl Children {
    /// Where in the order those of one entry are.
    pub(crate) fn of(&self, position: Position) -> std::ops::Range<usize> {
        let at = position as usize;
        self.starts[at] as usize..self.starts[at + 1] as usize
    }

    pub(crate) fn at(&self, place: usize) -> Position {
        self.order[place]
    }
}

/// The numbers that types have in an entry.
pub(crate) fn object_kind(kind: u8) -> Option<ObjectType> {
    match kind {
        1 => Some(ObjectType::Commit),
        2 => Some(ObjectType::Tree),
        3 => Some(ObjectType::Blob),
        4 => Some(ObjectType::Tag),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[Base]) -> Table {
        let mut table = Table::default();
        for (at, base) in entries.iter().enumerate() {
            let header = EntryHeader {
                kind: if *base == Base::None { 3 } else { 6 },
                size: 1,
                base: *base,
            };
            table.push(12 + 10 * at as u64, &header).unwrap();
        }
        table.seal(12 + 10 * entries.len() as u64);
        table
    }

    #[test]
    fn the_child_from_which_most_is_made_comes_last() {
        // 0 ← 1 ← 2, 0 ← 3, 0 ← 4 ← 5 ← 6
        let by = Base::Distance;
        let table = table(&[Base::None, by(10), by(10), by(30), by(40), by(10), by(10)]);
        let children = table.children();
        let of = |at| {
            children
                .of(at)
                .map(|place| children.at(place))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(0), [3, 1, 4]);
        assert_eq!(of(4), [5]);
        assert_eq!(of(6), [0; 0]);
        assert_eq!(table.range(6), (72, 82));
    }

    #[test]
    fn a_base_that_is_no_entry_is_refused() {
        let mut table = table(&[Base::None]);
        for distance in [5, 100] {
            let header = EntryHeader {
                kind: 6,
                size: 1,
                base: Base::Distance(distance),
            };
            assert!(table.push(22, &header).is_err());
        }
    }
}
