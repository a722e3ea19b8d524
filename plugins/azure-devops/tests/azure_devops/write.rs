//! What is asked of a target, and what writes to it.

use forgekeep_plugin_sdk::{
    CheckReport, Concern, ConfigureRequest, CreateRequest, ErrorKind, HosterError, HttpResponse,
    RemoveRequest, Severity, Source, TargetName, Visibility,
};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const WEB: &str = "5febef5a-833d-4e14-b9c0-14cb638f91e6";

fn target() -> Source {
    with(|source| {
        source.target = true;
        source.project = "shop".into();
    })
}

/// What every server has, and a project of this visibility.
fn having_project(visibility: &str) -> Script {
    let mut shop = project(SHOP, "shop");
    shop["visibility"] = visibility.into();
    server().json(&at("projects/shop"), 200, &shop)
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
    examine(&target(), &having_project("private"), names).names
}

#[test]
fn names_are_what_azure_takes() {
    let long = "ü".repeat(70);
    for (wanted, name, is_refused) in [
        ("web", "web", false),
        ("Sub/deep/Web", "Sub-deep-Web", false),
        ("große Straße", "große Straße", false),
        ("日本", "日本", false),
        ("_private", "private", false),
        (".github", "github", false),
        ("a..b.", "a..b", false),
        (" . _x . ", "x", false),
        ("a:b*c", "a-b-c", false),
        ("x\u{1f600}y", "x-y", false),
        ("x\u{202e}y\0\n", "x-y", false),
        (long.as_str(), &long[..128], false),
        ("..", "", true),
        ("$$$", "", true),
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
    let parts = [
        "",
        "a",
        "Z9",
        "-",
        ".",
        "..",
        "_",
        "/",
        " ",
        "ß",
        "日",
        "\0",
        "#",
        "\u{1f600}",
        "\u{2028}",
    ];
    let mut wanted = vec![format!("{}. _", "x".repeat(63))];
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
}

#[test]
fn who_is_signed_in_and_what_is_not_told() {
    let report = examine(&target(), &having_project("private"), &[]);
    assert_eq!(report.identity, "personal access token, as Dev");
    assert_eq!(report.missing_scopes, [""; 0]);
    assert_eq!(flaws(&report), [""; 0]);
    assert!(
        report.findings[0]
            .hint
            .contains("Code (read, write & manage)")
    );
    assert_eq!(report.takes.push_bytes, Some(5 << 30));
    assert_eq!(report.refuses.len(), 2);
    let elsewhere = Source {
        api_url: "https://devops.example.com/tfs".into(),
        ..target()
    };
    let base = "https://devops.example.com/tfs/acme/_apis";
    let script = Script::new().json(
        &format!("{base}/projects/shop?api-version=7.1"),
        200,
        &project(SHOP, "shop"),
    );
    let report = examine(&elsewhere, &script, &[]);
    assert_eq!((report.takes.push_bytes, flaws(&report)), (None, vec![]));
}

#[test]
fn keys_that_cannot_be_used_are_errors() {
    let no_project = json!({ "message": "TF200016: no such project", "typeKey": "ProjectDoesNotExistWithNameException" });
    let missing = server().json(&at("projects/shop"), 404, &no_project);
    let elsewhere = Script::new().otherwise(Ok(answer(
        404,
        &[("content-type", "text/html")],
        "<html></html>",
    )));
    let unset = with(|source| source.target = true);
    let mut anonymous = target();
    anonymous.secrets.clear();
    for (target, script, key) in [
        (unset, server(), "project"),
        (anonymous, server(), "password"),
        (target(), missing, "project"),
        (target(), elsewhere, "name"),
        (target(), having_project("public"), "project"),
    ] {
        let report = examine(&target, &script, &["a/b"]);
        assert_eq!(flaws(&report), [key]);
        assert_eq!(report.names[0].name, "a-b");
    }
    // Everybody of the tenant is more than those who are let in.
    let report = examine(&target(), &having_project("organization"), &[]);
    assert_eq!(report.findings[0].severity, Severity::Warning);
}

fn answer_to(status: u16, document: &Value) -> Result<HttpResponse, HosterError> {
    let mut answer = answer_of(document);
    answer.status = status;
    Ok(answer)
}

fn repositories() -> String {
    of(SHOP, "git/repositories")
}

fn request() -> CreateRequest {
    CreateRequest {
        name: "web".into(),
        private: true,
        ..CreateRequest::default()
    }
}

/// The body of the last request, which has this method and address.
fn sent(script: &Script, method: &str, address: &str) -> Value {
    let requests = script.requests();
    let last = requests.last().unwrap();
    assert_eq!((last.method.as_str(), last.url.as_str()), (method, address));
    assert_eq!(last.idempotent, method != "POST");
    serde_json::from_slice(&last.body).unwrap_or_default()
}

#[test]
fn a_repository_is_made_in_the_project() {
    let made = answer_to(201, &entry(WEB, "web"));
    let script = having_project("private").on("POST", &repositories(), made);
    let opened = open(&target(), &script);
    let found = opened.create(&request()).unwrap();
    let body = json!({ "name": "web", "project": { "id": SHOP } });
    assert_eq!(sent(&script, "POST", &repositories()), body);
    assert_eq!(
        (found.id.as_str(), found.full_name.as_str()),
        (WEB, "acme/shop/web")
    );
    assert_eq!(found.visibility, Visibility::Private);
    assert_eq!(found.parts[0].url, format!("{BASE}/{SHOP}/_git/{WEB}"));
    assert_eq!(found.parts.len(), 1);
    // The project was asked for once.
    let before = script.requests().len();
    opened.create(&request()).unwrap();
    assert_eq!(script.requests().len(), before + 1);
}

#[test]
fn nothing_private_is_made_in_a_public_project() {
    let made = answer_to(201, &entry(WEB, "web"));
    let script = having_project("public").on("POST", &repositories(), made);
    let error = open(&target(), &script).create(&request()).unwrap_err();
    assert_eq!((error.concerns, error.permanent), (Concern::Source, true));
    assert!(script.requests().iter().all(|one| one.method == "GET"));
}

#[test]
fn why_there_is_none_is_told() {
    for (status, kind, concerns) in [
        (409, ErrorKind::Other, Concern::Repository),
        (400, ErrorKind::Other, Concern::Repository),
        (403, ErrorKind::Forbidden, Concern::Source),
        (401, ErrorKind::Credentials, Concern::Source),
        (429, ErrorKind::RateLimited, Concern::Source),
    ] {
        let refused = json!({ "message": "TF400948: no", "typeKey": "SomeException" });
        let refused = answer_to(status, &refused);
        let script = having_project("private").on("POST", &repositories(), refused);
        let error = open(&target(), &script).create(&request()).unwrap_err();
        assert_eq!((error.kind, error.concerns), (kind, concerns), "{status}");
        assert_eq!(error.status, Some(status));
        let told = error.hint.contains("read, write & manage");
        assert_eq!(told, matches!(status, 401 | 403), "{error:?}");
    }
}

fn configure(
    what: &ConfigureRequest,
    answered: (u16, Value),
) -> (Result<Vec<String>, HosterError>, Script) {
    let address = of("shop", &format!("git/repositories/{WEB}"));
    let script = having_project("private");
    let script = script.on("PATCH", &address, answer_to(answered.0, &answered.1));
    let what = ConfigureRequest {
        id: WEB.into(),
        full_name: "acme/shop/web".into(),
        ..what.clone()
    };
    let notes = open(&target(), &script).configure(&what);
    let said = notes.map(|notes| notes.into_iter().map(|note| note.message).collect());
    (said, script)
}

#[test]
fn a_default_branch_is_set_and_read_back() {
    let trunk = ConfigureRequest {
        default_branch: Some("trunk".into()),
        ..ConfigureRequest::default()
    };
    let told = |branch: &str| {
        let mut told = entry(WEB, "web");
        told["defaultBranch"] = branch.into();
        (200, told)
    };
    let (notes, script) = configure(&trunk, told("refs/heads/trunk"));
    assert_eq!(notes, Ok(vec![]));
    let address = of("shop", &format!("git/repositories/{WEB}"));
    let body = json!({ "defaultBranch": "refs/heads/trunk" });
    assert_eq!(sent(&script, "PATCH", &address), body);
    let (notes, _) = configure(&trunk, told("refs/heads/main"));
    assert_eq!(notes.unwrap_err().concerns, Concern::Repository);
    let (notes, _) = configure(&trunk, (400, json!({ "message": "no such branch" })));
    assert_eq!(notes.unwrap_err().concerns, Concern::Repository);
}

#[test]
fn what_azure_does_not_have_is_told() {
    let what = ConfigureRequest {
        archived: Some(true),
        automation: Some(false),
        ..ConfigureRequest::default()
    };
    let (notes, script) = configure(&what, (500, json!({})));
    let notes = notes.unwrap();
    assert!(notes[0].starts_with("a push starts nothing"), "{notes:?}");
    assert!(notes[1].contains("archived"), "{notes:?}");
    assert_eq!(script.requests().len(), 0);
    assert_eq!(
        configure(&ConfigureRequest::default(), (500, json!({}))).0,
        Ok(vec![])
    );
}

#[test]
fn removed_by_its_id_alone() {
    let remove = |answered: &str, status: u16| {
        let address = of("shop", &format!("git/repositories/{WEB}"));
        let script = server().json(&address, 200, &entry(answered, "web")).on(
            "DELETE",
            &address,
            answer_to(status, &json!({})),
        );
        let what = RemoveRequest {
            id: WEB.into(),
            full_name: "acme/shop/web".into(),
            ..RemoveRequest::default()
        };
        let removed = open(&target(), &script).remove(&what);
        let requests = script.requests();
        let deletes = requests.iter().filter(|one| one.method == "DELETE").count();
        (
            removed.map(|notes| notes.len()).map_err(|error| error.kind),
            deletes,
        )
    };
    assert_eq!(remove(WEB, 204), (Ok(1), 1));
    assert_eq!(remove(WEB, 404), (Ok(1), 1));
    assert_eq!(remove(WEB, 403), (Err(ErrorKind::Forbidden), 1));
    assert_eq!(remove(SHOP, 204), (Err(ErrorKind::BadAnswer), 0));
}
