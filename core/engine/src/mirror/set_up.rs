//! libgit2, before its first use in a process.

use std::sync::OnceLock;

use crate::{ErrorKind, Failure};

/// Sets libgit2 up, once in a process, before its first use.
///
/// # Errors
///
/// [`ErrorKind::Git`], if libgit2 cannot be set up at all.
pub fn initialise() -> Result<(), Failure> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| set_up().map_err(|error| error.message().to_owned()))
        .clone()
        .map_err(|error| Failure::new(ErrorKind::Git, format!("libgit2 cannot be set up: {error}")))
}

#[allow(unsafe_code)]
fn set_up() -> Result<(), git2::Error> {
    use git2::ConfigLevel::{Global, ProgramData, System, XDG};

    // No object may take all memory.
    crate::memory::set_up()?;

    // SAFETY: these set process-wide state of libgit2 without a lock. `initialise` runs this once,
    // and every use of libgit2 in this crate comes after it has returned.
    unsafe {
        // A user's configuration must not change what is mirrored (hooks, filters).
        for level in [Global, ProgramData, System, XDG] {
            git2::opts::set_search_path(level, "")?;
        }
        // The backup folder is named by the operator; it may well belong to another user.
        git2::opts::set_verify_owner_validation(false)
    }
}
