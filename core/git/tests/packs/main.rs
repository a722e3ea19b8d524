//! Packs are made fewer without losing an object, as git itself sees it.

#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)] // the helpers in `scene`, too
mod scene;
mod traversal;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use forgekeep_failure::{Cancel, ErrorKind};
use forgekeep_git::packs::{PackIndex, repack, rewrite};
use git2::Oid;
use scene::{Blob, Scene, blob_pack};

const ALL: &dyn Fn(Oid) -> bool = &|_| true;

/// Fetches a hundred times, with `change` before each. Returns the bytes of the packs, of git's own
/// after a gc, and the most packs there were after a repack.
fn a_hundred_fetches(change: impl Fn(&Path, usize)) -> (u64, u64, usize) {
    let scene = Scene::new();
    let (mut most, mut merged) = (0, 0);
    for round in 0..100 {
        change(&scene.work, round);
        scene.commit();
        scene.fetch();
        let before = scene.objects();
        let done = repack(&scene.mirror, &Cancel::new()).unwrap();
        assert_eq!(scene.objects(), before);
        assert_eq!(done.packs_after, scene.packs().len());
        assert_eq!(done.bytes_after, scene.pack_bytes());
        assert_eq!(done.objects_dropped, 0);
        most = most.max(done.packs_after);
        merged += usize::from(done.packs_after < done.packs_before);
    }
    assert!((8..=20).contains(&merged), "{merged} times merged");
    scene.fsck();
    let before = scene.objects();
    let done = rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
    assert_eq!(done.packs_after, 1);
    assert_eq!(scene.objects(), before);
    scene.fsck();
    (scene.pack_bytes(), scene.bytes_after_gc(), most)
}

#[test]
fn a_file_that_changes_in_a_hundred_fetches() {
    let (ours, gits, most) = a_hundred_fetches(|work, round| {
        let file = work.join("notes.txt");
        let mut lines: Vec<_> = match fs::read_to_string(&file) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(_) => (0..4000).map(scene::line).collect(),
        };
        for change in 0..5 {
            let at = (round * 977 + change * 131) % lines.len();
            lines[at] = scene::line(100_000 + round * 10 + change);
        }
        fs::write(&file, lines.join("\n")).unwrap();
    });
    assert!(ours * 2 <= gits * 3, "{ours} bytes, {gits} after a gc");
    assert!(most <= 8, "{most} packs");
}

#[test]
fn files_that_come_in_a_hundred_fetches() {
    let (ours, gits, most) = a_hundred_fetches(|work, round| {
        let folder = work.join(format!("part-{}", round % 7));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..3 {
            let lines: Vec<_> = (0..30)
                .map(|line| scene::line(round * 1000 + file * 100 + line))
                .collect();
            fs::write(folder.join(format!("{round}-{file}")), lines.join("\n")).unwrap();
        }
    });
    assert!(ours * 2 <= gits * 3, "{ours} bytes, {gits} after a gc");
    assert!(most <= 8, "{most} packs");
}

#[test]
fn deltas_to_each_other_in_two_packs_become_one_pack_that_stands() {
    let scene = Scene::new();
    let (one, two) = (Blob::new(b"one"), Blob::new(b"two"));
    for by_id in [false, true] {
        blob_pack(&scene.mirror, &one, &two, by_id);
        blob_pack(&scene.mirror, &two, &one, by_id);
    }
    assert_eq!(scene.packs().len(), 4);
    let done = rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
    assert_eq!((done.packs_before, done.packs_after), (4, 1));
    let index = PackIndex::open(&scene.packs()[0].with_extension("idx")).unwrap();
    let found: BTreeSet<_> = index.iter().map(|(oid, _)| oid).collect();
    assert_eq!(found, BTreeSet::from([one.oid(), two.oid()]));
    // One is still a delta.
    let long = one.content.len() as u64;
    assert!(done.bytes_after < long + long / 2, "{done:?}");
    index
        .verify_pack(&scene.packs()[0], &Cancel::new())
        .unwrap();
    scene.fsck();
}

#[test]
fn a_delta_whose_base_is_dropped_becomes_whole() {
    let scene = Scene::new();
    let (base, delta) = (Blob::new(b"one"), Blob::new(b"two"));
    blob_pack(&scene.mirror, &base, &delta, false);
    let keep = |oid| oid == delta.oid();
    let done = rewrite(&scene.mirror, &keep, &Cancel::new()).unwrap();
    assert_eq!((done.packs_after, done.objects_dropped), (1, 1));
    let wanted = format!("{} blob {}", delta.oid(), delta.content.len());
    assert_eq!(scene.objects(), BTreeSet::from([wanted]));
    scene.fsck();
}

#[test]
fn kept_packs_and_a_multi_pack_index_are_left_alone() {
    let scene = Scene::with_packs(12);
    let packs = scene.packs();
    for (pack, ending) in packs.iter().zip(["keep", "promisor"]) {
        fs::write(pack.with_extension(ending), "").unwrap();
    }
    let marked: Vec<_> = packs[..2]
        .iter()
        .map(|pack| fs::read(pack).unwrap())
        .collect();
    let before = scene.objects();
    let done = repack(&scene.mirror, &Cancel::new()).unwrap();
    assert_eq!((done.packs_before, done.packs_after), (12, 3));
    rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
    for (pack, bytes) in packs.iter().zip(marked) {
        assert_eq!(fs::read(pack).unwrap(), bytes);
        assert!(pack.with_extension("idx").exists());
    }
    assert_eq!(scene.objects(), before);

    let scene = Scene::with_packs(12);
    scene.git(&scene.mirror, &["multi-pack-index", "write"]);
    let before = scene.files();
    let done = repack(&scene.mirror, &Cancel::new()).unwrap();
    assert_eq!((done.packs_before, done.packs_after), (12, 12));
    let failure = rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::ForeignFolder);
    assert_eq!(scene.files(), before);
}

#[test]
fn any_damage_leaves_everything_as_it_is() {
    for (without_crcs, is_sealed) in [(false, false), (false, true), (true, false), (true, true)] {
        // One pack, so that each of its entries is needed, and something to rewrite it for.
        let scene = Scene::with_packs(3);
        rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
        scene::loose(&scene.mirror, b"loose");
        let pack = scene.packs().remove(0);
        if without_crcs {
            scene.index_without_crcs(&pack);
        }
        let stem = pack.file_stem().unwrap().to_str().unwrap();
        let paths = [pack.clone(), pack.with_extension("idx")];
        let sound = paths.each_ref().map(|path| fs::read(path).unwrap());
        for (damaged, step) in (0..2).flat_map(|file| (0..120).map(move |step| (file, step))) {
            let mut files = sound.clone();
            let length = files[damaged].len();
            let begin = 8 + 60;
            match step {
                // The first bytes in full, for their headers; then here and there, and cut off.
                0..60 => files[damaged][8 + step] ^= 1 << (step % 8),
                60..110 => {
                    let at = begin + (step - 60) * (length - begin - 41) / 49;
                    files[damaged][at] ^= 1 << (step % 8);
                }
                _ => files[damaged].truncate(40 + (step - 110) * (length - 41) / 9),
            }
            if is_sealed {
                // As if it had been written so: no checksum shows it.
                scene::seal(&mut files);
            }
            scene::replace(&paths, &files);
            let before = scene.files();
            let failure = rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Damaged, "{failure}");
            assert!(failure.message.contains(stem), "{step}: {failure}");
            assert_eq!(scene.files(), before);
        }
        scene::replace(&paths, &sound);
        rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
        scene.fsck();
    }
}

#[test]
fn an_interruption_leaves_everything_as_it_is() {
    let scene = Scene::with_packs(12);
    let before = scene.files();
    let cancel = Cancel::new();
    cancel.cancel();
    let failure = repack(&scene.mirror, &cancel).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Cancelled);
    // While it plans.
    let cancel = Cancel::new();
    let keep = |_| {
        cancel.cancel();
        true
    };
    let failure = rewrite(&scene.mirror, &keep, &cancel).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Cancelled);
    assert_eq!(scene.files(), before);
}

#[test]
fn an_interruption_while_the_pack_is_written_leaves_everything_as_it_is() {
    let scene = Scene::new();
    for round in 0..4 {
        fs::write(scene.work.join("noise"), scene::noise(round, 8 << 20)).unwrap();
        scene.commit();
        scene.fetch();
    }
    let before = scene.files();
    let cancel = Cancel::new();
    let flag = cancel.clone();
    let packs = scene.mirror.join("objects/pack");
    let watcher = std::thread::spawn(move || {
        let is_written = || {
            let mut names = fs::read_dir(&packs)
                .unwrap()
                .map(|it| it.unwrap().file_name());
            names.any(|name| name.to_str().unwrap().starts_with("pack_git2_"))
        };
        for _ in 0..60_000 {
            if is_written() {
                flag.cancel();
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    });
    let failure = rewrite(&scene.mirror, ALL, &cancel).unwrap_err();
    assert!(watcher.join().unwrap());
    assert_eq!(failure.kind, ErrorKind::Cancelled);
    assert_eq!(scene.files(), before);
}

#[test]
fn what_is_not_kept_is_dropped_and_nothing_else() {
    let scene = Scene::with_packs(5);
    let commits = scene.git(&scene.work, &["rev-list", "main"]);
    let kept_tip = commits.lines().nth(2).unwrap();
    for name in ["left", "right"] {
        let oid = scene::loose(&scene.mirror, name.as_bytes());
        assert!(
            scene
                .objects()
                .contains(&format!("{oid} blob {}", name.len()))
        );
    }
    let right = Oid::hash_object(git2::ObjectType::Blob, b"right").unwrap();
    scene.git(&scene.mirror, &["commit-graph", "write", "--reachable"]);
    scene.git(&scene.mirror, &["update-ref", "refs/heads/main", kept_tip]);
    let reachable = scene.git(&scene.work, &["rev-list", "--objects", kept_tip]);
    let mut wanted: BTreeSet<Oid> = reachable
        .lines()
        .map(|line| Oid::from_str(&line[..40]).unwrap())
        .collect();
    wanted.insert(right);
    let all = scene.objects().len();
    let done = rewrite(&scene.mirror, &|oid| wanted.contains(&oid), &Cancel::new()).unwrap();
    assert_eq!((done.packs_before, done.packs_after), (5, 1));
    assert_eq!(done.objects_dropped, all - wanted.len());
    let left: BTreeSet<_> = scene
        .objects()
        .iter()
        .map(|line| Oid::from_str(&line[..40]).unwrap())
        .collect();
    assert_eq!(left, wanted);
    assert!(scene.loose().is_empty());
    assert!(
        fs::metadata(&scene.packs()[0])
            .unwrap()
            .permissions()
            .readonly()
    );
    scene.fsck();
    // Nothing to drop any more: the pack is not written again.
    let before = scene.files();
    rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
    assert_eq!(scene.files(), before);
    scene.git(&scene.mirror, &["update-ref", "-d", "refs/heads/main"]);
    let done = rewrite(&scene.mirror, &|_| false, &Cancel::new()).unwrap();
    assert_eq!((done.packs_after, done.bytes_after), (0, 0));
    assert!(scene.objects().is_empty());
    scene.fsck();
}

#[test]
fn what_a_kill_before_the_removal_left_twice_is_made_one_again() {
    let scene = Scene::with_packs(9);
    let old = scene.files();
    let first = repack(&scene.mirror, &Cancel::new()).unwrap();
    assert_eq!(first.packs_after, 1);
    let objects = scene.objects();
    for (path, bytes) in old {
        if !path.exists() {
            fs::write(path, bytes).unwrap();
        }
    }
    // The new pack is byte for byte the one that is there, and must not be removed as an old one.
    let one = scene.packs().len();
    let again = rewrite(&scene.mirror, ALL, &Cancel::new()).unwrap();
    assert_eq!((one, again.packs_after), (10, 1));
    assert_eq!(scene.objects(), objects);
    scene.fsck();
}

#[test]
fn thousands_of_loose_objects_are_packed_and_a_few_are_not() {
    let scene = Scene::with_packs(1);
    scene::loose(&scene.mirror, b"few");
    let before = scene.files();
    repack(&scene.mirror, &Cancel::new()).unwrap();
    assert_eq!(scene.files(), before);
    for number in 0..10_000 {
        scene::loose(&scene.mirror, format!("many {number}").as_bytes());
    }
    let objects = scene.objects();
    let done = repack(&scene.mirror, &Cancel::new()).unwrap();
    assert_eq!((done.packs_before, done.packs_after), (1, 2));
    assert_eq!(scene.objects(), objects);
    assert!(scene.loose().is_empty());
    scene.fsck();
}

#[test]
fn an_empty_repository_stays_so() {
    let scene = Scene::new();
    for _ in 0..2 {
        let nothing = Default::default();
        assert_eq!(repack(&scene.mirror, &Cancel::new()), Ok(nothing));
        assert_eq!(rewrite(&scene.mirror, ALL, &Cancel::new()), Ok(nothing));
        let _ = fs::remove_dir(scene.mirror.join("objects/pack"));
    }
}
