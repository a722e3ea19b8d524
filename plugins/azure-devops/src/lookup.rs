use forgekeep_plugin_sdk::{ErrorKind, LookupRequest, Presence, Result, json};

use crate::listing::Envelope;
use crate::repository::{Entry, Project};
use crate::server::Server;

/// Asks for one repository by its id. That it is not found proves nothing; that the recycle bin of its
/// project holds it does.
pub(crate) fn lookup(server: &Server<'_>, what: &LookupRequest) -> Result<Presence> {
    let project = what.full_name.split('/').nth(1).unwrap_or_default();
    match server.get(&[project, "_apis", "git", "repositories", &what.id], &[]) {
        Err(error) if error.kind == ErrorKind::NotFound => {}
        answer => {
            let entry: Entry = json(&answer?)?;
            let found = entry.into_repository(server, &Project::default());
            let found = Some(found).filter(|found| found.id == what.id);
            return Ok(found.map_or(Presence::Hidden, Presence::present));
        }
    }
    let bin = server.get(
        &[project, "_apis", "git", "recycleBin", "repositories"],
        &[],
    );
    let bin = (server.host).if_told(bin.and_then(|answer| json::<Envelope>(&answer)))?;
    let mut bin = bin.iter().flat_map(|bin| &bin.value);
    let found = bin.find(|one| one["id"] == *what.id);
    Ok(found.map_or(Presence::Hidden, |found| {
        let since = found["deletedDate"].as_str().unwrap_or_default();
        let proof = format!("in the recycle bin of {project} since {since}");
        Presence::Deleted { proof }
    }))
}
