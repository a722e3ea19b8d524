use forgekeep_test_hosters::client::{Answered, Local, ask, basic, heads, refs};
use forgekeep_test_hosters::github::{Actions, GitHub};
use forgekeep_test_hosters::pushes::Pushes;
use serde_json::{Value, json};

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

/// Pushes with the token.
fn push(local: &Local, url: &str, refs: &[&str]) -> Result<String, String> {
    local.push(url, &basic("x", TOKEN), refs)
}

fn url(made: &Value) -> &str {
    made["clone_url"].as_str().unwrap()
}

#[test]
fn makes_it_private_and_takes_a_push() {
    let github = github(&["repo"]);
    github.change(|state| state.unseen = 1);
    let (status, made) = make(&github, "web");
    assert_eq!((status, &made["private"]), (201, &json!(true)), "{made}");
    let local = Local::new(&["trunk", "topic"]);
    // Not known everywhere yet.
    assert!(push(&local, url(&made), &["trunk"]).is_err());
    let off = to(
        &github,
        "PUT",
        "repos/acme/web/actions/permissions",
        &json!({ "enabled": false }),
    );
    assert_eq!(off.0, 204);
    let early = json!({ "default_branch": "trunk" });
    assert_eq!(to(&github, "PATCH", "repos/acme/web", &early).0, 422);
    push(&local, url(&made), &["trunk", "topic"]).unwrap();
    let (status, set) = to(&github, "PATCH", "repos/acme/web", &early);
    assert_eq!((status, &set["default_branch"]), (200, &json!("trunk")));
    let id = made["id"].as_u64().unwrap();
    assert_eq!(heads(&github.git_dir(id)), ["topic", "trunk"]);
    let archived = json!({ "archived": true });
    assert_eq!(to(&github, "PATCH", "repos/acme/web", &archived).0, 200);
    assert!(push(&local, url(&made), &["topic:more"]).is_err());
    // Without the scope it stays.
    assert_eq!(to(&github, "DELETE", "repos/acme/web", &Value::Null).0, 403);
    let methods = github.requests().into_iter().map(|one| one.method);
    assert_eq!(methods.filter(|method| method == "PUT").count(), 1);
    github.read(|state| assert!(!state.repositories[0].automation));
}

#[test]
fn refuses_what_it_is_told_to() {
    let github = github(&["repo", "delete_repo"]);
    github.change(|state| {
        state.refuses_private = true;
        state.actions = Actions::Missing;
        state.pushes.refused = vec!["refs/tags/v*".into()];
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
    let local = Local::new(&["main"]);
    let pushed = push(
        &local,
        url(&made),
        &["main", "main:refs/tags/v1", "main:refs/tags/w1"],
    );
    assert!(pushed.unwrap_err().contains("GH013"));
    let id = made["id"].as_u64().unwrap();
    assert_eq!(
        refs(&github.git_dir(id)),
        ["refs/heads/main", "refs/tags/w1"]
    );
    github.change(|state| {
        state.pushes = Pushes {
            refused_with_all: vec!["refs/heads/bad".into()],
            pack_bytes: Some(1 << 20),
            ..Pushes::default()
        };
    });
    let made = make(&github, "shop").1;
    assert!(push(&local, url(&made), &["main", "main:bad"]).is_err());
    push(&local, url(&made), &["main"]).unwrap();
    assert_eq!(
        to(&github, "DELETE", "repos/acme/shop", &Value::Null).0,
        204
    );
    assert_eq!(to(&github, "GET", "repos/acme/shop", &Value::Null).0, 404);
}

#[test]
fn takes_workflows_with_the_scope_alone() {
    for (scopes, taken) in [
        (&["repo"][..], &["main"][..]),
        (&["repo", "workflow"], &["flows", "main"]),
    ] {
        let github = github(scopes);
        let made = make(&github, "web").1;
        let local = Local::new(&["main"]);
        local.add_workflow("flows");
        let pushed = push(&local, url(&made), &["main", "flows"]);
        assert_eq!(pushed.is_ok(), taken.len() == 2, "{pushed:?}");
        let id = made["id"].as_u64().unwrap();
        assert_eq!(heads(&github.git_dir(id)), taken);
    }
}

#[test]
fn lets_only_those_write_who_may() {
    let github = github(&["public_repo"]);
    assert_eq!(make(&github, "web").0, 404);
    let id = github.repository("acme", "web");
    let local = Local::new(&["main"]);
    let url = format!("{}/acme/web.git", github.git_url());
    assert!(push(&local, &url, &["main:more"]).is_err());
    assert_eq!(heads(&github.git_dir(id)), ["main"]);
}
