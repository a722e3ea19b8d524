//! The JSON documents of the API, with the fields of Atlassian's OpenAPI document.

use serde_json::{Value, json};
use url::Url;

use crate::credentials::ACCESS_TOKEN_USER;
use crate::model::{Account, CredentialKind, HosterState, Repository, Scm, Workspace, uuid_from};

pub(crate) fn error(message: &str) -> Value {
    json!({"type": "error", "error": {"message": message}})
}

pub(crate) fn missing_scope(required: &str, account: &Account) -> Value {
    // The document says that `detail` is a string; here Bitbucket sends an object.
    json!({"type": "error", "error": {
        "message": "Your credentials lack one or more required privilege scopes.",
        "detail": {"required": [required], "granted": account.scopes},
    }})
}

pub(crate) fn repository(
    state: &HosterState,
    workspace: &Workspace,
    repository: &Repository,
    caller: Option<&Account>,
) -> Value {
    let path = [workspace.slug.as_str(), repository.slug.as_str()];
    let api = url(&state.api_url, &["2.0", "repositories", path[0], path[1]]);
    let html = url(&state.git_url, &path);
    let main_branch = repository.main_branch.as_ref();
    json!({
        "type": "repository",
        "uuid": repository.uuid,
        "full_name": path.join("/"),
        "name": repository.name,
        "slug": repository.slug,
        "description": repository.description,
        "website": null,
        "language": "",
        "scm": match repository.scm { Scm::Git => "git", Scm::Hg => "hg" },
        "is_private": repository.is_private,
        "fork_policy": if repository.is_private { "no_public_forks" } else { "allow_forks" },
        "created_on": time(repository.created_on),
        "updated_on": time(repository.updated_on),
        "size": repository.size,
        "has_wiki": repository.has_wiki,
        "has_issues": repository.has_issues,
        "parent": null,
        "mainbranch": main_branch.map(|name| json!({"type": "branch", "name": name})),
        "owner": owner(state, workspace),
        "workspace": condensed_workspace(state, workspace),
        "project": project(state, workspace),
        "links": {
            "self": {"href": api},
            "html": {"href": html},
            "avatar": {"href": format!("{html}/avatar/32/")},
            "pullrequests": {"href": format!("{api}/pullrequests")},
            "commits": {"href": format!("{api}/commits")},
            "forks": {"href": format!("{api}/forks")},
            "watchers": {"href": format!("{api}/watchers")},
            "downloads": {"href": format!("{api}/downloads")},
            "hooks": {"href": format!("{api}/hooks")},
            "clone": clone_links(state, path, repository, caller),
        },
    })
}

fn clone_links(
    state: &HosterState,
    [workspace, slug]: [&str; 2],
    repository: &Repository,
    caller: Option<&Account>,
) -> Value {
    let mut https = url(&state.git_url, &[workspace, &format!("{slug}.git")]);
    let user = caller.map(|account| match account.kind {
        CredentialKind::AccessToken | CredentialKind::OAuthConsumer => ACCESS_TOKEN_USER,
        _ => account.user.as_str(),
    });
    if let Some(user) = user
        && let Ok(mut with_user) = Url::parse(&https)
        && with_user.set_username(user).is_ok()
    {
        https = with_user.into();
    }
    let ssh = format!("git@127.0.0.1:{workspace}/{slug}.git");
    let mut links = vec![
        json!({"name": "https", "href": https}),
        json!({"name": "ssh", "href": ssh}),
    ];
    if repository.ssh_link_first {
        links.reverse();
    }
    Value::Array(links)
}

fn owner(state: &HosterState, workspace: &Workspace) -> Value {
    json!({
        "type": "team",
        "display_name": workspace.name,
        "uuid": workspace.uuid,
        "links": {"html": {"href": url(&state.git_url, &[&workspace.uuid, ""])}},
    })
}

fn project(state: &HosterState, workspace: &Workspace) -> Value {
    json!({
        "type": "project",
        "key": "PROJ",
        "uuid": uuid_from(&format!("project of {}", workspace.slug)),
        "name": "Everything",
        "links": {
            "html": {"href": url(&state.git_url, &[&workspace.slug, "workspace", "projects", "PROJ"])},
        },
    })
}

pub(crate) fn base_workspace(state: &HosterState, workspace: &Workspace) -> Value {
    let api = url(&state.api_url, &["2.0", "workspaces", &workspace.slug]);
    json!({
        "type": "workspace_base",
        "uuid": workspace.uuid,
        "slug": workspace.slug,
        "links": {"self": {"href": api}, "avatar": {"href": format!("{api}/avatar/")}},
    })
}

/// As a repository holds it: another type, with the name.
fn condensed_workspace(state: &HosterState, workspace: &Workspace) -> Value {
    let mut document = base_workspace(state, workspace);
    document["type"] = "workspace".into();
    document["name"] = workspace.name.clone().into();
    document
}

pub(crate) fn workspace(state: &HosterState, workspace: &Workspace) -> Value {
    let mut document = condensed_workspace(state, workspace);
    let created = workspace
        .repositories
        .iter()
        .map(|r| r.created_on)
        .min()
        .unwrap_or_default();
    document["is_private"] = false.into();
    document["created_on"] = time(created).into();
    document["links"]["repositories"] =
        json!({"href": url(&state.api_url, &["2.0", "repositories", &workspace.slug])});
    document
}

pub(crate) fn workspace_access(
    state: &HosterState,
    member_of: &Workspace,
    account: &Account,
) -> Value {
    json!({
        "type": "workspace_access",
        "administrator": account.administers(member_of),
        "workspace": base_workspace(state, member_of),
    })
}

pub(crate) fn user(account: &Account) -> Value {
    let kind = if account.kind == CredentialKind::AccessToken {
        "app_user"
    } else {
        "user"
    };
    json!({
        "type": kind,
        "uuid": uuid_from(&format!("user {} {}", account.user, account.email)),
        "username": account.user,
        "nickname": account.user,
        "display_name": account.user,
        "account_status": "active",
    })
}

/// Joins and encodes.
pub(crate) fn url(base: &str, segments: &[&str]) -> String {
    let Ok(mut url) = Url::parse(base) else {
        return base.to_owned();
    };
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url.into()
}

/// A moment as a header of HTTP writes it.
pub(crate) fn http_date(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_urls_have_bitbucket_form() {
        assert_eq!(time(1_700_000_000), "2023-11-14T22:13:20.000000+00:00");
        assert_eq!(http_date(1_700_000_000), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(
            url("http://h:1", &["a b", "ü.git"]),
            "http://h:1/a%20b/%C3%BC.git"
        );
    }
}
