use forgekeep_plugin_sdk::{
    ErrorKind, Finding, Page, Result, Sees, Severity, TokenPager, cursor as make_cursor, entries,
    from_cursor, is_of_one_owner, json, owner_failed, owner_seen, slice, warning,
};
use serde::Deserialize;
use serde_json::Value;

use crate::repository::{Entry, Project};
use crate::server::Server;

/// Repositories of a page: a project has no pages, and may hold tens of thousands.
const MOST: usize = 4_000;

/// A list, as all of them come.
#[derive(Deserialize)]
pub(crate) struct Envelope {
    pub(crate) value: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wiki {
    name: String,
    r#type: String,
    repository_id: String,
    is_disabled: Option<bool>,
}

/// A page of projects with their repositories. Pages may be empty; only a missing token is the end.
pub(crate) fn list(server: &Server<'_>, cursor: Option<&str>) -> Result<Page> {
    let place = cursor.map(from_cursor::<(Option<String>, usize)>);
    let (token, from) = place.transpose()?.unwrap_or_default();
    let mut query = vec![("$top", "100")];
    query.extend(token.as_deref().map(|token| ("continuationToken", token)));
    let answer = server.get(&["_apis", "projects"], &query)?;
    let next = TokenPager::at(token.as_deref()).next(answer.header("x-ms-continuationtoken"))?;
    let mut page = Page::default();
    let projects: Vec<Project> = entries(json::<Envelope>(&answer)?.value, &mut page.notes);
    let connection = server.connection()?;
    // The organisation is told as an owner: under its name may be a stranger's one day.
    let organisation = |id| owner_seen(id, server.source.name.trim(), Sees::Other);
    page.owners
        .extend(connection.text("/instanceId").map(organisation));
    let mut sees = Sees::Other;
    if connection.is_pipeline() {
        sees = Sees::Selected;
        let message = "the token is a pipeline's: it sees the repositories that the pipeline names, and others are not backed up";
        let hint = "make a personal access token, or use a service principal";
        let first = cursor.is_none();
        (page.notes).extend(first.then(|| warning("password", message, hint)));
    }
    let ask = |api, what| {
        let each = projects.iter();
        let paths: Vec<_> = each.map(|one| vec![&*one.id, "_apis", api, what]).collect();
        server.ask(&paths, &[])
    };
    let (all, of_wikis) = (ask("git", "repositories")?, ask("wiki", "wikis")?);
    let (mut wikis, mut denied) = (Vec::new(), Vec::new());
    for ((project, git), wiki) in projects.iter().zip(all).zip(of_wikis) {
        let (id, name) = (&project.id, project.full_name(server));
        let git = match git {
            Err(error) if is_of_one_owner(&error) => {
                page.owners.push(owner_failed(id, &name, error));
                continue;
            }
            git => json::<Envelope>(&git?)?.value,
        };
        page.owners.push(owner_seen(id, &name, sees));
        if git.is_empty() {
            let message = format!("{name} has no git repository; TFVC is not backed up");
            page.notes.push(Finding::new(Severity::Info, "", message));
        }
        let known: Vec<Entry> = entries(git, &mut page.notes);
        match wiki {
            Err(error) if is_denied(error.kind) => denied.push(error),
            Err(error) if is_of_one_owner(&error) => {
                page.owners.push(owner_failed(id, &name, error));
            }
            wiki => {
                let wiki = json::<Envelope>(&wiki?)?.value;
                let mut wiki: Vec<Wiki> = entries(wiki, &mut page.notes);
                wiki.retain(|wiki| wiki.r#type == "projectWiki");
                wiki.retain(|wiki| known.iter().all(|one| one.id != wiki.repository_id));
                wikis.extend(wiki.into_iter().map(|wiki| (project, wiki)));
            }
        }
        for one in known {
            page.repositories.push(one.into_repository(server, project));
        }
    }
    add_wikis(server, &wikis, &mut page)?;
    if let Some(error) = denied.first() {
        let (some, all, why) = (denied.len(), projects.len(), &error.message);
        let message = format!("the wikis of {some} of {all} projects are not backed up: {why}");
        let hint = "give the token the scope Wiki (read)";
        page.notes.push(warning("password", message, hint));
    }
    let rest = slice(&mut page, from, MOST).map(|from| (token, from));
    let next = rest.or(next.map(|token| (Some(token), 0)));
    page.next = next.map(|place| make_cursor(&place)).transpose()?;
    Ok(page)
}

/// Whether something is not to be seen by this account, or with this token.
pub(crate) fn is_denied(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Credentials | ErrorKind::Forbidden | ErrorKind::NotFound
    )
}

/// The repositories of wikis, which no listing has, are asked for by their ids.
fn add_wikis(server: &Server<'_>, wikis: &[(&Project, Wiki)], page: &mut Page) -> Result<()> {
    let git = ["_apis", "git", "repositories"];
    let paths = wikis
        .iter()
        .map(|(project, wiki)| [&[&*project.id], &git[..], &[&*wiki.repository_id]].concat());
    let answers = server.ask(&paths.collect::<Vec<_>>(), &[])?;
    for ((project, wiki), answer) in wikis.iter().zip(answers) {
        let (mut entry, mut skip) = (Entry::default(), None);
        match answer.and_then(|answer| json(&answer)) {
            Err(error) if is_denied(error.kind) => {
                skip = Some("the wiki is listed, but not its repository".to_owned());
                (entry.id, entry.name) = (wiki.repository_id.clone(), wiki.name.clone());
            }
            Err(error) if is_of_one_owner(&error) => {
                let (id, name) = (&project.id, project.full_name(server));
                page.owners.push(owner_failed(id, &name, error));
                continue;
            }
            answer => entry = answer?,
        }
        if wiki.is_disabled == Some(true) {
            skip = Some("the wiki is disabled in Azure DevOps".to_owned());
        }
        let mut found = entry.into_repository(server, project);
        found.skip = skip.or(found.skip);
        page.repositories.push(found);
    }
    Ok(())
}
