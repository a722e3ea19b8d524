//! What a check says of the credentials.

use forgekeep_plugin_sdk::Severity;

use crate::support::*;

#[test]
fn it_says_whose_the_token_is_what_it_lacks_and_when_it_ends() {
    for (text, time) in [
        ("2026-12-24 08:00:00 UTC", "2026-12-24T08:00:00Z"),
        ("2026-12-24 10:00:00 +0200", "2026-12-24T08:00:00Z"),
        ("2026-12-24 03:30:00 -0430", "2026-12-24T08:00:00Z"),
    ] {
        let headers = [
            ("x-oauth-scopes", "repo"),
            ("github-authentication-token-expiration", text),
            ("sunset", "Fri, 10 Mar 2090 00:00:00 GMT"),
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4990"),
        ];
        let me = answer(200, &account(7, "dev", "User"), &headers);
        let mut private = of_acme(1, "web");
        private["private"] = true.into();
        let script = linked(server(), REPOS, &[vec![private, of_acme(2, "api")]]);
        let script = script.before(&at("user"), Ok(me));
        let report = open(&source("acme"), &script).check().unwrap();
        assert_eq!(report.identity, "classic token of dev");
        assert_eq!(report.account_id.as_deref(), Some("7"));
        assert_eq!(report.missing_scopes, ["read:org"]);
        assert_eq!(report.expires.unwrap().to_string(), time);
        assert_eq!((report.visible, report.private), (Some(2), Some(1)));
        assert_eq!(report.limits[0].remaining, Some(4990));
        let sunset = report.findings.last().unwrap();
        assert_eq!(sunset.severity, Severity::Info, "{sunset:?}");
        assert!(sunset.message.contains("10 Mar 2090"), "{sunset:?}");
    }
}

#[test]
fn other_tokens_have_no_scopes_and_none_are_missing() {
    let script = linked(with_scopes(None), REPOS, &[vec![of_acme(1, "web")]]);
    let report = open(&source("acme"), &script).check().unwrap();
    assert_eq!(report.identity, "token of dev");
    assert!(report.scopes.is_empty() && report.missing_scopes.is_empty());
    assert_eq!(report.expires, None);
    let wider = with_scopes(Some("repo, admin:org"));
    let script = linked(wider, REPOS, &[vec![]]);
    let report = open(&source("acme"), &script).check().unwrap();
    assert!(report.missing_scopes.is_empty());
}

#[test]
fn without_credentials_nobody_is_asked_for() {
    let script = linked(server(), REPOS, &[vec![]]);
    let report = open(&anonymous("acme"), &script).check().unwrap();
    assert_eq!(report.identity, "no credentials");
    assert_eq!(asked(&script)[0], "users/acme");
    assert!(!asked(&script).contains(&"user".to_owned()));
    assert_eq!(report.visible, Some(0));
}
