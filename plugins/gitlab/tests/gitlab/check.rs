//! What a check says.

use forgekeep_plugin_sdk::{Auth, CheckReport, ErrorKind, Secret, Visibility};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn with(scopes: &[&str]) -> Script {
    let script = server_with(&group(5, "acme"), scopes, 50);
    linked(script, &[vec![entry(1, "web")]])
}

fn check(scopes: &[&str]) -> CheckReport {
    let opened = open(&source("group", "acme"), &with(scopes));
    opened.check().unwrap()
}

#[test]
fn whose_the_token_is_what_it_may_do_and_when_it_ends() {
    let report = check(&["read_api", "read_repository"]);
    assert_eq!(report.identity, "access token \"backup\" of dev");
    assert_eq!(report.account_id.as_deref(), Some("7"));
    assert_eq!(report.scopes, ["read_api", "read_repository"]);
    assert_eq!(report.missing_scopes, [""; 0]);
    // It has ended once that day has begun.
    let expires = report.expires.unwrap();
    assert_eq!(expires.to_string(), "2027-06-01T00:00:00Z");
    assert_eq!(report.owners[0].name, "acme");
}

#[test]
fn a_fine_grained_token_works_and_lacks_what_would_show_everything() {
    assert_eq!(check(&["granular"]).missing_scopes, ["read_api"]);
}

#[test]
fn without_a_scope_for_code_nothing_is_listed() {
    let source = source("group", "acme");
    let error = open(&source, &with(&["read_api"])).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("read_repository"), "{error}");
    for good in ["api", "write_repository"] {
        let listed = open(&source, &with(&["read_api", good])).list(None);
        assert!(listed.is_ok(), "{good}");
    }
}

#[test]
fn a_token_of_oauth_is_not_asked_what_it_is() {
    let source = with_token("group", "acme", OAUTH);
    let script = with(&["api"]);
    let report = open(&source, &script).check().unwrap();
    assert_eq!(report.identity, "access token of dev");
    for request in script.requests() {
        assert!(!request.url.contains("personal_access_tokens"));
        let secret = Secret::new(OAUTH);
        assert_eq!(request.auth, Auth::Bearer { secret });
    }
}

#[test]
fn without_credentials_what_is_public_is_listed() {
    let mut simple = entry(1, "web");
    for key in ["visibility", "archived", "wiki_enabled", "import_status"] {
        simple.as_object_mut().unwrap().remove(key);
    }
    let script = linked(server(), &[vec![simple]]);
    let source = anonymous("", "acme");
    let report = open(&source, &script).check().unwrap();
    assert_eq!(report.identity, "no credentials");
    let pages = listed(&source, &script);
    let web = &pages[0].repositories[0];
    assert_eq!((web.visibility, web.archived), (Visibility::Public, false));
    let asked = script.requests();
    assert!(asked.iter().all(|request| request.auth == Auth::None));
}

#[test]
fn hints_name_the_page_for_tokens() {
    for (status, body) in [
        (401, json!({ "message": "401 Unauthorized" })),
        (403, json!({ "error": "insufficient_scope" })),
        (403, Value::Null),
    ] {
        let script = server().json(&page_of(false, 1), status, &body);
        let opened = open(&source("group", "acme"), &script);
        let error = opened.list(None).unwrap_err();
        assert_eq!(error.status, Some(status));
        let page = "/-/user_settings/personal_access_tokens";
        assert!(error.hint.contains(page), "{}", error.hint);
    }
}
