//! What can go from a mirror without anything left in it that tells.

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::git;

use super::{assert_all_held, assert_met};
use crate::support::{World, files};
use crate::verify::damage::{damaged, put, verify, world};

/// The files of a mirror's snapshots, the oldest first.
fn snapshots(world: &World, mirror: &str) -> Vec<PathBuf> {
    let mut all = files(&world.folder("web").join("snapshots").join(mirror));
    all.sort();
    all
}

#[test]
fn snapshots_that_went_without_a_trace_are_an_alert() {
    let words = ["snapshots/repo", "the newest snapshot, number 3"];
    assert_met("the newest", &words, 0, |world| {
        fs::remove_file(&snapshots(world, "repo")[2]).unwrap();
    });
    assert_met("the last two", &words, 0, |world| {
        for path in &snapshots(world, "repo")[1..] {
            fs::remove_file(path).unwrap();
        }
    });
    let words = ["repo was missing with its snapshots"];
    assert_met("mirror and snapshots", &words, 0, |world| {
        fs::remove_dir_all(world.mirror("web")).unwrap();
        fs::remove_dir_all(world.folder("web").join("snapshots")).unwrap();
    });
    // One that brings back the state of an older one.
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.branch("side", "main");
    world.backup().expect(0);
    web.delete_branch("side");
    world.backup().expect(0);
    for path in &snapshots(&world, "repo")[1..] {
        fs::remove_file(path).unwrap();
    }
    let found = damaged(&world);
    assert_eq!(found, ["acme/acme#web/snapshots/repo".to_owned()].into());
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(alert.contains("the newest snapshot, number 3"), "{alert}");
    verify(&world, 0);
    let next = world.backup().expect(0);
    assert_eq!(next.repository("acme/web").get("alert"), None);
}

#[test]
fn what_went_of_a_wiki_is_an_alert() {
    type Harm = fn(&World);
    let harms: [(Harm, &str); 3] = [
        (
            |world| fs::remove_dir_all(world.folder("web").join("snapshots/wiki")).unwrap(),
            "snapshots/wiki was missing",
        ),
        (
            |world| fs::remove_file(&snapshots(world, "wiki")[1]).unwrap(),
            "snapshots/wiki: the newest snapshot, number 2",
        ),
        (
            |world| {
                fs::remove_dir_all(world.folder("web").join("snapshots/wiki")).unwrap();
                fs::remove_dir_all(world.folder("web").join("wiki")).unwrap();
            },
            "wiki was missing with its snapshots",
        ),
    ];
    for (harm, words) in harms {
        for verified in [false, true] {
            let world = world();
            let web = world.forge.repository("web").wiki();
            world.backup().expect(0);
            web.wiki();
            world.backup().expect(0);
            harm(&world);
            if verified {
                let found = damaged(&world);
                assert!(found.iter().any(|file| file.contains("wiki")), "{found:?}");
            }
            let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
            let alert = run.repository("acme/web")["alert"].as_str().unwrap();
            assert!(alert.contains(words), "{alert}");
            verify(&world, 0);
            let next = world.backup().expect(0);
            assert_eq!(next.repository("acme/web").get("alert"), None);
        }
    }
    // What upstream no longer has is missed once, and for good.
    let world = world();
    let web = world.forge.repository("web").wiki();
    world.backup().expect(0);
    world.backup().expect(0);
    harms[2].0(&world);
    web.missing_wiki();
    let run = world.backup().expect(0);
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(alert.contains("the newest snapshot, number 1"), "{alert}");
    verify(&world, 0);
    let next = world.backup().expect(0);
    assert_eq!(next.repository("acme/web").get("alert"), None);
}

#[test]
fn an_older_copy_of_the_refs_is_an_alert_and_nothing_it_lacks_is_let_go() {
    let words = ["damaged", "repo/packed-refs"];
    for (then, now) in [(0, 3), (1, 3), (2, 3), (0, 2)] {
        for news in [false, true] {
            let world = World::new();
            let web = world.forge.repository("web").commit("one");
            let steps: [&dyn Fn(); 4] = [
                &|| {},
                &|| {
                    web.commit_to("between", "only for a while");
                },
                &|| {
                    web.delete_branch("between").force_push("main");
                },
                &|| {
                    web.commit("two").branch("side", "main");
                },
            ];
            let packed = world.mirror("web").join("packed-refs");
            let mut copies = Vec::new();
            for step in &steps[..=now] {
                step();
                world.backup().expect(0);
                copies.push(fs::read(&packed).unwrap());
            }
            put(&packed, &copies[then]);
            if news {
                web.commit("news");
            }
            let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
            let alert = run.repository("acme/web")["alert"].as_str();
            let alert = alert.unwrap_or_else(|| panic!("{then} {now}: {run:#?}"));
            for word in words {
                assert!(alert.contains(word), "{then} {now}: {alert}");
            }
            world.assert_mirrored(web);
            verify(&world, 0);
            assert_all_held(&world);
            let next = world.backup().expect(0);
            assert_eq!(next.repository("acme/web").get("alert"), None);
        }
    }
    // What somebody's git has fetched meanwhile is none.
    let world = world();
    let web = world.forge.repository("web");
    let main = web.rev_parse("main");
    web.force_push("main");
    let upstream = web.git_dir();
    let upstream = upstream.to_str().unwrap();
    let fetch = [
        "fetch",
        "--quiet",
        "--prune",
        upstream,
        "+refs/heads/*:refs/heads/*",
    ];
    git::run(&world.mirror("web"), &fetch);
    web.branch("main", &main);
    web.git(&["update-ref", "refs/heads/main", &main]);
    let run = world.backup().expect(0);
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(!alert.contains("damaged"), "{alert}");
    assert_all_held(&world);
}

#[test]
fn a_symbolic_ref_in_front_of_a_ref_is_seen() {
    for (target, news) in [
        ("old", false),
        ("old", true),
        ("none", false),
        ("none", true),
    ] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one");
        web.branch("old", "main")
            .commit("two")
            .branch("twin", "main");
        world.backup().expect(0);
        let mirror = world.mirror("web");
        let file = mirror.join("refs/heads/twin");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, format!("ref: refs/heads/{target}\n")).unwrap();
        damaged(&world);
        fs::remove_file(world.sandbox.backup().join(".forgekeep/verify.json")).unwrap();
        if news {
            web.commit("three");
        }
        world.backup().expect(0);
        world.assert_mirrored(web);
        assert!(!file.exists());
        verify(&world, 0);
    }
    // An adopted mirror may have had one: upstream's ref of that name counts.
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.branch("old", "main")
        .commit("two")
        .branch("twin", "main");
    let folder = world.folder("web");
    fs::create_dir_all(&folder).unwrap();
    let url = web.git_dir();
    git::run(
        &folder,
        &["clone", "-q", "--mirror", url.to_str().unwrap(), "repo"],
    );
    let mirror = world.mirror("web");
    git::run(
        &mirror,
        &["symbolic-ref", "refs/heads/twin", "refs/heads/old"],
    );
    world.backup().expect(0);
    world.backup().expect(0);
    world.assert_mirrored(web);
    verify(&world, 0);
}
