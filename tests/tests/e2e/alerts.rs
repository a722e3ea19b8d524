//! What is news: damage that was repaired, and only what upstream has lost.

use std::path::PathBuf;

use serde_json::json;

use crate::support::{World, files};
use crate::verify::damage::{damaged, flip, verify, world};

/// Damages a file, and panics unless the backup that repairs it says so, however quiet.
fn assert_told(what: &str, damage: impl Fn(&World) -> PathBuf) {
    let world = world();
    world.forge.repository("web").wiki();
    world.backup().expect(0);
    // That is about what upstream loses.
    let options = json!({"network": {"retries": 0}, "alarm": {"action": "off"}});
    world.configure_with(&[world.source()], &options);
    let file = damage(&world);
    damaged(&world);
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    let name = file.file_name().unwrap().to_str().unwrap();
    let alarm = run.repository("acme/web")["alarm"].as_str().unwrap();
    assert!(
        alarm.contains("damaged") && alarm.contains(name),
        "{what}: {alarm}"
    );
    assert!(
        run.stderr.contains("ALARM: acme/web: "),
        "{what}: {}",
        run.stderr
    );
    assert!(
        run.stdout.contains("ALARM: acme/web: "),
        "{what}: {}",
        run.stdout
    );
    assert!(!run.stdout.contains("All good"), "{what}: {}", run.stdout);
    verify(&world, 0);
    let next = world.backup().expect(0);
    assert_eq!(next.repository("acme/web").get("alarm"), None, "{what}");
}

#[test]
fn damage_that_is_repaired_is_an_alert() {
    let pack = |world: &World, mirror: &str| {
        let all = files(&world.folder("web").join(mirror).join("objects/pack"));
        let mut all = all.into_iter();
        all.find(|path| path.extension().is_some_and(|e| e == "pack"))
            .unwrap()
    };
    let flipped = |file: PathBuf, at| {
        flip(&file, at);
        file
    };
    assert_told("pack", |world| flipped(pack(world, "repo"), 2));
    assert_told("wiki", |world| flipped(pack(world, "wiki"), 2));
    assert_told("refs", |world| {
        flipped(world.mirror("web").join("packed-refs"), 2)
    });
    assert_told("HEAD", |world| flipped(world.mirror("web").join("HEAD"), 2));
    assert_told("config", |world| {
        flipped(world.mirror("web").join("config"), 2)
    });
    assert_told("snapshot", |world| {
        let mut all = files(&world.folder("web").join("snapshots/repo"));
        flipped(all.remove(1), 20)
    });
    assert_told("state", |world| {
        flipped(world.folder("web").join("forgekeep.json"), 40)
    });
}

#[test]
fn damage_that_the_run_itself_meets_is_an_alert() {
    let world = world();
    let state = world.folder("web").join("forgekeep.json");
    flip(&state, 40);
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    let alarm = run.repository("acme/web")["alarm"].as_str().unwrap();
    assert!(alarm.contains("forgekeep.json"), "{alarm}");
}

#[test]
fn what_upstream_still_has_under_another_name_is_no_loss() {
    let alarm = |change: &dyn Fn(&World)| {
        let world = World::new();
        let web = world.forge.repository("web").commit("one").commit("two");
        web.branch("topic", "main").commit_to("topic", "three");
        world.backup().expect(0);
        change(&world);
        let run = world.backup().expect(0);
        world.assert_mirrored(web);
        verify(&world, 0);
        run.repository("acme/web").get("alarm").cloned()
    };
    // Both are gone under their names, and both are there.
    assert_eq!(
        alarm(&|world| {
            let repository = world.forge.repository("web").branch("trunk", "topic");
            repository.default_branch("trunk");
            repository.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
            repository.delete_branch("main").delete_branch("topic");
        }),
        None,
        "merged and renamed"
    );
    // A tag of the tip.
    assert_eq!(
        alarm(&|world| {
            let repository = world.forge.repository("web");
            repository.git(&["tag", "-a", "-m", "x", "v1", "topic"]);
            repository.delete_branch("main").delete_branch("topic");
        }),
        None,
        "held by a tag"
    );
    // Rewritten, all of them: that is what alarms are for.
    let lost = alarm(&|world| {
        let repository = world.forge.repository("web").force_push("main");
        repository.delete_branch("topic");
    });
    assert_eq!(
        lost,
        Some("upstream rewrote or deleted every branch (2)".into())
    );
}
