//! The file for Prometheus: replaced at the end of each backup, whatever came of it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use forgekeep_config::{Config, METRICS_ENDING};
use forgekeep_failure::Failure;
use forgekeep_status::Status;
use forgekeep_status::metrics::{RunEnd, render};
use forgekeep_untrusted::{Printable, Show as _, Untrusted};
use jiff::Timestamp;

use crate::exit::{Complaint, ExitCode};
use crate::terminal::tell;

/// Complains about a name that nobody reads.
///
/// # Errors
///
/// The name does not end as it has to.
pub fn check(path: &Path) -> Result<(), Complaint> {
    if Untrusted::of_path(path).raw().ends_with(METRICS_ENDING) {
        return Ok(());
    }
    let message = format!(
        "--metrics {} does not end in `{METRICS_ENDING}`",
        path.shown()
    );
    let hint = "name a file such as `forgekeep.prom`: node_exporter reads no others";
    Err(Complaint::new(ExitCode::Usage, message, hint))
}

/// What is written at the end of a run.
pub struct Metrics {
    path: PathBuf,
    config: Config,
    /// Once it was looked.
    status: Option<Result<Status, Failure>>,
}

impl Metrics {
    /// If they are asked for: by the command line, or else by the configuration.
    pub fn of(config: &Config, named: Option<&Path>) -> Option<Self> {
        let path = named.or(config.options.status.metrics.as_deref())?;
        Some(Self {
            path: path.to_owned(),
            config: config.clone(),
            status: None,
        })
    }

    /// Looks how the backup stands, once the run has ended.
    pub fn look(&mut self) {
        if self.status.is_none() {
            self.status = Some(Status::read(&self.config));
        }
    }

    /// Writes the file. That it cannot be written costs nothing but a warning: whoever reads it sees how old
    /// it is.
    pub fn write(mut self, started: Timestamp, exit_code: ExitCode) {
        self.look();
        let status = match &self.status {
            Some(Ok(status)) => Some(status),
            Some(Err(failure)) => {
                log::warn!("the metrics tell of the run alone: {failure}");
                None
            }
            None => None,
        };
        let run = RunEnd {
            started,
            finished: Timestamp::now(),
            exit_code,
        };
        let folder = &self.config.local_folder;
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let folder = Printable::from(folder.shown());
        let text = render(&folder, run, status);
        if let Err(error) = replace(&self.path, text.as_bytes()) {
            let failure = Failure::disk("write the metrics to", &self.path, &error);
            tell!("{}", forgekeep_summary::text::warning(&failure));
        }
    }
}

/// Beside it first, under a name that nobody reads, and for everybody to read.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(&prefix).suffix(".partial");
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The exporter is another user, whatever this one's umask is.
        let for_all = std::fs::Permissions::from_mode(0o644);
        file.as_file().set_permissions(for_all)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
