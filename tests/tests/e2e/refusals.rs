//! Bitbucket's own refusals, on the API and on git: each gets the hint that fits.

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::json;

use crate::support::{World, error, source};

/// A status with words of Bitbucket's, and what the hint says.
const REFUSALS: [(u16, &str, &str); 9] = [
    (
        403,
        "To access this repository, an admin must whitelist your IP.",
        "public IP address",
    ),
    (
        401,
        "Access from your IP address is not on the allowlist.",
        "public IP address",
    ),
    (
        403,
        "You must enable two-step verification to access this workspace.",
        "turn on two-step",
    ),
    (
        401,
        "Two-step verification is required.",
        "turn on two-step",
    ),
    (
        403,
        "Your credentials lack one or more required privilege scopes.",
        "scope",
    ),
    (402, "Please upgrade your plan.", "plan"),
    (
        403,
        "This workspace is over its user limit and is read-only.",
        "plan",
    ),
    (403, "Ask the owner nicely.", "do what"),
    (410, "Account has been marked as spam.", "do what|read what"),
];

#[test]
fn each_refusal_gets_the_hint_that_fits_on_the_api_and_on_git() {
    for (status, words, hint) in REFUSALS {
        for kind in [RequestKind::Api, RequestKind::InfoRefs] {
            let world = World::new();
            world.forge.repository("web").private().commit("one");
            let action = match kind {
                RequestKind::Api => {
                    let document = json!({"type": "error", "error": {"message": words}});
                    Action::json(status, &document)
                }
                _ => Action::Respond {
                    status,
                    headers: vec![("Content-Type".into(), "text/plain".into())],
                    body: words.into(),
                },
            };
            world.forge.inject(Fault::on(kind, action));
            let run = world.backup();
            assert!(matches!(run.code, Some(3 | 12)), "{words}: {:?}", run.code);
            let of_source = source(&run, "acme");
            let said = match kind {
                RequestKind::Api => error(of_source),
                _ => error(&of_source["repositories"][0]),
            };
            assert!(said.contains(words), "{kind:?} {words}: {said}");
            let (_, given) = said.split_once(" / ").unwrap();
            assert!(
                hint.split('|').any(|hint| given.contains(hint)),
                "{kind:?} {status} {words}: {given}"
            );
        }
    }
}
