//! What a check says of the credentials.

use forgekeep_plugin_sdk::{CheckReport, ErrorKind, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn check(source: &Source, script: &Script) -> CheckReport {
    open(source, script).check().unwrap()
}

fn with_token(token: &Value) -> Script {
    let acme = organisation(5, "acme");
    let script = server()
        .json(
            &at("users/dev/tokens?page=1&limit=50"),
            200,
            &json!([token]),
        )
        .json(&at("users/dev/tokens?page=2&limit=50"), 200, &json!([]));
    linked(script, "orgs/acme/repos", &[vec![entry(1, "web", &acme)]])
}

#[test]
fn it_says_whose_the_token_is_and_what_it_lacks() {
    let script = with_token(&token(&["write:repository", "read:user"], &Value::Null));
    let report = check(&source("org", "acme"), &script);
    assert_eq!(report.identity, "access token of dev");
    assert_eq!(report.account_id.as_deref(), Some("7"));
    assert_eq!(report.scopes, ["write:repository", "read:user"]);
    assert_eq!(report.missing_scopes, ["read:organization"]);
    let report = check(
        &source("org", "acme"),
        &with_token(&token(&["all"], &Value::Null)),
    );
    assert_eq!(report.missing_scopes, [""; 0]);
    assert!(report.findings.is_empty());
}

#[test]
fn a_token_that_is_confined_is_a_warning() {
    let chosen = json!([{ "id": 1, "name": "web", "owner": "acme", "full_name": "acme/web" }]);
    for (token, said) in [
        (
            token(&["all"], &chosen),
            "the token is for chosen repositories",
        ),
        (
            token(&["all", "public-only"], &Value::Null),
            "the token is for what is public",
        ),
    ] {
        let report = check(&source("org", "acme"), &with_token(&token));
        let finding = report.findings.last().unwrap();
        assert!(finding.message.starts_with(said), "{}", finding.message);
    }
}

#[test]
fn how_many_are_visible() {
    let acme = organisation(5, "acme");
    let visible = |headers: &[(&str, &str)]| {
        let page = answer(&[entry(1, "web", &acme)], headers);
        let script = server().answer(&page_of("orgs/acme/repos", 1), Ok(page));
        check(&source("org", "acme"), &script).visible
    };
    assert_eq!(visible(&[("x-total-count", "12")]), Some(12));
    assert_eq!(visible(&[("x-total-count", "1")]), Some(1));
    assert_eq!(visible(&[]), None);
}

#[test]
fn without_credentials_nobody_is_asked_for() {
    let script = linked(server(), "orgs/acme/repos", &[vec![]]);
    let report = check(&anonymous("org", "acme"), &script);
    assert_eq!(report.identity, "no credentials");
    assert_eq!(report.visible, Some(0));
    let asked = asked(&script);
    assert_eq!(
        asked,
        ["version", "orgs/acme", "orgs/acme/repos?page=1&limit=50"]
    );
}

#[test]
fn a_token_that_is_refused_fails_the_check() {
    let refused = json!({ "message": "user does not exist [uid: 0, name: ]" });
    let script = Script::new()
        .json(&at("version"), 200, &json!({ "version": "1.25.2" }))
        .json(&at("orgs/acme"), 401, &refused);
    let error = open(&source("org", "acme"), &script).check().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
}
