//! Writes the index of a pack, version 2. gitformat-pack(5).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sha1::{Digest, Sha1};

use crate::index::{IS_LONG, MAGIC};

/// An object of a pack, as its index has it.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    /// The id, as it sorts.
    pub id: [u32; 5],
    pub offset: u64,
    pub crc: u32,
}

/// Writes it into a new file: `at` has the objects, in any order.
pub(crate) fn write(
    path: &Path,
    count: u32,
    at: impl Fn(u32) -> Entry,
    pack_sum: &[u8; 20],
) -> io::Result<File> {
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|position| {
        let entry = at(*position);
        (entry.id, entry.offset)
    });
    let mut out = Summed {
        file: BufWriter::with_capacity(256 * 1024, create(path)?),
        sum: Sha1::new(),
    };
    out.put(MAGIC)?;
    out.number(2)?;
    let mut counts = [0_u32; 256];
    for position in &order {
        counts[(at(*position).id[0] >> 24) as usize] += 1;
    }
    let mut all = 0;
    for count in counts {
        all += count;
        out.number(all)?;
    }
    for position in &order {
        for word in at(*position).id {
            out.number(word)?;
        }
    }
    for position in &order {
        out.number(at(*position).crc)?;
    }
    let mut long = Vec::new();
    for position in &order {
        let offset = at(*position).offset;
        let short = u32::try_from(offset)
            .ok()
            .filter(|short| short & IS_LONG == 0);
        out.number(match short {
            Some(short) => short,
            None => {
                long.push(offset);
                IS_LONG | (long.len() as u32 - 1)
            }
        })?;
    }
    for offset in long {
        out.put(&offset.to_be_bytes())?;
    }
    out.put(pack_sum)?;
    let sum = out.sum.finalize();
    out.file.write_all(&sum)?;
    out.file
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
}

/// A new file with the mode that git gives to its packs.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o444);
    options.open(path)
}

struct Summed {
    file: BufWriter<File>,
    sum: Sha1,
}

impl Summed {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.file.write_all(bytes)
    }

    fn number(&mut self, number: u32) -> io::Result<()> {
        self.put(&number.to_be_bytes())
    }
}
