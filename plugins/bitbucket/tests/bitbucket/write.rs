//! Making, setting up and removing repositories; and what is asked before any of it.

use forgekeep_hoster_bitbucket::Bitbucket;
use forgekeep_plugin_sdk::{
    CheckReport, Concern, ConfigureRequest, CreateRequest, ErrorKind, Finding, HosterError,
    RemoveRequest, Severity, Source, Visibility,
};
use forgekeep_plugin_testkit::{Script, Testee};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const WEB: &str = "https://api.bitbucket.org/2.0/repositories/acme/web";
const MADE: &str =
    "https://api.bitbucket.org/2.0/repositories/acme/%7B00000001-0000-4000-8000-000000000000%7D";
const PROJECT: &str = "https://api.bitbucket.org/2.0/workspaces/acme/projects/OPS";

fn asked() -> Script {
    let counted = json!({ "values": [], "size": 0 });
    granting(&[("minted-token", 7200)]).json(PRIVATE, 200, &counted)
}

fn examine(source: Source, script: &Script, names: &[&str]) -> CheckReport {
    let report = open(source, script).examine(names).unwrap();
    assert!(
        script
            .requests()
            .iter()
            .all(|r| r.method == "GET" || r.url == TOKENS)
    );
    report
}

fn validated(source: &Source) -> Vec<Finding> {
    Testee::of::<Bitbucket>().validate(source).unwrap()
}

fn named(name: &str) -> (String, bool) {
    let report = examine(source("", "", ACCESS_TOKEN), &asked(), &[name]);
    let [name] = report.names.as_slice() else {
        panic!("{:?}", report.names);
    };
    (name.name.clone(), name.refused.is_some())
}

#[test]
fn names_become_slugs() {
    let long = "x".repeat(80);
    for (name, slug) in [
        ("web", "web"),
        ("Web-App_2.0", "web-app_2.0"),
        ("sub/deep/web", "sub-deep-web"),
        ("a b", "a-b"),
        ("a - b", "a-b"),
        ("a--b", "a-b"),
        ("-a-", "a"),
        ("a-.git", "a"),
        ("_a", "_a"),
        // Atlassian's own examples.
        ("føøbar", "foobar"),
        ("foo bar", "foo-bar"),
        ("a@b!-#c", "a-b-c"),
        (".github", ".github"),
        ("web.git", "web"),
        ("web.git.git", "web"),
        ("Größe", "grosse"),
        ("cafe\u{301}", "cafe"),
        ("/../etc/passwd", "..-etc-passwd"),
        ("a%2Fb?c#d\u{0}e\u{202e}f", "a-2fb-c-d-e-f"),
        ("\u{1F600} smile \u{1F600}", "smile"),
        (&long, &"x".repeat(62)),
    ] {
        assert_eq!(named(name), (slug.to_owned(), false), "{name:?}");
    }
    for name in ["", "日本語", "///", ".", "..", ".git", "\u{0}", "--"] {
        assert!(named(name).1, "{name:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_name_stays_what_it_became(name in "(\\PC|[-._/A-Za-z]){0,80}") {
        let (once, refused) = named(&name);
        prop_assert!(once.len() <= 62);
        if !refused {
            prop_assert_eq!(named(&once), (once, false));
        }
    }
}

#[test]
fn what_is_known_before_anything_is_made() {
    let scopes = |scopes: &str| {
        let answer = with_headers(
            answered(200, &json!({ "values": [], "size": 0 })),
            &[("x-oauth-scopes", scopes)],
        );
        let script = granting(&[("minted-token", 7200)]).answer(PRIVATE, Ok(answer));
        examine(consumer(), &script, &["web"]).missing_scopes
    };
    let all = "read:repository:bitbucket, write:repository:bitbucket, admin:repository:bitbucket";
    for (told, missing) in [
        (all, &[][..]),
        ("repository:write, repository:admin", &[]),
        ("repository:admin, pullrequest:write", &[]),
        // One does not imply the other.
        (
            "repository:admin, repository",
            &["write:repository:bitbucket"],
        ),
        ("repository:write", &["admin:repository:bitbucket"]),
        (
            "read:repository:bitbucket",
            &["admin:repository:bitbucket", "write:repository:bitbucket"],
        ),
        // Not told is not missing.
        ("", &[]),
    ] {
        assert_eq!(scopes(told), missing, "{told}");
    }
    let script = asked()
        .json(USER, 200, &json!({ "type": "user", "username": "devuser" }))
        .json(
            MEMBERS,
            200,
            &json!({ "values": [member(2, "acme", true)] }),
        );
    let report = examine(good(), &script, &["a", "b"]);
    assert_eq!(report.rights, ["administrator"]);
    assert_eq!(report.takes.repository_bytes, Some(4 << 30));
    assert_eq!(report.names.len(), 2);
    assert!(
        report
            .refuses
            .iter()
            .any(|refusal| refusal.contains("wiki"))
    );
}

#[test]
fn the_keys_of_a_target() {
    let worst = |change: fn(&mut Source), status: u16| {
        let mut source = source("", "", ACCESS_TOKEN);
        change(&mut source);
        let script = asked().json(PROJECT, status, &json!({ "type": "project", "key": "OPS" }));
        let report = examine(source, &script, &["web"]);
        assert_eq!(report.names[0].name, "web");
        let finding = report
            .findings
            .into_iter()
            .max_by_key(|finding| match finding.severity {
                Severity::Error => 2,
                Severity::Info if finding.key == "project" => 1,
                _ => 0,
            });
        finding
            .map(|finding| (finding.severity, finding.key))
            .unwrap()
    };
    let project = |source: &mut Source| source.project = "OPS".into();
    assert_eq!(worst(|_| {}, 200), (Severity::Info, "project".to_owned()));
    assert_eq!(worst(project, 200).1, "");
    assert_eq!(worst(project, 404), (Severity::Error, "project".to_owned()));
    assert_eq!(worst(project, 403), (Severity::Info, "project".to_owned()));
    let mut every = good();
    every.name = "*".into();
    for (mut source, key) in [(every, "name"), (source("", "", ""), "password")] {
        source.target = true;
        assert!(validated(&source).is_empty());
        let script = Script::new();
        let report = examine(source, &script, &["Web"]);
        assert_eq!(
            (report.findings[0].severity, report.findings[0].key.as_str()),
            (Severity::Error, key)
        );
        assert_eq!(report.names[0].name, "web");
        assert!(script.requests().is_empty());
    }
}

fn wanted() -> CreateRequest {
    CreateRequest {
        name: "web".into(),
        private: true,
        description: "The site".into(),
        lfs: false,
        wiki: true,
    }
}

/// The requests that were made with a body, or with another method than `GET`.
fn written(script: &Script) -> Vec<(String, String, Value)> {
    let requests = script.requests().into_iter();
    let writing = requests.filter(|request| request.method != "GET" && request.url != TOKENS);
    let read = |body: &[u8]| serde_json::from_slice(body).unwrap_or_default();
    writing
        .map(|one| (one.method, one.url, read(&one.body)))
        .collect()
}

#[test]
fn a_repository_is_private_in_the_request_that_makes_it() {
    for (project, named) in [("", None), (" OPS ", Some(json!({ "key": "OPS" })))] {
        let mut source = good();
        source.project = project.into();
        let mut made = entry(1, "web");
        made["mainbranch"] = Value::Null;
        made["description"] = "The site".into();
        made["has_wiki"] = true.into();
        let script = Script::new().on("POST", WEB, Ok(answered(200, &made)));
        let repository = open(source, &script).create(&wanted()).unwrap();
        assert_eq!(repository.id, uuid(1));
        assert_eq!(repository.full_name, "acme/web");
        assert_eq!(repository.description, "The site");
        assert_eq!(repository.visibility, Visibility::Private);
        assert_eq!(git(&repository).url, "https://bitbucket.org/acme/web.git");
        assert_eq!(git(&repository).default_branch, None);
        assert_eq!(repository.parts.len(), 1);
        let mut body = json!({ "scm": "git", "is_private": true, "description": "The site" });
        if let Some(named) = named {
            body["project"] = named;
        }
        assert_eq!(
            written(&script),
            [("POST".to_owned(), WEB.to_owned(), body)]
        );
        assert!(!script.requests()[0].idempotent);
    }
}

#[test]
fn one_that_is_public_all_the_same_is_given_as_it_is() {
    let mut made = entry(1, "web");
    made["is_private"] = false.into();
    let script = Script::new().on("POST", WEB, Ok(answered(200, &made)));
    let repository = open(good(), &script).create(&wanted()).unwrap();
    assert_eq!(repository.visibility, Visibility::Public);
}

fn failed(status: u16, fields: &Value, there: u16) -> HosterError {
    let mut body = refusal();
    body["error"]["fields"] = fields.clone();
    let script = Script::new()
        .on("POST", WEB, Ok(answered(status, &body)))
        .json(WEB, there, &refusal());
    let error = open(good(), &script).create(&wanted()).unwrap_err();
    assert_eq!(written(&script).len(), 1);
    error
}

#[test]
fn why_none_was_made() {
    let none = Value::Null;
    let fields = |name: &str| json!({ name: ["no"] });
    for (error, kind, concern, hint) in [
        (
            failed(400, &none, 200),
            ErrorKind::Other,
            Concern::Repository,
            "",
        ),
        (
            failed(400, &fields("name"), 403),
            ErrorKind::Other,
            Concern::Repository,
            "",
        ),
        (
            failed(400, &none, 404),
            ErrorKind::Forbidden,
            Concern::Source,
            "admin:repository",
        ),
        (
            failed(400, &fields("is_private"), 404),
            ErrorKind::Other,
            Concern::Source,
            "plan",
        ),
        (
            failed(400, &fields("project"), 404),
            ErrorKind::Other,
            Concern::Source,
            "project",
        ),
        (
            failed(400, &fields("description"), 404),
            ErrorKind::Other,
            Concern::Repository,
            "",
        ),
        (
            failed(401, &none, 404),
            ErrorKind::Credentials,
            Concern::Source,
            "",
        ),
        (
            failed(403, &none, 404),
            ErrorKind::Forbidden,
            Concern::Source,
            "admin:repository",
        ),
        (
            failed(404, &none, 404),
            ErrorKind::NotFound,
            Concern::Source,
            "name",
        ),
        (
            failed(429, &none, 404),
            ErrorKind::RateLimited,
            Concern::Source,
            "",
        ),
        (
            failed(500, &none, 404),
            ErrorKind::Unavailable,
            Concern::Other,
            "",
        ),
    ] {
        assert_eq!(
            (&error.kind, &error.concerns),
            (&kind, &concern),
            "{error:?}"
        );
        assert!(error.hint.contains(hint), "{error:?}");
        assert!(error.status.is_some(), "{error:?}");
    }
    let taken = failed(400, &none, 200);
    assert_eq!(taken.message, "a repository of this name is already there");
}

#[test]
fn a_token_that_has_ended_is_renewed_for_what_writes_too() {
    let script = granting(&[("first-token", 7200), ("second-token", 7200)])
        .on("POST", WEB, Ok(answered(401, &refusal())))
        .on("POST", WEB, Ok(answered(200, &entry(1, "web"))));
    open(consumer(), &script).create(&wanted()).unwrap();
    assert_eq!(written(&script).len(), 2);
}

fn setting(change: fn(&mut ConfigureRequest)) -> ConfigureRequest {
    let mut what = ConfigureRequest {
        id: uuid(1),
        full_name: "acme/web".into(),
        ..ConfigureRequest::default()
    };
    change(&mut what);
    what
}

#[test]
fn a_default_branch_is_set_by_the_uuid_and_read_back() {
    let what = setting(|what| what.default_branch = Some("trunk".into()));
    for (branch, id, is_set) in [("trunk", 1, true), ("main", 1, false), ("trunk", 2, false)] {
        let mut set = entry(id, "web");
        set["mainbranch"]["name"] = branch.into();
        let script = Script::new().on("PUT", MADE, Ok(answered(200, &set)));
        let done = open(good(), &script).configure(&what);
        assert_eq!(done.is_ok(), is_set, "{done:?}");
        let body = json!({ "mainbranch": { "name": "trunk" } });
        assert_eq!(
            written(&script),
            [("PUT".to_owned(), MADE.to_owned(), body)]
        );
    }
    let script = Script::new().on("PUT", MADE, Ok(answered(403, &refusal())));
    let error = open(good(), &script).configure(&what).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    let script = Script::new().on("PUT", MADE, Ok(answered(404, &refusal())));
    let error = open(good(), &script).configure(&what).unwrap_err();
    assert_eq!(
        (error.concerns, error.permanent),
        (Concern::Repository, false)
    );
    let other = ConfigureRequest {
        id: "web".into(),
        ..what
    };
    let script = Script::new();
    assert!(open(good(), &script).configure(&other).is_err());
    assert!(script.requests().is_empty());
}

#[test]
fn pipelines_are_off_before_anything_is_pushed() {
    let url = format!("{MADE}/pipelines_config");
    let what = setting(|what| what.automation = Some(false));
    let off = json!({ "type": "repository_pipelines_configuration", "enabled": false });
    let on = json!({ "type": "repository_pipelines_configuration", "enabled": true });
    for (status, now, put, writes, severity) in [
        (404, &off, 200, 0, Severity::Info),
        (200, &off, 200, 0, Severity::Info),
        (200, &on, 200, 1, Severity::Info),
        (200, &on, 403, 1, Severity::Warning),
        (403, &off, 200, 0, Severity::Warning),
    ] {
        let script = Script::new()
            .json(&url, status, now)
            .on("PUT", &url, Ok(answered(put, &off)));
        let findings = open(good(), &script).configure(&what).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].severity, severity, "{status} {now}");
        let writing = written(&script);
        assert_eq!(writing.len(), writes);
        assert!(
            writing
                .iter()
                .all(|one| one.2 == json!({ "enabled": false }))
        );
    }
    let archived = setting(|what| what.archived = Some(true));
    let script = Script::new();
    let findings = open(good(), &script).configure(&archived).unwrap();
    assert_eq!((findings.len(), script.requests().len()), (1, 0));
    assert!(
        open(good(), &script)
            .configure(&setting(|_| {}))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_repository_is_removed_by_its_uuid() {
    let what = RemoveRequest {
        id: uuid(1),
        full_name: "acme/web".into(),
        ..RemoveRequest::default()
    };
    for (status, is_done) in [(204, true), (404, true), (403, false), (500, false)] {
        let script = Script::new().on("DELETE", MADE, Ok(answered(status, &refusal())));
        let removed = open(good(), &script).remove(&what);
        assert_eq!(removed.is_ok(), is_done, "{status}");
        if status == 403 {
            assert!(
                removed
                    .unwrap_err()
                    .hint
                    .contains("delete:repository:bitbucket")
            );
        }
        assert_eq!(written(&script).len(), 1);
    }
    let other = RemoveRequest {
        id: "web".into(),
        ..what
    };
    assert!(open(good(), &Script::new()).remove(&other).is_err());
}
