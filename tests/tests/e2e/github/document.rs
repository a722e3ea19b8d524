//! Plugin and look-alike, held to GitHub's own description of its API: each path and parameter that is
//! asked for, and the form of each answer.

use boon::{Compiler, Schemas};
use forgekeep_test_hosters::github::Exchange;

use super::*;

/// As GitHub has it: see `github.md` beside it.
fn as_published() -> Value {
    serde_json::from_str(include_str!("../../../openapi/github.json")).unwrap()
}

/// Answers that the document does not have, though GitHub gives them: credentials that are not good, a
/// policy, and what is not there, wherever they are asked (GitHub's *Troubleshooting the REST API*).
const REFUSALS: [u16; 4] = [401, 403, 404, 502];

/// Not in the document: where renamed and moved repositories redirect to. It answers as
/// `/repos/{owner}/{repo}` does.
const BY_ID: &str = "/repositories/{id} get";

/// Paths of a target alone.
pub(super) const OF_TARGETS: [&str; 8] = [
    "/orgs/{org} get",
    "/orgs/{org}/repos post",
    "/repos/{owner}/{repo} delete",
    "/repos/{owner}/{repo} get",
    "/repos/{owner}/{repo} patch",
    "/repos/{owner}/{repo}/actions/permissions get",
    "/repos/{owner}/{repo}/actions/permissions put",
    "/user/repos post",
];

/// The document, corrected where GitHub does otherwise, and stricter: an object has no field that is not
/// described, so that none is made up here.
fn document() -> Value {
    let mut document = as_published();
    let repository = json!({ "$ref": "#/components/schemas/repository" });
    document["paths"][BY_ID] = json!({ "query": [], "body": [], "answers": { "200": repository } });
    // An account is a user, an organisation or an enterprise; the document wants all of them at once.
    let place = "/paths/~1app~1installations get/answers/200/items/properties/account";
    let account = document.pointer_mut(place).unwrap();
    let all = account["allOf"].take();
    *account = json!({ "nullable": true, "anyOf": all });
    translate(&mut document, true);
    document
}

/// OpenAPI's `nullable` becomes JSON schema's null, and an object is closed, if it is the whole one.
fn translate(schema: &mut Value, is_whole: bool) {
    match schema {
        Value::Array(all) => {
            for one in all {
                translate(one, is_whole);
            }
        }
        Value::Object(fields) => {
            for (name, field) in &mut *fields {
                translate(field, name != "allOf");
            }
            let is_object = fields.get("properties").is_some_and(Value::is_object);
            let is_open =
                fields.contains_key("additionalProperties") || fields.contains_key("allOf");
            if is_object && is_whole && !is_open {
                fields.insert("additionalProperties".to_owned(), false.into());
            }
            if fields.get("nullable") == Some(&true.into()) {
                fields.remove("nullable");
                let inner = Value::Object(fields.clone());
                fields.clear();
                fields.insert("anyOf".to_owned(), json!([{ "type": "null" }, inner]));
            }
        }
        _ => {}
    }
}

/// The path and method of the document that a request is, without its query.
fn path_of<'d>(document: &'d Value, exchange: &Exchange) -> Option<&'d str> {
    let target = exchange.target.split('?').next()?.strip_prefix("/api/v3")?;
    let method = exchange.method.to_lowercase();
    let asked: Vec<&str> = target.split('/').collect();
    let fits = |key: &&String| {
        let (path, its) = key.split_once(' ').unwrap();
        let path: Vec<&str> = path.split('/').collect();
        let mut pairs = path.iter().zip(&asked);
        its == method
            && path.len() == asked.len()
            && pairs.all(|(path, asked)| path.starts_with('{') || path == asked)
    };
    let paths = document["paths"].as_object()?.keys();
    // A segment that is named wins over one that may be anything.
    let best = paths
        .filter(fits)
        .min_by_key(|path| path.matches('{').count());
    best.map(String::as_str)
}

/// What is wrong with a request or its answer.
fn wrong(document: &Value, exchange: &Exchange) -> Option<String> {
    let (target, status) = (&exchange.target, exchange.status);
    let Some(path) = path_of(document, exchange) else {
        return Some(format!("{target}: no such path in the document"));
    };
    let described = &document["paths"][path];
    let query = target.split_once('?').map_or("", |(_, query)| query);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap();
        let known = described["query"].as_array().unwrap();
        if !known.iter().any(|one| one == name) {
            return Some(format!("{target}: no parameter {name} in the document"));
        }
    }
    let sent: Value = serde_json::from_slice(&exchange.sent).unwrap_or_default();
    for name in sent.as_object().into_iter().flat_map(|sent| sent.keys()) {
        let known = described["body"].as_array().unwrap();
        if !known.iter().any(|one| one == name) {
            return Some(format!("{target}: no field {name} in the document"));
        }
    }
    if status == 204 && described["answers"]["204"].is_object() {
        let is_empty = exchange.body.is_empty();
        return (!is_empty).then(|| format!("{target} 204: with a document"));
    }
    let schema = match &described["answers"][status.to_string()] {
        Value::Null if REFUSALS.contains(&status) => {
            json!({ "$ref": "#/components/schemas/basic-error" })
        }
        Value::Null => return Some(format!("{target}: no answer {status} in the document")),
        schema => schema.clone(),
    };
    let mut compiler = Compiler::new();
    let place = "https://schema.example/github.json";
    let resource = json!({ "components": { "schemas": document["schemas"] }, "allOf": [schema] });
    compiler.add_resource(place, resource).unwrap();
    let mut schemas = Schemas::new();
    let index = compiler.compile(place, &mut schemas).unwrap();
    let Ok(body) = serde_json::from_slice(&exchange.body) else {
        return Some(format!("{target} {status}: no JSON"));
    };
    let judged = schemas.validate(&body, index);
    judged
        .err()
        .map(|error| format!("{target} {status}: {error:#}"))
}

#[track_caller]
pub(super) fn assert_documented(world: &World) -> Vec<String> {
    let document = document();
    let exchanges = world.github.exchanges();
    let wrong: Vec<_> = exchanges
        .iter()
        .filter_map(|one| wrong(&document, one))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let paths = exchanges.iter().filter_map(|one| path_of(&document, one));
    paths.map(str::to_owned).collect()
}

#[test]
fn what_is_asked_and_answered_is_in_the_document() {
    let world = World::new();
    let web = world.github.repository("acme", "web");
    world.github.wiki(web);
    world.github.repository("dev", "own");
    world.github.gist("dev", "aa5a315d61ae9438b18d", false);
    world.github.change(|state| {
        let eve = state.add_user("eve");
        let beta = state.add_organisation("beta", world.dev, false);
        state.account_mut(beta).policy = Some("no".to_owned());
        state.app_owner = world.acme;
        state.install(world.acme);
        let suspended = state.install(eve);
        let mut all = state.installations.iter_mut();
        all.find(|one| one.id == suspended).unwrap().suspended = true;
        state.gists[0].starred_by.push(world.dev);
        state.page_cap = 1;
    });
    world.sandbox.write("app.pem", APP_KEY);
    let with = |name: &str, more: &Value| {
        let mut source = world.source(name);
        for (key, value) in more.as_object().unwrap() {
            source[key] = value.clone();
        }
        source
    };
    let gists = json!({ "includeGists": true, "includeStarred": true });
    let app = json!({ "appId": "4711", "privateKeyFile": world.sandbox.path("app.pem").to_str(), "password": null });
    for source in [
        world.source("acme"),
        with("*", &gists),
        with("dev", &gists),
        with("eve", &json!({ "includeGists": true })),
        world.source("nobody"),
        with(
            "acme",
            &json!({ "password": "ghp_ffffffffffffffffffffffffffffffffffff" }),
        ),
        with("*", &app),
        with("acme", &app),
    ] {
        world.configure(&[source]);
        for command in ["check", "list"] {
            world.sandbox.forgekeep([command]).run();
        }
    }
    let paths = assert_documented(&world);
    let document = as_published();
    let all = document["paths"].as_object().unwrap().keys();
    for path in all.filter(|path| !OF_TARGETS.contains(&path.as_str())) {
        assert!(paths.contains(path), "not asked: {path}");
    }
}

#[test]
fn what_a_lookup_asks_is_in_the_document() {
    let (world, _) = absence::missing(|world, web| world.github.change(|state| state.delete(web)));
    world.backup().expect(0);
    let paths = assert_documented(&world);
    assert!(paths.iter().any(|path| path == BY_ID), "{paths:?}");
}

#[test]
fn what_is_not_as_documented_is_caught() {
    let world = World::new();
    world.github.repository("acme", "web");
    world.sandbox.forgekeep(["list"]).run().expect(0);
    let document = document();
    let exchanges = world.github.exchanges();
    let good = exchanges
        .iter()
        .find(|one| one.target.contains("/orgs/acme/repos?"))
        .unwrap();
    assert_eq!(wrong(&document, good), None);
    let spoilt = |change: fn(&mut Exchange)| {
        let mut spoilt = good.clone();
        change(&mut spoilt);
        wrong(&document, &spoilt).is_some()
    };
    assert!(spoilt(
        |one| one.target = "/api/v3/orgs/acme/repositories".to_owned()
    ));
    assert!(spoilt(|one| one.target += "&limit=5"));
    assert!(spoilt(|one| one.method = "POST".to_owned()));
    assert!(spoilt(|one| one.status = 500));
    assert!(spoilt(|one| one.sent = b"{\"made_up\":1}".to_vec()));
    assert!(spoilt(|one| one.body = b"{}".to_vec()));
    for (field, value) in [
        ("id", json!("7")),
        ("private", json!("yes")),
        ("topics", json!("shop")),
        ("made_up", json!(1)),
        ("owner", json!({ "id": 1, "login": 2 })),
    ] {
        let mut body: Value = serde_json::from_slice(&good.body).unwrap();
        body[0][field] = value;
        let mut spoilt = good.clone();
        spoilt.body = body.to_string().into();
        assert!(wrong(&document, &spoilt).is_some(), "{field}");
    }
}
