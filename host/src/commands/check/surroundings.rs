//! What a backup works in: the folder, and the network.

use std::path::Path;

use forgekeep_documents::Checking;
use forgekeep_failure::Finding;
use forgekeep_folder_check::{FolderFacts, findings};
use forgekeep_http::NetworkInForce;
use forgekeep_summary::text;

use crate::commands::{proxies, variable};
use crate::exit::Complaint;
use crate::terminal::say;

/// The folder of a backup and the settings of its network.
pub struct Surroundings {
    /// The folder.
    pub folder: FolderFacts,
    /// The network.
    pub network: NetworkInForce,
}

impl Surroundings {
    /// What there is.
    pub fn of(folder: &Path) -> Result<Self, Complaint> {
        Ok(Self {
            network: NetworkInForce::of(&proxies()?, &variable),
            folder: FolderFacts::of(folder),
        })
    }

    /// What there is to say of it.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = findings(&self.folder);
        found.extend(self.network.findings());
        found
    }

    /// What is checked in it.
    pub fn checking<'a>(&'a self, file: &'a Path, folder: &'a Path, offline: bool) -> Checking<'a> {
        Checking {
            configuration: file,
            backup_folder: folder,
            offline,
            folder: &self.folder,
            network: &self.network,
        }
    }

    /// Prints it for people.
    pub fn print(&self) {
        for line in self.folder.lines(text::bytes) {
            say!("  {line}");
        }
        for line in self.network.lines() {
            say!("{line}");
        }
    }
}
