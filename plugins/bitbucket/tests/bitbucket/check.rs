use forgekeep_plugin_sdk::{
    CheckReport, ErrorKind, Header, HosterError, HttpResponse, Severity, Source,
};
use forgekeep_plugin_testkit::Script;
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
        .into_iter()
        .map(|request| request.url)
        .collect()
}

#[test]
fn an_api_token_says_whose_it_is() {
    let script = Script::new().json(GLANCE, 200, &listing()).json(
        USER,
        200,
        &json!({ "type": "user", "display_name": "Dev Eloper", "nickname": "dev", "username": "devuser", "uuid": uuid(7) }),
    );
    let report = check(good(), &script).unwrap();
    assert_eq!(
        report.identity,
        "API token of dev@example.com (Dev Eloper, user devuser)"
    );
    assert_eq!(report.account_id, Some(uuid(7)));
    assert_eq!(report.visible, Some(12));
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
        assert_eq!(report.identity, "API token of dev@example.com");
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].severity, severity);
    }
}

#[test]
fn an_odd_or_missing_answer_about_the_user_is_no_failure() {
    let odd = Script::new()
        .json(GLANCE, 200, &listing())
        .json(USER, 200, &json!(["?"]));
    let report = check(good(), &odd).unwrap();
    assert!(report.findings.is_empty());
    assert_eq!(report.identity, "API token of dev@example.com");
    assert_eq!(report.account_id, None);

    let broken = Script::new()
        .json(GLANCE, 200, &listing())
        .answer(USER, Err(HosterError::new(ErrorKind::Network, "reset")));
    let report = check(good(), &broken).unwrap();
    assert_eq!(report.findings[0].severity, Severity::Info);

    let interrupted = Script::new().json(GLANCE, 200, &listing()).answer(
        USER,
        Err(HosterError::new(ErrorKind::Cancelled, "interrupted")),
    );
    assert_eq!(
        check(good(), &interrupted).unwrap_err().kind,
        ErrorKind::Cancelled
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
        assert_eq!(report.identity, identity);
        assert_eq!(report.visible, Some(12));
        assert!(report.findings.is_empty());
        assert_eq!(urls(&script), [GLANCE]);
    }
}

#[test]
fn nothing_visible_is_a_warning() {
    for body in [json!({ "values": [], "size": 0 }), json!({ "values": [] })] {
        let script = Script::new().json(GLANCE, 200, &body);
        let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
        assert_eq!(report.visible, Some(0));
        assert_eq!(report.findings[0].severity, Severity::Warning);
        assert_eq!(
            report.findings[0].message,
            "the access token sees no repository in workspace acme"
        );
    }
}

#[test]
fn without_a_size_the_number_is_not_known() {
    let script = Script::new().json(GLANCE, 200, &json!({ "values": [entry(1, "web")] }));
    let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
    assert_eq!(report.visible, None);
}

#[test]
fn a_dead_token_beside_a_public_listing_fails_the_check() {
    let script = Script::new()
        .json(GLANCE, 200, &listing())
        .json(USER, 401, &json!({}));
    let error = check(good(), &script).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
}

#[test]
fn refused_credentials_fail_the_check() {
    let script = Script::new().json(GLANCE, 401, &json!({}));
    assert_eq!(
        check(good(), &script).unwrap_err().kind,
        ErrorKind::Credentials
    );
    assert_eq!(urls(&script), [GLANCE]);
}

#[test]
fn scopes_are_known_only_where_bitbucket_names_them() {
    let scopes = |header: Option<&str>| {
        let headers = header.map(|value| Header {
            name: "X-OAuth-Scopes".into(),
            value: value.into(),
        });
        let answer = HttpResponse {
            status: 200,
            headers: headers.into_iter().collect(),
            body: listing().to_string().into(),
            ..HttpResponse::default()
        };
        let script = Script::new().answer(GLANCE, Ok(answer));
        let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
        assert_eq!(report.missing_scopes, [""; 0]);
        report.scopes
    };
    assert_eq!(scopes(None), [""; 0]);
    assert_eq!(scopes(Some(" ")), [""; 0]);
    assert_eq!(
        scopes(Some(
            "read:repository:bitbucket,  read:user:bitbucket,\u{1b}[2Jx"
        )),
        ["read:repository:bitbucket", "read:user:bitbucket", "[2Jx"]
    );
    // A document holds no more than 10,000.
    assert_eq!(scopes(Some(&"x,".repeat(20_000))).len(), 100);
}

#[test]
fn a_check_leaves_the_listing_where_it_was() {
    let next = format!("{API}/2.0/repositories/acme?ctx=2");
    let script = Script::new()
        .json(GLANCE, 200, &listing())
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "web")], "next": next }),
        )
        .json(&next, 200, &json!({ "values": [entry(2, "api")] }));
    let opened = open(source("", "", ACCESS_TOKEN), &script);
    let first = opened.list(None).unwrap();
    opened.check().unwrap();
    let second = opened.list(first.next.as_deref()).unwrap();
    assert_eq!(names(&[first, second]), ["acme/web", "acme/api"]);
}
