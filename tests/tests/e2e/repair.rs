//! The backup after a damage repairs it, loses nothing that can be read, and says what is lost.

mod losses;
mod states;

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Action, Fault, Repo, RequestKind, Run, compare, git};

use crate::support::{World, files, kept};
use crate::verify::damage::{damaged, flip, only, put, shown, verify, world};
use crate::verify::{cut, derive, loose, unpack};

/// The packs of a mirror, the oldest first; or their indexes.
fn packs(mirror: &Path, ending: &str) -> Vec<PathBuf> {
    let all = files(&mirror.join("objects/pack"));
    let is_wanted = |path: &PathBuf| path.extension().is_some_and(|e| e == ending);
    let mut all: Vec<_> = all.into_iter().filter(is_wanted).collect();
    all.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    all
}

/// Damages the bytes of an object wherever it is: a fetch may have brought it once more, as a base.
/// Returns one of the packs.
pub fn destroy(mirror: &Path, oid: &str) -> PathBuf {
    let mut damaged = Vec::new();
    for index in packs(mirror, "idx") {
        let listed = git::run_with_input(mirror, &["show-index"], &fs::read(&index).unwrap());
        if let Some(line) = listed.lines().find(|line| line.contains(oid)) {
            let offset: usize = line.split(' ').next().unwrap().parse().unwrap();
            damaged.push(index.with_extension("pack"));
            flip(&damaged[damaged.len() - 1], offset + 12);
        }
    }
    let read = git::try_run(mirror, &["cat-file", "-p", oid]);
    assert!(read.is_err(), "{oid} can still be read");
    damaged.remove(0)
}

fn web(world: &World) -> Repo<'_> {
    world.forge.repository("web")
}

/// Panics unless the mirror of `world()` is whole, with all of its history.
#[track_caller]
fn assert_whole(world: &World, tips: &[String]) {
    let mirror = world.mirror("web");
    world.assert_mirrored(web(world));
    for tip in tips {
        git::run(&mirror, &["rev-list", "--objects", tip]);
    }
    let document = verify(world, 0);
    assert_eq!(document["outcome"], "ok");
    assert!(!world.folder("web").join("damaged").exists());
    let left: Vec<_> = files(&world.folder("web"))
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("forgekeep-"))
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
    world.forge.reset_log();
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
    git::run(&mirror, &["gc", "--quiet", "--prune=now"]);
    for tip in tips {
        git::run(&mirror, &["rev-list", "--objects", tip]);
    }
}

/// The tips that upstream no longer has.
fn old_tips(world: &World) -> Vec<String> {
    let kept = kept(&world.mirror("web"));
    assert_eq!(kept.len(), 2, "{kept:?}");
    let ids = kept.iter().map(|name| name.rsplit('/').next().unwrap());
    ids.map(str::to_owned).collect()
}

/// Damages a file of the mirror, and panics unless verify names it, the next backup repairs it, and
/// all is there afterwards.
fn assert_repaired(what: &str, damage: impl Fn(&World) -> PathBuf) {
    for verified in [true, false] {
        let world = world();
        let tips = old_tips(&world);
        let file = damage(&world);
        if verified {
            let named = damaged(&world);
            let wanted = shown(&world, &file);
            assert!(named.contains(&wanted), "{what}: {wanted}: {named:#?}");
        } else {
            // Found by the run itself, if it is in its way at all: it has to go on from there.
            web(&world).commit("five").branch("new", "main");
            let run = world.backup();
            assert_eq!(run.code, Some(0), "{what}: {run:#?}");
            world.assert_mirrored_refs(&run);
            if verify_code(&world) == 0 {
                assert_whole(&world, &tips);
                continue;
            }
        }
        let run = world.backup();
        assert_eq!(run.code, Some(0), "{what}: {run:#?}");
        assert_whole(&world, &tips);
    }
}

fn verify_code(world: &World) -> i32 {
    world.forgekeep(&["verify", "-q"]).run().code.unwrap()
}

impl World {
    /// Panics unless upstream's refs are in the mirror, whatever else there is.
    fn assert_mirrored_refs(&self, run: &Run) {
        let upstream = compare::refs(&web(self).git_dir());
        let mirror = compare::refs(&self.mirror("web"));
        assert_eq!(upstream, mirror, "{run:#?}");
    }
}

#[test]
fn a_damaged_pack_is_repaired() {
    let at = |from_end: bool, at: usize| {
        move |world: &World| {
            let pack = packs(&world.mirror("web"), "pack").remove(0);
            let length = fs::metadata(&pack).unwrap().len() as usize;
            flip(&pack, if from_end { length - at } else { at });
            pack
        }
    };
    assert_repaired("header", at(false, 2));
    assert_repaired("version", at(false, 7));
    assert_repaired("count", at(false, 11));
    assert_repaired("trailer", at(true, 3));
    assert_repaired("an object that upstream has", |world| {
        destroy(&world.mirror("web"), &web(world).rev_parse("v1^{tree}"))
    });
}

#[test]
fn a_cut_off_or_missing_pack_is_repaired() {
    // The newest has only what upstream has.
    let newest = |world: &World| packs(&world.mirror("web"), "pack").pop().unwrap();
    assert_repaired("cut off", |world| {
        let pack = newest(world);
        let bytes = fs::read(&pack).unwrap();
        put(&pack, &bytes[..bytes.len() / 2]);
        pack
    });
    assert_repaired("empty", |world| {
        let pack = newest(world);
        put(&pack, b"");
        pack
    });
    assert_repaired("missing", |world| {
        let pack = newest(world);
        fs::remove_file(&pack).unwrap();
        pack
    });
}

#[test]
fn a_damaged_or_missing_index_is_made_again_without_a_download() {
    for at in [1, 6, 100, 1040] {
        let world = world();
        let tips = old_tips(&world);
        let index = packs(&world.mirror("web"), "idx").remove(0);
        flip(&index, at);
        assert!(damaged(&world).contains(&shown(&world, &index)));
        world.forge.reset_log();
        let run = world.backup().expect(0);
        assert_eq!(world.forge.count(RequestKind::UploadPack), 0, "{at}");
        let note = run.repository("acme/web")["note"].as_str().unwrap();
        assert!(note.contains("repaired: acme/acme#web/repo/"), "{note}");
        assert_whole(&world, &tips);
    }
    assert_repaired("missing", |world| {
        let index = packs(&world.mirror("web"), "idx").remove(0);
        fs::remove_file(&index).unwrap();
        index.with_extension("pack")
    });
}

#[test]
fn what_rests_on_a_damaged_base_is_salvaged_if_upstream_has_the_base() {
    let world = World::new();
    let web = world.forge.repository("web");
    // Two versions of a large file: git stores the older one as what differs from the newer.
    let large = |more: &str| -> String {
        let lines = (0..400).map(|n| format!("line {n} of a file that is large enough\n"));
        lines.collect::<String>() + more
    };
    let folder = web.git_dir();
    let commit = |branch: &str, content: &str| {
        let blob = git::run_with_input(
            &folder,
            &["hash-object", "-w", "--stdin"],
            content.as_bytes(),
        );
        let tree = format!("100644 blob {blob}\tlarge\n");
        let tree = git::run_with_input(&folder, &["mktree"], tree.as_bytes());
        let commit = git::run(&folder, &["commit-tree", "-m", branch, &tree]);
        git::run(
            &folder,
            &["update-ref", &format!("refs/heads/{branch}"), &commit],
        );
        blob
    };
    let base = commit("main", &large("and more of it, at the end\n"));
    let resting = commit("side", &large(""));
    git::run(&folder, &["repack", "-adfq", "--depth=10"]);
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let chain = git::run_with_input(
        &mirror,
        &["cat-file", "--batch-check=%(deltabase)"],
        format!("{resting}\n").as_bytes(),
    );
    assert_eq!(chain, base, "the test needs the one to rest on the other");
    web.delete_branch("side");
    world.backup().expect(0);
    let pack = destroy(&mirror, &base);
    assert!(damaged(&world).contains(&shown(&world, &pack)));
    world.backup().expect(0);
    world.assert_mirrored(web);
    assert_eq!(git::run(&mirror, &["cat-file", "-t", &resting]), "blob");
    verify(&world, 0);
}

#[test]
fn a_wiki_is_repaired_as_well() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    world.backup().expect(0);
    let wiki = world.folder("web").join("wiki");
    let pack = only(&wiki.join("objects/pack"), ".pack");
    flip(&pack, 14);
    assert!(damaged(&world).contains(&shown(&world, &pack)));
    let run = world.backup().expect(0);
    let note = run.repository("acme/web")["note"].as_str().unwrap();
    assert!(note.starts_with("wiki: repaired"), "{note}");
    compare::assert_mirror(&web.wiki_dir(), &wiki);
    verify(&world, 0);
}

#[test]
fn nothing_is_changed_while_upstream_is_out_of_reach() {
    let world = world();
    let tips = old_tips(&world);
    let pack = destroy(&world.mirror("web"), &web(&world).rev_parse("v1^{tree}"));
    damaged(&world);
    let bytes = fs::read(&pack).unwrap();
    let fault = Fault::on(RequestKind::UploadPack, Action::EndPackEarly);
    world.forge.inject(fault.repository("web"));
    world.backup().expect(3);
    assert_eq!(fs::read(&pack).unwrap(), bytes);
    world.forge.clear_faults();
    world.backup().expect(0);
    assert_whole(&world, &tips);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_killed_while_it_repairs_leaves_no_less() {
    let world = world();
    let tips = old_tips(&world);
    let pack = destroy(&world.mirror("web"), &web(&world).rev_parse("v1^{tree}"));
    let bytes = fs::read(&pack).unwrap();
    damaged(&world);
    let fault = Fault::on(RequestKind::UploadPack, Action::Hang);
    world.forge.inject(fault.repository("web"));
    world.forge.reset_log();
    let mut running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    running.kill();
    running.wait();
    assert_eq!(fs::read(&pack).unwrap(), bytes);
    world.forge.clear_faults();
    world.forge.release();
    let run = world.backup().expect(0);
    let note = run.repository("acme/web")["note"].as_str().unwrap();
    assert!(note.contains("repaired"), "{note}");
    assert_whole(&world, &tips);
}

#[test]
fn what_is_sound_costs_one_request() {
    let world = world();
    verify(&world, 0);
    world.forge.reset_log();
    assert_eq!(world.backup().expect(0).outcome("acme/web"), "unchanged");
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 1);
    assert_eq!(world.forge.count(RequestKind::UploadPack), 0);
}

#[test]
fn a_loose_object_that_is_cut_off_is_repaired() {
    let world = world();
    let tips = old_tips(&world);
    let mirror = world.mirror("web");
    unpack(&mirror);
    let file = loose(&mirror, &git::run(&mirror, &["rev-parse", "main^{tree}"]));
    cut(&file);
    assert!(damaged(&world).contains(&shown(&world, &file)));
    let run = world.backup().expect(0);
    let note = run.repository("acme/web")["note"].as_str().unwrap();
    assert!(note.contains("repaired"), "{note}");
    assert_whole(&world, &tips);
}

#[test]
fn a_pack_is_salvaged_beside_a_loose_object_that_is_cut_off() {
    let world = world();
    let tips = old_tips(&world);
    let mirror = world.mirror("web");
    let all: Vec<_> = files(&mirror.join("objects/pack"));
    let all: Vec<_> = all.iter().map(|p| (p, fs::read(p).unwrap())).collect();
    unpack(&mirror);
    all.iter().for_each(|(path, bytes)| put(path, bytes));
    let tree = git::run(&mirror, &["rev-parse", &format!("{}^{{tree}}", tips[0])]);
    cut(&loose(&mirror, &tree));
    // Its header: libgit2 would look elsewhere for whatever is in it.
    for pack in packs(&mirror, "pack") {
        flip(&pack, 2);
    }
    damaged(&world);
    let run = world.backup().expect(0);
    let note = run.repository("acme/web")["note"].as_str().unwrap();
    assert!(note.contains("repaired"), "{note}");
    assert_whole(&world, &tips);
}

#[test]
fn what_git_derives_from_packs_is_repaired_without_a_download() {
    for which in 0..4 {
        let world = world();
        let tips = old_tips(&world);
        let mirror = world.mirror("web");
        let file = derive(&mirror).remove(which);
        let length = fs::metadata(&file).unwrap().len() as usize;
        flip(&file, length / 2);
        assert!(damaged(&world).contains(&shown(&world, &file)));
        world.forge.reset_log();
        world.backup().expect(0);
        assert_eq!(world.forge.count(RequestKind::UploadPack), 0, "{file:?}");
        assert!(!file.exists(), "{file:?}");
        let copy = world.sandbox.path("copy");
        let (from, to) = (mirror.to_str().unwrap(), copy.to_str().unwrap());
        git::run(
            &mirror,
            &["clone", "-q", "--mirror", "--no-local", from, to],
        );
        assert_whole(&world, &tips);
    }
}
