//! What is shown while a backup runs.

use std::collections::HashSet;

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
    assert!(
        run.stdout.contains("acme (bitbucket): ok: 2 cloned"),
        "{}",
        run.stdout
    );
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
    assert!(run.stdout.contains("2 cloned"), "{}", run.stdout);
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
