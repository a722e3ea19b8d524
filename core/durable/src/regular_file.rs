//! Files of a backup folder, opened as what they have to be: regular files, where they stand.
//!
//! Whoever can write to a backup folder could put a link in the place of a file of ours, and have us
//! read or write elsewhere, or a pipe, and have us wait for ever. So nothing is opened through a link,
//! opening never waits, and what is no regular file is refused before a byte of it is read. The backup
//! folder itself, a source's and a repository's may be links, to another disk for instance: their
//! operator has put them there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use forgekeep_failure::{Failure, Unexpected};

use crate::atomic_file;

/// Most bytes for which room is made before they are read: a length is what a file system says.
const MOST_AT_ONCE: u64 = 64 * 1024 * 1024;

/// Opens a file to read it.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OpenOptions::new().read(true))
}

/// Opens a file with any options.
pub fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_sized(path, options).map(|(file, _)| file)
}

/// The same, with its length in bytes.
fn open_sized(path: &Path, options: &mut OpenOptions) -> io::Result<(File, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) => return Err(what_is_there(path).map_or(error, Unexpected::error)),
    };
    let found = file.metadata()?;
    match unexpected(&found) {
        Some(unexpected) => Err(unexpected.error()),
        None => Ok((file, found.len())),
    }
}

/// Opens a file that may be a link: one that is borrowed, or restored from. It never waits either.
pub fn open_linked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    match unexpected(&file.metadata()?) {
        Some(unexpected) => Err(unexpected.error()),
        None => Ok(file),
    }
}

/// The content of a file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_all(path, u64::MAX)
}

/// The content of a file that has no more bytes than this.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let content = read_all(path, most.saturating_add(1))?;
    match u64::try_from(content.len()).is_ok_and(|length| length <= most) {
        true => Ok(content),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it has more than {most} bytes"),
        )),
    }
}

/// Makes sure that an entry of a folder is a regular file or a folder, without opening it.
pub fn check_kind(path: &Path, kind: fs::FileType) -> Result<(), Failure> {
    match (kind.is_file() || kind.is_dir(), kind.is_symlink()) {
        (true, _) => Ok(()),
        (false, true) => Err(Unexpected::Link.error()),
        (false, false) => Err(Unexpected::Special.error()),
    }
    .map_err(|error| Failure::disk("read", path, &error))
}

/// Reads what is there, up to `most` bytes. With room for it from the start, two calls are enough.
fn read_all(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, length) = open_sized(path, OpenOptions::new().read(true))?;
    let room = length.min(most).saturating_add(1).min(MOST_AT_ONCE);
    let mut content = Vec::with_capacity(usize::try_from(room).unwrap_or_default());
    file.take(most).read_to_end(&mut content)?;
    Ok(content)
}

/// Makes sure that a folder of ours is a folder, and no link to one: what is written below it stays
/// in the backup. Returns whether it is there: one that is not is none of these.
pub fn check_folder(path: &Path) -> Result<bool, Failure> {
    let unexpected = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Ok(true),
        Ok(found) if found.is_symlink() => Unexpected::Link,
        Ok(_) => Unexpected::NoFolder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Failure::disk("read", path, &error)),
    };
    Err(Failure::disk("use", path, &unexpected.error()))
}

/// Makes sure that a file of ours can be replaced: in its place is a regular file, nothing, or a
/// link, which is replaced itself.
pub fn check_file(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => Ok(()),
        Ok(found) => unexpected(&found).map_or(Ok(()), |unexpected| {
            Err(Failure::disk("write", path, &unexpected.error()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::disk("read", path, &error)),
    }
}

/// Makes a folder of ours with those it is in, if it is not there.
pub fn make_folder(path: &Path) -> Result<(), Failure> {
    check_folder(path)?;
    atomic_file::make_folders(path)
}

fn unexpected(found: &fs::Metadata) -> Option<Unexpected> {
    match (found.is_file(), found.is_dir(), found.is_symlink()) {
        (true, ..) => None,
        (_, true, _) => Some(Unexpected::Folder),
        (_, _, true) => Some(Unexpected::Link),
        _ => Some(Unexpected::Special),
    }
}

fn what_is_there(path: &Path) -> Option<Unexpected> {
    unexpected(&fs::symlink_metadata(path).ok()?)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "x").unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink(path("none"), path("dangling")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            path("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        assert_eq!(read(&path("file")).unwrap(), b"x");
        let refused = |path: &Path| Unexpected::of(&read(path).unwrap_err());
        assert_eq!(refused(&path("link")), Some(Unexpected::Link));
        assert_eq!(refused(&path("dangling")), Some(Unexpected::Link));
        assert_eq!(refused(&path("folder")), Some(Unexpected::Folder));
        assert_eq!(refused(&path("pipe")), Some(Unexpected::Special));
        assert_eq!(refused(&path("socket")), Some(Unexpected::Special));
        assert_eq!(refused(Path::new("/dev/null")), Some(Unexpected::Special));
        let none = read(&path("none")).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::NotFound);
        // The disk is not to blame.
        for name in ["link", "folder", "pipe", "socket"] {
            let error = read(&path(name)).unwrap_err();
            let failure = Failure::disk("read", &path(name), &error);
            assert!(!failure.hint.contains("system log"), "{}", failure.hint);
            assert!(failure.hint.contains("remove") || name == "folder");
        }
        assert!(open_linked(&path("link")).is_ok());
        assert!(open_linked(&path("pipe")).is_err());
        assert!(read_at_most(&path("file"), 1).is_ok());
        assert!(read_at_most(&path("file"), 0).is_err());
    }

    #[test]
    fn a_link_in_the_place_of_a_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink(folder.path(), &link).unwrap();
        assert!(check_folder(&link).is_err());
        assert!(make_folder(&link).is_err());
        check_folder(folder.path()).unwrap();
        make_folder(&folder.path().join("a/b")).unwrap();
    }
}
