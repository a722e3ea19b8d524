//! Where there is no backup, or nothing in it, that is said: an empty answer must not pass for a
//! sound one.

use std::fs;

use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::Value;

use crate::support::{World, content, notes};

/// What is asked of a backup, in every way.
const COMMANDS: [&[&str]; 9] = [
    &["verify"],
    &["verify", "web"],
    &["verify", "--subset", "1/7"],
    &["snapshots", "web"],
    &["restore", "web", "--to", "restored"],
    &["restore", "--all", "--to", "restored"],
    &["restore", "--all", "--to", "restored", "--at", "2020-01-01"],
    &["forget"],
    &["forget", "web", "--dry-run"],
];

fn said(run: &Run) -> String {
    format!("{}{}", run.stdout, run.stderr)
}

/// Every command ends with this code, says this, and leaves everything as it was.
#[track_caller]
fn all_say(world: &World, code: i32, says: &str) {
    let before = content(&world.sandbox.path(""));
    for arguments in COMMANDS {
        for more in [&[][..], &["-q"]] {
            let run = world.forgekeep(arguments).args(more).run().expect(code);
            let said = said(&run);
            assert!(said.contains(says), "{arguments:?}: {says}: {said}");
            assert!(said.contains("hint: "), "{arguments:?}: {said}");
            assert!(!said.contains("sound"), "{arguments:?}: {said}");
        }
    }
    assert!(!world.sandbox.path("restored").exists());
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(said(&run).contains(says), "{}", run.stdout);
    let run = world.forgekeep(&["status", "--json"]).run().expect(0);
    let status: Value = serde_json::from_str(&run.stdout).unwrap();
    let message = status["noBackup"]["message"].as_str().unwrap();
    assert!(message.contains(says), "{status:#}");
    assert_eq!(content(&world.sandbox.path("")), before);
}

#[test]
fn a_folder_without_a_backup_is_named_as_one() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let backup = world.sandbox.backup();
    let none_yet = format!("there is no backup yet in {}", backup.display());
    all_say(&world, 1, &format!("{none_yet}: the folder does not exist"));
    fs::create_dir(&backup).unwrap();
    all_say(&world, 1, &none_yet);
    // A mount point, and what a check of something else has left.
    fs::create_dir(backup.join("lost+found")).unwrap();
    fs::create_dir(backup.join(".forgekeep")).unwrap();
    fs::write(backup.join(".forgekeep/lock"), "").unwrap();
    all_say(&world, 1, &none_yet);
    fs::create_dir_all(backup.join("photos/2026")).unwrap();
    fs::write(backup.join("photos/2026/a.jpg"), "x").unwrap();
    all_say(
        &world,
        1,
        &format!("{none_yet}: the content of this folder was made by neither"),
    );
    // With `--folder` as well.
    let folder = backup.to_str().unwrap();
    let run = world
        .forgekeep(&["verify", "--folder", folder])
        .run()
        .expect(1);
    assert!(run.stderr.contains(&none_yet), "{}", run.stderr);
    let run = world
        .forgekeep(&["snapshots", "web", "--folder", folder])
        .run()
        .expect(1);
    assert!(run.stderr.contains(&none_yet), "{}", run.stderr);
    // The first backup ends it.
    world.backup().expect(0);
    for arguments in [&["verify"][..], &["status"], &["snapshots", "web"]] {
        let run = world.forgekeep(arguments).run().expect(0);
        assert!(!said(&run).contains("no backup yet"), "{}", said(&run));
    }
}

#[test]
fn a_file_in_the_place_of_the_folder_is_no_matter_of_the_disk() {
    let world = World::new();
    fs::write(world.sandbox.backup(), "x").unwrap();
    for arguments in COMMANDS {
        let run = world.forgekeep(arguments).run().expect(1);
        assert!(
            run.stderr.contains("system log").eq(&false),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
}

#[test]
fn a_first_run_that_backed_up_nothing_is_no_backup() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let none_yet = format!(
        "there is no backup yet in {}: the last run, of ",
        world.sandbox.backup().display()
    );
    for fault in [
        Fault::on(RequestKind::Api, Action::status(500)),
        Fault::on(RequestKind::InfoRefs, Action::status(403)),
    ] {
        world.forge.clear_faults();
        world.forge.inject(fault);
        world.backup().expect(3);
        all_say(&world, 1, &none_yet);
    }
    world.forge.clear_faults();
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn a_workspace_without_repositories_has_a_backup() {
    let world = World::new();
    let run = world.backup().expect(0);
    assert!(run.stdout.contains("Nothing to back up"), "{}", run.stdout);
    assert!(notes(&run, "acme").contains("sees no repository"));
    let run = world.forgekeep(&["verify"]).run().expect(0);
    assert!(
        run.stdout
            .contains("0 repositories, 0 objects verified: the backup holds none"),
        "{}",
        run.stdout
    );
    let run = world
        .forgekeep(&["restore", "--all", "--to", "restored"])
        .run()
        .expect(0);
    assert!(run.stdout.contains("Nothing to restore"), "{}", run.stdout);
    let run = world.forgekeep(&["forget"]).run().expect(0);
    assert!(
        run.stdout
            .contains("Nothing to forget: the backup holds no repository."),
        "{}",
        run.stdout
    );
    for arguments in [
        &["snapshots", "web"][..],
        &["restore", "web", "--to", "restored"],
    ] {
        let run = world.forgekeep(arguments).run().expect(2);
        assert!(
            run.stderr.contains("the backup holds no repository"),
            "{}",
            run.stderr
        );
    }
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(!run.stdout.contains("no backup yet"), "{}", run.stdout);
    let run = world.forgekeep(&["list"]).run().expect(0);
    assert!(said(&run).contains("sees no repository"), "{}", said(&run));
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(run.stdout.contains("sees no repository"), "{}", run.stdout);
}

#[test]
fn a_backup_of_which_nothing_is_left_is_no_empty_one() {
    let world = World::new();
    for slug in ["web", "api"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    // The newest report says nothing of repositories.
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(500)));
    world.backup().expect(3);
    fs::remove_dir_all(world.sandbox.backup().join("acme")).unwrap();
    for arguments in COMMANDS {
        let run = world.forgekeep(arguments);
        // A repository that is asked for is not there, and a part of nothing is nothing.
        let run = run.run().expect(3);
        let said = said(&run);
        assert!(
            said.contains("holds no repository, and its reports know of 2 repositories in it"),
            "{arguments:?}: {said}"
        );
        assert!(!said.contains("sound"), "{arguments:?}: {said}");
    }
    let run = world.forgekeep(&["verify", "--json"]).run().expect(3);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_ne!(document["outcome"], "ok");
    let run = world.forgekeep(&["status"]).run().expect(0);
    assert!(run.stdout.contains("holds no repository"), "{}", run.stdout);
}

#[test]
fn reports_that_cannot_be_read_leave_it_open_whether_there_was_a_backup() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    fs::remove_dir_all(world.sandbox.backup().join("acme")).unwrap();
    let runs = world.sandbox.backup().join(".forgekeep/runs");
    for file in crate::support::files(&runs) {
        fs::write(file, "{").unwrap();
    }
    let run = world
        .forgekeep(&["restore", "--all", "--to", "restored"])
        .run()
        .expect(3);
    assert!(
        run.stderr.contains("reports of its runs cannot be read"),
        "{}",
        run.stderr
    );
    world.forgekeep(&["verify"]).run().expect(3);
}

#[test]
fn filters_that_leave_out_everything_are_said_by_every_command() {
    let world = World::new();
    for slug in ["web", "api"] {
        world.forge.repository(slug).commit("one");
    }
    for filter in [
        world.source_with("ignoreRepos", vec!["*"]),
        world.source_with("includeRepos", vec!["wep"]),
    ] {
        world.configure(&[filter]);
        let says = "nothing of this source is backed up: all 2 repositories are left out";
        for arguments in [&["list"][..], &["backup", "--dry-run"], &["check"]] {
            let run = world.forgekeep(arguments).run().expect(0);
            assert!(said(&run).contains(says), "{arguments:?}: {}", said(&run));
        }
        let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
        assert!(said(&run).contains(says), "{}", said(&run));
        assert!(run.stdout.contains("Nothing to back up"), "{}", run.stdout);
        assert!(notes(&run, "acme").contains(says));
    }
    world.configure(&[world.source_with("ignoreRepos", vec!["web"])]);
    let run = world.backup().expect(0);
    assert!(!notes(&run, "acme").contains("left out"));
    // What is left of it is no longer all.
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(!run.stdout.contains("left out"), "{}", run.stdout);
}

#[test]
fn a_configuration_without_sources_is_refused() {
    let world = World::new();
    world.configure(&[]);
    for command in ["backup", "list", "check"] {
        let run = world.forgekeep(&[command]).run().expect(10);
        assert!(run.stderr.contains("sources"), "{}", run.stderr);
    }
}

#[test]
fn a_restore_of_nothing_is_no_success() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let arguments = ["restore", "--all", "--to", "restored", "--at", "2020-01-01"];
    for more in [&[][..], &["-q"]] {
        let run = world.forgekeep(&arguments).args(more).run().expect(2);
        assert!(
            run.stderr.contains("nothing was restored"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_part_without_repositories_is_said_and_is_no_failure() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let mut empty = 0;
    for part in 1..=3 {
        let subset = format!("{part}/3");
        let run = world
            .forgekeep(&["verify", "--subset", &subset])
            .run()
            .expect(0);
        if run.stdout.contains("no repository is in this part") {
            empty += 1;
        } else {
            assert!(run.stdout.contains("1 repository"), "{}", run.stdout);
        }
    }
    assert_eq!(empty, 2);
    let run = world.forgekeep(&["forget"]).run().expect(0);
    assert!(run.stdout.contains("Nothing to forget."), "{}", run.stdout);
}

#[test]
fn what_is_named_and_not_there_is_said() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let wiki = ["forget", "web", "--wiki", "--snapshot", "0123"];
    for arguments in [&wiki[..], &["snapshots", "web", "--wiki"]] {
        let run = world.forgekeep(arguments).run().expect(2);
        assert!(
            run.stderr.contains("has no wiki in the backup"),
            "{}",
            run.stderr
        );
    }
    let run = world
        .forgekeep(&["forget", "web", "--snapshot", "0123"])
        .run()
        .expect(3);
    assert!(run.stderr.contains("0123"), "{}", run.stderr);
    // A folder for plugins that is not there is hardly meant.
    for arguments in [&["plugins", "list"][..], &["check", "--offline"]] {
        let run = world
            .forgekeep(arguments)
            .args(&["--plugin-dir", "nowhere"])
            .run()
            .expect(0);
        assert!(
            run.stderr
                .contains("warning: --plugin-dir nowhere: there is no such folder"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_repository_that_was_backed_up_in_part_is_missed_too() {
    let world = World::new();
    world.forge.repository("web").commit("one").wiki();
    world.forge.repository("api").commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)).wiki(true));
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "partial");
    fs::remove_dir_all(world.folder("web")).unwrap();
    let run = world.forgekeep(&["verify"]).run().expect(3);
    assert!(run.stdout.contains("acme/acme#web"), "{}", run.stdout);
    assert!(
        !run.stdout.contains("verified: all sound\n"),
        "{}",
        run.stdout
    );
}
