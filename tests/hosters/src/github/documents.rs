//! The documents of the API, as GitHub's own description defines them (`tests/openapi/github.json`).

use forgekeep_demo_hoster::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Refused;
use super::model::{Account, Gist, Installation, Repository, Served, State, Told, Wiki};
use crate::pushes;

/// Fields that hold addresses of the API, by their names.
fn with_addresses(mut document: Value, base: &str, names: &str) -> Value {
    for name in names.split_whitespace() {
        document[format!("{name}_url")] = format!("{base}/{name}").into();
    }
    document
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).expect("a time").to_string()
}

/// A time as HTTP writes it.
pub(super) fn http_date(second: i64) -> String {
    let time = Timestamp::from_second(second).expect("a time");
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `simple-user`.
pub(super) fn account(state: &State, of: &Account) -> Value {
    let base = format!("{}/api/v3/users/{}", state.url, of.login);
    let document = json!({
        "id": of.id, "login": of.login, "node_id": "MDQ6", "gravatar_id": "", "site_admin": false,
        "type": if of.is_organisation { "Organization" } else { "User" }, "url": base,
    });
    let names = "avatar events followers following gists html organizations received_events repos starred subscriptions";
    with_addresses(document, &base, names)
}

/// `public-user`.
pub(super) fn user(state: &State, of: &Account) -> Value {
    let mut document = account(state, of);
    for (name, value) in json!({
        "bio": null, "blog": null, "company": null, "email": null, "followers": 0, "following": 0,
        "hireable": null, "location": null, "name": of.login, "public_gists": 0,
        "public_repos": 0, "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z", "user_view_type": "public",
    })
    .as_object()
    .expect("an object")
    {
        document[name] = value.clone();
    }
    document
}

/// `org-membership`.
pub(super) fn membership(state: &State, of: &Account, user: &Account, is_owner: bool) -> Value {
    let base = format!("{}/api/v3/orgs/{}", state.url, of.login);
    let organisation = json!({
        "id": of.id, "login": of.login, "node_id": "MDQ6", "url": base, "description": "",
    });
    let names = "repos events hooks issues members public_members avatar";
    json!({
        "url": format!("{base}/memberships/{}", user.login), "state": "active",
        "role": if is_owner { "admin" } else { "member" }, "organization_url": base,
        "organization": with_addresses(organisation, &base, names), "user": account(state, user),
    })
}

/// `repository`, which has all that `minimal-repository` has.
pub(super) fn repository(state: &State, of: &Repository) -> Value {
    let owner = state.account(of.owner).expect("it has an owner");
    let full_name = format!("{}/{}", owner.login, of.name);
    let base = format!("{}/api/v3/repos/{full_name}", state.url);
    let is_empty = pushes::is_empty(&state.folder.join(format!("{}.git", of.id)));
    let document = json!({
        "id": of.id, "node_id": "MDEw", "name": of.name, "full_name": full_name,
        "owner": account(state, owner), "private": of.visibility != "public",
        "visibility": of.visibility, "description": of.description, "fork": of.fork, "url": base,
        "archived": of.archived, "disabled": of.served == Served::Disabled,
        "clone_url": format!("{}/{full_name}.git", state.git_url),
        "ssh_url": format!("git@github.example.com:{full_name}.git"),
        "default_branch": of.default_branch, "forks": 0, "forks_count": 0, "has_downloads": true,
        "has_issues": true, "has_projects": true, "has_wiki": of.wiki != Wiki::Off,
        "has_pages": false, "homepage": null, "language": "Rust", "topics": ["shop"],
        "mirror_url": null, "open_issues": 0, "open_issues_count": 0, "license": null,
        "pushed_at": of.pushed.map(time), "size": if is_empty { 0 } else { 24 },
        "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2026-11-01T00:00:00Z",
    });
    let names = "archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks git git_commits git_refs git_tags hooks html issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription svn tags teams trees";
    with_addresses(document, &base, names)
}

/// `full-repository`, which an answer about one repository is.
pub(super) fn full_repository(state: &State, of: &Repository) -> Value {
    let mut document = repository(state, of);
    document["has_discussions"] = false.into();
    document["network_count"] = 0.into();
    document["subscribers_count"] = 0.into();
    document
}

/// `organization-full`, as a member is shown it.
pub(super) fn organisation(state: &State, of: &Account) -> Value {
    let base = format!("{}/api/v3/orgs/{}", state.url, of.login);
    let document = json!({
        "id": of.id, "login": of.login, "node_id": "MDQ6", "url": base, "description": "",
        "has_organization_projects": true, "has_repository_projects": true, "public_repos": 1,
        "public_gists": 0, "followers": 0, "following": 0, "type": "Organization",
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
        "archived_at": null, "members_can_create_repositories": state.members_create,
        "members_can_create_private_repositories": state.members_create,
    });
    let names = "repos events hooks issues members public_members avatar html";
    with_addresses(document, &base, names)
}

/// `validation-error`. Source of the words: users' reports.
pub(super) fn invalid(message: &str, field: &str, words: &str) -> Response {
    let one =
        json!({ "resource": "Repository", "code": "custom", "field": field, "message": words });
    let page = "https://docs.github.com/rest/repos/repos";
    with_status(
        422,
        &json!({ "message": message, "documentation_url": page, "errors": [one] }),
    )
}

/// What an installation may do.
fn permissions(of: &Installation) -> Value {
    match of.writes {
        true => json!({
            "administration": "write", "contents": "write", "metadata": "read",
            "workflows": "write",
        }),
        false => json!({ "contents": "read", "metadata": "read" }),
    }
}

/// `base-gist`.
pub(super) fn gist(state: &State, of: &Gist) -> Value {
    let owner = state.account(of.owner).expect("it has an owner");
    let base = format!("{}/api/v3/gists/{}", state.url, of.id);
    let address = format!("{}/gist/{}.git", state.git_url, of.id);
    let document = json!({
        "id": of.id, "node_id": "MDQ6", "url": base, "git_pull_url": address,
        "git_push_url": address, "public": of.public, "description": null, "comments": 0,
        "user": null, "files": {}, "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z", "owner": account(state, owner), "truncated": false,
    });
    with_addresses(document, &base, "forks commits html comments")
}

/// An entry of `/app/installations`.
pub(super) fn installation(state: &State, of: &Installation) -> Value {
    let target = state.account(of.account).expect("it has an account");
    let base = format!("{}/api/v3/app/installations/{}", state.url, of.id);
    let suspender = of.suspended.then(|| account(state, target));
    let document = json!({
        "id": of.id, "account": account(state, target), "app_id": 4711, "app_slug": "backup",
        "target_id": of.account, "target_type": account(state, target)["type"],
        "permissions": permissions(of), "events": [],
        "repository_selection": if of.selected.is_some() { "selected" } else { "all" },
        "single_file_name": null, "suspended_by": suspender,
        "suspended_at": of.suspended.then_some("2026-11-01T00:00:00Z"),
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
    });
    with_addresses(document, &base, "access_tokens html repositories")
}

/// `integration`.
pub(super) fn app(state: &State) -> Value {
    let owner = state
        .account(state.app_owner)
        .expect("the App has an owner");
    json!({
        "id": 4711, "slug": "backup", "node_id": "MDM6", "owner": account(state, owner),
        "name": "Backup", "description": null, "external_url": "https://example.com",
        "html_url": format!("{}/apps/backup", state.url), "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "permissions": { "contents": "read", "metadata": "read" }, "events": [],
    })
}

/// `installation-token`.
pub(super) fn minted(state: &State, of: &Installation, secret: &str) -> Value {
    json!({
        "token": secret, "expires_at": time(state.now() + state.token_life),
        "permissions": permissions(of), "repository_selection": "all",
    })
}

/// A document.
pub(super) fn ok(document: &Value) -> Response {
    with_status(200, document)
}

pub(super) fn with_status(status: u16, document: &Value) -> Response {
    Response::new(
        status,
        "application/json; charset=utf-8",
        document.to_string(),
    )
}

/// `basic-error`.
pub(super) fn refusal(status: u16, message: &str) -> Response {
    let page = "https://docs.github.com/rest";
    with_status(
        status,
        &json!({ "message": message, "documentation_url": page, "status": status.to_string() }),
    )
}

/// A limit. Source: GitHub's *Rate limits for the REST API*.
pub(super) fn limited(state: &State, told: Told) -> Response {
    let page = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api";
    let message = match told {
        Told::Primary => "API rate limit exceeded for user ID 1.",
        _ => {
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        }
    };
    let answer = with_status(
        403,
        &json!({ "message": message, "documentation_url": page }),
    );
    match told {
        Told::Primary => answer
            .with_header("x-ratelimit-remaining", "0")
            .with_header("x-ratelimit-reset", state.now().to_string()),
        Told::Secondary => answer.with_header("retry-after", "1"),
        Told::Bare => answer,
    }
}

pub(super) fn refused<T>(status: u16, message: &str) -> Result<T, Refused> {
    Err(Box::new(refusal(status, message)))
}
