//! Packs: few, whatever the number of runs.

use std::fs;
use std::path::Path;

use forgekeep_tests::git;

use crate::support::{World, kept};

/// Most packs that a mirror of this size may have: see the documentation of `packs::repack`.
const BOUND: usize = 8;

fn packs(mirror: &Path) -> Vec<u64> {
    let entries = fs::read_dir(mirror.join("objects/pack")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let packs = paths.filter(|path| path.extension().is_some_and(|e| e == "pack"));
    packs
        .map(|path| fs::metadata(path).unwrap().len())
        .collect()
}

#[test]
fn a_hundred_updates_leave_few_packs_and_lose_nothing() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").commit("two");
    world.backup().expect(0);
    let mirror = world.mirror("web");
    let lost = web.rev_parse("main");
    web.force_push("main");
    for number in 0..100 {
        match number % 3 {
            0 => web.commit_to("side", &format!("change {number}")),
            _ => web.commit(&format!("change {number}")),
        };
        world.backup().expect(0);
        let now = packs(&mirror).len();
        assert!(now <= BOUND, "{now} packs after {number} updates");
    }
    world.assert_mirrored(web);
    assert_eq!(kept(&mirror), [format!("refs/forgekeep/kept/{lost}")]);
    let objects = |folder: &Path| {
        let all = [
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objectname)",
        ];
        git::run(folder, &all)
    };
    let size: u64 = packs(&mirror).iter().sum();
    let copy = world.sandbox.path("copy");
    let (from, to) = (mirror.to_str().unwrap(), copy.to_str().unwrap());
    git::run(
        &mirror,
        &["clone", "-q", "--mirror", "--no-local", from, to],
    );
    git::run(&copy, &["gc", "--quiet", "--prune=now"]);
    assert_eq!(objects(&mirror), objects(&copy));
    let of_git: u64 = packs(&copy).iter().sum();
    assert!(
        size * 2 <= of_git * 3,
        "{size} bytes of packs, and {of_git} after git gc"
    );
}
