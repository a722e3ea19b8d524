//! libgit2, before its first use in a process, and what its errors say.

mod reason;

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Show as _, Shown};

use crate::memory;

pub use reason::explain;

/// Sets libgit2 up, once in a process, before its first use.
///
/// # Errors
///
/// [`ErrorKind::Git`], if libgit2 cannot be set up at all.
pub fn initialise() -> Result<(), Failure> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| set_up().map_err(|error| words(&error).into()))
        .clone()
        .map_err(|error| Failure::new(ErrorKind::Git, format!("libgit2 cannot be set up: {error}")))
}

/// The version of libgit2: major, minor, revision.
pub fn version() -> (u32, u32, u32) {
    git2::Version::get().libgit2_version()
}

#[allow(unsafe_code)]
fn set_up() -> Result<(), git2::Error> {
    use git2::ConfigLevel::{Global, ProgramData, System, XDG};

    // No object may take all memory.
    memory::set_up()?;

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

/// What libgit2 says, as it may be shown: it quotes names of refs and files. Nobody else asks it for this.
#[allow(clippy::disallowed_methods)]
pub fn words(error: &git2::Error) -> Shown<'_> {
    Shown::of(error.message())
}

/// What libgit2 says, if the machine is behind it and not what it was to read at `path`; or that this was
/// too large.
pub fn of_machine(doing: &str, path: &Path, error: &git2::Error) -> Option<Failure> {
    if let Some(why) = memory::behind(error) {
        let message = format!("cannot {doing} {}: {why}", path.shown());
        return Some(too_large(message, &why));
    }
    let error = behind(error)?;
    let failure = Failure::disk(doing, path, &error);
    failure.is_of_machine().then_some(failure)
}

/// An object was not read, or not taken in, because it would take too much memory.
pub fn too_large(message: String, why: &str) -> Failure {
    let mut failure = Failure::new(ErrorKind::Machine, message).with_hint(memory::HINT);
    failure.too_large = Some(why.into());
    failure
}

/// The error of the system behind one of libgit2's. Its class says that there is one; which one, only
/// the end of its message, where libgit2 has put what the system calls it. This is the one place that
/// reads it, and it compares with what the system calls its errors now.
#[allow(clippy::disallowed_methods)]
pub fn behind(error: &git2::Error) -> Option<io::Error> {
    match error.class() {
        git2::ErrorClass::NoMemory => Some(io::ErrorKind::OutOfMemory.into()),
        git2::ErrorClass::Os | git2::ErrorClass::Filesystem => in_text(error.message()),
        _ => None,
    }
}

#[cfg(unix)]
fn in_text(message: &str) -> Option<io::Error> {
    /// Above the last one of any system.
    const MOST: i32 = 256;
    static NAMES: OnceLock<Vec<(String, i32)>> = OnceLock::new();

    let names = NAMES.get_or_init(|| {
        let name = |code: i32| {
            let text = io::Error::from_raw_os_error(code).to_string();
            let name = text.split(" (os error").next().unwrap_or_default();
            // Those that are none all have the same name, with the number.
            let is_one = !name.contains(&code.to_string());
            is_one.then(|| (format!(": {name}"), code))
        };
        (1..MOST).filter_map(name).collect()
    });
    let found = names.iter().find(|(name, _)| message.ends_with(name));
    found.map(|(_, code)| io::Error::from_raw_os_error(*code))
}

#[cfg(not(unix))]
fn in_text(_message: &str) -> Option<io::Error> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use forgekeep_failure::trouble::{self, Trouble};
    use git2::{Error, ErrorClass, ErrorCode};
    use rustix::io::Errno;

    use super::*;

    fn said(class: ErrorClass, error: Errno) -> Error {
        let text = io::Error::from(error).to_string();
        let text = text.split(" (os").next().unwrap_or_default();
        Error::new(
            ErrorCode::GenericError,
            class,
            format!("failed to open 'x': {text}"),
        )
    }

    #[test]
    fn an_error_of_the_system_is_found_behind_one_of_libgit2() {
        use Errno as E;
        for error in [
            E::NOMEM,
            E::MFILE,
            E::ACCESS,
            E::PERM,
            E::NOSPC,
            E::STALE,
            E::BUSY,
        ] {
            let behind = behind(&said(ErrorClass::Os, error)).unwrap();
            assert_eq!(behind.raw_os_error(), Some(error.raw_os_error()), "{error}");
            assert_eq!(trouble::of(&behind), Some(Trouble::Machine), "{error}");
        }
    }

    #[test]
    fn only_what_has_the_class_is_of_the_system() {
        assert!(behind(&said(ErrorClass::Odb, Errno::ACCESS)).is_none());
        assert!(behind(&Error::from_str("no reason")).is_none());
        let memory = Error::new(
            ErrorCode::GenericError,
            ErrorClass::NoMemory,
            "Out of memory",
        );
        let behind = behind(&memory).unwrap();
        assert_eq!(trouble::of(&behind), Some(Trouble::Machine));
    }
}
