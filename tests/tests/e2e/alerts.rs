//! What is news: damage that was repaired, and only what upstream has lost.

mod traceless;

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::git;
use serde_json::json;

use crate::support::{World, files};
use crate::verify::damage::{damaged, flip, put, verify, world};

/// Damages a file, and panics unless the backup that repairs it says so, however quiet.
fn assert_told(what: &str, damage: impl Fn(&World) -> PathBuf) {
    let world = world();
    world.forge.repository("web").wiki();
    world.backup().expect(0);
    // That is about what upstream loses.
    let options = json!({"network": {"retries": 0}, "alert": {"action": "off"}});
    world.configure_with(&[world.source()], &options);
    let file = damage(&world);
    damaged(&world);
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    let name = file.file_name().unwrap().to_str().unwrap();
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(
        alert.contains("damaged") && alert.contains(name),
        "{what}: {alert}"
    );
    assert!(
        run.stderr.contains("ALERT: acme/web: "),
        "{what}: {}",
        run.stderr
    );
    assert!(
        run.stdout.contains("ALERT: acme/web: "),
        "{what}: {}",
        run.stdout
    );
    assert!(!run.stdout.contains("All good"), "{what}: {}", run.stdout);
    verify(&world, 0);
    let next = world.backup().expect(0);
    assert_eq!(next.repository("acme/web").get("alert"), None, "{what}");
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

/// Does harm that no `verify` has seen, and panics unless the next backup, however quiet, tells of it with
/// these words, once, and leaves a mirror that is whole. With and without news from upstream.
fn assert_met(what: &str, words: &[&str], code: i32, harm: impl Fn(&World)) {
    for with_news in [false, true] {
        let world = world();
        world.backup().expect(0);
        let options = json!({"network": {"retries": 0}, "alert": {"action": "off"}});
        world.configure_with(&[world.source()], &options);
        harm(&world);
        if with_news {
            world.forge.repository("web").commit("news");
        }
        let run = world.forgekeep(&["backup", "-q"]).run().expect(code);
        let alert = run.repository("acme/web")["alert"].as_str();
        let alert = alert.unwrap_or_else(|| panic!("{what}: no alert: {run:#?}"));
        for word in words {
            assert!(alert.contains(word), "{what}: {alert}");
        }
        assert!(run.stderr.contains(alert), "{what}: {}", run.stderr);
        assert!(!run.stdout.contains("All good"), "{what}: {}", run.stdout);
        world.assert_mirrored(world.forge.repository("web"));
        let next = world.backup().expect(code);
        assert_eq!(next.repository("acme/web").get("alert"), None, "{what}");
        if code == 0 {
            verify(&world, 0);
            assert_all_held(&world);
        }
    }
}

/// Whatever a snapshot has is held by a ref.
fn assert_all_held(world: &World) {
    let mirror = world.mirror("web");
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    verify(world, 0);
}

#[test]
fn a_head_that_strayed_is_an_alert() {
    let head = |content: &'static str| {
        move |world: &World| fs::write(world.mirror("web").join("HEAD"), content).unwrap()
    };
    let words = ["damaged", "repo/HEAD"];
    assert_met("another branch", &words, 0, head("ref: refs/heads/old\n"));
    assert_met("nonsense", &words, 0, head("rdf: refs/heads/main\n"));
    assert_met("empty", &words, 0, head(""));
    assert_met("detached", &words, 0, |world| {
        let main = world.forge.repository("web").rev_parse("main");
        fs::write(world.mirror("web").join("HEAD"), main).unwrap();
    });
    assert_met("deleted", &words, 0, |world| {
        fs::remove_file(world.mirror("web").join("HEAD")).unwrap();
    });
}

#[test]
fn refs_that_went_are_an_alert() {
    type Harm = fn(&[u8]) -> Vec<u8>;
    let harmed = |harm: Harm| {
        move |world: &World| {
            let packed = world.mirror("web").join("packed-refs");
            let good = fs::read(&packed).unwrap();
            fs::write(&packed, harm(&good)).unwrap();
        }
    };
    let words = ["damaged", "repo/packed-refs"];
    assert_met("deleted", &words, 0, |world| {
        fs::remove_file(world.mirror("web").join("packed-refs")).unwrap();
    });
    assert_met("emptied", &words, 0, harmed(|_| Vec::new()));
    assert_met(
        "cut",
        &words,
        0,
        harmed(|good| good[..good.len() / 2].to_vec()),
    );
    assert_met("zeroed", &words, 0, harmed(|good| vec![0; good.len()]));
    // Only the tag goes: that a git could have done, too.
    let words = ["packed-refs", "refs/tags/v1"];
    assert_met(
        "cut between two lines",
        &words,
        0,
        harmed(|good| {
            let text = String::from_utf8(good.to_vec()).unwrap();
            let lines = text.lines().take_while(|line| !line.contains("refs/tags/"));
            lines
                .map(|line| format!("{line}\n"))
                .collect::<String>()
                .into_bytes()
        }),
    );
}

#[test]
fn a_state_file_that_went_is_an_alert() {
    let state = |world: &World| world.folder("web").join("forgekeep.json");
    let words = ["forgekeep.json"];
    assert_met("deleted", &words, 0, |world| {
        fs::remove_file(state(world)).unwrap()
    });
    assert_met("emptied", &words, 0, |world| {
        fs::write(state(world), "").unwrap()
    });
    assert_met("flipped", &words, 0, |world| flip(&state(world), 40));
    let snapshots = |world: &World| world.folder("web").join("snapshots");
    assert_met("snapshots", &["snapshots"], 0, |world| {
        fs::remove_dir_all(snapshots(world)).unwrap();
    });
}

#[test]
fn objects_that_went_are_an_alert() {
    let each = |world: &World, ending: &str, harm: &dyn Fn(PathBuf)| {
        let all = files(&world.mirror("web").join("objects/pack"));
        all.into_iter()
            .filter(|path| path.to_str().unwrap().ends_with(ending))
            .for_each(harm);
    };
    let remove = |path: PathBuf| fs::remove_file(path).unwrap();
    let empty = |path: PathBuf| put(&path, b"");
    // What only the backup had is lost with them, and is said on.
    assert_met("packs", &["damaged", "repo/"], 3, |world| {
        each(world, ".pack", &remove)
    });
    assert_met("packs emptied", &["damaged", "repo/"], 3, |world| {
        each(world, ".pack", &empty)
    });
    // An index follows from its pack.
    assert_met("indices", &["damaged", "repo/"], 0, |world| {
        each(world, ".idx", &remove)
    });
    assert_met("indices emptied", &["damaged", ".idx"], 0, |world| {
        each(world, ".idx", &empty)
    });
    for (name, code) in [
        ("objects", 3),
        ("objects/pack", 3),
        ("refs", 0),
        ("config", 0),
    ] {
        assert_met(name, &["damaged", "repo"], code, |world| {
            let path = world.mirror("web").join(name);
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        });
    }
}

#[test]
fn a_mirror_that_went_is_an_alert() {
    assert_met("mirror", &["damaged", "acme#web/repo"], 3, |world| {
        fs::remove_dir_all(world.mirror("web")).unwrap();
    });
    assert_met("emptied", &["damaged", "acme#web/repo"], 3, |world| {
        fs::remove_dir_all(world.mirror("web")).unwrap();
        fs::create_dir(world.mirror("web")).unwrap();
    });
    assert_met("folder", &["acme#web was missing"], 0, |world| {
        fs::remove_dir_all(world.folder("web")).unwrap();
    });
}

#[test]
fn damage_to_a_wiki_that_no_verify_has_seen_is_an_alert() {
    for name in ["HEAD", "packed-refs"] {
        let world = world();
        world.forge.repository("web").wiki();
        world.backup().expect(0);
        fs::write(world.folder("web").join("wiki").join(name), "").unwrap();
        let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
        let alert = run.repository("acme/web")["alert"].as_str().unwrap();
        assert!(alert.contains("wiki: the backup was damaged"), "{alert}");
        assert!(alert.contains(name), "{alert}");
        verify(&world, 0);
    }
}

#[test]
fn what_other_programs_do_to_a_mirror_is_no_alert() {
    let quiet = |what: &str, act: &dyn Fn(&World)| {
        let world = world();
        act(&world);
        let run = world.backup().expect(0);
        assert_eq!(run.repository("acme/web").get("alert"), None, "{what}");
        world.assert_mirrored(world.forge.repository("web"));
    };
    let fetch = |world: &World| {
        let url = world.forge.repository("web").git_dir();
        let url = url.to_str().unwrap();
        let refs = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        git::run(
            &world.mirror("web"),
            &["fetch", "-q", "--prune", url, refs[0], refs[1]],
        );
    };
    quiet("a fetch", &|world| {
        let web = world.forge.repository("web").commit("news");
        web.commit_to("more", "news");
        fetch(world);
    });
    quiet("a fetch that removes", &|world| {
        world
            .forge
            .repository("web")
            .delete_tag("v1")
            .commit("news");
        fetch(world);
    });
    quiet(
        "a fetch of another history, and the default branch",
        &|world| {
            let web = world.forge.repository("web");
            web.branch("trunk", "main").default_branch("trunk");
            fetch(world);
            git::run(
                &world.mirror("web"),
                &["symbolic-ref", "HEAD", "refs/heads/trunk"],
            );
        },
    );
    quiet("housekeeping", &|world| {
        git::run(&world.mirror("web"), &["pack-refs", "--all", "--prune"]);
        git::run(&world.mirror("web"), &["gc", "--quiet", "--prune=now"]);
    });
}

#[test]
fn a_mirror_that_is_taken_over_is_no_alert_until_it_loses_something() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").tag("v1");
    // All of its refs are loose, and there is no packed-refs.
    let mirror = world.mirror("web");
    fs::create_dir_all(&mirror).unwrap();
    git::run(&mirror, &["init", "-q", "--bare", "-b", "main"]);
    let url = web.git_dir();
    git::run(
        &mirror,
        &["fetch", "-q", url.to_str().unwrap(), "+refs/*:refs/*"],
    );
    assert!(!mirror.join("packed-refs").exists());
    for _ in 0..2 {
        let run = world.backup().expect(0);
        assert_eq!(run.repository("acme/web").get("alert"), None);
        verify(&world, 0);
    }
    fs::remove_file(mirror.join("refs/tags/v1")).unwrap();
    let run = world.forgekeep(&["backup", "-q"]).run().expect(0);
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(alert.contains("refs/tags/v1"), "{alert}");
    world.assert_mirrored(web);
    let next = world.backup().expect(0);
    assert_eq!(next.repository("acme/web").get("alert"), None);
}

#[test]
fn what_upstream_still_has_under_another_name_is_no_loss() {
    let alert = |change: &dyn Fn(&World)| {
        let world = World::new();
        let web = world.forge.repository("web").commit("one").commit("two");
        web.branch("topic", "main").commit_to("topic", "three");
        world.backup().expect(0);
        change(&world);
        let run = world.backup().expect(0);
        world.assert_mirrored(web);
        verify(&world, 0);
        run.repository("acme/web").get("alert").cloned()
    };
    // Both are gone under their names, and both are there.
    assert_eq!(
        alert(&|world| {
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
        alert(&|world| {
            let repository = world.forge.repository("web");
            repository.git(&["tag", "-a", "-m", "x", "v1", "topic"]);
            repository.delete_branch("main").delete_branch("topic");
        }),
        None,
        "held by a tag"
    );
    // Rewritten, all of them: that is what alerts are for.
    let lost = alert(&|world| {
        let repository = world.forge.repository("web").force_push("main");
        repository.delete_branch("topic");
    });
    assert_eq!(
        lost,
        Some("upstream rewrote or deleted every branch (2)".into())
    );
}
