use forgekeep_test_hosters::client::{Answered, Local, ask, basic};
use forgekeep_test_hosters::gitlab::Gitlab;
use serde_json::{Value, json};

const TOKEN: &str = "glpat-0123456789abcdef";

/// With the group acme (its id is given) and its member dev.
fn gitlab(scopes: &[&str], role: u64) -> (Gitlab, u64) {
    let gitlab = Gitlab::new();
    let acme = gitlab.change(|state| {
        let dev = state.add_user("dev");
        let acme = state.add_group("acme", None);
        state.namespace_mut(acme).members.push((dev + 1000, role));
        state.add_token(dev, TOKEN, scopes);
        acme
    });
    (gitlab, acme)
}

fn to(gitlab: &Gitlab, method: &str, path: &str, body: &Value) -> Answered {
    let url = format!("{}/api/v4/{path}", gitlab.url());
    ask(method, &url, &[("PRIVATE-TOKEN", TOKEN)], body)
}

/// Pushes with the token.
fn push(local: &Local, url: &str, refs: &[&str]) -> Result<String, String> {
    local.push(url, &basic("x", TOKEN), refs)
}

fn project(name: &str, namespace: u64) -> Value {
    json!({ "name": name, "path": name, "namespace_id": namespace, "visibility": "private", "lfs_enabled": false })
}

#[test]
fn makes_it_private_and_takes_a_push() {
    let (gitlab, acme) = gitlab(&["api"], 50);
    let group = json!({ "name": "sub", "path": "sub", "parent_id": acme, "visibility": "private" });
    let (status, group_made) = to(&gitlab, "POST", "groups", &group);
    assert_eq!(
        (status, &group_made["full_path"]),
        (201, &json!("acme/sub"))
    );
    assert_eq!(to(&gitlab, "POST", "groups", &group).0, 400);
    let sub = group_made["id"].as_u64().unwrap();
    let (status, made) = to(&gitlab, "POST", "projects", &project("web", sub));
    assert_eq!(
        (status, &made["visibility"], &made["empty_repo"]),
        (201, &json!("private"), &json!(true))
    );
    let at = format!("projects/{}", made["id"]);
    let off = json!({ "builds_access_level": "disabled" });
    assert_eq!(
        to(&gitlab, "PUT", &at, &off).1["builds_access_level"],
        "disabled"
    );
    let url = made["http_url_to_repo"].as_str().unwrap();
    let local = Local::new(&["trunk", "topic"]);
    push(&local, url, &["trunk", "topic"]).unwrap();
    let wiki = url.replace(".git", ".wiki.git");
    push(&local, &wiki, &["trunk:main"]).unwrap();
    // It is not the one that one would choose.
    assert_eq!(
        to(&gitlab, "GET", &at, &Value::Null).1["default_branch"],
        "topic"
    );
    let (_, set) = to(&gitlab, "PUT", &at, &json!({ "default_branch": "trunk" }));
    assert_eq!(
        (&set["default_branch"], &set["empty_repo"]),
        (&json!("trunk"), &json!(false))
    );
    assert_eq!(
        to(&gitlab, "PUT", &at, &json!({ "default_branch": "none" })).0,
        400
    );
    assert_eq!(
        to(&gitlab, "POST", &format!("{at}/archive"), &Value::Null).0,
        201
    );
    assert!(push(&local, url, &["topic:more"]).is_err());
    assert_eq!(to(&gitlab, "DELETE", &at, &Value::Null).0, 202);
    assert!(to(&gitlab, "GET", &at, &Value::Null).1["marked_for_deletion_on"].is_string());
    gitlab.read(|state| assert!(!state.projects[0].automation && !state.projects[0].lfs));
}

#[test]
fn refuses_what_it_is_told_to() {
    let (gitlab, acme) = gitlab(&["api"], 50);
    let make = |name: &str| to(&gitlab, "POST", "projects", &project(name, acme));
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
        to(&gitlab, "GET", "projects/acme%2Fapi", &Value::Null).0,
        200
    );
}

#[test]
fn lets_only_those_write_who_may() {
    for (scopes, role, status) in [
        (&["read_api", "write_repository"][..], 50, 403),
        (&["api"], 20, 400),
        (&["api"], 30, 201),
    ] {
        let (gitlab, acme) = gitlab(scopes, role);
        assert_eq!(
            to(&gitlab, "POST", "projects", &project("web", acme)).0,
            status,
            "{scopes:?} {role}"
        );
    }
    let (gitlab, acme) = gitlab(&["api"], 20);
    gitlab.project(acme, "web");
    let url = format!("{}/acme/web.git", gitlab.git_url());
    assert!(push(&Local::new(&["main"]), &url, &["main:more"]).is_err());
}
