//! Frames: how host and worker talk over two pipes. Both ends are the same binary, so nothing of this
//! is frozen.
//!
//! A frame begins with the length of what follows; then kind, status, the lengths of its three parts,
//! the call that it belongs to and an item of that, and the parts: a method's name, a document, a
//! body. Every length is checked before anything is read or reserved for it.

use std::io::{self, Read, Write};

use crate::broken::FrameFault;
use crate::limits::{MOST_BODY, MOST_DOCUMENT, MOST_METHOD};

/// Bytes before the parts, its length among them.
const HEAD: usize = 32;

/// Bytes of what the worker says of itself, and not the plugin.
pub(crate) const MOST_OWN: usize = 64 << 10;

/// Up to here a frame is put together before it is written.
const SMALL: usize = 64 << 10;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Host: begin. Method: the build; document: [`crate::start::Start`]; body: the plugin's path.
    Start = 1,
    /// Worker: the plugin is loaded. Document: [`crate::start::Started`].
    Started = 2,
    /// Worker: it will not be. Document: [`crate::start::Refusal`].
    Refused = 3,
    /// Host: a call. Item: the object.
    Call = 4,
    /// Worker: its answer.
    Answered = 5,
    /// Worker: the plugin broke a rule in it. Document: [`crate::broken::Rule`].
    Broke = 6,
    /// Host: an object is no longer needed. Item: the object.
    Drop = 7,
    /// Worker: it is dropped.
    Dropped = 8,
    /// Worker: a request of the plugin. Item: its number.
    Ask = 9,
    /// Host: what is answered to it. Item: its number.
    Served = 10,
    /// Worker: from now on the confinement is this. Document: [`crate::Confinement`].
    Sealed = 11,
}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        use Kind::*;

        let all = [
            Start, Started, Refused, Call, Answered, Broke, Drop, Dropped, Ask, Served, Sealed,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A frame to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) kind: Kind,
    /// Of the ABI, where something is answered.
    pub(crate) status: u8,
    pub(crate) call: u64,
    pub(crate) item: u64,
    pub(crate) method: &'a str,
    pub(crate) doc: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Outgoing<'_> {
    /// One without parts.
    pub(crate) fn bare(kind: Kind, call: u64, item: u64) -> Self {
        Self {
            kind,
            status: 0,
            call,
            item,
            method: "",
            doc: &[],
            body: &[],
        }
    }

    /// Writes it as a whole. Its parts are within their limits: whoever makes one sees to that.
    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let method = u16::try_from(self.method.len()).map_err(too_long)?;
        let doc = u32::try_from(self.doc.len()).map_err(too_long)?;
        let body = u32::try_from(self.body.len()).map_err(too_long)?;
        let parts = self.method.len() + self.doc.len() + self.body.len();
        let length = u32::try_from(HEAD - 4 + parts).map_err(too_long)?;
        let is_small = parts <= SMALL;
        let mut head = Vec::with_capacity(HEAD + if is_small { parts } else { self.method.len() });
        head.extend(length.to_le_bytes());
        head.extend([self.kind as u8, self.status]);
        head.extend(method.to_le_bytes());
        head.extend(doc.to_le_bytes());
        head.extend(body.to_le_bytes());
        head.extend(self.call.to_le_bytes());
        head.extend(self.item.to_le_bytes());
        head.extend(self.method.as_bytes());
        if is_small {
            head.extend(self.doc);
            head.extend(self.body);
            to.write_all(&head)?;
        } else {
            to.write_all(&head)?;
            to.write_all(self.doc)?;
            to.write_all(self.body)?;
        }
        to.flush()
    }
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) status: u8,
    pub(crate) call: u64,
    pub(crate) item: u64,
    pub(crate) method: String,
    pub(crate) doc: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum NoFrame {
    /// The other end is gone, in the middle of a frame or between two.
    End,
    /// What came is none.
    Fault(FrameFault),
}

impl Frame {
    /// Reads the next one.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self, NoFrame> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head).map_err(|_| NoFrame::End)?;
        let fault = |fault| Err(NoFrame::Fault(fault));
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let method = u32::from(u16::from_le_bytes([head[6], head[7]]));
        let (doc, body) = (u32_at(8), u32_at(12));
        for (length, most) in [
            (method, MOST_METHOD),
            (doc, MOST_DOCUMENT),
            (body, MOST_BODY),
        ] {
            let (length, most) = (u64::from(length), most as u64);
            if length > most {
                return fault(FrameFault::TooLong { length, most });
            }
        }
        let parts = u64::from(method) + u64::from(doc) + u64::from(body);
        let Some(kind) = Kind::of(head[4]) else {
            return fault(FrameFault::Head);
        };
        if u64::from(u32_at(0)) != (HEAD - 4) as u64 + parts {
            return fault(FrameFault::Head);
        }
        let method = read(from, method)?;
        let Ok(method) = String::from_utf8(method) else {
            return fault(FrameFault::Head);
        };
        Ok(Self {
            kind,
            status: head[5],
            call: u64_at(16),
            item: u64_at(24),
            method,
            doc: read(from, doc)?,
            body: read(from, body)?,
        })
    }

    /// Bytes of its parts.
    pub(crate) fn length(&self) -> usize {
        self.method.len() + self.doc.len() + self.body.len()
    }
}

/// Reads a part. What is reserved for it is given by the system only as far as it is written to.
fn read(from: &mut impl Read, length: u32) -> Result<Vec<u8>, NoFrame> {
    let mut part = vec![0; length as usize];
    from.read_exact(&mut part).map_err(|_| NoFrame::End)?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(doc: &[u8], body: &[u8]) -> Vec<u8> {
        let outgoing = Outgoing {
            kind: Kind::Call,
            status: 2,
            call: 1 << 40,
            item: u64::MAX,
            method: "list",
            doc,
            body,
        };
        let mut bytes = Vec::new();
        outgoing.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_frame_comes_as_it_went() {
        for (doc, body) in [
            (vec![], vec![]),
            (b"{}".to_vec(), vec![0, 255]),
            (vec![b' '; SMALL], vec![7; 300_000]),
        ] {
            let mut bytes = written(&doc, &body);
            bytes.extend(written(b"{}", b""));
            let mut from = bytes.as_slice();
            let frame = Frame::read(&mut from).unwrap();
            assert_eq!(frame.length(), 4 + doc.len() + body.len());
            let expected = Frame {
                kind: Kind::Call,
                status: 2,
                call: 1 << 40,
                item: u64::MAX,
                method: "list".to_owned(),
                doc,
                body,
            };
            assert_eq!(frame, expected);
            assert_eq!(Frame::read(&mut from).unwrap().doc, b"{}");
            assert!(matches!(Frame::read(&mut from), Err(NoFrame::End)));
        }
    }

    #[test]
    fn a_frame_that_breaks_off_is_the_end() {
        let bytes = written(b"{}", b"body");
        for length in 0..bytes.len() {
            let cut = Frame::read(&mut &bytes[..length]);
            assert!(matches!(cut, Err(NoFrame::End)), "{length}");
        }
    }

    #[test]
    fn lengths_are_checked_before_anything_is_read() {
        let bytes = written(b"{}", b"body");
        let with = |at: usize, value: u32| {
            let mut bytes = bytes[..HEAD].to_vec();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            Frame::read(&mut bytes.as_slice())
        };
        for (at, most) in [(8, MOST_DOCUMENT), (12, MOST_BODY)] {
            for length in [most as u32 + 1, u32::MAX] {
                let (length, most) = (u64::from(length), most as u64);
                let too_long = FrameFault::TooLong { length, most };
                let found = with(at, u32::try_from(length).unwrap());
                assert!(matches!(found, Err(NoFrame::Fault(fault)) if fault == too_long));
            }
        }
        // A length that is not the sum of the parts, and a kind that is none.
        for (at, value) in [(0, 0), (0, u32::MAX), (4, 0), (4, 99)] {
            let found = with(at, value);
            assert!(matches!(found, Err(NoFrame::Fault(FrameFault::Head))));
        }
    }
}
