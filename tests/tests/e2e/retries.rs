//! What passes is waited out, for the API and for git alike; what stays is given up in good time.

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::json;

use crate::support::World;

/// A world with one repository in which a fault is tried again twice.
fn world() -> World {
    let world = World::new();
    let options = json!({"network": {"retries": 2, "longestWaitSeconds": 1}});
    world.configure_with(&[world.source()], &options);
    world.forge.repository("web").commit("one");
    world
}

#[test]
fn faults_that_pass_leave_no_trace() {
    let faults = [
        (RequestKind::Api, Action::status(503)),
        (RequestKind::Api, Action::retry_after(429, 1)),
        (RequestKind::Api, Action::Close),
        (RequestKind::Api, Action::Truncate),
        (RequestKind::InfoRefs, Action::status(500)),
        (RequestKind::InfoRefs, Action::Truncate),
        (RequestKind::InfoRefs, Action::Garbage),
        (RequestKind::InfoRefs, Action::html(200)),
        (
            RequestKind::InfoRefs,
            Action::GitError(
                "fork/exec /usr/bin/git-upload-pack: no such file or directory".into(),
            ),
        ),
        (RequestKind::UploadPack, Action::status(502)),
        (RequestKind::UploadPack, Action::Close),
        (RequestKind::UploadPack, Action::Truncate),
        (RequestKind::UploadPack, Action::EndPackEarly),
    ];
    std::thread::scope(|scope| {
        for (kind, action) in faults {
            scope.spawn(move || {
                let world = world();
                let shown = format!("{kind:?} {action:?}");
                world.forge.inject(Fault::on(kind, action).first(1));
                let run = world.backup();
                assert_eq!(run.code, Some(0), "{shown}: {}{}", run.stdout, run.stderr);
                world.assert_mirrored(world.forge.repository("web"));
                assert!(world.forge.count(kind) >= 2, "{shown}");
            });
        }
    });
}

#[test]
fn a_fetch_whose_step_fails_asks_for_the_refs_again() {
    let moved = "upload-pack: not our ref 1234567890123456789012345678901234567890";
    for action in [
        Action::GitError(moved.into()),
        Action::Close,
        Action::Truncate,
    ] {
        for (times, code, asked) in [(1, 0, 2), (usize::MAX, 3, 3)] {
            let world = world();
            let fault = Fault::on(RequestKind::UploadPack, action.clone());
            world.forge.inject(fault.first(times));
            world.backup().expect(code);
            for kind in [RequestKind::InfoRefs, RequestKind::UploadPack] {
                assert_eq!(
                    world.forge.count(kind),
                    asked,
                    "{kind:?} {action:?} {times}"
                );
            }
        }
    }
}

#[test]
fn a_fault_that_stays_is_tried_as_often_as_configured() {
    let world = world();
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(503)));
    let run = world.backup().expect(3);
    assert_eq!(run.repository("acme/web")["error"]["kind"], "unavailable");
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 3);
}

#[test]
fn refused_credentials_are_not_tried_again() {
    let world = world();
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(401)));
    world.backup().expect(12);
    assert_eq!(world.forge.count(RequestKind::Api), 1);
}

#[test]
fn a_wait_longer_than_the_longest_is_not_begun() {
    let world = world();
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::retry_after(429, 3600)));
    let run = world.backup().expect(3);
    assert_eq!(world.forge.count(RequestKind::Api), 1);
    let report = run.report.as_ref().expect("a report");
    assert_eq!(report["sources"][0]["error"]["kind"], "rate-limited");
}

#[test]
fn a_wait_is_an_event() {
    let world = world();
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::retry_after(429, 1)).first(1));
    let run = world
        .forgekeep(&["backup", "--progress", "json"])
        .run()
        .expect(0);
    let waiting = run
        .stdout
        .lines()
        .filter(|line| line.contains("\"event\":\"waiting\""))
        .count();
    assert!(waiting >= 1, "{}", run.stdout);
}
