//! Plugin and look-alike, held to Forgejo's own description of its API: each path and parameter that is
//! asked for, and the form of each answer.

use boon::{Compiler, Schemas};
use forgekeep_test_hosters::gitea::Exchange;
use serde_json::Map;

use super::*;

/// As Forgejo has it: see `forgejo.md` beside it.
fn as_published() -> Value {
    serde_json::from_str(include_str!("../../../openapi/forgejo.json")).unwrap()
}

/// Answers that the document does not have, though servers give them: credentials that are not good, and a
/// scope that is missing, are refused wherever they are sent (Gitea's `routers/api/v1/api.go`).
const REFUSALS: [u16; 2] = [401, 403];

/// The document, corrected where servers do otherwise, and stricter: an object has no field that is not
/// described, so that none is made up here.
fn document() -> Value {
    let mut document = as_published();
    let definitions = document["definitions"].as_object_mut().unwrap();
    // For older clients: Gitea's `modules/structs/user.go`.
    definitions["User"]["properties"]["username"] = json!({ "type": "string" });
    // By its own text: "Will be null if the access token is not limited".
    let repositories = definitions["AccessToken"]["properties"]["repositories"].take();
    definitions["AccessToken"]["properties"]["repositories"] =
        json!({ "anyOf": [{ "type": "null" }, repositories] });
    for definition in definitions.values_mut() {
        if definition["properties"].is_object() {
            definition["additionalProperties"] = false.into();
        }
    }
    document
}

/// The path of the document that was asked, with the method before it where that is not `GET`.
fn path_of<'d>(document: &'d Value, exchange: &Exchange) -> Option<&'d str> {
    let target = exchange.target.split('?').next()?;
    let target = target.strip_prefix("/api/v1")?;
    let (paths, target) = match exchange.method.as_str() {
        "GET" => (&document["paths"], target.to_owned()),
        method => (
            &document["writes"],
            format!("{} {target}", method.to_lowercase()),
        ),
    };
    let asked: Vec<&str> = target.split('/').collect();
    let fits = |path: &&String| {
        let path: Vec<&str> = path.split('/').collect();
        path.len() == asked.len()
            && path
                .iter()
                .zip(&asked)
                .all(|(path, asked)| path.starts_with('{') || path == asked)
    };
    let paths = paths.as_object()?.keys();
    // A segment that is named wins over one that may be anything.
    paths
        .filter(fits)
        .min_by_key(|path| path.matches('{').count())
        .map(String::as_str)
}

fn query_of(target: &str) -> Vec<&str> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split('=').next().unwrap()).collect()
}

/// What is wrong with a request or its answer.
fn wrong(document: &Value, exchange: &Exchange) -> Option<String> {
    let (target, status) = (&exchange.target, exchange.status);
    let Some(path) = path_of(document, exchange) else {
        return Some(format!("{target}: no such path in the document"));
    };
    let part = if exchange.method == "GET" {
        "paths"
    } else {
        "writes"
    };
    let described = &document[part][path];
    for name in query_of(target) {
        let known = described["query"].as_array();
        if !known.is_some_and(|known| known.iter().any(|one| one == name)) {
            return Some(format!("{target}: no parameter {name} in the document"));
        }
    }
    let schema = match &described["answers"][status.to_string()] {
        // Nothing is said by what is gone.
        schema if status == 204 && schema.is_object() => return None,
        Value::Null if REFUSALS.contains(&status) => json!({ "$ref": "#/definitions/APIError" }),
        Value::Null => return Some(format!("{target}: no answer {status} in the document")),
        schema => schema.clone(),
    };
    let mut definitions: Map<String, Value> = document["definitions"].as_object().unwrap().clone();
    let refused = definitions["APIForbiddenError"].clone();
    definitions.insert("APIError".to_owned(), refused);
    let mut compiler = Compiler::new();
    let place = "https://schema.example/forgejo.json";
    let resource = json!({ "definitions": definitions, "allOf": [schema] });
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
fn assert_documented(world: &World) -> Vec<String> {
    let document = document();
    let exchanges = world.gitea.exchanges();
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
    let web = world.gitea.repository("acme", "web");
    world.gitea.wiki(web);
    world.gitea.repository("dev", "own");
    world.gitea.change(|state| {
        let eve = state.add_user("eve");
        state.add_organisation("beta", world.dev, false);
        state.add_token(
            eve,
            "fedcba9876543210fedcba9876543210fedcba98",
            &["read:repository"],
        );
        state.page_cap = 1;
    });
    let mut refused = world.source("acme");
    refused["password"] = "0000000000000000000000000000000000000000".into();
    let mut unscoped = world.source("acme");
    unscoped["password"] = "fedcba9876543210fedcba9876543210fedcba98".into();
    for source in [
        world.source("acme"),
        world.source("*"),
        world.source("dev"),
        world.source("eve"),
        world.source("nobody"),
        refused,
        unscoped,
    ] {
        world.configure(&[source]);
        for command in ["check", "list"] {
            world.sandbox.forgekeep([command]).run();
        }
    }
    let paths = assert_documented(&world);
    let document = as_published();
    for path in document["paths"].as_object().unwrap().keys() {
        // Of a lookup, or of a target.
        let is_other = path == "/repositories/{id}" || path.ends_with("/quota");
        assert!(is_other || paths.contains(path), "not asked: {path}");
    }
}

#[test]
fn what_a_lookup_asks_is_in_the_document() {
    let (world, _) = absence::missing(|world, web| world.gitea.change(|state| state.delete(web)));
    world.backup().expect(0);
    let paths = assert_documented(&world);
    assert!(
        paths.iter().any(|path| path == "/repositories/{id}"),
        "{paths:?}"
    );
}

#[test]
fn what_is_not_as_documented_is_caught() {
    let world = World::new();
    world.gitea.repository("acme", "web");
    world.sandbox.forgekeep(["list"]).run().expect(0);
    let document = document();
    let listing = "/api/v1/orgs/acme/repos?page=1&limit=50";
    let exchanges = world.gitea.exchanges();
    let good = exchanges.iter().find(|one| one.target == listing).unwrap();
    assert_eq!(wrong(&document, good), None);
    let spoilt = |change: fn(&mut Exchange)| {
        let mut spoilt = good.clone();
        change(&mut spoilt);
        wrong(&document, &spoilt).is_some()
    };
    assert!(spoilt(
        |one| one.target = "/api/v1/orgs/acme/repositories".to_owned()
    ));
    assert!(spoilt(|one| one.target += "&sort=id"));
    assert!(spoilt(|one| one.status = 500));
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
