//! The objects' folder of a repository: which packs and loose objects it has, and removing them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_durable::folder::names;
use forgekeep_failure::Failure;
use git2::Oid;

use super::{Repacking, hold};

/// git counts the loose objects in one of 256 folders, and repacks if that has more than these:
/// `gc.auto`, 6700, of git-config(1).
const MANY_LOOSE: usize = 6700 / 256;

/// The folder that is counted. Ids are spread evenly.
const SAMPLE: &str = "17";

/// What `objects` of a bare repository has.
pub(super) struct PackFolder {
    pub repository: PathBuf,
    /// `objects/pack`.
    pub folder: PathBuf,
    /// Packs that have an index; nobody sees the others.
    pub packs: Vec<Pack>,
    pub has_multi_pack_index: bool,
}

/// A pack.
pub(super) struct Pack {
    pub path: PathBuf,
    pub index: PathBuf,
    /// Bytes, without its index.
    pub size: u64,
    /// Whether somebody wants it to stay as it is.
    pub kept: bool,
    /// What else there is by its name: `.rev`, `.bitmap`, `.mtimes`.
    others: Vec<PathBuf>,
}

/// A loose object.
pub(super) struct Loose {
    pub oid: Oid,
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
}

/// The packs of a repository, by their names.
pub fn pack_names(repository: &Path) -> Result<BTreeSet<OsString>, Failure> {
    let names = names(&repository.join("objects/pack"))?.into_iter();
    let is_pack = |name: &OsString| {
        let name = name.to_str().unwrap_or_default();
        name.starts_with("pack-") && name.ends_with(".pack")
    };
    Ok(names.filter(is_pack).collect())
}

/// Bytes of the packs of a repository, with their indexes. What cannot be looked at counts nothing: it is told
/// by whoever needs it.
pub fn bytes_of_packs(repository: &Path) -> u64 {
    let folder = repository.join("objects/pack");
    let names = names(&folder).unwrap_or_default().into_iter();
    let counts = |name: &OsString| {
        let name = name.to_str().unwrap_or_default();
        name.ends_with(".pack") || name.ends_with(".idx")
    };
    let sizes = names
        .filter(counts)
        .filter_map(|name| size_of(&folder.join(name)).ok()?);
    sizes.fold(0, u64::saturating_add)
}

impl PackFolder {
    pub(super) fn look(repository: &Path) -> Result<Self, Failure> {
        let folder = repository.join("objects/pack");
        let mut by_stem: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        let mut has_multi_pack_index = false;
        for name in names(&folder)? {
            // The second is the folder of an incremental one.
            has_multi_pack_index |= name == "multi-pack-index" || name == "multi-pack-index.d";
            let name = name.to_str().and_then(|name| name.rsplit_once('.'));
            if let Some((stem, ending)) = name.filter(|(stem, _)| stem.starts_with("pack-")) {
                let endings = by_stem.entry(stem.to_owned()).or_default();
                endings.insert(ending.to_owned());
            }
        }
        let mut packs = Vec::new();
        for (stem, mut endings) in by_stem {
            let file = |ending: &str| folder.join(format!("{stem}.{ending}"));
            if !endings.remove("pack") || !endings.remove("idx") {
                continue;
            }
            let path = file("pack");
            // Somebody's git may have removed it since it was listed.
            let Some(size) = size_of(&path)? else {
                continue;
            };
            let is_held = hold::is_ours(&file("keep"));
            packs.push(Pack {
                path,
                index: file("idx"),
                size,
                kept: endings.contains("keep") && !is_held || endings.contains("promisor"),
                others: endings.iter().map(|ending| file(ending)).collect(),
            });
        }
        Ok(Self {
            repository: repository.to_owned(),
            folder,
            packs,
            has_multi_pack_index,
        })
    }

    /// What came of it if nothing is done.
    pub(super) fn unchanged(&self) -> Repacking {
        let bytes = self.packs.iter().map(|pack| pack.size).sum();
        Repacking {
            packs_before: self.packs.len(),
            packs_after: self.packs.len(),
            bytes_before: bytes,
            bytes_after: bytes,
            objects_dropped: 0,
        }
    }

    fn objects(&self) -> PathBuf {
        self.repository.join("objects")
    }

    /// Where an object is if it is loose.
    pub(super) fn loose_path(&self, oid: Oid) -> PathBuf {
        let name = oid.to_string();
        let (first, rest) = name.split_at(2);
        self.objects().join(first).join(rest)
    }

    pub(super) fn has_many_loose(&self) -> Result<bool, Failure> {
        Ok(names(&self.objects().join(SAMPLE))?.len() > MANY_LOOSE)
    }

    /// All loose objects.
    pub(super) fn loose(&self) -> Result<Vec<Loose>, Failure> {
        let mut loose = Vec::new();
        for first in 0..=u8::MAX {
            let first = format!("{first:02x}");
            let folder = self.objects().join(&first);
            for rest in names(&folder)? {
                // git's own temporary files are among them.
                let Some(rest) = rest.to_str().filter(|rest| rest.len() == 38) else {
                    continue;
                };
                let Ok(oid) = Oid::from_str(&format!("{first}{rest}")) else {
                    continue;
                };
                let path = folder.join(rest);
                let Some(size) = size_of(&path)? else {
                    continue;
                };
                loose.push(Loose { oid, path, size });
            }
        }
        Ok(loose)
    }

    /// Removes `packs`, but not the one at `new`, which may have the name of one of them; and
    /// `loose`.
    pub(super) fn remove(
        &self,
        packs: &[&Pack],
        loose: &[Loose],
        new: Option<&Path>,
    ) -> Result<(), Failure> {
        for pack in packs.iter().filter(|pack| Some(&*pack.path) != new) {
            // The index last: alone it is taken for a leftover, and goes with the next fetch.
            for file in pack.others.iter().chain([&pack.path, &pack.index]) {
                remove(file)?;
            }
        }
        for loose in loose {
            remove(&loose.path)?;
        }
        for folder in loose.iter().filter_map(|loose| loose.path.parent()) {
            // Fails unless it is empty.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    pub(super) fn remove_commit_graph(&self) -> Result<(), Failure> {
        let info = self.objects().join("info");
        remove(&info.join("commit-graph"))?;
        let chain = info.join("commit-graphs");
        match fs::remove_dir_all(&chain) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::disk("remove", &chain, &error))
            }
            _ => Ok(()),
        }
    }
}

/// How many bytes a file has, if it is there still.
fn size_of(path: &Path) -> Result<Option<u64>, Failure> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::disk("read", path, &error)),
    }
}

fn remove(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("remove", file, &error))
        }
        _ => Ok(()),
    }
}
