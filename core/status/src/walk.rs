//! A repository's folder from outside: how large it is, and what tells that nothing in it has changed
//! since.
//!
//! What is put into a folder, taken out of it, renamed or replaced in it changes the folder. So where each
//! folder is the same one, last changed at the same time, and the state file too, all that is below is as it
//! was, but for the content of files that somebody writes to in their place: Forgekeep and git replace
//! files.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

use forgekeep_store::layout::STATE_FILE;
use forgekeep_store::versions::mark;
use sha1::{Digest as _, Sha1};

/// Most folders in a repository's that are looked at one by one. A mirror with loose objects has more, and
/// to look for its files takes no longer then.
const MOST_FOLDERS: usize = 40;

/// What was found in a repository's folder.
#[derive(Default)]
pub(super) struct Walked {
    /// Bytes of all files. What goes meanwhile, or cannot be read, does not count.
    pub bytes: u64,
    /// What tells that nothing has changed; `None` where nothing does.
    pub seen: Option<Seen>,
}

/// Folders as they looked once.
pub(super) struct Seen {
    /// The folders below, each before what is in it.
    pub folders: Vec<String>,
    /// As [`marks`].
    pub marks: String,
    /// When the last of them was changed.
    pub newest: SystemTime,
}

/// Looks for all files. Each folder's look is taken before what is in it is read.
pub(super) fn walk(folder: &Path) -> Walked {
    let mut walk = Walk {
        bytes: 0,
        folders: Vec::new(),
        looks: Looks::of_state_file(folder),
    };
    walk.enter(folder, String::new());
    Walked {
        bytes: walk.bytes,
        seen: walk.looks.map(|looks| Seen {
            newest: looks.newest,
            marks: looks.marks(),
            folders: walk.folders,
        }),
    }
}

/// What a repository's folder and those below look like now, as a short text to compare; `None` if that
/// cannot be told, or if one is gone.
pub(super) fn marks(folder: &Path, below: &[String]) -> Option<String> {
    let mut looks = Looks::of_state_file(folder)?;
    looks.add_folder(&fs::metadata(folder).ok()?)?;
    for name in below {
        looks.add_folder(&fs::symlink_metadata(folder.join(name)).ok()?)?;
    }
    Some(looks.marks())
}

struct Walk {
    bytes: u64,
    folders: Vec<String>,
    looks: Option<Looks>,
}

impl Walk {
    /// `below` is the folder's path seen from the repository's; empty for that itself.
    fn enter(&mut self, folder: &Path, below: String) {
        let found = match below.is_empty() {
            // It may be a link: somebody has more room elsewhere.
            true => fs::metadata(folder),
            false => fs::symlink_metadata(folder),
        };
        self.look(found.ok());
        let Ok(entries) = fs::read_dir(folder) else {
            self.looks = None;
            return;
        };
        if !below.is_empty() {
            self.folders.push(below.clone());
        }
        if self.folders.len() > MOST_FOLDERS {
            self.looks = None;
        }
        let mut inner = Vec::new();
        for entry in entries {
            let found = entry.and_then(|entry| entry.metadata().map(|found| (entry, found)));
            match found {
                Ok((entry, found)) if found.is_dir() => inner.push(entry.file_name()),
                Ok((_, found)) => {
                    self.bytes += found.len();
                    // What is behind a link may change without a trace here.
                    if found.is_symlink() {
                        self.looks = None;
                    }
                }
                Err(_) => self.looks = None,
            }
        }
        inner.sort_unstable();
        for name in inner {
            let Some(text) = name.to_str() else {
                self.looks = None;
                self.enter(&folder.join(&name), "?".to_owned());
                continue;
            };
            let path = match below.is_empty() {
                true => text.to_owned(),
                false => format!("{below}/{text}"),
            };
            self.enter(&folder.join(&name), path);
        }
    }

    fn look(&mut self, found: Option<Metadata>) {
        let looks = self.looks.take();
        self.looks = looks.and_then(|mut looks| {
            looks.add_folder(&found?)?;
            Some(looks)
        });
    }
}

/// What files and folders look like, one after the other.
struct Looks {
    text: String,
    newest: SystemTime,
}

impl Looks {
    fn of_state_file(folder: &Path) -> Option<Self> {
        let mut looks = Self {
            text: String::new(),
            newest: SystemTime::UNIX_EPOCH,
        };
        let found = fs::symlink_metadata(folder.join(STATE_FILE)).ok()?;
        looks.add(&found).filter(|()| found.is_file())?;
        Some(looks)
    }

    fn add_folder(&mut self, found: &Metadata) -> Option<()> {
        self.add(found).filter(|()| found.is_dir())
    }

    fn add(&mut self, found: &Metadata) -> Option<()> {
        self.text.push_str(&mark(found)?);
        self.text.push('\n');
        self.newest = self.newest.max(found.modified().ok()?);
        Some(())
    }

    fn marks(&self) -> String {
        let sum = Sha1::digest(&self.text);
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
