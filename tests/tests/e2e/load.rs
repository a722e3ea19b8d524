//! How much of a hoster a run takes for itself.

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::json;

use crate::support::{World, assert_all};

#[test]
fn a_host_is_asked_no_more_than_so_much_at_the_same_time() {
    let world = World::new();
    let original = world.forge.repository("original").commit("one");
    world.forge.copies(original, "copy", 11);
    let options = json!({"backup": {"jobs": 8}, "network": {"connectionsPerHost": 2}});
    world.configure_with(&[world.source()], &options);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 12);
    // Kept alive and never more than two at a time: so there never were more than two.
    let connections = world.forge.connections().len();
    assert!(connections <= 2, "{connections} connections");
}

#[test]
fn a_place_is_free_again_after_the_stall_limit() {
    // The one that hangs holds the only place; the other waits for it, and is done once the stall
    // limit has freed it.
    let world = World::new();
    for slug in ["api", "web"] {
        world.forge.repository(slug).commit("one");
    }
    let options = json!({
        "network": {"connectionsPerHost": 1, "stallSeconds": 1, "retries": 0},
    });
    world.configure_with(&[world.source()], &options);
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang).repository("api"));
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/api"), "failed");
    assert_eq!(run.outcome("acme/web"), "cloned");
}
