//! Loads one plugin, smallest step first: the file, the library, its table, and what abi_stable says
//! about it. Each step that can fail has one line for the user.

mod entrance;
mod file;

use std::path::Path;

pub use file::{PluginFile, Sha256};
use forgekeep_abi::{Host, Request, Table};

use crate::unfit::{Unfit, one_line};

/// A plugin's library. It stays loaded for the life of the process: what comes from it points into it.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// Checked by [`entrance`]: both functions are there.
    call: CallFunction,
    drop: DropFunction,
    sha256: Sha256,
}

pub(crate) type CallFunction =
    unsafe extern "C" fn(*const Host, *const Request, *mut forgekeep_abi::Answer);
pub(crate) type DropFunction = unsafe extern "C" fn(*const Host, u64);

impl Library {
    /// Loads the plugin in a file that was looked at.
    ///
    /// # Errors
    ///
    /// It cannot be loaded, or is no plugin for this ABI.
    // Opening a library cannot be safe.
    #[allow(unsafe_code)]
    pub fn load(file: PluginFile) -> Result<Self, Unfit> {
        let sha256 = file.sha256();
        let path = file.into_loadable();
        // SAFETY: opening a library runs its initialisers. Whoever may write the file may run code as
        // this user anyway, as `PluginFile` has made sure.
        let library = unsafe { open(&path) }
            .map_err(|error| Unfit::NotALibrary(one_line(&reason(&error, &path))))?;
        // Leaked before anything points into it.
        let library: &'static libloading::Library = Box::leak(Box::new(library));
        let table: &'static Table = entrance::table(library)?;
        entrance::check_header(library, table)?;
        match (table.call, table.drop) {
            (Some(call), Some(drop)) => Ok(Self { call, drop, sha256 }),
            _ => Err(Unfit::NotATable("a function is missing".to_owned())),
        }
    }

    /// Hash of the file that was loaded.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// What asks the plugin.
    pub(crate) fn call_function(&self) -> CallFunction {
        self.call
    }

    /// What drops an object.
    pub(crate) fn drop_function(&self) -> DropFunction {
        self.drop
    }
}

/// Opens a library so that all it needs is found now or never, and nobody else gets its symbols.
// SAFETY: that of `libloading::Library::new`: initialisers are run.
#[cfg(unix)]
#[allow(unsafe_code)]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix;

    // SAFETY: by the caller's promise.
    let opened = unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) };
    opened.map(Into::into)
}

// SAFETY: that of `libloading::Library::new`: initialisers are run.
#[cfg(not(unix))]
#[allow(unsafe_code)]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: by the caller's promise.
    unsafe { libloading::Library::new(path) }
}

/// What the system's loader says, which libloading keeps behind its own words; without the path, which
/// whoever shows it names, and which may be one of this process's own.
fn reason(error: &libloading::Error, path: &Path) -> String {
    let source = std::error::Error::source(error);
    let words = source.map_or_else(|| error.to_string(), ToString::to_string);
    let of_path = path.to_str().map(|path| format!("{path}: "));
    of_path.map_or_else(|| words.clone(), |path| words.replace(&path, ""))
}
