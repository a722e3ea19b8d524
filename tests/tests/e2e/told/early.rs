//! Runs that end before they have begun.

use serde_json::json;

use super::web::Receiver;
use super::{assert_secret, configure, fail, ping, webhook};
use crate::support::{World, content};
use forgekeep_tests::{Action, Fault, RequestKind};

#[test]
fn a_run_that_could_not_be_made_is_told_once() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, pings) = (Receiver::start(), Receiver::start());
    let notify = json!([webhook(&hook), ping(&pings)]);
    let good = json!({"notify": notify});
    let with_source = |key: &str, value: serde_json::Value| json!({"notify": notify, "sources": [world.source_with(key, value)]});
    configure(&world, &good);
    world.backup().expect(0);
    pings.take();
    for (code, outcome, broken, said) in [
        (
            10,
            "failed",
            json!({"notify": notify, "sources": 5}),
            "sources",
        ),
        (
            10,
            "failed",
            with_source("passwordFile", "/no/such/file".into()),
            "password",
        ),
        (
            11,
            "failed",
            with_source("hoster", "nowhere".into()),
            "nowhere",
        ),
        (
            12,
            "failed",
            with_source("password", "ATATT3xFfGF0-wrong=1234".into()),
            "refuses",
        ),
        (
            1,
            "failed",
            json!({"notify": notify, "localFolder": "/no/such/folder/backup"}),
            "mounted",
        ),
    ] {
        configure(&world, &broken);
        let run = world.backup().expect(code);
        let messages = hook.take();
        assert_eq!(messages.len(), 1, "{code}: {messages:?}");
        let message = messages[0].json();
        assert_eq!(message["event"], "failure", "{code}");
        assert_eq!(message["exitCode"], code);
        assert_eq!(message["outcome"], outcome);
        let text = format!("{} {}", message["title"], message["text"]);
        assert!(text.to_lowercase().contains(said), "{code}, {said}: {text}");
        let failed = pings.take();
        let failed: Vec<_> = failed
            .iter()
            .filter(|p| p.path.ends_with("/fail"))
            .collect();
        assert_eq!(failed.len(), 1, "{code}");
        assert_secret(&world, &run);
    }
    configure(&world, &good);
    world.backup().expect(0);
    assert_eq!(hook.take()[0].json()["event"], "recovery");
}

#[test]
fn a_run_that_finds_another_one_at_work_tells_nobody_and_runs_nothing() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, pings) = (Receiver::start(), Receiver::start());
    let file = world.sandbox.path("ran");
    let touch = json!([["/bin/sh", "-c", format!("echo x >> '{}'", file.display())]]);
    configure(
        &world,
        &json!({
            "notify": [webhook(&hook), ping(&pings)],
            "hooks": {"before": touch, "after": touch, "failure": touch},
        }),
    );
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web"));
    let first = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 1);
    pings.take();
    let second = world
        .forgekeep(&["backup", "--report", "second.json"])
        .run()
        .expect(13);
    assert!(second.stderr.contains("another run"), "{}", second.stderr);
    assert!(hook.take().is_empty() && pings.take().is_empty());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\n");
    world.forge.release();
    world.forge.clear_faults();
    drop(first.wait());
    // It began, and ended, whatever came of it.
    assert_eq!(pings.take().len(), 1);
}

#[cfg(unix)]
#[test]
fn an_interruption_is_no_failure() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, pings, always) = (Receiver::start(), Receiver::start(), Receiver::start());
    let mut told_always = webhook(&always);
    told_always["on"] = json!(["always"]);
    configure(
        &world,
        &json!({"notify": [webhook(&hook), ping(&pings), told_always]}),
    );
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web"));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 1);
    running.interrupt();
    running.wait().expect(130);
    assert!(hook.take().is_empty());
    let paths: Vec<String> = pings.take().into_iter().map(|ping| ping.path).collect();
    assert!(
        paths.iter().all(|path| path.ends_with("/start")),
        "{paths:?}"
    );
    let messages = always.take();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].json()["outcome"], "interrupted");
}

#[test]
fn nothing_is_written_where_the_folder_is_not_ours() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)], "sources": 5}));
    std::fs::create_dir(world.sandbox.backup()).unwrap();
    world.backup().expect(10);
    assert_eq!(hook.take().len(), 1);
    assert!(content(&world.sandbox.backup()).is_empty());
    fail(&world, "web");
}
