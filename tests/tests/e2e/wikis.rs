//! Wikis: repositories beside repositories, which may not be there after all.

use forgekeep_tests::{Action, Fault, RequestKind, compare};

use crate::support::World;

#[test]
fn a_wiki_is_mirrored_beside_its_repository() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one").wiki();
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["wiki"]["outcome"], "cloned");
    let wiki = world.folder("web").join("wiki");
    compare::assert_mirror(&web.wiki_dir(), &wiki);
    world.assert_mirrored(web);
    web.wiki();
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["wiki"]["outcome"], "updated");
    compare::assert_mirror(&web.wiki_dir(), &wiki);
}

#[test]
fn a_wiki_that_is_only_said_to_be_there_is_a_note() {
    for status in [404, 410, 403] {
        let world = World::new();
        let web = world.forge.repository("web").commit("one").missing_wiki();
        let fault = Fault::on(RequestKind::InfoRefs, Action::status(status)).wiki(true);
        world.forge.inject(fault);
        let run = world.backup().expect(0);
        let entry = run.repository("acme/web");
        assert_eq!(entry["outcome"], "cloned", "{status}");
        assert_eq!(entry["wiki"]["outcome"], "skipped", "{status}");
        assert!(
            entry["note"].as_str().unwrap().contains("wiki"),
            "{entry:#}"
        );
        assert!(!world.folder("web").join("wiki").exists(), "{status}");
        world.assert_mirrored(web);
    }
}

#[test]
fn a_wiki_that_disappears_stays_in_the_backup() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    world.backup().expect(0);
    let wiki = world.folder("web").join("wiki");
    let before = compare::refs(&wiki);
    let upstream = web.wiki_dir();
    web.missing_wiki();
    let run = world.backup().expect(0);
    let note = run.repository("acme/web")["note"].as_str().unwrap();
    assert!(note.contains("kept"), "{note}");
    assert_eq!(compare::refs(&wiki), before);
    // Nor does it go when the hoster no longer speaks of it.
    web.change(|entry| entry.has_wiki = false);
    for _ in 0..2 {
        let run = world.backup().expect(0);
        let entry = run.repository("acme/web");
        assert_eq!(entry["outcome"], "unchanged");
        assert_eq!(entry["wiki"]["outcome"], "skipped");
        let note = entry["note"].as_str().unwrap();
        assert!(
            note.contains("wiki is gone upstream") && note.contains("kept"),
            "{note}"
        );
        assert_eq!(compare::refs(&wiki), before);
    }
    world.forgekeep(&["verify"]).run().expect(0);
    // It comes back as it went.
    web.change(|entry| entry.wiki_dir = Some(upstream)).wiki();
    let run = world.backup().expect(0);
    assert_eq!(run.repository("acme/web")["wiki"]["outcome"], "updated");
}

#[test]
fn a_wiki_in_the_backup_stays_whatever_refuses_it() {
    for status in [404, 410, 403] {
        let world = World::new();
        world.forge.repository("web").private().commit("one").wiki();
        world.backup().expect(0);
        let wiki = world.folder("web").join("wiki");
        let before = compare::refs(&wiki);
        let fault = Fault::on(RequestKind::InfoRefs, Action::status(status)).wiki(true);
        world.forge.inject(fault);
        let run = world.backup().expect(0);
        let entry = run.repository("acme/web");
        assert_eq!(entry["wiki"]["outcome"], "skipped", "{status}");
        assert!(
            entry["note"].as_str().unwrap().contains("kept"),
            "{entry:#}"
        );
        assert_eq!(compare::refs(&wiki), before);
    }
}

#[test]
fn a_repository_whose_wiki_fails_is_partial() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one").wiki();
    world.forge.repository("api").commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)).wiki(true));
    let run = world.backup().expect(3);
    let entry = run.repository("acme/web");
    assert_eq!(entry["outcome"], "partial");
    assert!(
        entry["error"]["message"].as_str().unwrap().contains("wiki"),
        "{entry:#}"
    );
    assert_eq!(run.outcome("acme/api"), "cloned");
    world.assert_mirrored(web);
}
