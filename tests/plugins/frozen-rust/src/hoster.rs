//! FROZEN. The hoster: two repositories for every name. The first one is what the API gives first at
//! `<apiUrl>/2.0/repositories/<name>`, and can be fetched from `<cloneUrl, or apiUrl>/<full name>.git`; the
//! second one is made up, and is to be skipped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// What is asked.
pub struct Asked<'a> {
    pub object: u64,
    pub method: &'a [u8],
    pub doc: &'a [u8],
}

/// What is answered.
pub enum Outcome {
    Result(Vec<u8>),
    Error(Vec<u8>),
}

/// Asks the host: method and document; what comes is an outcome and bytes.
pub type Ask<'a> = &'a dyn Fn(&str, &[u8]) -> Option<(Outcome, Vec<u8>)>;

/// A source that is open.
struct Source {
    name: String,
    api_url: String,
    clone_url: String,
    user: String,
    api_user: String,
    password: String,
}

struct Sources {
    last: u64,
    open: BTreeMap<u64, Arc<Source>>,
}

static SOURCES: Mutex<Sources> = Mutex::new(Sources {
    last: 0,
    open: BTreeMap::new(),
});

fn result(doc: Value) -> Outcome {
    Outcome::Result(doc.to_string().into_bytes())
}

/// An error that stays. Without saying what it concerns: what was asked for.
pub fn fail(kind: &str, message: &str, concerns: Option<&str>) -> Outcome {
    let mut doc = json!({"kind": kind, "message": message, "permanent": true});
    if let Some(concerns) = concerns {
        doc["concerns"] = concerns.into();
    }
    Outcome::Error(doc.to_string().into_bytes())
}

fn unsupported(message: &str) -> Outcome {
    fail("unsupported", message, None)
}

/// Answers a call.
pub fn answer(asked: &Asked<'_>, ask: Ask<'_>) -> Outcome {
    let Ok(Value::Object(doc)) = serde_json::from_slice(asked.doc) else {
        return fail("plugin", "the document is no JSON object", None);
    };
    let doc = Value::Object(doc);
    if doc["requires"].as_array().is_some_and(|words| !words.is_empty()) {
        return unsupported("the document requires what is not known here");
    }
    if asked.object == 0 {
        return match asked.method {
            b"hello" => hello(),
            b"manifest" => manifest(),
            b"validate" => validate(&doc),
            b"open" => open(&doc),
            _ => unsupported("there is no such method"),
        };
    }
    let open = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    let source = open.open.get(&asked.object).cloned();
    drop(open);
    let Some(source) = source else {
        return fail("plugin", "there is no such object", Some("source"));
    };
    match asked.method {
        b"check" => check(&source),
        b"list" => list(&source, &doc, ask),
        b"access" => access(&source, &doc),
        b"lookup" => lookup(&source, &doc),
        _ => unsupported("there is no such method"),
    }
}

/// Drops an object.
pub fn close(object: u64) {
    let mut open = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    open.open.remove(&object);
}

fn hello() -> Outcome {
    result(json!({
        "protocols": {"from": 1, "to": 1},
        "features": [],
        "built": {"sdk": "none", "panic": "unwind", "target": std::env::consts::ARCH},
    }))
}

fn manifest() -> Outcome {
    result(json!({
        "id": "frozen-rust",
        "version": "1.0.0",
        "authors": ["The Forgekeep developers"],
        "description": "Two repositories for every name, in Rust",
        "types": ["user", "org"],
        "apiUrl": "https://api.frozen.example",
        "trustedOrigins": ["https://git.frozen.example"],
        "options": [{
            "name": "cloneUrl",
            "kind": "text",
            "description": "Where clones come from; apiUrl by default",
            "trustedOrigin": true,
        }],
        "attributes": ["visibility", "archived"],
    }))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The text in a field, or another one where it is empty.
fn text_or(value: &Value, otherwise: &str) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => otherwise.to_owned(),
    }
}

fn validate(doc: &Value) -> Outcome {
    if !text(&doc["name"]).is_empty() {
        return result(json!({"findings": []}));
    }
    let finding = json!({
        "severity": "error",
        "key": "name",
        "message": "a source needs a name",
        "hint": "set `name`",
    });
    result(json!({"findings": [finding]}))
}

fn open(doc: &Value) -> Outcome {
    let (api_url, user) = (text(&doc["apiUrl"]), text(&doc["authName"]));
    let source = Source {
        name: text(&doc["name"]),
        clone_url: text_or(&doc["options"]["cloneUrl"], &api_url),
        api_user: text_or(&doc["apiAuthName"], &user),
        password: text(&doc["secrets"]["password"]),
        api_url,
        user,
    };
    if source.name.is_empty() {
        return fail("not-found", "a source needs a name", Some("source"));
    }
    let mut open = SOURCES.lock().unwrap_or_else(PoisonError::into_inner);
    open.last += 1;
    let object = open.last;
    open.open.insert(object, Arc::new(source));
    result(json!({"object": object}))
}

fn auth(user: &str, password: &str) -> Value {
    match password {
        "" => json!({"kind": "none"}),
        secret => json!({"kind": "basic", "user": user, "secret": secret}),
    }
}

fn check(source: &Source) -> Outcome {
    let finding = json!({"severity": "info", "message": "one of them is made up"});
    result(json!({
        "identity": text_or(&source.api_user.as_str().into(), "nobody"),
        "visible": 2,
        "private": 1,
        "findings": [finding],
    }))
}

fn list(source: &Source, doc: &Value, ask: Ask<'_>) -> Outcome {
    match doc["cursor"].as_str().unwrap_or_default() {
        "" => first_page(source, ask),
        "2" => {
            let note = json!({"severity": "info", "message": "this is the last page"});
            result(json!({"repositories": [second(source)], "total": 2, "notes": [note]}))
        }
        _ => fail("bad-answer", "there is no page with this cursor", Some("source")),
    }
}

fn first_page(source: &Source, ask: Ask<'_>) -> Outcome {
    let request = json!({
        "method": "GET",
        "url": format!("{}/2.0/repositories/{}?pagelen=1", source.api_url, source.name),
        "auth": auth(&source.api_user, &source.password),
        "headers": [{"name": "accept", "value": "application/json"}],
    });
    let (doc, body) = match ask("http", request.to_string().as_bytes()) {
        Some((Outcome::Result(doc), body)) => (doc, body),
        // The host's own error says it best.
        Some((error, _)) => return error,
        None => return unsupported("the host makes no requests by HTTP"),
    };
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    if read(&doc)["status"] != 200 {
        let message = "the API did not answer with status 200";
        return fail("unavailable", message, Some("source"));
    }
    let full_name = text(&read(&body)["values"][0]["full_name"]);
    if full_name.is_empty() {
        let message = "the API's answer has no full_name";
        return fail("bad-answer", message, Some("source"));
    }
    result(json!({
        "repositories": [{
            "id": "1",
            "handle": "first",
            "fullName": full_name,
            "visibility": "private",
            "owner": {"id": "o1", "name": source.name},
            "parts": [{"url": format!("{}/{full_name}.git", source.clone_url)}],
        }],
        "next": "2",
        "total": 2,
        "owners": [{"id": "o1", "name": source.name, "sees": "all"}],
    }))
}

fn second(source: &Source) -> Value {
    json!({
        "id": "2",
        "handle": "second",
        "fullName": format!("{}/second", source.name),
        "visibility": "public",
        "archived": true,
        "owner": {"id": "o1", "name": source.name},
        "skip": "it is made up",
    })
}

fn access(source: &Source, doc: &Value) -> Outcome {
    if text_or(&doc["deed"], "fetch") != "fetch" {
        return fail("forbidden", "it can only be fetched from", Some("repository"));
    }
    if doc["refusedBefore"] == true {
        return fail("credentials", "there are no other credentials", Some("source"));
    }
    result(auth(&source.user, &source.password))
}

fn lookup(source: &Source, doc: &Value) -> Outcome {
    result(match doc["id"].as_str().unwrap_or_default() {
        "2" => json!({"state": "present", "repository": second(source)}),
        "3" => json!({"state": "deleted", "proof": "the third one was never made"}),
        _ => json!({"state": "hidden"}),
    })
}
