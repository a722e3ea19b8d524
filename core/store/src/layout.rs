//! What lies where in a backup folder, and what it is called: docs/on-disk-format.md shows it to people.
//!
//! ```text
//! <localFolder>/<source title>/<owner>#<repo>/   repo, wiki, snapshots, damaged, forgekeep.json
//! <localFolder>/.forgekeep/                      lock, runs, runs.json, listings.json, verify.json, drills.json, folder.json, folders.json, days, notify.json, trash, plugins, versions
//! <localFolder>/_config/                         copies of the configuration: SCM Backup's name
//! ```

use std::path::{Path, PathBuf};

/// Folder in the backup folder with copies of the configuration. SCM Backup's name.
pub use forgekeep_config::COPY_FOLDER as CONFIGURATIONS;
/// Folder in the backup folder for what is of the backup as a whole.
pub use forgekeep_config::STATE_FOLDER as OWN_FOLDER;
use forgekeep_durable::sealed::Formats;

/// File in [`OWN_FOLDER`] on which a run has a lock.
pub const LOCK: &str = "lock";

/// The file on which a run has a lock.
pub fn lock_file(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(LOCK)
}

/// Folder in [`OWN_FOLDER`] with a report for each run, and the marks of those that have begun.
pub const RUNS: &str = "runs";

/// Folder in [`OWN_FOLDER`] with what was removed, for another grace period.
pub const TRASH: &str = "trash";

/// Folder in [`OWN_FOLDER`] with a file for each source: which versions of its repositories the backup has.
pub const VERSIONS: &str = "versions";

/// Folder in [`OWN_FOLDER`] where what is removed for good goes first: a removal that breaks off leaves
/// nothing that looks like a backup.
pub const REMOVED: &str = "removed";

/// Folder in [`OWN_FOLDER`] for what plugins have downloaded, while a run is under way.
pub const DOWNLOADS: &str = "downloads";

/// The folder for what plugins have downloaded.
pub fn downloads(local_folder: &Path) -> PathBuf {
    local_folder.join(OWN_FOLDER).join(DOWNLOADS)
}

/// A sealed file in [`OWN_FOLDER`].
pub struct StateFile {
    /// Its name.
    pub name: &'static str,
    /// Which formats there are.
    pub formats: Formats,
}

/// How much each source has listed: some hundred thousand sources at most.
pub const LISTINGS: StateFile = StateFile {
    name: "listings.json",
    formats: Formats {
        known: 2,
        sealed_since: 2,
        max_bytes: 64 * 1024 * 1024,
        hint: "compare the number of repositories yourself, then move this one file away: the next run records a new baseline",
    },
};

/// What verifying has found.
pub const VERIFIED: StateFile = StateFile {
    name: "verify.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 1024 * 1024 * 1024,
        hint: "run `forgekeep verify`: it writes the file again",
    },
};

/// When each repository was last brought back by a drill.
pub const DRILLED: StateFile = StateFile {
    name: "drills.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 1024 * 1024 * 1024,
        hint: "move this one file away: the next `forgekeep drill` writes it again",
    },
};

/// What was in each repository's folder when a run last looked.
pub const FOLDERS: StateFile = StateFile {
    name: "folders.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 1024 * 1024 * 1024,
        hint: "run `forgekeep backup`: it writes the file again",
    },
};

/// Folder in [`OWN_FOLDER`] with a file for each year: what came of each day's runs.
pub const DAYS: &str = "days";

/// What a file in [`DAYS`] is like: some hundred sources in each of a year's days.
pub const FORMATS_OF_DAYS: Formats = Formats {
    known: 1,
    sealed_since: 1,
    max_bytes: 256 * 1024 * 1024,
    hint: "run `forgekeep backup`: it writes the file again from the reports that are kept",
};

/// Who was told what of earlier runs, and what could not be sent; here only where the user's folder for state
/// takes nothing.
pub const TOLD: StateFile = StateFile {
    name: "notify.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 16 * 1024 * 1024,
        hint: "move this one file away: the next run writes it again",
    },
};

/// Which backup folder this is.
pub const FOLDER_ID: StateFile = StateFile {
    name: "folder.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 64 * 1024,
        hint: "move this one file away: the next run writes it again",
    },
};

/// Outside of it, in the user's folder for state: which backup folder was last found at a path. The name goes
/// on with a number for each.
pub const KNOWN_FOLDER: StateFile = StateFile {
    name: "folder-",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 64 * 1024,
        hint: "remove this one file: the next run writes it again",
    },
};

/// Which reports and state files the last run has left.
pub const INDEX_OF_RUNS: StateFile = StateFile {
    name: "runs.json",
    formats: Formats {
        known: 1,
        sealed_since: 1,
        max_bytes: 16 * 1024 * 1024,
        hint: "run `forgekeep backup`: it rebuilds the file from the reports",
    },
};

/// File in a repository's folder that says whose folder it is.
pub const STATE_FILE: &str = "forgekeep.json";

/// Folder of a repository's mirror, in the repository's folder. SCM Backup's name.
pub const REPOSITORY: &str = "repo";

/// Folder of the wiki's mirror, in the repository's folder. SCM Backup's name.
pub const WIKI: &str = "wiki";

/// Folder beside the mirrors that holds the snapshots, in a folder for each mirror.
pub const SNAPSHOTS: &str = "snapshots";

/// Folder in a repository's folder with damaged files, until nothing is missed.
pub const DAMAGED_FILES: &str = "damaged";

/// What is in a repository's folder, in SCM Backup's and in those to come.
pub const OF_A_REPOSITORY: [&str; 6] = [
    REPOSITORY,
    WIKI,
    SNAPSHOTS,
    DAMAGED_FILES,
    "issues",
    "metadata",
];

/// Ending of a folder that a mirror or a restored repository is made in.
pub const PARTIAL: &str = ".forgekeep-partial";

/// Ending of a file that was damaged, and made again.
pub const DAMAGED: &str = ".damaged";

/// Ending of what others have put into a mirror and was moved aside.
pub use forgekeep_git::foreign::SET_ASIDE;
