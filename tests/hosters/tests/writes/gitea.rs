use forgekeep_test_hosters::client::{Local, ask};
use forgekeep_test_hosters::gitea::{Gitea, Wiki};
use forgekeep_tests::git;
use serde_json::{Value, json};

use crate::schema::wrong;

const TOKEN: &str = "89abcdef0123456789abcdef0123456789abcdef";
const READER: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// A server with the organisation acme, which dev owns; dev has a token that writes and one that reads.
fn server() -> Gitea {
    let gitea = Gitea::new();
    gitea.change(|state| {
        let dev = state.add_user("dev");
        state.add_organisation("acme", dev, true);
        let writes = ["write:repository", "write:organization", "write:user"];
        state.add_token(dev, TOKEN, &writes);
        state.add_token(
            dev,
            READER,
            &["read:repository", "read:organization", "read:user"],
        );
    });
    gitea
}

/// Asks, and holds request and answer to the document.
fn api(gitea: &Gitea, token: &str, method: &str, path: &str, document: &Value) -> (u16, Value) {
    let url = format!("{}/api/v1/{path}", gitea.url());
    let (status, answer) = ask(
        method,
        &url,
        &[("Authorization", &format!("token {token}"))],
        document,
    );
    let published: Value =
        serde_json::from_str(include_str!("../../../openapi/forgejo.json")).unwrap();
    let mut definitions = published["definitions"].clone();
    // For older clients: Gitea's `modules/structs/user.go`.
    definitions["User"]["properties"]["username"] = json!({ "type": "string" });
    let segments: Vec<&str> = path.split('/').collect();
    let described = match (method, &segments[..]) {
        ("POST", ["user", "repos"]) => "post /user/repos",
        ("POST", ["orgs", _, "repos"]) => "post /orgs/{org}/repos",
        ("PATCH", ["repos", _, _]) => "patch /repos/{owner}/{repo}",
        ("DELETE", ["repos", _, _]) => "delete /repos/{owner}/{repo}",
        ("POST", ["repos", _, _, "wiki", "new"]) => "post /repos/{owner}/{repo}/wiki/new",
        _ => return (status, answer),
    };
    let described = &published["writes"][described];
    if described["body"].is_object() {
        assert_eq!(
            wrong(&described["body"], &definitions, document),
            None,
            "{path}"
        );
    }
    // A limit is a proxy's; a repository of an organisation whose name is taken is not described.
    if !matches!(status, 204 | 409 | 422 | 429) {
        let schema = &described["answers"][status.to_string()];
        assert!(schema.is_object(), "{path} {status} is not described");
        assert_eq!(
            wrong(schema, &definitions, &answer),
            None,
            "{path} {status}"
        );
    }
    (status, answer)
}

fn create(gitea: &Gitea, name: &str) -> (u16, Value) {
    let what =
        json!({ "name": name, "private": true, "description": "The shop", "auto_init": false });
    api(gitea, TOKEN, "POST", "orgs/acme/repos", &what)
}

fn git_url(gitea: &Gitea, name: &str) -> String {
    format!("{}/acme/{name}.git", gitea.git_url())
}

#[test]
fn a_repository_is_made_pushed_to_set_up_and_removed() {
    let gitea = server();
    let (status, made) = create(&gitea, "web");
    assert_eq!(status, 201);
    assert_eq!(
        (&made["private"], &made["empty"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&made["has_actions"], &made["description"]),
        (&json!(true), &json!("The shop"))
    );
    let id = made["id"].as_u64().unwrap();
    assert_eq!(create(&gitea, "WEB").0, 409);
    assert_eq!(create(&gitea, "web.wiki").0, 422);
    let edit = |what: &Value| api(&gitea, TOKEN, "PATCH", "repos/acme/web", what).1;
    // Nothing is there yet.
    let branch = |name: &str| edit(&json!({ "default_branch": name }))["default_branch"].clone();
    assert_eq!(branch("other"), "other");
    assert_eq!(edit(&json!({ "has_actions": false }))["has_actions"], false);
    let (local, authorization) = (Local::usual(), format!("token {TOKEN}"));
    local
        .push(&git_url(&gitea, "web"), &authorization, &["trunk", "v1"])
        .unwrap();
    assert_eq!(branch("elsewhere"), "other");
    let told = edit(&json!({ "default_branch": "trunk" }));
    assert_eq!(
        (&told["default_branch"], &told["empty"]),
        (&json!("trunk"), &json!(false))
    );
    assert_eq!(
        git::tip(&gitea.git_dir(id), "trunk"),
        git::tip(local.path(), "trunk")
    );
    assert_eq!(edit(&json!({ "archived": true }))["archived"], true);
    let refused = local.push(&git_url(&gitea, "web"), &authorization, &["main"]);
    assert!(refused.unwrap_err().contains("403"));
    let writes = gitea.requests().into_iter().filter(|one| one.writes());
    assert_eq!(
        writes
            .filter(|one| one.target.ends_with("git-receive-pack"))
            .count(),
        1
    );
    assert_eq!(
        api(&gitea, TOKEN, "DELETE", "repos/acme/web", &Value::Null).0,
        204
    );
    assert_eq!(
        api(
            &gitea,
            TOKEN,
            "GET",
            &format!("repositories/{id}"),
            &Value::Null
        )
        .0,
        404
    );
    assert_eq!(
        api(&gitea, TOKEN, "DELETE", "repos/acme/web", &Value::Null).0,
        404
    );
}

#[test]
fn nobody_writes_without_the_scopes_and_the_right() {
    let gitea = server();
    let web = gitea.repository("acme", "web");
    let eve = "0000000000000000000000000000000000000000";
    gitea.change(|state| {
        let id = state.add_user("eve");
        state.add_token(id, eve, &["all"]);
    });
    let what = json!({ "name": "more", "private": true });
    for token in [READER, eve] {
        assert_eq!(api(&gitea, token, "POST", "orgs/acme/repos", &what).0, 403);
        assert_eq!(
            api(
                &gitea,
                token,
                "PATCH",
                "repos/acme/web",
                &json!({ "archived": true })
            )
            .0,
            403
        );
        assert_eq!(
            api(&gitea, token, "DELETE", "repos/acme/web", &Value::Null).0,
            403
        );
        let refused = Local::usual().push(
            &git_url(&gitea, "web"),
            &format!("token {token}"),
            &["trunk"],
        );
        assert!(refused.unwrap_err().contains("403"));
    }
    assert_eq!(api(&gitea, eve, "POST", "user/repos", &what).0, 201);
    assert_eq!(git::tip(&gitea.git_dir(web), "trunk"), None);
}

#[test]
fn a_wiki_takes_a_push_once_it_has_a_page() {
    let gitea = server();
    create(&gitea, "web");
    let (local, url) = (
        Local::usual(),
        git_url(&gitea, "web").replace(".git", ".wiki.git"),
    );
    let authorization = format!("token {TOKEN}");
    assert!(local.push(&url, &authorization, &["main"]).is_err());
    let page = json!({ "title": "Home", "content_base64": "Cg==", "message": "a first page" });
    let (status, _) = api(&gitea, TOKEN, "POST", "repos/acme/web/wiki/new", &page);
    assert_eq!(status, 201);
    local.push(&url, &authorization, &["+main"]).unwrap();
    let id = gitea.read(|state| state.repositories[0].id);
    assert_eq!(
        git::tip(&gitea.wiki_dir(id), "main"),
        git::tip(local.path(), "main")
    );
    gitea.change(|state| state.repository_mut(id).wiki = Wiki::Off);
    assert!(local.push(&url, &authorization, &["trunk"]).is_err());
}

#[test]
fn pushes_are_refused_on_request() {
    let gitea = server();
    create(&gitea, "web");
    let (local, url, authorization) = (
        Local::usual(),
        git_url(&gitea, "web"),
        format!("token {TOKEN}"),
    );
    let tips = |name: &str| {
        let id = gitea.read(|state| state.repositories[0].id);
        git::tip(&gitea.git_dir(id), name).is_some()
    };
    let push = |refs: &[&str]| local.push(&url, &authorization, refs);
    gitea.change(|state| state.pushes.refused = vec!["refs/heads/tr*".to_owned()]);
    let said = push(&["main", "trunk"]).unwrap_err();
    assert!(said.contains("refused by a rule"), "{said}");
    assert!(tips("main") && !tips("trunk"));
    gitea.change(|state| {
        state.pushes.refused.clear();
        state.pushes.refused_with_all = vec!["refs/tags/v1".to_owned()];
    });
    assert!(push(&["trunk", "v1"]).is_err());
    assert!(!tips("trunk"));
    push(&["trunk"]).unwrap();
    gitea.change(|state| state.pushes.file_bytes = Some(10_000));
    let said = push(&["large"]).unwrap_err();
    assert!(said.contains("a file is larger"), "{said}");
    gitea.change(|state| state.pushes = Default::default());
    gitea.change(|state| state.pushes.pack_bytes = Some(10));
    assert!(push(&["large"]).is_err());
    gitea.change(|state| state.pushes.pack_bytes = None);
    // A commit without an author.
    let commit = git::run(local.path(), &["cat-file", "commit", "main"]);
    let lines = commit.lines().filter(|line| !line.starts_with("author "));
    let bad: String = lines.map(|line| format!("{line}\n")).collect();
    let write = [
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
    ];
    let id = git::run_with_input(local.path(), &write, bad.as_bytes());
    let bad = format!("{}:refs/heads/bad", id.trim());
    gitea.change(|state| state.pushes.bad_objects = true);
    assert!(push(&[&bad]).is_err() && !tips("bad"));
    gitea.change(|state| state.pushes.bad_objects = false);
    push(&[&bad]).unwrap();
    gitea.change(|state| state.pushes.push_bytes = Some(10));
    assert!(push(&["large"]).unwrap_err().contains("413"));
    gitea.change(|state| state.pushes = Default::default());
    push(&["large"]).unwrap();
    assert!(tips("large"));
}

#[test]
fn creating_is_limited_and_public_on_request() {
    let gitea = server();
    gitea.change(|state| state.creates_at_once = Some(2));
    let statuses: Vec<_> = ["a", "b", "c", "c", "d", "e"]
        .map(|name| create(&gitea, name).0)
        .into();
    assert_eq!(statuses, [201, 201, 429, 201, 201, 429]);
    gitea.change(|state| {
        (state.creates_at_once, state.makes_public) = (None, true);
        state.has_actions = false;
    });
    let (_, made) = create(&gitea, "f");
    assert_eq!(
        (&made["private"], made.get("has_actions")),
        (&json!(false), None)
    );
}
