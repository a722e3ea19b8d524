//! Objects that are too large to be held in memory. What a pack or a file has as a whole is inflated piece by
//! piece. What is a delta is made in files without names beside the packs; where none can be made, its base and
//! itself have to be in memory, and it is refused if that is too much.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use git2::{ObjectType, Odb, Oid};

use crate::libgit2;
use forgekeep_pack::entry::{Base, PackReader};
use forgekeep_pack::{IdHasher, PackIndex, Unsound, make};

/// Bytes from which on an object is not read as a whole where that can be avoided.
const LARGE: u64 = 64 * 1024 * 1024;

/// Bytes that are inflated at a time.
const PIECE: usize = 256 * 1024;

/// Finds large objects in a repository. Its indexes are read when the first is asked for.
pub struct Large {
    objects: PathBuf,
    limit: u64,
    indexes: Option<BTreeMap<PathBuf, PackIndex>>,
}

/// How a large object can be read.
pub enum Opened {
    /// Piece by piece.
    Stream(Stream),
    /// As a whole: there is memory for it.
    Readable,
    /// Not at all, and why.
    TooLarge(String),
}

/// The content of an object, to be read piece by piece.
pub struct Stream {
    path: PathBuf,
    bytes: Box<dyn Read + Send>,
    size: u64,
}

impl Large {
    /// Of the repository whose own folder this is; `limit` is `options.limits.objectBytes`.
    pub fn of(git_dir: &Path, limit: u64) -> Self {
        Self {
            objects: git_dir.join("objects"),
            limit,
            indexes: None,
        }
    }

    /// Whether an object of this size is one.
    pub fn is_large(&self, size: u64) -> bool {
        size >= LARGE || size > self.limit
    }

    /// Opens an object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] or [`ErrorKind::Disk`], naming the file; [`ErrorKind::Cancelled`].
    pub fn open(&mut self, oid: Oid, odb: &Odb<'_>, cancel: &Cancel) -> Result<Opened, Failure> {
        let (size, _) = odb.read_header(oid).map_err(|error| {
            let message = format!("{oid} cannot be read: {}", libgit2::words(&error));
            Failure::new(ErrorKind::Damaged, message)
        })?;
        let size = size as u64;
        if let Some(stream) = self.packed(oid, size, cancel)? {
            return Ok(Opened::Stream(stream));
        }
        if let Some(stream) = self.loose(oid, size)? {
            return Ok(Opened::Stream(stream));
        }
        Ok(match crate::memory::refusal(size, self.limit) {
            Some(why) => Opened::TooLarge(why),
            None => Opened::Readable,
        })
    }

    fn indexes(&mut self) -> Result<&BTreeMap<PathBuf, PackIndex>, Failure> {
        if self.indexes.is_none() {
            let folder = self.objects.join("pack");
            let failed = |error: io::Error| Failure::disk("read", &folder, &error);
            let mut indexes = BTreeMap::new();
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|ending| ending == "idx")
                    && let Ok(index) = PackIndex::open(&path)
                {
                    indexes.insert(path.with_extension("pack"), index);
                }
            }
            self.indexes = Some(indexes);
        }
        self.indexes
            .as_ref()
            .ok_or_else(|| Failure::new(ErrorKind::Other, "no indexes"))
    }

    fn packed(&mut self, oid: Oid, size: u64, cancel: &Cancel) -> Result<Option<Stream>, Failure> {
        let (folder, limit) = (self.objects.join("pack"), self.limit);
        for (path, index) in self.indexes()? {
            let Some(offset) = index.find(oid) else {
                continue;
            };
            let mut reader = PackReader::open(path)?;
            let header = reader.header(offset, u64::MAX)?;
            if header.base == Base::None {
                if header.size == size {
                    return Stream::of_entry(path, offset, size).map(Some);
                }
                continue;
            }
            match make(path, index, oid, &folder, limit, cancel) {
                Ok(Some(made)) if made.size() == size => {
                    return Ok(Some(Stream {
                        path: path.clone(),
                        bytes: Box::new(made),
                        size,
                    }));
                }
                Err(Unsound::Failed(failure)) => return Err(failure),
                // What is wrong with it is told by whoever reads it the other way.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(None)
    }

    fn loose(&self, oid: Oid, size: u64) -> Result<Option<Stream>, Failure> {
        let name = oid.to_string();
        let path = self.objects.join(&name[..2]).join(&name[2..]);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::disk("read", &path, &error)),
        };
        let mut bytes = BufReader::new(ZlibDecoder::new(BufReader::new(file)));
        let mut byte = [1];
        let wrong = |error: io::Error| Failure::disk("read", &path, &error);
        while byte != [0] {
            bytes.read_exact(&mut byte).map_err(wrong)?;
        }
        Ok(Some(Stream {
            path,
            bytes: Box::new(bytes),
            size,
        }))
    }
}

impl Stream {
    /// Of the entry of a pack that is an object as a whole, of this size.
    pub fn of_entry(pack: &Path, offset: u64, size: u64) -> Result<Self, Failure> {
        let mut reader = PackReader::open(pack)?;
        reader.header(offset, u64::MAX)?;
        Ok(Self {
            path: pack.to_owned(),
            bytes: Box::new(ZlibDecoder::new(reader.into_rest())),
            size,
        })
    }

    /// Whether it is the blob of this id. Nothing of it is kept.
    ///
    /// # Errors
    ///
    /// The machine could not read it, or [`ErrorKind::Cancelled`].
    pub fn is_blob(&mut self, oid: Oid, cancel: &Cancel) -> Result<bool, Failure> {
        let mut id = IdHasher::new(ObjectType::Blob, self.size);
        let mut see = |piece: &[u8]| {
            id.update(piece);
            Ok(())
        };
        match self.copy_to(&mut see, cancel) {
            Ok(()) => Ok(id.finish() == Some(oid)),
            Err(failure) if failure.is_damage() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Writes it as a loose object into the repository at `git_dir`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it is not the blob of this id; nothing is left then.
    pub fn copy_to_loose(
        &mut self,
        git_dir: &Path,
        oid: Oid,
        cancel: &Cancel,
    ) -> Result<(), Failure> {
        let name = oid.to_string();
        let path = git_dir.join("objects").join(&name[..2]).join(&name[2..]);
        atomic_file::make_folders(path.parent().unwrap_or(git_dir))?;
        let new = path.with_extension("forgekeep-new");
        let written = self.deflate_to(&new, oid, cancel);
        let written = written.and_then(|()| {
            fs::rename(&new, &path).map_err(|error| Failure::disk("write", &path, &error))?;
            atomic_file::sync_parent(&path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    }

    fn deflate_to(&mut self, path: &Path, oid: Oid, cancel: &Cancel) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::disk("write", path, &error);
        let file = File::create_new(path).map_err(failed)?;
        let mut deflate = ZlibEncoder::new(file, Compression::fast());
        let mut id = IdHasher::with_header();
        let mut see = |piece: &[u8]| {
            id.update(piece);
            deflate.write_all(piece).map_err(failed)
        };
        see(format!("blob {}\0", self.size).as_bytes())?;
        self.copy_to(&mut see, cancel)?;
        if id.finish() != Some(oid) {
            return Err(forgekeep_pack::damaged(
                &self.path,
                "an object does not match its id",
            ));
        }
        let file = deflate.finish().map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Hands out the content piece by piece.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Damaged`] if it is not of its size.
    pub fn copy_to(
        &mut self,
        see: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
        cancel: &Cancel,
    ) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE];
        let mut length = 0_u64;
        loop {
            cancel.check()?;
            match self.bytes.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    length += read as u64;
                    see(&piece[..read])?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    return Err(forgekeep_pack::damaged(
                        &self.path,
                        "an entry cannot be inflated",
                    ));
                }
                Err(error) => return Err(forgekeep_pack::entry::unreadable(&self.path, &error)),
            }
        }
        match length == self.size {
            true => Ok(()),
            false => Err(forgekeep_pack::damaged(
                &self.path,
                "an entry does not have the size that it \
            states",
            )),
        }
    }
}
