//! What the objects' folder of a mirror holds: packs with their indexes, and loose objects.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use forgekeep_durable::folder::names;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;
use git2::{Odb, OdbObject, Oid};
use rayon::prelude::*;

use crate::packs::PackIndex;
use crate::{libgit2, loose, memory};

/// What the objects' folder of a mirror holds.
pub struct ObjectFiles {
    /// The packs, with their indexes.
    pub packs: Vec<Packed>,
    /// Loose objects: what the file's name says, and the file.
    pub loose: Vec<(Oid, PathBuf)>,
    /// Indexes whose pack is not there.
    pub lone: Vec<PathBuf>,
    /// The folder itself.
    pub objects: PathBuf,
}

/// A pack.
pub struct Packed {
    /// Its file.
    pub path: PathBuf,
    /// Where its index is or should be.
    pub index_path: PathBuf,
    /// Its index; a failure if it is damaged, `None` if there is none.
    pub index: Option<Result<PackIndex, Failure>>,
}

/// The objects of a mirror without its configuration, which may be damaged as well.
pub fn database(mirror: &Path) -> Result<Odb<'static>, Failure> {
    libgit2::initialise()?;
    let objects = mirror.join("objects");
    let failed = |why: &str| {
        let message = format!("the objects in {} cannot be read: {why}", objects.shown());
        Failure::new(ErrorKind::Other, message)
    };
    let text = objects.to_str();
    let text = text.ok_or_else(|| failed("libgit2 takes only paths in UTF-8"))?;
    let database = Odb::new();
    let opened = database.and_then(|database| {
        database.add_disk_alternate(text)?;
        Ok(database)
    });
    opened.map_err(|error| {
        let of_machine = libgit2::of_machine("open", &objects, &error);
        of_machine.unwrap_or_else(|| failed(&libgit2::words(&error).to_string()))
    })
}

impl ObjectFiles {
    /// Looks at the folder, and reads the indexes.
    pub fn look(mirror: &Path) -> Result<Self, Failure> {
        let files = Self::gather(mirror)?;
        let indexes = files.packs.iter().filter_map(|pack| pack.index.as_ref());
        let mut unread = indexes.filter_map(|index| index.as_ref().err());
        match unread.find(|failure| !failure.is_damage()) {
            Some(failure) => Err(failure.clone()),
            None => Ok(files),
        }
    }

    /// The same, also where the machine cannot read an index: its failure is in [`Packed::index`].
    pub fn gather(mirror: &Path) -> Result<Self, Failure> {
        let folder = mirror.join("objects/pack");
        let mut stems: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        for name in names(&folder)? {
            let parts = name.to_str().and_then(|name| name.rsplit_once('.'));
            if let Some((stem, ending)) = parts.filter(|(stem, _)| stem.starts_with("pack-")) {
                let endings = stems.entry(stem.to_owned()).or_default();
                endings.insert(ending.to_owned());
            }
        }
        let mut files = Self {
            packs: Vec::new(),
            loose: loose::all(mirror)?,
            lone: Vec::new(),
            objects: mirror.join("objects"),
        };
        for (stem, endings) in stems {
            let file = |ending: &str| folder.join(format!("{stem}.{ending}"));
            let has_index = endings.contains("idx");
            if endings.contains("pack") {
                let index_path = file("idx");
                files.packs.push(Packed {
                    path: file("pack"),
                    index: has_index.then(|| PackIndex::open(&index_path)),
                    index_path,
                });
            } else if has_index {
                files.lone.push(file("idx"));
            }
        }
        Ok(files)
    }

    /// Everything that is listed, in order.
    pub fn known(&self) -> Vec<Oid> {
        let mut known: Vec<Oid> = self.loose.iter().map(|(oid, _)| *oid).collect();
        for index in self.packs.iter().filter_map(Packed::index) {
            known.extend(index.iter().map(|(oid, _)| oid));
        }
        known.par_sort_unstable();
        known.dedup();
        known
    }

    /// How many objects there are to read; one in two packs counts twice.
    pub fn count(&self) -> u64 {
        let packed = self.packs.iter().filter_map(Packed::index);
        let packed: usize = packed.map(PackIndex::len).sum();
        (packed + self.loose.len()) as u64
    }
}

impl Packed {
    /// The index, if it can be used.
    pub fn index(&self) -> Option<&PackIndex> {
        self.index.as_ref()?.as_ref().ok()
    }
}

/// Has libgit2 read an object; `None` if there is none that can be read.
///
/// # Errors
///
/// The machine could not; or it is too large to be held in memory ([`Failure::too_large`](Failure)).
pub fn read<'o>(database: &'o Odb<'_>, oid: Oid) -> Result<Option<OdbObject<'o>>, Failure> {
    memory::exactly(|| database.read(oid))
        .map(Some)
        .or_else(|error| {
            let what = format!("the object {oid}");
            match libgit2::of_machine("read", Path::new(&what), &error) {
                Some(failure) => Err(failure),
                None => Ok(None),
            }
        })
}
