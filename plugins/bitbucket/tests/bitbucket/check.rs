use forgekeep_plugin_sdk_draft::{
    CheckReport, HosterError, RNone, RSome, Severity, Source, error_kind,
};
use forgekeep_plugin_testkit_draft::Script;
use serde_json::{Value, json};

use crate::support::*;

fn check(source: Source, script: &Script) -> Result<CheckReport, HosterError> {
    open(source, script).check()
}

fn listing() -> Value {
    json!({ "values": [entry(1, "web")], "size": 12, "pagelen": 1, "page": 1, "next": format!("{GLANCE}&page=2") })
}

fn urls(script: &Script) -> Vec<String> {
    script
        .requests()
        .iter()
        .map(|request| request.url.to_string())
        .collect()
}

#[test]
fn an_api_token_says_whose_it_is() {
    let script = Script::new().json(GLANCE, 200, &listing()).json(
        USER,
        200,
        &json!({ "type": "user", "display_name": "Dev Eloper", "nickname": "dev", "username": "devuser" }),
    );
    let report = check(good(), &script).unwrap();
    assert_eq!(
        report.identity.as_str(),
        "API token of dev@example.com (Dev Eloper, user devuser)"
    );
    assert_eq!(report.visible, RSome(12));
    assert!(report.findings.is_empty());
    assert_eq!(urls(&script), [GLANCE, USER]);
}

#[test]
fn the_scope_for_the_name_is_optional() {
    for (status, severity) in [(403, Severity::Info), (500, Severity::Info)] {
        let script = Script::new().json(GLANCE, 200, &listing()).json(
            USER,
            status,
            &json!({ "type": "error", "error": { "message": "no" } }),
        );
        let report = check(good(), &script).unwrap();
        assert_eq!(report.identity.as_str(), "API token of dev@example.com");
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].severity, severity);
    }
}

#[test]
fn an_odd_or_missing_answer_about_the_user_is_no_failure() {
    let odd = Script::new()
        .json(GLANCE, 200, &listing())
        .json(USER, 200, &json!(["?"]));
    assert!(check(good(), &odd).unwrap().findings.is_empty());

    let broken = Script::new()
        .json(GLANCE, 200, &listing())
        .answer(USER, Err(HosterError::new(error_kind::NETWORK, "reset")));
    let report = check(good(), &broken).unwrap();
    assert_eq!(report.findings[0].severity, Severity::Info);

    let interrupted = Script::new().json(GLANCE, 200, &listing()).answer(
        USER,
        Err(HosterError::new(error_kind::CANCELLED, "interrupted")),
    );
    assert_eq!(
        check(good(), &interrupted).unwrap_err().kind,
        error_kind::CANCELLED
    );
}

#[test]
fn other_credentials_make_one_request() {
    for (source, identity) in [
        (source("", "", ACCESS_TOKEN), "access token"),
        (
            source("devuser", "", APP_PASSWORD),
            "app password of devuser",
        ),
        (
            source("devuser", "", "hunter2"),
            "password of devuser, which is neither kind of token",
        ),
        // What is missing without credentials is the validation's to say, which comes first.
        (source("", "", ""), "no credentials"),
    ] {
        let script = Script::new().json(GLANCE, 200, &listing());
        let report = check(source, &script).unwrap();
        assert_eq!(report.identity.as_str(), identity);
        assert_eq!(report.visible, RSome(12));
        assert!(report.findings.is_empty());
        assert_eq!(urls(&script), [GLANCE]);
    }
}

#[test]
fn nothing_visible_is_a_warning() {
    for body in [json!({ "values": [], "size": 0 }), json!({ "values": [] })] {
        let script = Script::new().json(GLANCE, 200, &body);
        let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
        assert_eq!(report.visible, RSome(0));
        assert_eq!(report.findings[0].severity, Severity::Warning);
        assert_eq!(
            report.findings[0].message.as_str(),
            "the access token sees no repository in workspace acme"
        );
    }
}

#[test]
fn without_a_size_the_number_is_not_known() {
    let script = Script::new().json(GLANCE, 200, &json!({ "values": [entry(1, "web")] }));
    let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
    assert_eq!(report.visible, RNone);
}

#[test]
fn a_dead_token_beside_a_public_listing_fails_the_check() {
    let script = Script::new()
        .json(GLANCE, 200, &listing())
        .json(USER, 401, &json!({}));
    let error = check(good(), &script).unwrap_err();
    assert_eq!(error.kind, error_kind::CREDENTIALS);
}

#[test]
fn refused_credentials_fail_the_check() {
    let script = Script::new().json(GLANCE, 401, &json!({}));
    assert_eq!(
        check(good(), &script).unwrap_err().kind,
        error_kind::CREDENTIALS
    );
    assert_eq!(urls(&script), [GLANCE]);
}

#[test]
fn a_check_leaves_the_listing_where_it_was() {
    let script = Script::new().json(GLANCE, 200, &listing()).json(
        FIRST,
        200,
        &json!({ "values": [entry(1, "web")] }),
    );
    let mut session = open(source("", "", ACCESS_TOKEN), &script);
    session.check().unwrap();
    let (pages, error) = all(&mut *session);
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/web"]);
}
