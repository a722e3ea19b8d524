//! A plugin's file, before it is opened as a library: who may change it, and what is in it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fmt;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::unfit::Unfit;

/// Start of a plugin's file name, after the platform's prefix.
const STEM: &str = "forgekeep_hoster_";

/// What a file is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// A plugin's file that is held open, so that what was looked at is what is loaded.
#[derive(Debug)]
pub struct PluginFile {
    path: PathBuf,
    file: File,
    sha256: Sha256,
}

impl PluginFile {
    /// Looks at a file: it is one, only this user and root can change it, and this is its hash. None
    /// of its code runs.
    ///
    /// # Errors
    ///
    /// It cannot be read, or others may change it.
    pub fn examine(path: &Path) -> Result<Self, Unfit> {
        let unreadable = |error: io::Error| Unfit::unreadable(&error);
        let mut file = open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Unfit::NotAFile);
        }
        let real = path.canonicalize().map_err(unreadable)?;
        check_owner_and_mode(&real, &metadata)?;
        if let Some(folder) = real.parent() {
            let metadata = fs::metadata(folder).map_err(unreadable)?;
            check_owner_and_mode(folder, &metadata)?;
        }
        let sha256 = hash(&mut file).map_err(unreadable)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            sha256,
        })
    }

    /// Makes sure that it is the file that was looked at before.
    ///
    /// # Errors
    ///
    /// It is another.
    pub fn expect(self, sha256: Sha256) -> Result<Self, Unfit> {
        match self.sha256 == sha256 {
            true => Ok(self),
            false => Err(Unfit::Changed {
                expected: sha256.to_string(),
                found: self.sha256.to_string(),
            }),
        }
    }

    /// The id in a file's name; `None` if it is not a plugin's.
    pub fn id_in_name(path: &Path) -> Option<String> {
        let name = path.file_name()?.to_str()?;
        let id = name.strip_prefix(DLL_PREFIX)?.strip_prefix(STEM)?;
        let id = id.strip_suffix(DLL_SUFFIX)?;
        // Rust writes a crate's `-` as `_` in the file's name.
        (!id.is_empty()).then(|| id.replace('_', "-"))
    }

    /// Its hash.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// A path for the system's loader, which leads to this file and no other. Where there is one, it
    /// names the descriptor, which then stays open for good: the loader knows libraries by their
    /// path, and would take another file under the same number for this one.
    pub(super) fn into_loadable(self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::{AsRawFd, IntoRawFd};

            let path = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
            if fs::metadata(&path).is_ok() {
                let _ = self.file.into_raw_fd();
                return path;
            }
            log::debug!("there is no /proc: the plugin is loaded by its path");
        }
        self.path
    }
}

/// Opens a file for reading; a pipe without a writer does not hold it up.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

fn hash(file: &mut File) -> io::Result<Sha256> {
    let mut digest = sha2::Sha256::new();
    let mut buffer = vec![0_u8; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Sha256(digest.finalize().into())),
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A plugin may run with all the rights of this user: only they, and root, may be able to change it.
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
    let user = rustix::process::geteuid().as_raw();
    if owner == 0 || owner == user || binary.is_ok_and(|binary| binary == owner) {
        return Ok(());
    }
    Err(Unfit::ForeignOwner {
        path: path.to_owned(),
        owner,
    })
}

/// Windows keeps access lists, which its installers set; they are not looked at here.
#[cfg(not(unix))]
fn check_owner_and_mode(_path: &Path, _metadata: &Metadata) -> Result<(), Unfit> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plugins_name_has_an_id() {
        let name = format!("/x/{DLL_PREFIX}{STEM}bitbucket_dc{DLL_SUFFIX}");
        let id = |name: &str| PluginFile::id_in_name(Path::new(name));
        assert_eq!(id(&name).as_deref(), Some("bitbucket-dc"));
        for other in [
            "libfoo.so",
            "libforgekeep_hoster_.so",
            "forgekeep_hoster_x.txt",
            "/",
        ] {
            assert_eq!(id(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_is_known_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        let file = PluginFile::examine(&path).unwrap();
        // The first example of FIPS 180-2.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(file.sha256().to_string(), expected);
        let hash = file.sha256();
        assert!(file.expect(hash).is_ok());
        fs::write(&path, "other").unwrap();
        let changed = PluginFile::examine(&path).unwrap().expect(hash);
        assert!(matches!(changed, Err(Unfit::Changed { .. })));
    }

    #[test]
    fn what_is_no_file_or_may_be_changed_by_others_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let examine = |path: &Path| PluginFile::examine(path).map(|_| ());
        assert_eq!(examine(folder.path()), Err(Unfit::NotAFile));
        let missing = folder.path().join("missing");
        assert!(matches!(examine(&missing), Err(Unfit::Unreadable(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let open = folder.path().join("open");
            fs::write(&open, "").unwrap();
            let mode = |path: &Path, mode| {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            };
            mode(&open, 0o666);
            let real = open.canonicalize().unwrap();
            let writable = Err(Unfit::WritableByOthers(real));
            assert_eq!(examine(&open), writable);
            // Also through a link that is owned by this user.
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&open, &link).unwrap();
            assert_eq!(examine(&link), writable);
            mode(&open, 0o644);
            mode(folder.path(), 0o777);
            assert!(matches!(
                examine(&open),
                Err(Unfit::WritableByOthers(path)) if path != open.canonicalize().unwrap()
            ));
            mode(folder.path(), 0o700);
        }
    }
}
