//! The documents of the API, as `forgejo.swagger.json` defines them.

use forgekeep_demo_hoster::Response;
use serde_json::{Value, json};

use super::model::{Account, Repository, State, Token, Wiki};
use crate::pushes;

/// `#/definitions/User`.
pub(super) fn user(account: &Account) -> Value {
    json!({
        "id": account.id, "login": account.name, "login_name": "", "full_name": "",
        "email": format!("{}@noreply.example.com", account.name), "is_admin": account.is_admin,
        "active": true, "restricted": false, "visibility": "public",
        "created": "2024-01-01T00:00:00Z",
        // Source: Gitea's `modules/structs/user.go`, for older clients.
        "username": account.name,
    })
}

/// `#/definitions/Organization`.
pub(super) fn organisation(account: &Account) -> Value {
    json!({
        "id": account.id, "name": account.name, "username": account.name, "full_name": "",
        "email": "", "visibility": "public", "repo_admin_change_team_access": false,
        "created": "2024-01-01T00:00:00Z",
    })
}

/// `#/definitions/Repository`.
pub(super) fn repository(state: &State, of: &Repository) -> Value {
    let owner = state.account(of.owner).expect("it has an owner");
    let full_name = format!("{}/{}", owner.name, of.name);
    let default_branch = pushes::default_branch(&state.folder.join(format!("{}.git", of.id)));
    let mut document = json!({
        "id": of.id, "name": of.name, "full_name": full_name, "owner": user(owner),
        "description": of.description, "private": of.private, "internal": false, "archived": of.archived,
        "fork": of.fork, "mirror": of.mirror, "empty": of.empty, "template": false, "size": 24,
        "default_branch": default_branch, "object_format_name": "sha1", "language": "Rust",
        "topics": ["shop"], "has_wiki": of.wiki != Wiki::Off, "wiki_branch": "main",
        "has_issues": true, "permissions": { "admin": false, "push": false, "pull": true },
        "url": format!("{}/api/v1/repos/{full_name}", state.url),
        "html_url": format!("{}/{full_name}", state.url),
        // Somebody has put a user name in front of the host.
        "clone_url": format!("{}/{full_name}.git", state.git_url).replacen("://", "://git@", 1),
        "ssh_url": format!("{}{full_name}.git", state.ssh_url),
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2026-11-01T00:00:00Z",
    });
    if state.has_actions {
        document["has_actions"] = of.automation.into();
    }
    document
}

/// `#/definitions/AccessToken`.
pub(super) fn token(state: &State, of: &Token, number: usize) -> Value {
    let chosen = of.repositories.as_ref().map(|chosen| {
        let chosen = state.repositories.iter().filter(|one| chosen.contains(&one.id));
        chosen.map(|one| {
            let owner = state.account(one.owner).map_or("", |owner| &owner.name);
            json!({ "id": one.id, "name": one.name, "owner": owner, "full_name": format!("{owner}/{}", one.name) })
        })
        .collect::<Vec<_>>()
    });
    json!({
        "id": number + 1, "name": format!("token {number}"), "sha1": "", "scopes": of.scopes,
        "token_last_eight": &of.sha1[of.sha1.len() - 8..], "repositories": chosen,
        "created_at": "2024-01-01T00:00:00Z",
    })
}

/// A document.
pub(super) fn ok(document: &Value) -> Response {
    self::document(200, document)
}

/// A document with a status.
pub(super) fn document(status: u16, document: &Value) -> Response {
    Response::new(
        status,
        "application/json;charset=utf-8",
        document.to_string(),
    )
}

/// `#/responses/notFound`, `forbidden` and `unauthorized`.
pub(super) fn refusal(state: &State, status: u16, message: &str) -> Response {
    let mut body = json!({ "message": message, "url": format!("{}/api/swagger", state.url) });
    if status == 404 {
        body["errors"] = json!([]);
    }
    Response::new(status, "application/json;charset=utf-8", body.to_string())
}

/// A page for people.
pub(super) fn page(status: u16, title: &str) -> Response {
    let body = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>\n");
    Response::new(status, "text/html; charset=utf-8", body)
}
