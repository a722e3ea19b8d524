//! What makes a run ask git although the listing says that nothing has changed.

use std::fs::{self, File};
use std::io::Write as _;
#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::time::SystemTime;

use forgekeep_tests::{Action, Fault, RequestKind, binaries, git};
use serde_json::Value;

use super::{LATER, assert_asks, backup, versions, versions_file, web, world};
use crate::support::{World, plugin_file};

/// Panics unless a change makes the next run ask for `web`, and the run after that believe the listing
/// again.
#[track_caller]
fn assert_asks_after(change: impl FnOnce(&World)) {
    let world = world();
    assert_asks(&world, &[], &[]);
    change(&world);
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn another_program_has_changed_the_refs() {
    assert_asks_after(|world| {
        git::run(
            &world.mirror("web"),
            &["update-ref", "refs/heads/x", "HEAD"],
        );
    });
    for file in ["packed-refs", "HEAD"] {
        assert_asks_after(|world| {
            let path = world.mirror("web").join(file);
            let text = fs::read(&path).unwrap();
            fs::write(&path, text).unwrap();
        });
    }
}

#[test]
fn another_program_has_packed_the_objects() {
    assert_asks_after(|world| {
        git::run(&world.mirror("web"), &["repack", "-a", "-d", "-f", "-q"]);
        git::run(&world.mirror("web"), &["gc", "-q"]);
    });
}

#[cfg(unix)]
#[test]
fn the_mirror_is_a_copy() {
    assert_asks_after(|world| {
        let mirror = world.mirror("web");
        let old = mirror.with_file_name("old");
        fs::rename(&mirror, &old).unwrap();
        copy(&old, &mirror);
        fs::remove_dir_all(old).unwrap();
    });
}

#[cfg(unix)]
/// A copy that keeps the times, as programs that restore do.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), &target).unwrap()),
        }
        let time = entry.metadata().unwrap().modified().unwrap();
        set_time(&target, time);
    }
    set_time(to, fs::metadata(from).unwrap().modified().unwrap());
}

#[cfg(unix)]
fn set_time(path: &Path, time: SystemTime) {
    // Packs may be read alone.
    let file = File::open(path).unwrap();
    file.set_modified(time).unwrap();
}

#[test]
fn the_state_file_was_written_again() {
    assert_asks_after(|world| {
        let path = world.folder("web").join("forgekeep.json");
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
    });
}

#[test]
fn the_newest_pack_is_gone() {
    let world = world();
    assert_asks(&world, &[], &[]);
    let packs = world.mirror("web").join("objects/pack");
    for entry in fs::read_dir(packs).unwrap().flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "pack")
        {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let (run, asked) = backup(&world, &[]);
    assert!(asked.contains(&"web".to_owned()), "{asked:?}");
    assert!(!asked.contains(&"app".to_owned()), "{asked:?}");
    assert!(run.expect(0).repository("acme/web")["alert"].is_string());
    world.assert_mirrored(web(&world));
    // What was repaired is not believed at once.
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn the_state_file_is_gone() {
    let world = world();
    fs::remove_file(world.folder("web").join("forgekeep.json")).unwrap();
    let (run, asked) = backup(&world, &[]);
    assert_eq!(asked, ["web"]);
    assert!(run.expect(0).repository("acme/web")["alert"].is_string());
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn verify_has_found_damage() {
    let world = world();
    let packs = world.mirror("web").join("objects/pack");
    let packs = fs::read_dir(packs)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let pack = packs
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "pack"));
    let pack = pack.unwrap();
    let time = fs::metadata(&pack).unwrap().modified().unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let mut permissions = fs::metadata(&pack).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    fs::set_permissions(&pack, permissions).unwrap();
    let mut file = File::options().write(true).open(&pack).unwrap();
    file.write_all(&bytes).unwrap();
    file.set_modified(time).unwrap();
    drop(file);
    // From outside it looks as before: a flipped bit of the disk changes no time.
    assert_asks(&world, &[], &[]);
    let verify = world.forgekeep(&["verify"]).run();
    assert_ne!(verify.code, Some(0), "{}", verify.stdout);
    let (run, asked) = backup(&world, &[]);
    assert!(asked.contains(&"web".to_owned()), "{asked:?}");
    run.expect(0);
    world.assert_mirrored(web(&world));
}

#[test]
fn the_last_outcome_was_not_good() {
    let world = world();
    let broken = Fault::on(RequestKind::InfoRefs, Action::status(500)).repository("web");
    world.forge.inject(broken);
    backup(&world, &["--full"]).0.expect(3);
    world.forge.clear_faults();
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn a_run_was_killed_while_it_asked() {
    let world = world();
    let hang = Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web");
    world.forge.inject(hang);
    world.forge.reset_log();
    let mut running = world.forgekeep(&["backup", "--full"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 2);
    running.kill();
    running.wait();
    world.forge.clear_faults();
    world.forge.release();
    assert_eq!(versions(&world)["repositories"], serde_json::json!({}));
    assert_asks(&world, &[], &["app", "web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn it_was_renamed_or_has_another_default_branch() {
    assert_asks_after(|world| {
        web(world).change(|entry| entry.main_branch = Some("other".to_owned()));
    });
    let world = world();
    web(&world).rename("site");
    assert_asks(&world, &[], &["site"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn it_was_not_listed_for_a_while() {
    let world = world();
    world.configure(&[world.source_with("ignoreRepos", vec!["web".to_owned()])]);
    assert_asks(&world, &[], &[]);
    world.configure(&[world.source()]);
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn the_plugin_is_another_file() {
    let world = world();
    let folder = world.sandbox.path("plugins");
    fs::create_dir(&folder).unwrap();
    let file = folder.join(plugin_file("bitbucket"));
    fs::copy(binaries().library("forgekeep_hoster_bitbucket"), &file).unwrap();
    let with = ["--plugin-dir", folder.to_str().unwrap()];
    assert_asks(&world, &with, &[]);
    // Its version stays, and so does what it does.
    File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .write_all(b"x")
        .unwrap();
    assert_asks(&world, &with, &["app", "web"]);
    assert_asks(&world, &with, &[]);
    assert_asks(&world, &[], &["app", "web"]);
}

#[test]
fn the_clock_was_set_back() {
    let world = world();
    let runs = world.sandbox.backup().join(".forgekeep/runs");
    let newest = fs::read_dir(runs)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let path = newest
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .max()
        .unwrap();
    let mut old: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for key in ["run", "checksum"] {
        old.as_object_mut().unwrap().remove(key);
    }
    old["finished"] = "2099-01-01T00:00:01Z".into();
    fs::remove_file(world.sandbox.backup().join(".forgekeep/runs.json")).unwrap();
    fs::write(&path, old.to_string()).unwrap();
    assert_asks(&world, &[], &["app", "web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn what_is_known_is_damaged_or_gone() {
    let world = world();
    fs::write(versions_file(&world), "{\"format\": 1").unwrap();
    let run = assert_asks(&world, &[], &["app", "web"]);
    assert!(crate::support::notes(&run, "acme").contains("acme.json"));
    assert_asks(&world, &[], &[]);
    fs::remove_file(versions_file(&world)).unwrap();
    assert_asks(&world, &[], &["app", "web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn it_is_another_workspace_or_address() {
    let world = world();
    let other = World::of(crate::support::forge());
    other.forge.repository("web").commit("another");
    other.forge.repository("app").commit("another");
    other.forge.set_clock(LATER);
    // The same ids under the same title, at another address.
    world.configure(&[world.source_with("apiUrl", other.forge.api_url())]);
    other.forge.reset_log();
    world.backup().expect(0);
    assert_eq!(other.forge.count(RequestKind::InfoRefs), 2);
}
