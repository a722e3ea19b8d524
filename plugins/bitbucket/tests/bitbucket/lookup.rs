use forgekeep_plugin_sdk::{ErrorKind, HosterError, LookupRequest, Presence, Source};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::*;

const FEW: &str = "https://api.bitbucket.org/2.0/repositories/acme?pagelen=2";

fn url(number: u32) -> String {
    let uuid = uuid(number).replace('{', "%7B").replace('}', "%7D");
    format!("https://api.bitbucket.org/2.0/repositories/acme/{uuid}")
}

fn looked_up(status: u16, body: &Value) -> Result<Option<String>, ErrorKind> {
    let script = Script::new().json(&url(1), status, body);
    match open(good(), &script).lookup(&uuid(1)) {
        Ok(Presence::Present(repository)) => Ok(Some(repository.full_name)),
        Ok(Presence::Hidden) => Ok(None),
        Ok(Presence::Deleted { proof }) => panic!("nothing proves that: {proof}"),
        Err(error) => Err(error.kind),
    }
}

#[test]
fn a_repository_is_found_by_its_uuid() {
    let found = looked_up(200, &entry(1, "web"));
    assert_eq!(found.unwrap().as_deref(), Some("acme/web"));
}

#[test]
fn only_bitbuckets_own_404_means_hidden_and_none_means_deleted() {
    let error = json!({"type": "error", "error": {"message": "Repository not found"}});
    assert_eq!(looked_up(404, &error), Ok(None));
    let of_a_proxy = json!({"message": "no such route"});
    assert_eq!(looked_up(404, &of_a_proxy), Err(ErrorKind::NotFound));
    assert_eq!(looked_up(403, &error), Err(ErrorKind::Forbidden));
    assert_eq!(looked_up(401, &error), Err(ErrorKind::Credentials));
    let another = looked_up(200, &entry(2, "api"));
    assert_eq!(another, Err(ErrorKind::BadAnswer));
}

#[test]
fn what_is_no_uuid_is_not_asked_for() {
    let script = Script::new();
    for id in ["", "web", "../../user", "{}"] {
        assert!(open(good(), &script).lookup(id).is_err(), "{id}");
    }
    assert!(script.requests().is_empty());
}

/// What an administrator of acme is answered when repository 1 was deleted.
fn deleted() -> Script {
    Script::new()
        .json(&url(1), 404, &refusal())
        .json(
            MEMBERS,
            200,
            &json!({ "values": [member(2, "acme", true)] }),
        )
        .json(FEW, 200, &json!({ "values": [entry(2, "api")] }))
}

fn is_deleted(source: Source, script: &Script) -> bool {
    let presence = open(source, script).lookup(&uuid(1)).unwrap();
    match presence {
        Presence::Deleted { proof } => {
            assert!(proof.contains("acme/api"), "{proof}");
            true
        }
        Presence::Hidden => false,
        Presence::Present(_) => panic!("it is not there"),
    }
}

#[test]
fn an_administrator_who_is_shown_another_repository_proves_a_deletion() {
    let script = deleted();
    assert!(is_deleted(good(), &script));
    assert_eq!(urls(&script), [url(1).as_str(), MEMBERS, FEW]);
}

#[test]
fn many_lookups_ask_for_the_membership_once() {
    let script = deleted();
    let opened = open(good(), &script);
    for _ in 0..20 {
        let presence = opened.lookup(&uuid(1)).unwrap();
        assert!(matches!(presence, Presence::Deleted { .. }));
    }
    let asked = urls(&script);
    assert_eq!(asked.iter().filter(|url| *url == MEMBERS).count(), 1);
    assert_eq!(asked.len(), 41);
}

#[test]
fn others_than_an_administrator_by_an_api_token_prove_nothing() {
    let mut named = good();
    named.name = workspace_uuid(2);
    for source in [
        source("", "", ACCESS_TOKEN),
        source("devuser", "", "hunter2"),
        consumer(),
    ] {
        let granted = json!({ "access_token": "minted", "expires_in": 7200 });
        let script = deleted().on("POST", TOKENS, Ok(answered(200, &granted)));
        assert!(!is_deleted(source, &script));
        let asked = urls(&script);
        assert!(!asked.contains(&MEMBERS.to_owned()), "{asked:?}");
    }
    // A secret of unknown form is an API token if Bitbucket says so.
    let told = with_headers(
        answered(404, &refusal()),
        &[("x-credential-type", "api_token")],
    );
    let script = deleted().before(&url(1), Ok(told));
    assert!(is_deleted(
        source("devuser", "dev@example.com", "hunter2"),
        &script
    ));
}

/// What an administrator is answered, apart from one answer.
fn but(url: &str, status: u16, body: &Value) -> bool {
    let script = deleted().before(url, Ok(answered(status, body)));
    is_deleted(good(), &script)
}

#[test]
fn whatever_is_missing_from_the_proof_leaves_it_hidden() {
    let of_another = {
        let mut other = entry(2, "api");
        other["workspace"]["uuid"] = json!(workspace_uuid(9));
        other
    };
    for (what, url, status, body) in [
        (
            "a member",
            MEMBERS,
            200,
            json!({ "values": [member(2, "acme", false)] }),
        ),
        (
            "an administrator elsewhere",
            MEMBERS,
            200,
            json!({ "values": [member(3, "beta", true)] }),
        ),
        ("no member of any", MEMBERS, 200, json!({ "values": [] })),
        ("no scope for it", MEMBERS, 403, refusal()),
        ("an outage of it", MEMBERS, 500, refusal()),
        (
            "another form of it",
            MEMBERS,
            200,
            json!({ "values": [{ "administrator": true }] }),
        ),
        (
            "no true for an administrator",
            MEMBERS,
            200,
            json!({ "values": [{ "administrator": "true",
            "workspace": { "slug": "acme", "uuid": workspace_uuid(2) } }] }),
        ),
        // 2025-02-11: workspaces that existed, and what was in them, were not found.
        ("no workspace", FEW, 404, refusal()),
        ("an outage", FEW, 503, refusal()),
        ("a workspace marked as spam", FEW, 410, refusal()),
        ("an empty workspace", FEW, 200, json!({ "values": [] })),
        ("a web page", FEW, 200, json!("<html>")),
        (
            "nothing but itself",
            FEW,
            200,
            json!({ "values": [entry(1, "web")] }),
        ),
        (
            "itself and another",
            FEW,
            200,
            json!({ "values": [entry(1, "web"), entry(2, "api")] }),
        ),
        (
            "another workspace's",
            FEW,
            200,
            json!({ "values": [of_another] }),
        ),
        (
            "one without an id",
            FEW,
            200,
            json!({ "values": [{ "full_name": "acme/api" }] }),
        ),
    ] {
        assert!(!but(url, status, &body), "{what}");
    }
}

#[test]
fn with_all_workspaces_the_name_tells_which_one_to_look_in() {
    let in_all = |members: Value, full_name: &str| {
        let mut source = good();
        source.name = "*".into();
        let members = json!({ "values": members });
        let script = deleted().before(MEMBERS, Ok(answered(200, &members)));
        let presence = open(source, &script).look_up(&LookupRequest {
            id: uuid(1),
            full_name: full_name.into(),
            ..LookupRequest::default()
        });
        let deleted = matches!(presence.unwrap(), Presence::Deleted { .. });
        (deleted, urls(&script).len())
    };
    let both = || json!([member(2, "acme", true), member(3, "beta", true)]);
    assert_eq!(in_all(both(), "acme/web"), (true, 3));
    // A workspace that is gone as a whole proves nothing of what was in it.
    let beta = json!([member(3, "beta", true)]);
    assert_eq!(in_all(beta, "acme/web"), (false, 2));
    for no_name in ["", "web", "/web", "*/web", "a b/web"] {
        assert_eq!(in_all(both(), no_name), (false, 0), "{no_name}");
    }
}

#[test]
fn an_interruption_ends_a_lookup() {
    for url in [MEMBERS, FEW] {
        let interrupted = HosterError::new(ErrorKind::Cancelled, "interrupted");
        let script = deleted().before(url, Err(interrupted));
        let error = open(good(), &script).lookup(&uuid(1)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Cancelled);
    }
}
