//! The look-alike as a target, held to GitHub's own description of its API.

use std::collections::BTreeSet;

use forgekeep_test_hosters::client::{Answered, ask};

use super::document::{OF_TARGETS, assert_documented};
use super::*;

fn to(world: &World, method: &str, path: &str, body: &Value) -> Answered {
    let url = format!("{}/{path}", world.github.api_url());
    let authorization = format!("Bearer {TOKEN}");
    ask(method, &url, &[("Authorization", &authorization)], body)
}

#[test]
fn what_a_target_is_asked_and_answers_is_in_the_document() {
    let world = World::new();
    let new = json!({ "name": "web", "description": "The shop", "private": true });
    assert_eq!(to(&world, "POST", "orgs/acme/repos", &new).0, 201);
    assert_eq!(to(&world, "POST", "orgs/acme/repos", &new).0, 422);
    assert_eq!(to(&world, "POST", "user/repos", &new).0, 201);
    assert_eq!(to(&world, "GET", "orgs/acme", &Value::Null).0, 200);
    let actions = "repos/acme/web/actions/permissions";
    assert_eq!(
        to(&world, "PUT", actions, &json!({ "enabled": false })).0,
        204
    );
    let (status, off) = to(&world, "GET", actions, &Value::Null);
    assert_eq!((status, &off["enabled"]), (200, &json!(false)));
    let none = json!({ "default_branch": "trunk" });
    assert_eq!(to(&world, "PATCH", "repos/acme/web", &none).0, 422);
    let archived = json!({ "archived": true });
    assert_eq!(to(&world, "PATCH", "repos/acme/web", &archived).0, 200);
    assert_eq!(to(&world, "GET", "repos/acme/web", &Value::Null).0, 200);
    world.github.change(|state| {
        let mut all = state.tokens.iter_mut();
        let token = all.find(|one| one.secret == TOKEN).unwrap();
        token
            .scopes
            .as_mut()
            .unwrap()
            .push("delete_repo".to_owned());
    });
    assert_eq!(to(&world, "DELETE", "repos/acme/web", &Value::Null).0, 204);
    assert_eq!(to(&world, "DELETE", "repos/acme/web", &Value::Null).0, 404);
    let paths: BTreeSet<_> = assert_documented(&world).into_iter().collect();
    let all = OF_TARGETS.map(str::to_owned);
    assert_eq!(paths, BTreeSet::from(all));
}
