//! Where a pack goes.
//!
//! A pack gets its name when it is whole, checked and on the disk, and not before: whatever lies in
//! `objects/pack` with an index is taken for good by every reader. So it comes into a folder beside
//! (`objects/forgekeep-incoming`), which no git looks into; pack and index are synced there, renamed,
//! the pack last, and the folder is synced: an index alone is taken for a leftover, and a pack alone for
//! damage. It is held (`packs::hold`) until refs name what is in it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::packs;
use git2::{Indexer, Odb};
use serde::Serialize;

use super::pack_limits::{check_bytes, check_head};

/// Where packs are taken in, below `objects`.
const INCOMING: &str = "forgekeep-incoming";

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
}

/// Takes a pack into the repository at a folder, with libgit2's indexer.
pub struct Incoming<'a> {
    objects: PathBuf,
    folder: PathBuf,
    odb: Option<&'a Odb<'a>>,
    watched: Watched<'a>,
    indexer: Option<Indexer<'a>>,
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
            indexer: None,
            head: Vec::new(),
            bytes: 0,
        }
    }

    fn begin(&self) -> Result<Indexer<'a>, Failure> {
        remove_folder(&self.folder)?;
        fs::create_dir(&self.folder)
            .map_err(|error| Failure::disk("create", &self.folder, &error))?;
        let Watched {
            progress,
            received,
            cancel,
            explain,
        } = self.watched;
        let mut indexer =
            Indexer::new(self.odb, &self.folder, 0, false).map_err(|error| explain(&error))?;
        indexer.progress(move |stats| {
            progress(Transfer {
                objects: stats.received_objects(),
                total_objects: stats.total_objects(),
                bytes: received.load(Ordering::Relaxed),
            });
            !cancel.is_cancelled()
        });
        Ok(indexer)
    }

    fn explain(&self, error: &git2::Error) -> Failure {
        match self.watched.cancel.check() {
            Err(cancelled) => cancelled,
            Ok(()) => (self.watched.explain)(error),
        }
    }

    /// Gives a pack its name, now that it is on the disk.
    fn put_in_place(&self, name: &str) -> Result<(), Failure> {
        let folder = self.objects.join("pack");
        regular_file::make_folder(&folder)?;
        let files = ["idx", "pack"].map(|ending| format!("pack-{name}.{ending}"));
        for file in &files {
            let path = self.folder.join(file);
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|error| Failure::disk("sync", &path, &error))?;
        }
        // Before anybody can see the pack: no ref names what is in it yet.
        packs::hold(&folder.join(&files[1]))?;
        for file in &files {
            let target = folder.join(file);
            // One of that name has the same content, or is damaged.
            fs::rename(self.folder.join(file), &target)
                .map_err(|error| Failure::disk("rename into place", &target, &error))?;
        }
        atomic_file::sync_parent(&folder.join("-"))
    }
}

impl PackSink for Incoming<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes += bytes.len() as u64;
        check_bytes(self.bytes)?;
        let mut indexer = match self.indexer.take() {
            Some(indexer) => indexer,
            None => self.begin()?,
        };
        let missing = 12 - self.head.len().min(12);
        self.head.extend(bytes.iter().take(missing));
        if let (1.., Ok(head)) = (missing, <&[u8; 12]>::try_from(&self.head[..])) {
            check_head(head)?;
        }
        let received = self.watched.received;
        received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let written = indexer.write_all(bytes);
        self.indexer = Some(indexer);
        written.map_err(|error| {
            let inner = error.get_ref();
            match inner.and_then(|inner| inner.downcast_ref::<git2::Error>()) {
                Some(error) => self.explain(error),
                None => Failure::disk("write to", &self.folder, &error),
            }
        })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let head = std::mem::take(&mut self.head);
        self.bytes = 0;
        let Some(indexer) = self.indexer.take() else {
            return Ok(());
        };
        let name = indexer.commit().map_err(|error| self.explain(&error))?;
        // One without objects would be a file more for nothing.
        if head.get(8..12) != Some(&[0; 4]) {
            self.put_in_place(&name)?;
        }
        remove_folder(&self.folder)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        // libgit2 removes its file first.
        self.indexer = None;
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
