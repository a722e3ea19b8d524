use forgekeep_hoster_bitbucket::Bitbucket;
use forgekeep_plugin_sdk::{
    Auth, Header, HttpResponse, OptionValue, Page, Part, PartKind, Repository, Secret, Source,
};
use forgekeep_plugin_testkit::{Opened, Script, Testee};
use serde_json::{Value, json};

pub const API: &str = "https://api.bitbucket.org";
pub const FIRST: &str =
    "https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&sort=created_on";
pub const PRIVATE: &str =
    "https://api.bitbucket.org/2.0/repositories/acme?pagelen=1&q=is_private%3Dtrue";
pub const MEMBERS: &str = "https://api.bitbucket.org/2.0/user/workspaces?pagelen=100";
pub const TOKENS: &str = "https://bitbucket.org/site/oauth2/access_token";
pub const USER: &str = "https://api.bitbucket.org/2.0/user";

pub const API_TOKEN: &str = "ATATT3xFfGF0-an-api-token";
pub const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-an-access-token";
pub const CLIENT_ID: &str = "kQ3xvT7mWz9bR2nLpA";
pub const CLIENT_SECRET: &str = "Zr8uYt2sVb6nXc4wQe1mKj7hGf5dPo3L";
pub const APP_PASSWORD: &str = "ATBBx2h4vTwTqhZ8uWzHnq9KpY3d6A1B2C3D";

/// Workspace acme with these keys; empty ones are absent.
pub fn source(auth_name: &str, api_auth_name: &str, password: &str) -> Source {
    Source {
        title: "acme".into(),
        name: "acme".into(),
        auth_name: auth_name.into(),
        api_auth_name: api_auth_name.into(),
        secrets: (!password.is_empty())
            .then(|| ("password".to_owned(), Secret::new(password)))
            .into_iter()
            .collect(),
        api_url: API.into(),
        ..Source::default()
    }
}

/// With an OAuth consumer.
pub fn consumer() -> Source {
    let mut source = source("", "", "");
    let id = OptionValue::Text(CLIENT_ID.into());
    source.options.insert("clientId".into(), id);
    let secret = Secret::new(CLIENT_SECRET);
    source.secrets.insert("clientSecret".into(), secret);
    source
}

/// A script in which the consumer is given these tokens, one after the other.
pub fn granting(tokens: &[(&str, u32)]) -> Script {
    tokens.iter().fold(Script::new(), |script, (token, life)| {
        let body = json!({ "access_token": token, "expires_in": life, "token_type": "bearer" });
        script.on("POST", TOKENS, Ok(answered(200, &body)))
    })
}

/// An answer in JSON.
pub fn answered(status: u16, body: &Value) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![Header {
            name: "content-type".into(),
            value: "application/json".into(),
        }],
        body: body.to_string().into(),
        ..HttpResponse::default()
    }
}

/// The same with headers more.
pub fn with_headers(mut answer: HttpResponse, headers: &[(&str, &str)]) -> HttpResponse {
    answer
        .headers
        .extend(headers.iter().map(|(name, value)| Header {
            name: (*name).into(),
            value: (*value).into(),
        }));
    answer
}

/// Bitbucket's own refusal.
pub fn refusal() -> Value {
    json!({ "type": "error", "error": { "message": "no" } })
}

/// A membership, as Bitbucket lists it.
pub fn member(number: u32, slug: &str, administrator: bool) -> Value {
    json!({ "type": "workspace_access", "administrator": administrator,
        "workspace": { "type": "workspace_base", "slug": slug, "uuid": workspace_uuid(number) } })
}

/// The uuid of a workspace; that of `acme` is 2.
pub fn workspace_uuid(number: u32) -> String {
    format!(
        "{{{}-0000-0000-0000-000000000000}}",
        number.to_string().repeat(8)
    )
}

/// The addresses that were asked for.
pub fn urls(script: &Script) -> Vec<String> {
    let requests = script.requests().into_iter();
    requests.map(|request| request.url).collect()
}

/// With an API token, as it should be.
pub fn good() -> Source {
    source("devuser", "dev@example.com", API_TOKEN)
}

pub fn open(source: Source, script: &Script) -> Opened {
    Testee::of::<Bitbucket>().open(&source, script).unwrap()
}

/// The first page of a listing that says this.
pub fn first_page(source: Source, body: &Value) -> Page {
    let script = Script::new().json(FIRST, 200, body);
    open(source, &script).list(None).unwrap()
}

/// The one repository that an entry of the listing becomes.
pub fn read(entry: &Value) -> Repository {
    let page = first_page(good(), &json!({ "values": [entry] }));
    assert_eq!(page.repositories.len(), 1, "{entry}");
    page.repositories[0].clone()
}

/// The part of a repository that is the git repository itself.
pub fn git(repository: &Repository) -> &Part {
    repository.part(&PartKind::Git).unwrap()
}

/// A repository as Bitbucket's OpenAPI document describes it, with what answers hold besides
/// (slug, workspace, type).
pub fn entry(number: u32, name: &str) -> Value {
    json!({
        "type": "repository",
        "uuid": uuid(number),
        "full_name": format!("acme/{name}"),
        "slug": name,
        "name": name,
        "is_private": true,
        "scm": "git",
        "description": "",
        "created_on": "2019-03-01T12:00:00.000000+00:00",
        "updated_on": "2026-10-31T08:15:30.123456+00:00",
        "size": 123_456,
        "language": "",
        "has_issues": false,
        "has_wiki": false,
        "fork_policy": "no_public_forks",
        "parent": null,
        "website": null,
        "mainbranch": { "type": "branch", "name": "main" },
        "project": { "type": "project", "key": "AC", "uuid": "{11111111-0000-0000-0000-000000000000}", "name": "Acme" },
        "owner": { "type": "team", "uuid": "{22222222-0000-0000-0000-000000000000}", "display_name": "Acme" },
        "workspace": { "type": "workspace", "slug": "acme", "uuid": "{22222222-0000-0000-0000-000000000000}", "name": "Acme" },
        "links": {
            "self": { "href": format!("https://api.bitbucket.org/2.0/repositories/acme/{name}") },
            "html": { "href": format!("https://bitbucket.org/acme/{name}") },
            "clone": [
                { "name": "https", "href": format!("https://devuser@bitbucket.org/acme/{name}.git") },
                { "name": "ssh", "href": format!("git@bitbucket.org:acme/{name}.git") },
            ],
        },
    })
}

pub fn uuid(number: u32) -> String {
    format!("{{{number:08x}-0000-4000-8000-000000000000}}")
}

/// Names of the repositories of some pages.
pub fn names(pages: &[Page]) -> Vec<String> {
    pages
        .iter()
        .flat_map(|page| page.repositories.iter())
        .map(|repository| repository.full_name.clone())
        .collect()
}

/// Credentials in a form to compare.
pub fn shown(auth: &Auth) -> String {
    match auth {
        Auth::None => "anonymous".to_owned(),
        Auth::Basic { user, secret } => format!("basic {user}:{}", secret.expose()),
        Auth::Bearer { secret } => format!("bearer {}", secret.expose()),
        other => panic!("Bitbucket knows nothing like {other:?}"),
    }
}

/// The reason a repository is skipped for.
pub fn skip(repository: &Repository) -> &str {
    repository.skip.as_deref().unwrap()
}
