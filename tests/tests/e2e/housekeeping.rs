//! Somebody's git keeps house in a mirror while it is backed up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Fault, RequestKind, git};

use crate::repair::destroy;
use crate::support::{World, error, files};
use crate::verify::damage::verify;

fn below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = files(folder);
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    found
}

fn keeps(mirror: &Path) -> Vec<PathBuf> {
    below(&mirror.join("objects/pack"), ".keep")
}

/// Whatever no ref names is gone after it.
fn keep_house(mirror: &Path) {
    git::run(mirror, &["repack", "-adq"]);
    git::run(mirror, &["prune", "--expire=now"]);
}

/// Backs up and brings the second of two branches no further than to its request.
fn stop_between_two_packs(world: &World) -> forgekeep_tests::Running {
    let web = world.forge.repository("web");
    web.commit("two").commit_to("side", "two");
    world.forge.reset_log();
    // Asked for both, the server wants fewer; then one of them comes, and the other does not.
    let fault = |action| Fault::on(RequestKind::UploadPack, action);
    world.forge.inject(fault(Action::status(413)).nth(1));
    world.forge.inject(fault(Action::Hang).nth(3));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 3);
    running
}

fn two_branches() -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("side", "one");
    world.backup().expect(0);
    assert!(keeps(&world.mirror("web")).is_empty());
    world
}

#[test]
fn what_has_come_is_held_until_refs_name_it() {
    let world = two_branches();
    let mirror = world.mirror("web");
    let running = stop_between_two_packs(&world);
    let held = keeps(&mirror);
    assert_eq!(held.len(), 1, "{held:?}");
    let said = fs::read_to_string(&held[0]).unwrap();
    assert!(said.starts_with("forgekeep: "), "{said}");
    keep_house(&mirror);
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    assert!(held[0].with_extension("pack").exists());
    world.forge.release();
    world.forge.clear_faults();
    let run = running.wait();
    // A server that hangs is no matter of this test.
    assert!(run.code == Some(0) || run.code == Some(3), "{run:#?}");
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
    assert!(keeps(&mirror).is_empty());
    verify(&world, 0);
}

#[test]
fn what_a_killed_run_held_is_held_until_the_next_one_and_no_longer() {
    let world = two_branches();
    let mirror = world.mirror("web");
    let mut running = stop_between_two_packs(&world);
    running.kill();
    running.wait();
    world.forge.release();
    world.forge.clear_faults();
    let foreign = mirror.join("objects/pack/pack-foreign.keep");
    fs::write(&foreign, "fetch-pack 17 on elsewhere\n").unwrap();
    assert_eq!(keeps(&mirror).len(), 2);
    keep_house(&mirror);
    world.backup().expect(0);
    assert_eq!(keeps(&mirror), [foreign]);
    world.assert_mirrored(world.forge.repository("web"));
    verify(&world, 0);
}

#[test]
fn packs_that_are_removed_after_a_run_are_fetched_again() {
    let world = two_branches();
    let mirror = world.mirror("web");
    world.forge.repository("web").commit("two");
    let before = below(&mirror.join("objects/pack"), "");
    world.backup().expect(0);
    for file in below(&mirror.join("objects/pack"), "") {
        if !before.contains(&file) {
            fs::remove_file(file).unwrap();
        }
    }
    assert!(git::try_run(&mirror, &["rev-list", "--objects", "main"]).is_err());
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
    git::run(&mirror, &["fsck", "--full"]);
    verify(&world, 0);
}

#[test]
fn what_was_given_up_is_fetched_when_upstream_has_it_again() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit("three");
    world.backup().expect(0);
    let copy = world.sandbox.path("copy.git");
    let text = copy.to_str().unwrap();
    web.git(&["clone", "--quiet", "--mirror", ".", text]);
    let (old, lost) = (web.rev_parse("main"), web.rev_parse("main~1"));
    let mirror = world.mirror("web");
    destroy(&mirror, &lost);
    web.git(&["update-ref", "refs/heads/main", &web.rev_parse("main~2")]);
    web.git(&["reflog", "expire", "--expire=now", "--all"]);
    web.git(&["gc", "--quiet", "--prune=now"]);
    verify(&world, 3);
    world.backup().expect(3);
    world.backup().expect(3);
    web.git(&["fetch", "--quiet", "--force", text, "main:main"]);
    assert_eq!(web.rev_parse("main"), old);
    world.backup().expect(0);
    git::run(&mirror, &["rev-list", "--objects", "main"]);
    git::run(&mirror, &["fsck", "--full"]);
    world.backup().expect(0);
    verify(&world, 0);
}

/// A wrong memory keeps nothing away that upstream has.
#[test]
fn a_memory_of_a_loss_is_no_reason_not_to_fetch() {
    let world = two_branches();
    let mirror = world.mirror("web");
    world.forge.repository("web").commit("two");
    world.backup().expect(0);
    let packs = mirror.join("objects/pack");
    let aside = world.sandbox.path("aside");
    fs::rename(&packs, &aside).unwrap();
    fs::create_dir(&packs).unwrap();
    verify(&world, 3);
    let memory = world.sandbox.backup().join(".forgekeep/verify.json");
    let mut known: serde_json::Value = serde_json::from_slice(&fs::read(&memory).unwrap()).unwrap();
    for entry in known["repositories"].as_array_mut().unwrap() {
        entry["lost"] = entry["damage"].clone();
    }
    known.as_object_mut().unwrap().remove("checksum");
    fs::write(&memory, known.to_string()).unwrap();
    world.backup();
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
    git::run(&mirror, &["fsck", "--full"]);
    verify(&world, 0);
}

/// A run that has downloaded what is new, and waits for git's lock to switch the refs; and the lock.
fn stop_before_the_switch(world: &World) -> (forgekeep_tests::Running, PathBuf) {
    let lock = world.mirror("web").join("packed-refs.lock");
    fs::write(&lock, "").unwrap();
    let running = world.forgekeep(&["backup"]).spawn();
    // Written when all is there, right before the refs are switched.
    let pending = world.folder("web").join("snapshots/repo.pending");
    let begun = Instant::now();
    while !pending.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no switch");
        thread::yield_now();
    }
    (running, lock)
}

#[test]
fn a_git_that_strikes_between_the_download_and_the_switch_costs_nothing() {
    let repack = ["repack", "-adq"];
    let gc = ["-c", "gc.packRefs=false", "gc", "--quiet", "--prune=now"];
    for (house, unheld) in [
        (&repack[..], false),
        (&repack, true),
        (&gc, false),
        (&gc, true),
    ] {
        let world = two_branches();
        let mirror = world.mirror("web");
        let web = world.forge.repository("web");
        web.commit("two").force_push("side").annotated_tag("v1");
        let (running, lock) = stop_before_the_switch(&world);
        if unheld {
            // What holds it is gone, too.
            let held = keeps(&mirror);
            assert!(!held.is_empty());
            held.into_iter()
                .for_each(|keep| fs::remove_file(keep).unwrap());
        }
        git::run(&mirror, house);
        git::run(&mirror, &["prune", "--expire=now"]);
        let tip = web.rev_parse("main");
        let is_there = git::try_run(&mirror, &["cat-file", "-e", &tip]).is_ok();
        assert_eq!(is_there, !unheld, "{house:?}");
        fs::remove_file(lock).unwrap();
        let run = running.wait().expect(0);
        assert_eq!(run.outcome("acme/web"), "updated", "{house:?}");
        world.assert_mirrored(web);
        git::run(&mirror, &["fsck", "--full"]);
        assert!(keeps(&mirror).is_empty());
        verify(&world, 0);
        assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    }
}

#[test]
fn loose_objects_that_are_pruned_before_the_switch_are_fetched_again() {
    let world = two_branches();
    let mirror = world.mirror("web");
    let web = world.forge.repository("web").commit("two");
    // They are there already, and nothing holds them: nothing has to come.
    let url = web.git_dir();
    let fetch = [
        "-c",
        "fetch.unpackLimit=1000",
        "fetch",
        "-q",
        url.to_str().unwrap(),
        "main",
    ];
    git::run(&mirror, &fetch);
    fs::remove_file(mirror.join("FETCH_HEAD")).unwrap();
    let (running, lock) = stop_before_the_switch(&world);
    keep_house(&mirror);
    assert!(git::try_run(&mirror, &["cat-file", "-e", &web.rev_parse("main")]).is_err());
    fs::remove_file(lock).unwrap();
    running.wait().expect(0);
    world.assert_mirrored(web);
    git::run(&mirror, &["fsck", "--full"]);
    verify(&world, 0);
}

#[test]
fn a_lock_that_stays_is_told_with_its_path() {
    let world = two_branches();
    world.forge.repository("web").commit("two");
    let lock = world.mirror("web").join("packed-refs.lock");
    fs::write(&lock, "").unwrap();
    let run = world.backup().expect(3);
    let said = error(run.repository("acme/web"));
    let path = lock.to_str().unwrap();
    assert!(said.contains(&format!("{path} exists")), "{said}");
    assert!(said.contains(&format!("remove {path}")), "{said}");
    fs::remove_file(lock).unwrap();
    world.backup().expect(0);
    world.assert_mirrored(world.forge.repository("web"));
}

#[test]
fn git_may_keep_house_all_the_time() {
    let world = two_branches();
    let mirror = world.mirror("web");
    let web = world.forge.repository("web");
    for round in 0..6 {
        let message = format!("round {round}");
        web.commit(&message).commit_to("side", &message);
        if round % 3 == 1 {
            web.force_push("side");
        }
        let done = AtomicBool::new(false);
        let run = thread::scope(|scope| {
            let house = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // They may well get in each other's way.
                    let _ = git::try_run(&mirror, &["repack", "-adq"]);
                    let _ = git::try_run(&mirror, &["prune", "--expire=now"]);
                }
            });
            let run = world.backup();
            done.store(true, Ordering::Relaxed);
            house.join().unwrap();
            run
        });
        if run.code != Some(0) {
            world.backup().expect(0);
        }
    }
    world.assert_mirrored(web);
    git::run(&mirror, &["fsck", "--full"]);
    verify(&world, 0);
}

#[cfg(unix)]
#[test]
fn temporary_files_of_somebody_else_keep_nothing_away() {
    use crate::machine::{SOMEBODY, give, is_root, run};
    use std::os::unix::fs::PermissionsExt;

    let world = two_branches();
    let mirror = world.mirror("web");
    if is_root() {
        give(&world.sandbox.path(""), SOMEBODY);
    }
    for name in [
        "pack/tmp_pack_AbCdEf",
        "pack/tmp_idx_AbCdEf",
        "pack/.tmp-17-pack-aa.pack",
        "pack/.tmp-17-pack-aa.idx",
        "pack/tmp_rev_AbCdEf",
        "17/tmp_obj_AbCdEf",
    ] {
        let path = mirror.join("objects").join(name);
        if !path.parent().unwrap().exists() {
            fs::create_dir(path.parent().unwrap()).unwrap();
        }
        fs::write(&path, "half").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    }
    for number in 0..9 {
        world.forge.repository("web").commit(&format!("{number}"));
        run(&world, &["backup"]).expect(0);
    }
    run(&world, &["verify"]).expect(0);
    let to = world.sandbox.path("backup-of-nobody");
    if is_root() {
        fs::create_dir(&to).unwrap();
        give(&to, SOMEBODY);
    }
    let to = to.join("restored");
    let to = to.to_str().unwrap();
    if is_root() {
        run(&world, &["restore", "acme/web", "--to", to]).expect(0);
        give(&world.sandbox.path(""), 0);
    }
}
