//! A restore that is interrupted leaves nothing that looks like one, and can be begun again.

use std::fs;
use std::time::{Duration, Instant};

use forgekeep_tests::git;

use crate::support::World;

/// Files that take some seconds to be written.
const FILES: usize = 20_000;

/// Publishes a commit of so many files.
fn world() -> World {
    let world = World::new();
    let folder = world.forge.repository("web").git_dir();
    let blob = git::run_with_input(&folder, &["hash-object", "-w", "--stdin"], b"content\n");
    let line = |n| format!("100644 blob {blob}\tfile-{n:06}\n");
    let lines: String = (0..FILES).map(line).collect();
    let tree = git::run_with_input(&folder, &["mktree"], lines.as_bytes());
    let commit = git::run(&folder, &["commit-tree", "-m", "many", &tree]);
    git::run(&folder, &["update-ref", "refs/heads/main", &commit]);
    world.backup().expect(0);
    world
}

#[test]
fn ctrl_c_during_a_checkout_leaves_nothing_and_the_same_command_runs_again() {
    let world = world();
    fs::create_dir(world.sandbox.path("empty")).unwrap();
    for (name, signal) in [("new", "INT"), ("empty", "INT"), ("deep/new", "TERM")] {
        let target = world.sandbox.path(name);
        let arguments = ["restore", "acme/web", "--to", target.to_str().unwrap()];
        let partial = match name {
            "empty" => target.join(".forgekeep-partial"),
            _ => target.with_file_name("new.forgekeep-partial"),
        };
        let running = world.forgekeep(&arguments).spawn();
        let written = partial.join("content/file-000050");
        let begun = Instant::now();
        while !written.exists() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{name}");
            std::thread::sleep(Duration::from_millis(2));
        }
        let sent = Instant::now();
        running.signal(signal);
        let run = running.wait().expect(130);
        let time = sent.elapsed();
        assert!(time < Duration::from_secs(10), "{name}: {time:?}");
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
        assert!(!partial.exists(), "{name}");
        match name {
            "empty" => assert_eq!(fs::read_dir(&target).unwrap().count(), 0),
            _ => assert!(!target.exists(), "{name}"),
        }
        world.forgekeep(&arguments).run().expect(0);
        assert_eq!(git::run(&target, &["status", "--porcelain"]), "", "{name}");
        assert_eq!(fs::read_dir(&target).unwrap().count(), FILES + 1, "{name}");
    }
}
