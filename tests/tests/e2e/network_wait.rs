//! Waiting for the network, which may not be there after a boot or a resume.

use std::time::Duration;

use forgekeep_tests::{Action, Fault, RequestKind};

use crate::support::World;

/// No host answers anything from now on.
fn cut(world: &World) {
    for kind in [RequestKind::Api, RequestKind::InfoRefs] {
        world.forge.inject(Fault::on(kind, Action::Close));
    }
}

#[test]
fn a_run_waits_for_the_network_and_then_is_as_any_other() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    cut(&world);
    let running = world
        .forgekeep(&["backup", "-v", "--network-wait", "10m"])
        .spawn();
    world.forge.wait_for(RequestKind::Api, 3);
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 0);
    world.forge.clear_faults();
    let run = running.wait().expect(0);
    assert!(run.stderr.contains("no network so far"), "{}", run.stderr);
    world.assert_mirrored(web);
}

#[test]
fn it_waits_no_longer_than_it_may_and_not_at_all_unless_it_is_asked_to() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    cut(&world);
    let code = world.backup().code;
    assert_ne!(code, Some(0));
    let without = world.forge.count(RequestKind::Api);
    world.forge.reset_log();
    let run = world.forgekeep(&["backup", "--network-wait", "2s"]).run();
    assert_eq!(run.code, code);
    assert!(run.time >= Duration::from_secs(2));
    assert!(world.forge.count(RequestKind::Api) > without);
    for time in ["", "abc", "-5m"] {
        let arguments = ["backup", &format!("--network-wait={time}")];
        world.forgekeep(&arguments).run().expect(2);
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_waits_for_the_network_ends_when_it_is_told_to() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    cut(&world);
    let running = world
        .forgekeep(&["backup", "--network-wait", "10h"])
        .spawn();
    world.forge.wait_for(RequestKind::Api, 2);
    running.interrupt();
    running.wait().expect(130);
}

#[test]
fn once_anybody_has_answered_one_that_does_not_is_not_waited_for() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    let fault = Fault::on(RequestKind::InfoRefs, Action::Close);
    world.forge.inject(fault.repository("web"));
    let run = world
        .forgekeep(&["backup", "--network-wait", "10h"])
        .run()
        .expect(3);
    assert_eq!(run.repository("acme/api")["outcome"], "cloned");
}
