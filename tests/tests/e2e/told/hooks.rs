//! Commands before and after a run.
#![cfg(unix)]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::web::Receiver;
use super::{assert_secret, configure, fail, warnings, webhook};
use crate::support::{TOKEN, World};

#[test]
fn they_are_run_in_order_with_what_they_need_and_no_secret() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let file = world.sandbox.path("ran");
    let log = |word: &str| {
        json!([
            "/bin/sh",
            "-c",
            format!(
                "PATH=/usr/bin:/bin; echo \"{word} $FORGEKEEP_HOOK $FORGEKEEP_OUTCOME $FORGEKEEP_EXIT_CODE\" >> '{0}'; \
             test -z \"$FORGEKEEP_REPORT\" || grep -c '\"outcome\":\"' \"$FORGEKEEP_REPORT\" > /dev/null || \
             echo no report >> '{0}'; env >> '{0}.env'",
                file.display()
            )
        ])
    };
    configure(
        &world,
        &json!({
            "sources": [world.source_with("password", "%FORGE_TOKEN%")],
            "hooks": {"before": [log("one"), log("two")], "after": [log("last")], "failure": [log("bad")]},
        }),
    );
    let run = || {
        world
            .forgekeep(&["backup"])
            .env("FORGE_TOKEN", TOKEN)
            .env("OTHER", "stays")
            .run()
    };
    run().expect(0);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "one before  \ntwo before  \nlast after ok 0\n"
    );
    fs::remove_file(&file).unwrap();
    fail(&world, "web");
    let run = run().expect(3);
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "one before  \ntwo before  \nbad failure failed 3\nlast after failed 3\n"
    );
    let environment = fs::read_to_string(format!("{}.env", file.display())).unwrap();
    assert!(!environment.contains(TOKEN));
    assert!(environment.contains("OTHER=stays"));
    assert_secret(&world, &run);
}

#[test]
fn one_that_fails_is_told_and_costs_no_backup() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(
        &world,
        &json!({
            "notify": [webhook(&hook)],
            "hooks": {"before": [["/bin/sh", "-c", "echo no disk >&2; exit 5"], ["/no/such/program"]]},
        }),
    );
    let run = world.backup().expect(0);
    world.assert_mirrored(web);
    let said = warnings(&run);
    assert!(said.contains("exit code 5, and said: no disk"), "{said}");
    assert!(said.contains("/no/such/program"), "{said}");
    let message = hook.take()[0].json();
    assert_eq!(message["event"], "failure");
    assert_eq!(message["exitCode"], 0);
    assert!(
        message["title"].as_str().unwrap().contains("hook"),
        "{message}"
    );
    assert!(
        message["text"].as_str().unwrap().contains("no disk"),
        "{message}"
    );
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    world.backup().expect(0);
    assert_eq!(hook.take()[0].json()["event"], "recovery");
}

#[test]
fn what_one_leaves_running_holds_up_no_run_and_goes_on() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let file = world.sandbox.path("pid");
    let script = format!(
        "PATH=/usr/bin:/bin; sleep 1000 & echo $! > '{}'",
        file.display()
    );
    configure(
        &world,
        &json!({"hooks": {"before": [["/bin/sh", "-c", script]]}}),
    );
    let begun = Instant::now();
    world.backup().expect(0);
    assert!(begun.elapsed() < Duration::from_secs(60));
    let pid = fs::read_to_string(&file).unwrap();
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    // It was not ended, until now.
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_disk_that_one_mounts_and_another_unmounts_is_left_alone_when_it_is_gone() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    let (here, there) = (world.sandbox.backup(), world.sandbox.path("disk"));
    fs::create_dir(&there).unwrap();
    let (here_text, there_text) = (here.display().to_string(), there.display().to_string());
    let mounted = json!([["/bin/mv", there_text, here_text]]);
    let unmounted = json!([["/bin/mv", here_text, there_text]]);
    configure(
        &world,
        &json!({
            "notify": [webhook(&hook)],
            "hooks": {"before": mounted, "after": unmounted},
        }),
    );
    fail(&world, "web");
    let run = world.backup().expect(3);
    assert_eq!(warnings(&run), "");
    assert_eq!(hook.take().len(), 1);
    // What could not be sent is not kept in the place of the disk either.
    hook.answer(super::web::Answer::Status(500, String::new()));
    world.backup().expect(3);
    assert_eq!(hook.take().len(), 1);
    assert!(!here.exists());
    hook.answer(super::web::Answer::Status(200, String::new()));
    world.forge.clear_faults();
    let run = world.backup().expect(0);
    assert_eq!(warnings(&run), "");
    let events: Vec<_> = hook.take();
    let events: Vec<_> = events
        .iter()
        .map(|message| message.json()["event"].clone())
        .collect();
    assert_eq!(events, [json!("failure"), json!("recovery")]);
    assert!(!here.exists() && there.join("acme").exists());
    fs::rename(&there, &here).unwrap();
    world.assert_mirrored(web);
}
