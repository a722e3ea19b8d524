use std::collections::HashSet;

use forgekeep_plugin_sdk_draft::error_kind;
use forgekeep_plugin_testkit_draft::Script;
use proptest::prelude::*;
use serde_json::json;

use crate::support::*;

fn page_url(number: usize) -> String {
    if number == 0 {
        FIRST.to_owned()
    } else {
        format!("{API}/2.0/repositories/acme?pagelen=100&ctx=opaque%2F{number}%3D")
    }
}

#[test]
fn follows_opaque_links_to_the_end() {
    let script = Script::new()
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a")], "size": 3, "next": page_url(7) }),
        )
        .json(
            &page_url(7),
            200,
            &json!({ "values": [entry(2, "b")], "next": page_url(3) }),
        )
        .json(
            &page_url(3),
            200,
            &json!({ "values": [entry(3, "c")], "next": null }),
        );
    let mut session = open(good(), &script);
    let (pages, error) = all(&mut *session);
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/a", "acme/b", "acme/c"]);
    assert!(pages.iter().all(|page| page.notes.is_empty()));
    assert!(pages.iter().all(|page| page.total == Some(3).into()));
    assert!(session.next_page().unwrap().is_none());
    for request in script.requests() {
        assert_eq!(request.method.as_str(), "GET");
        assert_eq!(
            shown(&request.authorization),
            format!("basic dev@example.com:{API_TOKEN}")
        );
    }
}

#[test]
fn a_repository_on_two_pages_is_listed_once() {
    let script = Script::new()
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a"), entry(2, "b"), entry(1, "a")], "next": page_url(1) }),
        )
        .json(
            &page_url(1),
            200,
            &json!({ "values": [entry(2, "b-renamed"), entry(3, "c")] }),
        );
    let (pages, error) = all(&mut *open(good(), &script));
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/a", "acme/b", "acme/c"]);
}

#[test]
fn a_link_to_another_origin_is_not_followed_and_costs_no_repository() {
    for next in [
        "https://evil.example/2.0/repositories/acme?page=2",
        "http://api.bitbucket.org/2.0/repositories/acme?page=2",
        "https://api.bitbucket.org:8443/2.0/repositories/acme?page=2",
        "/2.0/repositories/acme?page=2",
        "",
    ] {
        let script = Script::new().json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a")], "next": next }),
        );
        let mut session = open(good(), &script);
        let (pages, error) = all(&mut *session);
        assert_eq!(names(&pages), ["acme/a"]);
        assert_eq!(error.unwrap().kind, error_kind::BAD_ANSWER, "{next}");
        assert_eq!(script.requests().len(), 1);
        assert!(
            session.next_page().is_err(),
            "an error must not turn into an end"
        );
    }
}

#[test]
fn a_cycle_ends_as_an_error() {
    let script = Script::new()
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a")], "next": page_url(1) }),
        )
        .json(
            &page_url(1),
            200,
            &json!({ "values": [entry(2, "b")], "next": FIRST }),
        );
    let (pages, error) = all(&mut *open(good(), &script));
    assert_eq!(names(&pages), ["acme/a", "acme/b"]);
    assert_eq!(error.unwrap().kind, error_kind::BAD_ANSWER);
}

#[test]
fn a_failure_in_the_middle_is_an_error_not_an_end() {
    let script = Script::new()
        .json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a")], "next": page_url(1) }),
        )
        .json(&page_url(1), 503, &json!({}));
    let mut session = open(good(), &script);
    let (pages, error) = all(&mut *session);
    assert_eq!(names(&pages), ["acme/a"]);
    assert_eq!(error.unwrap().kind, error_kind::UNAVAILABLE);
    assert_eq!(
        session.next_page().unwrap_err().kind,
        error_kind::UNAVAILABLE
    );
}

#[test]
fn an_interruption_ends_the_listing() {
    let script = Script::new().json(FIRST, 200, &json!({ "values": [entry(1, "a")] }));
    let mut session = open(good(), &script);
    script.cancel();
    assert_eq!(session.next_page().unwrap_err().kind, error_kind::CANCELLED);
    assert!(script.requests().is_empty());
}

#[test]
fn no_secret_is_logged() {
    let script = Script::new().json(FIRST, 200, &json!({ "values": [entry(1, "a")] }));
    all(&mut *open(good(), &script));
    assert!(!script.log().is_empty());
    assert!(
        script
            .log()
            .iter()
            .all(|(_, line)| !line.contains(API_TOKEN))
    );
}

#[derive(Clone, Debug)]
enum Next {
    Page(usize),
    Elsewhere,
    NoUrl,
    End,
}

fn graph() -> impl Strategy<Value = Vec<(Vec<u32>, Next)>> {
    (1usize..12).prop_flat_map(|length| {
        let next = prop_oneof![
            6 => (0..length).prop_map(Next::Page),
            1 => Just(Next::Elsewhere),
            1 => Just(Next::NoUrl),
            2 => Just(Next::End),
        ];
        prop::collection::vec((prop::collection::vec(0u32..20, 0..6), next), length)
    })
}

proptest! {
    #[test]
    fn any_listing_ends_and_repeats_nothing(graph in graph()) {
        let mut script = Script::new();
        for (number, (repositories, next)) in graph.iter().enumerate() {
            let values: Vec<_> = repositories
                .iter()
                .map(|number| entry(*number, &format!("r{number}")))
                .collect();
            let next = match next {
                Next::Page(number) => json!(page_url(*number)),
                Next::Elsewhere => json!("https://evil.example/"),
                Next::NoUrl => json!("::"),
                Next::End => json!(null),
            };
            script = script.json(&page_url(number), 200, &json!({ "values": values, "next": next }));
        }
        let mut session = open(good(), &script);
        let mut listed = Vec::new();
        let mut calls = 0;
        let error = loop {
            calls += 1;
            prop_assert!(calls <= graph.len() + 1, "more calls than pages");
            match session.next_page() {
                Ok(Some(page)) => listed.extend(page.repositories.iter().map(|r| r.id.to_string())),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };

        // What a walk along the links reaches, is listed, once; and only an end is an end.
        let (mut at, mut read, mut reached) = (0, HashSet::new(), HashSet::new());
        let ended = loop {
            read.insert(at);
            reached.extend(graph[at].0.iter().map(|number| uuid(*number)));
            match graph[at].1 {
                Next::Page(next) if !read.contains(&next) => at = next,
                Next::End => break true,
                _ => break false,
            }
        };
        prop_assert_eq!(error.is_none(), ended);
        prop_assert_eq!(listed.len(), reached.len());
        prop_assert_eq!(listed.into_iter().collect::<HashSet<_>>(), reached);
        prop_assert_eq!(script.requests().len(), read.len());
    }
}
