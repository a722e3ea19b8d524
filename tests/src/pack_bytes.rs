//! How many bytes of packs a server sends: the first band of what is sent side by side, without the frames.
//! gitprotocol-pack(5), "Packfile Data".

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Passes on what is written, and counts.
pub(crate) struct PackBytes<'a, W: ?Sized> {
    out: &'a mut W,
    count: &'a AtomicU64,
    /// The digits of the length that have come so far.
    head: Vec<u8>,
    /// How much of the packet is still to come.
    left: usize,
    /// Whether it is one of the pack's.
    is_pack: bool,
}

/// The first byte of a packet with a part of a pack. No line of text begins with it.
const BAND: u8 = 1;

impl<'a, W: Write + ?Sized> PackBytes<'a, W> {
    pub(crate) fn new(out: &'a mut W, count: &'a AtomicU64) -> Self {
        Self {
            out,
            count,
            head: Vec::with_capacity(5),
            left: 0,
            is_pack: false,
        }
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let now = self.left.min(bytes.len());
                if self.is_pack {
                    self.count.fetch_add(now as u64, Ordering::SeqCst);
                }
                self.left -= now;
                bytes = &bytes[now..];
                continue;
            }
            bytes = rest;
            self.head.push(first);
            if let [digits @ .., band] = &self.head[..]
                && digits.len() == 4
            {
                self.is_pack = *band == BAND;
                self.left = length(digits).saturating_sub(5);
                self.head.clear();
            } else if self.head.len() == 4 && length(&self.head) <= 4 {
                // A flush, a delimiter, or nothing.
                self.head.clear();
            }
        }
    }
}

fn length(digits: &[u8]) -> usize {
    let text = std::str::from_utf8(digits).ok();
    text.and_then(|text| usize::from_str_radix(text, 16).ok())
        .unwrap_or(0)
}

impl<W: Write + ?Sized> Write for PackBytes<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.read(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_packs_are_counted_in_whatever_pieces_they_come() {
        let mut answer =
            b"0008NAK\n0013\x02Counting: 1, 2000d\x01PACKabcd0009\x01wxyz0000".to_vec();
        answer.extend(b"0032aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa HEAD\n00010004");
        for piece in 1..answer.len() {
            let (count, mut out) = (AtomicU64::new(0), Vec::new());
            let mut counting = PackBytes::new(&mut out, &count);
            for piece in answer.chunks(piece) {
                counting.write_all(piece).unwrap();
            }
            assert_eq!(count.into_inner(), 12, "pieces of {piece}");
            assert_eq!(out, answer);
        }
    }
}
