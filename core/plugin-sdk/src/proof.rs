use forgekeep_plugin_documents::HosterError;
use serde_json::Value;

use crate::api::Api;

/// The second half of what proves that a repository was deleted: it is not among some that are listed of its
/// owner now, and another one of these answers below `path` by its id. The first half, that the credentials
/// see all of the owner, is for the plugin to know. Gives the other one.
///
/// # Errors
///
/// As [`Api::read`].
pub fn answers_instead(
    api: &Api<'_>,
    path: &str,
    id: u64,
    listed: &[Value],
) -> Result<Option<Value>, HosterError> {
    let ids: Vec<u64> = listed.iter().filter_map(|one| one["id"].as_u64()).collect();
    // It is there after all, whatever the other answer says.
    let other = match ids.first() {
        Some(other) if !ids.contains(&id) => *other,
        _ => return Ok(None),
    };
    let found: Value = api.read(&[path, &other.to_string()])?;
    Ok(Some(found).filter(|found| found["id"].as_u64() == Some(other)))
}
