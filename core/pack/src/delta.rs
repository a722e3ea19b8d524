//! A delta, applied to its base. gitformat-pack(5), "Deltified representation".

/// Sizes of base and result, and where the instructions begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaHeader {
    /// Bytes of the base.
    pub base: u64,
    /// Bytes of the result.
    pub result: u64,
    /// Where in the delta the instructions begin.
    pub length: usize,
}

impl DeltaHeader {
    /// Reads it from the beginning of a delta; `None` if it is none.
    pub fn read(delta: &[u8]) -> Option<Self> {
        let mut rest = delta;
        let base = number(&mut rest)?;
        let result = number(&mut rest)?;
        Some(Self {
            base,
            result,
            length: delta.len() - rest.len(),
        })
    }
}

/// A number of seven bits in each byte, the lowest first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    let mut shift = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        if shift > 63 {
            return None;
        }
        number |= u64::from(byte & 127) << shift;
        shift += 7;
        if byte & 128 == 0 {
            return Some(number);
        }
    }
}

/// Carries out the instructions. `None` if they do not make exactly `result`.
pub(crate) fn apply(base: &[u8], mut instructions: &[u8], result: &mut [u8]) -> Option<()> {
    let mut at = 0_usize;
    while let Some((&op, mut rest)) = instructions.split_first() {
        let piece = if op & 128 == 0 {
            // 0 is reserved.
            let (literal, after) = rest.split_at_checked(usize::from(op)).filter(|_| op > 0)?;
            rest = after;
            literal
        } else {
            let mut argument = |bits: u8, count: u8| {
                let mut value = 0_usize;
                for byte in (0..count).filter(|byte| bits >> byte & 1 == 1) {
                    let (&more, after) = rest.split_first()?;
                    rest = after;
                    value |= usize::from(more) << (8 * byte);
                }
                Some(value)
            };
            let offset = argument(op & 15, 4)?;
            let size = argument(op >> 4 & 7, 3)?;
            let size = if size == 0 { 0x1_0000 } else { size };
            base.get(offset..)?.get(..size)?
        };
        let end = at.checked_add(piece.len())?;
        result.get_mut(at..end)?.copy_from_slice(piece);
        at = end;
        instructions = rest;
    }
    (at == result.len()).then_some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn copies_and_literals_make_the_result() {
        let base: Vec<u8> = (0..=255).cycle().take(0x2_0000).collect();
        // A copy of 65,536 bytes from 1, one of 3 from 0x1_0002, and two bytes.
        let delta = [128 | 1, 1, 128 | 1 | 4 | 16, 2, 1, 3, 2, 9, 8];
        let mut result = vec![0; 0x1_0000 + 3 + 2];
        apply(&base, &delta, &mut result).unwrap();
        assert_eq!(result[..0x1_0000], base[1..=0x1_0000]);
        assert_eq!(result[0x1_0000..], [2, 3, 4, 9, 8]);
        let short = result.len() - 1;
        assert!(apply(&base, &delta, &mut result[..short]).is_none());
        result.push(0);
        assert!(apply(&base, &delta, &mut result).is_none());
    }

    #[test]
    fn what_is_behind_the_base_and_what_is_reserved_is_refused() {
        assert!(apply(&[1; 4], &[128 | 1 | 16, 2, 3], &mut [0; 3]).is_none());
        assert!(apply(&[1; 4], &[0], &mut []).is_none());
        assert!(apply(&[1; 4], &[5, 1], &mut [0; 5]).is_none());
        assert!(apply(&[1; 4], &[128 | 1], &mut [0; 3]).is_none());
    }

    #[test]
    fn sizes_are_read_and_endless_ones_survived() {
        let header = DeltaHeader::read(&[0x80, 0x01, 5, 7]).unwrap();
        assert_eq!((header.base, header.result, header.length), (128, 5, 3));
        assert_eq!(DeltaHeader::read(&[0xff; 30]), None);
        assert_eq!(DeltaHeader::read(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            base in proptest::collection::vec(any::<u8>(), 0..300),
            delta in proptest::collection::vec(any::<u8>(), 0..60),
            size in 0..2000_usize,
        ) {
            let _ = apply(&base, &delta, &mut vec![0; size]);
            let _ = DeltaHeader::read(&delta);
        }
    }
}
