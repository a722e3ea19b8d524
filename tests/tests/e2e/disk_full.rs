//! File systems that are full, read-only or closed: what is said, and that nothing is damaged.
#![cfg(unix)]
#![allow(clippy::print_stderr)] // a test that is skipped says so

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use forgekeep_tests::{RequestKind, Run, binaries, compare, git};

use crate::disk::commit_random;
use crate::mount::Mount;
use crate::support::{World, error, files, report};

const MIB: usize = 1 << 20;

/// A world whose backup folder is a file system of this size.
fn small(size: &str) -> Option<(World, Mount)> {
    let world = World::new();
    let mount = Mount::tmpfs(&world.sandbox.backup(), size)?;
    Some((world, mount))
}

/// The refs of a mirror, if it is sound.
fn sound_refs(mirror: &Path) -> String {
    compare::assert_sound(mirror);
    git::run(mirror, &["for-each-ref"])
}

#[track_caller]
fn said(run: &Run, name: &str, parts: &[&str]) {
    assert_eq!(run.outcome(name), "failed", "{name}");
    let said = error(run.repository(name));
    for part in ["disk: "].iter().chain(parts) {
        assert!(said.contains(part), "no \"{part}\" in: {said}");
    }
}

fn assert_no_leftovers(folder: &Path) {
    let left = files(folder).into_iter().find(|path| {
        let path = path.to_string_lossy();
        path.contains("_git2_") || path.contains("forgekeep-") || path.ends_with(".lock")
    });
    assert_eq!(left, None);
}

#[test]
fn when_space_runs_out_no_more_clones_are_begun_and_the_next_run_completes() {
    let Some((world, mount)) = small("40m") else {
        return;
    };
    let old = world.forge.repository("old").commit("one");
    let same = world.forge.repository("same").commit("one");
    mount.backup(&world, &[]).expect(0);
    // The hoster states less than it takes: that it does not fit shows by the error alone.
    let large = commit_random(world.forge.repository("large"), 44 * MIB).size(400_000);
    for (slug, size) in [("next", 300_000), ("last", 200_000)] {
        world.forge.repository(slug).commit("one").size(size);
    }
    old.commit("two");
    world.forge.reset_log();
    let run = mount.backup(&world, &["--jobs", "1"]).expect(3);
    let path = world.mirror("large");
    let path = path.to_str().unwrap();
    said(
        &run,
        "acme/large",
        &[
            path,
            "No space left on device",
            "make room on this file system",
        ],
    );
    for slug in ["next", "last"] {
        let parts = [
            "was not cloned: the disk became full in this run",
            "by the hosters' figures",
            "make room",
        ];
        said(&run, &format!("acme/{slug}"), &parts);
        assert!(!mount.view(&world.folder(slug)).exists());
    }
    // What is there already is still updated: there is room for that.
    assert_eq!(run.outcome("acme/old"), "updated");
    assert_eq!(run.outcome("acme/same"), "unchanged");
    compare::assert_mirror(&old.git_dir(), &mount.view(&world.mirror("old")));
    // A clone is one question and its answer; those that were not begun asked for nothing. What has
    // changed is asked again when it is its turn.
    let asked = world.forge.count(RequestKind::InfoRefs);
    assert!((3..=4).contains(&asked), "{asked}");
    assert!(!mount.view(&world.folder("large")).exists());
    assert_no_leftovers(&mount.view(&world.sandbox.backup()));

    // With less than the reserve left, updates are not tried any more.
    old.commit("three");
    mount.fill(MIB as u64);
    let before = sound_refs(&mount.view(&world.mirror("old")));
    let run = mount.backup(&world, &["--jobs", "1"]).expect(3);
    said(
        &run,
        "acme/old",
        &[
            "was not updated: the disk became full in this run",
            "16.0 MiB",
        ],
    );
    assert_eq!(run.outcome("acme/same"), "unchanged");
    assert_eq!(sound_refs(&mount.view(&world.mirror("old"))), before);

    mount.clear();
    mount.remount("size=120m");
    mount.backup(&world, &[]).expect(0);
    for repository in [old, same, large] {
        let mirror = mount.view(&world.mirror(&repository.entry().slug));
        compare::assert_mirror(&repository.git_dir(), &mirror);
    }
    assert_no_leftovers(&mount.view(&world.sandbox.backup()));
}

#[test]
fn an_update_that_does_not_fit_leaves_the_mirror_as_it_was() {
    let Some((world, mount)) = small("8m") else {
        return;
    };
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .branch("side", "HEAD");
    mount.backup(&world, &[]).expect(0);
    let mirror = || mount.view(&world.mirror("web"));
    let before = sound_refs(&mirror());
    commit_random(web, 10 * MIB);
    let run = mount.backup(&world, &[]).expect(3);
    let path = world.mirror("web");
    said(
        &run,
        "acme/web",
        &[path.to_str().unwrap(), "No space left on device"],
    );
    assert_eq!(sound_refs(&mirror()), before);
    assert_no_leftovers(&mirror());
    mount.remount("size=40m");
    let run = mount.backup(&world, &[]).expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    compare::assert_mirror(&web.git_dir(), &mirror());
}

/// Whatever it is that does not fit any more: pack, index, refs, or the state file.
#[test]
fn with_any_amount_of_room_the_mirror_is_the_old_or_the_new_one() {
    let Some((world, mount)) = small("4m") else {
        return;
    };
    let web = world.forge.repository("web").commit("one");
    mount.backup(&world, &[]).expect(0);
    let mirror = || mount.view(&world.mirror("web"));
    let before = sound_refs(&mirror());
    commit_random(web.many_branches(60), 30_000);
    let mut failed = 0;
    for pages in 0.. {
        mount.fill(pages * 4096);
        let run = mount.backup(&world, &[]);
        if run.code == Some(0) {
            break;
        }
        assert!(pages < 64, "never fits: {run:#?}");
        // Not even the run's own files may fit; then it says so as a whole.
        if run.code == Some(3) {
            said(&run, "acme/web", &["No space left on device", "make room"]);
            failed += 1;
        } else {
            assert_eq!(run.code, Some(1), "{run:#?}");
            assert!(run.stderr.contains("No space left on device"), "{run:#?}");
        }
        let now = sound_refs(&mirror());
        if now != before {
            compare::assert_mirror(&web.git_dir(), &mirror());
        }
    }
    assert!(failed > 0, "no amount of room was too little for the fetch");
    compare::assert_mirror(&web.git_dir(), &mirror());
    mount.clear();
    let run = mount.backup(&world, &[]).expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
}

#[test]
fn a_read_only_mirror_fails_alone_and_stays_as_it_is() {
    let world = World::new();
    let Some(mount) = Mount::tmpfs(&world.folder("web"), "8m") else {
        return;
    };
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    mount.backup(&world, &[]).expect(0);
    let mirror = || mount.view(&world.mirror("web"));
    let before = sound_refs(&mirror());
    web.commit("two");
    api.commit("two");
    mount.remount("ro");
    let run = mount.backup(&world, &[]).expect(3);
    let path = world.mirror("web");
    said(
        &run,
        "acme/web",
        &[
            path.to_str().unwrap(),
            "Read-only file system",
            "mounted read-only",
        ],
    );
    assert_eq!(run.outcome("acme/api"), "updated");
    assert_eq!(sound_refs(&mirror()), before);
    mount.remount("rw");
    mount.backup(&world, &[]).expect(0);
    compare::assert_mirror(&web.git_dir(), &mirror());
}

#[test]
fn a_read_only_backup_folder_is_said_before_anything_is_asked() {
    let Some((world, mount)) = small("8m") else {
        return;
    };
    let web = world.forge.repository("web").commit("one");
    mount.backup(&world, &[]).expect(0);
    web.commit("two");
    world.forge.reset_log();
    mount.remount("ro");
    let run = mount.backup(&world, &[]).expect(1);
    let folder = world.sandbox.backup();
    for part in [folder.to_str().unwrap(), "Read-only file system", "hint: "] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    let said = report(&run)["error"]["message"].as_str().unwrap();
    assert!(said.contains(folder.to_str().unwrap()), "{said}");
    assert!(world.forge.requests().is_empty());
    compare::assert_sound(&mount.view(&world.mirror("web")));
}

/// What FAT does to a pack of 4 GiB; and the one limit on writing that needs no file system.
#[test]
fn a_pack_larger_than_files_may_be_fails_its_repository_alone() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let before = sound_refs(&world.mirror("web"));
    commit_random(web, 2 * MIB);
    api.commit("two");
    // In blocks of 512 or 1024 bytes, as the shell likes.
    let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" backup --report report.json";
    let forgekeep = binaries().forgekeep();
    let run = world
        .sandbox
        .program("/bin/sh", ["-c", script, forgekeep.to_str().unwrap()])
        .run();
    let written = fs::read(world.sandbox.path("report.json")).unwrap();
    let run = Run {
        report: serde_json::from_slice(&written).unwrap(),
        ..run
    }
    .expect(3);
    let path = world.mirror("web");
    said(
        &run,
        "acme/web",
        &[path.to_str().unwrap(), "File too large", "ulimit -f"],
    );
    assert_eq!(run.outcome("acme/api"), "updated");
    assert_eq!(sound_refs(&world.mirror("web")), before);
    world.backup().expect(0);
    world.assert_mirrored(web);
}

/// Runs as somebody who is not root, for whom permissions count. The backup is that user's for the
/// time of the run only: git reads nobody else's.
fn backup_as_mortal(world: &World) -> Option<Run> {
    let out = world.sandbox.path("out");
    fs::create_dir_all(&out).unwrap();
    let forgekeep = binaries().forgekeep();
    let mut command: Vec<PathBuf> = Vec::new();
    let root = fs::metadata(&out).unwrap().uid() == 0;
    let own = |user: &str| {
        let settings = world.sandbox.path("settings.yml");
        let folders = [world.sandbox.backup(), out.clone(), settings];
        let chown = Command::new("chown")
            .args(["-R", user])
            .args(folders)
            .status();
        assert!(chown.unwrap().success());
    };
    if root {
        fs::set_permissions(world.sandbox.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let user = [
            "/usr/bin/setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
        ];
        command.extend(user.map(PathBuf::from));
        let mut test = Command::new(&command[0]);
        test.args(&command[1..]).arg(&forgekeep).arg("--version");
        if !test.output().is_ok_and(|done| done.status.success()) {
            eprintln!(
                "skipped: this is root, and nobody else can run {}",
                forgekeep.display()
            );
            return None;
        }
        own("65534:65534");
    }
    command.push(forgekeep);
    let settings = world.sandbox.path("settings.yml");
    let file = out.join("report.json");
    command.extend([
        "backup".into(),
        "--config".into(),
        settings,
        "--report".into(),
        file.clone(),
    ]);
    let mut run = world.sandbox.program(&command[0], &command[1..]).run();
    if root {
        own("0:0");
    }
    run.report = fs::read(file)
        .ok()
        .map(|bytes| serde_json::from_slice(&bytes).unwrap());
    Some(run)
}

#[test]
fn a_mirror_that_may_not_be_written_fails_alone_and_stays_as_it_is() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let api = world.forge.repository("api").commit("one");
    world.backup().expect(0);
    let packs = world.mirror("web").join("objects/pack");
    let mode = |mode| fs::set_permissions(&packs, fs::Permissions::from_mode(mode)).unwrap();
    let before = sound_refs(&world.mirror("web"));
    web.commit("two");
    api.commit("two");
    mode(0o555);
    let run = backup_as_mortal(&world);
    mode(0o755);
    if let Some(run) = run {
        let run = run.expect(3);
        let path = world.mirror("web");
        said(
            &run,
            "acme/web",
            &[path.to_str().unwrap(), "Permission denied", "permissions"],
        );
        assert_eq!(run.outcome("acme/api"), "updated");
        assert_eq!(sound_refs(&world.mirror("web")), before);
    }
    if let Some(run) = backup_as_mortal(&world) {
        run.expect(0);
    } else {
        world.backup().expect(0);
    }
    world.assert_mirrored(web);
}
