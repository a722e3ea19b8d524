//! The content of an entry, inflated into memory or piece by piece.

use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};
use forgekeep_failure::Cancel;

use crate::Unsound;
use crate::buffer::Buffer;
use crate::entry::EntryHeader;
use crate::pack_file::PackFile;

/// Bytes that are read at a time, and inflated at a time where the content is not kept.
const PIECE: usize = 64 * 1024;

/// Reads the entries of one pack, on one thread.
pub(crate) struct Entries<'a> {
    file: &'a PackFile,
    cancel: &'a Cancel,
    inflate: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Where in the pack the bytes come from that follow those in `input`.
    next: u64,
    end: u64,
    /// What of `input` is still to be inflated.
    begin: usize,
    filled: usize,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(file: &'a PackFile, cancel: &'a Cancel) -> Self {
        Self {
            file,
            cancel,
            inflate: Decompress::new(true),
            input: vec![0; PIECE],
            output: Vec::new(),
            next: 0,
            end: 0,
            begin: 0,
            filled: 0,
        }
    }

    /// Goes to the entry that begins and ends there, and reads its header.
    pub(crate) fn header(&mut self, begin: u64, end: u64) -> Result<EntryHeader, Unsound> {
        (self.next, self.end) = (begin, end);
        self.fill()?;
        let mut rest = &self.input[..self.filled];
        let header = EntryHeader::read(&mut rest);
        self.begin = self.filled - rest.len();
        self.inflate.reset(true);
        header.map_err(|_| Unsound::Invalid("the header of an entry is not valid"))
    }

    fn fill(&mut self) -> Result<(), Unsound> {
        self.cancel.check()?;
        let left = self.end.saturating_sub(self.next);
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        self.begin = 0;
        self.filled = self.file.read_at(&mut self.input[..length], self.next)?;
        self.next += self.filled as u64;
        Ok(())
    }

    /// All of the entry whose header was read, which says its size.
    pub(crate) fn content(&mut self, size: u64, folder: &Path) -> Result<Buffer, Unsound> {
        let length = usize::try_from(size).map_err(|_| Unsound::TooLarge(size))?;
        let failed = |error| Unsound::disk("write to", folder, error);
        let mut content = Buffer::new(length, folder).map_err(failed)?;
        let mut at = 0;
        let mut more = [0; 1];
        loop {
            // One byte more than it says would be too many; and zlib wants room to say that it is done.
            let full = at == length;
            let room = if full {
                &mut more[..]
            } else {
                &mut content[at..]
            };
            let (made, ended) = self.step(room)?;
            match (full, made) {
                (true, 1..) => return Err(Unsound::Invalid("an entry is longer than it says")),
                (true, 0) => {}
                (false, _) => at += made,
            }
            if ended {
                return match at == length {
                    true => Ok(content),
                    false => Err(Unsound::Invalid("an entry is shorter than it says")),
                };
            }
        }
    }

    /// The same piece by piece; nothing is kept.
    pub(crate) fn stream(&mut self, size: u64, mut see: impl FnMut(&[u8])) -> Result<(), Unsound> {
        let mut output = std::mem::take(&mut self.output);
        output.resize(PIECE, 0);
        let mut length = 0_u64;
        loop {
            let (made, ended) = self.step(&mut output)?;
            length += made as u64;
            if length > size {
                return Err(Unsound::Invalid("an entry is longer than it says"));
            }
            see(&output[..made]);
            if ended {
                break;
            }
        }
        self.output = output;
        match length == size {
            true => Ok(()),
            false => Err(Unsound::Invalid("an entry is shorter than it says")),
        }
    }

    /// Inflates some bytes: how many, and whether that was the end.
    fn step(&mut self, room: &mut [u8]) -> Result<(usize, bool), Unsound> {
        if self.begin == self.filled {
            self.fill()?;
            if self.filled == 0 {
                return Err(Unsound::Invalid("an entry ends too early"));
            }
        }
        let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
        let input = &self.input[self.begin..self.filled];
        let status = self.inflate.decompress(input, room, FlushDecompress::None);
        let read = (self.inflate.total_in() - read) as usize;
        let made = (self.inflate.total_out() - made) as usize;
        self.begin += read;
        match status {
            Ok(Status::StreamEnd) => Ok((made, true)),
            Ok(_) if read + made == 0 => Err(Unsound::Invalid("an entry cannot be inflated")),
            Ok(_) => Ok((made, false)),
            Err(_) => Err(Unsound::Invalid("an entry cannot be inflated")),
        }
    }
}
