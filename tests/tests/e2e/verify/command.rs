//! The command: what it covers, what it waits for, and how it ends.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use forgekeep_tests::Run;

use super::damage::{put, world};
use super::packs;
use crate::support::{World, content, files};

fn names(run: &Run) -> Vec<String> {
    let document = crate::json::document(run, "verify");
    let repositories = document["repositories"].as_array().unwrap();
    let names = repositories.iter().map(|r| r["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

#[test]
fn the_parts_cover_everything_and_a_name_chooses_one() {
    let world = World::new();
    for slug in ["a", "b", "c", "d", "e", "f"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    let mut all = Vec::new();
    for part in ["1/3", "2/3", "3/3"] {
        let arguments = ["verify", "--json", "--subset", part];
        all.extend(names(&world.forgekeep(&arguments).run().expect(0)));
    }
    all.sort();
    let wanted = ["a", "b", "c", "d", "e", "f"].map(|slug| format!("acme/acme/{slug}"));
    assert_eq!(all, wanted);
    let one = world.forgekeep(&["verify", "--json", "acme/c", "e"]).run();
    assert_eq!(
        names(&one.expect(0)),
        [wanted[2].clone(), wanted[4].clone()]
    );
    for wrong in ["0/3", "4/3", "x", "3"] {
        let run = world
            .forgekeep(&["verify", "--subset", wrong])
            .run()
            .expect(2);
        assert!(run.stderr.contains("third of seven"), "{}", run.stderr);
    }
    let run = world.forgekeep(&["verify", "no-such"]).run().expect(2);
    assert!(run.stderr.contains("no-such"), "{}", run.stderr);
}

#[test]
fn a_folder_alone_is_enough() {
    let world = world();
    fs::remove_file(world.sandbox.path("settings.yml")).unwrap();
    world.forge.reset_log();
    let folder = world.sandbox.backup();
    let arguments = ["verify", "--folder", folder.to_str().unwrap()];
    world.forgekeep(&arguments).run().expect(0);
    assert_eq!(world.forge.requests().len(), 0);
}

#[test]
fn it_waits_for_no_other_run() {
    let world = world();
    let lock = fs::File::open(world.sandbox.backup().join(".forgekeep/lock")).unwrap();
    lock.lock().unwrap();
    let run = world.forgekeep(&["verify"]).run().expect(13);
    assert!(run.stderr.contains("another run holds"), "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_written_to_is_verified_all_the_same() {
    use std::os::unix::fs::PermissionsExt;

    let world = world();
    let own = world.sandbox.backup().join(".forgekeep");
    fs::remove_file(own.join("lock")).unwrap();
    let mode = |mode| fs::set_permissions(&own, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    if fs::write(own.join("probe"), "").is_ok() {
        // Nothing is read-only for root.
        fs::remove_file(own.join("probe")).unwrap();
        mode(0o755);
        return;
    }
    let before = content(&world.sandbox.backup());
    let run = world.forgekeep(&["verify"]).run();
    assert_eq!(content(&world.sandbox.backup()), before);
    mode(0o755);
    run.expect(0);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it() {
    let world = world();
    // Holes cost no room, but take minutes to read.
    let pack = packs(&world, "pack").remove(0);
    put(&pack, b"PACK");
    let file = fs::File::options().write(true).open(&pack).unwrap();
    file.set_len(1 << 38).unwrap();
    let running = world.forgekeep(&["verify", "--json"]).spawn();
    let lock = world.sandbox.backup().join(".forgekeep/lock");
    // Once it has the lock, it heeds signals.
    let pid = running.pid().to_string();
    while !fs::read_to_string(&lock).unwrap().contains(&pid) {
        std::thread::yield_now();
    }
    let sent = Instant::now();
    running.interrupt();
    let run = running.wait().expect(130);
    let time = sent.elapsed();
    assert!(time < Duration::from_secs(10), "{time:?}");
    let document = crate::json::document(&run, "verify");
    assert_eq!(document["outcome"], "interrupted");
    assert_eq!(document["exitCode"], 130);
    // Nothing was learnt of it.
    assert_eq!(document["repositories"], serde_json::json!([]));
}

#[test]
fn a_folder_without_a_backup_is_no_sound_backup() {
    let world = World::new();
    let empty = world.sandbox.path("empty");
    fs::create_dir(&empty).unwrap();
    let arguments = ["verify", "--folder", empty.to_str().unwrap()];
    let run = world.forgekeep(&arguments).run().expect(1);
    assert!(
        run.stderr.contains("there is no backup yet"),
        "{}",
        run.stderr
    );
    assert_eq!(files(&empty), Vec::<PathBuf>::new());
}
