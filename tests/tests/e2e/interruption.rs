//! Runs that are stopped, killed, or not let in.
#![cfg(unix)]

use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Fault, RequestKind, compare};

use crate::support::{World, files, report, source};

/// Three repositories, one of which never ends to come.
fn hanging(kind: RequestKind) -> World {
    let world = World::new();
    for slug in ["api", "docs", "web"] {
        world.forge.repository(slug).private().commit(slug);
    }
    let fault = Fault::on(kind, Action::Hang);
    world.forge.inject(match kind {
        RequestKind::Api => fault,
        _ => fault.repository("web"),
    });
    world
}

fn assert_no_partial(world: &World) {
    let left = files(&world.sandbox.backup());
    let partial = left
        .iter()
        .find(|path| path.to_string_lossy().contains("partial"));
    assert_eq!(partial, None);
}

#[test]
fn an_interrupted_run_ends_soon_in_good_order_and_the_next_one_completes() {
    for kind in [
        RequestKind::Api,
        RequestKind::InfoRefs,
        RequestKind::UploadPack,
    ] {
        let world = hanging(kind);
        let running = world.forgekeep(&["backup"]).spawn();
        let others = match kind {
            RequestKind::Api => 1,
            _ => 3,
        };
        world.forge.wait_for(kind, others);
        let interrupted = Instant::now();
        running.interrupt();
        let run = running.wait().expect(130);
        let time = interrupted.elapsed();
        assert!(time < Duration::from_secs(10), "{kind:?}: {time:?}");
        assert_eq!(report(&run)["outcome"], "interrupted", "{kind:?}");
        assert_eq!(report(&run)["exitCode"], 130, "{kind:?}");
        assert!(!world.mirror("web").exists(), "{kind:?}");
        let failed = match kind {
            RequestKind::Api => source(&run, "acme"),
            _ => run.repository("acme/web"),
        };
        assert_eq!(failed["error"]["kind"], "cancelled", "{failed:#}");
        for slug in ["api", "docs"] {
            if world.mirror(slug).exists() {
                let upstream = world.forge.repository(slug).git_dir();
                compare::assert_mirror(&upstream, &world.mirror(slug));
            }
        }
        world.forge.clear_faults();
        world.backup().expect(0);
        for slug in ["api", "docs", "web"] {
            world.assert_mirrored(world.forge.repository(slug));
        }
        assert_no_partial(&world);
    }
}

#[test]
fn an_interrupted_update_leaves_the_mirror_sound() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let before = compare::refs(&world.mirror("web"));
    web.commit("two");
    world.forge.reset_log();
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    running.interrupt();
    let run = running.wait().expect(130);
    assert_eq!(run.outcome("acme/web"), "notDone");
    assert_eq!(run.repository("acme/web")["error"]["kind"], "cancelled");
    assert_eq!(compare::refs(&world.mirror("web")), before);
    compare::assert_sound(&world.mirror("web"));
    world.forge.clear_faults();
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn a_killed_run_leaves_nothing_that_looks_like_a_backup_and_the_next_one_cleans_up() {
    let world = hanging(RequestKind::UploadPack);
    let mut running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 3);
    running.kill();
    running.wait();
    assert!(!world.mirror("web").exists());
    assert!(world.folder("web").exists(), "the clone had begun");
    world.forge.clear_faults();
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    for slug in ["api", "docs", "web"] {
        world.assert_mirrored(world.forge.repository(slug));
    }
    assert_no_partial(&world);
}

#[test]
fn a_second_run_is_told_which_process_is_first() {
    let world = hanging(RequestKind::UploadPack);
    let first = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 3);
    world.forge.reset_log();
    let second = world
        .forgekeep(&["backup", "--report", "second.json"])
        .run()
        .expect(13);
    let named = format!("process {} on ", first.pid());
    assert!(second.stderr.contains(&named), "{}", second.stderr);
    assert!(second.stderr.contains("hint: "), "{}", second.stderr);
    assert_eq!(report(&second)["exitCode"], 13);
    assert_eq!(world.forge.requests().len(), 0);
    // Who only looks needs no lock.
    for command in [&["backup", "--dry-run"][..], &["list"], &["check"]] {
        world.forgekeep(command).run().expect(0);
    }
    // The first one is none the worse for it.
    world.forge.clear_faults();
    world.forge.release();
    let run = first.wait().expect(3);
    assert_eq!(run.outcome("acme/api"), "cloned");
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/api"), "unchanged");
    assert_eq!(run.outcome("acme/web"), "cloned");
}
