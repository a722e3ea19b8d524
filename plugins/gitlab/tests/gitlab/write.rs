//! GitLab as a target.

use forgekeep_plugin_sdk::{
    CheckReport, Concern, ConfigureRequest, CreateRequest, ErrorKind, HosterError, HttpResponse,
    PartKind, RemoveRequest, Repository, Severity, Source, Visibility,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

fn with(scopes: &[&str], role: u64) -> Script {
    let script = server_with(&group(5, "acme"), scopes, role);
    let member = json!({ "id": 7, "access_level": role });
    script.json(&at("groups/5/members/all/7"), 200, &member)
}

fn examined(source: &Source, script: &Script, names: &[&str]) -> CheckReport {
    open(source, script).examine(names).unwrap()
}

fn named(kind: &str, name: &str, names: &[&str]) -> Vec<(String, bool)> {
    let report = examined(&source(kind, name), &with(&["api"], 50), names);
    let names = report.names.into_iter();
    names.map(|one| (one.name, one.refused.is_some())).collect()
}

#[test]
fn names_are_what_gitlab_takes() {
    let long = "x".repeat(300);
    for (name, expected, refused) in [
        ("web", "web", false),
        ("Web_1.2-x", "Web_1.2-x", false),
        ("sub/deep/web", "sub/deep/web", false),
        ("my  shop & more/web", "my-shop-more/web", false),
        ("grüße", "gr-e", false),
        ("_web_", "web", false),
        ("a--b__c", "a-b_c", false),
        ("web.git.atom", "web", false),
        ("a//b/", "a/b", false),
        ("../../etc", "//etc", true),
        ("a\0b\n\u{202e}", "a-b", false),
        ("日本/web", "/web", true),
        ("", "", true),
        ("/", "", true),
        ("..", "", true),
        ("blob", "blob", true),
        ("team/Wikis", "team/Wikis", true),
        ("blob/web", "blob/web", false),
        (long.as_str(), &long[..255], false),
    ] {
        let expected = (expected.to_owned(), refused);
        assert_eq!(named("group", "acme", &[name]), [expected], "{name:?}");
    }
    // Below a user there are no groups.
    assert_eq!(
        named("user", "dev", &["sub/web"]),
        [("sub-web".to_owned(), false)]
    );
}

#[test]
fn a_name_that_was_examined_stays() {
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
        ".atom",
        "..",
        "é",
        "%2f",
        "\u{1f600}",
        ".GIT",
        "x",
    ];
    let mut seed = 11_u64;
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
    let once = named(
        "group",
        "acme",
        &made.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let good: Vec<_> = once.iter().filter(|(_, refused)| !refused).collect();
    assert!(good.len() > 100);
    let again: Vec<_> = good.iter().map(|(name, _)| name.as_str()).collect();
    for ((once, _), (again, refused)) in good.iter().zip(named("group", "acme", &again)) {
        assert_eq!((once, false), (&again, refused));
        let mut parts = once.split('/');
        assert!(
            parts.all(|part| !part.is_empty() && part.len() <= 255),
            "{once}"
        );
    }
}

#[test]
fn what_is_known_of_the_rights_is_said() {
    let script = with(&["api"], 50);
    let report = examined(&source("group", "acme"), &script, &["sub/web"]);
    assert_eq!(report.identity, "access token of dev");
    assert_eq!(
        (report.scopes, report.rights),
        (vec!["api".to_owned()], vec!["Owner".to_owned()])
    );
    assert_eq!(report.missing_scopes, [""; 0]);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(
        (report.takes.push_bytes, report.takes.file_bytes),
        (None, None)
    );
    assert!(report.takes.no_refs_like_ids && report.takes.checks_objects);
    for request in script.requests() {
        assert_eq!(request.method, "GET");
    }
    for (scopes, role, name, missing) in [
        (
            &["read_api", "write_repository"][..],
            50,
            "web",
            &["api"][..],
        ),
        (&["api"], 40, "sub/web", &[]),
        (&["api"], 30, "web", &[]),
        (&["api"], 30, "sub/web", &["Maintainer"]),
        (&["api"], 20, "web", &["Developer"]),
        (
            &["read_api", "read_repository"],
            10,
            "web",
            &["api", "Developer"],
        ),
    ] {
        let report = examined(&source("group", "acme"), &with(scopes, role), &[name]);
        assert_eq!(report.missing_scopes, missing, "{scopes:?} {role}");
        assert_eq!(
            report.findings.len(),
            usize::from((30..50).contains(&role) && !missing.contains(&"Maintainer")),
            "{role}"
        );
    }
    let own = examined(&source("user", "dev"), &with(&["api"], 50), &[]);
    assert_eq!(own.rights, ["Owner"]);
}

#[test]
fn limits_are_those_that_are_told_or_documented() {
    let settings = json!({ "receive_max_input_size": 50, "repository_size_limit": 0 });
    let script = with(&["api"], 50).json(&at("application/settings"), 200, &settings);
    let takes = examined(&source("group", "acme"), &script, &[]).takes;
    assert_eq!(
        (takes.push_bytes, takes.repository_bytes),
        (Some(50 << 20), None)
    );
    let public = Source {
        api_url: "https://gitlab.com".into(),
        ..anonymous("group", "acme")
    };
    let script = Script::new().json(
        "https://gitlab.com/api/v4/groups/acme?with_projects=false",
        200,
        &group(5, "acme"),
    );
    let report = examined(&public, &script, &[]);
    assert_eq!(report.takes.push_bytes, Some(5 << 30));
    assert_eq!(report.findings[0].key, "password");
}

#[test]
fn what_is_not_told_is_left_open() {
    let script = server_with(&group(5, "acme"), &["granular"], 50);
    let report = examined(&source("group", "acme"), &script, &[]);
    assert_eq!(report.missing_scopes, [""; 0]);
    let said: Vec<_> = report
        .findings
        .iter()
        .map(|one| (one.severity, &*one.message))
        .collect();
    assert!(
        said.len() == 2 && said.iter().all(|one| one.0 == Severity::Info),
        "{said:?}"
    );
    let oauth = with_token("group", "acme", OAUTH);
    let report = examined(&oauth, &with(&["api"], 50), &[]);
    assert_eq!(report.findings.len(), 1);
}

#[test]
fn what_is_no_place_is_a_finding_about_the_key() {
    let of = |source: &Source| {
        let report = examined(source, &with(&["api"], 50), &["web"]);
        let mut errors = report.findings.into_iter();
        let error = errors.find(|one| one.severity == Severity::Error);
        error.map(|error| (error.key, error.hint.is_empty()))
    };
    for name in ["*", "eve", "nobody"] {
        assert_eq!(
            of(&source("", name)),
            Some(("name".to_owned(), false)),
            "{name}"
        );
    }
    assert_eq!(of(&source("", "dev")), None);
    assert_eq!(of(&source("", "acme")), None);
}

fn what(name: &str) -> CreateRequest {
    CreateRequest {
        name: name.into(),
        private: true,
        description: "The shop\nof acme".into(),
        ..CreateRequest::default()
    }
}

/// Requests that write: method, path and document.
fn sent(script: &Script) -> Vec<(String, String, Value)> {
    let all = script
        .requests()
        .into_iter()
        .filter(|one| one.method != "GET");
    all.map(|one| {
        let body = serde_json::from_slice(&one.body).unwrap_or_default();
        (one.method, one.url.replace(&at(""), ""), body)
    })
    .collect()
}

fn created(path: &str) -> Value {
    let mut made = entry(9, path);
    made["wiki_enabled"] = true.into();
    made["wiki_access_level"] = "enabled".into();
    made["description"] = "The shop".into();
    made
}

fn ok(status: u16, document: &Value) -> HttpResponse {
    answer_of(status, document, &[])
}

#[test]
fn it_is_private_in_the_request_that_makes_it() {
    let script = with(&["api"], 50).on("POST", &at("projects"), Ok(ok(201, &created("web"))));
    let web = open(&source("group", "acme"), &script)
        .create(&what("web"))
        .unwrap();
    assert_eq!(
        (&*web.id, &*web.full_name, &*web.description),
        ("9", "acme/web", "The shop")
    );
    assert_eq!(web.visibility, Visibility::Private);
    assert!(web.parts.len() == 1 && web.parts[0].kind == PartKind::Git);
    let document = json!({
        "name": "web", "path": "web", "namespace_id": 5, "visibility": "private",
        "description": "The shop of acme", "lfs_enabled": false, "builds_access_level": "disabled",
    });
    assert_eq!(
        sent(&script),
        [("POST".into(), "projects".into(), document)]
    );
    let more = CreateRequest {
        lfs: true,
        wiki: true,
        ..what("web")
    };
    let script = with(&["api"], 50).on("POST", &at("projects"), Ok(ok(201, &created("web"))));
    let web = open(&source("user", "dev"), &script).create(&more).unwrap();
    let wiki = web.part(&PartKind::Wiki).unwrap();
    assert!(wiki.url.ends_with("/acme/web.wiki.git"), "{}", wiki.url);
    let document = &sent(&script)[0].2;
    assert_eq!(
        (&document["lfs_enabled"], &document["namespace_id"]),
        (&json!(true), &Value::Null)
    );
}

fn subgroup() -> Value {
    group(6, "acme/sub")
}

#[test]
fn groups_are_made_private_where_they_are_missing() {
    let made = || Ok(ok(201, &created("web")));
    let script = with(&["api"], 50)
        .json(&group_at("acme%2Fsub"), 200, &subgroup())
        .on(
            "POST",
            &at("groups"),
            Ok(ok(201, &group(8, "acme/sub/deep"))),
        )
        .on("POST", &at("projects"), made());
    let opened = open(&source("group", "acme"), &script);
    opened.create(&what("sub/deep/web")).unwrap_err();
    // Nothing is taken for missing by an answer that is none of GitLab's.
    let script = script.json(&group_at("acme%2Fsub%2Fdeep"), 404, &not_found());
    open(&source("group", "acme"), &script)
        .create(&what("sub/deep/web"))
        .unwrap();
    let [group, project] = &sent(&script)[..] else {
        panic!("{:?}", sent(&script));
    };
    let document =
        json!({ "name": "deep", "path": "deep", "parent_id": 6, "visibility": "private" });
    assert_eq!((&*group.1, &group.2), ("groups", &document));
    assert_eq!(
        (&project.2["namespace_id"], &project.2["path"]),
        (&json!(8), &json!("web"))
    );
}

#[test]
fn a_group_that_another_call_makes_meanwhile_is_taken() {
    let taken = json!({ "message": { "path": ["has already been taken"] } });
    let script = with(&["api"], 50)
        .json(&group_at("acme%2Fsub"), 404, &not_found())
        .json(&group_at("acme%2Fsub"), 200, &subgroup())
        .on("POST", &at("groups"), Ok(ok(400, &taken)))
        .on("POST", &at("projects"), Ok(ok(201, &created("web"))));
    open(&source("group", "acme"), &script)
        .create(&what("sub/web"))
        .unwrap();
    assert_eq!(sent(&script)[1].2["namespace_id"], 6);
    // One that may not be made is the error.
    let script = with(&["api"], 50)
        .json(&group_at("acme%2Fsub"), 404, &not_found())
        .on(
            "POST",
            &at("groups"),
            Ok(ok(403, &json!({ "message": "403 Forbidden" }))),
        );
    let error = open(&source("group", "acme"), &script)
        .create(&what("sub/web"))
        .unwrap_err();
    assert_eq!(
        (error.kind, error.concerns),
        (ErrorKind::Forbidden, Concern::Source)
    );
}

#[test]
fn why_none_was_made_is_told_by_what_it_is_about() {
    let of = |answer: HttpResponse, is_there: bool| -> HosterError {
        let there = if is_there { 200 } else { 404 };
        let script = with(&["api"], 50)
            .on("POST", &at("projects"), Ok(answer))
            .json(&at("projects/acme%2Fweb"), there, &entry(1, "web"));
        let made: Result<Repository, _> =
            open(&source("group", "acme"), &script).create(&what("web"));
        made.unwrap_err()
    };
    let about = |key: &str| ok(400, &json!({ "message": { key: ["no"] } }));
    let taken = of(about("path"), true);
    assert_eq!(
        (taken.kind, taken.concerns, taken.status),
        (ErrorKind::Other, Concern::Repository, Some(400))
    );
    assert!(taken.message.contains("already there"), "{taken}");
    assert_eq!(of(about("path"), false).concerns, Concern::Repository);
    for (key, word) in [
        ("visibility_level", "private"),
        ("limit_reached", "no more"),
    ] {
        let rule = of(about(key), true);
        assert_eq!((rule.concerns, rule.permanent), (Concern::Source, true));
        assert!(rule.hint.contains(word), "{}", rule.hint);
    }
    for refused in [
        about("namespace"),
        ok(403, &json!({ "message": "403 Forbidden" })),
        ok(404, &not_found()),
    ] {
        let refused = of(refused, true);
        assert_eq!(
            (refused.kind, refused.concerns),
            (ErrorKind::Forbidden, Concern::Source)
        );
        assert!(refused.hint.contains("scope api"), "{}", refused.hint);
    }
    let limited = of(answer_of(429, &Value::Null, &[("retry-after", "7")]), true);
    assert_eq!(
        (limited.kind, limited.retry_after),
        (ErrorKind::RateLimited, Some(7))
    );
    assert_eq!(of(ok(502, &json!({})), true).kind, ErrorKind::Unavailable);
}

fn configured(
    script: &Script,
    what: ConfigureRequest,
) -> Result<Vec<(Severity, String)>, HosterError> {
    let what = ConfigureRequest {
        id: "9".into(),
        full_name: "acme/web".into(),
        ..what
    };
    let findings = open(&source("group", "acme"), script).configure(&what)?;
    Ok(findings
        .into_iter()
        .map(|one| (one.severity, one.message))
        .collect())
}

#[test]
fn each_thing_is_set_and_what_is_absent_stays() {
    let mut off = created("web");
    off["builds_access_level"] = "disabled".into();
    let script = with(&["api"], 50)
        .on("PUT", &at("projects/9"), Ok(ok(200, &off)))
        .on("POST", &at("projects/9/archive"), Ok(ok(201, &off)));
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
    let put = |document| ("PUT".to_owned(), "projects/9".to_owned(), document);
    let expected = [
        put(json!({ "builds_access_level": "disabled" })),
        put(json!({ "default_branch": "trunk" })),
        (
            "POST".to_owned(),
            "projects/9/archive".to_owned(),
            Value::Null,
        ),
    ];
    assert_eq!(sent(&script), expected);
}

#[test]
fn pipelines_that_cannot_be_switched_off_are_told() {
    let of = |answer: HttpResponse| {
        let script = with(&["api"], 50).on("PUT", &at("projects/9"), Ok(answer));
        configured(
            &script,
            ConfigureRequest {
                automation: Some(false),
                ..ConfigureRequest::default()
            },
        )
    };
    for answer in [
        ok(403, &json!({ "message": "403 Forbidden" })),
        ok(200, &created("web")),
    ] {
        let may = of(answer).unwrap();
        assert!(
            may[0].0 == Severity::Warning && may[0].1.contains("may start"),
            "{may:?}"
        );
    }
    assert_eq!(
        of(ok(404, &not_found())).unwrap_err().kind,
        ErrorKind::NotFound
    );
    let limited = of(answer_of(429, &Value::Null, &[("retry-after", "7")])).unwrap_err();
    assert_eq!(limited.kind, ErrorKind::RateLimited);
}

#[test]
fn it_is_removed_by_its_id_and_kept_for_some_days() {
    let what = RemoveRequest {
        id: "9".into(),
        full_name: "acme/web".into(),
        ..RemoveRequest::default()
    };
    let deleted = || Ok(ok(202, &json!({ "message": "202 Accepted" })));
    let script = with(&["api"], 50)
        .json(&at("projects/9"), 200, &created("web"))
        .on("DELETE", &at("projects/9"), deleted());
    let said = open(&source("group", "acme"), &script)
        .remove(&what)
        .unwrap();
    assert!(
        said.len() == 1 && said[0].message.contains("some days"),
        "{said:?}"
    );
    let script = with(&["api"], 50)
        .json(&at("projects/9"), 200, &created("web"))
        .json(&at("projects/9"), 404, &not_found())
        .on("DELETE", &at("projects/9"), deleted());
    assert!(
        open(&source("group", "acme"), &script)
            .remove(&what)
            .unwrap()
            .is_empty()
    );
    for id in ["9", "acme/web", "7"] {
        let script = with(&["api"], 50)
            .json(&at("projects/9"), 404, &not_found())
            .json(&at("projects/acme%2Fweb"), 200, &created("web"))
            .json(&at("projects/7"), 200, &created("web"));
        let what = RemoveRequest {
            id: id.into(),
            ..what.clone()
        };
        let error = open(&source("group", "acme"), &script)
            .remove(&what)
            .unwrap_err();
        assert_eq!(
            (error.kind, error.concerns),
            (ErrorKind::NotFound, Concern::Repository),
            "{id}"
        );
        assert!(sent(&script).is_empty(), "{id}");
    }
}
