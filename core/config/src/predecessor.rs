//! Keys of SCM Backup that Forgekeep knows and doesn't act on. Each gets one warning that says
//! what happens instead, unless its value asks for what Forgekeep does anyway.

use super::reader::{Field, Section};

/// Such keys at the top level.
pub const TOP_LEVEL: &[&str] = &["waitSecondsOnError", "scms"];

/// Such keys in `options.backup`.
pub const BACKUP: &[&str] = &["addTimestampedSubfolder", "timestampFormat", "s3BucketName"];

pub(super) fn warn_top_level(root: &Section<'_>) {
    if let Some(field) = root.get("waitSecondsOnError")
        && !asks_for(&field, "0")
    {
        field.warn("is ignored: Forgekeep ends at once, and its exit code says what went wrong");
    }
    if let Some(field) = root.get("scms") {
        field.warn(format!(
            "is ignored{}: Forgekeep needs no git executable, and backs up git repositories only",
            with_keys(&field)
        ));
    }
}

pub(super) fn warn_backup(backup: &Section<'_>) {
    // Unused, so read without the checks that used keys get.
    if let Some(field) = backup.get("addTimestampedSubfolder")
        && !asks_for(&field, "false")
    {
        field.warn(
            "is ignored: Forgekeep keeps one copy of each repository with the history of its \
             branches and tags, not a full copy per run",
        );
    }
    if let Some(field) = backup.get("timestampFormat")
        && !asks_for(&field, "")
    {
        field.warn("is ignored: Forgekeep makes no folder per run");
    }
    if let Some(field) = backup.get("s3BucketName")
        && !asks_for(&field, "")
    {
        field.warn(
            "is ignored: this version uploads nothing; copy the local folder to the bucket with \
             a tool of your choice",
        );
    }
}

fn asks_for(field: &Field<'_>, value: &str) -> bool {
    field
        .raw_text()
        .is_some_and(|text| text.eq_ignore_ascii_case(value))
}

/// So that each ignored key is named.
fn with_keys(field: &Field<'_>) -> String {
    let keys = field.inner_keys();
    if keys.is_empty() {
        return String::new();
    }
    format!(" with all its keys ({})", keys.join(", "))
}
