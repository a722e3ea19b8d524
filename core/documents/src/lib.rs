//! What the commands print with `--json`: one document for each, made of what the other crates have found
//! out. Within its `schema`, fields are added, never renamed or removed.
//!
//! The form of each is in `schema/`, made from these types by the tests of this crate.

mod backup;
mod check;
mod drill;
mod failed;
mod forget;
mod list;
#[cfg(test)]
mod made;
mod notify;
mod plugins;
mod restore;
mod schedule;
mod schemas;
mod set_up;
mod snapshots;
mod status;
mod verify;

pub use backup::PlanDocument;
pub use check::{CheckDocument, Checking};
pub use drill::DrillDocument;
pub use failed::Failed;
pub use forget::{ForgetDocument, ForgetPart, ForgottenSnapshot};
pub use list::ListDocument;
pub use notify::NotifyDocument;
pub use plugins::{PluginDocument, PluginsDocument};
pub use restore::{RestoreDocument, RestoredPart};
pub use schedule::ScheduleDocument;
pub use schemas::{NAMES, schema};
pub use set_up::{DemoDocument, InitDocument};
pub use snapshots::SnapshotsDocument;
pub use status::StatusUntold;
pub use verify::VerifyDocument;

/// Version of each document's format.
const SCHEMA: u32 = 1;
