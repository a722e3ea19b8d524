use forgekeep_test_hosters::azure_devops::AzureDevOps;
use forgekeep_test_hosters::client::{self, Local, ask};
use forgekeep_tests::git;
use serde_json::{Value, json};

use crate::schema::wrong;

const ALL: [&str; 2] = ["vso.code_manage", "vso.project"];

/// A server with the organisation acme and its project shop, and a token that writes.
fn server() -> AzureDevOps {
    let azure = AzureDevOps::new();
    azure.change(|state| {
        state.add_organisation("acme");
        state.add_project("shop");
        state.add_token("writer", &ALL);
    });
    azure
}

fn basic(token: &str) -> String {
    client::basic("pat", token)
}

/// Asks below the project, and holds request and answer to the document.
fn api(
    azure: &AzureDevOps,
    token: &str,
    method: &str,
    path: &str,
    document: &Value,
) -> (u16, Value) {
    let repositories = "_apis/git/repositories";
    let url = format!(
        "{}/acme/shop/{repositories}{path}?api-version=7.1",
        azure.url()
    );
    let (status, answer) = ask(method, &url, &[("Authorization", &basic(token))], document);
    let published: Value =
        serde_json::from_str(include_str!("../../../openapi/azure-devops.json")).unwrap();
    let rest = if path.is_empty() {
        ""
    } else {
        "/{repositoryId}"
    };
    let key = format!(
        "{} /{{organization}}/{{project}}/{repositories}{rest}",
        method.to_lowercase()
    );
    let described = &published["writes"][key];
    if described["body"].is_object() {
        let refused = wrong(&described["body"], &published["definitions"], document);
        assert_eq!(refused, None, "{method} {path}");
    }
    if described.is_object() && status < 400 && status != 204 {
        let schema = &described["answers"][status.to_string()];
        assert!(
            schema.is_object(),
            "{method} {path} {status} is not described"
        );
        let refused = wrong(schema, &published["definitions"], &answer);
        assert_eq!(refused, None, "{method} {path} {status}");
    }
    (status, answer)
}

fn create(azure: &AzureDevOps, token: &str, name: &str) -> (u16, Value) {
    let id = azure.read(|state| state.projects[0].id.clone());
    api(
        azure,
        token,
        "POST",
        "",
        &json!({ "name": name, "project": { "id": id } }),
    )
}

#[test]
fn a_repository_is_made_pushed_to_set_up_and_removed() {
    let azure = server();
    let (status, made) = create(&azure, "writer", "web app");
    assert_eq!(status, 201);
    assert_eq!(
        (&made["size"], made.get("defaultBranch")),
        (&json!(0), None)
    );
    assert_eq!(made["project"]["visibility"], "private");
    assert_eq!(create(&azure, "writer", "WEB APP").0, 409);
    assert_eq!(create(&azure, "writer", "web?").0, 400);
    let id = made["id"].as_str().unwrap();
    let path = format!("/{id}");
    let set = |name: &str| {
        let branch = format!("refs/heads/{name}");
        api(
            &azure,
            "writer",
            "PATCH",
            &path,
            &json!({ "defaultBranch": branch }),
        )
    };
    assert_eq!(set("trunk").0, 400);
    let url = format!("{}/acme/shop/_git/{id}", azure.git_url());
    let local = Local::usual();
    local
        .push(&url, &basic("writer"), &["trunk", "v1"])
        .unwrap();
    assert_eq!(set("trunk").1["defaultBranch"], "refs/heads/trunk");
    assert_eq!(
        git::tip(&azure.git_dir(id), "trunk"),
        git::tip(local.path(), "trunk")
    );
    let writes = azure.requests().into_iter().filter(|one| one.writes());
    assert_eq!(
        writes
            .filter(|one| one.target.ends_with("git-receive-pack"))
            .count(),
        1
    );
    assert_eq!(api(&azure, "writer", "DELETE", &path, &Value::Null).0, 204);
    assert_eq!(api(&azure, "writer", "GET", &path, &Value::Null).0, 404);
    assert!(azure.read(|state| state.repositories[0].deleted));
    assert_eq!(create(&azure, "writer", "web app").0, 201);
}

#[test]
fn each_deed_wants_its_scope() {
    let azure = server();
    let web = azure.repository("shop", "web");
    let url = format!("{}/acme/shop/_git/{web}", azure.git_url());
    azure.change(|state| {
        state.add_token("reader", &["vso.code"]);
        state.add_token("pusher", &["vso.code_write"]);
    });
    let local = Local::usual();
    for (token, may_push) in [("reader", false), ("pusher", true)] {
        assert_eq!(create(&azure, token, "more").0, 403);
        let branch = json!({ "defaultBranch": "refs/heads/main" });
        assert_eq!(
            api(&azure, token, "PATCH", &format!("/{web}"), &branch).0,
            403
        );
        assert_eq!(
            api(&azure, token, "DELETE", &format!("/{web}"), &Value::Null).0,
            403
        );
        let pushed = local.push(&url, &basic(token), &["trunk"]);
        assert_eq!(pushed.is_ok(), may_push, "{token}: {pushed:?}");
        assert_eq!(git::tip(&azure.git_dir(&web), "trunk").is_some(), may_push);
    }
}

#[test]
fn creating_and_pushing_are_refused_on_request() {
    let azure = server();
    azure.change(|state| state.creates_at_once = Some(2));
    let names = ["a", "b", "c", "c"];
    let statuses: Vec<_> = names.map(|name| create(&azure, "writer", name).0).into();
    assert_eq!(statuses, [201, 201, 429, 201]);
    azure.change(|state| state.pushes.refused = vec!["refs/heads/trunk".to_owned()]);
    let url = format!("{}/acme/shop/_git/a", azure.git_url());
    let local = Local::usual();
    let said = local
        .push(&url, &basic("writer"), &["main", "trunk"])
        .unwrap_err();
    assert!(said.contains("refused by a rule"), "{said}");
    let folder = azure.read(|state| azure.git_dir(&state.repositories[0].id));
    assert!(git::tip(&folder, "main").is_some() && git::tip(&folder, "trunk").is_none());
}
