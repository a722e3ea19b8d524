//! Who may read a backup, and what is said where others can.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use forgekeep_tests::Run;
use serde_json::{Value, json};

use crate::support::{TOKEN, World, notes};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Everything in a folder, and it.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(all(&path)),
            false => found.push(path),
        }
    }
    found
}

/// Panics unless nothing in a folder is open to those whom this umask keeps out, and the rest is as
/// open as it can be.
#[track_caller]
fn assert_closed(folder: &Path, umask: u32) {
    for path in all(folder) {
        let mode = mode(&path);
        assert_eq!(mode & umask, 0, "{}: {mode:o}", path.display());
        if path.is_dir() {
            assert_eq!(mode, 0o777 & !umask, "{}: {mode:o}", path.display());
        } else {
            // Packs are read-only.
            let readable = 0o444 & !umask;
            assert_eq!(mode & 0o444, readable, "{}: {mode:o}", path.display());
        }
    }
}

fn world_with(umask: &Value) -> World {
    let world = World::new();
    let options = json!({"network": {"retries": 0}, "backup": {"umask": umask}});
    world.configure_with(&[world.source()], &options);
    world.forge.repository("web").private().commit("one").wiki();
    world
}

#[test]
fn what_a_run_makes_is_for_its_user_alone() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one").wiki();
    world.backup().expect(0);
    web.force_push("main").tag("v1");
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
    let first = world
        .forgekeep(&["snapshots", "web", "--json"])
        .run()
        .expect(0);
    let first: Value = serde_json::from_str(&first.stdout).unwrap();
    let id = first["snapshots"][0]["id"].as_str().unwrap();
    world
        .forgekeep(&["forget", "web", "--snapshot", id])
        .run()
        .expect(0);
    world
        .forgekeep(&["forget", "web", "--prune"])
        .run()
        .expect(0);
    assert_closed(&world.sandbox.backup(), 0o077);
    // What is not the backup is as the user has it.
    assert_eq!(
        mode(&world.sandbox.path("report.json")),
        default_mode(&world)
    );
    let restored = world.sandbox.path("restored");
    let to = restored.to_str().unwrap();
    world
        .forgekeep(&["restore", "web", "--to", to])
        .run()
        .expect(0);
    let file = all(&restored).into_iter().find(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("file-")
    });
    assert_eq!(mode(&file.unwrap()), default_mode(&world));
}

/// How a file comes out that this process makes.
fn default_mode(world: &World) -> u32 {
    let path = world.sandbox.path("probe");
    fs::write(&path, "").unwrap();
    mode(&path)
}

#[test]
fn the_umask_is_octal_however_it_is_written() {
    for (written, umask) in [
        (json!("077"), 0o077),
        (json!("0027"), 0o027),
        (json!("0o27"), 0o027),
        (json!(27), 0o027),
        (json!("22"), 0o022),
        (json!(0), 0),
    ] {
        let world = world_with(&written);
        world.backup().expect(0);
        assert_closed(&world.sandbox.backup(), umask);
    }
    for (line, umask) in [("umask: 027", 0o027), ("umask: 0o22", 0o022)] {
        let world = world_with(&json!(0));
        let file = world.sandbox.path("settings.yml");
        let text = fs::read_to_string(&file)
            .unwrap()
            .replace("\"umask\": 0", line);
        fs::write(&file, text).unwrap();
        world.backup().expect(0);
        assert_closed(&world.sandbox.backup(), umask);
    }
    let bad = [
        json!("78"),
        json!("100"),
        json!(9),
        json!(-1),
        json!(true),
        json!(""),
        json!([7]),
    ];
    for written in bad {
        let world = world_with(&written);
        let run = world.backup().expect(10);
        assert!(
            run.stderr.contains("options.backup.umask"),
            "{}",
            run.stderr
        );
    }
}

#[track_caller]
fn assert_said(run: &Run, wanted: &str) {
    let said = notes(run, "acme");
    assert!(said.contains(wanted), "{said}");
    assert!(run.stderr.contains(wanted), "{}", run.stderr);
}

#[test]
fn private_code_that_others_can_read_is_told_and_left_as_it_is() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    world.forge.repository("api").private().commit("one");
    world.forge.repository("site").commit("one");
    world.backup().expect(0);
    let wanted = "can be read by every user of this machine";
    for path in all(&world.sandbox.backup())
        .into_iter()
        .filter(|path| path.is_dir())
    {
        set_mode(&path, 0o755);
    }
    for quiet in [&[][..], &["-q"]] {
        let run = world.forgekeep(&["backup"]).args(quiet).run().expect(0);
        assert_said(&run, &format!("2 private repositories {wanted}"));
        let backup = world.sandbox.backup();
        assert!(
            run.stderr
                .contains(&format!("chmod 700 {}", backup.display()))
        );
    }
    let check = world.forgekeep(&["check", "--offline"]).run().expect(0);
    assert!(check.stdout.contains(wanted), "{}", check.stdout);
    assert_eq!(mode(&world.mirror("web")), 0o755);
    // What is new is closed all the same.
    world.forge.repository("new").private().commit("one");
    let run = world.backup().expect(0);
    assert_said(&run, "2 private repositories");
    assert_eq!(mode(&world.folder("new")), 0o700);
    // One closed folder on the way is enough; and it may be meant.
    set_mode(&world.sandbox.backup().join("acme"), 0o700);
    let run = world.backup().expect(0);
    assert!(!notes(&run, "acme").contains(wanted), "{:#?}", run.report);
    set_mode(&world.sandbox.backup().join("acme"), 0o755);
    let options = json!({"backup": {"umask": "022"}});
    world.configure_with(&[world.source()], &options);
    let run = world.backup().expect(0);
    assert!(!notes(&run, "acme").contains(wanted), "{:#?}", run.report);
    let check = world.forgekeep(&["check", "--offline"]).run().expect(0);
    assert!(!check.stdout.contains(wanted), "{}", check.stdout);
}

#[test]
fn public_code_that_others_can_read_is_no_matter() {
    let world = World::new();
    world.forge.repository("site").commit("one");
    world.backup().expect(0);
    for path in all(&world.sandbox.backup())
        .into_iter()
        .filter(|path| path.is_dir())
    {
        set_mode(&path, 0o755);
    }
    let run = world.backup().expect(0);
    assert_eq!(notes(&run, "acme"), "");
}

#[test]
fn a_secret_in_a_configuration_that_others_can_read_is_told() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let file = world.configure(&[world.source()]);
    let real = file.canonicalize().unwrap();
    let wanted = format!("chmod 600 {}", real.display());
    let text = fs::read_to_string(&file).unwrap();
    // The sandbox makes files as they should be.
    assert_eq!(mode(&file), 0o600);
    let said = |arguments: &[&str]| {
        let run = world
            .forgekeep(arguments)
            .env("TOKEN", TOKEN)
            .run()
            .expect(0);
        assert!(!run.stderr.contains(TOKEN));
        (run.stdout + &run.stderr).contains(&wanted)
    };
    set_mode(&world.sandbox.path(""), 0o700);
    set_mode(&file, 0o600);
    assert!(!said(&["backup"]) && !said(&["check"]));
    // The folder it is in keeps the others out; it need not stay so.
    set_mode(&file, 0o644);
    assert!(said(&["backup"]) && said(&["check"]) && !said(&["backup", "-q"]));
    set_mode(&world.sandbox.path(""), 0o755);
    assert!(said(&["backup"]) && said(&["check"]) && said(&["backup", "-q"]));
    let run = world.backup().expect(0);
    assert_said(&run, "holds a secret, and its mode 0644");
    // A part of it is enough, and none is none.
    fs::write(&file, text.replace(TOKEN, "%TOKEN% ")).unwrap();
    assert!(!said(&["backup"]) && !said(&["check"]));
    fs::write(
        &file,
        text.replace(TOKEN, &format!("{}%REST%", &TOKEN[..6])),
    )
    .unwrap();
    let run = world
        .forgekeep(&["backup"])
        .env("REST", &TOKEN[6..])
        .run()
        .expect(0);
    assert_said(&run, "holds a secret");
}

#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let refs = world.mirror("web").join("packed-refs");
    set_mode(&refs, 0o640);
    let state = world.folder("web").join("forgekeep.json");
    set_mode(&state, 0o644);
    web.commit("two");
    world.backup().expect(0);
    assert_eq!((mode(&refs), mode(&state)), (0o640, 0o644));
}

#[test]
fn what_a_group_can_read_is_a_note_of_check_and_of_no_run() {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    let file = world.configure(&[world.source()]);
    world.backup().expect(0);
    let backup = world.sandbox.backup();
    for path in all(&backup).into_iter().filter(|path| path.is_dir()) {
        set_mode(&path, 0o750);
    }
    set_mode(&file, 0o640);
    let group = fs::metadata(&backup).unwrap().gid();
    let of_folder = format!(
        "note: what is backed up in acme can be read by the group ({group}) of {}, which has mode 0750",
        backup.display()
    );
    let of_file = "holds a secret, and its group (";
    let check = || {
        let run = world.forgekeep(&["check", "--offline"]).run().expect(0);
        assert!(!run.stdout.contains("every user"), "{}", run.stdout);
        (
            run.stdout.contains(&of_folder),
            run.stdout.contains(of_file),
        )
    };
    assert_eq!(check(), (true, true));
    let run = world.backup().expect(0);
    assert_eq!(notes(&run, "acme"), "");
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    assert_eq!(run.stdout + &run.stderr, "");
    // One closed folder on the way is enough, and it may be meant.
    set_mode(&backup.join("acme"), 0o700);
    set_mode(&file, 0o600);
    assert_eq!(check(), (false, false));
    set_mode(&backup.join("acme"), 0o750);
    let options = json!({"backup": {"umask": "027"}});
    world.configure_with(&[world.source()], &options);
    assert_eq!(check(), (false, false));
}
