//! Names as hosters have them: they are data, and every repository gets a folder of its own.

use forgekeep_tests::compare;

use crate::support::{World, assert_all, content};

#[test]
fn odd_names_are_backed_up_each_in_a_folder_of_its_own() {
    let world = World::new();
    let names = [
        "größe",
        "日本語",
        "with space",
        "a.b.c",
        "dotted.git",
        "100%",
        "a#b",
        "CON",
        "-dash",
        "wiki",
    ];
    for name in names {
        world.forge.repository(name).commit(name);
    }
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", names.len());
    let source = world.sandbox.backup().join("acme");
    assert_eq!(source.read_dir().unwrap().count(), names.len());
    for name in names {
        let path = run.repository(&format!("acme/{name}"))["path"]
            .as_str()
            .unwrap();
        let mirror = world.sandbox.backup().join(path).join("repo");
        compare::assert_mirror(&world.forge.repository(name).git_dir(), &mirror);
    }
    assert_eq!(run.repository("acme/größe")["path"], "acme/acme#größe");
    assert_eq!(
        run.repository("acme/with space")["path"],
        "acme/acme#with space"
    );
    let run = world.backup().expect(0);
    assert_all(&run, "unchanged", names.len());
}

#[test]
fn twins_by_case_keep_their_folders_from_run_to_run() {
    let world = World::new();
    let twins = ["Web", "web", "WEB"].map(|name| world.forge.repository(name).commit(name));
    let folders = |outcome: &str| {
        let run = world.backup().expect(0);
        assert_all(&run, outcome, 3);
        ["Web", "web", "WEB"].map(|name| {
            let path = &run.repository(&format!("acme/{name}"))["path"];
            path.as_str().unwrap().to_owned()
        })
    };
    let first = folders("cloned");
    let mut lower = first.clone().map(|path| path.to_lowercase());
    lower.sort();
    assert!(lower[0] != lower[1] && lower[1] != lower[2], "{first:?}");
    assert_eq!(folders("unchanged"), first);
    for (repository, path) in twins.iter().zip(&first) {
        let mirror = world.sandbox.backup().join(path).join("repo");
        compare::assert_mirror(&repository.git_dir(), &mirror);
    }
}

#[test]
fn a_repository_made_again_under_the_same_name_does_not_touch_the_old_backup() {
    let world = World::new();
    let old = world.forge.repository("web").commit("old");
    let (old_uuid, old_tip) = (old.uuid(), old.rev_parse("main"));
    world.backup().expect(0);
    let before = content(&world.mirror("web"));
    old.delete();
    let new = world.forge.repository("web").commit("new");
    assert_ne!(new.uuid(), old_uuid);
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    let path = run.repository("acme/web")["path"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(path, "acme/acme#web");
    compare::assert_mirror(
        &new.git_dir(),
        &world.sandbox.backup().join(&path).join("repo"),
    );
    // Not by assert_eq, which would print every byte.
    assert!(content(&world.mirror("web")) == before);
    let kept = forgekeep_tests::git::run(&world.mirror("web"), &["rev-parse", "main"]);
    assert_eq!(kept, old_tip);
    let again = world.backup().expect(0);
    assert_eq!(again.repository("acme/web")["path"], path.as_str());
}

#[test]
fn an_empty_listing_deletes_nothing_and_is_said() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    web.delete();
    let run = world.backup().expect(3);
    assert!(
        run.stderr.contains("sees no repository in workspace acme"),
        "{}",
        run.stderr
    );
    compare::assert_sound(&world.mirror("web"));
}
