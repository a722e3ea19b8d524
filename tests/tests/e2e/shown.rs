//! What others have put into a backup folder is shown in a form that no terminal acts upon.

use std::fs;

use crate::support::{World, pipe};

/// Ends a line's direction, and clears a screen.
const TURN: char = '\u{202e}';
const ESCAPE: char = '\u{1b}';

#[test]
fn names_on_disk_never_reach_a_terminal_as_they_are() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.forge.repository("api").commit("one");
    world.forge.repository("old").commit("one");
    world.backup().expect(0);
    let backup = world.sandbox.backup();
    // A title that is no longer configured, as the name of its folder gives it.
    let other = backup.join("%1B[2Jx");
    fs::create_dir(&other).unwrap();
    fs::rename(world.folder("old"), other.join(format!("y{TURN}z"))).unwrap();
    world.forge.repository("old").delete();
    // A file in a mirror, named in what keeps it from being read.
    pipe(&world.mirror("api").join(format!("refs/heads/a{TURN}b")));
    // The folder of a repository, which a dry run says it would move.
    fs::rename(world.folder("web"), backup.join(format!("acme/w{TURN}e"))).unwrap();
    let commands: [&[&str]; 11] = [
        // In JSON the same escapes mean what is on disk.
        &["status", "--json"],
        &["verify", "--json"],
        &["forget", "--dry-run", "--json"],
        &["status", "-v"],
        &["verify"],
        &["snapshots", "web"],
        &["forget", "--dry-run"],
        &["restore", "--all", "--to", "restored", "--source", "none"],
        &["backup", "--dry-run"],
        &["backup", "-vvv"],
        &["status"],
    ];
    let mut all = String::new();
    for command in commands {
        let run = world.forgekeep(command).run();
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains([TURN, ESCAPE]), "{command:?}: {text}");
            all.push_str(text);
        }
    }
    let run = world.forgekeep(&["status", "--json"]).run();
    assert!(run.stdout.contains("y\\u202ez"), "{}", run.stdout);
    let read: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(read.to_string().contains(&format!("y{TURN}z")), "{read}");
    // All three were named all the same.
    for shown in ["\\u{1b}[2Jx", "refs/heads/a\\u{202e}b", "(now w\\u{202e}e)"] {
        assert!(all.contains(shown), "{shown}: {all}");
    }
}
