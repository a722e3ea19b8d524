//! What could not be sent is sent later, and costs no run more than it may.

use std::time::{Duration, Instant};

use serde_json::json;

use super::web::{Answer, Receiver};
use super::{HOOK, assert_secret, configure, fail, ping, warnings, webhook};
use crate::support::{World, files, report};

fn broken() -> Answer {
    Answer::Status(503, format!("no such hook: {HOOK}"))
}

#[test]
fn it_comes_with_the_next_run_and_that_it_has_passed_after_it() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    fail(&world, "web");
    hook.answer(broken());
    let run = world.backup().expect(3);
    assert_eq!(hook.take().len(), 1);
    let said = warnings(&run);
    assert!(
        said.contains("the webhook at 127.0.0.1 was not told: it answered with status 503"),
        "{said}"
    );
    assert!(said.contains("the next run tells it"), "{said}");
    assert!(run.stdout.contains("was not told"), "{}", run.stdout);
    assert_secret(&world, &run);
    // The report that is kept says it too.
    let kept = files(&world.sandbox.backup().join(".forgekeep/runs"));
    let kept = std::fs::read_to_string(&kept[0]).unwrap();
    assert!(kept.contains("was not told"), "{kept}");

    // Again: both are kept, and that it has passed is told to nobody who has not heard of it.
    let run = world.backup().expect(3);
    assert!(warnings(&run).contains("was not told"));
    world.forge.clear_faults();
    world.backup().expect(0);
    assert_eq!(hook.take().len(), 2, "one for each run, and no recovery");

    hook.answer(Answer::Status(204, String::new()));
    let run = world.backup().expect(0);
    assert_eq!(warnings(&run), "");
    let messages = hook.take();
    assert_eq!(messages.len(), 2, "{messages:?}");
    let late = messages[0].json();
    assert_eq!(late["event"], "failure");
    assert!(
        late["title"].as_str().unwrap().starts_with("Late: "),
        "{late}"
    );
    assert_eq!(
        late["text"]
            .as_str()
            .unwrap()
            .matches("Forgekeep on")
            .count(),
        2
    );
    assert_eq!(late["failed"], json!(["acme/web"]));
    assert_eq!(messages[1].json()["event"], "recovery");
    world.backup().expect(0);
    assert!(hook.take().is_empty());
}

#[test]
fn a_failure_takes_along_what_could_not_be_sent_before() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    fail(&world, "web");
    hook.answer(broken());
    world.backup().expect(3);
    hook.take();
    hook.answer(Answer::Status(200, String::new()));
    world.backup().expect(3);
    let messages = hook.take();
    assert_eq!(messages.len(), 1);
    let message = messages[0].json();
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("could not be sent before"),
        "{message}"
    );
    world.backup().expect(3);
    assert!(!hook.take()[0].body.contains("could not be sent before"));
}

#[test]
fn one_that_never_answers_costs_half_a_minute_and_keeps_nobody_else_waiting() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let (hook, silent, pings) = (Receiver::start(), Receiver::start(), Receiver::start());
    silent.answer(Answer::Silence);
    configure(
        &world,
        &json!({"notify": [webhook(&silent), webhook(&hook), ping(&pings)]}),
    );
    fail(&world, "web");
    let running = world
        .forgekeep(&["backup"])
        .limit(Duration::from_secs(100))
        .spawn();
    silent.wait();
    hook.wait();
    let asked = Instant::now();
    let run = running.wait().expect(3);
    assert!(
        asked.elapsed() < Duration::from_secs(40),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(hook.take().len(), 1);
    assert_eq!(pings.take().len(), 2);
    assert!(
        warnings(&run).contains("was not told"),
        "{}",
        warnings(&run)
    );
    assert_secret(&world, &run);
}

#[cfg(unix)]
#[test]
fn after_a_signal_it_costs_ten_seconds_at_most() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let silent = Receiver::start();
    silent.answer(Answer::Silence);
    configure(&world, &json!({"notify": [webhook(&silent)]}));
    fail(&world, "web");
    let running = world
        .forgekeep(&["backup"])
        .limit(Duration::from_secs(100))
        .spawn();
    silent.wait();
    let signal = Instant::now();
    running.interrupt();
    // The run was over: how it ended stays.
    let run = running.wait().expect(3);
    assert!(
        signal.elapsed() < Duration::from_secs(16),
        "{:?}",
        signal.elapsed()
    );
    assert_eq!(report(&run)["exitCode"], 3);
    assert!(
        warnings(&run).contains("was not told"),
        "{}",
        warnings(&run)
    );
}

#[cfg(unix)]
#[test]
fn sending_needs_no_room_on_the_disk() {
    use crate::mount::Mount;

    let world = World::new();
    let Some(mount) = Mount::tmpfs(&world.sandbox.backup(), "8m") else {
        return;
    };
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    mount.backup(&world, &[]).expect(0);
    world.forge.repository("web").commit("two");
    mount.fill(0);
    let run = mount.backup(&world, &[]);
    assert!(run.code.is_some_and(|code| code != 0), "{run:?}");
    let messages = hook.take();
    assert_eq!(messages.len(), 1, "{run:?}");
    assert_eq!(messages[0].json()["event"], "failure");
    mount.clear();
    mount.backup(&world, &[]).expect(0);
}
