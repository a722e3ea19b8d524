//! The file of `--report`, and of `status --html`. A regular file is replaced in one step; whatever else the path names (a
//! device, a FIFO, an open descriptor) is written to and stays what it is.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_untrusted::Show as _;
use tempfile::NamedTempFile;

use crate::exit::{Complaint, ExitCode};
use crate::terminal;

/// Links that are followed; as many as Linux does.
const MAX_LINKS: usize = 40;

/// How long a FIFO may be without a reader.
const READER: Duration = Duration::from_secs(10);

/// How often to look for one.
const GLANCE: Duration = Duration::from_millis(50);

/// What is written, in words.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// What is done.
    doing: &'static str,
    /// What is missing where a folder is named.
    hint: &'static str,
}

/// The report of a run.
pub const REPORT: Document = Document {
    doing: "write the report",
    hint: "name a file in it, such as report.json",
};

/// The page of `status --html`.
pub const PAGE: Document = Document {
    doing: "write the page",
    hint: "name a file in it, such as status.html",
};

/// Where a report goes.
#[derive(Debug)]
pub enum ReportFile {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What is written to as it is.
    InPlace(PathBuf),
    /// A regular file, or none yet; links are resolved.
    Regular(PathBuf),
}

impl ReportFile {
    /// Finds out where the report is to go, and whether it can: before a run begins.
    ///
    /// # Errors
    ///
    /// A folder is named, or nothing can be written there.
    pub fn prepare(path: &Path, document: Document) -> Result<Self, Complaint> {
        let refused = |error: &io::Error| Complaint::file(document.doing, path, error);
        let target = if path == Path::new("-") {
            Self::Stdout
        } else {
            Self::find(path).map_err(|error| refused(&error))?
        };
        match &target {
            Self::Stdout | Self::Stderr | Self::InPlace(_) => {}
            Self::Regular(real) if real.is_dir() => {
                let message = format!("cannot {}: {} is a folder", document.doing, path.shown());
                return Err(Complaint::new(ExitCode::Unexpected, message, document.hint));
            }
            Self::Regular(real) => match temporary(real) {
                Ok(_) => {}
                // Not every file that may be written is in a folder that may be.
                Err(_) if OpenOptions::new().append(true).open(real).is_ok() => {
                    return Ok(Self::InPlace(real.clone()));
                }
                Err(error) => return Err(refused(&error)),
            },
        }
        Ok(target)
    }

    /// Whether the report takes standard output, so that nothing else may be written there.
    pub fn takes_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// The file that would be replaced or written to, with its links resolved.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Stdout | Self::Stderr => None,
            Self::InPlace(path) | Self::Regular(path) => Some(path),
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    ///
    /// It could not be written. That standard output was lost is said at the end of the process.
    pub fn write(&self, report: &[u8], document: Document) -> Result<(), Complaint> {
        let (path, written) = match self {
            Self::Stdout => {
                terminal::bytes_to_stdout(report);
                return Ok(());
            }
            Self::Stderr => {
                let _ = io::stderr().lock().write_all(report);
                return Ok(());
            }
            Self::InPlace(path) => (path, in_place(path, report)),
            Self::Regular(path) => (path, replace(path, report)),
        };
        written.map_err(|error| Complaint::file(document.doing, path, &error))
    }

    fn find(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let name = path.file_name().map(OsString::from);
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            };
            let Some(name) = name else {
                return Ok(Self::Regular(path));
            };
            let parent = parent.canonicalize()?;
            let here = parent.join(&name);
            if let Some(descriptor) = descriptor(&parent, &name) {
                return Ok(match descriptor {
                    1 => Self::Stdout,
                    2 => Self::Stderr,
                    _ => Self::InPlace(here),
                });
            }
            match fs::symlink_metadata(&here) {
                Ok(found) if found.is_symlink() => path = parent.join(fs::read_link(&here)?),
                Ok(found) if found.is_file() || found.is_dir() => return Ok(Self::Regular(here)),
                Ok(_) => return Ok(Self::InPlace(here)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Self::Regular(here));
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many links"))
    }
}

/// The number of this process's descriptor that `/dev/fd/3` or `/proc/self/fd/3` names. What it
/// stands for is a link only in name: the file behind it is open, and must not be replaced.
fn descriptor(parent: &Path, name: &OsString) -> Option<u32> {
    let own = format!("/proc/{}/fd", std::process::id());
    let known = [Path::new(&own), Path::new("/dev/fd")];
    let threads = parent.starts_with(format!("/proc/{}/task", std::process::id()));
    let is_folder = known.contains(&parent) || (threads && parent.ends_with("fd"));
    name.to_str()?.parse().ok().filter(|_| is_folder)
}

/// A new file beside another, of a name that nobody has. It is removed on drop.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".partial");
    #[cfg(unix)]
    let permissions: Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(path.parent().unwrap_or(Path::new(".")))
}

/// Beside it first, so that whoever watches the file never reads half of it.
fn replace(path: &Path, report: &[u8]) -> io::Result<()> {
    let mut file = temporary(path)?;
    file.write_all(report)?;
    if let Ok(old) = fs::metadata(path) {
        keep_access(file.as_file(), &old)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whoever may read the old file may read the new one, and nobody else.
#[cfg(unix)]
fn keep_access(file: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    // Only root may give files away; anybody else has made the old one too, mostly.
    let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    file.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

fn in_place(path: &Path, report: &[u8]) -> io::Result<()> {
    let written = open_in_place(path).and_then(|mut file| file.write_all(report));
    match written {
        // A reader that has gone away.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(unix)]
fn open_in_place(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    /// `ENXIO`: nobody has the FIFO open for reading. The same number on all systems.
    const NO_READER: i32 = 6;
    let is_fifo = fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
    let mut reader = None;
    if is_fifo {
        let deadline = Instant::now() + READER;
        reader = loop {
            let mut options = OpenOptions::new();
            options.write(true).custom_flags(NONBLOCK);
            match options.open(path) {
                Ok(file) => break Some(file),
                Err(error) if error.raw_os_error() != Some(NO_READER) => return Err(error),
                Err(_) if Instant::now() >= deadline => {
                    return Err(io::Error::other("nobody reads from this FIFO"));
                }
                Err(_) => thread::sleep(GLANCE),
            }
        };
    }
    // With a reader there, this does not wait.
    let file = OpenOptions::new().write(true).truncate(true).open(path);
    drop(reader);
    file
}

/// `O_NONBLOCK`.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NONBLOCK: i32 = 0o4000;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const NONBLOCK: i32 = 0x0004;

#[cfg(not(unix))]
fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}
