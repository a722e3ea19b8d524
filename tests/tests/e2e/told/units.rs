//! What systemd's unit for failures tells: of what a run could not.

use forgekeep_tests::{Action, Fault, Invocation, RequestKind, Run};
use serde_json::{Value, json};

use super::web::Receiver;
use super::{HOOK, assert_secret, configure, fail, webhook};
use crate::support::{World, files};

/// The unit for failures, after a run with this id has ended so.
fn unit_failed(world: &World, run: &str, ending: [&str; 3]) -> Run {
    failed(world, "forgekeep-backup", run, ending)
}

/// The same for this unit.
pub fn failed(world: &World, unit: &str, run: &str, ending: [&str; 3]) -> Run {
    let [result, code, status] = ending;
    world
        .forgekeep(&["notify", "unit-failed", unit])
        .env("INVOCATION_ID", "of-the-unit-for-failures")
        .env("MONITOR_INVOCATION_ID", run)
        .env("MONITOR_SERVICE_RESULT", result)
        .env("MONITOR_EXIT_CODE", code)
        .env("MONITOR_EXIT_STATUS", status)
        .run()
}

pub fn texts(hook: &Receiver) -> Vec<String> {
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

/// A run as systemd starts it.
fn run_of_unit<'w>(world: &'w World, id: &str) -> Invocation<'w> {
    world.forgekeep(&["backup"]).env("INVOCATION_ID", id)
}

#[test]
fn a_run_that_is_killed_while_it_works_is_told_by_the_unit_once() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web"));
    let mut running = run_of_unit(&world, "killed").spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 1);
    running.kill();
    drop(running.wait());
    world.forge.release();
    world.forge.clear_faults();
    assert_eq!(texts(&hook).len(), 0);
    let run = unit_failed(&world, "killed", ["signal", "killed", "KILL"]).expect(0);
    let told = texts(&hook);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("signal KILL"), "{}", told[0]);
    assert_secret(&world, &run);
    run_of_unit(&world, "good").run().expect(0);
    assert_eq!(hook.take()[0].json()["event"], "recovery");
}

#[test]
fn without_its_credentials_it_is_told_by_those_who_need_none() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    let in_file = json!({"kind": "webhook", "urlFile": "hook-url"});
    configure(
        &world,
        &json!({
            "notify": [in_file, webhook(&hook)],
            "sources": [world.source_with("passwordFile", "token")],
        }),
    );
    let run = unit_failed(&world, "first", ["exit-code", "exited", "243"]).expect(3);
    let told = texts(&hook);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("credentials could not be loaded"),
        "{}",
        told[0]
    );
    assert!(run.stderr.contains("notify[0].urlFile"), "{}", run.stderr);
    assert_secret(&world, &run);
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_by_its_last_good_copy() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    let url = json!({"kind": "webhook", "urlFile": "hook-url"});
    let address = format!("{}/services/{HOOK}", hook.url);
    world.sandbox.write("hook-url", &address);
    for notify in [webhook(&hook), url] {
        let by_name = notify.get("urlFile").is_some();
        configure(&world, &json!({"notify": [notify]}));
        run_of_unit(&world, "good").run().expect(0);
        hook.take();
        let home = files(&world.sandbox.path("home"));
        let copies = home.iter().filter(|file| super::is_copy(file));
        let copies: Vec<_> = copies
            .map(|copy| std::fs::read_to_string(copy).unwrap())
            .collect();
        assert_eq!(copies.len(), 1);
        // A secret of another file stays there.
        assert_eq!(copies[0].contains(HOOK), !by_name, "{}", copies[0]);
        let settings = world.sandbox.path("settings.yml");
        let good = std::fs::read_to_string(&settings).unwrap();
        for (broken, said) in [
            ("{", "not valid YAML"),
            ("", "localFolder"),
            ("notify: 5", "localFolder"),
        ] {
            std::fs::write(&settings, broken).unwrap();
            // systemd starts the unit for failures, which tells.
            let run = run_of_unit(&world, "broken").run().expect(10);
            assert_eq!(texts(&hook).len(), 0, "{broken}: {}", run.stderr);
            unit_failed(&world, "broken", ["exit-code", "exited", "10"]).expect(0);
            let told = texts(&hook);
            assert_eq!(told.len(), 1, "{broken}: {told:?}");
            assert!(
                told[0].contains("configuration cannot be used"),
                "{}",
                told[0]
            );
            assert!(told[0].contains(said), "{broken}: {}", told[0]);
            // Under cron there is nobody else to tell.
            world.backup().expect(10);
            assert_eq!(texts(&hook).len(), 1, "{broken}");
        }
        std::fs::remove_file(&settings).unwrap();
        unit_failed(&world, "gone", ["exit-code", "exited", "10"]).expect(0);
        assert_eq!(texts(&hook).len(), 1);
        std::fs::write(&settings, good).unwrap();
        let run = run_of_unit(&world, "again").run().expect(0);
        assert_eq!(hook.take()[0].json()["event"], "recovery");
        assert_secret(&world, &run);
    }
    // Who is told nothing any more is not told by a copy either.
    configure(&world, &json!({}));
    world.backup().expect(0);
    world.sandbox.write("settings.yml", "{");
    unit_failed(&world, "last", ["exit-code", "exited", "10"]).expect(10);
    assert_eq!(texts(&hook).len(), 0);
}
