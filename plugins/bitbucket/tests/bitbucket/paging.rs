use std::collections::HashSet;

use forgekeep_plugin_sdk::ErrorKind;
use forgekeep_plugin_testkit::Script;
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

/// How many pages were asked for, without the one question beside the listing.
fn pages_asked(script: &Script) -> usize {
    urls(script).iter().filter(|url| *url != MEMBERS).count()
}

/// Three pages, of which the first alone says how many repositories there are.
fn three_pages() -> Script {
    Script::new()
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
        )
}

#[test]
fn follows_opaque_links_to_the_end() {
    let script = three_pages();
    let (pages, error) = open(good(), &script).all();
    assert_eq!(error, None);
    assert_eq!(names(&pages), ["acme/a", "acme/b", "acme/c"]);
    assert!(pages.iter().all(|page| page.notes.is_empty()));
    let totals: Vec<_> = pages.iter().map(|page| page.total).collect();
    assert_eq!(totals, [Some(3), None, None]);
    let requests = script.requests();
    let urls: Vec<_> = requests.iter().map(|request| &request.url).collect();
    // One beside the second page.
    assert_eq!(urls, [FIRST, &page_url(7), MEMBERS, &page_url(3)]);
    for request in requests {
        assert_eq!(request.method, "GET");
        assert_eq!(
            shown(&request.auth),
            format!("basic dev@example.com:{API_TOKEN}")
        );
    }
}

#[test]
fn a_cursor_is_good_in_any_process_and_in_any_order() {
    let script = three_pages();
    let (pages, _) = open(good(), &script).all();
    let other = open(good(), &script);
    for number in [2_usize, 1, 1, 0, 2] {
        let cursor = number.checked_sub(1).map(|before| &pages[before]);
        let cursor = cursor.and_then(|before| before.next.as_deref());
        assert_eq!(other.list(cursor).unwrap(), pages[number]);
    }
}

#[test]
fn a_repository_on_two_pages_is_there_twice_for_the_host_to_see() {
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
    let (pages, error) = open(good(), &script).all();
    assert_eq!(error, None);
    assert_eq!(
        names(&pages),
        ["acme/a", "acme/b", "acme/a", "acme/b-renamed", "acme/c"]
    );
}

#[test]
fn a_link_to_another_origin_is_not_followed_and_costs_no_repository() {
    let long = format!("{API}/2.0/repositories/acme?ctx={}", "x".repeat(9_000));
    let mut said = Vec::new();
    for next in [
        "https://evil.example/2.0/repositories/acme?page=2",
        "http://api.bitbucket.org/2.0/repositories/acme?page=2",
        "https://api.bitbucket.org:8443/2.0/repositories/acme?page=2",
        "/2.0/repositories/acme?page=2",
        "",
        &long,
    ] {
        let script = Script::new().json(
            FIRST,
            200,
            &json!({ "values": [entry(1, "a")], "next": next }),
        );
        let (pages, error) = open(good(), &script).all();
        let error = error.unwrap();
        assert_eq!(names(&pages), ["acme/a"]);
        assert_eq!(error.kind, ErrorKind::BadAnswer, "{next}");
        assert_eq!(pages_asked(&script), 1);
        // An error must not turn into an end, in another process either.
        let again = open(good(), &script).list(pages[0].next.as_deref());
        assert_eq!(again.unwrap_err(), error);
        said.extend([error.message, error.hint]);
    }
    let mut told = HashSet::new();
    said.retain(|line| told.insert(line.clone()));
    insta::assert_snapshot!(said.join("\n"), @r"
    the listing cannot be followed to its end: its next page is at https://evil.example, not at https://api.bitbucket.org
    run again later; if it persists, report it to the hoster, or check apiUrl; nothing was treated as deleted
    the listing cannot be followed to its end: its next page is at http://api.bitbucket.org, not at https://api.bitbucket.org
    the listing cannot be followed to its end: its next page is at https://api.bitbucket.org:8443, not at https://api.bitbucket.org
    the listing cannot be followed to its end: its next page is not a URL: relative URL without a base
    the listing cannot be followed to its end: the address of its next page is too long
    ");
}

#[test]
fn a_cycle_ends_as_an_error() {
    for back in [0, 1, 2] {
        let page =
            |number: u32, next| json!({ "values": [entry(number, "a")], "next": page_url(next) });
        let script = Script::new()
            .json(FIRST, 200, &page(1, 1))
            .json(&page_url(1), 200, &page(2, 2))
            .json(&page_url(2), 200, &page(3, back));
        let (pages, error) = open(good(), &script).all();
        assert_eq!(pages.len(), 3);
        assert_eq!(error.unwrap().kind, ErrorKind::BadAnswer);
        assert_eq!(pages_asked(&script), 3);
    }
}

#[test]
fn a_failure_in_the_middle_is_an_error_and_the_page_can_be_asked_for_again() {
    let down = Script::new().json(
        FIRST,
        200,
        &json!({ "values": [entry(1, "a")], "next": page_url(1) }),
    );
    let down = down.json(&page_url(1), 503, &json!({}));
    let script = down.json(&page_url(1), 200, &json!({ "values": [entry(2, "b")] }));
    let opened = open(good(), &script);
    let (pages, error) = opened.all();
    assert_eq!(names(&pages), ["acme/a"]);
    assert_eq!(error.unwrap().kind, ErrorKind::Unavailable);
    let second = opened.list(pages[0].next.as_deref()).unwrap();
    assert_eq!(names(&[second]), ["acme/b"]);
}

#[test]
fn an_interruption_ends_the_listing() {
    let script = Script::new().json(FIRST, 200, &json!({ "values": [entry(1, "a")] }));
    let opened = open(good(), &script);
    script.cancel();
    assert_eq!(opened.list(None).unwrap_err().kind, ErrorKind::Cancelled);
    assert!(script.requests().is_empty());
}

#[test]
fn no_secret_is_logged() {
    let script = Script::new().json(FIRST, 200, &json!({ "values": [entry(1, "a")] }));
    open(good(), &script).list(None).unwrap();
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
    fn any_listing_ends_and_no_page_is_read_twice(graph in graph()) {
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
        let (pages, error) = open(good(), &script).all();
        let listed: Vec<_> = pages
            .iter()
            .flat_map(|page| &page.repositories)
            .map(|repository| repository.id.clone())
            .collect();

        // What a walk along the links reaches is listed, page by page; and only an end is an end.
        let (mut at, mut read, mut reached) = (0, HashSet::new(), Vec::new());
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
        prop_assert_eq!(listed, reached);
        prop_assert_eq!(pages_asked(&script), read.len());
    }
}
