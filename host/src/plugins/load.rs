//! Loads one plugin, smallest step first. Each step that can fail has one line for the user, and
//! says what to do; what abi_stable has to say in addition goes to the debug log.

// Opening a library and reading its symbols cannot be safe.
#![allow(unsafe_code)]

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use abi_stable::library::{
    AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL,
};
use abi_stable::std_types::RResult;
use forgekeep_abi_draft::{ABI_VERSION, BASE_NAME, PluginBox, PluginModule_Ref};
use forgekeep_untrusted::{Printable, Show as _, Shown};
use libloading::Library;
use thiserror::Error;

/// Why a file cannot be used as a plugin.
#[derive(Debug, Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is a folder, or something stranger.
    #[error("it is not a file")]
    NotAFile,
    /// Others may change what would run with the rights of this user.
    #[error("{} is writable by others", .0.shown())]
    WritableByOthers(PathBuf),
    /// Somebody else owns it, and may change it at any time.
    #[error("{} belongs to another user (id {owner})", path.shown())]
    ForeignOwner {
        /// File or folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The system's loader does not take it.
    #[error("it is not a library this system can load: {0}")]
    NotALibrary(String),
    /// It is a library, but not one made with the SDK.
    #[error("it is a library, but not a Forgekeep plugin: it exports no plugin header")]
    NoHeader,
    /// It was made with something else that uses abi_stable, or with an unlike version of it.
    #[error("it is a library, but not a Forgekeep plugin: {0}")]
    NotOurs(String),
    /// It was built for another ABI.
    #[error("it was built for plugin ABI {theirs}; this forgekeep speaks {ours}")]
    OtherAbi {
        /// What it was built for.
        theirs: String,
        /// What is spoken here.
        ours: &'static str,
    },
    /// The version is right, but the types are not.
    #[error("it says it was built for plugin ABI {0}, but its types differ")]
    OtherLayout(&'static str),
    /// It failed while starting.
    #[error("it failed to start: {0}")]
    Failed(String),
    /// What it says about itself cannot be used.
    #[error("its manifest cannot be used: {0}")]
    BadManifest(String),
    /// Another plugin came first.
    #[error("the id \"{id}\" is taken by {}", by.shown())]
    IdTaken {
        /// The id.
        id: String,
        /// The plugin that has it.
        by: PathBuf,
    },
}

impl Unfit {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path and the permissions".to_owned(),
            Self::NotAFile => "put the plugin's library there, or remove it".to_owned(),
            Self::WritableByOthers(path) => {
                format!(
                    "chmod o-w {}, after making sure that it is what you installed",
                    path.shown()
                )
            }
            Self::ForeignOwner { path, .. } => {
                format!(
                    "chown {} to root or to the user who runs forgekeep, after making sure that it is what you installed",
                    path.shown()
                )
            }
            Self::NotALibrary(_) => {
                "get the plugin built for this operating system and processor".to_owned()
            }
            Self::NoHeader | Self::NotOurs(_) => {
                "remove the file, or give it another name: only plugins may have such a \
                name"
                    .to_owned()
            }
            Self::OtherAbi { ours, .. } => format!(
                "rebuild it against forgekeep-abi {ours}, or install the plugin that came with this forgekeep"
            ),
            Self::OtherLayout(version) => format!(
                "rebuild it against forgekeep-abi {version} with its own lock file; -vv shows the difference"
            ),
            Self::Failed(_) | Self::BadManifest(_) => {
                "report it to the plugin's authors".to_owned()
            }
            Self::IdTaken { .. } => {
                "remove one of the two; until then the order of the folders decides".to_owned()
            }
        }
    }
}

/// Loads the plugin in a file. The library stays loaded for the life of the process: what it gave
/// us points into it.
pub fn load(path: &Path) -> Result<PluginBox, Unfit> {
    check_file(path)?;
    // SAFETY: opening a library runs its initialisers. Whoever may write the file may run code as
    // this user anyway, as `check_file` has made sure.
    let library = unsafe { Library::new(path) }
        .map_err(|error| Unfit::NotALibrary(one_line(&reason(&error))))?;
    // Leaked before anything points into it.
    let library: &'static Library = Box::leak(Box::new(library));
    let header = header_of(library)?;
    check_identity(header)?;
    check_version(header)?;
    let module = header
        .init_root_module::<PluginModule_Ref>()
        .map_err(|error| module_error(path, error))?;
    match module.new()() {
        RResult::ROk(plugin) => Ok(plugin),
        RResult::RErr(error) => Err(Unfit::Failed(one_line(&error.message))),
    }
}

/// What the system's loader says, which libloading keeps behind its own words.
fn reason(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

fn header_of(library: &'static Library) -> Result<&'static LibHeader, Unfit> {
    // SAFETY: the symbol is a static `LibHeader`, of which `AbiHeaderRef` is the address; its first
    // field is a magic string, which `upgrade` compares before it looks at anything else.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    let header = *header.map_err(|_| Unfit::NoHeader)?;
    header.upgrade().map_err(|error| {
        log::debug!("{}", Shown::words(&error));
        Unfit::NotOurs("it was built with an incompatible version of abi_stable".to_owned())
    })
}

fn check_identity(header: &LibHeader) -> Result<(), Unfit> {
    let name = header.root_mod_consts().base_name();
    if name.as_str() == BASE_NAME {
        Ok(())
    } else {
        let name = Shown::of(name.as_str());
        Err(Unfit::NotOurs(format!("its header says \"{name}\"")))
    }
}

/// abi_stable would take a newer minor of major 0; a draft promises nothing, so ours does not.
fn check_version(header: &LibHeader) -> Result<(), Unfit> {
    let theirs = header.version_strings().version.to_string();
    if compatible(&theirs) == compatible(ABI_VERSION) {
        return Ok(());
    }
    Err(Unfit::OtherAbi {
        theirs: one_line(&theirs),
        ours: ABI_VERSION,
    })
}

/// The part of a version that must be the same: the major, and in a draft the minor too.
fn compatible(version: &str) -> Vec<&str> {
    let parts: Vec<&str> = version.split(['.', '-']).collect();
    let significant = if parts.first() == Some(&"0") { 2 } else { 1 };
    parts.into_iter().take(significant).collect()
}

fn module_error(path: &Path, error: LibraryError) -> Unfit {
    log::debug!("{}: {}", path.shown(), Shown::words(&error));
    match error {
        LibraryError::AbiInstability(_) => Unfit::OtherLayout(ABI_VERSION),
        other => Unfit::Failed(one_line(&other.to_string())),
    }
}

/// A plugin runs with all the rights of this user: only they, and root, may be able to change it.
fn check_file(path: &Path) -> Result<(), Unfit> {
    let metadata = fs::metadata(path).map_err(Unfit::Unreadable)?;
    if !metadata.is_file() {
        return Err(Unfit::NotAFile);
    }
    let real = path.canonicalize().map_err(Unfit::Unreadable)?;
    check_owner_and_mode(&real, &metadata)?;
    if let Some(folder) = real.parent() {
        let metadata = fs::metadata(folder).map_err(Unfit::Unreadable)?;
        check_owner_and_mode(folder, &metadata)?;
    }
    Ok(())
}

#[cfg(unix)]
fn check_owner_and_mode(path: &Path, metadata: &Metadata) -> Result<(), Unfit> {
    use std::os::unix::fs::MetadataExt;

    const WRITABLE_BY_OTHERS: u32 = 0o002;
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Unfit::WritableByOthers(path.to_owned()));
    }
    let owner = metadata.uid();
    // Whoever owns this program can do as they like with it anyway.
    let binary = std::env::current_exe()
        .and_then(fs::metadata)
        .map(|metadata| metadata.uid());
    if owner == 0 || owner == current_user() || binary.is_ok_and(|binary| binary == owner) {
        return Ok(());
    }
    Err(Unfit::ForeignOwner {
        path: path.to_owned(),
        owner,
    })
}

/// The effective user.
#[cfg(unix)]
fn current_user() -> u32 {
    unsafe extern "C" {
        safe fn geteuid() -> u32;
    }
    geteuid()
}

/// Windows keeps access lists, which its installers set; they are not looked at here.
#[cfg(not(unix))]
fn check_owner_and_mode(_path: &Path, _metadata: &Metadata) -> Result<(), Unfit> {
    Ok(())
}

/// Text of the system or of a plugin, for one line on a terminal.
pub(super) fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = Printable::from(line);
    line.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_compatible_with_its_own_minor_alone() {
        assert_eq!(compatible("0.1.3"), compatible("0.1.0"));
        assert_ne!(compatible("0.2.0"), compatible("0.1.0"));
        assert_eq!(compatible("1.4.0"), compatible("1.0.0"));
        assert_ne!(compatible("2.0.0"), compatible("1.0.0"));
        assert_ne!(compatible("99.0.0"), compatible(ABI_VERSION));
    }
}
