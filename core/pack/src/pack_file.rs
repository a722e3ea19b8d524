//! A pack's file, read at any place by several threads. It is not mapped: what a broken disk cannot read
//! would end the process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::Unsound;

pub(crate) struct PackFile {
    pub path: PathBuf,
    pub file: File,
}

impl PackFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Unsound> {
        let file = File::open(path).map_err(|error| Unsound::disk("read", path, error))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Reads up to so many bytes from `offset` on; fewer only at the end.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, Unsound> {
        let mut length = 0;
        while length < bytes.len() {
            match self.once(&mut bytes[length..], offset + length as u64) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unsound::disk("read", &self.path, error)),
            }
        }
        Ok(length)
    }

    #[cfg(unix)]
    fn once(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, bytes, offset)
    }

    #[cfg(windows)]
    fn once(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.file, bytes, offset)
    }
}
