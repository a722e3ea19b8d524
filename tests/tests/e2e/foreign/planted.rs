//! Links, pipes and other things in the place of files of ours.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::{World, content, pipe};
use crate::verify::{loose, unpack};

/// Files of a backup that has run twice, below its folder.
fn of_ours(world: &World) -> Vec<PathBuf> {
    let backup = world.sandbox.backup();
    let mut paths: Vec<PathBuf> = [
        ".forgekeep/lock",
        ".forgekeep/listings.json",
        ".forgekeep/verify.json",
        "acme/acme#web/forgekeep.json",
        "acme/acme#web/repo/packed-refs",
        "acme/acme#web/repo/HEAD",
        "acme/acme#web/repo/config",
        "_config/settings.yml",
    ]
    .map(|name| backup.join(name))
    .into();
    for folder in [".forgekeep/runs", "acme/acme#web/snapshots/repo"] {
        let mut names = fs::read_dir(backup.join(folder)).unwrap();
        paths.push(names.next().unwrap().unwrap().path());
    }
    paths
}

#[test]
fn nothing_waits_for_a_pipe_and_nothing_is_written_through_a_link() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.commit("two");
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
    let outside = world.sandbox.path("outside");
    for path in of_ours(&world) {
        let good = fs::read(&path).unwrap();
        for what in ["link", "pipe", "folder", "socket"] {
            fs::remove_file(&path).unwrap();
            fs::write(&outside, "mine").unwrap();
            let _socket = match what {
                "link" => symlink(&outside, &path).map(|()| None).unwrap(),
                "pipe" => {
                    pipe(&path);
                    None
                }
                "folder" => fs::create_dir(&path).map(|()| None).unwrap(),
                // Its name may be too long for a socket; then it is no case.
                _ => UnixListener::bind(&path).ok(),
            };
            if fs::symlink_metadata(&path).is_err() {
                pipe(&path);
            }
            for command in [
                &["backup"][..],
                &["verify"],
                &["status"],
                &["snapshots", "web"],
                &["restore", "web", "--bare", "--to", "copy"],
            ] {
                let run = world
                    .forgekeep(command)
                    .limit(Duration::from_secs(60))
                    .run();
                assert!(
                    run.code.is_some_and(|code| code != 101),
                    "{what} {}: {command:?}: {}",
                    path.display(),
                    run.stderr
                );
                fs::remove_dir_all(world.sandbox.path("copy")).ok();
            }
            assert_eq!(fs::read(&outside).unwrap(), b"mine", "{}", path.display());
            if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                fs::remove_file(&path).ok();
            }
            fs::write(&path, &good).unwrap();
        }
    }
    let reports = world.sandbox.backup().join(".forgekeep/runs");
    assert!(fs::read_dir(reports).unwrap().count() > 2);
    world.backup().expect(0);
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn a_link_in_the_place_of_a_folder_is_a_failure_and_nothing_is_written_behind_it() {
    for name in [
        ".forgekeep",
        ".forgekeep/runs",
        "acme/acme#web",
        "acme/acme#web/repo",
        "acme/acme#web/snapshots",
        "acme/acme#web/snapshots/repo",
        "acme/acme#web/repo/objects/pack",
        "acme/acme#web/repo/refs",
        "_config",
    ] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        web.commit("two");
        fs::write(world.sandbox.backup().join("_config/settings.yml"), "old").unwrap();
        let folder = world.sandbox.backup().join(name);
        let outside = world.sandbox.path("outside");
        fs::rename(&folder, &outside).unwrap();
        symlink(&outside, &folder).unwrap();
        // What a killed run leaves is removed in a folder of ours only.
        let left = outside.join("repo.forgekeep-partial");
        if name == "acme/acme#web" {
            fs::create_dir(&left).unwrap();
            fs::write(left.join("x"), "x").unwrap();
        }
        let before = content(&outside);
        let run = world.backup();
        assert_ne!(run.code, Some(0), "{name}: {}", run.stdout);
        let said = format!("{}{}{:?}", run.stdout, run.stderr, run.report);
        assert!(said.contains("symbolic link"), "{name}: {said}");
        assert_eq!(content(&outside), before, "{name}");
    }
}

/// Files that are not there as a rule: each is a failure, or is left alone; none is waited for.
#[test]
fn pipes_in_the_place_of_files_that_come_and_go_hold_up_nobody() {
    for name in [
        "acme/acme#web/snapshots/repo.pending",
        "acme/acme#web/repo/config.set-aside",
        "acme/acme#web/repo/objects/info/alternates",
        "acme/acme#web/repo/shallow",
        "acme/acme#web/repo/packed-refs.lock",
        "acme/acme#web/repo/packed-refs.forgekeep-new",
        "acme/acme#web/repo/objects/pack/pack-1.pack",
        "acme/acme#web/repo/objects/pack/pack-1.idx",
        "acme/acme#web/repo/objects/ab/01234567890123456789012345678901234567",
        "acme/acme#web/repo/refs/heads/pipe",
        "acme/acme#web/damaged",
        "acme/acme#web/repo.forgekeep-partial",
        ".forgekeep/trash",
    ] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        web.commit("two");
        let config = world.mirror("web").join("config");
        let text = fs::read_to_string(&config).unwrap() + "[remote \"x\"]\n\turl = y\n";
        fs::write(&config, text).unwrap();
        let path = world.sandbox.backup().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        pipe(&path);
        for command in [
            &["backup"][..],
            &["verify"],
            &["status"],
            &["forget", "--prune"],
            &["restore", "web", "--bare", "--to", "copy"],
        ] {
            let run = world
                .forgekeep(command)
                .limit(Duration::from_secs(60))
                .run();
            let is_fine = run.code.is_some_and(|code| code != 101);
            assert!(is_fine, "{name}: {command:?}: {}", run.stderr);
        }
        fs::remove_file(&path).ok();
        world.backup().expect(0);
        world.assert_mirrored(web);
    }
}

#[test]
fn pipes_in_what_a_mirror_borrows_hold_up_nobody() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.commit("two");
    let store = world.sandbox.path("store");
    fs::create_dir_all(store.join("pack")).unwrap();
    fs::write(store.join("pack/pack-1.pack"), "x").unwrap();
    pipe(&store.join("pack/pack-1.idx"));
    let alternates = world.mirror("web").join("objects/info/alternates");
    fs::create_dir_all(alternates.parent().unwrap()).unwrap();
    fs::write(&alternates, format!("{}\n", store.display())).unwrap();
    for command in [&["backup"][..], &["verify"]] {
        let run = world
            .forgekeep(command)
            .limit(Duration::from_secs(60))
            .run();
        run.expect(3);
    }
    fs::remove_file(&alternates).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn the_backup_folder_and_a_source_may_be_on_another_disk() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let (backup, disk) = (world.sandbox.backup(), world.sandbox.path("disk"));
    fs::create_dir_all(disk.join("acme")).unwrap();
    fs::create_dir(world.sandbox.path("first")).unwrap();
    symlink(world.sandbox.path("first"), &backup).unwrap();
    symlink(disk.join("acme"), backup.join("acme")).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert!(disk.join("acme/acme#web/repo").is_dir());
    world.forgekeep(&["verify"]).run().expect(0);
}

#[test]
fn temporary_names_that_are_taken_are_not_written_through() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.commit("two");
    let outside = world.sandbox.write("outside", "mine");
    let folder = world.folder("web");
    for path in [
        folder.join("forgekeep.json.forgekeep-new"),
        folder.join("repo/packed-refs.forgekeep-new"),
        folder.join("snapshots/repo.pending.forgekeep-new"),
        world
            .sandbox
            .backup()
            .join(".forgekeep/listings.json.forgekeep-new"),
    ] {
        symlink(&outside, path).unwrap();
    }
    world.backup().expect(0);
    assert_eq!(fs::read(&outside).unwrap(), b"mine");
    world.assert_mirrored(web);
}

/// The two files of the only pack of a mirror, its index first.
fn pack(world: &World) -> [PathBuf; 2] {
    let folder = world.mirror("web").join("objects/pack");
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut pack = names.filter(|path| path.extension().is_some_and(|ending| ending == "pack"));
    let path = pack.next().unwrap();
    assert!(pack.next().is_none());
    [path.with_extension("idx"), path]
}

/// What libgit2 would read elsewhere, or wait for, is named; and a restore takes what it can.
#[test]
fn links_and_pipes_in_the_place_of_packs_are_named_and_none_is_waited_for() {
    let outside = "outside-pack";
    for (what, of) in [
        ("link", &[0, 1][..]),
        ("link", &[1]),
        ("link", &[0]),
        ("pipe", &[0, 1]),
        ("pipe", &[1]),
        ("pipe", &[0]),
    ] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        let files = pack(&world);
        for index in of {
            let path = &files[*index];
            let good = world.sandbox.path(outside).join(path.file_name().unwrap());
            fs::create_dir_all(world.sandbox.path(outside)).unwrap();
            fs::rename(path, &good).unwrap();
            match what {
                "link" => symlink(&good, path).unwrap(),
                _ => pipe(path),
            }
        }
        let (says, hint) = match what {
            "link" => ("it is a symbolic link", "remove the link"),
            _ => ("it is not a regular file", "remove this pipe"),
        };
        let before = content(&world.sandbox.path(outside));
        for changed in [false, true] {
            if changed {
                web.commit("two");
            }
            for command in [&["backup"][..], &["verify"], &["forget", "--prune"]] {
                let limit = Duration::from_secs(60);
                let run = world.forgekeep(command).limit(limit).run();
                let said = format!("{}{}", run.stdout, run.stderr);
                // Forgetting nothing looks at nothing.
                if command[0] != "forget" || run.code != Some(0) {
                    assert_eq!(run.code, Some(3), "{what} {of:?} {command:?}: {said}");
                    assert!(said.contains(says), "{what} {of:?} {command:?}: {said}");
                    assert!(said.contains(hint), "{what} {of:?} {command:?}: {said}");
                    assert!(!said.contains("system log"), "{said}");
                }
            }
        }
        for bare in [&["--bare"][..], &[]] {
            let run = world
                .forgekeep(&["restore", "web", "--to", "copy"])
                .args(bare)
                .limit(Duration::from_secs(60))
                .run();
            // What is there, be it behind a link, is restored and checked; the index can be made again.
            let is_whole = what == "link" || of == [0];
            assert_eq!(
                run.code == Some(0),
                is_whole,
                "{what} {of:?}: {}",
                run.stderr
            );
            assert_eq!(world.sandbox.path("copy").exists(), is_whole);
            fs::remove_dir_all(world.sandbox.path("copy")).ok();
        }
        assert_eq!(content(&world.sandbox.path(outside)), before);
        // As the hint says: what is lost is fetched again.
        for index in of {
            fs::remove_file(&files[*index]).unwrap();
        }
        world.backup();
        world.backup().expect(0);
        world.assert_mirrored(web);
    }
}

#[test]
fn links_and_pipes_in_the_place_of_loose_objects_hold_up_nobody() {
    for what in ["link", "pipe"] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        world.backup().expect(0);
        let tip = forgekeep_tests::git::run(&web.git_dir(), &["rev-parse", "HEAD"]);
        unpack(&world.mirror("web"));
        let path = loose(&world.mirror("web"), tip.trim());
        let good = world.sandbox.path("object");
        fs::rename(&path, &good).unwrap();
        match what {
            "link" => symlink(&good, &path).unwrap(),
            _ => pipe(&path),
        }
        for changed in [false, true] {
            if changed {
                web.commit("two");
            }
            for command in [
                &["backup"][..],
                &["restore", "web", "--bare", "--to", "copy"],
                &["verify"],
            ] {
                let run = world
                    .forgekeep(command)
                    .limit(Duration::from_secs(60))
                    .run();
                let said = format!("{}{}", run.stdout, run.stderr);
                if command[0] == "verify" {
                    assert!(!said.contains("system log"), "{what}: {said}");
                }
                fs::remove_dir_all(world.sandbox.path("copy")).ok();
            }
        }
        // What a link to a folder of objects leads to is no part of the backup either.
        if what == "link" {
            let folder = world.mirror("web").join("objects").join(&tip[..2]);
            let moved = world.sandbox.path("objects");
            fs::rename(&folder, &moved).unwrap();
            symlink(&moved, &folder).unwrap();
            web.commit("three");
            for command in [&["verify"][..], &["backup"]] {
                let run = world.forgekeep(command).run().expect(3);
                let said = format!("{}{}", run.stdout, run.stderr);
                assert!(said.contains("remove the link"), "{command:?}: {said}");
            }
            fs::remove_file(&folder).unwrap();
            fs::rename(&moved, &folder).unwrap();
        }
        // Verifying has told what is to be repaired.
        world.backup();
        world.backup().expect(0);
        world.assert_mirrored(web);
    }
}
