//! Repositories whose git fails: each fails alone, leaves nothing half done, and all others are
//! as upstream has them.

use forgekeep_tests::{Action, Fault, RequestKind, compare};

use crate::support::{World, content, error};

const SENTENCE: &str = "fork/exec /usr/bin/git-upload-pack: no such file or directory";

fn failures() -> Vec<(RequestKind, Action, &'static str)> {
    use RequestKind::{InfoRefs, UploadPack};
    vec![
        (InfoRefs, Action::status(500), "unavailable"),
        (InfoRefs, Action::status(503), "unavailable"),
        (InfoRefs, Action::status(403), "forbidden"),
        (InfoRefs, Action::status(404), "not-found"),
        (InfoRefs, Action::status(410), "gone"),
        (InfoRefs, Action::status(429), "rate-limited"),
        (InfoRefs, Action::html(200), "bad-answer"),
        (InfoRefs, Action::GitError(SENTENCE.to_owned()), "git"),
        (InfoRefs, Action::Truncate, "network"),
        (InfoRefs, Action::Close, "network"),
        (InfoRefs, Action::Garbage, "network"),
        (UploadPack, Action::status(500), "unavailable"),
        (UploadPack, Action::GitError(SENTENCE.to_owned()), "git"),
        (UploadPack, Action::Truncate, "network"),
        (UploadPack, Action::EndPackEarly, "git"),
        (UploadPack, Action::Garbage, "network"),
    ]
}

#[test]
fn a_failing_repository_fails_alone_and_leaves_nothing_that_looks_like_a_backup() {
    for (kind, action, wanted) in failures() {
        let world = World::new();
        let web = world.forge.repository("web").commit("one").commit("two");
        let others =
            ["api", "docs"].map(|slug| world.forge.repository(slug).private().commit(slug));
        let what = format!("{kind:?} {action:?}");
        world
            .forge
            .inject(Fault::on(kind, action.clone()).repository("web"));
        let run = world.backup().expect(3);
        let entry = run.repository("acme/web");
        assert_eq!(entry["outcome"], "failed", "{what}");
        assert_eq!(entry["error"]["kind"], wanted, "{what}: {}", error(entry));
        assert_ne!(entry["error"]["hint"], "", "{what}: {}", error(entry));
        assert!(
            run.stderr.contains("failed acme/web"),
            "{what}: {}",
            run.stderr
        );
        if let Action::GitError(sentence) = &action {
            assert!(
                error(entry).contains(sentence.as_str()),
                "{what}: {}",
                error(entry)
            );
        }
        assert!(!world.mirror("web").exists(), "{what}");
        let left = content(&world.folder("web"));
        assert!(
            left.is_empty(),
            "{what}: {:?}",
            left.iter().map(|f| &f.0).collect::<Vec<_>>()
        );
        others
            .into_iter()
            .for_each(|other| world.assert_mirrored(other));
        // And it is repaired by itself.
        world.forge.clear_faults();
        let run = world.backup().expect(0);
        assert_eq!(run.outcome("acme/web"), "cloned", "{what}");
        world.assert_mirrored(web);
    }
}

#[test]
fn a_failing_update_leaves_the_mirror_as_it_was() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let (refs, head) = (
        compare::refs(&world.mirror("web")),
        compare::head(&world.mirror("web")),
    );
    web.force_push("main")
        .commit_to("side", "three")
        .default_branch("side");
    for (kind, action, _) in failures() {
        let what = format!("{kind:?} {action:?}");
        world.forge.clear_faults();
        world.forge.inject(Fault::on(kind, action));
        world.backup().expect(3);
        assert_eq!(compare::refs(&world.mirror("web")), refs, "{what}");
        assert_eq!(compare::head(&world.mirror("web")), head, "{what}");
        compare::assert_sound(&world.mirror("web"));
    }
    world.forge.clear_faults();
    world.backup().expect(0);
    world.assert_mirrored(web);
}

#[test]
fn a_redirect_of_a_clone_url_within_the_origin_is_followed_with_credentials() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    let moved = world.forge.repository("moved").private().commit("two");
    let target = format!("{}/info/refs?service=git-upload-pack", moved.clone_url());
    let fault = Fault::on(RequestKind::InfoRefs, Action::redirect(301, &target));
    world.forge.inject(fault.repository("web"));
    let run = world.backup().expect(0);
    assert_eq!(run.outcome("acme/web"), "cloned");
    compare::assert_mirror(&moved.git_dir(), &world.mirror("web"));
    assert_ne!(
        compare::refs(&web.git_dir()),
        compare::refs(&world.mirror("web"))
    );
    assert!(
        world
            .forge
            .requests()
            .iter()
            .all(|r| r.authorization.is_some())
    );
}

#[test]
fn a_redirect_of_a_clone_url_to_another_origin_gets_no_credentials() {
    let world = World::new();
    let other = crate::support::forge();
    world.forge.repository("web").private().commit("one");
    let theirs = other.repository("web").private().commit("two");
    let target = format!("{}/info/refs?service=git-upload-pack", theirs.clone_url());
    world.forge.inject(Fault::on(
        RequestKind::InfoRefs,
        Action::redirect(302, &target),
    ));
    let run = world.backup();
    assert_ne!(run.code, Some(0));
    assert_eq!(run.outcome("acme/web"), "failed");
    let sent = other.requests();
    assert!(sent.iter().all(|r| r.authorization.is_none()), "{sent:#?}");
}
