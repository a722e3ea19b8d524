//! A pack as it comes, entry by entry. Nothing is kept of it but the table; what is there as a whole gets its
//! id on the way, whatever its size.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use git2::Oid;
use sha1::{Digest, Sha1};

use crate::Unsound;
use crate::entry::{EntryHeader, HEADER};
use crate::object_id::IdHasher;
use crate::table::{Position, Table};
use crate::trailer::TRAILER;

/// Bytes that are inflated at a time.
const PIECE: usize = 64 * 1024;

/// Bytes of the longest header of an entry: ten of a size, and twenty of an id.
const LONGEST: usize = 30;

/// Takes in a pack piece by piece.
pub(crate) struct Scan {
    pub table: Table,
    pub crcs: Vec<u32>,
    /// Ids of what is there as a whole.
    pub whole: Vec<(Position, Oid)>,
    /// Entries that the pack has, as its header says.
    count: u32,
    /// Bytes so far.
    position: u64,
    sum: Sha1,
    state: State,
    inflate: Decompress,
    output: Vec<u8>,
}

enum State {
    /// The first bytes of the pack's header, of an entry's, or of the trailer.
    Begin(Vec<u8>),
    Header {
        bytes: Vec<u8>,
        begin: u64,
    },
    Body(Body),
    Trailer(Vec<u8>),
}

struct Body {
    position: Position,
    size: u64,
    made: u64,
    crc: Crc,
    id: Option<IdHasher>,
}

impl Scan {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::default(),
            crcs: Vec::new(),
            whole: Vec::new(),
            count: 0,
            position: 0,
            sum: Sha1::new(),
            state: State::Begin(Vec::new()),
            inflate: Decompress::new(true),
            output: vec![0; PIECE],
        }
    }

    /// Entries that were seen whole.
    pub(crate) fn seen(&self) -> usize {
        self.crcs.len()
    }

    /// Entries that the pack says it has.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// Some bytes more of the pack.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Unsound> {
        while !bytes.is_empty() {
            let taken = match std::mem::replace(&mut self.state, State::Trailer(Vec::new())) {
                State::Begin(known) => self.begin(known, bytes)?,
                State::Header {
                    bytes: known,
                    begin,
                } => self.header(known, begin, bytes)?,
                State::Body(body) => self.body(body, bytes)?,
                State::Trailer(known) => self.trailer(known, bytes)?,
            };
            self.position += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// That was all of it. Returns the checksum.
    pub(crate) fn finish(&mut self) -> Result<[u8; TRAILER as usize], Unsound> {
        let State::Trailer(trailer) = &self.state else {
            return Err(Unsound::Invalid("it ends too early"));
        };
        let trailer: [u8; TRAILER as usize] = trailer[..]
            .try_into()
            .map_err(|_| Unsound::Invalid("it ends too early"))?;
        match std::mem::take(&mut self.sum).finalize()[..] == trailer {
            true => Ok(trailer),
            false => Err(Unsound::Invalid("its checksum does not match its content")),
        }
    }

    fn begin(&mut self, mut known: Vec<u8>, bytes: &[u8]) -> Result<usize, Unsound> {
        let taken = bytes.len().min(HEADER as usize - known.len());
        known.extend(&bytes[..taken]);
        self.sum.update(&bytes[..taken]);
        let Ok(header) = <&[u8; HEADER as usize]>::try_from(&known[..]) else {
            self.state = State::Begin(known);
            return Ok(taken);
        };
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, a, b, c, d] = *header else {
            return Err(Unsound::Invalid("it does not begin as a pack"));
        };
        self.count = u32::from_be_bytes([a, b, c, d]);
        self.next(HEADER);
        Ok(taken)
    }

    /// Goes on to the entry that begins at `begin`, or to the trailer.
    fn next(&mut self, begin: u64) {
        self.state = match self.crcs.len() < self.count as usize {
            true => State::Header {
                bytes: Vec::with_capacity(LONGEST),
                begin,
            },
            false => {
                self.table.seal(begin);
                State::Trailer(Vec::with_capacity(TRAILER as usize))
            }
        };
    }

    fn header(&mut self, mut known: Vec<u8>, begin: u64, bytes: &[u8]) -> Result<usize, Unsound> {
        let before = known.len();
        let taken = bytes.len().min(LONGEST - before);
        known.extend(&bytes[..taken]);
        let mut rest = &known[..];
        let header = match EntryHeader::read(&mut rest) {
            Ok(header) => header,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && known.len() < LONGEST => {
                self.sum.update(&bytes[..taken]);
                self.state = State::Header {
                    bytes: known,
                    begin,
                };
                return Ok(taken);
            }
            Err(_) => return Err(Unsound::Invalid("the header of an entry is not valid")),
        };
        let length = known.len() - rest.len();
        let taken = length - before;
        self.sum.update(&bytes[..taken]);
        let position = self.table.push(begin, &header)?;
        let mut crc = Crc::new();
        crc.update(&known[..length]);
        let kind = self.table.whole(position);
        self.inflate.reset(true);
        self.state = State::Body(Body {
            position,
            size: header.size,
            made: 0,
            crc,
            id: kind.map(|kind| IdHasher::new(kind, header.size)),
        });
        Ok(taken)
    }

    fn body(&mut self, mut body: Body, bytes: &[u8]) -> Result<usize, Unsound> {
        let mut taken = 0;
        loop {
            let (read, made) = (self.inflate.total_in(), self.inflate.total_out());
            let output = &mut self.output[..];
            let status = self
                .inflate
                .decompress(&bytes[taken..], output, FlushDecompress::None);
            let read = (self.inflate.total_in() - read) as usize;
            let made = (self.inflate.total_out() - made) as usize;
            taken += read;
            body.made += made as u64;
            if let Some(id) = &mut body.id {
                id.update(&self.output[..made]);
            }
            let Ok(status) = status else {
                return Err(Unsound::Invalid("an entry cannot be inflated"));
            };
            if body.made > body.size {
                return Err(Unsound::Invalid("an entry is longer than it says"));
            }
            if status == Status::StreamEnd {
                self.see(&bytes[..taken], &mut body);
                self.end(body, taken)?;
                return Ok(taken);
            }
            if taken == bytes.len() && made < self.output.len() {
                self.see(bytes, &mut body);
                self.state = State::Body(body);
                return Ok(taken);
            }
            if read + made == 0 {
                return Err(Unsound::Invalid("an entry cannot be inflated"));
            }
        }
    }

    fn see(&mut self, bytes: &[u8], body: &mut Body) {
        body.crc.update(bytes);
        self.sum.update(bytes);
    }

    /// An entry has ended, after so many bytes more.
    fn end(&mut self, body: Body, taken: usize) -> Result<(), Unsound> {
        if body.made != body.size {
            return Err(Unsound::Invalid("an entry is shorter than it says"));
        }
        if let Some(id) = body.id {
            let id = id.finish().ok_or(Unsound::Collision)?;
            self.whole.push((body.position, id));
        }
        self.crcs.push(body.crc.sum());
        self.next(self.position + taken as u64);
        Ok(())
    }

    fn trailer(&mut self, mut known: Vec<u8>, bytes: &[u8]) -> Result<usize, Unsound> {
        let taken = bytes.len().min(TRAILER as usize - known.len());
        if taken == 0 {
            return Err(Unsound::Invalid("there is something behind its end"));
        }
        known.extend(&bytes[..taken]);
        self.state = State::Trailer(known);
        Ok(taken)
    }
}
