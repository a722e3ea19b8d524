//! What systemd's unit for failures tells: of what a run could not.

use serde_json::{Value, json};

use super::web::Receiver;
use super::{assert_secret, configure, fail, webhook};
use crate::support::World;

/// The unit for failures, after a run with this id has ended so.
fn unit_failed(world: &World, run: &str, ending: [&str; 3]) -> forgekeep_tests::Run {
    let [result, code, status] = ending;
    world
        .forgekeep(&["notify", "unit-failed", "forgekeep-backup"])
        .env("INVOCATION_ID", "of-the-unit-for-failures")
        .env("MONITOR_INVOCATION_ID", run)
        .env("MONITOR_SERVICE_RESULT", result)
        .env("MONITOR_EXIT_CODE", code)
        .env("MONITOR_EXIT_STATUS", status)
        .run()
}

fn texts(hook: &Receiver) -> Vec<String> {
    let all = hook.take().into_iter();
    all.map(|received| received.json()["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_run_that_was_killed_is_told_and_one_that_has_told_is_not_told_again() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    fail(&world, "web");
    let run = world
        .forgekeep(&["backup"])
        .env("INVOCATION_ID", "first")
        .run()
        .expect(3);
    assert_eq!(texts(&hook).len(), 1);
    assert_secret(&world, &run);
    unit_failed(&world, "first", ["exit-code", "exited", "3"]).expect(0);
    assert_eq!(texts(&hook).len(), 0);
    for (ending, wanted) in [
        (["signal", "killed", "KILL"], "signal KILL"),
        (["oom-kill", "killed", "KILL"], "no memory left"),
        (
            ["exit-code", "exited", "243"],
            "credentials could not be loaded",
        ),
        (["exit-code", "exited", "203"], "could not be started"),
    ] {
        let run = unit_failed(&world, "second", ending).expect(0);
        let told = texts(&hook);
        assert_eq!(told.len(), 1, "{ending:?}: {told:?}");
        assert!(told[0].contains(wanted), "{}", told[0]);
        assert!(
            told[0].contains("journalctl -u forgekeep-backup"),
            "{}",
            told[0]
        );
        assert_secret(&world, &run);
    }
}

#[test]
fn it_is_told_with_a_configuration_that_is_broken_elsewhere() {
    let world = World::new();
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)], "sources": 5}));
    unit_failed(&world, "first", ["exit-code", "exited", "10"]).expect(0);
    assert_eq!(texts(&hook).len(), 1);
    configure(
        &world,
        &json!({"notify": [webhook(&hook)], "sources": Value::Null}),
    );
    world.sandbox.write("settings.yml", "{");
    unit_failed(&world, "second", ["exit-code", "exited", "10"]).expect(10);
}
