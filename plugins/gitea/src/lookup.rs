use forgekeep_plugin_sdk::{LookupRequest, Presence, Result, Sees, answers_instead};
use serde_json::Value;

use crate::owner::Listed;
use crate::repository::Entry;
use crate::server::{PAGE_LENGTH, Server};

/// Asks for one repository by its id. That it is not found proves nothing by itself.
pub(crate) fn lookup(server: &Server<'_>, what: &LookupRequest) -> Result<Presence> {
    let read = |entry: Entry| entry.into_repository(server.source);
    let proof = |id| proof(server, id, &what.full_name);
    server.look_up("repositories", what, read, proof)
}

/// What proves that a repository was deleted: it is not found by credentials that see all of its owner,
/// who is there, as another repository of the same owner is.
fn proof(server: &Server<'_>, id: u64, full_name: &str) -> Result<Option<String>> {
    let name = full_name.split('/').next().unwrap_or_default();
    let owner = Listed::find(server, name)?;
    // Under another name it may be a stranger's: that is not known here.
    if !owner.name.eq_ignore_ascii_case(name) || server.seen(&owner)?.sees != Sees::All {
        return Ok(None);
    }
    let is_of_it = |one: &Value| one["owner"]["id"].as_u64() == Some(owner.id);
    let (mut few, _) = server.api.page(&owner.path(), &[], PAGE_LENGTH, None)?;
    few.retain(is_of_it);
    let other = answers_instead(&server.api, "repositories", id, &few)?.filter(is_of_it);
    Ok(other.map(|other| {
        let other = &other["id"];
        format!("not found (404) by who sees all of {name}, and is shown repository {other} of it")
    }))
}
