//! The backup folder before a run: there, locked, and with a copy of the configuration.

use std::path::Path;
use std::{fs, io};

use forgekeep_durable::{atomic_file, regular_file};
use forgekeep_failure::{ErrorKind, ExitCode, Failure};
use forgekeep_known_folders::KnownFolder;
use forgekeep_status::{Sizes, days};
use forgekeep_store::history::Run;
use forgekeep_store::report::Report;
use jiff::Timestamp;

use super::{Engine, RunError};

/// The failure where neither the backup folder is there nor the one it would be in.
pub(super) fn missing(folder: &Path, error: &io::Error) -> RunError {
    let failure = Failure::disk("create the backup folder", folder, error).with_hint(
        "check whether the disk is mounted; if it is, create the folder: neither it nor its \
        parent exists",
    );
    RunError::folder(failure)
}

impl Engine {
    /// The backup folder must be there. It is only made if the folder it is in exists: one that is
    /// missing with all its parents is more likely a disk that is not mounted.
    pub(super) fn prepare_folder(&self) -> Result<(), RunError> {
        let folder = &self.config.local_folder;
        // Before anything is written: it may be the mount point of a disk that is not there.
        if !self.accept_folder {
            self.known_folder().check().map_err(RunError::OtherFolder)?;
        }
        match new_folder(folder, self.config.options.backup.umask) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(missing(folder, &error)),
            Err(error) => Err(RunError::folder(Failure::disk(
                "use the backup folder",
                folder,
                &error,
            ))),
        }
    }

    fn known_folder(&self) -> KnownFolder<'_> {
        KnownFolder::new(self.state_folder.as_deref(), &self.config.local_folder)
    }

    /// Has the next run know this folder.
    pub(super) fn remember_folder(&self) {
        if let Err(failure) = self.known_folder().remember() {
            log::warn!("a disk that is not mounted will not be noticed: {failure}");
        }
    }

    /// Keeps the report of a run that had the lock, also of one that then could not be made.
    pub(super) fn keep(
        &self,
        started: Timestamp,
        run: Run,
        result: Result<Report, RunError>,
    ) -> Result<Report, RunError> {
        match result {
            Ok(mut report) => {
                if let Err(failure) = run.keep(&mut report, &self.redactor) {
                    report.add_error(failure.while_doing("the run's report is not kept"));
                }
                // `forgekeep status` can do without, and the end of a run that is interrupted is awaited.
                if !self.cancel.is_cancelled() {
                    self.remember();
                }
                Ok(report)
            }
            Err(error) => {
                let mut report = Report::refused(started, ExitCode::Unexpected, error.to_failure());
                if let Err(failure) = run.keep(&mut report, &self.redactor) {
                    log::error!("the run's report is not kept: {failure}");
                }
                Err(error)
            }
        }
    }

    /// Takes down what `forgekeep status` is told by. Nothing is lost where that fails: it reads what it
    /// needs itself, and the next run takes it down.
    fn remember(&self) {
        let folder = &self.config.local_folder;
        let sizes = forgekeep_status::remember(folder).unwrap_or_else(|failure| {
            log::warn!("{failure}");
            Sizes::new()
        });
        match days::update(folder, &sizes) {
            Ok(findings) => {
                for finding in findings {
                    log::warn!("{}", finding.message);
                }
            }
            Err(failure) => log::warn!("{failure}"),
        }
    }

    /// Puts a copy of the configuration beside the backup, as SCM Backup does, but without secrets.
    pub(super) fn copy_config(&self) -> Result<(), Failure> {
        let Some(name) = self.config.file.file_name() else {
            return Ok(());
        };
        let masked = self.config.masked_copy().map_err(|error| {
            Failure::new(ErrorKind::Config, error.message()).with_hint(error.hint())
        })?;
        let folder = self.config.local_folder.join("_config");
        let path = folder.join(name);
        if regular_file::read(&path).is_ok_and(|old| old == masked.as_bytes()) {
            return Ok(());
        }
        regular_file::make_folder(&folder)?;
        atomic_file::replace(&path, masked.as_bytes())
    }
}

/// Source code is for its owners: a backup folder that is made here is for its user alone, unless
/// the configuration says otherwise.
fn new_folder(folder: &Path, umask: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o777 & !umask);
    #[cfg(not(unix))]
    let _ = umask;
    builder.create(folder)
}
