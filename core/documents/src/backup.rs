//! `backup --dry-run --json`; that of a run is the report of `forgekeep-store`.

use forgekeep_engine::plan::{Action, Plan, Task};
use forgekeep_failure::ExitCode;
use forgekeep_store::report::SourceReport;
use forgekeep_untrusted::Untrusted;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep backup --dry-run --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// Always true: nothing was changed.
    dry_run: bool,
    /// The sources, in the order of the configuration.
    sources: Vec<SourcePlanned>,
}

/// What a run would do about a source.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct SourcePlanned {
    /// What would be in the report before anything is backed up: its `repositories` are those that would not
    /// be.
    #[serde(flatten)]
    report: SourceReport,
    /// What would be done.
    planned: Vec<Planned>,
}

/// What a run would do about a repository.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    /// The hoster's immutable identity.
    id: Untrusted,
    /// Full name at the hoster.
    name: Untrusted,
    /// What would be done.
    action: PlannedAction,
    /// Folder below that of the source.
    folder: Untrusted,
    /// Folder in which it is now, if that is another.
    moved_from: Option<Untrusted>,
    /// Size in bytes, where the hoster says it.
    size: Option<u64>,
    /// Whether git would not be asked for it, since the hoster's listing proves that it has not changed.
    unchanged: bool,
}

/// What is done about a repository.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum PlannedAction {
    /// It is not in the backup yet.
    Clone,
    /// It is.
    Update,
    /// A folder of SCM Backup's with its name is taken over.
    Adopt,
}

impl PlanDocument {
    /// Of a plan, and of what is known of its sources.
    pub fn new(exit_code: ExitCode, plan: &Plan, sources: Vec<SourceReport>) -> Self {
        let sources = sources.into_iter().enumerate().map(|(index, report)| {
            let tasks = plan.tasks.iter().filter(|task| task.source == index);
            SourcePlanned {
                planned: tasks.map(Planned::from).collect(),
                report,
            }
        });
        Self {
            schema: SCHEMA,
            exit_code,
            dry_run: true,
            sources: sources.collect(),
        }
    }
}

impl From<&Task> for Planned {
    fn from(task: &Task) -> Self {
        let moved_from = task.from.as_ref();
        Self {
            id: task.repository.id.clone(),
            name: task.repository.full_name.clone(),
            action: match task.action {
                Action::Clone => PlannedAction::Clone,
                Action::Update => PlannedAction::Update,
                Action::Adopt => PlannedAction::Adopt,
            },
            folder: task.folder.as_str().into(),
            moved_from: moved_from.map(|from| from.folder.as_str().into()),
            size: task.repository.size(),
            unchanged: task.by_listing.is_unchanged(),
        }
    }
}
