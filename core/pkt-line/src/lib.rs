//! Git's packets: four hex digits of length, which counts them too, and that much data.
//! gitprotocol-common(5).
//!
//! Whoever speaks git's protocol here, as a client or as a server, in the product or in its tests, reads
//! and writes its packets with this.

use std::io::{self, Read};

/// The packet that ends a section.
pub const FLUSH: &[u8] = b"0000";

/// The most data that one packet may hold.
pub const LONGEST: usize = 65_516;

/// Adds a packet; the data must not be longer than [`LONGEST`].
pub fn push(out: &mut Vec<u8>, data: impl AsRef<[u8]>) {
    let data = data.as_ref();
    debug_assert!(data.len() <= LONGEST);
    out.extend(format!("{:04x}", data.len() + 4).into_bytes());
    out.extend(data);
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A packet's data, which may be empty.
    Data(&'a [u8]),
    /// The end of a section.
    Flush,
    /// The end of it all, where a packet could have begun.
    End,
    /// Four bytes that are no length.
    Other([u8; 4]),
}

impl<'a> Packet<'a> {
    /// The data without its line feed.
    #[must_use]
    pub fn line(data: &'a [u8]) -> &'a [u8] {
        data.strip_suffix(b"\n").unwrap_or(data)
    }
}

/// Reads packets, and not a byte more.
#[derive(Debug)]
pub struct Packets<R> {
    reader: R,
    data: Vec<u8>,
}

impl<R: Read> Packets<R> {
    /// Reads from here.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            data: Vec::new(),
        }
    }

    /// The next packet.
    ///
    /// # Errors
    ///
    /// An end in the middle of a packet, and what the reader says.
    #[allow(
        clippy::should_implement_trait,
        reason = "what it returns borrows from it"
    )]
    pub fn next(&mut self) -> io::Result<Packet<'_>> {
        let mut head = [0; 4];
        let mut read = 0;
        while read < head.len() {
            match self.reader.read(&mut head[read..]) {
                Ok(0) if read == 0 => return Ok(Packet::End),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let length = match length(head) {
            Some(0) => return Ok(Packet::Flush),
            Some(length @ 4..) => length - 4,
            _ => return Ok(Packet::Other(head)),
        };
        self.data.resize(length, 0);
        self.reader.read_exact(&mut self.data)?;
        Ok(Packet::Data(&self.data))
    }

    /// What follows the last packet.
    #[must_use]
    pub fn into_rest(self) -> R {
        self.reader
    }
}

fn length(head: [u8; 4]) -> Option<usize> {
    // `from_str_radix` would take a sign.
    let digits = head.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(&head).ok().filter(|_| digits)?;
    usize::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives at most so many bytes at once.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            (&mut self.0).take(length as u64).read(buffer)
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_whatever_pieces_it_comes(
            all in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
            piece in 1usize..50,
        ) {
            let mut out = Vec::new();
            for data in &all {
                push(&mut out, data);
            }
            out.extend(FLUSH);
            out.extend(b"PACK");
            let mut packets = Packets::new(Pieces(&out, piece));
            for data in &all {
                prop_assert_eq!(packets.next().unwrap(), Packet::Data(data));
            }
            prop_assert_eq!(packets.next().unwrap(), Packet::Flush);
            prop_assert_eq!(packets.next().unwrap(), Packet::Other(*b"PACK"));
            prop_assert_eq!(packets.next().unwrap(), Packet::End);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut packets = Packets::new(&bytes[..]);
            while let Ok(Packet::Data(_) | Packet::Flush | Packet::Other(_)) = packets.next() {}
        }
    }

    #[test]
    fn a_cut_is_an_error_and_an_odd_length_is_none() {
        for cut in [&b"00"[..], b"0008ab"] {
            assert!(Packets::new(cut).next().is_err());
        }
        assert_eq!(
            Packets::new(&b"0004"[..]).next().unwrap(),
            Packet::Data(b"")
        );
        for odd in [b"0001", b"0003", b"+00a", b"zzzz"] {
            assert_eq!(Packets::new(&odd[..]).next().unwrap(), Packet::Other(*odd));
        }
    }

    #[test]
    fn reads_what_was_pushed_and_leaves_the_rest() {
        let mut bytes = Vec::new();
        push(&mut bytes, "hello\n");
        bytes.extend(FLUSH);
        assert_eq!(bytes, b"000ahello\n0000");
        bytes.extend(b"PACK");
        let mut packets = Packets::new(&bytes[..]);
        let Packet::Data(data) = packets.next().unwrap() else {
            panic!("no data");
        };
        assert_eq!((data, Packet::line(data)), (&b"hello\n"[..], &b"hello"[..]));
        assert_eq!(packets.next().unwrap(), Packet::Flush);
        assert_eq!(packets.into_rest(), b"PACK");
    }
}
