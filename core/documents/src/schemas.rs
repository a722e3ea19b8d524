//! The schemas as they stand in `schema/`, for `forgekeep schema`. That of the configuration is made anew,
//! with the plugins that are found.

/// Each document's schema, by the name of its file.
const SCHEMAS: [(&str, &str); 17] = [
    ("report", include_str!("../../../schema/report.schema.json")),
    ("plan", include_str!("../../../schema/plan.schema.json")),
    ("list", include_str!("../../../schema/list.schema.json")),
    ("check", include_str!("../../../schema/check.schema.json")),
    ("status", include_str!("../../../schema/status.schema.json")),
    (
        "snapshots",
        include_str!("../../../schema/snapshots.schema.json"),
    ),
    (
        "restore",
        include_str!("../../../schema/restore.schema.json"),
    ),
    (
        "restore-to-hoster",
        include_str!("../../../schema/restore-to-hoster.schema.json"),
    ),
    ("drill", include_str!("../../../schema/drill.schema.json")),
    ("verify", include_str!("../../../schema/verify.schema.json")),
    ("forget", include_str!("../../../schema/forget.schema.json")),
    (
        "schedule",
        include_str!("../../../schema/schedule.schema.json"),
    ),
    ("notify", include_str!("../../../schema/notify.schema.json")),
    (
        "plugins",
        include_str!("../../../schema/plugins.schema.json"),
    ),
    ("init", include_str!("../../../schema/init.schema.json")),
    ("demo", include_str!("../../../schema/demo.schema.json")),
    ("failed", include_str!("../../../schema/failed.schema.json")),
];

/// The names of all documents that have a schema.
pub const NAMES: [&str; SCHEMAS.len()] = {
    let mut names = [""; SCHEMAS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = SCHEMAS[index].0;
        index += 1;
    }
    names
};

/// The schema of a document, by its name.
pub fn schema(name: &str) -> Option<&'static str> {
    let found = SCHEMAS.iter().find(|(known, _)| *known == name);
    found.map(|(_, schema)| *schema)
}
