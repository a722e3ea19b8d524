//! Any sequence of faults: each repository has one outcome, and it is the truth.

use forgekeep_tests::{RequestKind, compare};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;

use super::cases::all;
use super::impatient;
use crate::support::{World, report, source};

const SLUGS: [&str; 3] = ["api", "docs", "web"];

/// Which case, on which repository, how many times.
type Strike = (Index, usize, usize);

proptest! {
    #![proptest_config(Config {
        cases: 8,
        max_shrink_iters: 12,
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn any_faults_yield_one_true_outcome_for_each_repository(
        strikes in prop::collection::vec((any::<Index>(), 0..3usize, 1..4usize), 1..5),
        known in any::<bool>(),
    ) {
        survive(&strikes, known);
    }
}

fn survive(strikes: &[Strike], known: bool) {
    let world = World::new();
    world.configure_with(&[world.source()], &impatient(1));
    for slug in SLUGS {
        world
            .forge
            .repository(slug)
            .private()
            .commit("one")
            .tag("v1");
    }
    if known {
        world.backup().expect(0);
        for slug in SLUGS {
            let repository = world.forge.repository(slug);
            repository
                .force_push("main")
                .commit_to("side", slug)
                .delete_tag("v1");
        }
    }
    let before = SLUGS.map(|slug| known.then(|| state(&world, slug)));
    let cases = all();
    let mut what = Vec::new();
    for (case, repository, times) in strikes {
        let case = case.get(&cases);
        case.inject(&world, SLUGS[*repository], *times);
        what.push(format!(
            "{} at {:?} of {} × {times}",
            case.name, case.place, SLUGS[*repository]
        ));
    }
    let run = world.backup();
    let what = format!("{what:#?}, known: {known}\n{run:#?}");
    let code = run.code.expect("no signal ended it");
    assert!([0, 3, 12].contains(&code), "{what}");
    assert_eq!(report(&run)["exitCode"], code, "{what}");
    let acme = source(&run, "acme");
    let entries = acme["repositories"].as_array().unwrap();
    assert_eq!(acme["listed"], entries.len(), "{what}");
    let listing_failed = !acme["error"].is_null();
    assert_eq!(entries.len(), if listing_failed { 0 } else { 3 }, "{what}");
    let mut safe = 0;
    for (slug, before) in SLUGS.into_iter().zip(before) {
        let name = format!("acme/{slug}");
        let own: Vec<_> = entries
            .iter()
            .filter(|e| e["name"] == name.as_str())
            .collect();
        assert_eq!(own.len(), usize::from(!listing_failed), "{what}");
        let failed = own.first().is_none_or(|entry| entry["outcome"] == "failed");
        if failed {
            let left = world.mirror(slug).exists().then(|| state(&world, slug));
            assert_eq!(left, before, "{slug} is not what it was: {what}");
        } else {
            safe += 1;
            let wanted = if known { "updated" } else { "cloned" };
            assert_eq!(own[0]["outcome"], wanted, "{what}");
            assert!(own[0]["error"].is_null(), "{what}");
            world.assert_mirrored(world.forge.repository(slug));
        }
    }
    assert_eq!(code == 0, safe == 3, "{what}");
    if code == 12 {
        assert_eq!(safe, 0, "{what}");
        assert!(world.forge.count(RequestKind::Api) >= 1);
    }
}

fn state(world: &World, slug: &str) -> (String, String) {
    let mirror = world.mirror(slug);
    compare::assert_sound(&mirror);
    (compare::refs(&mirror), compare::head(&mirror))
}
