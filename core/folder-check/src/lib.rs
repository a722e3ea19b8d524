//! What a backup folder is like: whose it is, how much room there is, and what its file system can do,
//! tried in a temporary folder of its own.

mod findings;
mod lines;
mod owner;
mod place;
mod trial;

use std::path::Path;

use forgekeep_durable::mounts;
use serde::Serialize;

pub use findings::{LITTLE, findings};
pub use owner::{foreign_owner, user_name};
pub use trial::{Ability, Trial};

/// What was found out about a folder.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderFacts {
    /// Whether it is there. If not, the rest is about the folder that it will be made in.
    pub exists: bool,
    /// Number of the user it belongs to, where there are such numbers.
    pub owner: Option<u32>,
    /// Number of its group.
    pub group: Option<u32>,
    /// Its permissions: four octal digits.
    pub mode: Option<String>,
    /// The kind of file system, where the machine says so.
    pub file_system: Option<String>,
    /// Bytes that this user may still write; none where the file system states no size.
    pub bytes_free: Option<u64>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// Files and folders that can still be made; none where the file system has no such limit.
    pub inodes_free: Option<u64>,
    /// What its file system was tried for; empty if nothing could be written.
    pub trials: Vec<Trial>,
}

impl FolderFacts {
    /// Looks at a folder, or at the one that it will be made in. What cannot be found out is left out: why
    /// a folder cannot be used, whoever uses it says.
    pub fn of(folder: &Path) -> Self {
        let exists = folder.is_dir();
        let there = match exists {
            true => folder,
            false => place::parent(folder),
        };
        let mut facts = Self {
            exists,
            file_system: mounts::file_system(there),
            trials: place::temporary(folder)
                .map(|place| trial::all(place.path()))
                .unwrap_or_default(),
            ..Self::default()
        };
        facts.look(there);
        facts
    }

    #[cfg(unix)]
    fn look(&mut self, folder: &Path) {
        use std::os::unix::fs::MetadataExt as _;

        if let Ok(found) = folder.metadata() {
            self.owner = Some(found.uid());
            self.group = Some(found.gid());
            self.mode = Some(format!("{:04o}", found.mode() & 0o7777));
        }
        let Ok(figures) = rustix::fs::statvfs(folder) else {
            return;
        };
        // Some network file systems state no size at all.
        if figures.f_blocks > 0 {
            self.bytes_free = Some(figures.f_bavail.saturating_mul(figures.f_frsize));
            self.bytes = Some(figures.f_blocks.saturating_mul(figures.f_frsize));
        }
        // Btrfs and its like have no limit, and state none.
        if figures.f_files > 0 {
            self.inodes_free = Some(figures.f_favail);
        }
    }

    #[cfg(not(unix))]
    fn look(&mut self, _: &Path) {}
}
