//! Repositories that git is not asked for, since the hoster's listing proves that nothing has changed;
//! and all that makes a run ask again.

mod doubts;

use std::fs;
use std::path::PathBuf;

use forgekeep_tests::{Action, Fault, Repo, RequestKind, Run, compare, git};
use serde_json::{Value, json};

use crate::support::{World, assert_all, content, notes, report, source};

/// Long enough by the hoster's clock that each stamp is settled.
const LATER: i64 = 3600;

/// A world with the repositories `web`, and `app` which was last changed long before, after a first backup.
/// The stamps are settled.
fn world() -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    let app = world.forge.repository("app").commit("one");
    app.change(|entry| entry.updated_on -= 24 * LATER);
    world.forge.set_clock(LATER);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 2);
    world
}

fn web(world: &World) -> Repo<'_> {
    world.forge.repository("web")
}

/// Backs up; the run, and for which repositories git was asked.
fn backup(world: &World, more: &[&str]) -> (Run, Vec<String>) {
    world.forge.reset_log();
    let run = world.forgekeep(&[&["backup"], more].concat()).run();
    let requests = world.forge.requests().into_iter();
    let asked = requests.filter(|request| request.kind == RequestKind::InfoRefs);
    let mut asked: Vec<String> = asked.filter_map(|request| request.repository).collect();
    asked.sort();
    (run, asked)
}

/// Panics unless a run asks git for these, and all is well.
#[track_caller]
fn assert_asks(world: &World, more: &[&str], wanted: &[&str]) -> Run {
    let (run, asked) = backup(world, more);
    assert_eq!(asked, wanted, "{:#?}", run.report);
    run.expect(0)
}

#[track_caller]
fn assert_proof(run: &Run, name: &str, proof: &str) {
    let entry = run.repository(name);
    assert_eq!(entry["outcome"], "unchanged", "{entry:#}");
    assert_eq!(entry["proof"], proof, "{entry:#}");
    assert!(entry["checkedAt"].is_string(), "{entry:#}");
}

fn pages_listed(world: &World) -> usize {
    let requests = world.forge.requests().into_iter();
    requests
        .filter(|r| r.target.starts_with("/2.0/repositories/acme?"))
        .filter(|r| r.target.contains("pagelen=100"))
        .count()
}

/// Where it is kept which versions there are of a source.
fn versions_file(world: &World) -> PathBuf {
    world.sandbox.backup().join(".forgekeep/versions/acme.json")
}

fn versions(world: &World) -> Value {
    serde_json::from_slice(&fs::read(versions_file(world)).unwrap()).unwrap()
}

/// Lets all have been asked long ago, as an earlier run might have written it.
fn age(world: &World) {
    let mut all = versions(world);
    all.as_object_mut().unwrap().remove("checksum");
    let repositories = all["repositories"].as_object_mut().unwrap();
    assert!(!repositories.is_empty());
    for known in repositories.values_mut() {
        known["checked"] = "2026-01-01T00:00:00Z".into();
    }
    let text = format!("{all:#}\n");
    let hash = ["hash-object", "--stdin"];
    let id = git::run_with_input(&world.sandbox.path(""), &hash, text.as_bytes());
    let body = text.strip_suffix("\n}\n").unwrap();
    let sealed = format!("{body},\n  \"checksum\": \"{id}\"\n}}\n");
    fs::write(versions_file(world), sealed).unwrap();
}

#[test]
fn five_hundred_unchanged_repositories_take_the_listing_alone() {
    let world = World::new();
    let original = world.forge.repository("original").commit("one");
    world.forge.copies(original, "copy", 499);
    world.forge.set_clock(LATER);
    let run = world.backup().expect(0);
    assert_all(&run, "cloned", 500);
    let cloned = run.repository("acme/original");
    assert!(cloned.get("proof").is_none() && cloned.get("checkedAt").is_none());
    let kept = fs::metadata(versions_file(&world)).unwrap().modified();

    let run = assert_asks(&world, &[], &[]);
    assert_eq!(pages_listed(&world), 5);
    assert_all(&run, "unchanged", 500);
    assert_proof(&run, "acme/copy-7", "listing");
    let started = report(&run)["started"].as_str().unwrap();
    let checked = run.repository("acme/copy-7")["checkedAt"].as_str();
    assert!(checked.unwrap() < started, "{checked:?}");
    let told = "acme: 500 repositories unchanged by the hoster's listing, git not asked";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(
        run.stdout.contains("All good: 500 repositories backed up"),
        "{}",
        run.stdout
    );
    let now = fs::metadata(versions_file(&world)).unwrap().modified();
    assert_eq!(kept.unwrap(), now.unwrap(), "there was nothing to write");

    let pushed = world.forge.repository("copy-321").commit("two");
    world.forge.set_clock(LATER);
    let run = assert_asks(&world, &[], &["copy-321"]);
    assert_eq!(run.outcome("acme/copy-321"), "updated");
    assert_proof(&run, "acme/copy-320", "listing");
    world.assert_mirrored(pushed);
    assert_asks(&world, &[], &[]);
}

#[test]
fn a_stamp_that_is_fresh_proves_nothing() {
    let world = World::new();
    web(&world).commit("one");
    // Nine minutes: a second push may have come in the same second.
    for later in [0, 540] {
        world.forge.set_clock(later);
        assert_asks(&world, &[], &["web"]);
    }
    let run = assert_asks(&world, &[], &["web"]);
    assert_proof(&run, "acme/web", "refs");
    // It was fresh when it was listed before the last question, so it is asked once more.
    world.forge.set_clock(600);
    assert_asks(&world, &[], &["web"]);
    let run = assert_asks(&world, &[], &[]);
    assert_proof(&run, "acme/web", "listing");
    // Nor one in the future, or one beside which the hoster does not say what time it is.
    world.forge.set_clock(-LATER);
    assert_asks(&world, &[], &["web"]);
    world.forge.change(|state| state.clock = None);
    assert_asks(&world, &[], &["web"]);
}

#[test]
fn two_pushes_in_one_second_are_found() {
    let world = world();
    let pushed = web(&world).commit("two");
    world.forge.set_clock(5);
    assert_eq!(
        assert_asks(&world, &[], &["web"]).outcome("acme/web"),
        "updated"
    );
    pushed.with_the_same_stamp(|web| web.commit("three"));
    world.forge.set_clock(LATER);
    assert_eq!(
        assert_asks(&world, &[], &["web"]).outcome("acme/web"),
        "updated"
    );
    world.assert_mirrored(pushed);
    assert_asks(&world, &[], &[]);
}

#[test]
fn a_branch_that_comes_goes_or_is_rewritten_is_found() {
    let world = world();
    type Change = for<'f> fn(Repo<'f>) -> Repo<'f>;
    let changes: [Change; 5] = [
        |web| web.branch("side", "HEAD"),
        |web| web.commit_to("side", "two"),
        |web| web.force_push("side"),
        |web| web.delete_branch("side"),
        |web| web.branch("other", "HEAD").default_branch("other"),
    ];
    for change in changes {
        change(web(&world));
        world.forge.set_clock(LATER);
        assert_asks(&world, &[], &["web"]);
        world.assert_mirrored(web(&world));
        assert_asks(&world, &[], &[]);
    }
}

#[test]
fn a_change_under_an_unchanged_stamp_is_found_by_the_full_check_and_ends_skipping() {
    let world = world();
    web(&world).with_the_same_stamp(|web| web.commit("two"));
    // The listing cannot know.
    assert_asks(&world, &[], &[]);
    age(&world);
    let run = assert_asks(&world, &[], &["app", "web"]);
    assert_eq!(run.outcome("acme/web"), "updated");
    world.assert_mirrored(web(&world));
    let alert = run.repository("acme/web")["alert"].as_str().unwrap();
    assert!(alert.contains("still has the same version"), "{alert}");
    assert!(run.repository("acme/app").get("alert").is_none());
    assert!(
        run.stderr.contains("forgekeep backup --full"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("with alerts"), "{}", run.stdout);

    for _ in 0..2 {
        let run = assert_asks(&world, &[], &["app", "web"]);
        assert_proof(&run, "acme/web", "refs");
        let told = notes(&run, "acme");
        assert!(told.contains("did not show a change of acme/web"), "{told}");
        assert!(run.repository("acme/web").get("alert").is_none());
    }
    // A run that asks for everything and finds another one does not make it good.
    web(&world).with_the_same_stamp(|web| web.commit("three"));
    let run = assert_asks(&world, &["--full"], &["app", "web"]);
    assert!(run.repository("acme/web")["alert"].is_string());
    assert_asks(&world, &[], &["app", "web"]);
    // Nor one that fails.
    let broken = Fault::on(RequestKind::InfoRefs, Action::status(500)).repository("app");
    world.forge.inject(broken);
    let (run, _) = backup(&world, &["--full"]);
    run.expect(3);
    world.forge.clear_faults();
    assert_asks(&world, &[], &["app", "web"]);
    let run = assert_asks(&world, &["--full"], &["app", "web"]);
    assert_eq!(notes(&run, "acme"), "");
    assert_asks(&world, &[], &[]);
}

#[test]
fn a_push_between_listing_and_question_is_no_alert() {
    let world = world();
    world.configure_with(&[world.source()], &json!({"network": {"retries": 2}}));
    let hang = Fault::on(RequestKind::InfoRefs, Action::Hang).repository("web");
    world.forge.inject(hang.first(1));
    world.forge.reset_log();
    let running = world.forgekeep(&["backup", "--full"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 2);
    web(&world).commit("two");
    world.forge.release();
    let run = running.wait().expect(0);
    assert_eq!(run.outcome("acme/web"), "updated");
    assert!(
        run.repository("acme/web").get("alert").is_none(),
        "{:#?}",
        run.report
    );
    world.forge.set_clock(LATER);
    // What was listed before the question is no longer listed.
    assert_asks(&world, &[], &["web"]);
    assert_asks(&world, &[], &[]);
}

#[test]
fn a_full_run_asks_for_everything_and_zero_days_do_in_each_run() {
    let world = world();
    let run = assert_asks(&world, &["--full"], &["app", "web"]);
    assert_proof(&run, "acme/web", "refs");
    assert_asks(&world, &[], &[]);
    world.configure_with(&[world.source()], &json!({"backup": {"fullCheckDays": 0}}));
    for _ in 0..2 {
        assert_asks(&world, &[], &["app", "web"]);
    }
    web(&world).with_the_same_stamp(|web| web.commit("two"));
    let run = assert_asks(&world, &[], &["app", "web"]);
    assert!(run.repository("acme/web")["alert"].is_string());
}

#[test]
fn a_wiki_is_asked_for_beside_a_repository_that_is_not() {
    let world = World::new();
    web(&world).commit("one").wiki();
    world.forge.set_clock(LATER);
    world.backup().expect(0);
    let asked = |world: &World| {
        let requests = world.forge.requests().into_iter();
        let asked = requests.filter(|request| request.kind == RequestKind::InfoRefs);
        asked.map(|request| request.wiki).collect::<Vec<_>>()
    };
    let (run, _) = backup(&world, &[]);
    assert_proof(&run.expect(0), "acme/web", "listing");
    assert_eq!(asked(&world), [true]);

    web(&world).wiki();
    let (run, _) = backup(&world, &[]);
    let run = run.expect(0);
    assert_eq!(asked(&world), [true]);
    assert_eq!(run.repository("acme/web")["wiki"]["outcome"], "updated");
    compare::assert_mirror(&web(&world).wiki_dir(), &world.folder("web").join("wiki"));

    // The state file tells of the wiki's new snapshot, so git is asked once more.
    backup(&world, &[]).0.expect(0);
    assert_eq!(asked(&world), [false, true]);
    let broken = Fault::on(RequestKind::InfoRefs, Action::status(500)).wiki(true);
    world.forge.inject(broken);
    let (run, _) = backup(&world, &[]);
    let run = run.expect(3);
    assert_eq!(asked(&world), [true]);
    let entry = run.repository("acme/web");
    assert_eq!(entry["outcome"], "partial");
    assert!(entry.get("proof").is_none(), "{entry:#}");
    world.forge.clear_faults();
    backup(&world, &[]).0.expect(0);
    assert_eq!(asked(&world), [false, true], "it was not whole");

    // One that the hoster no longer has is kept, and there is nothing to ask for.
    web(&world).change(|entry| entry.has_wiki = false);
    let (run, _) = backup(&world, &[]);
    assert_proof(&run.expect(0), "acme/web", "listing");
    assert_eq!(asked(&world), [false; 0]);
    assert!(world.folder("web").join("wiki").exists());
}

#[test]
fn an_empty_repository_is_not_asked_for_either() {
    let world = World::new();
    world.forge.repository("blank");
    world.forge.set_clock(LATER);
    world.backup().expect(0);
    let run = assert_asks(&world, &[], &[]);
    let entry = run.repository("acme/blank");
    assert_eq!(entry["outcome"], "empty");
    assert_eq!(entry["proof"], "listing");
    world.forge.repository("blank").commit("one");
    world.forge.set_clock(LATER);
    let run = assert_asks(&world, &[], &["blank"]);
    assert_eq!(run.outcome("acme/blank"), "updated");
}

#[test]
fn one_that_is_not_asked_for_counts_as_backed_up_now() {
    let world = world();
    let run = assert_asks(&world, &[], &[]);
    let status = world.forgekeep(&["status", "--json"]).run().expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let all = status["sources"][0]["repositories"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    for repository in all {
        assert_eq!(
            repository["lastGood"],
            report(&run)["started"],
            "{status:#}"
        );
    }
    assert_eq!(source(&run, "acme")["outcome"], "ok");
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let world = world();
    web(&world).commit("two");
    world.forge.set_clock(LATER);
    let before = content(&world.sandbox.backup());
    let (run, asked) = backup(&world, &["--dry-run"]);
    let run = run.expect(0);
    assert_eq!(asked, [""; 0]);
    assert!(
        run.stdout.contains("acme/app -> acme#app"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("git would not be asked for 1"),
        "{}",
        run.stdout
    );
    assert_eq!(content(&world.sandbox.backup()), before);
}
