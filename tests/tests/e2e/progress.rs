//! What is shown while a backup runs.

use std::collections::HashSet;

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::Value;

use crate::support::{World, report};

fn world() -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.forge.repository("api").private().commit("one");
    world
}

#[test]
fn json_progress_is_one_document_a_line_and_nothing_else() {
    let world = world();
    let run = world
        .forgekeep(&["backup", "--progress", "json", "-vvv"])
        .run()
        .expect(0);
    let events: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let kinds: HashSet<_> = events
        .iter()
        .map(|e| e["event"].as_str().unwrap())
        .collect();
    for wanted in [
        "listing-started",
        "page-listed",
        "source-listed",
        "planned",
        "repository-started",
        "repository-finished",
        "finished",
    ] {
        assert!(kinds.contains(wanted), "{wanted} is not among {kinds:?}");
    }
    let last = events.last().unwrap();
    assert_eq!(last["event"], "finished");
    assert_eq!(&last["report"], report(&run));
}

#[test]
fn plain_progress_is_lines_on_stderr_and_a_summary_on_stdout() {
    let world = world();
    let run = world
        .forgekeep(&["backup", "--progress", "plain"])
        .run()
        .expect(0);
    for name in ["acme/web", "acme/api"] {
        assert!(
            run.stderr.contains(&format!("acme: cloned {name}")),
            "{}",
            run.stderr
        );
    }
    let mut lines = run.stdout.lines().map(str::split_whitespace);
    let mut next = || lines.next().unwrap().take(3).collect::<Vec<_>>();
    assert_eq!(next(), ["source", "result", "cloned"]);
    assert_eq!(next(), ["acme", "ok", "2"]);
    assert!(
        run.stdout.contains("All good: 2 repositories backed up"),
        "{}",
        run.stdout
    );
    assert!(!run.stderr.contains('\u{1b}') && !run.stdout.contains('\u{1b}'));
}

#[test]
fn a_quiet_run_says_nothing_unless_something_is_wrong() {
    let world = world();
    let run = world.forgekeep(&["backup", "--quiet"]).run().expect(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    world.forge.change(|state| state.accounts.clear());
    let run = world.forgekeep(&["backup", "--quiet"]).run().expect(12);
    assert!(
        run.stderr.contains("refuses the API token"),
        "{}",
        run.stderr
    );
}

#[test]
fn no_progress_shows_only_the_summary() {
    let world = world();
    let run = world
        .forgekeep(&["backup", "--progress", "none"])
        .run()
        .expect(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("2 repositories"), "{}", run.stdout);
}

#[test]
fn unchanged_repositories_get_a_line_where_that_is_wanted() {
    let world = world();
    world.backup().expect(0);
    let run = world.backup().expect(0);
    assert!(!run.stderr.contains("unchanged"), "{}", run.stderr);
    let config = serde_json::json!({
        "localFolder": world.sandbox.backup(),
        "sources": [world.source()],
        "options": {"backup": {"logRepoFinished": true}},
    });
    world.sandbox.write("settings.yml", config.to_string());
    let run = world.backup().expect(0);
    assert!(
        run.stderr.contains("acme: unchanged acme/web"),
        "{}",
        run.stderr
    );
}

#[test]
fn the_end_of_a_run_is_a_table_then_what_failed_and_then_the_whole() {
    let world = world();
    for slug in ["docs", "infra"] {
        world.forge.repository(slug).commit("one");
        let fault = Fault::on(RequestKind::InfoRefs, Action::status(503));
        world.forge.inject(fault.repository(slug));
    }
    let run = world.forgekeep(&["backup", "--progress", "none"]).run();
    let shown = world.shown(&run.expect(3).stdout);
    // Bytes and times differ from run to run.
    let (table, rest) = shown.split_once("\n\n").unwrap();
    let cells: Vec<Vec<_>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        cells[0],
        ["source", "result", "cloned", "failed", "received", "work"]
    );
    assert_eq!(cells[1][..4], ["acme", "partial", "2", "2"]);
    let (failures, last) = rest.split_once("\n\n").unwrap();
    // One cause, one line.
    insta::assert_snapshot!(failures, @r"
    What failed:
      acme/docs, acme/infra: <address>/info/refs?service=git-upload-pack answered 503: the hoster is out of order; it says: injected 503
        hint: look at its status page and run again later
    ");
    let begin = "Not everything is backed up: 2 repositories done, 2 repositories failed; ";
    assert!(last.starts_with(begin), "{last}");
}
