//! What is asked of a target, and what writes to it.

use forgekeep_plugin_sdk::{
    CheckReport, Concern, ConfigureRequest, CreateRequest, ErrorKind, HosterError, HttpResponse,
    PartKind, RemoveRequest, Repository, Severity, Source, TargetName, Visibility,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const ALL: [&str; 2] = ["write:repository", "write:organization"];

fn target(kind: &str, name: &str) -> Source {
    Source {
        target: true,
        ..source(kind, name)
    }
}

fn with_scopes(scopes: &[&str]) -> Script {
    let rights = json!({ "is_owner": false, "can_read": true, "can_create_repository": true });
    with_rights(&token(scopes, &Value::Null), &rights)
}

fn with_rights(token: &Value, rights: &Value) -> Script {
    let tokens = at("users/dev/tokens?page=1&limit=50");
    server()
        .json(&tokens, 200, &json!([token]))
        .json(&at("users/dev/tokens?page=2&limit=50"), 200, &json!([]))
        .json(&at("users/dev/orgs/acme/permissions"), 200, rights)
}

fn examine(target: &Source, script: &Script, names: &[&str]) -> CheckReport {
    let report = open(target, script).examine(names).unwrap();
    assert!(script.requests().iter().all(|one| one.method == "GET"));
    report
}

/// The keys of what cannot work.
fn flaws(report: &CheckReport) -> Vec<&str> {
    let all = report.findings.iter();
    let errors = all.filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.key.as_str()).collect()
}

fn named(names: &[&str]) -> Vec<TargetName> {
    examine(&target("org", "acme"), &with_scopes(&ALL), names).names
}

#[test]
fn names_are_what_servers_take() {
    let long = "x".repeat(120);
    for (wanted, name, is_refused) in [
        ("web", "web", false),
        ("Sub/deep/Web", "Sub-deep-Web", false),
        (".github", ".github", false),
        ("my_app-2.0", "my_app-2.0", false),
        ("große Straße", "gro-e-Stra-e", false),
        ("a..b", "a.b", false),
        (long.as_str(), &long[..100], false),
        ("x\u{202e}y\0\n", "x-y", false),
        ("日本", "", true),
        ("-", "-", true),
        (".", ".", true),
        ("..", ".", true),
        ("../../etc", ".-.-etc", false),
        ("web.git", "web.git", true),
        ("shop.WIKI", "shop.WIKI", true),
        ("news.rss", "news.rss", true),
        ("news.atom", "news.atom", true),
    ] {
        let [found] = &named(&[wanted])[..] else {
            panic!("{wanted}");
        };
        assert_eq!(found.name, name, "{wanted:?}");
        assert_eq!(found.refused.is_some(), is_refused, "{wanted:?}");
    }
}

#[test]
fn the_name_of_a_name_is_the_same() {
    // Every pair of these, so that joints meet at each kind of character.
    let parts = [
        "",
        "a",
        "Z9",
        "-",
        "--",
        ".",
        "..",
        "_",
        "/",
        " ",
        "ß",
        "日",
        "\0",
        ".git",
        "\u{1f600}",
    ];
    let mut wanted = Vec::new();
    for first in parts {
        for second in parts {
            for third in parts {
                wanted.push(format!("{first}{second}{third}"));
            }
        }
    }
    let once = named(&wanted.iter().map(String::as_str).collect::<Vec<_>>());
    let again = named(&once.iter().map(|one| one.name.as_str()).collect::<Vec<_>>());
    assert_eq!(once, again);
    let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(once.iter().all(|one| one.name.chars().all(takes)));
}

#[test]
fn rights_are_told_and_what_is_missing_is_named() {
    let report = examine(&target("org", "acme"), &with_scopes(&ALL), &[]);
    assert_eq!(report.identity, "access token of dev");
    assert_eq!(report.account_id.as_deref(), Some("7"));
    assert_eq!(report.scopes, ALL);
    assert_eq!(report.missing_scopes, [""; 0]);
    assert_eq!(report.rights, ["can_create_repository", "can_read"]);
    assert_eq!(flaws(&report), [""; 0]);
    let report = examine(&target("org", "acme"), &with_scopes(&["all"]), &[]);
    assert_eq!(report.missing_scopes, [""; 0]);
    let scopes = ["read:organization", "write:repository", "read:user"];
    let report = examine(&target("org", "acme"), &with_scopes(&scopes), &[]);
    assert_eq!(report.missing_scopes, ["write:organization"]);
    let report = examine(&target("user", "dev"), &with_scopes(&scopes), &[]);
    assert_eq!(report.missing_scopes, ["write:user"]);
    let script = with_rights(
        &token(&ALL, &Value::Null),
        &json!({ "can_create_repository": false }),
    );
    let report = examine(&target("org", "acme"), &script, &[]);
    assert_eq!(report.missing_scopes, ["can_create_repository"]);
}

#[test]
fn what_is_not_told_is_left_open() {
    let report = examine(&target("org", "acme"), &server(), &["web"]);
    assert_eq!(report.missing_scopes, [""; 0]);
    assert_eq!((report.room, report.repositories), (None, None));
    let said: Vec<_> = report.findings.iter().map(|one| &one.message).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("whether the account may make repositories"));
    assert_eq!(flaws(&report), [""; 0]);
}

#[test]
fn a_scope_that_is_refused_says_which_are_needed() {
    let words = "token does not have at least one of required scope(s): [read:organization]";
    let refused = json!({ "message": words });
    let script = Script::new()
        .json(&at("version"), 200, &json!({ "version": "1.25.2" }))
        .json(&at("orgs/acme"), 403, &refused);
    let opened = open(&target("org", "acme"), &script);
    let error = opened.examine(&[]).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.hint.contains("write:organization"), "{error:?}");
}

#[test]
fn keys_that_cannot_be_used_are_errors() {
    let chosen = json!([{ "id": 1, "name": "web", "owner": "acme", "full_name": "acme/web" }]);
    let rights = json!({});
    let chosen = with_rights(&token(&["all"], &chosen), &rights);
    let public = with_scopes(&["all", "public-only"]);
    let gogs = Script::new().json(&at("orgs/acme"), 200, &organisation(5, "acme"));
    let nobody = server().json(&at("users/nobody"), 404, &not_found());
    let mut anonymous = target("org", "acme");
    anonymous.secrets.clear();
    for (target, script, key) in [
        (target("", "*"), server(), "name"),
        (anonymous, server(), "password"),
        (target("org", "acme"), gogs, "apiUrl"),
        (target("", "nobody"), nobody, "name"),
        (target("user", "eve"), server(), "name"),
        (target("org", "acme"), chosen, "password"),
        (target("org", "acme"), public, "password"),
    ] {
        let report = examine(&target, &script, &["web"]);
        assert_eq!(flaws(&report), [key], "{}", target.name);
        assert_eq!(report.names[0].name, "web");
    }
}

#[test]
fn a_quota_leaves_what_its_best_group_leaves() {
    let rule = |limit: i64, subject: &str| json!({ "limit": limit, "subjects": [subject] });
    let room = |groups: &[Vec<Value>]| {
        let groups: Vec<_> = groups
            .iter()
            .map(|rules| json!({ "name": "g", "rules": rules }))
            .collect();
        let used =
            json!({ "size": { "repos": { "private": 200, "public": 50 }, "git": { "LFS": 10 } } });
        let quota = json!({ "groups": groups, "used": used });
        let script = with_scopes(&ALL).json(&at("orgs/acme/quota"), 200, &quota);
        examine(&target("org", "acme"), &script, &[]).room
    };
    assert_eq!(room(&[vec![rule(1000, "size:all")]]), Some(740));
    let two = vec![rule(1000, "size:all"), rule(500, "size:repos:all")];
    assert_eq!(room(std::slice::from_ref(&two)), Some(240));
    assert_eq!(
        room(&[two.clone(), vec![rule(900, "size:git:all")]]),
        Some(640)
    );
    assert_eq!(room(&[two.clone(), vec![rule(-1, "size:all")]]), None);
    assert_eq!(room(&[two, vec![rule(5, "size:assets:all")]]), None);
    assert_eq!(room(&[vec![rule(100, "size:all")]]), Some(0));
    assert_eq!(room(&[]), None);
}

fn answer_to(status: u16, document: &Value) -> Result<HttpResponse, HosterError> {
    let mut answer = answer(&[], &[]);
    (answer.status, answer.body) = (status, document.to_string().into());
    Ok(answer)
}

fn made(private: bool, has_wiki: bool) -> Value {
    let mut made = entry(9, "web", &organisation(5, "acme"));
    made["private"] = private.into();
    made["has_wiki"] = has_wiki.into();
    made["description"] = "The\nshop".into();
    made
}

fn request() -> CreateRequest {
    CreateRequest {
        name: "web".into(),
        private: true,
        description: " The\r\nshop ".into(),
        ..CreateRequest::default()
    }
}

/// The body of the last request, which has this method and path.
fn sent(script: &Script, method: &str, path: &str) -> Value {
    let requests = script.requests();
    let last = requests.last().unwrap();
    assert_eq!(
        (last.method.as_str(), last.url.as_str()),
        (method, at(path).as_str())
    );
    assert_eq!(last.idempotent, method != "POST");
    serde_json::from_slice(&last.body).unwrap_or_default()
}

#[test]
fn a_repository_is_private_in_the_request_that_makes_it() {
    for (target, path) in [
        (target("org", "acme"), "orgs/acme/repos"),
        (target("", "dev"), "user/repos"),
    ] {
        let script = server().on("POST", &at(path), answer_to(201, &made(true, true)));
        let opened = open(&target, &script);
        let found = opened.create(&request()).unwrap();
        let body = json!({ "name": "web", "private": true, "description": "The shop", "auto_init": false });
        assert_eq!(sent(&script, "POST", path), body);
        assert_eq!(
            (found.id.as_str(), found.full_name.as_str()),
            ("9", "acme/web")
        );
        assert_eq!(found.visibility, Visibility::Private);
        assert_eq!(found.description, "The shop");
        // Whose the name is was asked once.
        let before = script.requests().len();
        opened.create(&request()).unwrap();
        assert_eq!(script.requests().len(), before + 1);
    }
}

#[test]
fn one_that_is_public_all_the_same_is_told_as_it_is() {
    let script = server().on(
        "POST",
        &at("orgs/acme/repos"),
        answer_to(201, &made(false, false)),
    );
    let found = open(&target("org", "acme"), &script)
        .create(&request())
        .unwrap();
    assert_eq!(found.visibility, Visibility::Public);
}

fn wiki_of(found: &Repository) -> Option<&str> {
    found.part(&PartKind::Wiki).map(|part| part.url.as_str())
}

#[test]
fn a_wiki_gets_a_first_page_if_it_has_none() {
    let with_wiki = CreateRequest {
        wiki: true,
        ..request()
    };
    let address = format!("{WEB}/acme/web.wiki.git");
    for (has_wiki, expected) in [(true, Some(address.as_str())), (false, None)] {
        let script = server().on(
            "POST",
            &at("orgs/acme/repos"),
            answer_to(201, &made(true, has_wiki)),
        );
        let found = open(&target("org", "acme"), &script).create(&with_wiki);
        assert_eq!(wiki_of(&found.unwrap()), expected);
    }
    let what = ConfigureRequest {
        id: "7".into(),
        full_name: "acme/web".into(),
        wiki: Some(true),
        ..ConfigureRequest::default()
    };
    let configure = |pages: u16, status: u16| {
        let script = server()
            .json(&at("repos/acme/web/wiki/pages"), pages, &json!([]))
            .on(
                "POST",
                &at("repos/acme/web/wiki/new"),
                answer_to(status, &json!({})),
            );
        let done = open(&target("org", "acme"), &script).configure(&what);
        (done, script)
    };
    let (done, script) = configure(404, 201);
    done.unwrap();
    assert_eq!(
        sent(&script, "POST", "repos/acme/web/wiki/new")["title"],
        "Home"
    );
    assert!(configure(404, 403).0.is_err());
    // It has pages: nothing is written.
    assert!(configure(200, 403).0.unwrap().is_empty());
}

#[test]
fn why_there_is_none_is_told() {
    for (status, kind, concerns) in [
        (409, ErrorKind::Other, Concern::Repository),
        (422, ErrorKind::Other, Concern::Repository),
        (403, ErrorKind::Forbidden, Concern::Source),
        (413, ErrorKind::Other, Concern::Source),
        (401, ErrorKind::Credentials, Concern::Source),
        (429, ErrorKind::RateLimited, Concern::Source),
    ] {
        let script = server().on(
            "POST",
            &at("orgs/acme/repos"),
            answer_to(status, &json!({})),
        );
        let error = open(&target("org", "acme"), &script)
            .create(&request())
            .unwrap_err();
        assert_eq!((error.kind, error.concerns), (kind, concerns), "{status}");
        assert_eq!(error.status, Some(status));
        assert_eq!(
            error.hint.contains("write:organization"),
            status == 403,
            "{error:?}"
        );
    }
}

#[test]
fn nothing_is_made_for_another_user() {
    let script = server().on(
        "POST",
        &at("user/repos"),
        answer_to(201, &made(true, false)),
    );
    let error = open(&target("user", "eve"), &script)
        .create(&request())
        .unwrap_err();
    assert_eq!(error.concerns, Concern::Source);
    assert!(script.requests().iter().all(|one| one.method == "GET"));
}

fn configure(
    what: &ConfigureRequest,
    answers: &[(u16, Value)],
) -> (Result<Vec<Severity>, HosterError>, Script) {
    let address = at("repos/acme/web");
    let script = answers.iter().fold(server(), |script, (status, document)| {
        script.on("PATCH", &address, answer_to(*status, document))
    });
    let what = ConfigureRequest {
        full_name: "acme/web".into(),
        ..what.clone()
    };
    let notes = open(&target("org", "acme"), &script).configure(&what);
    let severities = notes.map(|notes| notes.into_iter().map(|note| note.severity).collect());
    (severities, script)
}

#[test]
fn what_is_present_is_set_and_nothing_else() {
    let (notes, script) = configure(&ConfigureRequest::default(), &[]);
    assert_eq!((notes, script.requests().len()), (Ok(vec![]), 0));
    let branch = ConfigureRequest {
        default_branch: Some("trunk".into()),
        ..Default::default()
    };
    let trunk = json!({ "id": 9, "default_branch": "trunk" });
    let (notes, script) = configure(&branch, &[(200, trunk.clone())]);
    assert_eq!(notes, Ok(vec![]));
    assert_eq!(
        sent(&script, "PATCH", "repos/acme/web"),
        json!({ "default_branch": "trunk" })
    );
    let archived = ConfigureRequest {
        archived: Some(true),
        ..Default::default()
    };
    let (_, script) = configure(&archived, &[(200, trunk)]);
    assert_eq!(
        sent(&script, "PATCH", "repos/acme/web"),
        json!({ "archived": true })
    );
    // Passed over without a word, as of a branch that is not there.
    let (notes, _) = configure(
        &branch,
        &[(200, json!({ "id": 9, "default_branch": "main" }))],
    );
    assert_eq!(notes.unwrap_err().concerns, Concern::Repository);
    let (notes, _) = configure(&branch, &[(403, json!({}))]);
    let error = notes.unwrap_err();
    assert_eq!(
        (error.kind, error.concerns),
        (ErrorKind::Forbidden, Concern::Repository)
    );
}

#[test]
fn actions_are_switched_off_first_or_it_is_told() {
    let off = ConfigureRequest {
        automation: Some(false),
        archived: Some(true),
        ..Default::default()
    };
    let told = |has: Value| (200, json!({ "id": 9, "has_actions": has }));
    let (notes, script) = configure(&off, &[told(json!(false)), told(json!(false))]);
    assert_eq!(notes, Ok(vec![Severity::Info]));
    let bodies: Vec<Value> = script
        .requests()
        .iter()
        .map(|one| serde_json::from_slice(&one.body).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [json!({ "has_actions": false }), json!({ "archived": true })]
    );
    let only = ConfigureRequest {
        automation: Some(false),
        ..Default::default()
    };
    // A server that has no such unit.
    assert_eq!(
        configure(&only, &[(200, json!({ "id": 9 }))]).0,
        Ok(vec![Severity::Info])
    );
    assert_eq!(
        configure(&only, &[told(json!(true))]).0,
        Ok(vec![Severity::Warning])
    );
    assert_eq!(
        configure(&only, &[(403, json!({}))]).0,
        Ok(vec![Severity::Warning])
    );
    assert!(configure(&only, &[(404, json!({}))]).0.is_err());
}

#[test]
fn removed_by_its_id_alone() {
    let remove = |id: &str, answered: &Value, status: u16| {
        let script = server()
            .json(&at(&format!("repositories/{id}")), 200, answered)
            .on(
                "DELETE",
                &at("repos/acme/web"),
                answer_to(status, &json!({})),
            );
        let what = RemoveRequest {
            id: id.into(),
            full_name: "acme/old".into(),
            ..Default::default()
        };
        let removed = open(&target("org", "acme"), &script).remove(&what);
        let deletes = script
            .requests()
            .iter()
            .filter(|one| one.method == "DELETE")
            .count();
        (removed.map_err(|error| error.kind), deletes)
    };
    let web = made(true, false);
    assert_eq!(remove("9", &web, 204), (Ok(vec![]), 1));
    assert_eq!(remove("9", &web, 404), (Ok(vec![]), 1));
    assert_eq!(remove("9", &web, 403), (Err(ErrorKind::Forbidden), 1));
    assert_eq!(remove("8", &web, 204), (Err(ErrorKind::BadAnswer), 0));
}
