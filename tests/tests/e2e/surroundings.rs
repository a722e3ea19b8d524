//! What `check` tells of the folder and the network, and root in the folder of another user.
#![allow(clippy::print_stderr)] // a test that is skipped says so

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use forgekeep_tests::Run;
use serde_json::{Value, json};

use crate::machine::{SOMEBODY, give, is_root};
use crate::mount::Mount;
use crate::support::{EMAIL, TOKEN, World};

fn checked(world: &World, code: i32) -> Value {
    let run = world.forgekeep(&["check", "--json"]).run().expect(code);
    serde_json::from_str(&run.stdout).unwrap()
}

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_check_tells_of_the_folder_and_leaves_nothing_in_it() {
    let world = world();
    let before = names(&world.sandbox.path(""));
    let said = checked(&world, 0);
    assert_eq!(said["folder"]["exists"], false);
    assert_eq!(names(&world.sandbox.path("")), before);
    world.backup().expect(0);
    let before = names(&world.sandbox.path("backup/.forgekeep"));
    let folder = &checked(&world, 0)["folder"];
    assert_eq!(folder["exists"], true);
    assert_eq!(folder["mode"], "0700");
    let owner = fs::metadata(world.sandbox.backup()).unwrap().uid();
    assert_eq!(folder["owner"], json!(owner));
    assert!(folder["bytesFree"].as_u64() > Some(0), "{folder:#}");
    assert!(folder["bytes"].as_u64() >= folder["bytesFree"].as_u64());
    let trials = folder["trials"].as_array().unwrap();
    let tried: Vec<_> = trials.iter().map(|trial| &trial["ability"]).collect();
    assert_eq!(
        json!(tried),
        json!([
            "rename",
            "sync",
            "syncFolder",
            "chmod",
            "hardLink",
            "lock",
            "case"
        ])
    );
    assert_eq!(trials[0]["works"], true);
    assert_eq!(names(&world.sandbox.path("backup/.forgekeep")), before);
    let run = world.forgekeep(&["check"]).run().expect(0);
    assert!(
        run.stdout.contains("  tried: rename, sync"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("\nproxy: none\n"), "{}", run.stdout);
    assert!(
        run.stdout.contains("\ncertificates: those of the system\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn proxy_and_authorities_in_force_are_told_and_no_password() {
    let world = world();
    let missing = world.sandbox.path("no-such.pem");
    let run = |json: bool| {
        let words: &[&str] = match json {
            true => &["check", "--json"],
            false => &["check"],
        };
        // The forge is on this machine: no proxy has to do with it.
        let run = world
            .forgekeep(words)
            .env(
                "HTTPS_PROXY",
                "http://dev:hunter2hunter2@proxy.example:3128",
            )
            .env("NO_PROXY", "intra.example")
            .env("SSL_CERT_FILE", &missing)
            .run()
            .expect(0);
        assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
        run.stdout
    };
    let text = run(false);
    assert!(text.contains("proxy.example:3128 (HTTPS_PROXY)"), "{text}");
    assert!(text.contains("not for intra.example"), "{text}");
    assert!(
        text.contains("warning: no certificate will be trusted: SSL_CERT_FILE names"),
        "{text}"
    );
    let said: Value = serde_json::from_str(&run(true)).unwrap();
    let network = &said["network"];
    assert!(network["proxy"].as_str().unwrap().contains("proxy.example"));
    assert_eq!(network["noProxy"], "intra.example");
    assert_eq!(network["certificateFile"], json!(missing));
    assert_eq!(network["certificateFolder"], Value::Null);
    assert_eq!(said["warnings"].as_array().unwrap().len(), 1, "{said:#}");
}

#[test]
fn little_room_is_told() {
    let world = world();
    let Some(mount) = Mount::tmpfs(&world.sandbox.backup(), "8m") else {
        return;
    };
    let run = mount.run(&world, &["check"]).expect(0);
    assert!(
        run.stdout.contains("MiB are free for the backup"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("  file system: tmpfs"),
        "{}",
        run.stdout
    );
}

/// Everything below a folder, and it.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match fs::symlink_metadata(&path).unwrap().is_dir() {
            true => found.extend(all(&path)),
            false => found.push(path),
        }
    }
    found
}

#[track_caller]
fn assert_refused(run: &Run) {
    let command = format!("sudo -u '#{SOMEBODY}' ");
    assert!(run.stderr.contains(&command), "{}", run.stderr);
}

#[test]
fn root_leaves_nothing_in_the_folder_of_another_user() {
    let world = world();
    if !is_root() {
        eprintln!("skipped: this is not root");
        return;
    }
    world.backup().expect(0);
    give(&world.sandbox.backup(), SOMEBODY);
    for arguments in [
        &["backup"][..],
        &["check"],
        &["verify"],
        &["forget"],
        &["drill"],
    ] {
        let before = all(&world.sandbox.backup());
        let run = world.forgekeep(arguments).run().expect(2);
        assert_refused(&run);
        assert!(run.stderr.contains(arguments[0]), "{}", run.stderr);
        assert_eq!(all(&world.sandbox.backup()), before, "{arguments:?}");
    }
    // What only reads is not refused.
    world.forgekeep(&["status"]).run().expect(0);
    world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    // Nor is whoever owns the folder.
    give(&world.sandbox.path(""), SOMEBODY);
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(world.sandbox.path(""), open).unwrap();
    world.forgekeep(&["backup"]).user(SOMEBODY).run().expect(0);
    let owners = all(&world.sandbox.backup());
    let owner = |path: &PathBuf| fs::symlink_metadata(path).unwrap().uid();
    assert!(owners.iter().all(|path| owner(path) == SOMEBODY));
}

#[test]
fn root_sets_it_up_for_the_user_whose_folder_it_is() {
    let world = world();
    if !is_root() {
        eprintln!("skipped: this is not root");
        return;
    }
    let folder = world.sandbox.backup();
    fs::create_dir(&folder).unwrap();
    give(&folder, SOMEBODY);
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    let token = world.sandbox.write("given", TOKEN);
    let run = world
        .forgekeep(&["init", "--hoster", "bitbucket", "--name", "acme"])
        .args(&["--api-url", world.forge.api_url(), "--api-auth-name", EMAIL])
        .args(&["--folder", folder.to_str().unwrap()])
        .args(&["--token-file", token.to_str().unwrap()])
        .run()
        .expect(0);
    let wanted = format!("  sudo -u '#{SOMEBODY}' forgekeep backup\n");
    assert!(run.stdout.contains(&wanted), "{}", run.stdout);
    for file in ["forgekeep.yml", "acme.token"] {
        let found = fs::metadata(world.sandbox.path(file)).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (SOMEBODY, 0o600));
    }
    assert_eq!(names(&folder), Vec::<String>::new());
    give(&world.sandbox.path(""), SOMEBODY);
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(world.sandbox.path(""), open).unwrap();
    world.forgekeep(&["backup"]).user(SOMEBODY).run().expect(0);
}
