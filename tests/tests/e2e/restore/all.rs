//! The day after the disaster: everything at once.

use std::fs;

use forgekeep_tests::compare;

use super::{assert_clean, command, restore, snapshots, text};
use crate::support::{World, files};

#[test]
fn everything_comes_back_each_in_a_folder_of_its_own() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one").wiki();
    let api = world.forge.repository("api").commit("two");
    // Another repository of the same name, under an id of its own.
    let gone = world.forge.repository("old").commit("three");
    world.backup().expect(0);
    let (gone_refs, gone_id) = (compare::refs(&gone.git_dir()), gone.uuid());
    gone.delete();
    let new = world.forge.repository("old").commit("four");
    world
        .forgekeep(&["backup", "--accept-shrinkage"])
        .run()
        .expect(0);
    let run = restore(&world, &["--all"], "all").expect(0);
    let acme = world.sandbox.path("all/acme/acme");
    for (name, upstream) in [
        ("web", web.git_dir()),
        ("web.wiki", web.wiki_dir()),
        ("api", api.git_dir()),
    ] {
        let restored = acme.join(name);
        assert_clean(&restored);
        assert_eq!(compare::refs(&restored), compare::refs(&upstream), "{name}");
        assert_eq!(compare::head(&restored), compare::head(&upstream), "{name}");
        assert!(
            run.stderr.contains(&format!("acme/acme/{name}: ")),
            "{}",
            run.stderr
        );
    }
    // What is gone is there too, beside what came in its place.
    let folders = fs::read_dir(&acme).unwrap();
    let olds: Vec<_> = folders
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("old")
        })
        .collect();
    assert_eq!(olds.len(), 2, "{olds:?}");
    let mut found: Vec<_> = olds.iter().map(|path| compare::refs(path)).collect();
    let mut wanted = vec![gone_refs, compare::refs(&new.git_dir())];
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted, "{gone_id} and its successor");
    assert!(run.stdout.contains("5 of 5 restored"), "{}", run.stdout);
}

#[test]
fn bare_quiet_and_by_source() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let other = world.source_with("title", "other");
    world.configure(&[world.source(), other]);
    world.backup().expect(0);
    let arguments = ["--all", "--bare", "-q", "--source", "other"];
    let run = restore(&world, &arguments, "all").expect(0);
    assert_eq!(run.stdout + &run.stderr, "");
    let all = world.sandbox.path("all");
    compare::assert_sound(&all.join("other/acme/web"));
    assert!(all.join("other/acme/web/HEAD").exists());
    assert!(!all.join("acme").exists());
    let run = restore(&world, &["--all", "--source", "othr"], "x").expect(2);
    assert!(
        run.stderr.contains("there are: acme, other"),
        "{}",
        run.stderr
    );
}

#[test]
fn at_a_time_what_was_not_there_yet_is_left_out_and_said() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let then = compare::refs(&web.git_dir());
    let time = text(&snapshots(&world, "web")[0], "time").to_owned();
    web.commit("two");
    world.forge.repository("new").commit("one");
    world.backup().expect(0);
    let run = restore(&world, &["--all", "--at", &time], "then").expect(0);
    let acme = world.sandbox.path("then/acme/acme");
    assert_eq!(compare::refs(&acme.join("web")), then);
    assert!(!acme.join("new").exists());
    assert!(
        run.stderr.contains("acme/acme/new: left out"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("1 of 2 restored, 1 left out"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_interruption_leaves_no_half_repository() {
    let world = World::new();
    for slug in ["api", "web"] {
        world.forge.repository(slug).commit("one");
    }
    world.backup().expect(0);
    let packs = files(&world.mirror("web").join("objects/pack"));
    let mut packs = packs.into_iter();
    let pack = packs.find(|path| path.extension().is_some_and(|e| e == "pack"));
    let pack = pack.unwrap();
    fs::remove_file(&pack).unwrap();
    // It takes no room, and long to copy.
    let endless = fs::File::create(&pack).unwrap();
    endless.set_len(8 * 1024 * 1024 * 1024).unwrap();
    for what in ["--all", "web"] {
        let target = what.trim_matches('-');
        let running = command(&world.sandbox, &[what], target).spawn();
        let is_begun = || {
            let copied = files(&world.sandbox.path("")).into_iter();
            let mut copied = copied.filter(|path| !path.starts_with(world.sandbox.backup()));
            copied.any(|path| path.file_name() == pack.file_name())
        };
        while !is_begun() {
            std::thread::yield_now();
        }
        running.interrupt();
        let run = running.wait().expect(130);
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
    }
    assert!(!world.sandbox.path("web").exists());
    assert!(!world.sandbox.path("web.forgekeep-partial").exists());
    let acme = world.sandbox.path("all/acme/acme");
    assert!(!acme.join("web").exists());
    for entry in fs::read_dir(&acme).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.file_name().unwrap(), "api");
        assert_clean(&path);
    }
}
