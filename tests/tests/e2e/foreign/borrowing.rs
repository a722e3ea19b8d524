//! Shallow and partial clones, and mirrors that borrow their objects.

use std::fs;
use std::path::Path;

use forgekeep_tests::{compare, git};

use super::{adopted, verified, warnings};
use crate::support::{World, error};

#[test]
fn a_shallow_mirror_is_completed() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .commit("two")
        .commit("three");
    let mirror = adopted(&world, "web", web, &["--depth=1"]);
    assert!(mirror.join("shallow").is_file());
    verified(&world, 3);
    let run = world.backup().expect(0);
    assert!(
        warnings(&run, "acme/web").contains("shallow"),
        "{}",
        warnings(&run, "acme/web")
    );
    world.assert_mirrored(web);
    assert!(!mirror.join("shallow").exists() && mirror.join("shallow.set-aside").exists());
    assert_eq!(git::run(&mirror, &["rev-list", "--count", "main"]), "3");
    verified(&world, 0);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

#[test]
fn what_upstream_no_longer_has_of_a_shallow_mirror_is_told_in_each_run() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("gone", "two").commit_to("gone", "three");
    let mirror = adopted(&world, "web", web, &["--depth=1", "--no-single-branch"]);
    let old = web.rev_parse("gone");
    web.delete_branch("gone");
    for _ in 0..2 {
        let run = world.backup().expect(3);
        assert_eq!(run.outcome("acme/web"), "partial");
        let said = error(run.repository("acme/web"));
        assert!(said.contains("shallow"), "{said}");
        assert_eq!(git::run(&mirror, &["cat-file", "-t", &old]), "commit");
    }
    web.commit("four");
    let run = world.backup().expect(3);
    assert_eq!(run.outcome("acme/web"), "partial");
    assert_eq!(
        git::run(&mirror, &["rev-parse", "main"]),
        web.rev_parse("main")
    );
}

#[test]
fn a_partial_clone_is_completed() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.git(&["config", "uploadpack.allowFilter", "true"]);
    let mirror = adopted(&world, "web", web, &["--filter=blob:none"]);
    assert!(git::run(&mirror, &["config", "-l"]).contains("partialclonefilter"));
    let run = world.backup().expect(0);
    assert!(warnings(&run, "acme/web").contains("partial clone"));
    world.assert_mirrored(web);
    compare::assert_sound(&mirror);
    verified(&world, 0);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

/// A mirror whose objects all lie in another repository.
fn borrowing(
    world: &World,
    web: forgekeep_tests::Repo<'_>,
) -> (std::path::PathBuf, std::path::PathBuf) {
    let store = world.sandbox.path("store.git");
    let source = web.git_dir();
    let (from, to) = (source.to_str().unwrap(), store.to_str().unwrap());
    git::run(Path::new("."), &["clone", "-q", "--mirror", from, to]);
    let mirror = world.mirror("web");
    fs::create_dir_all(mirror.parent().unwrap()).unwrap();
    let target = mirror.to_str().unwrap();
    git::run(
        Path::new("."),
        &["clone", "-q", "--mirror", "--shared", to, target],
    );
    (mirror, store)
}

#[test]
fn what_a_mirror_borrows_is_taken_in() {
    let world = World::new();
    let web = world
        .forge
        .repository("web")
        .commit("one")
        .annotated_tag("v1");
    web.commit_to("side", "two");
    let (mirror, store) = borrowing(&world, web);
    git::run(&mirror, &["branch", "only-here", "side"]);
    let found = verified(&world, 3);
    assert!(found.to_string().contains("borrows"), "{found}");
    let run = world.backup().expect(0);
    let said = warnings(&run, "acme/web");
    assert!(said.contains("borrowed objects"), "{said}");
    assert!(mirror.join("objects/info/alternates.set-aside").is_file());
    fs::remove_dir_all(&store).unwrap();
    world.assert_mirrored(web);
    compare::assert_sound(&mirror);
    verified(&world, 0);
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
}

#[test]
fn what_cannot_be_borrowed_is_fetched_or_missed() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("side", "two");
    let (mirror, store) = borrowing(&world, web);
    fs::rename(&store, world.sandbox.path("away")).unwrap();
    verified(&world, 3);
    let run = world.backup().expect(0);
    assert!(warnings(&run, "acme/web").contains("borrow"));
    world.assert_mirrored(web);
    compare::assert_sound(&mirror);
    verified(&world, 0);

    // A tip that only the store had, and the backup a ref to.
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    web.commit_to("gone", "two");
    let (mirror, store) = borrowing(&world, web);
    web.delete_branch("gone");
    web.git(&["gc", "-q", "--prune=now"]);
    fs::rename(&store, world.sandbox.path("away")).unwrap();
    let before = fs::read(mirror.join("packed-refs")).unwrap();
    for _ in 0..2 {
        let run = world.backup().expect(3);
        let said = error(run.repository("acme/web"));
        assert!(
            said.contains("refs/heads/gone") && said.contains("alternates"),
            "{said}"
        );
        assert_eq!(fs::read(mirror.join("packed-refs")).unwrap(), before);
    }
    // The disk is there again.
    fs::rename(world.sandbox.path("away"), &store).unwrap();
    world.backup().expect(0);
    let gone = git::run(&mirror, &["for-each-ref", "refs/forgekeep/kept"]);
    assert!(gone.contains("commit"), "{gone}");
    compare::assert_sound(&mirror);
}

/// Objects that are all there need nobody else's; a planted file is no harm.
#[test]
fn planted_alternates_are_set_aside() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    fs::create_dir_all(mirror.join("objects/info")).unwrap();
    fs::write(
        mirror.join("objects/info/alternates"),
        "/etc\n\"/no where\"\n# x\n../../x\n",
    )
    .unwrap();
    let run = world.backup().expect(0);
    assert!(warnings(&run, "acme/web").contains("alternates"));
    assert!(!mirror.join("objects/info/alternates").exists());
    world.assert_mirrored(web);
}
