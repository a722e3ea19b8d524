//! GitHub as a target.

use forgekeep_plugin_sdk::{
    Advice, Concern, ConfigureRequest, CreateRequest, ErrorKind, HosterError, HttpRequest,
    HttpResponse, PartKind, RemoveRequest, Repository, Severity, Source, Visibility,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const NEW: &str = "orgs/acme/repos";

fn full(scopes: Option<&str>) -> Script {
    with_scopes(scopes)
}

fn refusal(status: u16, message: &str) -> HttpResponse {
    answer(status, &json!({ "message": message }), &[])
}

fn named(names: &[&str]) -> Vec<(String, bool)> {
    let script = full(Some("repo, workflow, read:org"));
    let report = open(&source("acme"), &script).examine(names).unwrap();
    let names = report.names.into_iter();
    names.map(|one| (one.name, one.refused.is_some())).collect()
}

#[test]
fn names_are_what_github_makes_of_them() {
    let long = "x".repeat(140);
    for (name, expected, refused) in [
        ("web", "web", false),
        ("Web_1.2-x", "Web_1.2-x", false),
        ("sub/deep/web", "sub-deep-web", false),
        ("my  shop & more", "my-shop-more", false),
        ("grüße", "gr-e", false),
        ("web.git", "web", false),
        ("web.git.git", "web", false),
        ("a//b/", "a-b", false),
        ("..\u{202e}/x", "..--x", false),
        ("a\0b\n", "a-b-", false),
        ("../../etc", "..-..-etc", false),
        ("-", "-", false),
        ("日本", "-", true),
        ("", "", true),
        ("/", "", true),
        (".", ".", true),
        ("..", "..", true),
        (".git", "", true),
        ("web.wiki", "web.wiki", true),
        (long.as_str(), &long[..100], false),
    ] {
        assert_eq!(named(&[name]), [(expected.to_owned(), refused)], "{name:?}");
    }
}

#[test]
fn a_name_that_was_examined_stays() {
    // Words of everything that means something to some hoster, put together by a counter.
    let words = [
        "a",
        "Z",
        "9",
        "-",
        "_",
        ".",
        "/",
        " ",
        "ä",
        "日",
        "\u{202e}",
        "\0",
        ".git",
        ".wiki",
        "..",
        "é",
        "%2f",
        "\u{1f600}",
        ".GIT",
        "x",
    ];
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap()
    };
    let made: Vec<String> = (0..2000)
        .map(|_| {
            let length = next() % 60;
            (0..length).map(|_| words[next() % words.len()]).collect()
        })
        .collect();
    let once = named(&made.iter().map(String::as_str).collect::<Vec<_>>());
    let again = named(
        &once
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
    );
    for (((once, refused), (again, _)), from) in once.iter().zip(&again).zip(&made) {
        assert_eq!(once, again, "{from:?}");
        assert!(once.len() <= 100, "{from:?}");
        let is_clean = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(once.chars().all(is_clean), "{from:?}");
        assert!(*refused || !once.is_empty(), "{from:?}");
    }
}

#[test]
fn what_is_known_of_the_rights_is_said() {
    let script = full(Some("repo, workflow, read:org"));
    let report = open(&source("acme"), &script).examine(&[]).unwrap();
    assert_eq!(report.identity, "classic token of dev");
    assert_eq!(report.missing_scopes, [""; 0]);
    assert_eq!(report.rights, ["admin"]);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.visible, report.room), (None, None));
    let takes = report.takes;
    assert_eq!(takes.file_bytes, Some(100 * 1024 * 1024));
    assert_eq!(takes.push_bytes, Some(2 * 1024 * 1024 * 1024));
    assert_eq!(takes.ref_bytes, Some(255));
    assert_eq!(takes.creates_per_minute, Some(80));
    assert!(takes.no_refs_like_ids && takes.checks_objects && takes.no_lfs_without_objects);
    assert_eq!(report.refuses.len(), 2);
    // A dry run is this, and the listing.
    for request in script.requests() {
        assert_eq!(request.method, "GET");
    }
    for (scopes, missing) in [
        ("repo, read:org", &["workflow"][..]),
        ("workflow, public_repo", &["repo"]),
        ("", &["repo", "workflow"]),
    ] {
        let report = open(&source("acme"), &full(Some(scopes)))
            .examine(&[])
            .unwrap();
        assert_eq!(report.missing_scopes, missing, "{scopes}");
    }
    let report = open(&source("dev"), &script).examine(&[]).unwrap();
    assert_eq!(report.rights, ["owner"]);
    let own = Source {
        api_url: "https://git.example/api/v3".into(),
        ..source("acme")
    };
    let of_own = Script::new().otherwise(Ok(refusal(404, "Not Found")));
    let report = open(&own, &of_own).examine(&[]).unwrap();
    assert_eq!(report.takes.creates_per_minute, None);
}

#[test]
fn what_is_not_told_is_left_open() {
    let script = full(None).json(
        &at("user/memberships/orgs?state=active&per_page=100"),
        200,
        &json!([]),
    );
    let script = script.before(
        &at("user/memberships/orgs?state=active&per_page=100"),
        Ok(refusal(403, "no")),
    );
    let report = open(&source("acme"), &script).examine(&[]).unwrap();
    assert_eq!(report.missing_scopes, [""; 0]);
    let said: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.severity, &*one.message))
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|(severity, _)| *severity == Severity::Info));
    assert!(
        said[0].1.contains("fine-grained") && said[1].1.contains("role"),
        "{said:?}"
    );
    assert!(report.findings[0].hint.contains("Administration"));
}

#[test]
fn a_member_may_be_kept_from_private_repositories() {
    for (told, missing) in [
        (
            json!({ "members_can_create_private_repositories": false }),
            1,
        ),
        (
            json!({ "members_can_create_private_repositories": true }),
            0,
        ),
        (json!({}), 0),
    ] {
        let membership = json!([{ "role": "member", "state": "active", "organization": account(5, "acme", "") }]);
        let list = at("user/memberships/orgs?state=active&per_page=100");
        let script = full(Some("repo, workflow"))
            .before(&list, Ok(answer(200, &membership, &[])))
            .json(&at("orgs/acme"), 200, &told);
        let report = open(&source("acme"), &script).examine(&[]).unwrap();
        assert_eq!(report.rights, ["member"]);
        assert_eq!(report.missing_scopes.len(), missing, "{told}");
    }
}

#[test]
fn what_is_no_place_is_a_finding_about_the_key() {
    let script = || {
        full(Some("repo, workflow")).json(
            &at("users/nobody"),
            404,
            &json!({ "message": "Not Found" }),
        )
    };
    let of = |source: &Source| {
        let report = open(source, &script()).examine(&["web"]).unwrap();
        assert_eq!(report.names[0].name, "web");
        let mut errors = report.findings.into_iter();
        let error = errors.find(|one| one.severity == Severity::Error);
        error.map(|error| (error.key, error.hint.is_empty()))
    };
    for (name, key) in [("*", "name"), ("eve", "name"), ("nobody", "name")] {
        assert_eq!(of(&source(name)), Some((key.to_owned(), false)), "{name}");
    }
    assert_eq!(of(&anonymous("acme")), Some(("password".to_owned(), false)));
    assert_eq!(of(&source("dev")), None);
    assert_eq!(of(&source("acme")), None);
}

fn what() -> CreateRequest {
    CreateRequest {
        name: "web".into(),
        private: true,
        description: "The shop\nof acme".into(),
        ..CreateRequest::default()
    }
}

fn sent(script: &Script) -> Vec<(String, String, Value)> {
    let writes = |one: &HttpRequest| one.method != "GET";
    let all = script.requests().into_iter().filter(writes);
    let line = |one: HttpRequest| {
        let body = serde_json::from_slice(&one.body).unwrap_or_default();
        (one.method, one.url.replace(&at(""), ""), body)
    };
    all.map(line).collect()
}

fn private(id: u64, name: &str) -> Value {
    let mut made = of_acme(id, name);
    made["private"] = true.into();
    made["visibility"] = "private".into();
    made["has_wiki"] = true.into();
    made["pushed_at"] = Value::Null;
    made["description"] = "The shop".into();
    made
}

fn made(name: &str, script: &Script) -> Result<Repository, HosterError> {
    open(&source(name), script).create(&what())
}

#[test]
fn it_is_private_in_the_request_that_makes_it() {
    let created = answer(201, &private(9, "web"), &[]);
    let script = full(Some("repo")).on("POST", &at(NEW), Ok(created.clone()));
    let web = made("acme", &script).unwrap();
    assert_eq!((&*web.id, &*web.full_name), ("9", "acme/web"));
    assert_eq!(
        (web.visibility, &*web.description),
        (Visibility::Private, "The shop")
    );
    // No wiki is there before its first page.
    assert!(web.parts.len() == 1 && web.parts[0].kind == PartKind::Git);
    let document = json!({ "name": "web", "description": "The shop of acme", "private": true });
    assert_eq!(sent(&script), [("POST".into(), NEW.into(), document)]);
    let post = script
        .requests()
        .into_iter()
        .find(|one| one.method == "POST")
        .unwrap();
    assert!(!post.idempotent);
    let script = full(Some("repo")).on("POST", &at("user/repos"), Ok(created));
    made("dev", &script).unwrap();
    assert_eq!(sent(&script)[0].1, "user/repos");
    // One that is public all the same is the host's to judge.
    let public = answer(201, &of_acme(9, "web"), &[]);
    let script = full(Some("repo")).on("POST", &at(NEW), Ok(public));
    assert_eq!(
        made("acme", &script).unwrap().visibility,
        Visibility::Public
    );
}

#[test]
fn why_none_was_made_is_told_by_what_it_is_about() {
    let of = |answer: HttpResponse, is_there: bool| {
        let script = full(Some("repo")).on("POST", &at(NEW), Ok(answer));
        let there = if is_there { 200 } else { 404 };
        let script = script.json(&at("repos/acme/web"), there, &of_acme(1, "web"));
        made("acme", &script).unwrap_err()
    };
    let invalid = |field: &str| {
        let errors = json!([{ "resource": "Repository", "code": "custom", "field": field, "message": "no" }]);
        answer(
            422,
            &json!({ "message": "Repository creation failed.", "errors": errors }),
            &[],
        )
    };
    let taken = of(invalid("name"), true);
    assert_eq!(
        (taken.kind, taken.concerns),
        (ErrorKind::Other, Concern::Repository)
    );
    assert_eq!(taken.message, "a repository of this name is already there");
    assert_eq!(taken.status, Some(422));
    let bad = of(invalid("name"), false);
    assert_eq!(
        (bad.kind, bad.concerns),
        (ErrorKind::Other, Concern::Repository)
    );
    assert!(bad.message.contains("422"), "{bad}");
    for field in ["visibility", "private"] {
        let plan = of(invalid(field), false);
        assert_eq!((plan.concerns, plan.permanent), (Concern::Source, true));
        assert!(plan.hint.contains("plan"), "{}", plan.hint);
    }
    for status in [403, 404] {
        let refused = of(refusal(status, "You need admin access."), false);
        assert_eq!(
            (refused.kind, refused.concerns),
            (ErrorKind::Forbidden, Concern::Source)
        );
        assert!(refused.hint.contains("workflow"), "{}", refused.hint);
    }
    let url = "https://github.com/orgs/acme/sso?authorization_request=AZSC";
    let sign_on = [("x-github-sso", &*format!("required; url={url}"))];
    let sign_on = of(answer(403, &json!({ "message": "SAML" }), &sign_on), false);
    assert!(sign_on.hint.ends_with(url), "{}", sign_on.hint);
    let limited = of(
        answer(403, &json!({ "message": "slow" }), &[("retry-after", "7")]),
        false,
    );
    assert_eq!(
        (limited.kind, limited.retry_after),
        (ErrorKind::RateLimited, Some(7))
    );
    assert!(!limited.permanent);
    // It may have been made.
    assert_eq!(
        of(answer(502, &json!({}), &[]), false).kind,
        ErrorKind::Unavailable
    );
}

fn configured(
    script: &Script,
    what: ConfigureRequest,
) -> Result<Vec<(Severity, String)>, HosterError> {
    configured_at(API, script, what)
}

fn configured_at(
    api: &str,
    script: &Script,
    what: ConfigureRequest,
) -> Result<Vec<(Severity, String)>, HosterError> {
    let to = Source {
        api_url: api.into(),
        ..source("acme")
    };
    let what = ConfigureRequest {
        id: "9".into(),
        full_name: "acme/web".into(),
        ..what
    };
    let findings = open(&to, script).configure(&what)?;
    Ok(findings
        .into_iter()
        .map(|one| (one.severity, one.message))
        .collect())
}

#[test]
fn each_thing_is_set_and_what_is_absent_stays() {
    let script = full(Some("repo"))
        .on(
            "PUT",
            &at("repos/acme/web/actions/permissions"),
            Ok(answer(204, &Value::Null, &[])),
        )
        .on(
            "PATCH",
            &at("repos/acme/web"),
            Ok(answer(200, &private(9, "web"), &[])),
        );
    assert!(
        configured(&script, ConfigureRequest::default())
            .unwrap()
            .is_empty()
    );
    assert!(sent(&script).is_empty());
    let all = ConfigureRequest {
        default_branch: Some("trunk".into()),
        archived: Some(true),
        automation: Some(false),
        ..ConfigureRequest::default()
    };
    let said = configured(&script, all).unwrap();
    assert!(said.len() == 1 && said[0].0 == Severity::Info, "{said:?}");
    assert!(!said[0].1.contains("web"), "{said:?}");
    let patch = |document| ("PATCH".to_owned(), "repos/acme/web".to_owned(), document);
    let put = (
        "PUT".to_owned(),
        "repos/acme/web/actions/permissions".to_owned(),
        json!({ "enabled": false }),
    );
    let expected = [
        put,
        patch(json!({ "default_branch": "trunk" })),
        patch(json!({ "archived": true })),
    ];
    assert_eq!(sent(&script), expected);
    assert!(script.requests().iter().all(|one| one.idempotent));
    let on = ConfigureRequest {
        automation: Some(true),
        ..ConfigureRequest::default()
    };
    assert!(configured(&script, on).unwrap().is_empty());
}

#[test]
fn actions_that_cannot_be_switched_off_are_told() {
    let off = || ConfigureRequest {
        automation: Some(false),
        ..ConfigureRequest::default()
    };
    let of = |api: &str, answer: HttpResponse, is_there: bool| {
        let at = |path: &str| format!("{api}/{path}");
        let there = if is_there { 200 } else { 404 };
        let script = Script::new()
            .on("PUT", &at("repos/acme/web/actions/permissions"), Ok(answer))
            .json(&at("repos/acme/web"), there, &private(9, "web"));
        configured_at(api, &script, off())
    };
    let own = "https://git.example/api/v3";
    let none = of(own, refusal(404, "Not Found"), true).unwrap();
    assert!(
        none[0].0 == Severity::Info && none[0].1.contains("no GitHub Actions"),
        "{none:?}"
    );
    // Not known everywhere yet, or not there at all: nothing is said to be off. github.com itself has Actions.
    for (api, is_there) in [(own, false), (API, true)] {
        let early = of(api, refusal(404, "Not Found"), is_there).unwrap_err();
        assert_eq!((early.kind, early.permanent), (ErrorKind::NotFound, false));
    }
    for status in [403, 409] {
        let may = of(API, refusal(status, "no"), true).unwrap();
        assert!(
            may[0].0 == Severity::Warning && may[0].1.contains("may start"),
            "{may:?}"
        );
    }
    let limited = answer(403, &json!({}), &[("retry-after", "7")]);
    let limited = of(API, limited, true).unwrap_err();
    assert_eq!(limited.kind, ErrorKind::RateLimited);
}

#[test]
fn it_is_removed_by_its_id() {
    let what = RemoveRequest {
        id: "9".into(),
        full_name: "acme/web".into(),
        ..RemoveRequest::default()
    };
    let gone = Ok(answer(204, &Value::Null, &[]));
    let script = full(Some("repo"))
        .json(&at("repositories/9"), 200, &private(9, "moved"))
        .on("DELETE", &at("repos/acme/moved"), gone);
    open(&source("acme"), &script).remove(&what).unwrap();
    assert_eq!(sent(&script)[0].1, "repos/acme/moved");
    for (status, other) in [
        (404, json!({ "message": "Not Found" })),
        (200, private(8, "web")),
    ] {
        let script = full(Some("repo")).json(&at("repositories/9"), status, &other);
        let error = open(&source("acme"), &script).remove(&what).unwrap_err();
        assert_eq!(
            (error.kind, error.concerns),
            (ErrorKind::NotFound, Concern::Repository)
        );
        assert!(sent(&script).is_empty());
    }
    let script = full(Some("repo"))
        .json(&at("repositories/9"), 200, &private(9, "web"))
        .on(
            "DELETE",
            &at("repos/acme/web"),
            Ok(refusal(403, "Must have admin rights to Repository.")),
        );
    let error = open(&source("acme"), &script).remove(&what).unwrap_err();
    assert!(error.hint.contains("delete_repo"), "{}", error.hint);
}

#[test]
fn what_github_makes_itself_is_not_pushed() {
    let pages = listed(
        &source("acme"),
        &linked(full(Some("repo")), REPOS, &[vec![private(1, "web")]]),
    );
    let web = &pages[0].repositories[0];
    assert_eq!(web.description, "The shop");
    let kept = |pattern: &str| {
        let mut all = web.refs.iter();
        all.any(|one| one.pattern == pattern && one.advice == Advice::NotPushed)
    };
    assert!(kept("refs/pull/*") && kept("refs/heads/gh-readonly-queue/*"));
}
