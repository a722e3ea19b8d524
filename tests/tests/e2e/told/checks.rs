//! Verifications and drills tell of themselves.

use forgekeep_tests::Run;
use serde_json::json;

use super::units::{failed, texts};
use super::web::Receiver;
use super::{PING, assert_secret, configure, ping, webhook};
use crate::support::World;
use crate::verify::damage::flip;

fn run(world: &World, command: &str, id: &str) -> Run {
    let path = std::env::var("PATH").unwrap();
    let run = world.forgekeep(&[command, "--subset", "auto"]);
    run.env("INVOCATION_ID", id).env("PATH", path).run()
}

#[test]
fn damage_is_told_within_the_run_once_and_so_is_that_it_has_passed() {
    for command in ["verify", "drill"] {
        let world = World::new();
        world.forge.repository("web").commit("one");
        let (hook, pings) = (Receiver::start(), Receiver::start());
        configure(&world, &json!({"notify": [webhook(&hook), ping(&pings)]}));
        world.backup().expect(0);
        pings.take();
        run(&world, command, "sound").expect(0);
        assert!(hook.take().is_empty() && pings.take().is_empty());

        let mut packs = crate::support::files(&world.mirror("web").join("objects/pack"));
        packs.retain(|path| path.extension().is_some_and(|ending| ending == "pack"));
        let original = std::fs::read(&packs[0]).unwrap();
        flip(&packs[0], original.len() / 2);
        let damaged = run(&world, command, "damaged").expect(3);
        let messages = hook.take();
        assert_eq!(messages.len(), 1, "{command}: {messages:?}");
        let message = messages[0].json();
        assert_eq!(message["event"], "failure");
        assert_eq!(message["exitCode"], 3);
        assert_eq!(message["failed"], json!(["acme/acme/web"]));
        let title = message["title"].as_str().unwrap();
        assert!(title.contains("acme/acme/web"), "{title}");
        let text = message["text"].as_str().unwrap();
        assert!(text.contains("forgekeep backup`: it repairs"), "{text}");
        assert!(
            text.contains(&format!("Run of `forgekeep {command}`")),
            "{text}"
        );
        assert_secret(&world, &damaged);
        let paths: Vec<String> = pings.take().into_iter().map(|ping| ping.path).collect();
        assert_eq!(paths, [format!("/ping/{PING}/fail")]);
        failed(
            &world,
            &format!("forgekeep-{command}"),
            "damaged",
            ["exit-code", "exited", "3"],
        )
        .expect(0);
        assert!(hook.take().is_empty() && pings.take().is_empty());

        // A good backup says nothing of it: it is still there.
        std::fs::remove_file(&packs[0]).unwrap();
        std::fs::write(&packs[0], original).unwrap();
        world.backup().expect(0);
        assert!(hook.take().is_empty(), "{command}");
        pings.take();
        run(&world, command, "repaired").expect(0);
        let messages = hook.take();
        assert_eq!(messages.len(), 1, "{command}");
        assert_eq!(messages[0].json()["event"], "recovery");
        run(&world, command, "again").expect(0);
        assert!(hook.take().is_empty() && pings.take().is_empty());
    }
}

#[test]
fn a_verification_that_was_killed_is_told_by_the_unit() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    world.backup().expect(0);
    failed(
        &world,
        "forgekeep-verify",
        "killed",
        ["signal", "killed", "KILL"],
    )
    .expect(0);
    let told = texts(&hook);
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("signal KILL"), "{}", told[0]);
    // A good backup is no news of it, a good verification is.
    world.backup().expect(0);
    assert!(hook.take().is_empty());
    run(&world, "verify", "good").expect(0);
    assert_eq!(hook.take()[0].json()["event"], "recovery");
}

#[test]
fn what_goes_by_no_configuration_or_was_typed_wrong_tells_nobody() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let hook = Receiver::start();
    configure(&world, &json!({"notify": [webhook(&hook)]}));
    world.backup().expect(0);
    world.forgekeep(&["verify", "acme/wbe"]).run().expect(2);
    std::fs::remove_dir_all(world.mirror("web")).unwrap();
    let folder = world.sandbox.backup();
    let folder = folder.to_str().unwrap();
    world
        .forgekeep(&["verify", "--folder", folder])
        .run()
        .expect(3);
    assert!(hook.take().is_empty());
}
