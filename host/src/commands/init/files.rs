//! The files that are written: each is new, for its user alone, and whole or not there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_command_line::Common;
use forgekeep_durable::atomic_file::sync_parent;
use forgekeep_failure::Failure;
use forgekeep_first_config::Syntax;
use forgekeep_untrusted::{Secret, Show as _};
use tempfile::NamedTempFile;

use crate::commands::{offline, variable};
use crate::exit::{Complaint, ExitCode};

/// Where the configuration goes where nothing else is said.
const USUAL: &str = "forgekeep.yml";

/// The configuration that is to be written.
pub struct Target {
    /// Its file, absolute.
    pub file: PathBuf,
    /// How it is written.
    pub syntax: Syntax,
    /// Whether commands find it in this folder without `--config`.
    pub is_usual: bool,
}

impl Target {
    /// The file that is asked for. Nothing may be there yet, nor what would be read in its place.
    pub fn of(common: &Common) -> Result<Self, Complaint> {
        let named = common.config.clone().or_else(|| {
            let named = variable("FORGEKEEP_CONFIG").filter(|name| !name.is_empty());
            named.map(PathBuf::from)
        });
        let is_usual = named.is_none();
        let file = named.unwrap_or_else(|| PathBuf::from(USUAL));
        let Some(syntax) = Syntax::of(&file) else {
            let message = format!("{} does not end in .yml, .yaml or .toml", file.shown());
            let hint = "name the file with --config so that its ending tells the syntax";
            return Err(Complaint::new(ExitCode::Usage, message, hint));
        };
        let file = std::path::absolute(&file)
            .map_err(|error| Complaint::file("find the place of", &file, &error))?;
        refuse_existing(&file, "name another file with --config, or edit this one")?;
        if is_usual {
            for other in ["forgekeep.toml", "settings.yml"] {
                refuse_existing(
                    Path::new(other),
                    "name the file with --config: this folder has a configuration already",
                )?;
            }
        }
        Ok(Self {
            file,
            syntax,
            is_usual,
        })
    }

    /// A file beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.file.with_file_name(name)
    }

    /// Writes the configuration, and the token's file first, if there is one.
    /// `owner` is the user who is to read them, if it is another.
    pub fn write(
        &self,
        text: &str,
        token: Option<(&Path, &Secret)>,
        owner: Option<u32>,
    ) -> Result<(), Complaint> {
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| Complaint::file("create", folder, &error))?;
        }
        let config = Draft::of(&self.file, text.as_bytes(), owner)?;
        let Some((path, secret)) = token else {
            return config.publish();
        };
        Draft::of(path, format!("{}\n", secret.expose()).as_bytes(), owner)?.publish()?;
        config.publish().inspect_err(|_| {
            // It is of no use without the configuration, and the next attempt needs its name.
            let _ = fs::remove_file(path);
        })
    }
}

/// Refuses where there is anything already.
pub fn refuse_existing(path: &Path, hint: &str) -> Result<(), Complaint> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(exists(path, hint)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Complaint::file("look at", path, &error)),
    }
}

fn exists(path: &Path, hint: &str) -> Complaint {
    let message = format!("{} exists already, and is not replaced", path.shown());
    Complaint::new(ExitCode::Usage, message, hint)
}

/// A file that is whole, and has not got its name yet.
struct Draft<'p> {
    file: NamedTempFile,
    path: &'p Path,
}

impl<'p> Draft<'p> {
    fn of(path: &'p Path, content: &[u8], owner: Option<u32>) -> Result<Self, Complaint> {
        let failed = |error: io::Error| Complaint::file("write", path, &error);
        let folder = path.parent().unwrap_or(Path::new("."));
        // It has mode 0600 from the first moment.
        let mut file = NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(content)
            .and_then(|()| file.as_file().sync_all())
            .map_err(failed)?;
        #[cfg(unix)]
        if owner.is_some() {
            std::os::unix::fs::fchown(file.as_file(), owner, None).map_err(failed)?;
        }
        #[cfg(not(unix))]
        let _ = owner;
        Ok(Self { file, path })
    }

    fn publish(self) -> Result<(), Complaint> {
        let path = self.path;
        let named = self.file.persist_noclobber(path).map(|_| ());
        named.map_err(|failed| match failed.error.kind() {
            io::ErrorKind::AlreadyExists => exists(path, "name another file"),
            _ => Complaint::file("write", path, &failed.error),
        })?;
        sync_parent(path).map_err(|failure: Failure| offline::complaint(failure))
    }
}
