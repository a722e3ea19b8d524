//! What libgit2's errors are about.

use std::io;
use std::path::Path;

use forgekeep_durable::space::Space;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;

use crate::{libgit2, memory};

/// Below this, no pack can be written: what failed did so for want of room.
const NOTHING_LEFT: u64 = 4096;

/// An error of libgit2's, met at work in the mirror at `folder`.
pub fn explain(error: &git2::Error, folder: &Path) -> Failure {
    if let Some(why) = memory::behind(error) {
        let message = format!("an object for {} is too large: {why}", folder.shown());
        return libgit2::too_large(message, &why);
    }
    let message = libgit2::words(error).to_string();
    match error.class() {
        git2::ErrorClass::Os | git2::ErrorClass::NoMemory => of_system(error, &message, folder),
        git2::ErrorClass::Net | git2::ErrorClass::Http | git2::ErrorClass::Indexer => {
            Failure::new(ErrorKind::Git, format!("the fetch failed: {message}"))
                .with_hint("run again later; if it persists, report it to the hoster")
                .transient()
        }
        _ => Failure::new(ErrorKind::Git, format!("git failed: {message}")).with_hint(
            "run again with -v to see more; run `git fsck` in the backup's folder to see whether \
            it is intact",
        ),
    }
}

/// What the system has said below libgit2. The message names a temporary file, if any: the mirror is
/// what the user knows.
fn of_system(error: &git2::Error, message: &str, folder: &Path) -> Failure {
    log::debug!("{}: libgit2 says: {message}", folder.shown());
    if let Some(error) = libgit2::behind(error) {
        return Failure::disk("write to", folder, &error);
    }
    // The reason is not always there: libgit2 tells of some errors later than they happen.
    if Space::free(folder).is_some_and(|free| free < NOTHING_LEFT) {
        return Failure::disk("write to", folder, &io::ErrorKind::StorageFull.into());
    }
    let message = format!("cannot write to {}: {message}", folder.shown());
    Failure::new(ErrorKind::Disk, message)
        .with_hint("check whether the disk is full, read-only or damaged")
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn said(message: &str) -> Failure {
        use git2::{Error, ErrorClass, ErrorCode};

        let error = Error::new(ErrorCode::GenericError, ErrorClass::Os, message);
        explain(&error, Path::new("/b/a#web/repo"))
    }

    #[test]
    fn the_systems_own_reason_is_found_in_what_libgit2_says() {
        for (reason, full, hint) in [
            ("No space left on device", true, "make room"),
            ("Disk quota exceeded", true, "quota"),
            ("Read-only file system", false, "mounted read-only"),
            ("Permission denied", false, "permissions"),
            ("File too large", false, "ulimit -f"),
            ("Input/output error", false, "system log"),
        ] {
            let failure = said(&format!("cannot extend packfile '/b/p_git2_1': {reason}"));
            assert_eq!(failure.kind, ErrorKind::Disk);
            assert_eq!(failure.out_of_space, full, "{reason}");
            let wanted = format!("cannot write to /b/a#web/repo: {reason}");
            assert!(failure.message.starts_with(&wanted), "{failure}");
            assert!(failure.hint.contains(hint), "{}", failure.hint);
        }
    }

    #[test]
    fn what_is_not_known_is_passed_on() {
        let failure = said("failed to write out file: ");
        assert_eq!(failure.kind, ErrorKind::Disk);
        assert!(!failure.out_of_space);
        assert!(failure.message.contains("failed to write out file"));
    }
}
