use forgekeep_plugin_sdk_draft::error_kind;
use forgekeep_plugin_testkit_draft::Script;
use serde_json::{Value, json};

use crate::support::{entry, good, open, uuid};

fn url(number: u32) -> String {
    let uuid = uuid(number).replace('{', "%7B").replace('}', "%7D");
    format!("https://api.bitbucket.org/2.0/repositories/acme/{uuid}")
}

fn looked_up(status: u16, body: &Value) -> Result<Option<String>, String> {
    let script = Script::new().json(&url(1), status, body);
    let found = open(good(), &script).lookup(&uuid(1));
    found
        .map(|found| found.map(|repository| repository.full_name.into()))
        .map_err(|error| error.kind.into())
}

#[test]
fn a_repository_is_found_by_its_uuid() {
    let found = looked_up(200, &entry(1, "web"));
    assert_eq!(found.unwrap().as_deref(), Some("acme/web"));
}

#[test]
fn only_bitbuckets_own_404_says_that_there_is_none() {
    let error = json!({"type": "error", "error": {"message": "Repository not found"}});
    assert_eq!(looked_up(404, &error), Ok(None));
    let of_a_proxy = json!({"message": "no such route"});
    assert_eq!(
        looked_up(404, &of_a_proxy),
        Err(error_kind::NOT_FOUND.to_owned())
    );
    assert_eq!(
        looked_up(403, &error),
        Err(error_kind::FORBIDDEN.to_owned())
    );
    assert_eq!(
        looked_up(401, &error),
        Err(error_kind::CREDENTIALS.to_owned())
    );
    let another = looked_up(200, &entry(2, "api"));
    assert_eq!(another, Err(error_kind::BAD_ANSWER.to_owned()));
}

#[test]
fn what_is_no_uuid_is_not_asked_for() {
    let script = Script::new();
    for id in ["", "web", "../../user", "{}"] {
        assert!(open(good(), &script).lookup(id).is_err(), "{id}");
    }
    assert!(script.requests().is_empty());
}
