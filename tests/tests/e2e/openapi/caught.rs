//! That the judge can say no.

use forgekeep_tests::{Action, Exchange, Fault, RequestKind};
use serde_json::{Value, json};

use super::document::{Document, Query};
use super::fake::all_answers;
use crate::support::{EMAIL, World};

/// The first answer of this status to a target, as a document.
fn answer(exchanges: &[Exchange], target: &str, status: u16) -> (Exchange, Value) {
    let mut all = exchanges.iter();
    let found = all.find(|one| one.request.target == target && one.answer.status == status);
    let found = found.unwrap_or_else(|| panic!("no {status} to {target}"));
    let body = serde_json::from_slice(&found.answer.body).unwrap();
    (found.clone(), body)
}

#[test]
fn a_spoilt_answer_is_caught() {
    let exchanges = all_answers().exchanges();
    let document = Document::new();
    let listing = "/2.0/repositories/acme";
    let workspaces = "/2.0/user/workspaces";
    for (target, status, at, value) in [
        (listing, 200, "/size", json!("5")),
        (listing, 200, "/size", json!(-1)),
        (listing, 200, "/next", json!("acme?page=2")),
        (listing, 200, "/total", json!(5)),
        (listing, 200, "/values", json!({})),
        (listing, 200, "/values/0", json!("acme/web")),
        (listing, 200, "/values/1/uuid", json!(7)),
        (listing, 200, "/values/1/slug", json!(["docs"])),
        (listing, 200, "/values/1/is_private", json!("yes")),
        (listing, 200, "/values/1/updated_on", json!("yesterday")),
        (listing, 200, "/values/1/updated_on", json!(1_700_000_000)),
        (listing, 200, "/values/1/size", json!(1.5)),
        (listing, 200, "/values/1/scm", json!("svn")),
        (listing, 200, "/values/1/fork_policy", json!("none")),
        (listing, 200, "/values/1/archived", json!(false)),
        (listing, 200, "/values/1/full_name", json!(null)),
        (listing, 200, "/values/1/type", json!("project")),
        (listing, 200, "/values/1/mainbranch/name", json!(null)),
        (listing, 200, "/values/1/links/clone/0/href", json!(7)),
        (
            listing,
            200,
            "/values/1/links/clone/0/url",
            json!("https://x.example"),
        ),
        (listing, 200, "/values/1/links/self/href", json!("web")),
        (
            listing,
            200,
            "/values/1/links/wiki",
            json!({"href": "https://x.example"}),
        ),
        (listing, 200, "/values/1/owner/type", json!("workspace")),
        (
            listing,
            200,
            "/values/1/owner/nickname",
            json!("a team has none"),
        ),
        (listing, 200, "/values/1/workspace/slug", json!(1)),
        (
            listing,
            200,
            "/values/1/workspace/type",
            json!("workspace_base"),
        ),
        (listing, 200, "/values/1/project/key", json!(1)),
        ("/2.0/repositories/acme/web", 200, "/type", json!("repo")),
        ("/2.0/user", 200, "/type", json!("workspace")),
        ("/2.0/user", 200, "/has_2fa_enabled", json!("no")),
        ("/2.0/user", 200, "/email", json!(EMAIL)),
        (workspaces, 200, "/values/0/administrator", json!("true")),
        (workspaces, 200, "/values/0/permission", json!("owner")),
        (
            workspaces,
            200,
            "/values/0/type",
            json!("workspace_membership"),
        ),
        (workspaces, 200, "/values/0/workspace/uuid", json!(1)),
        (workspaces, 200, "/values/0/workspace/name", json!("Acme")),
        ("/2.0/user", 401, "/error/message", json!(401)),
        (
            "/2.0/user",
            403,
            "/error/detail",
            json!(["read:user:bitbucket"]),
        ),
        (
            "/2.0/user",
            403,
            "/error/detail/required",
            json!("read:user:bitbucket"),
        ),
        (
            "/2.0/repositories/nowhere",
            404,
            "/error",
            json!("not found"),
        ),
        ("/2.0/repositories/nowhere", 404, "/error/code", json!(404)),
    ] {
        let (mut exchange, mut body) = answer(&exchanges, target, status);
        assert_eq!(document.wrong(&exchange), Ok(()));
        let (parent, key) = at.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[key.parse::<usize>().unwrap()] = value.clone(),
            object => object[key] = value.clone(),
        }
        exchange.answer.body = body.to_string().into();
        let judged = document.wrong(&exchange);
        assert!(judged.is_err(), "not caught: {target} {at}: {value}");
    }
    // Who asks for some fields gets those, and no others have to be there.
    for (target, at, fields) in [
        (listing, "/values/0", "values.uuid"),
        (listing, "/values/0/owner", "values.owner.uuid"),
        ("/2.0/user", "", "uuid"),
        (workspaces, "/values/0/workspace", "-values.workspace.type"),
    ] {
        let (mut exchange, mut body) = answer(&exchanges, target, 200);
        let object = body.pointer_mut(at).unwrap().as_object_mut().unwrap();
        object.remove("type").unwrap();
        exchange.answer.body = body.to_string().into();
        assert!(
            document.wrong(&exchange).is_err(),
            "not caught: {target} {at}"
        );
        exchange.request.target = format!("{target}?fields={fields}");
        assert_eq!(document.wrong(&exchange), Ok(()));
    }
}

#[test]
fn an_answer_of_another_status_or_kind_is_caught() {
    let exchanges = all_answers().exchanges();
    let document = Document::new();
    let (exchange, _) = answer(&exchanges, "/2.0/repositories/nowhere", 404);
    let with = |change: fn(&mut Exchange)| {
        let mut changed = exchange.clone();
        change(&mut changed);
        document.wrong(&changed)
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|exchange| exchange.answer.status = 410), Ok(()));
    for wrong in [
        with(|exchange| exchange.answer.status = 200),
        with(|exchange| exchange.answer.status = 402),
        with(|exchange| exchange.answer.status = 500),
        with(|exchange| exchange.answer.headers.clear()),
        with(|exchange| exchange.answer.headers[0].1 = "text/html".to_owned()),
        with(|exchange| exchange.answer.body = b"<p>not found".to_vec()),
    ] {
        assert!(wrong.is_err());
    }
}

#[test]
fn a_request_beside_the_document_is_caught() {
    let document = Document::new();
    for (method, target) in [
        ("GET", "/2.0/workspaces"),
        ("GET", "/2.0/repositories"),
        ("GET", "/2.0/user/permissions/workspaces"),
        ("GET", "/2.0/user/permissions/repositories"),
        ("GET", "/2.0/repositories/acme/web/everything"),
        ("GET", "/1.0/repositories/acme"),
        ("GET", "/repositories/acme"),
        ("GET", "/2.0"),
        ("GET", "/"),
        ("POST", "/2.0/repositories/acme"),
        ("PATCH", "/2.0/repositories/acme/web"),
        ("PUT", "/2.0/workspaces/acme/projects/PROJ"),
    ] {
        assert!(document.path(method, target).is_err(), "{method} {target}");
    }
    assert_eq!(
        document.path("GET", "/2.0/user/workspaces?x=1"),
        Ok("/user/workspaces")
    );
    for (target, is_good) in [
        ("/2.0/repositories/acme?pagelen=100&sort=created_on", true),
        (
            "/2.0/repositories/acme?pagelen=100&page=b64%3D&sort=-updated_on",
            true,
        ),
        ("/2.0/repositories/acme?pagelen=1&q=is_private%3Dtrue", true),
        (
            "/2.0/repositories/acme?q=%28is_private+%3D+true+AND+size+%3E+7%29",
            true,
        ),
        ("/2.0/repositories/acme?role=admin", true),
        (
            "/2.0/repositories/acme?fields=next%2Csize%2Cvalues.uuid%2Cvalues.links.clone.href",
            true,
        ),
        ("/2.0/repositories/acme?fields=-values.owner.links.*", true),
        (
            "/2.0/user/workspaces?administrator=true&sort=slug&pagelen=100",
            true,
        ),
        ("/2.0/user/workspaces?q=slug%3D%22acme%22", true),
        ("/2.0/user?fields=uuid", true),
        ("/2.0/repositories/acme?per_page=100", false),
        ("/2.0/repositories/acme?pagelen=101", false),
        ("/2.0/repositories/acme?pagelen=0", false),
        ("/2.0/repositories/acme?pagelen=all", false),
        ("/2.0/repositories/acme?page=", false),
        ("/2.0/repositories/acme?role=boss", false),
        ("/2.0/repositories/acme?sort=age", false),
        ("/2.0/repositories/acme?q=private%3Dtrue", false),
        ("/2.0/repositories/acme?fields=values.archived", false),
        ("/2.0/user/workspaces?administrator=yes", false),
        ("/2.0/user/workspaces?sort=created_on", false),
        ("/2.0/user?pagelen=10", false),
        ("/2.0/user?q=uuid%3D%22x%22", false),
    ] {
        let path = document.path("GET", target).unwrap();
        let judged = document.query("GET", path, &Query::of(target));
        assert_eq!(judged.is_ok(), is_good, "{target}: {judged:?}");
    }
}

#[test]
fn what_is_judged_is_what_was_sent() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let spoil = Action::Alter(|answer| {
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        body["values"][0]["size"] = "large".into();
        answer.body = body.to_string().into();
    });
    let fault = Fault::on(RequestKind::Api, spoil);
    world.forge.inject(fault.containing("/repositories/acme?"));
    world.backup();
    let document = Document::new();
    let listing = |exchange: &Exchange| exchange.request.target.contains("/repositories/acme?");
    let mut exchanges = world.forge.exchanges();
    exchanges.retain(listing);
    assert!(!exchanges.is_empty());
    for exchange in &exchanges {
        let why = document.wrong(exchange).unwrap_err();
        assert!(why.contains("/values/0/size"), "{why}");
    }
}
