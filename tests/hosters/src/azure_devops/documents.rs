//! The documents of the API, as the descriptions define them.

use forgekeep_demo_hoster::Response;
use serde_json::{Value, json};

use super::model::{Limited, Organisation, Project, Repository, State, Wiki};
use crate::pushes;

/// `TeamProjectReference`.
pub(super) fn project(state: &State, organisation: &Organisation, of: &Project) -> Value {
    json!({
        "id": of.id, "name": of.name, "description": "", "state": "wellFormed", "revision": 11,
        "url": format!("{}/{}/_apis/projects/{}", state.url, organisation.name, of.id),
        "visibility": if of.public { "public" } else { "private" },
        "lastUpdateTime": "2026-11-01T00:00:00.000Z",
    })
}

/// `GitRepository`.
pub(super) fn repository(
    state: &State,
    organisation: &Organisation,
    project_of: &Project,
    of: &Repository,
) -> Value {
    let path = format!(
        "{}/{}/_git/{}",
        encoded(&organisation.name),
        encoded(&project_of.name),
        encoded(&of.name)
    );
    // The organisation stands as user in front of the host.
    let user = format!("://{}@", encoded(&organisation.name));
    let mut document = json!({
        "id": of.id, "name": of.name, "project": project(state, organisation, project_of),
        "url": format!("{}/{}/_apis/git/repositories/{}", state.url, organisation.name, of.id),
        "size": of.size, "isFork": of.fork, "isDisabled": of.disabled, "isInMaintenance": false,
        "remoteUrl": format!("{}/{path}", state.git_url).replacen("://", &user, 1),
        "sshUrl": format!("git@ssh.example.com:v3/{path}"),
        "webUrl": format!("{}/{path}", state.url),
    });
    if of.size > 0 {
        let branch = pushes::default_branch(&state.folder.join(&of.id));
        document["defaultBranch"] = format!("refs/heads/{branch}").into();
    }
    document
}

/// `GitDeletedRepository`.
pub(super) fn deleted(
    state: &State,
    organisation: &Organisation,
    project_of: &Project,
    of: &Repository,
) -> Value {
    json!({
        "id": of.id, "name": of.name, "project": project(state, organisation, project_of),
        "createdDate": "2024-01-01T00:00:00Z", "deletedDate": "2026-11-20T08:30:00Z",
        "deletedBy": { "id": super::guid(7), "displayName": "Dev" },
    })
}

/// `WikiV2`.
pub(super) fn wiki(
    state: &State,
    organisation: &Organisation,
    of: &Project,
    repository: &str,
    name: &str,
) -> Value {
    json!({
        "id": repository, "name": name, "projectId": of.id, "repositoryId": repository,
        "type": if of.wiki == Wiki::Code { "codeWiki" } else { "projectWiki" },
        "mappedPath": "/", "versions": [{ "version": "wikiMaster" }],
        "isDisabled": of.wiki == Wiki::Disabled,
        "url": format!("{}/{}/_apis/wiki/wikis/{repository}", state.url, organisation.name),
        "remoteUrl": format!("{}/{}/_wiki/wikis/{repository}", state.url, organisation.name),
    })
}

/// Who is signed in, and to what. Source: `get_connection_data` of Microsoft's client library for Python
/// (`azure-devops`, location client); no description has it.
pub(super) fn connection(organisation: &Organisation, descriptor: &str, name: &str) -> Value {
    json!({
        "authenticatedUser": {
            "id": super::guid(7), "descriptor": format!("Microsoft.{descriptor}"),
            "providerDisplayName": name, "isActive": true,
            "properties": { "Account": { "$type": "System.String", "$value": "dev@example.com" } },
        },
        "instanceId": organisation.id, "deploymentType": "hosted",
    })
}

/// All that an endpoint lists. Source: each page of Microsoft's reference has this envelope in its sample.
pub(super) fn envelope(all: Vec<Value>) -> Response {
    ok(&json!({ "count": all.len(), "value": all }))
}

/// A document.
pub(super) fn ok(document: &Value) -> Response {
    self::document(200, document)
}

/// A document with a status.
pub(super) fn document(status: u16, document: &Value) -> Response {
    Response::new(
        status,
        "application/json; charset=utf-8; api-version=7.1",
        document.to_string(),
    )
}

/// A refusal. Source: `WrappedException` of Microsoft's client libraries.
pub(super) fn refusal(status: u16, type_key: &str, message: &str) -> Response {
    let body = json!({
        "$id": "1", "innerException": null, "message": message, "typeKey": type_key,
        "typeName": format!("Microsoft.TeamFoundation.{type_key}, Microsoft.TeamFoundation"),
        "errorCode": 0, "eventId": 3000,
    });
    Response::new(status, "application/json; charset=utf-8", body.to_string())
}

/// A limit. Source: Microsoft's page on rate limits.
pub(super) fn limit(how: Limited) -> Response {
    let status = if how == Limited::Refused { 429 } else { 503 };
    let words = "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'User'.";
    refusal(status, "RequestBlockedException", words).with_header("Retry-After", "1")
}

/// A page for people.
pub(super) fn page(status: u16, title: &str) -> Response {
    let body = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>\n");
    Response::new(status, "text/html; charset=utf-8", body)
}

/// A segment of a path, encoded once.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
