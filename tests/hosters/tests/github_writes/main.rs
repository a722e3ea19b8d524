//! The fakes as targets: repositories are made by the API, and real git pushes to them.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use forgekeep_test_hosters::github::{Actions, GitHub};
use forgekeep_test_hosters::refusals::Refusals;
use serde_json::{Value, json};

use crate::support::{Answered, Worktree, ask, with_token};

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
fn github_lets_only_those_write_who_may() {
    let github = github(&["public_repo"]);
    assert_eq!(make(&github, "web").0, 404);
    let id = github.repository("acme", "web");
    let worktree = Worktree::new(&["main"]);
    let address = with_token(&format!("{}/acme/web.git", github.git_url()), TOKEN);
    assert!(worktree.push(&address, &["main:more"]).is_err());
    assert_eq!(worktree.heads(&github.git_dir(id)), ["main"]);
}
