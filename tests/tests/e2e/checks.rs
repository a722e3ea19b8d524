//! A check ends where a backup would, and with the same code.

use forgekeep_tests::{Action, Fault, RequestKind};

use crate::support::{World, files};

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world
}

/// What ends a backup ends a check, with the same code.
#[track_caller]
fn as_a_backup(world: &World, code: i32, says: &str) {
    let run = world.forgekeep(&["check"]).run().expect(code);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains(says), "{says}: {said}");
    world.backup().expect(code);
}

#[test]
fn a_check_ends_where_the_folder_ends_a_backup() {
    let world = world();
    let configure = |folder: &str| {
        let source = world.source();
        let content = serde_json::json!({
            "localFolder": world.sandbox.path(folder), "sources": [source],
        });
        world.sandbox.write("settings.yml", content.to_string());
    };
    world.sandbox.write("file", "x");
    for (folder, says) in [
        ("no/such/folder", "is the disk mounted?"),
        ("file", "cannot use the backup folder"),
        ("file/backup", "backup folder"),
    ] {
        configure(folder);
        as_a_backup(&world, 1, says);
        world.forgekeep(&["check", "--offline"]).run().expect(1);
    }
    configure("new");
    world.forgekeep(&["check"]).run().expect(0);
    assert!(!world.sandbox.path("new").exists());
}

#[test]
fn a_check_asks_git_as_a_backup_does() {
    let world = World::new();
    world.forge.repository("public").commit("one");
    world.forge.repository("web").private().commit("one");
    for (status, code, says) in [
        (401, 12, "the credentials were refused"),
        (403, 3, "403"),
        (500, 3, "500"),
    ] {
        world.forge.clear_faults();
        world
            .forge
            .inject(Fault::on(RequestKind::InfoRefs, Action::status(status)));
        as_a_backup(&world, code, says);
    }
    // One that is gone since it was listed says nothing about the others.
    world.forge.clear_faults();
    let gone = Fault::on(RequestKind::InfoRefs, Action::status(404));
    world.forge.inject(gone.repository("web"));
    world.forgekeep(&["check"]).run().expect(0);
    // A private one is asked for first, and one that is not to be backed up not at all.
    world.forge.clear_faults();
    let refused = Fault::on(RequestKind::InfoRefs, Action::status(401));
    world.forge.inject(refused.repository("web"));
    world.forgekeep(&["check"]).run().expect(12);
    world.configure(&[world.source_with("ignoreRepos", vec!["web"])]);
    world.forgekeep(&["check"]).run().expect(0);
    world.forge.reset_log();
    world.forgekeep(&["check", "--offline"]).run().expect(0);
    assert!(world.forge.requests().is_empty());
}

#[test]
fn a_check_writes_nothing_and_warns_of_a_run_under_way() {
    let world = world();
    world.backup().expect(0);
    let before = files(&world.sandbox.backup());
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(!run.stdout.contains("another run"), "{}", run.stdout);
    let lock = world.sandbox.backup().join(".forgekeep/lock");
    let lock = std::fs::File::options().write(true).open(lock).unwrap();
    lock.lock().unwrap();
    for arguments in [&["check"][..], &["check", "--offline"]] {
        let run = world.forgekeep(arguments).run().expect(0);
        assert!(
            run.stdout
                .contains("warning: a backup would not begin now: another run"),
            "{}",
            run.stdout
        );
    }
    world.backup().expect(13);
    lock.unlock().unwrap();
    assert_eq!(files(&world.sandbox.backup()), before);
}

/// Somebody else than root, who may write anywhere.
#[cfg(unix)]
#[test]
fn a_check_ends_where_the_folder_is_somebody_elses() {
    use std::os::unix::fs::{PermissionsExt, chown};

    use crate::machine::{SOMEBODY, give, is_root};

    let world = world();
    world.backup().expect(0);
    let backup = world.sandbox.backup();
    let is_root = is_root();
    let run = |arguments: &[&str]| match is_root {
        true => world.forgekeep(arguments).user(SOMEBODY).run(),
        false => world.forgekeep(arguments).run(),
    };
    let forbid = |path: &std::path::Path, forbidden: bool| {
        let mode = if forbidden { 0o555 } else { 0o755 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        if is_root {
            chown(path, Some(if forbidden { 0 } else { SOMEBODY }), None).unwrap();
        }
    };
    if is_root {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    run(&["check"]).expect(0);
    let folders = [
        backup.join(".forgekeep"),
        backup.join("_config"),
        backup.join("acme"),
    ];
    for (folder, code) in folders.iter().zip([3, 1, 3]) {
        // What is not there yet has to be made, and the copy to be written anew.
        world.configure(&[world.source_with(
            "ignoreRepos",
            vec![folder.file_name().unwrap().to_string_lossy().into_owned()],
        )]);
        if is_root {
            chown(world.sandbox.path("settings.yml"), Some(SOMEBODY), None).unwrap();
        }
        world
            .forge
            .repository(&format!("new-{code}-{}", folder.file_name().unwrap().len()))
            .commit("one");
        forbid(folder, true);
        for arguments in [&["check"][..], &["check", "--offline"], &["backup"]] {
            let run = run(arguments).expect(code);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(said.contains("denied"), "{arguments:?}: {said}");
        }
        forbid(folder, false);
    }
    std::fs::remove_dir_all(&backup).unwrap();
    forbid(backup.parent().unwrap(), true);
    for arguments in [&["check"][..], &["check", "--offline"], &["backup"]] {
        run(arguments).expect(1);
    }
    forbid(backup.parent().unwrap(), false);
}
