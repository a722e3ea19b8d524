//! Git is asked while a source is still being listed, and nothing else is done before it is listed.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use forgekeep_engine::run::Selection;
use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_hoster::{Cursor, Page};
use forgekeep_store::report::SourceOutcome;

use crate::scene::{Scene, outcome, source};

/// Lists two pages from now on; the second once `until` has come to pass.
fn lists_two_pages(scene: &mut Scene, first: Page, second: Result<Page, Failure>, until: &[&str]) {
    let first = Page {
        next: Some(Cursor::new("2")),
        ..first
    };
    let log = scene.log.clone();
    let until: Vec<String> = until.iter().map(|what| (*what).to_owned()).collect();
    let calls = AtomicUsize::new(0);
    scene.answers("acme", move || {
        if calls.fetch_add(1, SeqCst).is_multiple_of(2) {
            return Ok(first.clone());
        }
        until.iter().try_for_each(|what| log.expect(what))?;
        log.say("second page");
        second.clone()
    });
}

/// Says what git is asked for, as it comes.
fn tell(scene: &Scene) {
    let log = scene.log.clone();
    scene.before(move |name| log.say(format!("asked {name}")));
}

/// Two repositories with a commit are in the backup.
fn backed_up() -> Scene {
    let mut scene = Scene::new(&["acme"]);
    for id in ["web", "api"] {
        scene.repository(&format!("acme/{id}"));
        scene.commit(id);
    }
    scene.lists("acme", &["acme/web", "acme/api"]);
    scene.run();
    scene.asked();
    tell(&scene);
    scene
}

fn times(scene: &Scene, of: &str) -> usize {
    scene.asked().iter().filter(|name| *name == of).count()
}

#[test]
fn what_is_unchanged_is_asked_once_while_later_pages_are_listed() {
    let mut scene = backed_up();
    let (first, second) = (scene.page(&["acme/web"]), scene.page(&["acme/api"]));
    lists_two_pages(&mut scene, first, Ok(second), &["asked web"]);
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/web"), "unchanged");
    assert_eq!(outcome(&report, "acme", "acme/api"), "unchanged");
    let mut asked = scene.asked();
    asked.sort();
    assert_eq!(asked, ["api", "web"]);
}

#[test]
fn a_task_that_is_decided_while_git_is_asked_waits_for_the_answer() {
    let mut scene = backed_up();
    let (first, second) = (scene.page(&["acme/web"]), scene.page(&[]));
    lists_two_pages(&mut scene, first, Ok(second), &["asked web"]);
    let log = scene.log.clone();
    scene.before(move |name| {
        log.say(format!("asked {name}"));
        assert!(log.wait("planned 1"));
    });
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/web"), "unchanged");
    assert_eq!(scene.asked(), ["web"]);
}

#[test]
fn what_has_changed_is_fetched_after_the_listing_and_asked_for_again() {
    let mut scene = backed_up();
    scene.commit("web");
    let (first, second) = (scene.page(&["acme/web"]), scene.page(&["acme/api"]));
    lists_two_pages(&mut scene, first, Ok(second), &["asked web"]);
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/web"), "updated");
    let said = scene.log.all();
    let at = |what: &str| said.iter().position(|said| said == what).unwrap();
    assert!(at("second page") < at("started acme/web"), "{said:?}");
    assert!(at("second page") < at("asked web: pack"), "{said:?}");
    assert_eq!(times(&scene, "web"), 2);
}

#[test]
fn what_changes_after_it_was_asked_is_for_the_next_run() {
    let mut scene = backed_up();
    let (first, second) = (scene.page(&["acme/web"]), scene.page(&["acme/api"]));
    lists_two_pages(&mut scene, first.clone(), Ok(second), &["pushed"]);
    let engine = scene.engine();
    scene.log.clear();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| engine.backup(&Selection::default()).unwrap());
        assert!(scene.log.wait("asked web"));
        // The answer is under way or there: whether it has the push is a race that either may win.
        scene.commit("web");
        scene.log.say("pushed");
        run.join().unwrap()
    });
    let first = outcome(&report, "acme", "acme/web");
    assert!(first == "unchanged" || first == "updated", "{first}");
    scene.lists("acme", &["acme/web", "acme/api"]);
    let second = outcome(&scene.run(), "acme", "acme/web");
    assert_ne!(first, second);
}

#[test]
fn a_listing_that_fails_half_way_has_nothing_done() {
    let mut scene = backed_up();
    scene.commit("web");
    let first = scene.page(&["acme/web", "acme/api"]);
    let cut = Err(Failure::new(ErrorKind::Network, "cut off"));
    lists_two_pages(&mut scene, first, cut, &["asked web", "asked api"]);
    let refs = scene.mirror("acme/acme#web").join("packed-refs");
    let before = fs::read(&refs).unwrap();
    let report = scene.run();
    assert_eq!(source(&report, "acme").outcome, SourceOutcome::Failed);
    assert!(source(&report, "acme").repositories.is_empty());
    assert_eq!(fs::read(&refs).unwrap(), before);
    let said = scene.log.all();
    assert!(
        !said.iter().any(|said| said.starts_with("started")),
        "{said:?}"
    );
    assert_eq!(times(&scene, "web: pack"), 0);
}

#[test]
fn what_is_new_is_not_asked_before_the_listing_is_whole() {
    let mut scene = backed_up();
    let (first, second) = (scene.page(&["acme/new", "acme/web"]), scene.page(&[]));
    lists_two_pages(&mut scene, first, Ok(second), &["asked web"]);
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/new"), "empty");
    let said = scene.log.all();
    let at = |what: &str| said.iter().position(|said| said == what).unwrap();
    assert!(at("second page") < at("asked new"), "{said:?}");
}

#[test]
fn the_first_question_that_fails_is_the_last_one_and_is_asked_again_in_its_turn() {
    let mut scene = backed_up();
    let first = scene.page(&["acme/web"]);
    // Gone for the first question, and there for the second.
    let (folder, aside) = (scene.upstream_folder("web"), scene.upstream_folder("aside"));
    fs::rename(&folder, &aside).unwrap();
    let back = Arc::new(AtomicUsize::new(0));
    let log = scene.log.clone();
    scene.before(move |name| {
        if name == "web" && back.fetch_add(1, SeqCst) == 1 {
            fs::rename(&aside, &folder).unwrap();
        }
        log.say(format!("asked {name}"));
    });
    lists_two_pages(&mut scene, first, Ok(Page::default()), &["asked web"]);
    let report = scene.run();
    assert_eq!(outcome(&report, "acme", "acme/web"), "unchanged");
    assert_eq!(times(&scene, "web"), 2);
}

#[test]
fn what_is_listed_twice_is_asked_once() {
    let mut scene = backed_up();
    let (first, second) = (
        scene.page(&["acme/web", "acme/web"]),
        scene.page(&["acme/web", "acme/api"]),
    );
    lists_two_pages(&mut scene, first, Ok(second), &["asked web"]);
    scene.run();
    assert_eq!(times(&scene, "web"), 1);
}

#[test]
fn an_interruption_ends_what_is_asked_early() {
    let mut scene = backed_up();
    let first = scene.page(&["acme/web", "acme/api"]);
    let cut = Err(Failure::new(ErrorKind::Network, "cut off"));
    lists_two_pages(&mut scene, first, cut, &["interrupted"]);
    let log = scene.log.clone();
    scene.before(move |name| {
        log.say(format!("asked {name}"));
        log.wait("interrupted");
    });
    let engine = scene.engine();
    let interrupt = engine.interrupter();
    scene.log.clear();
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| engine.backup(&Selection::default()).unwrap());
        assert!(scene.log.wait("asked web"));
        interrupt();
        scene.log.say("interrupted");
        run.join().unwrap()
    });
    let error = source(&report, "acme").error.as_ref().unwrap();
    assert_eq!(error.kind, ErrorKind::Cancelled);
}
