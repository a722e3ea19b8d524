//! Writes below the folder of the work tree, and nowhere else: paths are seen from that folder, what
//! is there is never followed nor replaced, and links come last.

#[cfg(not(unix))]
pub(super) use other::Root;
#[cfg(unix)]
pub(super) use unix::Root;

/// What git's index knows about a file, to see that it is unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stat {
    /// Seconds and nanoseconds.
    pub changed: (u32, u32),
    pub modified: (u32, u32),
    pub device: u32,
    pub inode: u32,
    pub user: u32,
    pub group: u32,
    pub size: u32,
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use rustix::fs::{self as system, AtFlags, Mode, OFlags};

    use super::Stat;

    pub(in super::super) struct Root(File);

    fn path(bytes: &[u8]) -> &Path {
        Path::new(OsStr::from_bytes(bytes))
    }

    impl Root {
        pub(in super::super) fn open(folder: &Path) -> io::Result<Self> {
            fs::File::open(folder).map(Self)
        }

        pub(in super::super) fn make_folder(&self, at: &[u8]) -> io::Result<()> {
            Ok(system::mkdirat(
                &self.0,
                path(at),
                Mode::from_raw_mode(0o777),
            )?)
        }

        /// Whether there is a folder, and no link to one.
        pub(in super::super) fn is_folder(&self, at: &[u8]) -> bool {
            let found = system::statat(&self.0, path(at), AtFlags::SYMLINK_NOFOLLOW);
            found.is_ok_and(|found| {
                system::FileType::from_raw_mode(found.st_mode) == system::FileType::Directory
            })
        }

        pub(in super::super) fn create(&self, at: &[u8], executable: bool) -> io::Result<File> {
            let mode = if executable { 0o777 } else { 0o666 };
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = system::openat(&self.0, path(at), flags, Mode::from_raw_mode(mode))?;
            Ok(File::from(file))
        }

        pub(in super::super) fn remove(&self, at: &[u8]) {
            let _ = system::unlinkat(&self.0, path(at), AtFlags::empty());
        }

        pub(in super::super) fn link(&self, at: &[u8], target: &[u8]) -> io::Result<Stat> {
            system::symlinkat(path(target), &self.0, path(at))?;
            let found = system::statat(&self.0, path(at), AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(Stat {
                changed: (found.st_ctime as u32, found.st_ctime_nsec as u32),
                modified: (found.st_mtime as u32, found.st_mtime_nsec as u32),
                device: found.st_dev as u32,
                inode: found.st_ino as u32,
                user: found.st_uid,
                group: found.st_gid,
                size: found.st_size as u32,
            })
        }

        /// Of a file that was written.
        pub(in super::super) fn stat(file: &File) -> io::Result<Stat> {
            let found = file.metadata()?;
            Ok(Stat {
                changed: (found.ctime() as u32, found.ctime_nsec() as u32),
                modified: (found.mtime() as u32, found.mtime_nsec() as u32),
                device: found.dev() as u32,
                inode: found.ino() as u32,
                user: found.uid(),
                group: found.gid(),
                size: found.size() as u32,
            })
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::fs::{self, File};
    use std::io;
    use std::path::{Path, PathBuf};
    use std::time::UNIX_EPOCH;

    use super::Stat;

    pub(in super::super) struct Root(PathBuf);

    impl Root {
        pub(in super::super) fn open(folder: &Path) -> io::Result<Self> {
            Ok(Self(folder.to_owned()))
        }

        fn path(&self, at: &[u8]) -> io::Result<PathBuf> {
            let name = std::str::from_utf8(at);
            let name = name.map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
            Ok(self.0.join(name))
        }

        pub(in super::super) fn make_folder(&self, at: &[u8]) -> io::Result<()> {
            fs::create_dir(self.path(at)?)
        }

        pub(in super::super) fn is_folder(&self, at: &[u8]) -> bool {
            let found = self.path(at).and_then(fs::symlink_metadata);
            found.is_ok_and(|found| found.is_dir())
        }

        pub(in super::super) fn create(&self, at: &[u8], _executable: bool) -> io::Result<File> {
            File::create_new(self.path(at)?)
        }

        pub(in super::super) fn remove(&self, at: &[u8]) {
            let _ = self.path(at).and_then(fs::remove_file);
        }

        /// A file with the target in it, as git does where links are off.
        pub(in super::super) fn link(&self, at: &[u8], target: &[u8]) -> io::Result<Stat> {
            fs::write(self.path(at)?, target)?;
            Self::stat(&File::open(self.path(at)?)?)
        }

        pub(in super::super) fn stat(file: &File) -> io::Result<Stat> {
            let found = file.metadata()?;
            let time = |time: io::Result<std::time::SystemTime>| {
                let since = time
                    .ok()
                    .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                since.map_or((0, 0), |since| {
                    (since.as_secs() as u32, since.subsec_nanos())
                })
            };
            Ok(Stat {
                changed: time(found.created()),
                modified: time(found.modified()),
                size: found.len() as u32,
                ..Stat::default()
            })
        }
    }
}
