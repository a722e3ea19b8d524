//! What GitHub may answer instead.

use forgekeep_plugin_sdk::{Concern, ErrorKind, HosterError, LookupRequest, Presence};
use serde_json::{Value, json};

use crate::support::*;

const LIMITS: &str = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits";

fn first_page(status: u16, body: &Value, headers: &[(&str, &str)]) -> HosterError {
    let script = server().answer(&page_of(REPOS, 1), Ok(answer(status, body, headers)));
    open(&source("acme"), &script).list(None).unwrap_err()
}

#[test]
fn limits_are_told_from_refusals() {
    let primary = first_page(
        403,
        &json!({ "message": "API rate limit exceeded for user ID 1." }),
        &[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1796025630"),
            ("date", "Mon, 30 Nov 2026 08:00:00 GMT"),
        ],
    );
    assert_eq!(primary.kind, ErrorKind::RateLimited);
    // By GitHub's clock, not by this machine's.
    assert_eq!(primary.retry_after, Some(1_796_025_630 - 1_796_025_600));
    let secondary = first_page(403, &json!({ "message": "slow" }), &[("retry-after", "7")]);
    assert_eq!(
        (secondary.kind, secondary.retry_after),
        (ErrorKind::RateLimited, Some(7))
    );
    let bare = first_page(
        403,
        &json!({ "message": "slow", "documentation_url": LIMITS }),
        &[],
    );
    assert_eq!((bare.kind, bare.permanent), (ErrorKind::RateLimited, false));
    assert_eq!(bare.concerns, Concern::Source);
    let refused =
        json!({ "message": "rate limit", "documentation_url": "https://docs.github.com/rest" });
    let refused = first_page(403, &refused, &[("x-ratelimit-remaining", "4999")]);
    assert_eq!(
        (refused.kind, refused.permanent),
        (ErrorKind::Forbidden, true)
    );
}

#[test]
fn single_sign_on_says_where_to_go() {
    let url = "https://github.com/orgs/acme/sso?authorization_request=AZSC";
    let header = format!("required; url={url}");
    let body = json!({ "message": "Resource protected by organization SAML enforcement." });
    let error = first_page(403, &body, &[("x-github-sso", &header)]);
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hint.ends_with(url), "{}", error.hint);
}

#[test]
fn a_version_of_the_api_that_is_withdrawn_is_no_deletion() {
    let error = first_page(
        410,
        &json!({ "message": "This API version is not supported." }),
        &[],
    );
    assert_eq!(error.kind, ErrorKind::Gone);
    assert!(
        error.hint.contains("newer version of the plugin"),
        "{}",
        error.hint
    );
}

fn asked_for(id: &str) -> LookupRequest {
    LookupRequest {
        id: id.into(),
        full_name: "acme/web".into(),
        ..LookupRequest::default()
    }
}

fn found(status: u16, body: &Value, headers: &[(&str, &str)], id: &str) -> Presence {
    let script = linked(server(), REPOS, &[vec![of_acme(2, "api")]])
        .answer(&at("repositories/1"), Ok(answer(status, body, headers)))
        .json(&at("repositories/2"), 200, &of_acme(2, "api"));
    let looked = open(&source("acme"), &script).look_up(&asked_for(id));
    looked.unwrap_or(Presence::Hidden)
}

#[test]
fn what_a_lookup_proves() {
    let gone = json!({ "message": "Not Found", "status": "404" });
    let Presence::Deleted { proof } = found(404, &gone, &[], "1") else {
        panic!("it is proved");
    };
    assert!(
        proof.contains("sees all of acme") && proof.contains("repository 2"),
        "{proof}"
    );
    let Presence::Present(moved) = found(200, &of_acme(1, "site"), &[], "1") else {
        panic!("it is there");
    };
    assert_eq!(moved.full_name, "acme/site");
    let sign_on = [("x-github-sso", "partial-results; organizations=5")];
    assert_eq!(found(404, &gone, &sign_on, "1"), Presence::Hidden);
    let block = json!({ "message": "Repository access blocked", "block": { "reason": "dmca" } });
    assert_eq!(found(451, &block, &[], "1"), Presence::Hidden);
    assert_eq!(found(403, &block, &[], "1"), Presence::Hidden);
    assert_eq!(found(200, &of_acme(3, "other"), &[], "1"), Presence::Hidden);
    assert_eq!(found(404, &gone, &[], "gist-aa"), Presence::Hidden);
}

#[test]
fn under_a_name_that_a_stranger_has_nothing_is_proved() {
    let gone = json!({ "message": "Not Found" });
    let script = linked(server(), REPOS, &[vec![of_acme(2, "api")]])
        .json(&at("repositories/1"), 404, &gone)
        .json(&at("repositories/2"), 200, &of_acme(2, "api"))
        // First it is acme, and then somebody else.
        .json(&at("users/acme"), 200, &account(99, "acme", "Organization"));
    let opened = open(&source("acme"), &script);
    opened.list(None).unwrap();
    assert_eq!(opened.look_up(&asked_for("1")).unwrap(), Presence::Hidden);
}
