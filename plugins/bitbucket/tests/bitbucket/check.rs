use forgekeep_plugin_sdk::{CheckReport, ErrorKind, HosterError, Severity, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn check(source: Source, script: &Script) -> Result<CheckReport, HosterError> {
    open(source, script).check()
}

fn counted(size: u64) -> Value {
    json!({ "values": [entry(1, "web")], "size": size, "pagelen": 1, "page": 1, "next": format!("{PRIVATE}&page=2") })
}

fn user() -> Value {
    json!({ "type": "user", "display_name": "Dev Eloper", "nickname": "dev", "username": "devuser", "uuid": uuid(7) })
}

#[test]
fn an_api_token_says_whose_it_is_and_what_it_sees() {
    let script = Script::new()
        .json(PRIVATE, 200, &counted(12))
        .json(USER, 200, &user())
        .json(
            MEMBERS,
            200,
            &json!({ "values": [member(2, "acme", true)] }),
        );
    let report = check(good(), &script).unwrap();
    assert_eq!(
        report.identity,
        "API token of dev@example.com (Dev Eloper, user devuser)"
    );
    assert_eq!(report.account_id, Some(uuid(7)));
    // How many there are in all, the listing says.
    assert_eq!((report.visible, report.private), (None, Some(12)));
    assert_eq!((report.expires, report.limits.len()), (None, 0));
    assert!(report.findings.is_empty());
    assert_eq!(urls(&script), [PRIVATE, USER, MEMBERS]);
}

#[test]
fn a_listing_after_a_check_asks_nothing_again() {
    let members = json!({ "values": [member(2, "acme", true)] });
    for (status, body, owners) in [(200, members, 1), (403, refusal(), 0), (404, refusal(), 0)] {
        let script = Script::new()
            .json(PRIVATE, 200, &counted(1))
            .json(USER, 200, &user())
            .json(MEMBERS, status, &body)
            .json(FIRST, 200, &json!({ "values": [entry(1, "web")] }));
        let opened = open(good(), &script);
        opened.check().unwrap();
        let page = opened.list(None).unwrap();
        assert_eq!(page.owners.len(), owners);
        assert_eq!(urls(&script), [PRIVATE, USER, MEMBERS, FIRST], "{status}");
    }
}

#[test]
fn the_scope_for_the_name_is_optional() {
    for (status, severity) in [(403, Severity::Info), (500, Severity::Info)] {
        let script = Script::new()
            .json(PRIVATE, 200, &counted(1))
            .json(USER, status, &refusal());
        let report = check(good(), &script).unwrap();
        assert_eq!(report.identity, "API token of dev@example.com");
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].severity, severity);
    }
}

#[test]
fn an_odd_or_missing_answer_about_the_user_is_no_failure() {
    let odd = Script::new()
        .json(PRIVATE, 200, &counted(1))
        .json(USER, 200, &json!(["?"]));
    let report = check(good(), &odd).unwrap();
    assert!(report.findings.is_empty());
    assert_eq!(report.identity, "API token of dev@example.com");
    assert_eq!(report.account_id, None);

    let broken = Script::new()
        .json(PRIVATE, 200, &counted(1))
        .answer(USER, Err(HosterError::new(ErrorKind::Network, "reset")));
    let report = check(good(), &broken).unwrap();
    assert_eq!(report.findings[0].severity, Severity::Info);

    for url in [USER, MEMBERS] {
        let interrupted = Script::new().json(PRIVATE, 200, &counted(1)).answer(
            url,
            Err(HosterError::new(ErrorKind::Cancelled, "interrupted")),
        );
        assert_eq!(
            check(good(), &interrupted).unwrap_err().kind,
            ErrorKind::Cancelled
        );
    }
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
        (consumer(), "OAuth consumer kQ3xvT7mWz9bR2nLpA"),
    ] {
        let script = granting(&[("minted-token", 7200)]).json(PRIVATE, 200, &counted(12));
        let report = check(source, &script).unwrap();
        assert_eq!(report.identity, identity);
        assert_eq!((report.visible, report.private), (None, Some(12)));
        assert!(report.findings.is_empty());
        let asked: Vec<_> = urls(&script).into_iter().filter(|u| u != TOKENS).collect();
        assert_eq!(asked, [PRIVATE]);
    }
    // What is missing without credentials is the validation's to say, which comes first.
    let script = Script::new();
    let report = check(source("", "", ""), &script).unwrap();
    assert_eq!(report.identity, "no credentials");
    assert_eq!(report.private, None);
    assert!(script.requests().is_empty());
}

#[test]
fn without_a_size_the_number_is_not_known() {
    for (body, private) in [
        (json!({ "values": [entry(1, "web")] }), None),
        (json!({ "values": [] }), Some(0)),
        (json!({ "values": [], "size": 0 }), Some(0)),
    ] {
        let script = Script::new().json(PRIVATE, 200, &body);
        let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
        assert_eq!(report.private, private);
    }
}

#[test]
fn an_odd_answer_to_the_count_is_no_failure() {
    for answer in [
        answered(400, &refusal()),
        answered(200, &json!({ "values": 7 })),
        answered(200, &json!("<html>")),
    ] {
        let script = Script::new().answer(PRIVATE, Ok(answer));
        let report = check(source("", "", ACCESS_TOKEN), &script).unwrap();
        assert_eq!(report.private, None);
    }
}

#[test]
fn a_dead_token_beside_a_public_listing_fails_the_check() {
    let script = Script::new()
        .json(PRIVATE, 200, &counted(0))
        .json(USER, 401, &refusal());
    let error = check(good(), &script).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("only public"), "{error}");
    assert!(error.hint.contains("apiAuthName"), "{}", error.hint);
}

#[test]
fn refused_credentials_fail_the_check() {
    for (status, kind) in [
        (401, ErrorKind::Credentials),
        (403, ErrorKind::Forbidden),
        (404, ErrorKind::NotFound),
        (500, ErrorKind::Unavailable),
    ] {
        let script = Script::new().json(PRIVATE, status, &refusal());
        assert_eq!(check(good(), &script).unwrap_err().kind, kind);
        assert_eq!(urls(&script), [PRIVATE]);
    }
}

fn told(source: Source, headers: &[(&str, &str)]) -> CheckReport {
    let answer = with_headers(answered(200, &counted(1)), headers);
    let script = granting(&[("minted-token", 7200)])
        .answer(PRIVATE, Ok(answer))
        .json(USER, 200, &user());
    check(source, &script).unwrap()
}

#[test]
fn scopes_are_known_only_where_bitbucket_names_them() {
    let scopes = |header: Option<&str>| {
        let headers = header.map(|value| ("X-OAuth-Scopes", value));
        let report = told(source("", "", ACCESS_TOKEN), headers.as_slice());
        (report.scopes, report.missing_scopes)
    };
    assert_eq!(scopes(None), (vec![], vec![]));
    assert_eq!(scopes(Some(" ")), (vec![], vec![]));
    let (found, missing) = scopes(Some(
        "read:repository:bitbucket,  read:user:bitbucket,\u{1b}[2Jx",
    ));
    assert_eq!(
        found,
        ["read:repository:bitbucket", "read:user:bitbucket", "[2Jx"]
    );
    assert_eq!(missing, [""; 0]);
    // A document holds no more than 10,000.
    assert_eq!(scopes(Some(&"x,".repeat(20_000))).0.len(), 100);
}

#[test]
fn what_listing_and_cloning_need_is_missed_by_its_full_name() {
    let missing =
        |source: Source, scopes: &str| told(source, &[("x-oauth-scopes", scopes)]).missing_scopes;
    for enough in [
        "read:repository:bitbucket",
        "repository",
        "account repository:write",
        "project",
        "pullrequest",
    ] {
        assert_eq!(missing(consumer(), enough), [""; 0], "{enough}");
    }
    for not_enough in [
        "read:user:bitbucket",
        "account",
        "repository:admin, repository:delete",
        // One does not imply the other.
        "write:repository:bitbucket, admin:repository:bitbucket",
    ] {
        assert_eq!(
            missing(good(), not_enough),
            ["read:repository:bitbucket"],
            "{not_enough}"
        );
    }
}

#[test]
fn a_password_of_unknown_form_is_what_bitbucket_calls_it() {
    let headers = [("x-credential-type", "api_token")];
    let report = told(source("devuser", "dev@example.com", "hunter2"), &headers);
    assert_eq!(
        report.identity,
        "password of dev@example.com, which is neither kind of token (Dev Eloper, user devuser); Bitbucket takes it for: api_token"
    );
}

#[test]
fn limits_are_told_where_bitbucket_tells_them() {
    let access = || source("", "", ACCESS_TOKEN);
    assert!(told(access(), &[]).limits.is_empty());
    let headers = [
        ("X-RateLimit-Limit", "1000"),
        ("X-RateLimit-Resource", "api"),
        ("X-RateLimit-NearLimit", "false"),
    ];
    let report = told(access(), &headers);
    let [limit] = report.limits.as_slice() else {
        panic!("{:?}", report.limits);
    };
    assert_eq!((limit.name.as_str(), limit.most), ("api", Some(1000)));
    assert_eq!((limit.remaining, limit.resets), (None, None));
    assert!(report.findings.is_empty());
    let near = told(access(), &[("X-RateLimit-NearLimit", "true")]);
    assert_eq!(near.findings[0].severity, Severity::Warning);
    assert!(near.findings[0].message.contains("near their limit"));
}

#[test]
fn a_check_leaves_the_listing_where_it_was() {
    let next = format!("{API}/2.0/repositories/acme?ctx=2");
    let script = Script::new()
        .json(PRIVATE, 200, &counted(1))
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
