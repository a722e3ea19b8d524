//! What passes is waited out, for the API and for git alike; what stays is given up in good time.

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::{Value, json};

use crate::support::{World, source};

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
fn a_wait_longer_than_there_is_time_for_is_not_begun() {
    let world = limited(59);
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

/// A world in which nothing is tried again, and limits are waited for so many minutes.
fn limited(minutes: u32) -> World {
    let world = World::new();
    let options = json!({"network": {
        "retries": 0, "longestWaitSeconds": 1, "limitWaitMinutes": minutes,
    }});
    world.configure_with(&[world.source()], &options);
    world.forge.repository("web").commit("one");
    world
}

#[test]
fn a_limit_is_waited_for_by_what_it_asks_for_and_uses_up_no_retries() {
    use RequestKind::{Api, InfoRefs, UploadPack};
    std::thread::scope(|scope| {
        for kind in [Api, InfoRefs, UploadPack] {
            for limit in [
                Action::retry_after(429, 1),
                Action::status(429).with_header("X-RateLimit-Reset", "1"),
                Action::status(429).with_header("X-RateLimit-Reset", "1000000000"),
                Action::retry_after(429, 1).with_header("x-envoy-ratelimited", "true"),
                Action::status(403)
                    .with_header("X-RateLimit-Remaining", "0")
                    .with_header("Retry-After", "1"),
            ] {
                scope.spawn(move || {
                    let world = limited(1);
                    let shown = format!("{kind:?} {limit:?}");
                    world.forge.inject(Fault::on(kind, limit).first(2));
                    let run = world.backup();
                    assert_eq!(run.code, Some(0), "{shown}: {}{}", run.stdout, run.stderr);
                    world.assert_mirrored(world.forge.repository("web"));
                });
            }
        }
    });
}

#[test]
fn a_limit_that_does_not_say_how_long_is_waited_for_and_can_be_interrupted() {
    let of = |status, headers: &[(&str, &str)]| {
        let add = |limit: Action, (name, value): &(&str, &str)| limit.with_header(name, value);
        headers.iter().fold(Action::status(status), add)
    };
    // Requests of the hour are left: its reset is not what is waited for.
    let left = ("X-RateLimit-Remaining", "4000");
    for (limit, seconds) in [
        (of(429, &[]), 30.0),
        (of(429, &[("x-envoy-ratelimited", "true")]), 5.0),
        (of(429, &[left, ("X-RateLimit-Reset", "3000")]), 60.0),
    ] {
        let world = limited(60);
        world.forge.inject(Fault::on(RequestKind::Api, limit));
        let running = world.forgekeep(&["backup", "--progress", "json"]).spawn();
        world.forge.wait_for(RequestKind::Api, 1);
        // The wait begins when the answer is there.
        std::thread::sleep(std::time::Duration::from_millis(300));
        running.interrupt();
        let run = running.wait().expect(130);
        let waiting = run.stdout.lines().find(|line| line.contains("\"waiting\""));
        let event: serde_json::Value = serde_json::from_str(waiting.unwrap()).unwrap();
        let waited = event["seconds"].as_f64().unwrap();
        assert!((seconds..=seconds * 1.25).contains(&waited), "{event}");
        assert!(event["why"].as_str().unwrap().contains("limit"), "{event}");
        assert_eq!(world.forge.count(RequestKind::Api), 1);
    }
}

#[test]
fn a_limit_that_git_tells_of_in_words_is_waited_for_too() {
    let world = limited(60);
    let limit = Action::GitError("rate limit exceeded".to_owned());
    world.forge.inject(Fault::on(RequestKind::InfoRefs, limit));
    let running = world.forgekeep(&["backup", "--progress", "json"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 1);
    // The wait begins when the answer is there.
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.interrupt();
    let run = running.wait().expect(130);
    let waiting = run.stdout.lines().find(|line| line.contains("\"waiting\""));
    let event: serde_json::Value = serde_json::from_str(waiting.unwrap()).unwrap();
    assert!(event["seconds"].as_f64().unwrap() >= 60.0, "{event}");
    assert_eq!(world.forge.count(RequestKind::InfoRefs), 1);
}

#[test]
fn without_time_for_limits_they_are_not_waited_for() {
    for kind in [RequestKind::Api, RequestKind::InfoRefs] {
        let world = limited(0);
        world
            .forge
            .inject(Fault::on(kind, Action::retry_after(429, 1)));
        let run = world.backup().expect(3);
        assert_eq!(world.forge.count(kind), 1);
        let report = run.report.as_ref().unwrap();
        let source = &report["sources"][0];
        let error = match kind {
            RequestKind::Api => &source["error"],
            _ => &source["repositories"][0]["error"],
        };
        assert_eq!(error["kind"], "rate-limited", "{report:#}");
        assert_ne!(error["hint"], "");
    }
}

#[test]
fn what_a_limit_left_undone_comes_first_in_the_next_run() {
    let world = limited(0);
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.forge.repository(name).commit("one");
    }
    let alone = json!({
        "network": {"retries": 0, "limitWaitMinutes": 0, "refQuestions": 1},
        "backup": {"jobs": 1},
    });
    world.configure_with(&[world.source()], &alone);
    world.backup().expect(0);
    let asked = || -> Vec<String> {
        let requests = world.forge.requests().into_iter();
        let of_git = requests.filter(|request| request.kind == RequestKind::InfoRefs);
        of_git.filter_map(|request| request.repository).collect()
    };
    let limit = || Action::retry_after(429, 3600);
    for number in [4, 5, 6] {
        world
            .forge
            .inject(Fault::on(RequestKind::InfoRefs, limit()).nth(number));
    }
    let run = world.backup().expect(3);
    world.forge.clear_faults();
    let repositories = source(&run, "acme")["repositories"].as_array().unwrap();
    let is_limited = |entry: &&Value| entry["error"]["kind"] == "rate-limited";
    let limited = repositories.iter().filter(is_limited);
    let mut limited: Vec<&str> = limited.map(|one| one["name"].as_str().unwrap()).collect();
    assert!(!limited.is_empty() && limited.len() < 6, "{limited:?}");
    world.forge.reset_log();
    world.backup().expect(0);
    let mut first: Vec<String> = asked()[..limited.len()].to_vec();
    first.sort_unstable();
    limited.sort_unstable();
    let first: Vec<String> = first.iter().map(|name| format!("acme/{name}")).collect();
    assert_eq!(first, limited);
}
