//! The documents of the API.

use forgekeep_demo_hoster::Response;
use serde_json::{Value, json};

use crate::pushes;

use super::model::{Namespace, Project, Snippet, State, Token, Wiki};

/// Source: docs.gitlab.com/api/projects, "List all projects", as it is for who is signed in; for others "only
/// public projects with simple fields".
pub(super) fn project(state: &State, of: &Project, is_signed_in: bool) -> Value {
    let path = state.project_path(of);
    let namespace = state.namespace(of.namespace);
    let git_dir = state.folder.join(format!("{}.git", of.id));
    if of.is_made {
        pushes::settle_default_branch(&git_dir);
    }
    let mut simple = json!({
        "id": of.id, "description": of.description, "name": of.path, "name_with_namespace": path,
        "path": of.path, "path_with_namespace": path, "created_at": "2024-01-01T00:00:00.000Z",
        "default_branch": pushes::default_branch(&git_dir), "tag_list": ["shop"], "topics": ["shop"],
        "ssh_url_to_repo": format!("git@gitlab.example.com:{path}.git"),
        "http_url_to_repo": format!("{}/{path}.git", state.git_url),
        "web_url": format!("{}/{path}", state.url), "avatar_url": null, "star_count": 0,
        "last_activity_at": "2026-11-01T00:00:00.000Z",
        "namespace": {
            "id": namespace.id, "name": namespace.path, "path": namespace.path,
            "kind": if namespace.user.is_some() { "user" } else { "group" },
            "full_path": state.full_path(namespace.id), "parent_id": namespace.parent,
            "avatar_url": null, "web_url": format!("{}/{}", state.url, namespace.path),
        },
    });
    if !is_signed_in {
        return simple;
    }
    let wiki = match of.wiki {
        Wiki::Off => "disabled",
        _ => "enabled",
    };
    let full = json!({
        "visibility": of.visibility, "archived": of.archived, "mirror": of.mirror,
        "empty_repo": pushes::is_empty(&git_dir), "import_status": of.import, "creator_id": 1,
        "issues_enabled": true, "merge_requests_enabled": true, "snippets_enabled": true,
        "wiki_enabled": of.wiki != Wiki::Off, "wiki_access_level": wiki,
        "repository_access_level": of.repository, "snippets_access_level": "enabled",
        "open_issues_count": 1, "forks_count": 0, "shared_with_groups": [],
        "external_authorization_classification_label": of.label,
        "marked_for_deletion_at": of.marked, "marked_for_deletion_on": of.marked,
        "lfs_enabled": of.lfs,
    });
    if !state.has_no_levels {
        let level = if of.automation { "enabled" } else { "disabled" };
        simple["builds_access_level"] = level.into();
    }
    let fields = simple.as_object_mut().expect("an object");
    fields.extend(full.as_object().expect("an object").clone());
    // "If the project is a fork, the `forked_from_project` field appears in the response."
    if of.fork {
        simple["forked_from_project"] =
            json!({ "id": 13083, "path_with_namespace": "gitlab-org/gitlab-foss" });
    }
    simple
}

/// Source: docs.gitlab.com/api/groups, "Retrieve a group" and "List groups"; `wiki_access_level` "Users of
/// GitLab Premium or Ultimate also see".
pub(super) fn group(state: &State, of: &Namespace) -> Value {
    let path = state.full_path(of.id);
    let mut group = json!({
        "id": of.id, "name": of.path, "path": of.path, "description": "", "avatar_url": null,
        "visibility": if of.private { "private" } else { "public" },
        "web_url": format!("{}/groups/{path}", state.url), "request_access_enabled": false,
        "full_name": path, "full_path": path, "parent_id": of.parent,
        "created_at": "2024-01-01T00:00:00.000Z", "marked_for_deletion_on": of.marked,
    });
    if state.premium {
        group["wiki_access_level"] = match of.wiki {
            Wiki::Off => "disabled".into(),
            _ => "enabled".into(),
        };
    }
    group
}

/// Source: docs.gitlab.com/api/users, "List users" and "Retrieve the current user".
pub(super) fn user(of: &Namespace) -> Value {
    json!({
        "id": of.user, "username": of.path, "name": of.path, "state": "active", "locked": false,
        "avatar_url": null, "web_url": format!("https://gitlab.example.com/{}", of.path),
    })
}

/// Source: docs.gitlab.com/api/personal_access_tokens, "Using a request header".
pub(super) fn token(of: &Token) -> Value {
    json!({
        "id": 4, "name": "backup", "revoked": false, "created_at": "2026-06-01T00:00:00.000Z",
        "description": "", "scopes": of.scopes, "user_id": of.user, "last_used_at": null,
        "active": true, "expires_at": of.expires_at,
    })
}

/// Source: docs.gitlab.com/api/group_members, "Get a member of a group, including inherited and invited
/// members".
pub(super) fn member(user: u64, role: u64) -> Value {
    json!({ "id": user, "username": "dev", "name": "dev", "state": "active", "access_level": role, "expires_at": null })
}

/// Source: docs.gitlab.com/api/group_wikis, "List wiki pages".
pub(super) fn wiki_page() -> Value {
    json!({ "format": "markdown", "slug": "home", "title": "home" })
}

/// Source: docs.gitlab.com/api/snippets, "List all snippets for current user"; `http_url_to_repo` from the
/// samples below it.
pub(super) fn snippet(state: &State, of: &Snippet) -> Value {
    let id = of.id;
    let path = |project: u64| {
        let project = state.projects.iter().find(|one| one.id == project);
        format!(
            "{}/",
            project.map_or(String::new(), |one| state.project_path(one))
        )
    };
    let below = of.project.map_or(String::new(), path);
    json!({
        "id": id, "title": "notes", "file_name": "notes.md", "description": null,
        "visibility": "private", "author": { "id": of.author, "username": "dev" },
        "created_at": "2026-06-01T00:00:00.000Z", "updated_at": "2026-06-01T00:00:00.000Z",
        "project_id": of.project, "web_url": format!("{}/{below}-/snippets/{id}", state.url),
        "http_url_to_repo": format!("{}/{below}snippets/{id}.git", state.git_url),
        "ssh_url_to_repo": format!("git@gitlab.example.com:{below}snippets/{id}.git"),
    })
}

/// A document.
pub(super) fn ok(document: &Value) -> Response {
    Response::new(200, "application/json", document.to_string())
}

/// An error as most are. Source: docs.gitlab.com/api/rest/troubleshooting.
pub(super) fn message(status: u16, message: &str) -> Response {
    let body = json!({ "message": message });
    Response::new(status, "application/json", body.to_string())
}

/// An error of the parameters. Source: as above.
pub(super) fn error(status: u16, error: &str) -> Response {
    let body = json!({ "error": error });
    Response::new(status, "application/json", body.to_string())
}

/// A page for people.
pub(super) fn page(status: u16, title: &str) -> Response {
    let body = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>\n");
    Response::new(status, "text/html; charset=utf-8", body)
}
