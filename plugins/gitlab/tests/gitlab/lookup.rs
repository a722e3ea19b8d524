//! What becomes of one that is listed no more, and what proves a deletion.

use forgekeep_plugin_sdk::{LookupRequest, Presence};
use forgekeep_plugin_testkit::Script;
use serde_json::Value;

use crate::support::*;

const CLASSIC: [&str; 2] = ["read_api", "read_repository"];

/// A server on which project 1 is not found and this one is listed, and found as project 2.
fn telling(scopes: &[&str], role: u64, other: &Value) -> Script {
    let script = server_with(&group(5, "acme"), scopes, role);
    linked(script, &[vec![other.clone()]])
        .json(&at("projects/1"), 404, &not_found())
        .json(&at("projects/2"), 200, other)
}

fn look(script: &Script, begin: bool, id: &str) -> Presence {
    let opened = open(&source("group", "acme"), script);
    if begin {
        all_of(&opened);
    }
    let what = LookupRequest {
        id: id.into(),
        full_name: "acme/team/web".into(),
        ..LookupRequest::default()
    };
    opened.look_up(&what).unwrap()
}

#[test]
fn a_deletion_is_proved_by_an_owner_of_the_top_group_who_is_shown_another_project() {
    match look(&telling(&CLASSIC, 50, &entry(2, "api")), true, "1") {
        Presence::Deleted { proof } => assert!(proof.contains("acme/api"), "{proof}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_else_proves_nothing() {
    let api = entry(2, "api");
    let mut labelled = api.clone();
    labelled["external_authorization_classification_label"] = "secret".into();
    let not_shown = answer_of(404, &not_found(), &[]);
    let not_shown = telling(&CLASSIC, 50, &api).before(&at("projects/2"), Ok(not_shown));
    let page = "<html><title>Not Found</title></html>";
    let of_a_proxy = linked(server(), &[vec![api.clone()]])
        .body(&at("projects/1"), 404, "text/html", page)
        .json(&at("projects/2"), 200, &api);
    for (what, script, begin) in [
        ("a maintainer", telling(&CLASSIC, 40, &api), true),
        (
            "fine-grained",
            telling(&["granular", "read_repository"], 50, &api),
            true,
        ),
        ("a policy service", telling(&CLASSIC, 50, &labelled), true),
        (
            "listed by another process",
            telling(&CLASSIC, 50, &api),
            false,
        ),
        (
            "listed after all",
            telling(&CLASSIC, 50, &entry(1, "web")),
            true,
        ),
        ("the other one is not shown", not_shown, true),
    ] {
        assert_eq!(look(&script, begin, "1"), Presence::Hidden, "{what}");
    }
    let opened = open(&source("group", "acme"), &of_a_proxy);
    all_of(&opened);
    let what = LookupRequest {
        id: "1".into(),
        ..LookupRequest::default()
    };
    assert!(opened.look_up(&what).is_err());
    // Wikis of groups and snippets.
    for id in ["wiki/5", "snippet/1", ""] {
        let script = telling(&CLASSIC, 50, &api);
        assert_eq!(look(&script, true, id), Presence::Hidden);
    }
}

#[test]
fn one_that_answers_is_there_and_another_in_its_place_is_not() {
    let script = telling(&CLASSIC, 50, &entry(2, "api"));
    match look(&script, true, "2") {
        Presence::Present(found) => assert_eq!(found.full_name, "acme/api"),
        other => panic!("{other:?}"),
    }
    let script = script.json(&at("projects/3"), 200, &entry(2, "api"));
    assert_eq!(look(&script, true, "3"), Presence::Hidden);
}
