//! A server behind two pipes: `git upload-pack` as a child, here or behind ssh. It remembers what was
//! said before.

use std::io::{self, Read, Write};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_pkt_line::{FLUSH, Packets};

use super::advertisement::Advertisement;
use super::conversation::Duplex;

/// A reader and a writer.
pub struct Pipes<R, W> {
    pub reader: R,
    pub writer: W,
}

impl<R: Read, W: Write> Pipes<R, W> {
    /// The refs, which such a server sends unasked.
    pub fn advertisement(&mut self, most: u64) -> Result<Advertisement, Failure> {
        Advertisement::read(&mut Packets::new((&mut self.reader).take(most)))
    }

    /// Nothing is wanted.
    pub fn end(&mut self) -> Result<(), Failure> {
        let ended = self.writer.write_all(FLUSH);
        ended
            .and_then(|()| self.writer.flush())
            .map_err(|error| self.broken(&error))
    }
}

impl<R: Read, W: Write> Duplex for Pipes<R, W> {
    fn is_stateless(&self) -> bool {
        false
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        let sent = self.writer.write_all(&request);
        if let Err(error) = sent.and_then(|()| self.writer.flush()) {
            return Err(self.broken(&error));
        }
        Ok(Box::new(&mut self.reader))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::new(
            ErrorKind::Network,
            format!("git-upload-pack on the other side ended too early: {error}"),
        )
        .with_hint("run again later")
        .transient()
    }
}
