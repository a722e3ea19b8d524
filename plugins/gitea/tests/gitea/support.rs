use forgekeep_hoster_gitea::Gitea;
use forgekeep_plugin_sdk::{Header, HttpResponse, Page, Secret, Source};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use serde_json::{Value, json};

pub const WEB: &str = "https://git.example/forge";
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

/// The address of an endpoint.
pub fn at(path: &str) -> String {
    format!("{WEB}/api/v1/{path}")
}

/// A page of a listing.
pub fn page_of(path: &str, page: usize) -> String {
    at(&format!("{path}?page={page}&limit=50"))
}

/// A source of a kind and name, with a token.
pub fn source(kind: &str, name: &str) -> Source {
    Source {
        title: "acme".into(),
        name: name.into(),
        kind: kind.into(),
        secrets: [("password".to_owned(), Secret::new(TOKEN))].into(),
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
    Testee::of::<Gitea>().open(source, script).unwrap()
}

/// A server with the organisation acme (id 5) and the user dev (id 7), to whom the token belongs.
pub fn server() -> Script {
    server_of("9.0.0+gitea-1.22.0")
}

pub fn server_of(version: &str) -> Script {
    Script::new()
        .json(&at("version"), 200, &json!({ "version": version }))
        .json(&at("user"), 200, &user(7, "dev"))
        .json(&at("users/dev"), 200, &user(7, "dev"))
        .json(&at("users/eve"), 200, &user(8, "eve"))
        .json(&at("orgs/acme"), 200, &organisation(5, "acme"))
        .json(&at("orgs/dev"), 404, &not_found())
        .json(&at("orgs/eve"), 404, &not_found())
}

pub fn user(id: u64, login: &str) -> Value {
    json!({ "id": id, "login": login, "username": login, "full_name": "", "is_admin": false })
}

pub fn organisation(id: u64, name: &str) -> Value {
    json!({ "id": id, "name": name, "username": name, "full_name": "", "visibility": "public" })
}

/// How the API says that something is not found.
pub fn not_found() -> Value {
    json!({ "errors": null, "message": "The target couldn't be found.", "url": at("swagger") })
}

/// A token in the list of an account's tokens, as Forgejo 15 has it.
pub fn token(scopes: &[&str], repositories: &Value) -> Value {
    json!({
        "id": 1, "name": "backup", "sha1": "", "token_last_eight": &TOKEN[32..],
        "scopes": scopes, "repositories": repositories,
    })
}

/// A repository as `forgejo.swagger.json` describes it.
pub fn entry(id: u64, name: &str, owner: &Value) -> Value {
    let login = owner["login"].as_str().or(owner["name"].as_str()).unwrap();
    json!({
        "id": id, "name": name, "full_name": format!("{login}/{name}"),
        "owner": { "id": owner["id"], "login": login, "username": login },
        "private": false, "internal": false, "archived": false, "fork": false, "mirror": false,
        "empty": false, "size": 12, "has_wiki": false, "default_branch": "main", "topics": [],
        "language": "", "clone_url": format!("{WEB}/{login}/{name}.git"),
    })
}

/// A page with fields of its head.
pub fn answer(entries: &[Value], headers: &[(&str, &str)]) -> HttpResponse {
    let mut all = vec![("content-type", "application/json")];
    all.extend(headers);
    let header = |(name, value): (&str, &str)| Header {
        name: name.into(),
        value: value.into(),
    };
    HttpResponse {
        status: 200,
        headers: all.into_iter().map(header).collect(),
        body: Value::from(entries.to_vec()).to_string().into(),
        ..HttpResponse::default()
    }
}

/// A listing of these pages with the links that a server gives, whose address is its own.
pub fn linked(mut script: Script, path: &str, pages: &[Vec<Value>]) -> Script {
    for (page, entries) in pages
        .iter()
        .enumerate()
        .map(|(at, entries)| (at + 1, entries))
    {
        let link = |page: usize, rel: &str| {
            format!("<http://10.0.0.7:3000/api/v1/{path}?limit=50&page={page}>; rel=\"{rel}\"")
        };
        let link = match (page < pages.len(), page > 1) {
            (true, _) => format!("{},{}", link(page + 1, "next"), link(pages.len(), "last")),
            (false, true) => format!("{},{}", link(1, "first"), link(page - 1, "prev")),
            (false, false) => String::new(),
        };
        let headers: &[_] = if link.is_empty() {
            &[]
        } else {
            &[("link", link.as_str())]
        };
        script = script.answer(&page_of(path, page), Ok(answer(entries, headers)));
    }
    if pages.len() == 1 {
        script = script.answer(&page_of(path, 2), Ok(answer(&[], &[])));
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
    notes
        .map(|note| {
            format!(
                "{:?} {}: {} -> {}\n",
                note.severity, note.key, note.message, note.hint
            )
        })
        .collect()
}

/// The requests without the beginning of their addresses.
pub fn asked(script: &Script) -> Vec<String> {
    let requests = script.requests().into_iter();
    requests
        .map(|request| request.url.replace(&at(""), ""))
        .collect()
}
