//! `init --json` and `demo --json`.

use std::path::Path;

use forgekeep_failure::{ExitCode, Failure};
use forgekeep_store::report::Report;
use forgekeep_untrusted::Untrusted;
use serde::Serialize;

use crate::SCHEMA;
use crate::check::CheckDocument;

/// What `forgekeep init --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InitDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    pub schema: u32,
    /// Exit code of the process: that of the check.
    pub exit_code: ExitCode,
    /// File with the configuration; none if nothing was written.
    pub configuration: Option<Untrusted>,
    /// File with the token, if one was written.
    pub token_file: Option<Untrusted>,
    /// What the check has found, as `check --json` says it; none if it could not be made.
    pub check: Option<CheckDocument>,
    /// Why the check could not be made, or why nothing was written.
    pub error: Option<Failure>,
}

impl InitDocument {
    /// Nothing is written yet.
    pub fn new(exit_code: ExitCode, check: Option<CheckDocument>, error: Option<Failure>) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            configuration: None,
            token_file: None,
            check,
            error,
        }
    }

    /// These files were written.
    #[must_use]
    pub fn written(mut self, configuration: &Path, token: Option<&Path>) -> Self {
        self.configuration = Some(Untrusted::of_path(configuration));
        self.token_file = token.map(Untrusted::of_path);
        self
    }
}

/// What `forgekeep demo --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DemoDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process: that of the last backup.
    exit_code: ExitCode,
    /// Folder of the demo.
    folder: Untrusted,
    /// File with its configuration.
    configuration: Untrusted,
    /// Its backup folder.
    backup_folder: Untrusted,
    /// What was changed upstream between the two backups.
    changes: Vec<String>,
    /// The reports of the backups.
    reports: Vec<Report>,
}

impl DemoDocument {
    /// Of a demo in a folder, as far as it went.
    pub fn new(
        exit_code: ExitCode,
        folder: &Path,
        configuration: &Path,
        backup_folder: &Path,
        changes: Vec<String>,
        reports: Vec<Report>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            folder: Untrusted::of_path(folder),
            configuration: Untrusted::of_path(configuration),
            backup_folder: Untrusted::of_path(backup_folder),
            changes,
            reports,
        }
    }
}
