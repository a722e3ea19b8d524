//! Sources are worked on as they are listed: what holds up what, and what does not.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "streaming/early.rs"]
mod early;
#[path = "streaming/scene.rs"]
mod scene;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use forgekeep_engine::run::Selection;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::Page;
use forgekeep_store::report::SourceOutcome;
use scene::{Scene, outcome, repository, source};

#[test]
fn a_source_that_does_not_answer_holds_up_no_other() {
    let mut scene = Scene::new(&["slow", "quick"]);
    scene.lists("quick", &["quick/web", "quick/api"]);
    // Not before the other source is backed up to the end.
    scene.lists_after("slow", &["slow/late"], "finished quick/web");
    let report = scene.run();
    assert_eq!(outcome(&report, "quick", "quick/web"), "empty");
    assert_eq!(outcome(&report, "slow", "slow/late"), "empty");
    assert!(scene.mirror("slow/slow#late").is_dir());
    assert!(
        report
            .sources
            .iter()
            .all(|of| of.outcome == SourceOutcome::Ok)
    );
    // It was told what there is to do as it became known, and the report is kept.
    let said = scene.log.all();
    let planned: Vec<_> = said.iter().filter(|s| s.starts_with("planned")).collect();
    assert_eq!(planned, ["planned 2", "planned 1"]);
    let kept = fs::read_dir(scene.backup().join(".forgekeep/runs")).unwrap();
    assert_eq!(kept.count(), 1);
}

#[test]
fn a_source_that_never_lists_fails_alone_and_the_report_is_written() {
    let mut scene = Scene::new(&["broken", "mad", "quick"]);
    scene.lists("quick", &["quick/web"]);
    let log = scene.log.clone();
    scene.answers("broken", move || {
        log.expect("finished quick/web")?;
        Err(Failure::new(ErrorKind::Network, "cut off"))
    });
    scene.answers("mad", || panic!("on purpose"));
    let report = scene.run();
    assert_eq!(outcome(&report, "quick", "quick/web"), "empty");
    for title in ["broken", "mad"] {
        assert_eq!(source(&report, title).outcome, SourceOutcome::Failed);
    }
    let error = source(&report, "mad").error.as_ref().unwrap();
    assert!(error.message.contains("panicked"), "{error}");
    assert!(scene.backup().join(".forgekeep/runs").is_dir());
}

/// `old` has had `x` and `stays`, and `new` lists `x` now, with another of its own.
fn moved() -> Scene {
    let mut scene = Scene::new(&["old", "new"]);
    scene.lists("old", &["old/x", "old/stays"]);
    scene.lists("new", &["new/own"]);
    scene.run();
    // So that it can be told from a new one.
    fs::write(scene.mirror("old/old#x").join("description"), "the first").unwrap();
    scene.lists("new", &["new/own", "new/x", "new/other"]);
    scene
}

fn is_the_first(scene: &Scene, below: &str) -> bool {
    let description = scene.mirror(below).join("description");
    fs::read_to_string(description).is_ok_and(|text| text == "the first")
}

#[test]
fn what_has_moved_waits_for_the_source_it_comes_from_and_nothing_else_does() {
    let mut scene = moved();
    scene.lists_after("old", &["old/stays"], "finished new/other");
    let report = scene.run();
    assert_eq!(outcome(&report, "new", "new/x"), "empty");
    let note = repository(&report, "new", "new/x").note.as_deref();
    assert_eq!(note, Some("moved here from old/old#x"));
    assert!(is_the_first(&scene, "new/new#x"));
    assert!(!scene.mirror("old/old#x").exists());
    assert!(source(&report, "old").gone.is_empty());
    assert_eq!(
        scene
            .log
            .all()
            .iter()
            .filter(|s| *s == "started new/x")
            .count(),
        1
    );
}

#[test]
fn a_source_that_fails_gives_nothing_away_and_that_is_told() {
    let mut scene = moved();
    let log = scene.log.clone();
    scene.answers("old", move || {
        log.expect("finished new/other")?;
        Err(Failure::new(ErrorKind::Network, "cut off"))
    });
    let report = scene.run();
    let note = repository(&report, "new", "new/x").note.as_deref();
    assert_eq!(
        note,
        Some(
            "it is also in the backup under \"old\", whose listing failed: nothing was moved from \
             there"
        )
    );
    assert!(scene.mirror("new/new#x").is_dir() && !is_the_first(&scene, "new/new#x"));
    assert!(is_the_first(&scene, "old/old#x"));
    // The next run finds both, and moves neither.
    scene.lists("old", &["old/stays"]);
    let report = scene.run();
    assert_eq!(repository(&report, "new", "new/x").note, None);
    assert_eq!(source(&report, "old").gone.len(), 1);
    assert!(is_the_first(&scene, "old/old#x"));
}

#[test]
fn an_incomplete_listing_gives_nothing_away_either() {
    let mut scene = moved();
    let page = Page {
        total: Some(9),
        ..scene.page(&["old/stays"])
    };
    scene.answers("old", move || Ok(page.clone()));
    let report = scene.run();
    let note = repository(&report, "new", "new/x").note.clone().unwrap();
    assert!(note.contains("may not be complete"), "{note}");
    assert!(is_the_first(&scene, "old/old#x") && !is_the_first(&scene, "new/new#x"));
    assert!(source(&report, "old").error.is_some());
}

#[test]
fn what_both_list_each_has_for_itself() {
    let mut scene = moved();
    scene.lists_after("old", &["old/x", "old/stays"], "finished new/other");
    let report = scene.run();
    assert_eq!(repository(&report, "new", "new/x").note, None);
    assert!(is_the_first(&scene, "old/old#x") && scene.mirror("new/new#x").is_dir());
}

#[test]
fn where_several_list_what_has_moved_the_first_gets_it_whoever_is_listed_first() {
    let mut scene = Scene::new(&["first", "second", "old"]);
    scene.lists("old", &["old/x", "old/stays"]);
    scene.run();
    fs::write(scene.mirror("old/old#x").join("description"), "the first").unwrap();
    scene.lists("old", &["old/stays"]);
    scene.lists("second", &["second/x", "second/own"]);
    scene.lists_after("first", &["first/x"], "finished second/own");
    let report = scene.run();
    assert!(is_the_first(&scene, "first/first#x"));
    assert_eq!(repository(&report, "second", "second/x").note, None);
    assert!(scene.mirror("second/second#x").is_dir() && !is_the_first(&scene, "second/second#x"));
}

#[test]
fn whether_most_have_only_moved_is_known_when_those_are_listed_that_may_have_them() {
    let names = ["old/a", "old/b", "old/c", "old/d", "old/e"];
    let mut scene = Scene::new(&["old", "one", "two"]);
    scene.lists("old", &names);
    scene.run();
    // Most are gone from `old`: that is a shortfall, unless others list them.
    scene.lists("old", &["old/a", "old/x", "old/y"]);
    scene.lists("one", &["one/b", "one/c", "one/new"]);
    scene.lists_after("two", &["two/d", "two/e"], "finished one/new");
    let report = scene.run();
    assert_eq!(source(&report, "old").error, None);
    let note = repository(&report, "one", "one/b").note.as_deref();
    assert_eq!(note, Some("moved here from old/old#b"));
    assert!(source(&report, "old").gone.is_empty());
}

#[test]
fn a_name_that_was_on_disk_at_the_beginning_is_nobodys_in_this_run() {
    let mut scene = moved();
    // A new one has the old one's name; the old one's folder is gone by the time it is listed.
    scene.lists_after("new", &["new/own", "new/x"], "listed old");
    let mut page = scene.page(&["old/stays", "old/y"]);
    page.repositories[1].full_name = "old/x".into();
    scene.answers("old", move || Ok(page.clone()));
    let report = scene.run();
    assert!(is_the_first(&scene, "new/new#x"));
    let path = &repository(&report, "old", "old/x").path;
    assert!(path.raw().starts_with("old/old#x~"), "{path:?}");
}

#[test]
fn what_is_unchanged_takes_no_turn_of_those_that_transfer() {
    let mut scene = Scene::new(&["acme"]).jobs(1);
    let old: Vec<String> = (0..6).map(|n| format!("acme/old{n}")).collect();
    let old: Vec<&str> = old.iter().map(String::as_str).collect();
    scene.lists("acme", &old);
    scene.run();
    // The one clone that may be under way is not answered before all the others are done.
    let log = scene.log.clone();
    scene.before(move |name| {
        if name == "new" {
            for n in 0..6 {
                assert!(log.wait(&format!("finished acme/old{n}")), "old{n} waits");
            }
        }
    });
    scene.lists("acme", &[&["acme/new"], &old[..]].concat());
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/new"), "empty");
    let finished = scene.log.all();
    let last = finished.iter().rfind(|said| said.starts_with("finished"));
    assert_eq!(last.unwrap(), "finished acme/new");
}

/// Twelve repositories that are in the backup.
fn twelve(mut scene: Scene) -> Scene {
    let all: Vec<String> = (0..12).map(|n| format!("acme/r{n}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    scene.lists("acme", &all);
    scene.run();
    scene.asked();
    scene
}

#[test]
fn many_are_asked_at_a_time_whatever_the_jobs_are() {
    let scene = twelve(Scene::new(&["acme"]).jobs(1));
    // Nobody is answered before all are asked.
    let (log, asked) = (scene.log.clone(), Arc::new(AtomicUsize::new(0)));
    scene.before(move |_| {
        if asked.fetch_add(1, SeqCst) == 11 {
            log.say("all asked");
        }
        assert!(log.wait("all asked"));
    });
    let report = scene.run();
    assert!(source(&report, "acme").error.is_none());
    assert_eq!(scene.most_at_once(), 12);
}

#[test]
fn a_plugin_may_lower_how_many_are_asked_at_a_time() {
    let scene = twelve(Scene::new(&["acme"]).jobs(1).ref_questions(2));
    // Time for a third to come.
    scene.before(|_| thread::sleep(Duration::from_millis(10)));
    scene.run();
    assert_eq!(scene.asked().len(), 12);
    let most = scene.most_at_once();
    assert!((1..=2).contains(&most), "{most}");
}

/// The one clone that may be under way at a time is not answered before what is said has happened.
fn hold_clone(scene: &Scene, until: &'static [&'static str]) {
    let log = scene.log.clone();
    scene.before(move |name| {
        if name == "new" {
            log.say("cloning");
            for what in until {
                assert!(log.wait(what), "never {what}: {:?}", log.all());
            }
        }
        log.say(format!("asked {name}"));
    });
}

#[test]
fn what_has_changed_waits_for_its_turn_and_holds_up_no_question() {
    let mut scene = Scene::new(&["acme"]).jobs(1);
    scene.lists("acme", &["acme/a", "acme/b", "acme/same"]);
    for id in ["a", "b", "same"] {
        scene.commit(id);
    }
    scene.run();
    for id in ["a", "b"] {
        scene.commit(id);
    }
    scene.asked();
    scene.lists("acme", &["acme/new", "acme/a", "acme/b", "acme/same"]);
    hold_clone(&scene, &["asked a", "asked b", "finished acme/same"]);
    let report = scene.run();
    for (name, wanted) in [
        ("a", "updated"),
        ("b", "updated"),
        ("same", "unchanged"),
        ("new", "empty"),
    ] {
        assert_eq!(outcome(&report, "acme", &format!("acme/{name}")), wanted);
    }
    // One that got no turn is asked again, when it has one, and is told of once.
    let asked = scene.asked();
    let count = |what: &str| asked.iter().filter(|name| *name == what).count();
    assert_eq!(
        (count("same"), count("a: pack"), count("b: pack")),
        (1, 1, 1)
    );
    assert!(count("a") <= 2 && count("b") <= 2, "{asked:?}");
    let said = scene.log.all();
    for what in ["started acme/a", "finished acme/a", "started acme/b"] {
        assert_eq!(
            said.iter().filter(|said| *said == what).count(),
            1,
            "{what}"
        );
    }
    // The next run finds nothing more to do.
    scene.before(|_| {});
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/a"), "unchanged");
}

#[test]
fn the_wiki_of_an_unchanged_repository_waits_for_its_turn_too() {
    let mut scene = Scene::new(&["acme"]).jobs(1);
    let wikis = ["acme/a", "acme/b"].map(|name| scene.with_wiki(name));
    let listed = wikis.to_vec();
    let lists = move |more: Vec<_>| {
        let repositories = [&more[..], &listed[..]].concat();
        move || {
            Ok(Page {
                repositories: repositories.clone(),
                ..Page::default()
            })
        }
    };
    scene.answers("acme", lists(Vec::new()));
    for id in ["a", "a.wiki", "b", "b.wiki"] {
        scene.commit(id);
    }
    scene.run();
    scene.commit("a.wiki");
    scene.asked();
    let new = scene.repository("acme/new");
    scene.answers("acme", lists(vec![new]));
    hold_clone(&scene, &["asked a.wiki", "finished acme/b"]);
    let report = scene.run();
    let parts = |name: &str| {
        let of = repository(&report, "acme", name);
        (
            of.outcome.to_string(),
            of.wiki.as_ref().map(|w| w.outcome.to_string()),
        )
    };
    let words = |a: &str, b: &str| (a.to_owned(), Some(b.to_owned()));
    assert_eq!(parts("acme/a"), words("unchanged", "updated"));
    assert_eq!(parts("acme/b"), words("unchanged", "unchanged"));
    // What it had done before was not done twice.
    let asked = scene.asked();
    for name in ["a", "a.wiki", "a.wiki: pack", "b", "b.wiki"] {
        assert_eq!(
            asked.iter().filter(|n| *n == name).count(),
            1,
            "{name}: {asked:?}"
        );
    }
}

#[test]
fn sixteen_sources_are_listed_at_a_time() {
    let titles: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let mut scene = Scene::new(&titles).jobs(1);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for title in &titles {
        let (now, most, log) = (Arc::clone(&now), Arc::clone(&most), scene.log.clone());
        scene.answers(title, move || {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            if most.load(SeqCst) == 16 {
                log.say("sixteen");
            }
            log.expect("sixteen")?;
            now.fetch_sub(1, SeqCst);
            Ok(Page::default())
        });
    }
    let report = scene.run();
    assert!(
        report.sources.iter().all(|of| of.error.is_none()),
        "{report:?}"
    );
    assert_eq!(most.load(SeqCst), 16);
    // A check and a list ask in the same way.
    scene.log.clear();
    let checked = scene.engine().check(&Selection::default(), true).unwrap();
    assert_eq!(checked.sources.len(), 20);
    let listed = scene.engine().list(&Selection::default()).unwrap();
    let found: Vec<_> = listed.iter().map(|of| of.title.as_str()).collect();
    assert_eq!(found, titles);
    assert_eq!(most.load(SeqCst), 16);
}

#[test]
fn an_interruption_ends_a_run_whose_listings_and_workers_wait() {
    let mut scene = Scene::new(&["slow", "quick"]).jobs(1);
    scene.lists("quick", &["quick/web"]);
    let log = scene.log.clone();
    scene.answers("slow", move || {
        log.expect("interrupted")?;
        Err(Failure::new(ErrorKind::Network, "cut off"))
    });
    let engine = scene.engine();
    let interrupt = engine.interrupter();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| engine.backup(&Selection::default()).unwrap());
        assert!(scene.log.wait("finished quick/web"));
        interrupt();
        scene.log.say("interrupted");
        run.join().unwrap()
    });
    let error = source(&report, "slow").error.as_ref().unwrap();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert_eq!(outcome(&report, "quick", "quick/web"), "empty");
}

#[test]
fn of_two_new_titles_the_first_that_lists_it_gets_it_whichever_is_listed_first() {
    let mut scene = Scene::new(&["first", "second", "former"]);
    scene.lists("former", &["former/x", "former/gone"]);
    scene.run();
    fs::write(
        scene.mirror("former/former#x").join("description"),
        "the first",
    )
    .unwrap();
    // Its title is in the configuration no more; what it listed is listed as `third` now.
    scene.retitle("former", "third");
    scene.lists("former", &[]);
    scene.lists("second", &["second/x", "second/own"]);
    scene.lists_after("first", &["first/x"], "finished second/own");
    let report = scene.run();
    assert!(is_the_first(&scene, "first/first#x"));
    assert!(scene.mirror("second/second#x").is_dir());
    let told = &source(&report, "first").notes[0].message;
    assert!(
        told.as_str().starts_with("1 repository was taken over"),
        "{told}"
    );
    // What nobody lists goes along with its listing, and is missed there.
    let third = source(&report, "third");
    assert!(
        third.notes[0]
            .message
            .as_str()
            .starts_with("1 repository was taken over")
    );
    assert!(scene.mirror("third/former#gone").is_dir());
    assert!(!scene.backup().join("former").exists());
}

#[test]
fn a_dry_run_plans_the_same_and_writes_nothing() {
    let mut scene = moved();
    scene.lists_after("old", &["old/stays"], "listed new");
    scene.log.clear();
    let (plan, _) = scene.engine().dry_run(&Selection::default()).unwrap();
    let task = plan
        .tasks
        .iter()
        .find(|task| task.folder == "new#x")
        .unwrap();
    assert_eq!(task.from.as_ref().unwrap().folder, "old#x");
    assert_eq!(plan.tasks.len(), 4);
    assert!(is_the_first(&scene, "old/old#x"));
}
