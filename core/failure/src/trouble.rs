//! What an error of the system says about what was to be read.
//!
//! That something could not be read does not say that it is damaged: memory, descriptors or rights
//! may be lacking, or a file system of the network be away. Only what the medium itself could not
//! give, and what was read and is wrong, is damage.

use std::io;

/// Whose trouble an error of the system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The machine's: nothing follows from it about what is on the disk.
    Machine,
    /// The medium's: what was written there cannot be had back, at least not now.
    Medium,
    /// There is no such file (any more).
    Missing,
}

/// What an error means. `None` if it does not come from the system, or is about what was found: a
/// folder where a file should be, a link that leads in a circle.
pub fn of(error: &io::Error) -> Option<Trouble> {
    use io::ErrorKind as K;
    match error.raw_os_error() {
        Some(code) => of_code(code, error.kind()),
        None => match error.kind() {
            K::NotFound => Some(Trouble::Missing),
            K::OutOfMemory
            | K::PermissionDenied
            | K::StorageFull
            | K::QuotaExceeded
            | K::ReadOnlyFilesystem
            | K::StaleNetworkFileHandle
            | K::TimedOut
            | K::WouldBlock
            | K::Interrupted => Some(Trouble::Machine),
            _ => None,
        },
    }
}

#[cfg(unix)]
fn of_code(code: i32, _kind: io::ErrorKind) -> Option<Trouble> {
    use rustix::io::Errno as E;

    // What file systems say of a sector or a structure of theirs that is lost.
    const MEDIUM: [E; 3] = [E::IO, E::BADMSG, E::NODATA];
    #[cfg(target_os = "linux")]
    const OF_LINUX: [E; 2] = [E::UCLEAN, E::REMOTEIO];
    #[cfg(not(target_os = "linux"))]
    const OF_LINUX: [E; 0] = [];
    const MISSING: [E; 2] = [E::NOENT, E::NOTDIR];
    const FOUND: [E; 5] = [E::ISDIR, E::LOOP, E::NAMETOOLONG, E::INVAL, E::EXIST];

    let error = E::from_raw_os_error(code);
    if MISSING.contains(&error) {
        Some(Trouble::Missing)
    } else if MEDIUM.contains(&error) || OF_LINUX.contains(&error) {
        Some(Trouble::Medium)
    } else if FOUND.contains(&error) {
        None
    } else {
        Some(Trouble::Machine)
    }
}

#[cfg(not(unix))]
fn of_code(_code: i32, kind: io::ErrorKind) -> Option<Trouble> {
    match kind {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some(Trouble::Missing),
        io::ErrorKind::IsADirectory | io::ErrorKind::AlreadyExists => None,
        _ => Some(Trouble::Machine),
    }
}

/// Whether it is memory, descriptors or processes that are lacking: nothing of a disk.
pub fn is_of_process(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno as E;
        const LACKING: [E; 5] = [E::NOMEM, E::MFILE, E::NFILE, E::AGAIN, E::INTR];
        let code = error.raw_os_error();
        if code.is_some_and(|code| LACKING.contains(&E::from_raw_os_error(code))) {
            return true;
        }
    }
    error.kind() == io::ErrorKind::OutOfMemory
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn the_machines_trouble_is_told_from_the_mediums() {
        use Errno as E;
        for error in [
            E::NOMEM,
            E::MFILE,
            E::NFILE,
            E::ACCESS,
            E::PERM,
            E::INTR,
            E::AGAIN,
            E::NOSPC,
            E::DQUOT,
            E::ROFS,
            E::STALE,
            E::TIMEDOUT,
            E::NODEV,
            E::NXIO,
            E::FBIG,
            E::NOLCK,
            E::HOSTDOWN,
            E::BUSY,
            E::CONNRESET,
        ] {
            assert_eq!(of(&error.into()), Some(Trouble::Machine), "{error}");
        }
        for error in [E::IO, E::BADMSG, E::NODATA] {
            assert_eq!(of(&error.into()), Some(Trouble::Medium), "{error}");
        }
        assert_eq!(of(&E::NOENT.into()), Some(Trouble::Missing));
        assert_eq!(of(&E::ISDIR.into()), None);
        assert_eq!(of(&io::ErrorKind::UnexpectedEof.into()), None);
        assert_eq!(of(&io::ErrorKind::InvalidData.into()), None);
    }

    #[test]
    fn a_process_may_lack_what_no_disk_has() {
        assert!(is_of_process(&Errno::MFILE.into()) && !is_of_process(&Errno::ACCESS.into()));
    }
}
