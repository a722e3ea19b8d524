use forgekeep_plugin_sdk::{Concern, ErrorKind, Header, HosterError, HttpResponse, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn answer(source: Source, status: u16, headers: &[(&str, &str)], body: &str) -> HosterError {
    let response = HttpResponse {
        status,
        url: FIRST.into(),
        headers: headers
            .iter()
            .map(|(name, value)| Header {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect(),
        body: body.into(),
        ..HttpResponse::default()
    };
    let script = Script::new().answer(FIRST, Ok(response));
    let error = open(source, &script).list(None).unwrap_err();
    assert_eq!(error.status, Some(status));
    // These are the source's, whatever was asked for; of others, it is what was asked for.
    let of_source = matches!(status, 401 | 429);
    assert_eq!(error.concerns == Concern::Source, of_source, "{status}");
    error
}

fn written(error: &HosterError) -> String {
    let transient = if error.permanent { "" } else { ", transient" };
    format!(
        "{}{transient}: {}\n  -> {}\n",
        error.kind, error.message, error.hint
    )
}

fn json_answer(source: Source, status: u16, body: &Value) -> String {
    let headers = [("content-type", "application/json")];
    written(&answer(source, status, &headers, &body.to_string()))
}

fn each_kind() -> [Source; 5] {
    [
        good(),
        source("", "", ACCESS_TOKEN),
        source("devuser", "", APP_PASSWORD),
        source("devuser", "", "hunter2"),
        source("", "", ""),
    ]
}

#[test]
fn unauthorized() {
    let body = json!({ "type": "error", "error": { "message": "Token is invalid, expired, or not supported for this endpoint." } });
    let said: String = each_kind()
        .into_iter()
        .map(|source| json_answer(source, 401, &body))
        .collect();
    insta::assert_snapshot!(said, @r"
        credentials: Bitbucket refuses the API token of dev@example.com (401): Token is invalid, expired, or not supported for this endpoint.
          -> check at https://id.atlassian.com/manage-profile/security/api-tokens that the token has neither expired nor been revoked, and that it was created with scopes (app Bitbucket, at least read:repository:bitbucket); check that apiAuthName is the e-mail address of that account
        credentials: Bitbucket refuses the access token (401): Token is invalid, expired, or not supported for this endpoint.
          -> the token may have expired or been revoked; it works only in the repository, project or workspace it was made in (Settings, Access tokens): check that name is that workspace
        credentials: Bitbucket refuses the app password of devuser (401): app passwords were removed on 2026-07-28 (CHANGE-3222): Token is invalid, expired, or not supported for this endpoint.
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        credentials: Bitbucket refuses the password of devuser, which is neither kind of token (401): Token is invalid, expired, or not supported for this endpoint.
          -> the password has the form of no credential that Bitbucket accepts, and account passwords are not accepted either: create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        credentials: Bitbucket requires credentials for workspace acme (401): Token is invalid, expired, or not supported for this endpoint.
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        ");
}

#[test]
fn forbidden() {
    let body = json!({ "type": "error", "error": {
        "message": "Your credentials lack one or more required privilege scopes.",
        "detail": { "required": ["repository"], "granted": ["account"] },
    } });
    let said: String = each_kind()
        .into_iter()
        .map(|source| json_answer(source, 403, &body))
        .collect();
    insta::assert_snapshot!(said, @r#"
        forbidden: Bitbucket forbids workspace acme to the API token of dev@example.com (403): Your credentials lack one or more required privilege scopes. {"granted":["account"],"required":["repository"]}
          -> the token needs the scope read:repository:bitbucket (scopes do not imply one another and are fixed: make a new token at https://id.atlassian.com/manage-profile/security/api-tokens); else the workspace may allow certain IP addresses only, or demand two-step login of its members
        forbidden: Bitbucket forbids workspace acme to the access token (403): Your credentials lack one or more required privilege scopes. {"granted":["account"],"required":["repository"]}
          -> the token needs the scope Repositories: Read (scopes are fixed: make a new token); else the workspace may allow certain IP addresses only, or demand two-step login of its members
        forbidden: Bitbucket forbids workspace acme to the app password of devuser (403): Your credentials lack one or more required privilege scopes. {"granted":["account"],"required":["repository"]}
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        forbidden: Bitbucket forbids workspace acme to the password of devuser, which is neither kind of token (403): Your credentials lack one or more required privilege scopes. {"granted":["account"],"required":["repository"]}
          -> the token needs the scope read:repository:bitbucket (scopes do not imply one another and are fixed: make a new token at https://id.atlassian.com/manage-profile/security/api-tokens); else the workspace may allow certain IP addresses only, or demand two-step login of its members
        forbidden: Bitbucket forbids workspace acme to a request without credentials (403): Your credentials lack one or more required privilege scopes. {"granted":["account"],"required":["repository"]}
          -> create an API token with scopes (app Bitbucket, scope read:repository:bitbucket) at https://id.atlassian.com/manage-profile/security/api-tokens; set password to it and apiAuthName to the e-mail address of its account
        "#);
}

#[test]
fn not_found() {
    let body =
        json!({ "type": "error", "error": { "message": "No workspace with identifier 'acme'." } });
    let said = json_answer(good(), 404, &body) + &json_answer(source("", "", ""), 404, &json!({}));
    insta::assert_snapshot!(said, @r"
        not-found: Bitbucket knows no workspace acme, or hides it from the API token of dev@example.com (404): No workspace with identifier 'acme'.
          -> check name: it is the id of the workspace, the part after https://bitbucket.org/ in the address of its repositories, which changes when the workspace is renamed; check that the account is a member of it
        not-found: Bitbucket knows no workspace acme, or hides it from a request without credentials (404)
          -> check name: it is the id of the workspace, the part after https://bitbucket.org/ in the address of its repositories, which changes when the workspace is renamed; check that the account is a member of it
        ");
}

#[test]
fn not_found_at_another_address() {
    let first = "http://127.0.0.1:8080/2.0/repositories/acme?pagelen=100&sort=created_on";
    let script = Script::new().body(first, 404, "text/html", "<html>");
    let mut source = good();
    source.api_url = "http://127.0.0.1:8080".into();
    let error = open(source, &script).list(None).unwrap_err();
    assert!(error.hint.contains("apiUrl (http://127.0.0.1:8080)"));
}

#[test]
fn gone() {
    let body = json!({ "type": "error", "error": { "message": "Account has been marked as spam.", "detail": "Contact support" } });
    insta::assert_snapshot!(json_answer(good(), 410, &body), @r"
        gone: Bitbucket has withdrawn workspace acme, or this part of its API (410): Account has been marked as spam. Contact support
          -> read what Bitbucket says: an account marked as spam is a matter for Atlassian's support; an endpoint that was removed needs a newer version of this plugin
        ");
}

#[test]
fn an_app_password_is_told_the_same_whatever_refuses_it() {
    for status in [401, 410] {
        let said = json_answer(source("devuser", "", APP_PASSWORD), status, &json!({}));
        for part in [
            "CHANGE-3222",
            "2026-07-28",
            "https://id.atlassian.com/manage-profile/security/api-tokens",
            "read:repository:bitbucket",
        ] {
            assert!(said.contains(part), "{status} {part}: {said}");
        }
    }
}

#[test]
fn a_consumer_is_told_what_it_needs() {
    let refused = |status| {
        let body = json!({ "type": "error", "error": { "message": "no" } });
        let granted = json!({ "access_token": "minted", "expires_in": 7200 });
        let script = Script::new().json(FIRST, status, &body).on(
            "POST",
            TOKENS,
            Ok(answered(200, &granted)),
        );
        written(&open(consumer(), &script).list(None).unwrap_err())
    };
    insta::assert_snapshot!(refused(401) + &refused(403), @r"
    credentials: Bitbucket refuses the OAuth consumer kQ3xvT7mWz9bR2nLpA (401): no
      -> check clientId (Key) and clientSecret (Secret) in the workspace's settings, OAuth consumers; the consumer has to be a private one (This is a private consumer), with the permission Repositories: Read
    forbidden: Bitbucket forbids workspace acme to the OAuth consumer kQ3xvT7mWz9bR2nLpA (403): no
      -> do what Bitbucket says; if that gives no reason: the consumer needs the permission Repositories: Read (Workspace settings, OAuth consumers); else the workspace may allow certain IP addresses only, or demand two-step login of its members
    ");
}

#[test]
fn limits_in_bitbuckets_own_forms() {
    // Seconds, not a time since 1970, and without `Retry-After`.
    let reset = answer(good(), 429, &[("x-ratelimit-reset", "1800")], "");
    assert_eq!(reset.retry_after, Some(1800));
    let both = [("retry-after", "7"), ("x-ratelimit-reset", "1800")];
    assert_eq!(answer(good(), 429, &both, "").retry_after, Some(7));
    let burst = answer(good(), 429, &[("x-envoy-ratelimited", "true")], "");
    assert_eq!(burst.retry_after, None);
    insta::assert_snapshot!(written(&burst), @r"
    rate-limited, transient: Bitbucket was asked too much at a time (429)
      -> run again in a few minutes, and look for what else asks Bitbucket from this machine or with this account
    ");
}

#[test]
fn too_many_requests() {
    let error = answer(good(), 429, &[("retry-after", "120")], "");
    assert_eq!(error.retry_after, Some(120));
    insta::assert_snapshot!(written(&error), @r"
        rate-limited, transient: Bitbucket's request limit is used up (429); it asks to wait 120 s
          -> wait an hour, and look for what else uses the same account: Bitbucket answers about 1,000 requests an hour for each user or token
        ");

    let date = [
        ("date", "Mon, 30 Nov 2026 08:00:00 GMT"),
        ("retry-after", "Mon, 30 Nov 2026 08:01:30 GMT"),
    ];
    assert_eq!(answer(good(), 429, &date, "").retry_after, Some(90));

    let error = answer(
        source("", "", ""),
        429,
        &[("content-type", "text/plain")],
        "Rate limit for this resource has been exceeded\n",
    );
    assert_eq!(error.retry_after, None);
    assert_eq!(error.said, "Rate limit for this resource has been exceeded");
    insta::assert_snapshot!(written(&error), @r"
        rate-limited, transient: Bitbucket's request limit is used up (429): Rate limit for this resource has been exceeded
          -> give credentials, or wait an hour: without credentials, Bitbucket answers 60 requests an hour for each IP address
        ");
}

#[test]
fn out_of_order() {
    for status in [500, 502, 503, 504, 408] {
        let error = answer(good(), status, &[("content-type", "text/html")], "<html>");
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(!error.permanent);
    }
    insta::assert_snapshot!(json_answer(good(), 503, &json!({ "error": { "message": "Down for maintenance" } })), @r"
        unavailable, transient: Bitbucket is out of order (503): Down for maintenance
          -> look at https://bitbucket.status.atlassian.com and run again later
        ");
}

#[test]
fn redirects_are_not_followed() {
    let error = answer(
        good(),
        302,
        &[(
            "location",
            "https://user:pass@id.atlassian.com/login?token=abc",
        )],
        "",
    );
    insta::assert_snapshot!(written(&error), @r"
        bad-answer: the API answered with a redirect (302 to https://id.atlassian.com), which is not followed
          -> check apiUrl (https://api.bitbucket.org), and whether a proxy or a login page is in between
        ");
}

#[test]
fn anything_else() {
    insta::assert_snapshot!(json_answer(good(), 400, &json!({ "error": "Bad\u{1b}[31m request\r\n\u{202e}" })), @r"
        other: Bitbucket answered 400: Bad [31m request
          -> check apiUrl (https://api.bitbucket.org); if it is right, this plugin may be older than Bitbucket's API
        ");
}

#[test]
fn a_web_page_or_broken_json_in_place_of_an_answer() {
    let page = answer(
        good(),
        200,
        &[("content-type", "text/html; charset=utf-8")],
        "<!DOCTYPE html><title>Log in</title>",
    );
    let cut = answer(
        good(),
        200,
        &[("content-type", "application/json")],
        "{\"values\": [{\"uuid\":",
    );
    let shape = answer(
        good(),
        200,
        &[("content-type", "application/json")],
        "{\"values\": {\"a\": 1}}",
    );
    insta::assert_snapshot!(written(&page) + &written(&cut) + &written(&shape), @r"
        bad-answer, transient: https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&sort=created_on answered with a web page instead of JSON; it says: Log in
          -> try again later and check apiUrl: the hoster may be out of order, or a proxy or login page is in between
        bad-answer, transient: https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&sort=created_on answered with JSON that is not as documented: EOF while parsing a value at line 1 column 20
          -> try again later; if it persists, the hoster has changed its API and the plugin needs an update
        bad-answer, transient: https://api.bitbucket.org/2.0/repositories/acme?pagelen=100&sort=created_on answered with JSON that is not as documented: invalid type: map, expected a sequence at line 1 column 11
          -> try again later; if it persists, the hoster has changed its API and the plugin needs an update
        ");
}

#[test]
fn the_hint_fits_what_bitbucket_says() {
    let said = |status, message: &str| {
        json_answer(good(), status, &json!({ "error": { "message": message } }))
    };
    for status in [401, 403] {
        let wanted = "an admin must whitelist your IP address";
        let shown = said(status, &format!("To access this workspace, {wanted}."));
        assert!(
            shown.contains(wanted) && shown.contains("public IP address"),
            "{shown}"
        );
        assert!(!shown.contains("scope"), "{shown}");
        let shown = said(status, "You must enable two-step verification.");
        assert!(
            shown.contains("-> turn on two-step verification"),
            "{shown}"
        );
    }
    for (status, words, hint) in [
        (
            403,
            "This workspace has been deactivated.",
            "activate it again",
        ),
        (
            410,
            "This workspace has been deactivated.",
            "activate it again",
        ),
        (
            402,
            "Please upgrade your plan.",
            "its plan and the number of its users",
        ),
        (
            403,
            "The workspace is over its user limit and read-only.",
            "its plan and the number",
        ),
    ] {
        let shown = said(status, words);
        assert!(shown.contains(words), "{shown}");
        assert!(shown.contains(hint), "{shown}");
    }
    for (status, words) in [
        (402, "The plan of this workspace has expired."),
        (451, "Withheld for legal reasons."),
    ] {
        let shown = said(status, words);
        assert!(shown.contains(words), "{shown}");
        assert!(shown.contains("-> do what Bitbucket says"), "{shown}");
    }
    let gateway = json!({ "code": 401, "message": "Unauthorized; scope does not match" });
    assert!(json_answer(good(), 401, &gateway).contains("scope does not match"));
    let list = json!({ "errors": [{ "title": "Blocked" }] });
    assert!(json_answer(good(), 403, &list).contains("(403): Blocked"));
    let oauth = json!({ "error": "invalid_grant", "error_description": "It has expired" });
    assert!(json_answer(good(), 401, &oauth).contains("invalid_grant It has expired"));
}

#[test]
fn the_title_of_a_web_page_is_said() {
    let page = |text: &str| {
        let kind = [("content-type", "text/html; charset=utf-8")];
        answer(good(), 503, &kind, text).message
    };
    let shown = page("<html><TITLE lang=en>\n We are\u{1b} down\n</title>…");
    assert_eq!(shown, "Bitbucket is out of order (503): We are down");
    for broken in [
        "<title>",
        "<title",
        "</title>",
        "",
        "<title>x",
        "İ<title>é</title",
    ] {
        let shown = page(broken);
        assert!(
            shown.starts_with("Bitbucket is out of order (503)"),
            "{shown}"
        );
    }
}

#[test]
fn long_words_are_cut() {
    let error = json_answer(
        good(),
        403,
        &json!({ "error": { "message": "x".repeat(100_000), "detail": { "y": "z".repeat(100_000) } } }),
    );
    assert!(error.chars().count() < 1500);
}

#[test]
fn a_failure_of_the_network_is_passed_on() {
    let failure = HosterError::new(ErrorKind::Tls, "certificate has expired");
    let script = Script::new().answer(FIRST, Err(failure.clone()));
    assert_eq!(open(good(), &script).list(None).unwrap_err(), failure);
}
