//! What is asked of a program in a container: the recipe of the image, process 1, users that nobody knows.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use forgekeep_tests::{Action, Fault, RequestKind, binaries};

use super::{has, packaging};
use crate::support::World;

#[test]
fn the_image_keeps_nothing_of_its_own() {
    let recipe = fs::read_to_string(packaging("container/Containerfile")).unwrap();
    let lines: Vec<_> = recipe
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    // An anonymous volume goes away with `docker run --rm`.
    assert!(!lines.iter().any(|line| line.starts_with("VOLUME")));
    let user = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("USER "));
    let user: u32 = user.unwrap().split(':').next().unwrap().parse().unwrap();
    assert!(user > 0);
    assert!(
        lines.iter().any(|line| line.starts_with("ENTRYPOINT [")),
        "no shell before it"
    );
}

#[test]
fn a_folder_in_the_layer_of_a_container_is_refused_unless_asked_for() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.configure(&[world.source()]);
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let on_root = device(&world.sandbox.path("")) == device(Path::new("/"));
    let variable = "FORGEKEEP_BACKUP_ON_IMAGE_LAYER";
    if on_root {
        for command in ["backup", "check"] {
            let run = world.forgekeep(&[command]).env(variable, "refuse").run();
            let said = run.expect(10).stderr;
            assert!(said.contains("is in the container's own layer"), "{said}");
        }
        assert!(!world.sandbox.backup().exists());
    } else {
        println!("skipped: the tests' folder is not on the file system of /");
    }
    world
        .forgekeep(&["backup"])
        .env(variable, "accept")
        .run()
        .expect(0);
    assert!(world.sandbox.backup().exists());
    // What is mounted is no part of the layer.
    let shared = Path::new("/dev/shm");
    if shared.is_dir() && device(shared) != device(Path::new("/")) {
        let folder = tempfile::tempdir_in(shared).unwrap();
        let settings = fs::read_to_string(world.sandbox.path("settings.yml")).unwrap();
        let backup = world.sandbox.backup();
        let settings = settings.replace(backup.to_str().unwrap(), folder.path().to_str().unwrap());
        world.sandbox.write("settings.yml", settings);
        world
            .forgekeep(&["backup"])
            .env(variable, "refuse")
            .run()
            .expect(0);
    }
}

#[test]
fn process_1_ends_its_run_cleanly() {
    if !has("unshare") || !rustix::process::geteuid().is_root() {
        println!("skipped: a namespace of its own needs unshare and root");
        return;
    }
    let world = World::new();
    world.forge.repository("web").commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let program = binaries().forgekeep();
    let running = world
        .sandbox
        .program("unshare", ["--pid", "--fork", "--mount-proc"])
        .arg(program)
        .args(&["backup"])
        .env("PATH", std::env::var_os("PATH").unwrap())
        .spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    // The kernel keeps from process 1 whatever it does not handle.
    let outside = running.pid();
    let children = fs::read_to_string(format!("/proc/{outside}/task/{outside}/children")).unwrap();
    let inside: i32 = children.trim().parse().unwrap();
    let inside = rustix::process::Pid::from_raw(inside).unwrap();
    rustix::process::kill_process(inside, rustix::process::Signal::TERM).unwrap();
    let run = running.wait().expect(130);
    assert!(run.stderr.contains("finishing cleanly"), "{}", run.stderr);
}

#[test]
fn a_user_that_nobody_knows_can_back_up() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: becoming another user needs root");
        return;
    }
    let world = World::new();
    world.forge.repository("web").commit("one");
    let user = 54_321;
    for path in ["", "settings.yml"] {
        std::os::unix::fs::chown(world.sandbox.path(path), Some(user), Some(user)).unwrap();
    }
    let run = world
        .sandbox
        .forgekeep(["backup", "--report=-"])
        .user(user)
        .run();
    run.expect(0);
    // Git itself would refuse to look into what is somebody else's.
    assert!(world.mirror("web").join("packed-refs").is_file());
}
