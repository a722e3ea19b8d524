use forgekeep_hoster_gitlab::Gitlab;
use forgekeep_plugin_sdk::{Finding, Header, HttpResponse, Page, Secret, Source};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use serde_json::{Value, json};

pub const WEB: &str = "https://git.example/lab";
pub const TOKEN: &str = "glpat-0123456789abcdef";
pub const OAUTH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Of a last page.
pub const LAST: [(&str, &str); 1] = [("link", "<http://10.0.0.7/x?page=1>; rel=\"first\"")];

/// The address of an endpoint.
pub fn at(path: &str) -> String {
    format!("{WEB}/api/v4/{path}")
}

/// A page of the group acme.
pub fn page_of(archived: bool, page: usize) -> String {
    let whole = "include_subgroups=true&with_shared=false";
    let query = format!("{whole}&archived={archived}&order_by=id&sort=asc");
    at(&format!(
        "groups/5/projects?{query}&page={page}&per_page=100"
    ))
}

/// A page by keyset.
pub fn keyset_of(path: &str, which: &str, after: &str) -> String {
    let query = format!("{which}&order_by=id&sort=asc&pagination=keyset&per_page=100");
    at(&format!("{path}?{query}{after}"))
}

/// A source of a kind and name, with a token.
pub fn source(kind: &str, name: &str) -> Source {
    with_token(kind, name, TOKEN)
}

pub fn with_token(kind: &str, name: &str, token: &str) -> Source {
    Source {
        title: "acme".into(),
        name: name.into(),
        kind: kind.into(),
        secrets: [("password".to_owned(), Secret::new(token))].into(),
        api_url: WEB.into(),
        ..Source::default()
    }
}

pub fn anonymous(kind: &str, name: &str) -> Source {
    Source {
        secrets: Default::default(),
        ..source(kind, name)
    }
}

pub fn open(source: &Source, script: &Script) -> Opened {
    Testee::of::<Gitlab>().open(source, script).unwrap()
}

/// A server with the group acme (id 5) and its owner dev (id 7), to whom the token belongs.
pub fn server() -> Script {
    server_with(&group(5, "acme"), &["read_api", "read_repository"], 50)
}

/// The same with the group as it is, the scopes of the token, and the account's role in the group.
pub fn server_with(acme: &Value, scopes: &[&str], role: u64) -> Script {
    let script = Script::new()
        .json(&at("user"), 200, &user(7, "dev"))
        .json(&at("personal_access_tokens/self"), 200, &token(scopes))
        .json(&at("users?username=dev"), 200, &json!([user(7, "dev")]))
        .json(&at("users?username=eve"), 200, &json!([user(8, "eve")]))
        .json(&at("users?username=nobody"), 200, &json!([]))
        .json(&group_at("acme"), 200, acme)
        .json(&group_at("5"), 200, acme);
    let script = ["dev", "eve", "nobody"]
        .iter()
        .fold(script, |script, name| {
            script.json(&group_at(name), 404, &not_found())
        });
    let member = json!({ "id": 7, "access_level": role });
    script.json(&at("groups/acme/members/all/7"), 200, &member)
}

pub fn group_at(which: &str) -> String {
    at(&format!("groups/{which}?with_projects=false"))
}

pub fn user(id: u64, username: &str) -> Value {
    json!({ "id": id, "username": username, "name": username, "state": "active" })
}

pub fn group(id: u64, path: &str) -> Value {
    json!({
        "id": id, "path": path, "full_path": path, "visibility": "public",
        "marked_for_deletion_on": null,
    })
}

/// One of a plan with wikis of groups.
pub fn premium(id: u64, path: &str, level: &str) -> Value {
    let mut group = group(id, path);
    group["wiki_access_level"] = level.into();
    group
}

pub fn not_found() -> Value {
    json!({ "message": "404 Not Found" })
}

pub fn token(scopes: &[&str]) -> Value {
    json!({
        "id": 4, "name": "backup", "active": true, "scopes": scopes, "user_id": 7,
        "expires_at": "2027-06-01",
    })
}

/// A project of the group acme.
pub fn entry(id: u64, name: &str) -> Value {
    entry_of(id, name, 5, "acme")
}

pub fn entry_of(id: u64, name: &str, namespace: u64, path: &str) -> Value {
    json!({
        "id": id, "path": name, "path_with_namespace": format!("{path}/{name}"),
        "namespace": { "id": namespace, "full_path": path, "kind": "group" },
        "http_url_to_repo": format!("{WEB}/{path}/{name}.git"), "default_branch": "main",
        "visibility": "private", "archived": false, "topics": [], "wiki_enabled": false,
        "wiki_access_level": "disabled", "repository_access_level": "enabled",
        "import_status": "none", "marked_for_deletion_on": null,
    })
}

/// A page with fields of its head.
pub fn answer(entries: &[Value], headers: &[(&str, &str)]) -> HttpResponse {
    answer_of(200, &Value::from(entries.to_vec()), headers)
}

pub fn answer_of(status: u16, document: &Value, headers: &[(&str, &str)]) -> HttpResponse {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let header = |(name, value): (&str, &str)| Header {
        name: name.into(),
        value: value.into(),
    };
    HttpResponse {
        status,
        headers: all.into_iter().map(header).collect(),
        body: document.to_string().into(),
        ..HttpResponse::default()
    }
}

/// The listing of acme: these pages, and no archived ones. Links have the server's own address.
pub fn linked(mut script: Script, pages: &[Vec<Value>]) -> Script {
    for (entries, page) in pages.iter().zip(1..) {
        let link = |page: usize, rel: &str| {
            format!("<http://10.0.0.7/x?page={page}&per_page=100>; rel=\"{rel}\"")
        };
        let mut links = vec![link(1, "first"), link(pages.len(), "last")];
        if page < pages.len() {
            links.push(link(page + 1, "next"));
        }
        let headers = [("link", &*links.join(", "))];
        script = script.answer(&page_of(false, page), Ok(answer(entries, &headers)));
    }
    script.answer(&page_of(true, 1), Ok(answer(&[], &LAST)))
}

/// All pages.
pub fn listed(source: &Source, script: &Script) -> Vec<Page> {
    all_of(&open(source, script))
}

pub fn all_of(opened: &Opened) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    loop {
        let cursor = pages.last().and_then(|page| page.next.clone());
        pages.push(opened.list(cursor.as_deref()).unwrap());
        if pages.last().unwrap().next.is_none() {
            return pages;
        }
        assert!(pages.len() < 20, "it does not end");
    }
}

pub fn names(pages: &[Page]) -> Vec<String> {
    let all = pages.iter().flat_map(|page| &page.repositories);
    all.map(|found| found.full_name.clone()).collect()
}

/// What is said in all of some pages.
pub fn said(pages: &[Page]) -> String {
    let notes = pages.iter().flat_map(|page| &page.notes);
    let line = |note: &Finding| {
        let (severity, key) = (note.severity, &note.key);
        format!("{severity:?} {key}: {} -> {}\n", note.message, note.hint)
    };
    notes.map(line).collect()
}
