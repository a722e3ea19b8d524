//! The endpoints that write.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Request, Response};
use serde_json::{Value, json};

use super::answers::{Answer, Caller, is_member, not_found, refused};
use super::documents;
use super::model::{Repository, State, Wiki};
use crate::{git, pushes};

/// Answers a request to the API that is no GET, by its path behind `/api/v1/`.
pub(super) fn api(state: &mut State, path: &str, request: &Request) -> Response {
    answer(state, path, request).unwrap_or_else(|refusal| *refusal)
}

fn answer(state: &mut State, path: &str, request: &Request) -> Answer {
    let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let (method, authorization) = (request.method.as_str(), request.header("Authorization"));
    let Some(caller) = Caller::of(state, authorization) else {
        return refused(state, 401, "invalid username, password or token");
    };
    match (method, &segments[..]) {
        ("POST", ["user", "repos"]) => {
            caller.may_write(state, "user")?;
            caller.may_write(state, "repository")?;
            let owner = caller.signed_in(state)?.id;
            create(state, owner, &document)
        }
        ("POST", ["orgs", name, "repos"]) => {
            caller.may_write(state, "organization")?;
            let me = caller.signed_in(state)?;
            let found = state.named(name).filter(|found| found.is_organisation);
            let Some(owner) = found.map(|found| found.id) else {
                return not_found(state);
            };
            // Source: Gitea's `routers/api/v1/repo/repo.go`.
            if !me.is_admin && is_member(state, me, owner) != Some(true) {
                let words = "Given user is not allowed to create repository in organization.";
                return refused(state, 403, words);
            }
            create(state, owner, &document)
        }
        (_, ["repos", owner, name, rest @ ..]) => {
            caller.may_write(state, "repository")?;
            let owner = state.named(owner).map(|owner| owner.id);
            let mut all = state.repositories.iter();
            let found = all.find(|one| Some(one.owner) == owner && one.name == *name);
            let Some(found) = found.filter(|one| caller.sees(state, one)) else {
                return not_found(state);
            };
            if !caller.writes_to(state, found) {
                return refused(
                    state,
                    403,
                    "user should be an owner or a collaborator with admin write of a repository",
                );
            }
            let id = found.id;
            match (method, rest) {
                ("PATCH", []) => edit(state, id, &document),
                ("DELETE", []) => {
                    state.delete(id);
                    Ok(Response::new(204, "", ""))
                }
                ("POST", ["wiki", "new"]) => first_page(state, id, &document),
                _ => not_found(state),
            }
        }
        _ => not_found(state),
    }
}

/// `createUserRepo` and `createOrgRepo`: `#/definitions/CreateRepoOption`.
fn create(state: &mut State, owner: u64, document: &Value) -> Answer {
    let name = document["name"].as_str().unwrap_or_default();
    // A proxy's: the server itself knows no limit.
    if let Some(most) = state.creates_at_once {
        if state.created == most {
            state.created = 0;
            let limited = documents::page(429, "Too Many Requests");
            return Ok(limited.with_header("Retry-After", "1"));
        }
        state.created += 1;
    }
    // Source: Gitea's `models/repo/repo.go`.
    let lower = name.to_lowercase();
    let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let ends = [".git", ".wiki", ".rss", ".atom"];
    let is_reserved =
        matches!(&*lower, "." | ".." | "-") || ends.iter().any(|end| lower.ends_with(end));
    if name.is_empty() || name.len() > 100 || !name.chars().all(takes) || is_reserved {
        return refused(state, 422, &format!("name is reserved [name: {name}]"));
    }
    let same = |one: &Repository| one.owner == owner && one.name.to_lowercase() == lower;
    if state.repositories.iter().any(same) {
        let words = "The repository with the same name already exists.";
        return refused(state, 409, words);
    }
    let owner = state
        .account(owner)
        .map_or(String::new(), |owner| owner.name.clone());
    let id = state.add_repository(&owner, name);
    pushes::make(&state.folder.join(format!("{id}.git")));
    let (makes_public, wiki) = (state.makes_public, state.new_wiki);
    let made = state.repository_mut(id);
    made.private = document["private"] == true && !makes_public;
    made.description = document["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    made.wiki = wiki;
    Ok(told(state, id, 201))
}

/// `repoEdit`: `#/definitions/EditRepoOption`.
fn edit(state: &mut State, id: u64, document: &Value) -> Answer {
    if let Some(branch) = document["default_branch"].as_str() {
        // One that is not there is passed over, but for an empty repository's. Source: Gitea's
        // `routers/api/v1/repo/repo.go`.
        let is_empty = state.repository_mut(id).empty;
        let folder = state.folder.join(format!("{id}.git"));
        pushes::set_default_branch(&folder, branch, is_empty);
    }
    let has_actions = state.has_actions;
    let edited = state.repository_mut(id);
    let set = |field: &mut bool, name: &str| *field = document[name].as_bool().unwrap_or(*field);
    set(&mut edited.archived, "archived");
    set(&mut edited.private, "private");
    if has_actions {
        set(&mut edited.automation, "has_actions");
    }
    if let Some(text) = document["description"].as_str() {
        edited.description = text.to_owned();
    }
    Ok(told(state, id, 200))
}

/// `repoCreateWikiPage`: the first page makes the wiki's repository.
fn first_page(state: &mut State, id: u64, document: &Value) -> Answer {
    let content = document["content_base64"]
        .as_str()
        .map(|text| STANDARD.decode(text));
    let (Some(title), Some(Ok(_))) = (document["title"].as_str(), content) else {
        return refused(state, 400, "a page needs a title and a content");
    };
    if state.repository_mut(id).wiki == Wiki::Off {
        return not_found(state);
    }
    let (folder, now) = (state.folder.join(format!("{id}.wiki.git")), state.tick());
    pushes::make(&folder);
    git::import(&folder, "main", title, git::tip(&folder, "main"), now);
    state.repository_mut(id).wiki = Wiki::Pages;
    let page = json!({ "title": title, "sub_url": title, "commit_count": 1 });
    Ok(documents::document(201, &page))
}

fn told(state: &State, id: u64, status: u16) -> Response {
    let found = state.repositories.iter().find(|one| one.id == id);
    let document = found.map(|one| documents::repository(state, one));
    documents::document(status, &document.unwrap_or_default())
}
