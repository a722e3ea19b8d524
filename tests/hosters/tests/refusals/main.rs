//! The fakes as targets: repositories are made by the API, and real git pushes to them.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use forgekeep_test_hosters::asking::{Answered, ask};
use forgekeep_test_hosters::github::{Actions, GitHub};
use forgekeep_test_hosters::gitlab::Gitlab;
use forgekeep_test_hosters::refusals::Refusals;
use serde_json::{Value, json};

use crate::support::{Worktree, with_token};

const TOKEN: &str = "ghp_0123456789abcdef0123456789abcdef0123";

fn github(scopes: &[&str]) -> GitHub {
    let github = GitHub::new();
    github.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("acme", dev, true);
        state.add_token(dev, TOKEN, Some(scopes));
    });
    github
}

fn to(github: &GitHub, method: &str, path: &str, body: &Value) -> Answered {
    let url = format!("{}/{path}", github.api_url());
    ask(
        method,
        &url,
        &[("Authorization", &format!("Bearer {TOKEN}"))],
        body,
    )
}

fn make(github: &GitHub, name: &str) -> Answered {
    to(
        github,
        "POST",
        "orgs/acme/repos",
        &json!({ "name": name, "private": true }),
    )
}

fn address(made: &Value) -> String {
    with_token(made["clone_url"].as_str().unwrap(), TOKEN)
}

#[test]
fn github_makes_it_private_and_takes_a_push() {
    let github = github(&["repo"]);
    github.change(|state| state.unseen = 1);
    let (status, made) = make(&github, "web");
    assert_eq!((status, &made["private"]), (201, &json!(true)), "{made}");
    let worktree = Worktree::new(&["trunk", "topic"]);
    // Not known everywhere yet.
    assert!(worktree.push(&address(&made), &["trunk"]).is_err());
    let off = to(
        &github,
        "PUT",
        "repos/acme/web/actions/permissions",
        &json!({ "enabled": false }),
    );
    assert_eq!(off.0, 204);
    let early = json!({ "default_branch": "trunk" });
    assert_eq!(to(&github, "PATCH", "repos/acme/web", &early).0, 422);
    worktree.push(&address(&made), &["trunk", "topic"]).unwrap();
    let (status, set) = to(&github, "PATCH", "repos/acme/web", &early);
    assert_eq!((status, &set["default_branch"]), (200, &json!("trunk")));
    let id = made["id"].as_u64().unwrap();
    assert_eq!(worktree.heads(&github.git_dir(id)), ["topic", "trunk"]);
    let archived = json!({ "archived": true });
    assert_eq!(to(&github, "PATCH", "repos/acme/web", &archived).0, 200);
    assert!(worktree.push(&address(&made), &["topic:more"]).is_err());
    // Without the scope it stays.
    assert_eq!(to(&github, "DELETE", "repos/acme/web", &Value::Null).0, 403);
    let methods = github.requests().into_iter().map(|one| one.method);
    assert_eq!(methods.filter(|method| method == "PUT").count(), 1);
    github.read(|state| assert!(!state.repositories[0].automation));
}

#[test]
fn github_refuses_what_it_is_told_to() {
    let github = github(&["repo", "delete_repo"]);
    github.change(|state| {
        state.refuses_private = true;
        state.actions = Actions::Missing;
        state.refusals = Refusals {
            refs: vec!["refs/tags/v*".into()],
            ..Refusals::default()
        };
    });
    let (status, why) = make(&github, "web");
    assert_eq!(
        (status, &why["errors"][0]["field"]),
        (422, &json!("visibility"))
    );
    github.change(|state| (state.refuses_private, state.create_limit) = (false, Some(1)));
    let made = make(&github, "web").1;
    assert_eq!(make(&github, "api").0, 403);
    assert_eq!(make(&github, "api").0, 201);
    github.change(|state| state.create_limit = None);
    assert_eq!(make(&github, "WEB").1["errors"][0]["field"], "name");
    assert_eq!(
        to(
            &github,
            "PUT",
            "repos/acme/web/actions/permissions",
            &json!({})
        )
        .0,
        404
    );
    let worktree = Worktree::new(&["main"]);
    let pushed = worktree.push(
        &address(&made),
        &["main", "main:refs/tags/v1", "main:refs/tags/w1"],
    );
    assert!(pushed.unwrap_err().contains("GH013"));
    let id = made["id"].as_u64().unwrap();
    assert_eq!(
        worktree.refs(&github.git_dir(id)),
        ["refs/heads/main", "refs/tags/w1"]
    );
    github.change(|state| {
        state.refusals = Refusals {
            pushes_with: vec!["refs/heads/bad".into()],
            bytes: Some(1 << 20),
            ..Refusals::default()
        };
    });
    let made = make(&github, "shop").1;
    assert!(
        worktree
            .push(&address(&made), &["main", "main:bad"])
            .is_err()
    );
    worktree.push(&address(&made), &["main"]).unwrap();
    assert_eq!(
        to(&github, "DELETE", "repos/acme/shop", &Value::Null).0,
        204
    );
    assert_eq!(to(&github, "GET", "repos/acme/shop", &Value::Null).0, 404);
}

#[test]
fn github_takes_workflows_with_the_scope_alone() {
    for (scopes, taken) in [
        (&["repo"][..], &["main"][..]),
        (&["repo", "workflow"], &["flows", "main"]),
    ] {
        let github = github(scopes);
        let made = make(&github, "web").1;
        let worktree = Worktree::new(&["main"]);
        worktree.with_workflow("flows");
        let pushed = worktree.push(&address(&made), &["main", "flows"]);
        assert_eq!(pushed.is_ok(), taken.len() == 2, "{pushed:?}");
        let id = made["id"].as_u64().unwrap();
        assert_eq!(worktree.heads(&github.git_dir(id)), taken);
    }
}

#[test]
fn github_lets_only_those_write_who_may() {
    let github = github(&["public_repo"]);
    assert_eq!(make(&github, "web").0, 404);
    let id = github.repository("acme", "web");
    let worktree = Worktree::new(&["main"]);
    let address = with_token(&format!("{}/acme/web.git", github.git_url()), TOKEN);
    assert!(worktree.push(&address, &["main:more"]).is_err());
    assert_eq!(worktree.heads(&github.git_dir(id)), ["main"]);
}

const LAB: &str = "glpat-0123456789abcdef";

/// With the group acme (its id is given) and its member dev.
fn gitlab(scopes: &[&str], role: u64) -> (Gitlab, u64) {
    let gitlab = Gitlab::new();
    let acme = gitlab.change(|state| {
        let dev = state.add_user("dev");
        let acme = state.add_group("acme", None);
        state.namespace_mut(acme).members.push((dev + 1000, role));
        state.add_token(dev, LAB, scopes);
        acme
    });
    (gitlab, acme)
}

fn lab(gitlab: &Gitlab, method: &str, path: &str, body: &Value) -> Answered {
    let url = format!("{}/api/v4/{path}", gitlab.url());
    ask(method, &url, &[("PRIVATE-TOKEN", LAB)], body)
}

fn project(name: &str, namespace: u64) -> Value {
    json!({ "name": name, "path": name, "namespace_id": namespace, "visibility": "private", "lfs_enabled": false })
}

#[test]
fn gitlab_makes_it_private_and_takes_a_push() {
    let (gitlab, acme) = gitlab(&["api"], 50);
    let group = json!({ "name": "sub", "path": "sub", "parent_id": acme, "visibility": "private" });
    let (status, group_made) = lab(&gitlab, "POST", "groups", &group);
    assert_eq!(
        (status, &group_made["full_path"]),
        (201, &json!("acme/sub"))
    );
    assert_eq!(lab(&gitlab, "POST", "groups", &group).0, 400);
    let sub = group_made["id"].as_u64().unwrap();
    let (status, made) = lab(&gitlab, "POST", "projects", &project("web", sub));
    assert_eq!(
        (status, &made["visibility"], &made["empty_repo"]),
        (201, &json!("private"), &json!(true))
    );
    let at = format!("projects/{}", made["id"]);
    let off = json!({ "builds_access_level": "disabled" });
    assert_eq!(
        lab(&gitlab, "PUT", &at, &off).1["builds_access_level"],
        "disabled"
    );
    let address = with_token(made["http_url_to_repo"].as_str().unwrap(), LAB);
    let worktree = Worktree::new(&["trunk", "topic"]);
    worktree.push(&address, &["trunk", "topic"]).unwrap();
    let wiki = address.replace(".git", ".wiki.git");
    worktree.push(&wiki, &["trunk:main"]).unwrap();
    // It is not the one that one would choose.
    assert_eq!(
        lab(&gitlab, "GET", &at, &Value::Null).1["default_branch"],
        "topic"
    );
    let (_, set) = lab(&gitlab, "PUT", &at, &json!({ "default_branch": "trunk" }));
    assert_eq!(
        (&set["default_branch"], &set["empty_repo"]),
        (&json!("trunk"), &json!(false))
    );
    assert_eq!(
        lab(&gitlab, "PUT", &at, &json!({ "default_branch": "none" })).0,
        400
    );
    assert_eq!(
        lab(&gitlab, "POST", &format!("{at}/archive"), &Value::Null).0,
        201
    );
    assert!(worktree.push(&address, &["topic:more"]).is_err());
    assert_eq!(lab(&gitlab, "DELETE", &at, &Value::Null).0, 202);
    assert!(lab(&gitlab, "GET", &at, &Value::Null).1["marked_for_deletion_on"].is_string());
    gitlab.read(|state| assert!(!state.projects[0].automation && !state.projects[0].lfs));
}

#[test]
fn gitlab_refuses_what_it_is_told_to() {
    let (gitlab, acme) = gitlab(&["api"], 50);
    let make = |name: &str| lab(&gitlab, "POST", "projects", &project(name, acme));
    gitlab.change(|state| state.refuses_private = true);
    assert!(make("web").1["message"]["visibility_level"].is_array());
    gitlab.change(|state| (state.refuses_private, state.create_limit) = (false, Some(1)));
    assert_eq!(make("web").0, 201);
    assert_eq!(make("api").0, 429);
    gitlab.change(|state| (state.create_limit, state.projects_left) = (None, Some(1)));
    assert!(make("Web").1["message"]["path"].is_array());
    assert_eq!(make("api").0, 201);
    assert!(make("shop").1["message"]["limit_reached"].is_array());
    assert_eq!(
        lab(&gitlab, "GET", "projects/acme%2Fapi", &Value::Null).0,
        200
    );
}

#[test]
fn gitlab_lets_only_those_write_who_may() {
    for (scopes, role, status) in [
        (&["read_api", "write_repository"][..], 50, 403),
        (&["api"], 20, 400),
        (&["api"], 30, 201),
    ] {
        let (gitlab, acme) = gitlab(scopes, role);
        assert_eq!(
            lab(&gitlab, "POST", "projects", &project("web", acme)).0,
            status,
            "{scopes:?} {role}"
        );
    }
    let (gitlab, acme) = gitlab(&["api"], 20);
    gitlab.project(acme, "web");
    let address = with_token(&format!("{}/acme/web.git", gitlab.git_url()), LAB);
    assert!(
        Worktree::new(&["main"])
            .push(&address, &["main:more"])
            .is_err()
    );
}
