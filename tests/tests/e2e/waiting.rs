//! Waiting for the lock of another run, and giving way to one that waits.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::Value;

use crate::support::World;

fn waiting(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/lock.waiting")
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not yet: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_waited_for(world: &World) -> bool {
    let file = File::options().read(true).write(true).open(waiting(world));
    file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

#[test]
fn a_run_waits_for_the_one_before_it_and_then_begins() {
    for command in [&["backup"][..], &["verify"]] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        web.commit("two");
        world.forge.reset_log();
        let hangs = Fault::on(RequestKind::UploadPack, Action::Hang).first(1);
        world.forge.inject(hangs);
        let mut first = world.forgekeep(&["backup"]).spawn();
        world.forge.wait_for(RequestKind::UploadPack, 1);
        world.forgekeep(command).run().expect(13);
        let with = |time| [command, &["--lock-wait", time]].concat();
        world.forgekeep(&with("1ms")).run().expect(13);
        let second = world.forgekeep(&with("10m")).spawn();
        wait_until("it waits", || is_waited_for(&world));
        first.kill();
        first.wait();
        second.wait().expect(0);
        assert!(!is_waited_for(&world));
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    let world = World::new();
    for time in ["", "abc", "10", "-5m"] {
        let arguments = ["backup", &format!("--lock-wait={time}")];
        world.forgekeep(&arguments).run().expect(2);
    }
}

#[test]
fn what_was_verified_longest_ago_is_verified_first() {
    let world = World::new();
    for slug in ["web", "api", "docs"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    let verify = || {
        let run = world
            .forgekeep(&["verify", "--subset", "auto", "--json"])
            .run()
            .expect(0);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let all = document["repositories"].as_array().unwrap();
        assert_eq!(all.len(), 1, "a part of all, and one at least");
        all[0]["name"].as_str().unwrap().to_owned()
    };
    let first: Vec<String> = (0..3).map(|_| verify()).collect();
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(verify(), first[0]);
}

#[test]
fn a_part_that_is_chosen_by_its_age_gives_way_to_who_waits() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    fs::write(waiting(&world), "").unwrap();
    let file = File::open(waiting(&world)).unwrap();
    file.lock_shared().unwrap();
    let run = world
        .forgekeep(&["verify", "--subset", "auto"])
        .run()
        .expect(0);
    assert!(run.stdout.contains("ended early"), "{}", run.stdout);
    // One that was asked for all of it does not.
    let run = world.forgekeep(&["verify"]).run().expect(0);
    assert!(run.stdout.contains("1 repository,"), "{}", run.stdout);
    drop(file);
    let run = world
        .forgekeep(&["verify", "--subset", "auto"])
        .run()
        .expect(0);
    assert!(run.stdout.contains("1 repository,"), "{}", run.stdout);
}
