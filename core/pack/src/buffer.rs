//! Memory for the contents of objects. There is so much of it for all packs that are read at the same time;
//! what does not fit is a file without a name, mapped into memory: its pages are the disk's, and go back there
//! when the machine needs the room.

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapMut;

/// Bytes that all contents may take that are held in memory.
const BYTES: u64 = 96 * 1024 * 1024;

/// Bytes of [`BYTES`] that are taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// So many bytes, zero at first.
pub(crate) struct Buffer(Bytes);

enum Bytes {
    Memory(Vec<u8>),
    File(MmapMut),
}

impl Buffer {
    /// `folder` is where a file is made, if one is needed.
    pub(crate) fn new(size: usize, folder: &Path) -> io::Result<Self> {
        let bytes = size as u64;
        let taken = TAKEN.fetch_add(bytes, Ordering::Relaxed);
        if taken.saturating_add(bytes) <= BYTES {
            return Ok(Self(Bytes::Memory(vec![0; size])));
        }
        TAKEN.fetch_sub(bytes, Ordering::Relaxed);
        map(size, folder).map(|map| Self(Bytes::File(map)))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Bytes::Memory(bytes) = &self.0 {
            TAKEN.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Memory(bytes) => bytes,
            Bytes::File(map) => map,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Bytes::Memory(bytes) => bytes,
            Bytes::File(map) => map,
        }
    }
}

#[allow(unsafe_code)]
fn map(size: usize, folder: &Path) -> io::Result<MmapMut> {
    let file = tempfile::tempfile_in(folder)?;
    reserve(&file, size as u64)?;
    // SAFETY: the file has no name and its descriptor goes with this function, so nobody else can change or
    // shorten it; its blocks are there, so that a full disk cannot fail an access later.
    unsafe { MmapMut::map_mut(&file) }
}

/// Gives a file its length, with blocks on the disk.
fn reserve(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let reserved = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size);
        if !matches!(reserved, Err(rustix::io::Errno::OPNOTSUPP)) {
            return reserved.map_err(io::Error::from);
        }
    }
    io::copy(&mut io::Read::take(io::repeat(0), size), &mut &*file).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_for_the_memory_is_a_file_that_goes_when_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let large = usize::try_from(BYTES).unwrap() + 1;
        let mut buffer = Buffer::new(large, folder.path()).unwrap();
        assert!(matches!(buffer.0, Bytes::File(_)));
        buffer[large - 1] = 7;
        assert_eq!((buffer.len(), buffer[large - 1], buffer[0]), (large, 7, 0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        drop(buffer);
        let small = Buffer::new(10, folder.path()).unwrap();
        assert!(matches!(small.0, Bytes::Memory(_)));
    }
}
