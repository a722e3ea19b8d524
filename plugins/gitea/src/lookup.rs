use forgekeep_plugin_sdk::{Api, LookupRequest, Presence, Result, Sees, json};
use serde_json::Value;

use crate::owner::Listed;
use crate::repository::Entry;
use crate::server::{PAGE_LENGTH, Server};

/// Asks for one repository by its id. That it is not found proves nothing by itself.
pub(crate) fn lookup(server: &Server<'_>, what: &LookupRequest) -> Result<Presence> {
    let Ok(id) = what.id.parse::<u64>() else {
        return Ok(Presence::Hidden);
    };
    let response = server.api.get(&["repositories", &what.id], &[])?;
    // A proxy's 404 is none of the server's.
    if response.status == 404 && json::<Value>(&response).is_ok() {
        let proof = server.host.if_told(proof(server, id, &what.full_name))?;
        let deleted = proof.flatten().map(|proof| Presence::Deleted { proof });
        return Ok(deleted.unwrap_or(Presence::Hidden));
    }
    let entry: Entry = Api::document(&response)?;
    Ok(match entry.id == id {
        true => Presence::present(entry.into_repository(server.web)),
        false => Presence::Hidden,
    })
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
    let (few, _) = server.api.page(&owner.path(), &[], PAGE_LENGTH, None)?;
    let few = few.into_iter().flat_map(serde_json::from_value::<Entry>);
    let few: Vec<_> = few.filter(|entry| entry.is_of(owner.id)).collect();
    // It is there after all, whatever the other answer says.
    let other = match few.first() {
        Some(other) if few.iter().all(|entry| entry.id != id) => other.id,
        _ => return Ok(None),
    };
    let found: Entry = server.api.read(&["repositories", &other.to_string()])?;
    Ok((found.id == other && found.is_of(owner.id)).then(|| {
        format!("not found (404) by who sees all of {name}, and is shown repository {other} of it")
    }))
}
