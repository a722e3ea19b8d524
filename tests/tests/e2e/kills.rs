//! Runs that are killed at any instant.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_tests::{Repo, compare, git};
use serde_json::Value;

use crate::support::{World, files};

/// Kills in each of the four tests: 200 together.
const KILLS: u32 = 50;

/// A generator of numbers whose start is in the failure's message; the instants are up to the clock
/// all the same.
struct Dice(u64);

impl Dice {
    /// A number below a bound.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }
}

/// What upstream does between two runs.
fn change(repository: Repo<'_>, dice: &mut Dice, round: u32) {
    let message = format!("round {round}");
    match dice.roll(6) {
        0 => repository.force_push("main"),
        1 => repository.commit_to("side", &message).annotated_tag("v1"),
        2 if git::try_run(&repository.git_dir(), &["rev-parse", "side"]).is_ok() => {
            repository.delete_branch("side")
        }
        _ => repository.commit(&message),
    };
}

/// A mirror is sound, and its refs are what upstream's once were, all at the same time.
#[track_caller]
fn assert_of_one_moment(world: &World, slug: &str, history: &[String]) {
    let mirror = world.mirror(slug);
    if !mirror.exists() {
        return;
    }
    compare::assert_sound(&mirror);
    let refs = compare::refs(&mirror);
    assert!(
        history.contains(&refs),
        "{slug} has refs of no moment: {refs}"
    );
}

/// What a killed run may leave only until the next one.
fn leftovers(world: &World) -> Vec<String> {
    let all = files(&world.sandbox.backup());
    let all = all.iter().map(|path| path.to_string_lossy().into_owned());
    all.filter(|path| {
        [
            ".forgekeep-partial",
            ".pending",
            "pack_git2",
            ".forgekeep-new",
            "packed-refs.lock",
        ]
        .iter()
        .any(|leftover| path.contains(leftover))
    })
    .collect()
}

fn kill_at_random(seed: u64) {
    let world = World::new();
    let mut dice = Dice(seed);
    let mut history: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut slugs: Vec<String> = Vec::new();
    let mut longest = Duration::from_millis(400);
    for round in 0..KILLS {
        // Clones and updates: a new repository now and then, changes in some of the others.
        if round % 8 == 0 {
            let slug = format!("r{round}");
            let new = world.forge.repository(&slug).commit("first");
            let noise: String = (0..4000)
                .map(|_| format!("{:x}", dice.roll(1 << 31)))
                .collect();
            let blob = git::run_with_input(
                &new.git_dir(),
                &["hash-object", "-w", "--stdin"],
                noise.as_bytes(),
            );
            new.git(&["update-ref", "refs/tags/noise", &blob]);
            slugs.push(slug);
        }
        for slug in &slugs {
            let repository = world.forge.repository(slug);
            if dice.roll(3) > 0 {
                change(repository, &mut dice, round);
            }
            let refs = compare::refs(&repository.git_dir());
            history.entry(slug.clone()).or_default().push(refs);
        }
        let begun = Instant::now();
        let mut running = world.forgekeep(&["backup"]).spawn();
        // The one place where a test has to wait for time: that is what it is about.
        let instant = dice.roll(u64::try_from(longest.as_millis()).unwrap());
        thread::sleep(Duration::from_millis(instant));
        running.kill();
        running.wait();
        for slug in &slugs {
            assert_of_one_moment(&world, slug, &history[slug]);
        }
        // Now and then a run to the end, so that the next ones find updates to make.
        if round % 5 == 4 {
            world.backup().expect(0);
            longest = begun.elapsed().max(Duration::from_millis(200)) / 2;
        }
    }
    world.backup().expect(0);
    for slug in &slugs {
        world.assert_mirrored(world.forge.repository(slug));
    }
    assert_eq!(leftovers(&world), Vec::<String>::new(), "seed {seed}");
    world.forgekeep(&["verify"]).run().expect(0);
    for slug in &slugs {
        let run = world
            .forgekeep(&["snapshots", slug, "--json"])
            .run()
            .expect(0);
        let said: Value = serde_json::from_str(&run.stdout).unwrap();
        let all = said["snapshots"].as_array().unwrap();
        let numbers: Vec<u64> = all.iter().map(|s| s["number"].as_u64().unwrap()).collect();
        let wanted: Vec<u64> = (1..=all.len() as u64).collect();
        assert_eq!(numbers, wanted, "{slug}: seed {seed}");
    }
}

#[test]
fn no_mirror_is_broken_by_kills_at_random_instants_1() {
    kill_at_random(1);
}

#[test]
fn no_mirror_is_broken_by_kills_at_random_instants_2() {
    kill_at_random(2);
}

#[test]
fn no_mirror_is_broken_by_kills_at_random_instants_3() {
    kill_at_random(3);
}

#[test]
fn no_mirror_is_broken_by_kills_at_random_instants_4() {
    kill_at_random(4);
}

/// What comes of a kill while packs are repacked: the refs are as upstream has them already.
#[test]
fn half_a_pack_goes_with_the_next_run_also_where_nothing_has_changed() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let packs = world.mirror("web").join("objects/pack");
    let half = [
        "pack_git2_a7e976a0f45bf17a",
        "pack_git2_a7e976a0f45bidx.lock",
    ];
    for name in half {
        std::fs::write(packs.join(name), "half").unwrap();
    }
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "unchanged");
    assert_eq!(half.map(|name| packs.join(name).exists()), [false; 2]);
}
