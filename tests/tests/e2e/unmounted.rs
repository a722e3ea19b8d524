//! A disk that is not mounted is no new backup.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::RequestKind;

use crate::support::{World, files};

struct Scene {
    world: World,
    folder: PathBuf,
}

impl Scene {
    /// One that was backed up, and its disk is away since: what is left is the mount point.
    fn unmounted() -> Self {
        let world = World::new();
        world.forge.repository("web").commit("one");
        world.backup().expect(0);
        let folder = world.sandbox.backup();
        let scene = Self { world, folder };
        fs::rename(&scene.folder, scene.away()).unwrap();
        fs::create_dir(&scene.folder).unwrap();
        scene
    }

    fn away(&self) -> PathBuf {
        self.folder.with_file_name("away")
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.folder).unwrap().count() == 0
    }
}

#[test]
fn an_empty_mount_point_is_refused_and_nothing_is_written_to_it() {
    let scene = Scene::unmounted();
    scene.world.forge.reset_log();
    for arguments in [
        &["backup"][..],
        &["backup", "--full"],
        &["backup", "--quiet"],
    ] {
        let run = scene.world.forgekeep(arguments).run().expect(10);
        let said = &run.stderr;
        assert!(said.contains("is the disk mounted?"), "{said}");
        assert!(said.contains("--accept-folder"), "{said}");
        assert!(scene.is_empty());
    }
    assert_eq!(scene.world.forge.count(RequestKind::InfoRefs), 0);
    // It is back.
    fs::remove_dir(&scene.folder).unwrap();
    fs::rename(scene.away(), &scene.folder).unwrap();
    scene.world.backup().expect(0);
}

#[test]
fn a_missing_mount_point_is_not_made() {
    let scene = Scene::unmounted();
    fs::remove_dir(&scene.folder).unwrap();
    let run = scene.world.backup().expect(10);
    assert!(run.stderr.contains("does not exist now"), "{}", run.stderr);
    assert!(!scene.folder.exists());
}

#[test]
fn it_can_be_accepted_and_then_the_old_one_is_another() {
    let scene = Scene::unmounted();
    let accept = ["backup", "--accept-folder"];
    scene.world.forgekeep(&accept).run().expect(0);
    scene.world.backup().expect(0);
    let new = scene.folder.with_file_name("new");
    fs::rename(&scene.folder, &new).unwrap();
    fs::rename(scene.away(), &scene.folder).unwrap();
    let before = files(&scene.folder).len();
    let run = scene.world.backup().expect(10);
    assert!(run.stderr.contains("another backup"), "{}", run.stderr);
    assert_eq!(files(&scene.folder).len(), before);
    scene.world.forgekeep(&accept).run().expect(0);
    scene.world.backup().expect(0);
}

#[test]
fn a_backup_that_was_copied_to_a_new_disk_is_the_same() {
    let scene = Scene::unmounted();
    fs::remove_dir(&scene.folder).unwrap();
    let from = scene.away();
    let done = std::process::Command::new("cp")
        .arg("-a")
        .args([&from, &scene.folder])
        .status();
    assert!(done.unwrap().success());
    scene.world.backup().expect(0);
}
