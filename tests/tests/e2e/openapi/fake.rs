//! The fake with something of every kind in it, and all that it answers.

use std::io::{Read, Write};
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_tests::{Account, Forge, scope};
use serde_json::{Value, json};

use crate::support::{EMAIL, TOKEN, USER};

const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-access=0815";

/// A forge with a repository of each kind.
pub fn furnish(forge: &Forge) {
    forge.repository("web").private().commit("one");
    forge.repository("docs").commit("one").wiki();
    forge.repository("empty");
    forge.repository("old").hg();
    forge
        .repository("api")
        .ssh_link_first()
        .missing_wiki()
        .display_name("The API");
}

pub fn api_token() -> Account {
    Account::api_token(EMAIL, USER, TOKEN)
}

pub fn access_token() -> Account {
    Account::access_token("acme", ACCESS_TOKEN)
}

/// Asks the fake, as somebody with this header.
pub fn ask(forge: &Forge, target: &str, authorization: &str) -> u16 {
    send(forge, "GET", target, authorization, &Value::Null).0
}

/// The same with a document, by any method; what is answered.
pub fn send(
    forge: &Forge,
    method: &str,
    target: &str,
    authorization: &str,
    document: &Value,
) -> (u16, Value) {
    let address = forge.api_url().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    let authorization = match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    let document = match document {
        Value::Null => String::new(),
        document => document.to_string(),
    };
    let length = document.len();
    let head = format!(
        "Host: {address}\r\n{authorization}Connection: close\r\nContent-Length: {length}\r\n"
    );
    write!(
        connection,
        "{method} {target} HTTP/1.1\r\n{head}\r\n{document}"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{method} {target}: {answer}"));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

pub fn basic(account: &Account) -> String {
    let text = format!("{}:{}", account.email, account.token);
    let text = STANDARD.encode(text);
    format!("Basic {text}")
}

/// Every answer that the fake has, also those that no plugin asks for so far.
pub fn all_answers() -> Forge {
    let scoped = |scope: &str| {
        let name = scope.replace(':', "-");
        let (email, token) = (format!("{name}@example.com"), format!("ATAT{name}"));
        Account::api_token(&email, USER, &token).with_scopes(&[scope])
    };
    let mut accounts = vec![api_token()];
    accounts.extend([scope::REPOSITORY, scope::USER, scope::WORKSPACE].map(scoped));
    let writing = [scope::WRITE, scope::ADMIN, scope::DELETE, scope::PROJECT];
    let writer = Account::api_token("writer@example.com", USER, "ATATwriter");
    accounts.push(writer.with_scopes(&writing));
    let mut forge = Forge::builder().workspace("acme").workspace("beta");
    for account in accounts.iter().cloned().chain([access_token()]) {
        forge = forge.account(account);
    }
    let forge = forge.build();
    furnish(&forge);
    forge
        .repository_in("beta", "theirs")
        .private()
        .commit("one");
    let mut headers: Vec<String> = accounts.iter().map(basic).collect();
    headers.push(format!("Bearer {ACCESS_TOKEN}"));
    headers.extend(["Bearer wrong".to_owned(), String::new()]);
    for target in ["repositories/acme", "user/workspaces"] {
        let status = ask(&forge, &format!("/2.0/{target}?pagelen=1000"), &headers[0]);
        assert_eq!(status, 400);
    }
    for header in headers {
        for target in [
            "/2.0/repositories/acme",
            "/2.0/repositories/acme?pagelen=2&page=2&sort=-updated_on",
            "/2.0/repositories/acme?role=member&pagelen=100",
            "/2.0/repositories/beta",
            "/2.0/repositories/nowhere",
            "/2.0/repositories/acme/web",
            "/2.0/repositories/acme/docs",
            "/2.0/repositories/acme/empty",
            "/2.0/repositories/acme/nothing",
            "/2.0/repositories/beta/theirs",
            "/2.0/user",
            "/2.0/user/workspaces",
            "/2.0/user/workspaces?pagelen=1&page=2",
            "/2.0/workspaces/acme",
            "/2.0/workspaces/nowhere",
        ] {
            ask(&forge, target, &header);
        }
        write_all(&forge, &header);
    }
    forge
}

/// Whatever writes, by somebody who may or who may not.
fn write_all(forge: &Forge, header: &str) {
    let (web, new) = ("/2.0/repositories/acme/web", "/2.0/repositories/acme/new");
    let main = json!({"mainbranch": {"name": "main"}, "description": "The site"});
    let on = json!({"enabled": true});
    for (method, target, document) in [
        (
            "POST",
            new,
            json!({"scm": "git", "is_private": true, "project": {"key": "PROJ"}}),
        ),
        ("POST", new, json!({"scm": "git"})),
        ("POST", "/2.0/repositories/acme/New", json!({})),
        ("POST", "/2.0/repositories/acme/other", json!({"scm": "hg"})),
        (
            "POST",
            "/2.0/repositories/acme/other",
            json!({"project": {"key": "OPS"}}),
        ),
        ("POST", "/2.0/repositories/nowhere/new", json!({})),
        ("PUT", web, main.clone()),
        ("PUT", new, main.clone()),
        ("PUT", "/2.0/repositories/acme/nothing", main),
        ("DELETE", new, Value::Null),
        ("DELETE", new, Value::Null),
    ] {
        send(forge, method, target, header, &document);
    }
    for (id, document) in [
        ("docs", &Value::Null),
        ("web", &on),
        ("web", &Value::Null),
        ("nothing", &on),
    ] {
        let target = format!("/2.0/repositories/acme/{id}/pipelines_config");
        let method = if document.is_null() { "GET" } else { "PUT" };
        send(forge, method, &target, header, document);
    }
    for key in ["PROJ", "OPS"] {
        let target = format!("/2.0/workspaces/acme/projects/{key}");
        ask(forge, &target, header);
    }
}
