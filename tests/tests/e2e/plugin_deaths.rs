//! A plugin whose process ends, or never answers: it costs what was asked, and no more. A good source
//! stands beside it, and the report is written.

use std::time::{Duration, Instant};

use forgekeep_tests::{RequestKind, Run};

use serde_json::json;

use crate::plugin_calls::{Beside, SECRET};
use crate::support::{error, source};

/// How the process ends, and what is said of it.
#[cfg(unix)]
const ENDS: [(&str, &str); 6] = [
    ("exit", "exited with code 0"),
    ("thread-exit", "exited with code 0"),
    ("abort", "ended by signal 6 (aborted)"),
    ("double-panic", "ended by signal 6 (aborted)"),
    ("segv", "ended by signal 11 (segmentation fault)"),
    ("overflow", "ended by signal"),
];

#[test]
#[cfg(unix)]
fn an_end_in_the_listing_fails_its_source_alone() {
    let beside = Beside::new();
    let sources = ENDS.map(|(way, _)| format!("{way}-list"));
    beside.name_each(&sources.each_ref().map(String::as_str));
    let run = beside.backup("by-name").expect(3);
    for ((_, why), title) in ENDS.iter().zip(&sources) {
        let said = error(source(&run, title));
        let start = "plugin: the plugin misbehaving failed in `list`: ";
        assert!(said.starts_with(start) && said.contains(why), "{said}");
        assert!(said.contains("report it to the plugin's authors"), "{said}");
    }
    // The run is remembered with all that.
    let status = beside.world.forgekeep(&["status"]).run().expect(0);
    for title in &sources {
        assert!(status.stdout.contains(title.as_str()), "{status:#?}");
    }
    let (said, partial) = (&status.stdout, "partial, exit code 3");
    assert!(said.contains(partial), "{said}");
}

#[test]
fn an_end_in_validate_or_open_fails_its_source_alone() {
    let beside = Beside::new();
    beside.name_each(&["exit-validate", "exit-open"]);
    let run = beside.backup("by-name").expect(3);
    for method in ["validate", "open"] {
        let said = error(source(&run, &format!("exit-{method}")));
        let start = format!("plugin: the plugin misbehaving failed in `{method}`: ");
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains("exited with code 0"), "{said}");
    }
}

#[test]
#[cfg(unix)]
fn an_end_in_access_fails_the_repository_that_was_asked_for_alone() {
    let beside = Beside::new();
    let sources = ENDS.map(|(way, _)| format!("{way}-access"));
    beside.name_each(&sources.each_ref().map(String::as_str));
    let run = beside.backup("by-name").expect(3);
    for ((_, why), title) in ENDS.iter().zip(&sources) {
        let repositories = &source(&run, title)["repositories"];
        let said = error(&repositories[0]);
        let start = "plugin: the plugin misbehaving failed in `access`: ";
        assert!(said.starts_with(start) && said.contains(why), "{said}");
        assert_eq!(repositories[1]["outcome"], "cloned", "{repositories:#}");
    }
}

#[test]
fn an_end_in_drop_harms_nobody() {
    for way in ["exit-drop", "abort-drop"] {
        Beside::new().backup(way).expect(0);
    }
}

/// A backup with something that hangs: the longest deadline is a minute.
fn backup_hanging(beside: &Beside) -> Run {
    let invocation = beside.invoke(&["backup", "--jobs", "8"], "by-name");
    let run = invocation.limit(Duration::from_secs(180)).run();
    beside.assert_good("by-name", run)
}

#[test]
fn what_never_answers_is_ended_by_its_deadline() {
    let beside = Beside::new();
    let methods = [
        ("validate", "validate"),
        ("open", "open"),
        ("list", "list"),
        ("next", "list"),
        ("drop", "drop"),
    ];
    let sources = methods.map(|(way, _)| format!("hang-{way}"));
    beside.name_each(&sources.each_ref().map(String::as_str));
    let run = backup_hanging(&beside).expect(3);
    for ((way, method), title) in methods.iter().zip(&sources) {
        let source = source(&run, title);
        if *way == "drop" {
            assert_eq!(source["outcome"], "ok", "{source:#}");
            continue;
        }
        let said = error(source);
        let start = format!("plugin: the plugin misbehaving failed in `{method}`: ");
        assert!(said.starts_with(&start), "{said}");
        assert!(said.contains("did not answer within"), "{said}");
    }
}

#[test]
fn an_access_that_never_answers_costs_the_repository_it_was_asked_for() {
    let beside = Beside::new();
    beside.name_each(&["hang-access"]);
    let run = backup_hanging(&beside).expect(3);
    let repositories = &source(&run, "hang-access")["repositories"];
    let said = error(&repositories[0]);
    let start = "plugin: the plugin misbehaving failed in `access`: ";
    assert!(said.starts_with(start), "{said}");
    assert!(said.contains("did not answer within"), "{said}");
    assert_eq!(repositories[1]["outcome"], "cloned", "{repositories:#}");
}

#[test]
fn a_plugin_that_no_source_names_ends_nobody() {
    let beside = Beside::new();
    // It is met to find out whether it has the alias that the source names.
    let bitbucket = serde_json::json!({
        "title": "acme", "hoster": "bitbucket-cloud", "name": "acme", "password": crate::support::TOKEN,
        "apiAuthName": "dev@example.com", "apiUrl": beside.world.forge.api_url(),
    });
    beside.world.configure(&[bitbucket]);
    for way in [
        "exit-manifest",
        "thread-exit-new",
        "abort-new",
        "double-panic-manifest",
        "segv-manifest",
        "overflow-new",
        "hang-manifest",
    ] {
        let run = beside.backup(way).expect(0);
        assert!(run.time < Duration::from_secs(40), "{way}: {run:#?}");
    }
}

#[test]
fn a_limit_in_mid_listing_is_waited_for_and_nothing_is_lost() {
    let beside = Beside::new();
    let odd = json!({"title": "odd", "hoster": "misbehaving", "name": "acme", "password": SECRET});
    let options = json!({"network": {"limitWaitMinutes": 1}});
    beside
        .world
        .configure_with(&[odd, beside.world.source()], &options);
    let run = beside.backup("limited").expect(0);
    let odd = source(&run, "odd");
    assert_eq!((&odd["outcome"], &odd["listed"]), (&"ok".into(), &2.into()));
}

#[test]
fn a_page_that_asks_for_too_much_fails_its_source() {
    let said = Beside::new().failed("flood");
    assert!(said.contains("more than 1000 requests"), "{said}");
    let said = Beside::new().failed("huge-page");
    assert!(said.contains("more than 10000 repositories"), "{said}");
}

#[test]
fn the_lines_of_a_log_are_passed_on_up_to_a_number_and_the_rest_is_counted() {
    let beside = Beside::new();
    let run = beside.invoke(&["backup", "-vv"], "chatter").run().expect(0);
    let lines = run.stderr.lines().filter(|line| line.contains(": line "));
    assert_eq!(lines.count(), 10_000);
    assert!(
        run.stderr
            .contains("10000 more lines of its log were left out"),
        "{}",
        &run.stderr[run.stderr.len().saturating_sub(2000)..]
    );
}

#[test]
fn an_interruption_ends_a_plugin_that_does_not_answer() {
    let beside = Beside::new();
    let running = beside.invoke(&["backup"], "hang-list").spawn();
    beside.world.forge.wait_for(RequestKind::Api, 1);
    let interrupted = Instant::now();
    running.interrupt();
    let run = running.wait().expect(130);
    // Its deadline is a minute.
    assert!(interrupted.elapsed() < Duration::from_secs(20), "{run:#?}");
}
