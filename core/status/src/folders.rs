//! What is in each repository's folder: out of one file that runs keep, `.forgekeep/folders.json`, as far
//! as it is true, and else out of the folder.
//!
//! Nothing depends on who has written that file, and when. What it says of a repository counts if the
//! repository's folders look as they did when they were read (`walk`): a dozen looks, instead of every file.
//! So a run that was killed, another version of Forgekeep, another program or a person who has changed
//! something since is noticed for each repository by itself, and the folder is read then. As git's index,
//! it holds nothing that was changed in the moment in which it was looked at: that could change once more and
//! look the same.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forgekeep_durable::sealed;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::history;
use forgekeep_store::inventory::{self, Kept, RepositoryFolder};
use forgekeep_store::layout::{FOLDERS, OWN_FOLDER};
use forgekeep_store::part::Part;
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::NewestSnapshot;
use crate::walk::{self, Seen};

/// What was changed less than this before is not taken down: some file systems tell times in steps of two
/// seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// What is kept of one repository.
#[derive(Debug)]
pub(super) struct OnDisk {
    pub title: Untrusted,
    pub path: Untrusted,
    pub name: Untrusted,
    pub hoster: String,
    pub id: Option<Untrusted>,
    pub gone: Option<Timestamp>,
    /// Why its state file cannot be read, if so.
    pub unreadable: Option<Printable>,
    pub size: u64,
    pub snapshots: usize,
    pub newest: Option<NewestSnapshot>,
}

/// What is known of repositories' folders, as it is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Document {
    format: u32,
    /// Which folders there are in a repository's, for all that have the same ones.
    shapes: Vec<Vec<String>>,
    repositories: Vec<KnownFolder>,
}

/// A repository's folder as it was once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KnownFolder {
    /// Folder below the backup folder, parts joined by `/`.
    path: Untrusted,
    /// Index of its shape.
    shape: usize,
    /// What its folders looked like.
    marks: String,
    hoster: String,
    id: Untrusted,
    name: Untrusted,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gone: Option<Timestamp>,
    size: u64,
    snapshots: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<NewestSnapshot>,
}

/// What is known of repositories' folders.
#[derive(Default)]
pub(super) struct KnownFolders {
    shapes: Vec<Shape>,
    by_path: HashMap<Untrusted, KnownFolder>,
}

/// Bytes on disk by title of the source.
pub type Sizes = BTreeMap<Printable, u64>;

/// The title of a repository's source, its bytes, and what can be taken down of it.
type Found = (Untrusted, u64, Option<(KnownFolder, Shape)>);

/// The folders in a repository's.
type Shape = Arc<[String]>;

impl KnownFolders {
    /// Reads the file. Where that cannot be done, nothing is known.
    pub fn read(local_folder: &Path) -> Self {
        let document = read(local_folder).unwrap_or_else(|failure| {
            log::debug!("{failure}");
            None
        });
        document.map(Self::of).unwrap_or_default()
    }

    fn of(document: Document) -> Self {
        let all = document.repositories.into_iter();
        Self {
            shapes: document.shapes.into_iter().map(Arc::from).collect(),
            by_path: all.map(|known| (known.path.clone(), known)).collect(),
        }
    }

    /// What is known of a repository, if that is still so.
    fn still(&self, folder: &RepositoryFolder) -> Option<(&KnownFolder, &Shape)> {
        let known = self.by_path.get(&folder.path)?;
        let shape = self.shapes.get(known.shape)?;
        let marks = walk::marks(&folder.folder, shape)?;
        (marks == known.marks).then_some((known, shape))
    }
}

/// Everything that is kept in a backup folder, by name.
///
/// # Errors
///
/// [`ErrorKind::Disk`] if a folder cannot be read.
pub(super) fn look(local_folder: &Path, known: &KnownFolders) -> Result<Vec<OnDisk>, Failure> {
    let folders = inventory::repository_folders(local_folder)?.into_par_iter();
    let mut all: Vec<OnDisk> = folders
        .filter_map(|folder| match known.still(&folder) {
            Some((known, _)) => Some(OnDisk::of_known(folder, known)),
            None => Some(read_folder(folder)?.0),
        })
        .collect();
    let trashed = inventory::in_trash(local_folder)?.into_par_iter();
    all.par_extend(trashed.map(|kept| {
        let size = walk::walk(&kept.folder).bytes;
        OnDisk::of_kept(kept, size)
    }));
    all.sort_by(|a, b| (&a.title, &a.name, &a.path).cmp(&(&b.title, &b.name, &b.path)));
    Ok(all)
}

/// What is in a folder, if it is a repository's, and what tells later that nothing has changed.
fn read_folder(folder: RepositoryFolder) -> Option<(OnDisk, Option<Seen>)> {
    // The looks first: what changes while the rest is read shows later.
    let walked = walk::walk(&folder.folder);
    Some((OnDisk::of_kept(folder.look()?, walked.bytes), walked.seen))
}

impl OnDisk {
    fn of_known(folder: RepositoryFolder, known: &KnownFolder) -> Self {
        Self {
            title: folder.title,
            path: folder.path,
            name: known.name.clone(),
            hoster: known.hoster.clone(),
            id: Some(known.id.clone()),
            gone: known.gone,
            unreadable: None,
            size: known.size,
            snapshots: known.snapshots,
            newest: known.newest.clone(),
        }
    }

    fn of_kept(kept: Kept, size: u64) -> Self {
        let of_part = |part: Part| part.snapshots().entries().unwrap_or_default();
        let snapshots: Vec<_> = kept.parts().map(of_part).collect();
        let newest = snapshots.first().and_then(|entries| entries.last());
        let newest = newest.map(|entry| NewestSnapshot {
            id: entry.id.clone(),
            time: entry.time,
        });
        let (state, unreadable) = match kept.state {
            Ok(state) => (state, None),
            Err(failure) => (None, Some(failure.message)),
        };
        Self {
            title: kept.title,
            path: kept.path,
            name: kept.full_name,
            gone: state.as_ref().and_then(|state| state.gone),
            hoster: state
                .as_ref()
                .map_or_else(String::new, |of| of.hoster.clone()),
            id: state.map(|state| state.id),
            unreadable,
            size,
            snapshots: snapshots.iter().map(Vec::len).sum(),
            newest,
        }
    }

    /// To be taken down; not where something was odd.
    fn into_known(self, marks: String) -> Option<KnownFolder> {
        Some(KnownFolder {
            path: self.path,
            shape: 0,
            marks,
            hoster: self.hoster,
            id: self.id.filter(|_| self.unreadable.is_none())?,
            name: self.name,
            gone: self.gone,
            size: self.size,
            snapshots: self.snapshots,
            newest: self.newest,
        })
    }
}

/// Takes down what is in each repository's folder, for [`Status::read`](crate::Status::read): at the end of
/// a run, which holds the lock. What has not changed since the last time is not read again, and where nothing
/// has, nothing is written. Returns how many bytes each source has on disk, by the title of its folder.
///
/// # Errors
///
/// [`ErrorKind::Disk`](forgekeep_failure::ErrorKind::Disk); nothing is lost by it.
pub fn remember(local_folder: &Path) -> Result<Sizes, Failure> {
    // The file system's own clock: the run has just written its report there.
    let runs = history::folder(local_folder);
    let now = fs::metadata(&runs).and_then(|found| found.modified());
    let now = now.map_err(|error| Failure::disk("read", &runs, &error))?;
    let Some(settled) = now.checked_sub(SETTLED) else {
        return Ok(Sizes::new());
    };
    let before = match read(local_folder) {
        Ok(document) => document,
        Err(failure) if failure.kind == ErrorKind::Damaged => None,
        // A newer version's is left alone.
        Err(failure) => return Err(failure),
    };
    let known = before.clone().map(KnownFolders::of).unwrap_or_default();
    let folders = inventory::repository_folders(local_folder)?.into_par_iter();
    let found: Vec<Found> = folders
        .filter_map(|folder| {
            if let Some((known, shape)) = known.still(&folder) {
                let (known, shape) = (known.clone(), Arc::clone(shape));
                return Some((folder.title, known.size, Some((known, shape))));
            }
            let (on_disk, seen) = read_folder(folder)?;
            let (title, size) = (on_disk.title.clone(), on_disk.size);
            let seen = seen.filter(|seen| seen.newest < settled);
            let known = seen.and_then(|seen| {
                let known = on_disk.into_known(seen.marks)?;
                Some((known, Shape::from(seen.folders)))
            });
            Some((title, size, known))
        })
        .collect();
    let mut sizes = Sizes::new();
    for (title, size, _) in &found {
        *sizes.entry(title.printable()).or_default() += size;
    }
    let found = found.into_iter().filter_map(|(_, _, known)| known);
    let document = Document::new(found.collect());
    if before.as_ref() != Some(&document) {
        sealed::write(&file(local_folder), &document)?;
    }
    Ok(sizes)
}

impl Document {
    fn new(mut found: Vec<(KnownFolder, Shape)>) -> Self {
        found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let mut shapes: Vec<Shape> = Vec::new();
        let mut numbers: HashMap<Shape, usize> = HashMap::new();
        let repositories = found.into_iter().map(|(known, shape)| {
            let number = *numbers.entry(shape).or_insert_with_key(|shape| {
                shapes.push(Arc::clone(shape));
                shapes.len() - 1
            });
            KnownFolder {
                shape: number,
                ..known
            }
        });
        Self {
            format: FOLDERS.formats.known,
            repositories: repositories.collect(),
            shapes: shapes.iter().map(|shape| shape.to_vec()).collect(),
        }
    }
}

fn read(local_folder: &Path) -> Result<Option<Document>, Failure> {
    sealed::read(&file(local_folder), FOLDERS.formats)
}

fn file(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(FOLDERS.name)
}

#[cfg(test)]
mod tests;
