use forgekeep_plugin_sdk::{ErrorKind, Presence};
use forgekeep_plugin_testkit::Script;
use serde_json::{Value, json};

use crate::support::{entry, good, open, uuid};

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
