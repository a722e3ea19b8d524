use forgekeep_hoster_github::Plugin;
use forgekeep_plugin_sdk::{Header, HttpResponse, Page, Secret, Source};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use serde_json::{Value, json};

pub const API: &str = "https://api.github.com";
pub const TOKEN: &str = "ghp_0123456789abcdef0123456789abcdef0123";
pub const REPOS: &str = "orgs/acme/repos";

/// The address of an endpoint.
pub fn at(path: &str) -> String {
    format!("{API}/{path}")
}

/// A page of a listing of repositories.
pub fn page_of(path: &str, page: usize) -> String {
    let which = match path.split('/').next() {
        Some("orgs") => "type=all",
        Some("users") => "type=owner",
        _ => "affiliation=owner",
    };
    let number = if page == 1 {
        String::new()
    } else {
        format!("&page={page}")
    };
    at(&format!(
        "{path}?per_page=100&{which}&sort=created&direction=asc{number}"
    ))
}

/// A source by this name, with a token.
pub fn source(name: &str) -> Source {
    Source {
        title: "acme".into(),
        name: name.into(),
        secrets: [("password".to_owned(), Secret::new(TOKEN))].into(),
        api_url: API.into(),
        ..Source::default()
    }
}

pub fn anonymous(name: &str) -> Source {
    Source {
        secrets: Default::default(),
        ..source(name)
    }
}

pub fn open(source: &Source, script: &Script) -> Opened {
    Testee::of::<Plugin>().open(source, script).unwrap()
}

/// GitHub with the organisation acme (id 5) and the user dev (id 7), to whom the token belongs.
pub fn server() -> Script {
    with_scopes(Some("repo, read:org"))
}

/// The same, where the token has these scopes, or is fine-grained.
pub fn with_scopes(scopes: Option<&str>) -> Script {
    let headers: Vec<_> = scopes
        .iter()
        .map(|scopes| ("x-oauth-scopes", *scopes))
        .collect();
    let memberships =
        json!([{ "role": "admin", "state": "active", "organization": account(5, "acme", "") }]);
    Script::new()
        .answer(
            &at("user"),
            Ok(answer(200, &account(7, "dev", "User"), &headers)),
        )
        .json(
            &at("user/memberships/orgs?state=active&per_page=100"),
            200,
            &memberships,
        )
        .json(&at("users/dev"), 200, &account(7, "dev", "User"))
        .json(&at("users/eve"), 200, &account(8, "eve", "User"))
        .json(&at("users/acme"), 200, &account(5, "acme", "Organization"))
}

pub fn account(id: u64, login: &str, kind: &str) -> Value {
    json!({ "id": id, "login": login, "type": kind })
}

/// A repository as GitHub describes it.
pub fn entry(id: u64, name: &str, owner: &Value) -> Value {
    let login = owner["login"].as_str().unwrap();
    json!({
        "id": id, "name": name, "full_name": format!("{login}/{name}"), "owner": owner,
        "private": false, "visibility": "public", "archived": false, "disabled": false,
        "fork": false, "mirror_url": null, "size": 12, "has_wiki": false, "topics": [],
        "language": null, "default_branch": "main", "pushed_at": "2026-11-01T00:00:00Z",
        "clone_url": format!("https://github.com/{login}/{name}.git"),
    })
}

pub fn of_acme(id: u64, name: &str) -> Value {
    entry(id, name, &account(5, "acme", "Organization"))
}

/// An answer with fields of its head.
pub fn answer(status: u16, body: &Value, headers: &[(&str, &str)]) -> HttpResponse {
    let mut all = vec![("content-type", "application/json; charset=utf-8")];
    all.extend(headers);
    let header = |(name, value): (&str, &str)| Header {
        name: name.into(),
        value: value.into(),
    };
    HttpResponse {
        status,
        headers: all.into_iter().map(header).collect(),
        body: body.to_string().into(),
        ..HttpResponse::default()
    }
}

/// A listing of these pages, with GitHub's links.
pub fn linked(mut script: Script, path: &str, pages: &[Vec<Value>]) -> Script {
    for (number, entries) in pages
        .iter()
        .enumerate()
        .map(|(at, entries)| (at + 1, entries))
    {
        let mut links = vec!["<https://docs.github.com/rest>; rel=\"deprecation\"".to_owned()];
        if number < pages.len() {
            links.push(format!("<{}>; rel=\"next\"", page_of(path, number + 1)));
        }
        let page = answer(
            200,
            &Value::from(entries.clone()),
            &[("link", &links.join(", "))],
        );
        script = script.answer(&page_of(path, number), Ok(page));
    }
    script
}

/// All pages.
pub fn listed(source: &Source, script: &Script) -> Vec<Page> {
    let opened = open(source, script);
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
    let line = |note: &forgekeep_plugin_sdk::Finding| {
        format!(
            "{:?} {}: {} -> {}\n",
            note.severity, note.key, note.message, note.hint
        )
    };
    notes.map(line).collect()
}

/// The requests without the beginning of their addresses.
pub fn asked(script: &Script) -> Vec<String> {
    let requests = script.requests().into_iter();
    requests
        .map(|request| request.url.replace(&at(""), ""))
        .collect()
}
