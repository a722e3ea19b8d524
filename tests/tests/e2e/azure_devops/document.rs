//! Plugin and look-alike, held to Microsoft's own description of the API: each path and parameter that is
//! asked for, the form of each answer, and the scope that each path wants.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use forgekeep_test_hosters::gitea::Exchange;

use super::*;

/// As Microsoft has it: see `azure-devops.md` beside it.
fn as_published() -> Value {
    serde_json::from_str(include_str!("../../../openapi/azure-devops.json")).unwrap()
}

/// The document, stricter: an object has no field that is not described, so that none is made up here.
fn document() -> Value {
    let mut document = as_published();
    let definitions = document["definitions"].as_object_mut().unwrap();
    // What others are made of is judged with them.
    let bases: BTreeSet<String> = definitions
        .values()
        .filter_map(|one| one["allOf"][0]["$ref"].as_str())
        .map(|base| base.replace("#/definitions/", ""))
        .collect();
    for (name, definition) in definitions {
        if definition["properties"].is_object() && !bases.contains(name) {
            definition["unevaluatedProperties"] = false.into();
        }
    }
    document
}

/// What all refusals look like; the document has none. Source: `WrappedException` of Microsoft's client
/// libraries.
fn refusal() -> Value {
    json!({
        "type": "object", "required": ["message", "typeKey"],
        "properties": { "message": { "type": "string" }, "typeKey": { "type": "string" } },
    })
}

/// The path of the document that was asked, with the method before it where that is not `GET`.
fn path_of<'d>(document: &'d Value, exchange: &Exchange) -> Option<&'d str> {
    let target = exchange.target.split('?').next()?;
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
        let same = |(path, asked): (&&str, &&str)| path.starts_with('{') || path == asked;
        path.len() == asked.len() && path.iter().zip(&asked).all(same)
    };
    paths.as_object()?.keys().find(fits).map(String::as_str)
}

fn query_of(target: &str) -> Vec<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split('=').next().unwrap().replace("%24", "$"))
        .collect()
}

/// What is wrong with a request or its answer.
fn wrong(document: &Value, exchange: &Exchange) -> Option<String> {
    let (target, status) = (&exchange.target, exchange.status);
    // No document has this one: see `documents::connection` of the look-alike.
    if target.contains("/_apis/connectionData?") {
        return None;
    }
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
        let known = described["query"].as_array().unwrap();
        if !known.iter().any(|one| *one == name) {
            return Some(format!("{target}: no parameter {name} in the document"));
        }
    }
    // The document has 200 for it, and servers say nothing.
    if exchange.method == "DELETE" && status == 204 {
        return None;
    }
    let Ok(body) = serde_json::from_slice::<Value>(&exchange.body) else {
        // Who is not signed in gets a page.
        let is_page = exchange.body.starts_with(b"<!DOCTYPE html>");
        return (!is_page || status == 200).then(|| format!("{target} {status}: no JSON"));
    };
    let schema = match &described["answers"][status.to_string()] {
        Value::Null if status >= 400 => refusal(),
        Value::Null => return Some(format!("{target}: no answer {status} in the document")),
        // All lists stand in an envelope, which the document leaves out.
        list if list["type"] == "array" => json!({
            "type": "object", "required": ["count", "value"], "additionalProperties": false,
            "properties": { "count": { "type": "integer" }, "value": list },
        }),
        schema => schema.clone(),
    };
    let mut compiler = Compiler::new();
    let place = "https://schema.example/azure-devops.json";
    let resource = json!({ "definitions": document["definitions"], "allOf": [schema] });
    compiler.add_resource(place, resource).unwrap();
    let mut schemas = Schemas::new();
    let index = compiler.compile(place, &mut schemas).unwrap();
    let judged = schemas.validate(&body, index);
    judged
        .err()
        .map(|error| format!("{target} {status}: {error:#}"))
}

#[track_caller]
fn assert_documented(world: &World) -> BTreeSet<String> {
    let document = document();
    let exchanges = world.azure.exchanges();
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
    world.azure.repository("shop", "web");
    world.azure.empty("shop", "empty");
    world.azure.wiki("shop");
    let other = "another-personal-access-token-of-the-other-one";
    world.azure.change(|state| {
        state.page_cap = 1;
        state.add_token(other, &["vso.code"]);
        state.project_mut("tools").refused = Some(403);
    });
    let mut refused = world.source("acme");
    refused["password"] = "0000000000000000000000000000000000000000000000000000".into();
    let mut unscoped = world.source("acme");
    unscoped["password"] = other.into();
    for source in [
        world.source("acme"),
        world.source("nobody"),
        refused,
        unscoped,
    ] {
        world.configure(&[source]);
        for command in ["check", "list"] {
            world.sandbox.forgekeep([command]).run();
        }
    }
    let mut paths = assert_documented(&world);
    let (world, _) = absence::missing(|world, web| {
        world
            .azure
            .change(|state| state.repository_mut(web).deleted = true);
    });
    world.backup().expect(0);
    paths.extend(assert_documented(&world));
    let known = as_published();
    // The other one is of a target.
    let known = known["paths"].as_object().unwrap().keys().cloned();
    let known = known.filter(|path| !path.ends_with("/{projectId}"));
    assert_eq!(paths, known.collect(), "some are never asked");
}

#[test]
fn the_look_alike_wants_the_scopes_of_the_document() {
    let document = as_published();
    let scopes_of = |path: &str| document["paths"][path]["scopes"].clone();
    for (scopes, path) in [
        (
            ["vso.profile", "vso.project"].as_slice(),
            "/{organization}/_apis/projects",
        ),
        (
            &["vso.code"],
            "/{organization}/{project}/_apis/git/repositories",
        ),
        (&["vso.wiki"], "/{organization}/{project}/_apis/wiki/wikis"),
    ] {
        let mut known: Vec<String> = serde_json::from_value(scopes_of(path)).unwrap();
        known.sort_unstable();
        assert_eq!(known, scopes, "{path}");
        for scope in scopes {
            let world = World::new();
            world.azure.repository("shop", "web");
            let others = ["vso.code", "vso.project", "vso.wiki"];
            world.azure.change(|state| {
                let others = others.into_iter().filter(|one| !scopes.contains(one));
                state.tokens[0].scopes = others.chain([*scope]).map(str::to_owned).collect();
            });
            world.sandbox.forgekeep(["list"]).run().expect(0);
            world
                .azure
                .change(|state| state.tokens[0].scopes.retain(|one| one != scope));
            let before = world.azure.exchanges().len();
            world.sandbox.forgekeep(["list"]).run();
            let exchanges = world.azure.exchanges().split_off(before);
            let of_path = |one: &&Exchange| path_of(&document, one) == Some(path);
            let refused: Vec<_> = exchanges
                .iter()
                .filter(of_path)
                .map(|one| one.status)
                .collect();
            assert!(
                !refused.is_empty() && refused.iter().all(|one| *one == 403),
                "{path}"
            );
        }
    }
}

#[test]
fn what_is_not_as_documented_is_caught() {
    let world = World::new();
    world.azure.repository("shop", "web");
    world.sandbox.forgekeep(["list"]).run().expect(0);
    let document = document();
    let exchanges = world.azure.exchanges();
    let shop = guid(2);
    let listing = format!("/acme/{shop}/_apis/git/repositories?api-version=7.1");
    let good = exchanges.iter().find(|one| one.target == listing).unwrap();
    assert_eq!(wrong(&document, good), None);
    let spoilt = |change: fn(&mut Exchange)| {
        let mut spoilt = good.clone();
        change(&mut spoilt);
        wrong(&document, &spoilt).is_some()
    };
    assert!(spoilt(
        |one| one.target = "/acme/shop/_apis/git/repos".to_owned()
    ));
    assert!(spoilt(|one| one.target += "&sort=id"));
    assert!(spoilt(|one| one.status = 201));
    assert!(spoilt(|one| one.body = b"[]".to_vec()));
    assert!(spoilt(|one| one.body = b"<!DOCTYPE html>".to_vec()));
    for (field, value) in [
        ("id", json!(7)),
        ("isDisabled", json!("yes")),
        ("size", json!("24")),
        ("made_up", json!(1)),
        ("project", json!({ "id": "1", "visibility": "secret" })),
    ] {
        let mut body: Value = serde_json::from_slice(&good.body).unwrap();
        body["value"][0][field] = value;
        let mut spoilt = good.clone();
        spoilt.body = body.to_string().into();
        assert!(wrong(&document, &spoilt).is_some(), "{field}");
    }
}
