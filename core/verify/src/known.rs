//! Whether an object is listed anywhere, asked for each link of each tree: millions of times.

use git2::Oid;

/// Ids in order, with a table that says where those of each beginning are.
pub(super) struct Known<'a> {
    oids: &'a [Oid],
    /// Bits of an id that the table goes by.
    bits: u32,
    /// Where the ids of each beginning start; one more at the end.
    starts: Vec<usize>,
}

impl<'a> Known<'a> {
    /// `oids` have to be in order.
    pub(super) fn new(oids: &'a [Oid]) -> Self {
        // Some four ids for each beginning.
        let bits = (oids.len() / 4).max(1).ilog2().clamp(1, 24);
        let mut known = Self {
            oids,
            bits,
            starts: Vec::with_capacity((1 << bits) + 1),
        };
        for (at, oid) in oids.iter().enumerate() {
            let begin = known.begin(*oid);
            while known.starts.len() <= begin {
                known.starts.push(at);
            }
        }
        known.starts.resize((1 << bits) + 1, oids.len());
        known
    }

    fn begin(&self, oid: Oid) -> usize {
        let first = oid.as_bytes().first_chunk::<4>().copied();
        (u32::from_be_bytes(first.unwrap_or_default()) >> (32 - self.bits)) as usize
    }

    pub(super) fn has(&self, oid: Oid) -> bool {
        let begin = self.begin(oid);
        let range = self.starts[begin]..self.starts[begin + 1];
        let oids = &self.oids[range];
        match oids.len() {
            ..16 => oids.contains(&oid),
            // Somebody has made many that begin alike.
            _ => oids.binary_search(&oid).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_nothing_else() {
        let id = |number: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            bytes[19] = 1;
            Oid::from_bytes(&bytes).unwrap()
        };
        for count in [0, 1, 2, 9, 1000, 5000] {
            let mut oids: Vec<Oid> = (0..count).map(id).collect();
            oids.extend([Oid::ZERO_SHA1, Oid::from_bytes(&[0xff; 20]).unwrap()]);
            oids.sort_unstable();
            let known = Known::new(&oids);
            assert!(oids.iter().all(|oid| known.has(*oid)));
            assert!(!(count..2 * count + 10).any(|number| known.has(id(number))));
        }
        assert!(!Known::new(&[]).has(Oid::ZERO_SHA1));
    }
}
