use forgekeep_hoster_azure_devops::AzureDevOps;
use forgekeep_plugin_sdk::{Header, HttpResponse, Page, Secret, Source};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use serde_json::{Value, json};

pub const BASE: &str = "https://dev.azure.com/acme";
pub const TOKEN: &str = "k7jq2m5xv3w6z4a8c9b1d0f2g7h5j3l6n8p4r2s9t1u6v3w5x7y2";
pub const SHOP: &str = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c";

/// The address of an endpoint, with its version.
pub fn at(path: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{BASE}/_apis/{path}{joint}api-version=7.1")
}

/// The same of a project's.
pub fn of(project: &str, path: &str) -> String {
    format!("{BASE}/{project}/_apis/{path}?api-version=7.1")
}

/// A page of projects, by the token that leads to it.
pub fn page_of(token: Option<&str>) -> String {
    match token {
        None => at("projects?%24top=100"),
        Some(token) => at(&format!("projects?%24top=100&continuationToken={token}")),
    }
}

pub fn source() -> Source {
    Source {
        title: "acme".into(),
        name: "acme".into(),
        secrets: [("password".to_owned(), Secret::new(TOKEN))].into(),
        api_url: "https://dev.azure.com".into(),
        ..Source::default()
    }
}

pub fn with(change: impl FnOnce(&mut Source)) -> Source {
    let mut source = source();
    change(&mut source);
    source
}

pub fn open(source: &Source, script: &Script) -> Opened {
    Testee::of::<AzureDevOps>().open(source, script).unwrap()
}

pub fn identity() -> Value {
    json!({
        "authenticatedUser": {
            "id": "d6245f20-2af8-44f4-9451-8107cb2767db", "providerDisplayName": "Dev",
            "descriptor": "Microsoft.IdentityModel.Claims.ClaimsIdentity;x\\dev@example.com",
            "properties": { "Account": { "$type": "System.String", "$value": "dev@example.com" } },
        },
        "instanceId": "45ef7c5a-4e3e-4b4b-9d1e-2c3a9d0a8f2b",
    })
}

pub fn project(id: &str, name: &str) -> Value {
    json!({ "id": id, "name": name, "state": "wellFormed", "visibility": "private" })
}

pub fn entry(id: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "project": project(SHOP, "shop"), "size": 728,
        "defaultBranch": "refs/heads/main", "isDisabled": false, "isFork": false,
        "remoteUrl": "https://acme@dev.azure.com/acme/shop/_git/web",
    })
}

pub fn envelope(all: &[Value]) -> Value {
    json!({ "count": all.len(), "value": all })
}

/// An answer with fields of its head.
pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> HttpResponse {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).into(),
        value: (*value).into(),
    };
    HttpResponse {
        status,
        headers: headers.iter().map(header).collect(),
        body: body.into(),
        ..HttpResponse::default()
    }
}

/// A document.
pub fn answer_of(body: &Value) -> HttpResponse {
    answer(
        200,
        &[("content-type", "application/json")],
        &body.to_string(),
    )
}

/// A page of projects that names the token of the next one.
pub fn leading_to(token: &str, projects: &[Value]) -> HttpResponse {
    let headers = [
        ("content-type", "application/json"),
        ("x-ms-continuationtoken", token),
    ];
    answer(200, &headers, &envelope(projects).to_string())
}

/// What every server has, and no project.
pub fn server() -> Script {
    let connection = format!("{BASE}/_apis/connectionData?api-version=7.1-preview");
    Script::new().json(&connection, 200, &identity())
}

/// A project with these repositories, and no wiki.
pub fn having(script: Script, project: &str, repositories: &[Value]) -> Script {
    let repositories = envelope(repositories);
    script
        .json(&of(project, "git/repositories"), 200, &repositories)
        .json(&of(project, "wiki/wikis"), 200, &envelope(&[]))
}

/// An organisation with one project, which has these repositories.
pub fn shop(repositories: &[Value]) -> Script {
    let projects = envelope(&[project(SHOP, "shop")]);
    having(
        server().json(&page_of(None), 200, &projects),
        SHOP,
        repositories,
    )
}

/// All pages.
pub fn listed(source: &Source, script: &Script) -> Vec<Page> {
    let (pages, error) = open(source, script).all();
    assert_eq!(error, None);
    pages
}

pub fn names(pages: &[Page]) -> Vec<String> {
    let all = pages.iter().flat_map(|page| &page.repositories);
    all.map(|found| found.full_name.clone()).collect()
}
