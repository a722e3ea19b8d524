//! The schemas are as they would be made now. `cargo update-schemas` (`FORGEKEEP_UPDATE_DOCS=1`) writes
//! them again.

use std::fs;
use std::path::Path;

use forgekeep_recovery::report::RestoreReport;
use forgekeep_status::Status;
use forgekeep_store::report;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    CheckDocument, DemoDocument, DrillDocument, Failed, ForgetDocument, InitDocument, ListDocument,
    NotifyDocument, PlanDocument, PluginDocument, PluginsDocument, RestoreDocument,
    ScheduleDocument, SnapshotsDocument, StatusUntold, VerifyDocument, schema,
};

/// What a command prints with `--json`.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "a type for the schema alone")]
enum Printed<Document> {
    Done(Document),
    Failed(Failed),
}

/// The same of a command that has two documents.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
#[expect(dead_code, reason = "a type for the schema alone")]
enum Either<One, Other> {
    One(One),
    Other(Other),
}

fn compare_or_write<Document: JsonSchema>(name: &str, command: &str) {
    let title = format!("What {command} prints, schema 1");
    let made = report::schema_of::<Document>(name, &title, DESCRIPTION);
    let file = format!("../../schema/{name}.schema.json");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some() {
        fs::write(&file, made).unwrap();
        return;
    }
    assert_eq!(
        schema(name),
        Some(made.as_str()),
        "{name} is not as it would be made"
    );
}

const DESCRIPTION: &str = "Within schema 1, fields are added, never renamed or removed: ignore what you do not know. A command that cannot do what it was asked prints a document with `error` alone.";

#[test]
fn the_schemas_are_made_from_the_types() {
    compare_or_write::<Printed<PlanDocument>>("plan", "`forgekeep backup --dry-run --json`");
    compare_or_write::<Printed<ListDocument<'static>>>("list", "`forgekeep list --json`");
    compare_or_write::<Printed<CheckDocument>>("check", "`forgekeep check --json`");
    compare_or_write::<Printed<Either<Status, StatusUntold>>>(
        "status",
        "`forgekeep status --json`",
    );
    compare_or_write::<Printed<SnapshotsDocument>>("snapshots", "`forgekeep snapshots --json`");
    compare_or_write::<Printed<RestoreDocument>>("restore", "`forgekeep restore --json`");
    compare_or_write::<Printed<RestoreReport>>(
        "restore-to-hoster",
        "`forgekeep restore --to-hoster --json`",
    );
    compare_or_write::<Printed<DrillDocument<'_>>>("drill", "`forgekeep drill --json`");
    compare_or_write::<Printed<VerifyDocument<'_>>>("verify", "`forgekeep verify --json`");
    compare_or_write::<Printed<ForgetDocument<'_>>>("forget", "`forgekeep forget --json`");
    compare_or_write::<Printed<ScheduleDocument>>("schedule", "`forgekeep schedule … --json`");
    compare_or_write::<Printed<NotifyDocument>>("notify", "`forgekeep notify test --json`");
    compare_or_write::<Printed<Either<PluginsDocument, PluginDocument>>>(
        "plugins",
        "`forgekeep plugins … --json`",
    );
    compare_or_write::<Printed<InitDocument>>("init", "`forgekeep init --json`");
    compare_or_write::<Printed<DemoDocument>>("demo", "`forgekeep demo --json`");
    compare_or_write::<Failed>("failed", "a command with `--json` that fails");
}
