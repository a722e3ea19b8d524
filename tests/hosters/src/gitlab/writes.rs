//! The endpoints that make, change and remove. Source: docs.gitlab.com/api/projects, "Create a project", "Update a
//! project", "Archive a project", "Delete a project"; docs.gitlab.com/api/groups, "Create a group".

use forgekeep_demo_hoster::{Request, Response};
use serde_json::{Value, json};

use super::Refused;
use super::caller::Caller;
use super::documents;
use super::model::{State, Wiki};
use crate::pushes;

type Answer = Result<Response, Refused>;

const MAINTAINER: u64 = 40;
const OWNER: u64 = 50;

/// Answers a request that writes.
pub(super) fn api(state: &mut State, request: &Request) -> Response {
    answer(state, request).unwrap_or_else(|refusal| *refusal)
}

fn refused<T>(status: u16, words: &str) -> Result<T, Refused> {
    Err(Box::new(documents::message(status, words)))
}

/// What is wrong with a field. Source: docs.gitlab.com/api/rest/troubleshooting, "Data validation errors".
fn invalid<T>(field: &str, words: &str) -> Result<T, Refused> {
    let body = json!({ "message": { field: [words] } });
    Err(Box::new(Response::new(
        400,
        "application/json",
        body.to_string(),
    )))
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let path = request.path().strip_prefix(state.below.as_str());
    let path = path.and_then(|path| path.strip_prefix("/api/v4/"));
    let segments: Vec<&str> = path.unwrap_or_default().split('/').collect();
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let caller = Caller::of(state, request)?;
    let me = caller.signed_in()?;
    match (request.method.as_str(), &segments[..]) {
        ("POST", ["projects"]) => {
            let own = state.namespaces.iter().find(|one| one.user == Some(me));
            let own = own.map(|one| one.id);
            let namespace = body["namespace_id"].as_u64().or(own).unwrap_or_default();
            let is_there = state.namespaces.iter().any(|one| one.id == namespace);
            let role = caller.role(state, own.unwrap_or_default());
            if role.is_none() || !is_there {
                return refused(404, "404 Namespace Not Found");
            }
            caller.may_write(state, own.unwrap_or_default(), OWNER)?;
            if caller.role(state, namespace) < Some(state.creating_role) {
                // Source: users' reports.
                return invalid("namespace", "is not valid");
            }
            create(state, namespace, &body)
        }
        ("POST", ["groups"]) => {
            let Some(parent) = body["parent_id"].as_u64() else {
                return refused(403, "403 Forbidden");
            };
            if state.namespaces.iter().all(|one| one.id != parent) {
                return refused(404, "404 Group Not Found");
            }
            caller.may_write(state, parent, MAINTAINER)?;
            let path = body["path"].as_str().unwrap_or_default();
            if is_taken(state, parent, path) {
                return refused(
                    400,
                    "Failed to save group {:path=>[\"has already been taken\"]}",
                );
            }
            let id = state.add_group(path, Some(parent));
            state.namespace_mut(id).private = body["visibility"] == "private";
            let made = documents::group(state, state.namespace(id));
            Ok(Response::new(201, "application/json", made.to_string()))
        }
        (method, ["projects", id, rest @ ..]) => {
            let is_it = |one: &&super::Project| one.id.to_string() == *id;
            let found = state.projects.iter().find(is_it);
            let Some(found) = found.filter(|one| caller.sees(state, one)) else {
                return refused(404, "404 Project Not Found");
            };
            let (id, namespace) = (found.id, found.namespace);
            match (method, rest) {
                ("PUT", []) => {
                    caller.may_write(state, namespace, MAINTAINER)?;
                    change(state, id, &body)
                }
                ("POST", [how @ ("archive" | "unarchive")]) => {
                    caller.may_write(state, namespace, OWNER)?;
                    state.project_mut(id).archived = *how == "archive";
                    shown(state, id, 201)
                }
                ("DELETE", []) => {
                    caller.may_write(state, namespace, OWNER)?;
                    match state.deletes_at_once {
                        true => state.delete(id),
                        false => state.mark(id, "2026-12-30"),
                    }
                    Ok(documents::message(202, "202 Accepted"))
                }
                _ => refused(404, "404 Not Found"),
            }
        }
        _ => refused(404, "404 Not Found"),
    }
}

/// Projects and groups share the names of a namespace.
fn is_taken(state: &State, namespace: u64, path: &str) -> bool {
    let is_group = |one: &super::Namespace| {
        one.parent == Some(namespace) && one.path.eq_ignore_ascii_case(path)
    };
    let is_project =
        |one: &super::Project| one.namespace == namespace && one.path.eq_ignore_ascii_case(path);
    state.namespaces.iter().any(is_group) || state.projects.iter().any(is_project)
}

fn shown(state: &State, id: u64, status: u16) -> Answer {
    let mut all = state.projects.iter();
    let project = all.find(|one| one.id == id).expect("it is there");
    let document = documents::project(state, project, true).to_string();
    Ok(Response::new(status, "application/json", document))
}

fn create(state: &mut State, namespace: u64, body: &Value) -> Answer {
    if state.create_limit.is_some_and(|most| state.created >= most) {
        state.created = 0;
        return Ok(Response::text(429, "Retry later").with_header("Retry-After", "1"));
    }
    let path = body["path"].as_str().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let is_path = path.chars().all(|c| is_word(c) || "-_.".contains(c));
    if !is_path || !path.starts_with(is_word) || !path.ends_with(is_word) {
        return invalid("path", "must not start or end with a special character");
    }
    if is_taken(state, namespace, path) {
        return invalid("path", "has already been taken");
    }
    // "`private`", unless it is said. Source: docs.gitlab.com/api/projects, "Project visibility level".
    let visibility = body["visibility"].as_str().unwrap_or("private").to_owned();
    if visibility == "private" && state.refuses_private {
        let words = "private has been restricted by your GitLab administrator";
        return invalid("visibility_level", words);
    }
    if state.projects_left == Some(0) {
        let words =
            "You've reached your limit of projects created. Contact your GitLab administrator.";
        return invalid("limit_reached", words);
    }
    state.projects_left = state.projects_left.map(|left| left - 1);
    state.created += 1;
    let id = state.add_project(namespace, path);
    for name in [format!("{id}.git"), format!("{id}.wiki.git")] {
        pushes::make(&state.folder.join(name));
    }
    let project = state.project_mut(id);
    project.visibility = visibility;
    project.wiki = Wiki::Empty;
    project.is_made = true;
    change(state, id, body)?;
    shown(state, id, 201)
}

fn change(state: &mut State, id: u64, body: &Value) -> Answer {
    if let Some(branch) = body["default_branch"].as_str()
        && !pushes::set_default_branch(&state.folder.join(format!("{id}.git")), branch, false)
    {
        return invalid("base", "Could not set the default branch");
    }
    let has_levels = !state.has_no_levels;
    let project = state.project_mut(id);
    if let Some(description) = body["description"].as_str() {
        project.description = (!description.is_empty()).then(|| description.to_owned());
    }
    if let Some(lfs) = body["lfs_enabled"].as_bool() {
        project.lfs = lfs;
    }
    if let Some(level) = body["builds_access_level"].as_str().filter(|_| has_levels) {
        project.automation = level != "disabled";
    }
    shown(state, id, 200)
}
