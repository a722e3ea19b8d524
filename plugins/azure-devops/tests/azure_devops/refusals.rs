//! Answers that are none: what they mean, and what becomes of a repository that is not found.

use forgekeep_plugin_sdk::{ErrorKind, LookupRequest, Presence};
use forgekeep_plugin_testkit::Script;
use serde_json::json;

use crate::support::*;

const WEB: &str = "5febef5a-833d-4e14-b9c0-14cb638f91e6";
const OTHER: &str = "1c2e3a4b-0000-4000-8000-000000000001";

#[test]
fn a_refusal_says_what_is_to_be_done() {
    let json = [("content-type", "application/json")];
    let page = "<html><title>Sign In</title></html>";
    let limit = r#"{"message":"TF400733: The request has been canceled"}"#;
    let stakeholder = r#"{"message":"TF401019: The Git repository does not exist"}"#;
    let windows = [
        ("www-authenticate", "Negotiate"),
        ("WWW-Authenticate", "NTLM"),
    ];
    let both = [
        ("www-authenticate", "NTLM"),
        ("www-authenticate", "Basic realm=\"x\""),
    ];
    let again = [("content-type", "application/json"), ("retry-after", "30")];
    for (answered, kind, hint) in [
        (
            answer(203, &[], page),
            ErrorKind::Credentials,
            "/_usersSettings/tokens",
        ),
        (
            answer(200, &[], page),
            ErrorKind::Credentials,
            "/_usersSettings/tokens",
        ),
        (
            answer(302, &[], page),
            ErrorKind::Credentials,
            "/_usersSettings/tokens",
        ),
        (
            answer(203, &json, "{}"),
            ErrorKind::Credentials,
            "/_usersSettings/tokens",
        ),
        (
            answer(401, &windows, page),
            ErrorKind::Credentials,
            "keep IIS Basic Authentication off",
        ),
        (
            answer(401, &both, page),
            ErrorKind::Credentials,
            "/_usersSettings/tokens",
        ),
        (
            answer(503, &again, limit),
            ErrorKind::RateLimited,
            "run again in an hour",
        ),
        (
            answer(429, &again, limit),
            ErrorKind::RateLimited,
            "run again in an hour",
        ),
        (
            answer(403, &json, stakeholder),
            ErrorKind::Forbidden,
            "the access level Basic",
        ),
        (
            answer(403, &json, "{}"),
            ErrorKind::Forbidden,
            "Code (read)",
        ),
        (answer(404, &[], page), ErrorKind::NotFound, "check apiUrl"),
    ] {
        let script = shop(&[]).before(&page_of(None), Ok(answered.clone()));
        let error = open(&source(), &script).list(None).unwrap_err();
        assert_eq!(error.kind, kind, "{answered:?}");
        assert!(error.hint.contains(hint), "{answered:?}: {}", error.hint);
        if kind == ErrorKind::RateLimited {
            assert_eq!((error.retry_after, error.permanent), (Some(30), false));
        }
    }
    // Led away by a redirect, which the host has followed.
    let mut elsewhere = answer_of(&envelope(&[]));
    elsewhere.url = "https://spsprodweu1.vssps.visualstudio.com/_signin".into();
    let script = shop(&[]).before(&page_of(None), Ok(elsewhere));
    let error = open(&source(), &script).list(None).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
}

#[test]
fn an_older_server_is_asked_in_its_own_version_from_then_on() {
    let too_new = answer(
        400,
        &[("content-type", "application/json")],
        r#"{"message":"out of range","typeKey":"VssVersionOutOfRangeException"}"#,
    );
    let older = |url: &str| url.replace("7.1", "7.0");
    let shop = envelope(&[project(SHOP, "shop")]);
    let script = Script::new()
        .answer(&page_of(None), Ok(too_new))
        .json(&older(&page_of(None)), 200, &shop)
        .json(
            &older(&of(SHOP, "git/repositories")),
            200,
            &envelope(&[entry(WEB, "web")]),
        )
        .json(&older(&of(SHOP, "wiki/wikis")), 200, &envelope(&[]));
    assert_eq!(names(&listed(&source(), &script)), ["acme/shop/web"]);
    let newest = script
        .requests()
        .into_iter()
        .filter(|one| one.url.contains("7.1"));
    assert_eq!(newest.count(), 1);
}

#[test]
fn only_the_recycle_bin_proves_a_deletion() {
    let what = LookupRequest {
        id: WEB.into(),
        full_name: "acme/shop/web".into(),
        ..LookupRequest::default()
    };
    let not_found =
        json!({ "message": "TF401019: no", "typeKey": "GitRepositoryNotFoundException" });
    let one = of("shop", &format!("git/repositories/{WEB}"));
    let bin = of("shop", "git/recycleBin/repositories");
    let binned = |id: &str| envelope(&[json!({ "id": id, "deletedDate": "2026-11-20T08:30:00Z" })]);
    let look = |script: &Script| open(&source(), script).look_up(&what).unwrap();
    let gone = || Script::new().json(&one, 404, &not_found);
    let proof = "in the recycle bin of shop since 2026-11-20T08:30:00Z".to_owned();
    let deleted = gone().json(&bin, 200, &binned(WEB));
    assert_eq!(look(&deleted), Presence::Deleted { proof });
    for hidden in [
        gone().json(&bin, 200, &binned(OTHER)),
        gone().json(&bin, 200, &envelope(&[])),
        gone().json(&bin, 403, &json!({ "message": "no" })),
        gone().json(&bin, 500, &json!({ "message": "no" })),
        gone(),
        Script::new().json(&one, 200, &entry(OTHER, "other")),
    ] {
        assert_eq!(look(&hidden), Presence::Hidden);
    }
    let there = Script::new().json(&one, 200, &entry(WEB, "web"));
    assert!(matches!(look(&there), Presence::Present(found) if found.id == WEB));
    // Nothing but a good answer says that it is there, and nothing else that it is not.
    for status in [401, 403, 429, 500] {
        let script = Script::new()
            .json(&one, status, &not_found)
            .json(&bin, 200, &binned(WEB));
        open(&source(), &script).look_up(&what).unwrap_err();
    }
}
