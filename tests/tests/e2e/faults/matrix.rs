//! Each case once, twice and for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use forgekeep_tests::{Forge, RequestKind, Run, compare};
use parking_lot::Mutex;

use super::cases::{Case, all};
use super::{page, patterns, world};
use crate::support::{World, error, report, source};

/// As many worlds at a time: they mostly wait.
const THREADS: usize = 8;
/// No fault takes longer than this.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a fault happens, and what the documentation calls that.
const TIMES: [(usize, &str); 3] = [(1, "once"), (2, "twice"), (usize::MAX, "for ever")];

/// What came of a cell.
type Observed = Result<String, String>;

#[test]
fn every_fault_at_every_place_costs_what_it_must_and_no_more() {
    let cases = all();
    let mut cells: Vec<(usize, usize)> = (0..cases.len())
        .flat_map(|case| (0..TIMES.len()).map(move |times| (case, times)))
        .collect();
    cells.sort_by_key(|&(case, times)| (!cases[case].is_slow(), TIMES.len() - times));
    let patterns = patterns();
    let next = AtomicUsize::new(0);
    let observed = Mutex::new(vec![[const { None }; TIMES.len()]; cases.len()]);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(case, times)) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = observe(&patterns, &cases[case], TIMES[times].0);
                    observed.lock()[case][times] = Some(result);
                }
            });
        }
    });
    let observed = observed.into_inner();
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for (case, cells) in cases.iter().zip(observed) {
        let mut row = page::Row::of(case);
        for ((_, often), cell) in TIMES.iter().zip(cells) {
            match cell.expect("every cell was worked off") {
                Ok(shown) => row.cells.push(shown),
                Err(why) => {
                    wrong.push(format!("{} at {:?}, {often}: {why}", case.name, case.place))
                }
            }
        }
        rows.push(row);
    }
    assert!(
        wrong.is_empty(),
        "{} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    page::compare_or_write(&rows);
}

fn observe(patterns: &Forge, case: &Case, times: usize) -> Observed {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let world = world(patterns);
        case.inject(&world, "web", times);
        let run = world.forgekeep(&["backup"]).limit(LIMIT).run();
        check(case, times, &world, &run)
            .map_err(|why| format!("{why}\n{}{}\n{:#?}", run.stdout, run.stderr, run.report))
    }));
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("panicked")
            .to_owned())
    })
}

/// What a run says, if all of it is true and as wanted.
fn check(case: &Case, times: usize, world: &World, run: &Run) -> Observed {
    let kind = case.kind(times);
    let of_listing = case.place == RequestKind::Api;
    let (acme, other) = (source(run, "acme"), source(run, "other"));
    let listed: &[&str] = match kind.is_some() && of_listing {
        true => &[],
        false => &["acme/api", "acme/web"],
    };
    for (entry, names) in [(acme, listed), (other, &["other/docs"])] {
        let entries = entry["repositories"].as_array().unwrap();
        let found: Vec<_> = entries
            .iter()
            .map(|e| e["name"].as_str().unwrap())
            .collect();
        demand(found == names, || {
            format!("entries for {found:?} instead of {names:?}")
        })?;
        demand(entry["listed"] == names.len(), || {
            format!("listed: {}", entry["listed"])
        })?;
    }
    let wanted = match kind {
        None => (0, "ok", "ok"),
        Some(_) if of_listing => (3, "failed", "partial"),
        Some(_) => (3, "partial", "partial"),
    };
    let outcome = |value: &serde_json::Value| value["outcome"].as_str().unwrap().to_owned();
    let (of_acme, of_run) = (outcome(acme), outcome(report(run)));
    let found = (run.code.unwrap_or(-1), of_acme.as_str(), of_run.as_str());
    demand(found == wanted, || {
        format!("{found:?} instead of {wanted:?}")
    })?;
    demand(outcome(other) == "ok", || {
        "the other source is concerned".to_owned()
    })?;
    for (workspace, slug) in [("acme", "api"), ("acme", "web"), ("other", "docs")] {
        let concerned = workspace == "acme" && (of_listing || slug == "web");
        let name = format!("{workspace}/{slug}");
        let folder = world
            .sandbox
            .backup()
            .join(format!("{workspace}/{workspace}#{slug}/repo"));
        if concerned && kind.is_some() {
            demand(!folder.exists(), || format!("{name} looks like a backup"))?;
            continue;
        }
        demand(run.outcome(&name) == "cloned", || {
            format!("{name}: {}", run.outcome(&name))
        })?;
        let upstream = world.forge.repository_in(workspace, slug).git_dir();
        compare::assert_mirror(&upstream, &folder);
    }
    let Some(kind) = kind else {
        return Ok("ok, 0".to_owned());
    };
    let failed = match of_listing {
        true => acme,
        false => run.repository("acme/web"),
    };
    demand(failed["outcome"] == "failed", || format!("{failed:#}"))?;
    demand(failed["error"]["kind"] == kind, || {
        format!("{} instead of {kind}", error(failed))
    })?;
    demand(failed["error"]["hint"] != "", || {
        format!("no hint: {}", error(failed))
    })?;
    Ok(format!("`{kind}`, {}", found.0))
}

pub fn demand(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(why()),
    }
}
