//! The temporary folder that repositories are brought back to, one at a time.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use forgekeep_durable::regular_file;
use forgekeep_durable::space::Space;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::layout::OWN_FOLDER;
use forgekeep_store::part::Part;
use forgekeep_untrusted::Show as _;
use tempfile::TempDir;

/// Folder in [`OWN_FOLDER`] for what is there while a command is at work.
const TEMPORARY: &str = "tmp";

/// What the folder of a drill begins with.
const PREFIX: &str = "drill-";

/// Bytes that stay free, whatever is brought back.
const SPARE: u64 = 64 << 20;

/// Bytes for a byte of a mirror: a copy of its packs, and files that are compressed in them. A guess, since
/// what a work tree takes is not known before it is there: a disk that fills up fails that repository.
const TIMES: u64 = 3;

/// File in the folder of a drill that is locked while it is under way, and by which the folder is known.
const LOCK: &str = "lock";

/// What stands in it.
const MARKER: &str = "forgekeep drill\n";

/// A temporary folder. It goes when this is dropped.
#[derive(Debug)]
pub struct Room {
    folder: TempDir,
    /// Held as long as it is there.
    _lock: File,
}

impl Room {
    /// Below the backup folder, or in another one. What drills that were killed have left there is removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`](forgekeep_failure::ErrorKind::Disk).
    pub fn new(local_folder: &Path, other: Option<&Path>) -> Result<Self, Failure> {
        let folder = match other {
            Some(other) => other.to_owned(),
            None => local_folder.join(OWN_FOLDER).join(TEMPORARY),
        };
        fs::create_dir_all(&folder).map_err(|error| Failure::disk("create", &folder, &error))?;
        remove_leftovers(&folder);
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&folder);
        let made = made.map_err(|error| Failure::disk("create a folder in", &folder, &error))?;
        let lock = made.path().join(LOCK);
        let lock = File::create(&lock)
            .and_then(|mut file| {
                // Before anybody can know the folder by it.
                file.lock()?;
                file.write_all(MARKER.as_bytes()).map(|()| file)
            })
            .map_err(|error| Failure::disk("lock", &lock, &error))?;
        Ok(Self {
            folder: made,
            _lock: lock,
        })
    }

    /// Where a part is brought back to.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disk`](forgekeep_failure::ErrorKind::Disk) where there is too little room, or the folder
    /// cannot be made.
    pub(super) fn for_part(&self, part: &Part) -> Result<Place, Failure> {
        let size = size(&part.folder);
        let wanted = size.saturating_mul(TIMES).saturating_add(SPARE);
        let free = Space::free(self.folder.path());
        if let Some(free) = free.filter(|free| *free < wanted) {
            let message = format!(
                "there is too little room to bring it back to {}: {wanted} bytes are wanted, {free} are free",
                self.folder.path().shown()
            );
            return Err(Failure::new(ErrorKind::Disk, message)
                .with_hint("make room, or name another folder with --temp"));
        }
        let made = tempfile::Builder::new()
            .prefix("r")
            .tempdir_in(self.folder.path());
        let made =
            made.map_err(|error| Failure::disk("create a folder in", self.folder.path(), &error))?;
        Ok(Place(made))
    }
}

/// Where a part is. It goes when this is dropped.
pub(super) struct Place(TempDir);

impl Place {
    /// The folder, which is empty.
    pub fn folder(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Removes it now, and says so if that fails.
    pub fn remove(self) -> Result<(), Failure> {
        let path = self.0.path().to_owned();
        self.0
            .close()
            .map_err(|error| Failure::disk("remove", &path, &error))
    }
}

/// Removes what a drill has left that nobody is at work in any more: only what is known by its marker, since the
/// folder may be anybody's.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_called_so = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes());
        let lock = path.join(LOCK);
        let is_ours = regular_file::read(&lock).is_ok_and(|text| text == MARKER.as_bytes());
        if !(is_called_so && is_ours) {
            continue;
        }
        let is_over = File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok());
        if is_over && let Err(error) = fs::remove_dir_all(&path) {
            log::warn!("{}", Failure::disk("remove", &path, &error));
        }
    }
}

/// Bytes of the files below a folder, as far as it can be read.
fn size(folder: &Path) -> u64 {
    let mut sum = 0_u64;
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => todo.push(entry.path()),
                Ok(about) => sum = sum.saturating_add(about.len()),
                Err(_) => {}
            }
        }
    }
    sum
}
