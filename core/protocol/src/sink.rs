//! Where a pack goes.
//!
//! A pack gets its name when it is whole, checked and on the disk, and not before: whatever lies in
//! `objects/pack` with an index is taken for good by every reader. So it comes into a folder beside
//! (`objects/forgekeep-incoming`), which no git looks into; pack and index are synced there, renamed,
//! the pack last, and the folder is synced: an index alone is taken for a leftover, and a pack alone for
//! damage. It is held (`packs::hold`) until refs name what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::{memory, packs};
use forgekeep_pack::{IncomingPack, Unsound};
use git2::{ErrorCode, ObjectType, Odb, Oid};
use serde::Serialize;

use super::pack_limits::{check_bytes, check_head};

/// Where packs are taken in, below `objects`.
const INCOMING: &str = "forgekeep-incoming";

/// Files there.
const PACK: &str = "new.pack";
const INDEX: &str = "new.idx";

/// How far a download is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transfer {
    /// Objects received.
    pub objects: usize,
    /// Objects in all, once known.
    pub total_objects: usize,
    /// Bytes received.
    pub bytes: u64,
}

/// Something that takes in one pack.
pub trait PackSink {
    /// Some bytes more of it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// That was all: checks the pack, and puts it where its objects count.
    fn finish(&mut self) -> Result<(), Failure>;
}

/// What a sink tells, and whom it asks.
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    /// Told how far it is.
    pub progress: &'a dyn Fn(Transfer),
    /// Bytes received in packs, of all that were taken in.
    pub received: &'a AtomicU64,
    /// Ends it early.
    pub cancel: &'a Cancel,
    /// What an error of libgit2's means here.
    pub explain: &'a dyn Fn(&git2::Error) -> Failure,
    /// What it means here that a pack cannot be taken in.
    pub refuse: &'a dyn Fn(&Unsound) -> Failure,
}

/// Takes a pack into the repository at a folder.
pub struct Incoming<'a> {
    objects: PathBuf,
    folder: PathBuf,
    odb: Option<&'a Odb<'a>>,
    watched: Watched<'a>,
    pack: Option<IncomingPack>,
    /// How many objects the pack says it has, from its head.
    head: Vec<u8>,
    /// Bytes of this pack so far.
    bytes: u64,
}

impl<'a> Incoming<'a> {
    /// Objects that a pack leans on are looked for in `odb`.
    pub fn new(repository: &Path, odb: Option<&'a Odb<'a>>, watched: Watched<'a>) -> Self {
        let objects = repository.join("objects");
        Self {
            folder: objects.join(INCOMING),
            objects,
            odb,
            watched,
            pack: None,
            head: Vec::new(),
            bytes: 0,
        }
    }

    fn begin(&self) -> Result<IncomingPack, Failure> {
        remove_folder(&self.folder)?;
        fs::create_dir(&self.folder)
            .map_err(|error| Failure::disk("create", &self.folder, &error))?;
        IncomingPack::create(&self.folder.join(PACK)).map_err(|unsound| self.refuse(&unsound))
    }

    fn refuse(&self, unsound: &Unsound) -> Failure {
        match self.watched.cancel.check() {
            Err(cancelled) => cancelled,
            Ok(()) => (self.watched.refuse)(unsound),
        }
    }

    fn find_base(&self, oid: Oid) -> Result<Option<(ObjectType, Vec<u8>)>, Failure> {
        let Some(odb) = self.odb else {
            return Ok(None);
        };
        match odb.read(oid) {
            Ok(object) => Ok(Some((object.kind(), object.data().to_vec()))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err((self.watched.explain)(&error)),
        }
    }

    /// Gives a pack its name, now that it is on the disk.
    fn put_in_place(&self, name: Oid) -> Result<(), Failure> {
        let folder = self.objects.join("pack");
        regular_file::make_folder(&folder)?;
        let files = ["idx", "pack"].map(|ending| format!("pack-{name}.{ending}"));
        // Before anybody can see the pack: no ref names what is in it yet.
        packs::hold(&folder.join(&files[1]))?;
        for (file, new) in files.iter().zip([INDEX, PACK]) {
            let target = folder.join(file);
            // One of that name has the same content, or is damaged.
            fs::rename(self.folder.join(new), &target)
                .map_err(|error| Failure::disk("rename into place", &target, &error))?;
        }
        atomic_file::sync_parent(&folder.join("-"))
    }
}

impl PackSink for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        check_bytes(self.bytes)?;
        let mut pack = match self.pack.take() {
            Some(pack) => pack,
            None => self.begin()?,
        };
        let missing = 12 - self.head.len().min(12);
        self.head.extend(bytes.iter().take(missing));
        if let (1.., Ok(head)) = (missing, <&[u8; 12]>::try_from(&self.head[..])) {
            check_head(head)?;
        }
        let Watched {
            progress,
            received,
            cancel,
            ..
        } = self.watched;
        cancel.check()?;
        let bytes_received = received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        pack.write(bytes).map_err(|unsound| self.refuse(&unsound))?;
        progress(Transfer {
            objects: pack.seen(),
            total_objects: pack.count() as usize,
            bytes: bytes_received + bytes.len() as u64,
        });
        self.pack = Some(pack);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.head.clear();
        self.bytes = 0;
        let Some(pack) = self.pack.take() else {
            return Ok(());
        };
        let index = self.folder.join(INDEX);
        let mut find_base = |oid| self.find_base(oid);
        let limit = memory::modest_limit();
        let indexed = pack.finish(&index, &mut find_base, limit, self.watched.cancel);
        let indexed = indexed.map_err(|unsound| self.refuse(&unsound))?;
        // One without objects would be a file more for nothing.
        if let Some(indexed) = indexed {
            for (file, name) in [(&indexed.pack, PACK), (&indexed.index, INDEX)] {
                let failed = |error| Failure::disk("sync", &self.folder.join(name), &error);
                file.sync_all().map_err(failed)?;
            }
            self.put_in_place(indexed.checksum)?;
        }
        remove_folder(&self.folder)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        self.pack = None;
        let _ = remove_folder(&self.folder);
    }
}

/// Removes what a killed run has been taking in. For when none is at work there.
pub fn remove_incoming(repository: &Path) -> Result<(), Failure> {
    remove_folder(&repository.join("objects").join(INCOMING))
}

fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", folder, &error))
        }
        _ => Ok(()),
    }
}
