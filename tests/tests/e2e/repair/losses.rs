//! What nobody has any more: it is said, the rest stays, and upstream is backed up all the same.

use std::fs;

use forgekeep_tests::{RequestKind, compare, git};

use super::{destroy, old_tips, web};
use crate::support::{World, error, kept};
use crate::verify::damage::{damaged, only, verify, world};

#[test]
fn what_nobody_has_any_more_is_said_and_the_rest_stays() {
    let world = world();
    let tips = old_tips(&world);
    let mirror = world.mirror("web");
    // Upstream's tag still reaches the one; the other one nobody has.
    let tagged = web(&world).rev_parse("v1^{commit}");
    let gone = tips.iter().find(|tip| **tip != tagged).unwrap();
    let left = &tagged;
    destroy(&mirror, gone);
    damaged(&world);
    web(&world).commit("five");
    let run = world.backup().expect(3);
    let entry = run.repository("acme/web");
    let said = error(entry);
    assert!(said.starts_with("damaged: a part of the history"), "{said}");
    assert!(said.contains(gone), "{said}");
    assert!(said.contains("acme#web/damaged"), "{said}");
    // Upstream's state is there, and so is whatever can be read.
    world.assert_mirrored(web(&world));
    git::run(&mirror, &["rev-list", "--objects", left]);
    let damaged_pack = only(&world.folder("web").join("damaged"), ".pack");
    assert!(damaged_pack.exists());
    // It stays so, without a download in each run.
    world.forge.reset_log();
    let again = error(world.backup().expect(3).repository("acme/web"));
    assert_eq!(again, said);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    web(&world).commit("six");
    world.forge.reset_log();
    world.backup().expect(3);
    world.assert_mirrored(web(&world));
    verify(&world, 3);
    world.forge.reset_log();
    world.backup().expect(3);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    // Until somebody accepts it.
    fs::remove_dir_all(world.folder("web").join("damaged")).unwrap();
    world.backup().expect(0);
    verify(&world, 3);
}

#[test]
fn a_mirror_that_is_gone_is_cloned_and_what_is_lost_with_it_is_said() {
    let world = world();
    fs::remove_dir_all(world.mirror("web")).unwrap();
    damaged(&world);
    let run = world.backup().expect(3);
    assert!(error(run.repository("acme/web")).contains("history"));
    world.assert_mirrored(web(&world));
}

#[test]
fn a_part_of_an_old_state_that_is_lost_leaves_the_rest_of_it() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit("three");
    world.backup().expect(0);
    let old = web.rev_parse("main");
    let tree = web.rev_parse("main~1^{tree}");
    web.git(&["update-ref", "refs/heads/main", &web.rev_parse("main~2")]);
    world.backup().expect(0);
    let mirror = world.mirror("web");
    destroy(&mirror, &tree);
    damaged(&world);
    let said = error(world.backup().expect(3).repository("acme/web"));
    assert!(said.contains(&tree), "{said}");
    // The tip itself, and its files, can be had.
    git::run(&mirror, &["archive", &old]);
    assert_eq!(kept(&mirror), [format!("refs/forgekeep/kept/{old}")]);
    assert_eq!(error(world.backup().expect(3).repository("acme/web")), said);
}

#[test]
fn a_lost_commit_amid_an_old_history_does_not_keep_the_new_one_away() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    web.commit("three").commit_to("side", "side one");
    world.backup().expect(0);
    let old = web.rev_parse("main");
    let lost = web.rev_parse("main~1");
    // Upstream leaves it at the very time at which it is lost here.
    let mirror = world.mirror("web");
    destroy(&mirror, &lost);
    web.git(&["update-ref", "refs/heads/main", &web.rev_parse("main~2")]);
    web.git(&["reflog", "expire", "--expire=now", "--all"]);
    web.git(&["gc", "--quiet", "--prune=now"]);
    damaged(&world);
    let said = error(world.backup().expect(3).repository("acme/web"));
    assert!(said.contains(&lost), "{said}");
    let assert_upstream_is_there = || {
        assert_eq!(compare::refs(&web.git_dir()), compare::refs(&mirror));
        git::run(&mirror, &["rev-list", "--objects", "--branches"]);
        git::run(&mirror, &["archive", &old]);
    };
    assert_upstream_is_there();
    // Night after night, and only what is new comes.
    for number in 0..3 {
        web.commit("more")
            .commit_to("side", &format!("side {number}"));
        let run = world.backup().expect(3);
        assert_eq!(error(run.repository("acme/web")), said);
        assert_upstream_is_there();
        world.forge.reset_log();
        world.backup().expect(3);
        assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    }
    assert!(!world.folder("web").join("repo.forgekeep-partial").exists());
}
