//! `check --json`.

use std::path::Path;

use forgekeep_engine::run::{Checked, CheckedSource};
use forgekeep_failure::{ExitCode, Failure, Finding};
use forgekeep_folder_check::FolderFacts;
use forgekeep_hoster::CheckReport;
use forgekeep_http::NetworkInForce;
use forgekeep_store::report::{SourceOutcome, SourceReport};
use forgekeep_untrusted::Untrusted;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep check --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// File with the configuration.
    configuration: Untrusted,
    /// The backup folder.
    backup_folder: Untrusted,
    /// Whether no hoster was asked.
    offline: bool,
    /// What the backup folder is like.
    folder: FolderFacts,
    /// What of the environment applies to the network.
    network: NetworkInForce,
    /// The sources, in the order of the configuration.
    sources: Vec<SourceChecked>,
    /// What is wrong besides the sources, or may be.
    warnings: Vec<Finding>,
}

/// What a check found of a source.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct SourceChecked {
    /// Title in the configuration.
    title: String,
    /// Hoster in the configuration.
    hoster: String,
    /// How a backup of it would begin.
    outcome: SourceOutcome,
    /// Why it could not be checked, if so.
    error: Option<Failure>,
    /// What was found.
    #[serde(flatten)]
    found: CheckReport,
}

/// What is checked, and in what surroundings.
pub struct Checking<'a> {
    /// File with the configuration.
    pub configuration: &'a Path,
    /// The backup folder.
    pub backup_folder: &'a Path,
    /// Whether no hoster is asked.
    pub offline: bool,
    /// What the backup folder is like.
    pub folder: &'a FolderFacts,
    /// What of the environment applies to the network.
    pub network: &'a NetworkInForce,
}

impl CheckDocument {
    /// Of what was checked; the reports are those of its sources.
    pub fn new(
        exit_code: ExitCode,
        checking: &Checking<'_>,
        checked: &Checked,
        reports: &[SourceReport],
    ) -> Self {
        let sources = checked.sources.iter().zip(reports);
        Self {
            schema: SCHEMA,
            exit_code,
            configuration: Untrusted::of_path(checking.configuration),
            backup_folder: Untrusted::of_path(checking.backup_folder),
            offline: checking.offline,
            folder: checking.folder.clone(),
            network: checking.network.clone(),
            sources: sources.map(|(one, report)| of(one, report)).collect(),
            warnings: checked.warnings.clone(),
        }
    }
}

fn of(source: &CheckedSource, report: &SourceReport) -> SourceChecked {
    SourceChecked {
        title: source.title.clone(),
        hoster: source.hoster.clone(),
        outcome: report.outcome,
        error: source.result.as_ref().err().cloned(),
        found: source.result.clone().unwrap_or_default(),
    }
}
