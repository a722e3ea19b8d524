//! What an API can answer instead of a listing: each with its own message, and nothing deleted.

use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::json;

use crate::support::{World, content, error, forge, report, source};

/// A run in which the listing is answered like this.
fn answered(action: Action) -> (World, Run) {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let before = content(&world.folder("web"));
    world.forge.inject(Fault::on(RequestKind::Api, action));
    let run = world.backup();
    assert_eq!(content(&world.folder("web")), before);
    (world, run)
}

#[test]
fn each_refusal_has_a_message_of_its_own() {
    let mut messages = Vec::new();
    for (action, code, kind, says) in [
        (
            Action::status(401),
            12,
            "credentials",
            "refuses the API token",
        ),
        (
            Action::status(403),
            3,
            "forbidden",
            "forbids workspace acme",
        ),
        (
            Action::status(404),
            3,
            "not-found",
            "knows no workspace acme",
        ),
        (Action::status(410), 3, "gone", "has withdrawn"),
        (Action::retry_after(429, 77), 3, "rate-limited", "77 s"),
        (Action::status(500), 3, "unavailable", "out of order (500)"),
        (Action::html(503), 3, "unavailable", "out of order (503)"),
    ] {
        let (_world, run) = answered(action);
        let run = run.expect(code);
        let said = error(source(&run, "acme"));
        assert!(
            said.starts_with(&format!("{kind}: ")) && said.contains(says),
            "{said}"
        );
        assert_ne!(source(&run, "acme")["error"]["hint"], "", "{said}");
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(run.stdout.contains("hint: "), "{}", run.stdout);
        assert_eq!(report(&run)["outcome"], "failed");
        messages.push(source(&run, "acme")["error"]["hint"].clone());
    }
    messages.dedup();
    assert!(messages.len() >= 6, "{messages:#?}");
}

#[test]
fn a_page_for_people_is_no_listing() {
    let (_world, run) = answered(Action::html(200));
    let said = error(source(&run.expect(3), "acme"));
    assert!(said.starts_with("bad-answer: "), "{said}");
    let (_world, run) = answered(Action::Respond {
        status: 200,
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: "<title>Gateway</title><p>Ask <b>ops</b> for access".into(),
    });
    let said = error(source(&run.expect(3), "acme"));
    assert!(
        said.contains("it says: Gateway: Ask ops for access"),
        "{said}"
    );
}

#[test]
fn json_that_is_no_listing_is_no_listing() {
    for body in [
        json!([]),
        json!({}),
        json!({"values": "none"}),
        json!(null),
        json!(7),
    ] {
        let (_world, run) = answered(Action::json(200, &body));
        let said = error(source(&run.expect(3), "acme"));
        assert!(said.starts_with("bad-answer: "), "{body}: {said}");
    }
}

#[test]
fn a_broken_connection_is_a_network_failure() {
    for action in [Action::Close, Action::Garbage, Action::Truncate] {
        let what = format!("{action:?}");
        let (_world, run) = answered(action);
        let said = error(source(&run.expect(3), "acme"));
        assert!(said.starts_with("network: "), "{what}: {said}");
    }
}

#[test]
fn a_failing_second_page_fails_the_source_and_deletes_nothing() {
    let world = World::new();
    let original = world.forge.repository("original").commit("one");
    world.forge.copies(original, "copy", 120);
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(500)).containing("page=2"));
    let run = world.backup().expect(3);
    let acme = source(&run, "acme");
    assert_ne!(acme["outcome"], "ok");
    assert!(error(acme).contains("500"), "{acme:#}");
}

#[test]
fn a_redirect_of_the_api_to_another_origin_gets_no_credentials() {
    let world = World::new();
    let other = forge();
    other.repository("theirs").commit("one");
    let target = format!("{}/2.0/repositories/acme", other.api_url());
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::redirect(302, &target)));
    let run = world.backup();
    let sent = other.requests();
    assert!(sent.iter().all(|r| r.authorization.is_none()), "{sent:#?}");
    // What is listed there is not this workspace.
    let run = run.expect(3);
    let said = error(source(&run, "acme"));
    assert!(said.contains("redirect"), "{said}");
    assert!(!world.folder("theirs").exists());
}

#[test]
fn a_next_page_of_another_origin_is_an_error() {
    let world = World::new();
    let other = forge();
    other.repository("theirs").commit("one");
    let next = format!("{}/2.0/repositories/acme?page=2", other.api_url());
    let page = json!({"values": [], "next": next});
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::json(200, &page)));
    let run = world.backup().expect(3);
    let said = error(source(&run, "acme"));
    assert!(
        said.starts_with("bad-answer: ") && said.contains("next page"),
        "{said}"
    );
    assert!(other.requests().is_empty());
}

#[test]
fn pages_that_lead_in_a_circle_end() {
    let world = World::new();
    let next = format!("{}/2.0/repositories/acme?page=2", world.forge.api_url());
    let page = json!({"values": [], "next": next});
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::json(200, &page)).containing("/repositories/"));
    let run = world.backup().expect(3);
    assert!(
        error(source(&run, "acme")).contains("read before"),
        "{run:#?}"
    );
    // Two pages, and one question beside the listing.
    assert_eq!(world.forge.count(RequestKind::Api), 2 + 1);
}
