//! Who is known to see everything, and what proves a deletion.

use forgekeep_plugin_sdk::{LookupRequest, Presence, Sees, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

/// A server that tells of the account's tokens, and of its rights in acme, where repository 2 answers.
fn telling(version: &str, tokens: &Value, is_owner: bool) -> Script {
    let acme = organisation(5, "acme");
    let script = server_of(version)
        .json(&at("users/dev/tokens?page=1&limit=50"), 200, tokens)
        .json(&at("users/dev/tokens?page=2&limit=50"), 200, &json!([]))
        .json(
            &at("users/dev/orgs/acme/permissions"),
            200,
            &json!({ "is_owner": is_owner }),
        )
        .json(&at("repositories/1"), 404, &not_found())
        .json(&at("repositories/2"), 200, &entry(2, "api", &acme))
        .json(
            &at("orgs/acme/repos?page=1&limit=50"),
            200,
            &json!([entry(2, "api", &acme)]),
        );
    linked(script, "orgs/acme/repos", &[vec![entry(2, "api", &acme)]])
}

const FORGEJO: &str = "15.0.1+gitea-1.22.0";
const OLD: &str = "9.0.0+gitea-1.22.0";

fn all_scopes(repositories: &Value) -> Value {
    token(
        &["read:repository", "read:user", "read:organization"],
        repositories,
    )
}

fn sees(source: &Source, script: &Script) -> Sees {
    open(source, script).list(None).unwrap().owners[0].sees
}

fn look(source: &Source, script: &Script, id: &str) -> Presence {
    let what = LookupRequest {
        id: id.into(),
        full_name: "acme/web".into(),
        ..LookupRequest::default()
    };
    open(source, script).look_up(&what).unwrap()
}

#[test]
fn an_owner_with_a_token_that_is_known_to_reach_everything_sees_all() {
    let without = |key: &str| {
        let mut token = all_scopes(&Value::Null);
        token.as_object_mut().unwrap().remove(key);
        json!([token])
    };
    let good = json!([all_scopes(&Value::Null)]);
    let one = json!([{ "id": 1, "name": "web" }]);
    for (what, version, tokens, is_owner, expected) in [
        ("an owner's", FORGEJO, good.clone(), true, Sees::All),
        ("a member's", FORGEJO, good.clone(), false, Sees::Other),
        (
            "for chosen ones",
            FORGEJO,
            json!([all_scopes(&one)]),
            true,
            Sees::Selected,
        ),
        (
            "not told",
            FORGEJO,
            without("repositories"),
            true,
            Sees::Other,
        ),
        (
            "an older Forgejo",
            OLD,
            without("repositories"),
            true,
            Sees::Other,
        ),
        ("Gitea", "1.25.2", without("repositories"), true, Sees::All),
        (
            "a Gitea to come",
            "1.40.0",
            without("repositories"),
            true,
            Sees::Other,
        ),
        (
            "public only",
            OLD,
            json!([token(&["public-only", "read:repository"], &Value::Null)]),
            true,
            Sees::Other,
        ),
        (
            "before scopes",
            "1.18.0",
            without("scopes"),
            true,
            Sees::Other,
        ),
        ("another token", OLD, json!([]), true, Sees::Other),
        (
            "two that end alike",
            OLD,
            json!([all_scopes(&Value::Null), all_scopes(&one)]),
            true,
            Sees::Other,
        ),
    ] {
        let script = telling(version, &tokens, is_owner);
        assert_eq!(sees(&source("org", "acme"), &script), expected, "{what}");
        let deleted = matches!(
            look(&source("org", "acme"), &script, "1"),
            Presence::Deleted { .. }
        );
        assert_eq!(deleted, expected == Sees::All, "{what}");
    }
}

#[test]
fn the_password_of_an_account_reaches_as_far_as_it() {
    let mut source = source("org", "acme");
    source.auth_name = "dev".into();
    source.secrets.insert(
        "password".into(),
        forgekeep_plugin_sdk::Secret::new("correct horse"),
    );
    let script = telling(FORGEJO, &json!([]), true);
    assert_eq!(sees(&source, &script), Sees::All);
    // Where the tokens are not told, it may be one in another form.
    let refused = json!({ "message": "auth required" });
    let script = server().json(&at("users/dev/tokens?page=1&limit=50"), 401, &refused);
    let script = linked(script, "orgs/acme/repos", &[vec![]]);
    assert_eq!(sees(&source, &script), Sees::Other);
}

#[test]
fn an_administrator_sees_all() {
    let mut me = user(7, "dev");
    me["is_admin"] = true.into();
    let script = telling(OLD, &json!([all_scopes(&Value::Null)]), false);
    let admin = serde_json::to_vec(&me).unwrap();
    let admin = forgekeep_plugin_sdk::HttpResponse {
        status: 200,
        body: admin,
        ..Default::default()
    };
    let script = script.before(&at("user"), Ok(admin));
    assert_eq!(sees(&source("org", "acme"), &script), Sees::All);
}

#[test]
fn a_deletion_is_proved_by_another_repository_that_answers() {
    let script = telling(FORGEJO, &json!([all_scopes(&Value::Null)]), true);
    let found = look(&source("org", "acme"), &script, "1");
    let Presence::Deleted { proof } = found else {
        panic!("{found:?}");
    };
    assert_eq!(
        proof,
        "not found (404) by who sees all of acme, and is shown repository 2 of it"
    );
    // It is there.
    let found = look(&source("org", "acme"), &script, "2");
    assert!(matches!(found, Presence::Present(found) if found.full_name == "acme/api"));
}

#[test]
fn nothing_else_proves_it() {
    let acme = organisation(5, "acme");
    let good = json!([all_scopes(&Value::Null)]);
    let few = at("orgs/acme/repos?page=1&limit=50");
    let then = |status: u16, body: &Value| {
        let body = body.to_string().into();
        Ok(forgekeep_plugin_sdk::HttpResponse {
            status,
            body,
            ..Default::default()
        })
    };
    let telling = || telling(FORGEJO, &good, true);
    for (what, script) in [
        ("no other", telling().before(&few, then(200, &json!([])))),
        (
            "listed all the same",
            telling().before(
                &few,
                then(
                    200,
                    &json!([entry(2, "api", &acme), entry(1, "web", &acme)]),
                ),
            ),
        ),
        (
            "somebody else's",
            telling().before(&few, then(200, &json!([entry(2, "api", &user(8, "eve"))]))),
        ),
        (
            "the other is not found either",
            telling().before(&at("repositories/2"), then(404, &not_found())),
        ),
        (
            "the owner is not found",
            telling().before(&at("orgs/acme"), then(404, &not_found())),
        ),
        (
            "the owner was renamed",
            telling().before(&at("orgs/acme"), then(200, &organisation(5, "acme-new"))),
        ),
        (
            "out of order",
            telling().before(&few, then(500, &json!({}))),
        ),
    ] {
        assert_eq!(
            look(&source("org", "acme"), &script, "1"),
            Presence::Hidden,
            "{what}"
        );
    }
    // A proxy's page is no answer of the server's.
    let page = forgekeep_plugin_sdk::HttpResponse {
        status: 404,
        body: "<html>no</html>".into(),
        ..Default::default()
    };
    let script = telling().before(&at("repositories/1"), Ok(page));
    let what = LookupRequest {
        id: "1".into(),
        full_name: "acme/web".into(),
        ..Default::default()
    };
    open(&source("org", "acme"), &script)
        .look_up(&what)
        .unwrap_err();
    assert_eq!(
        look(&anonymous("org", "acme"), &telling(), "1"),
        Presence::Hidden
    );
}

#[test]
fn a_limit_that_is_used_up_while_asking_is_waited_for() {
    let script = telling(FORGEJO, &json!([all_scopes(&Value::Null)]), true);
    let limited = forgekeep_plugin_sdk::HttpResponse {
        status: 429,
        ..Default::default()
    };
    let script = script.before(&at("orgs/acme"), Ok(limited));
    let what = LookupRequest {
        id: "1".into(),
        full_name: "acme/web".into(),
        ..Default::default()
    };
    let opened = open(&source("org", "acme"), &script);
    let error = opened.look_up(&what).unwrap_err();
    assert_eq!(error.kind, forgekeep_plugin_sdk::ErrorKind::RateLimited);
    assert!(matches!(
        opened.look_up(&what).unwrap(),
        Presence::Deleted { .. }
    ));
}
