//! The endpoints that write.

use forgekeep_demo_hoster::{Request, Response};
use serde_json::Value;

use super::answers::{Answer, Caller, find, no_project, no_repository, refused, sign_in};
use super::documents;
use super::model::{Limited, Repository, State};
use crate::pushes;

/// Answers a request to the API that is no GET.
pub(super) fn api(state: &mut State, path: &[&str], request: &Request) -> Response {
    answer(state, path, request).unwrap_or_else(|refusal| *refusal)
}

fn answer(state: &mut State, path: &[&str], request: &Request) -> Answer {
    let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(caller) = Caller::of(state, request.header("Authorization")) else {
        return Err(Box::new(sign_in(state)));
    };
    let missing = || Err(Box::new(documents::page(404, "Page not found")));
    let [name, project, "_apis", "git", "repositories", rest @ ..] = path else {
        return missing();
    };
    let mut organisations = state.organisations.iter();
    let Some(organisation) = organisations.find(|one| one.name.eq_ignore_ascii_case(name)) else {
        return missing();
    };
    let organisation = organisation.clone();
    let Some(project) = find(state, &organisation, &caller, project).cloned() else {
        return no_project(project);
    };
    caller.may(state, &["vso.code_manage"])?;
    if let Some(status) = project.refused {
        let words =
            "TF401027: You need the Git 'CreateRepository' permission to perform this action.";
        return refused(status, "GitNeedsPermissionException", words);
    }
    let told = |state: &State, status, id: &str| {
        let found = state.repositories.iter().find(|one| one.id == id);
        let document = |one| documents::repository(state, &organisation, &project, one);
        Ok(documents::document(
            status,
            &found.map(document).unwrap_or_default(),
        ))
    };
    let own = |one: &&Repository| one.project == project.id && !one.deleted && !one.hidden;
    match (request.method.as_str(), rest) {
        // `Repositories_Create`: `GitRepositoryCreateOptions`.
        ("POST", []) => {
            let name = document["name"].as_str().unwrap_or_default();
            if let Some(most) = state.creates_at_once {
                if state.created == most {
                    state.created = 0;
                    return Ok(documents::limit(Limited::Refused));
                }
                state.created += 1;
            }
            if document["project"]["id"] != *project.id {
                let words = "TF200016: The project of the document is another one.";
                return refused(400, "InvalidArgumentValueException", words);
            }
            // Source: Microsoft's *Naming restrictions and conventions*.
            let is_bad = |c: char| c.is_control() || "\\/:*?\"<>|;#${},+=[]".contains(c);
            if name.is_empty() || name.chars().count() > 64 || name.contains(is_bad) {
                let words = format!("TF401025: '{name}' is not a valid name for a Git repository.");
                return refused(400, "InvalidGitRepositoryNameException", &words);
            }
            let same = |one: &Repository| one.name.to_lowercase() == name.to_lowercase();
            if state.repositories.iter().filter(own).any(same) {
                let words =
                    format!("TF400948: A Git repository with the name {name} already exists.");
                return refused(409, "GitRepositoryNameAlreadyExistsException", &words);
            }
            let id = state.add_repository_in(&project.id, name);
            pushes::make(&state.folder.join(&id));
            told(state, 201, &id)
        }
        (method @ ("PATCH" | "DELETE"), [id]) => {
            let named = |one: &&Repository| one.id == *id || one.name.eq_ignore_ascii_case(id);
            let Some(found) = state.repositories.iter().filter(own).find(named) else {
                return refused(404, "GitRepositoryNotFoundException", &no_repository(id));
            };
            let id = found.id.clone();
            if method == "DELETE" {
                state.repository_mut(&id).deleted = true;
                return Ok(Response::new(204, "", ""));
            }
            if let Some(branch) = document["defaultBranch"].as_str() {
                let short = branch.strip_prefix("refs/heads/").unwrap_or_default();
                // In words of our own: what is said of a branch that is not there is not documented.
                if !pushes::set_default_branch(&state.folder.join(&id), short, false) {
                    let words = format!("The branch {branch} does not exist.");
                    return refused(400, "GitArgumentException", &words);
                }
            }
            if let Some(disabled) = document["isDisabled"].as_bool() {
                state.repository_mut(&id).disabled = disabled;
            }
            told(state, 200, &id)
        }
        _ => missing(),
    }
}
