//! Each case of git's at a wiki: it costs the wiki, and the repository beside it is complete.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use forgekeep_tests::{Forge, RequestKind, compare};
use parking_lot::Mutex;

use super::cases::{Case, all};
use super::matrix::demand;
use super::{patterns, world};

/// As many worlds at a time: they mostly wait.
const THREADS: usize = 8;

#[test]
fn every_fault_at_a_wiki_costs_the_wiki_alone() {
    let mut cases = all();
    cases.retain(|case| case.place != RequestKind::Api);
    cases.sort_by_key(|case| !case.is_slow());
    let patterns = patterns();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = observe(&patterns, case) {
                        let what = format!("{} at {:?}", case.name, case.place);
                        wrong.lock().push(format!("{what}: {why}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn observe(patterns: &Forge, case: &Case) -> Result<(), String> {
    let world = world(patterns);
    let web = world.forge.repository("web").wiki();
    case.inject_into_wiki(&world, "web", usize::MAX);
    let run = world.backup();
    // A wiki that is said to be there and is not is none: no failure.
    let absent = ["not-found", "gone", "forbidden"];
    let (code, repository, wiki) = match case.kind(usize::MAX) {
        None => (0, "cloned", "cloned"),
        Some(kind) if absent.contains(&kind) => (0, "cloned", "skipped"),
        Some(_) => (3, "partial", "failed"),
    };
    let shown = || format!("{:?}\n{}\n{:#?}", run.code, run.stderr, run.report);
    demand(run.code == Some(code), shown)?;
    let entry = run.repository("acme/web");
    demand(entry["outcome"] == repository, shown)?;
    demand(entry["wiki"]["outcome"] == wiki, shown)?;
    let error = &entry["wiki"]["error"];
    demand(error["kind"].as_str() == case.kind(usize::MAX), shown)?;
    demand(error.is_null() || error["hint"] != "", shown)?;
    for other in ["acme/api", "other/docs"] {
        demand(run.outcome(other) == "cloned", shown)?;
    }
    world.assert_mirrored(web);
    let folder = world.folder("web").join("wiki");
    match wiki {
        "cloned" => compare::assert_mirror(&web.wiki_dir(), &folder),
        _ => demand(!folder.exists(), || "it looks like a backup".to_owned())?,
    }
    Ok(())
}
