use std::fs;

use forgekeep_store::layout::OWN_FOLDER;
use serde_json::{Value, json};

use super::*;

/// A backup folder with kept reports, and its configuration.
struct Backup {
    root: tempfile::TempDir,
}

impl Backup {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let backup = Self { root };
        fs::create_dir_all(backup.runs()).unwrap();
        backup
    }

    fn runs(&self) -> std::path::PathBuf {
        self.root
            .path()
            .join("backup")
            .join(OWN_FOLDER)
            .join("runs")
    }

    /// A run of the first of January at this hour.
    fn run(&self, hour: u32, source: &Value) {
        let started = format!("2026-01-01T{hour:02}:00:00Z");
        let report = json!({"schema": 1, "version": "9.9.9", "started": started,
            "finished": started, "outcome": source["outcome"], "exitCode": 0, "error": null,
            "sources": [source]});
        let name = format!("2026-01-01T{hour:02}-00-00.000Z.json");
        fs::write(self.runs().join(name), report.to_string()).unwrap();
    }

    fn status(&self) -> Status {
        let config = format!(
            "localFolder: {}\nsources:\n  - {{title: acme, hoster: bitbucket, name: acme}}\n",
            self.root.path().join("backup").display()
        );
        let file = self.root.path().join("forgekeep.yml");
        let config = forgekeep_config::parse(&config, &file, &|_| None).unwrap();
        Status::read(&config).unwrap()
    }
}

fn acme(outcome: &str, repositories: &[Value]) -> Value {
    json!({"title": "acme", "hoster": "bitbucket", "outcome": outcome,
        "listed": repositories.len(), "error": null, "repositories": repositories})
}

fn repository(id: &str, outcome: &str) -> Value {
    let error = (outcome == "failed").then(|| json!({"kind": "git", "message": "no"}));
    let path = match outcome {
        "skipped" => String::new(),
        _ => format!("acme/acme#{id}"),
    };
    json!({"id": id, "name": format!("acme/{id}"), "path": path, "outcome": outcome,
        "error": error})
}

fn hour(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.strftime("%H").to_string())
}

#[test]
fn without_a_run_there_is_nothing_to_tell() {
    let backup = Backup::new();
    let document = serde_json::to_value(backup.status()).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["lastRun"], Value::Null);
    assert_eq!(document["sources"][0]["title"], "acme");
    assert_eq!(document["sources"][0]["lastOutcome"], Value::Null);
}

#[test]
fn the_last_state_and_the_last_good_one_are_told_apart() {
    let backup = Backup::new();
    backup.run(
        1,
        &acme(
            "ok",
            &[repository("web", "cloned"), repository("old", "empty")],
        ),
    );
    backup.run(2, &acme("ok", &[repository("web", "updated")]));
    backup.run(3, &acme("partial", &[repository("web", "failed")]));
    let mut failed = acme("failed", &[]);
    failed["error"] = json!({"kind": "of-a-newer-version", "message": "no", "hint": "wait"});
    backup.run(4, &failed);
    let status = backup.status();
    let source = &status.sources[0];
    assert_eq!(
        source.last_outcome.map(SourceOutcome::as_str),
        Some("failed")
    );
    assert_eq!(
        source.last_error.as_ref().unwrap().kind,
        "of-a-newer-version"
    );
    assert_eq!(hour(source.last_run).as_deref(), Some("04"));
    assert_eq!(hour(source.last_good).as_deref(), Some("02"));
    assert!(source.age_seconds.unwrap() > 0);
    assert_eq!(source.listed, Some(0));
    let [old, web] = &source.repositories[..] else {
        panic!("{:#?}", source.repositories);
    };
    assert_eq!((&*old.name, &*web.name), ("acme/old", "acme/web"));
    assert_eq!(hour(old.last_good).as_deref(), Some("01"));
    assert_eq!(
        old.last_outcome.map(RepositoryOutcome::as_str),
        Some("empty")
    );
    assert_eq!(hour(web.last_good).as_deref(), Some("02"));
    assert_eq!(
        web.last_outcome.map(RepositoryOutcome::as_str),
        Some("failed")
    );
    assert_eq!(web.last_error.as_ref().unwrap().message, "no");
}

#[test]
fn one_that_is_left_out_now_keeps_its_folder_and_its_good_time() {
    let backup = Backup::new();
    backup.run(1, &acme("ok", &[repository("web", "cloned")]));
    backup.run(2, &acme("ok", &[repository("web", "skipped")]));
    let status = backup.status();
    let web = &status.sources[0].repositories[0];
    assert_eq!(web.path, "acme/acme#web");
    assert_eq!(
        web.last_outcome.map(RepositoryOutcome::as_str),
        Some("skipped")
    );
    assert_eq!(hour(web.last_good).as_deref(), Some("01"));
}

#[test]
fn one_that_was_listed_twice_counts_as_it_was_worked_on() {
    for twice in [["skipped", "updated"], ["updated", "skipped"]] {
        let backup = Backup::new();
        let entries = twice.map(|outcome| repository("web", outcome));
        backup.run(1, &acme("ok", &entries));
        let status = backup.status();
        let [web] = &status.sources[0].repositories[..] else {
            panic!("{:#?}", status.sources);
        };
        assert_eq!(
            web.last_outcome.map(RepositoryOutcome::as_str),
            Some("updated")
        );
        assert!(web.last_good.is_some());
    }
}

#[test]
fn damaged_and_unknown_files_are_named_and_skipped() {
    let backup = Backup::new();
    backup.run(1, &acme("ok", &[repository("web", "cloned")]));
    for (name, text) in [
        ("2026-01-01T02-00-00.000Z.json", "{\"schema\": 1, \"sta"),
        ("2026-01-01T03-00-00.000Z.json", "{\"schema\": 2}"),
        ("notes.txt", "mine"),
        // A run is at it.
        ("2026-01-01T04-00-00.000Z.json.forgekeep-new", ""),
        ("2026-01-01T04-00-00.000Z.json.lock", ""),
    ] {
        fs::write(backup.runs().join(name), text).unwrap();
    }
    let status = backup.status();
    let named = |end: &str| status.unreadable.iter().find(|u| u.file.ends_with(end));
    assert_eq!(status.unreadable.len(), 3, "{:#?}", status.unreadable);
    assert!(named("02-00-00.000Z.json").unwrap().why.contains("damaged"));
    let newer = &named("03-00-00.000Z.json").unwrap().why;
    assert!(newer.contains("schema is 2"), "{newer}");
    assert!(named("notes.txt").is_some());
    assert_eq!(
        status.sources[0].last_outcome.map(SourceOutcome::as_str),
        Some("ok")
    );
}

#[test]
fn words_of_a_newer_version_are_told_and_not_skipped() {
    let backup = Backup::new();
    backup.run(1, &acme("ok", &[repository("web", "cloned")]));
    let mut newer = acme("resting", &[repository("web", "mirrored")]);
    newer["notes"] = json!([{"severity": "rumour", "message": "m"}]);
    newer["gone"] = json!([{"id": "x", "name": "a/x", "path": "a/a#x", "state": "asleep",
        "since": "2026-01-01T00:00:00Z"}]);
    backup.run(2, &newer);
    let status = backup.status();
    assert_eq!(status.unreadable.len(), 0, "{:#?}", status.unreadable);
    let document = serde_json::to_value(&status).unwrap();
    assert_eq!(document["lastRun"]["outcome"], "resting");
    let source = &document["sources"][0];
    assert_eq!(source["lastOutcome"], "resting");
    assert_eq!(source["repositories"][0]["lastOutcome"], "mirrored");
    // It may be backed up or not: the last time that is known to be good stays.
    assert_eq!(
        source["repositories"][0]["lastGood"],
        "2026-01-01T01:00:00Z"
    );
    let told = status.sources[0].repositories[0].last_outcome.unwrap();
    assert!(told.to_string().contains("does not know"), "{told}");
}

/// As one with an LFS object that its hoster has lost: for the age it is safe.
#[test]
fn a_part_that_is_missing_is_safe_for_the_age_and_a_repository_that_is_missing_is_not() {
    let backup = Backup::new();
    let parts = [repository("web", "updated"), repository("lfs", "partial")];
    backup.run(1, &acme("partial", &parts));
    assert_eq!(
        hour(backup.status().sources[0].last_good).as_deref(),
        Some("01")
    );
    backup.run(2, &acme("partial", &[repository("web", "failed")]));
    let mut doubtful = acme("partial", &parts);
    doubtful["notes"] = json!([{"severity": "error", "message": "m"}]);
    backup.run(3, &doubtful);
    let mut short = acme("partial", &parts);
    short["error"] = json!({"kind": "shortfall", "message": "m"});
    backup.run(4, &short);
    let status = backup.status();
    assert_eq!(hour(status.sources[0].last_good).as_deref(), Some("01"));
}

#[test]
fn failing_since_goes_back_to_the_first_of_the_runs_that_failed() {
    let backup = Backup::new();
    backup.run(1, &acme("failed", &[repository("web", "failed")]));
    backup.run(2, &acme("ok", &[repository("web", "updated")]));
    backup.run(3, &acme("failed", &[repository("web", "failed")]));
    backup.run(4, &acme("partial", &[repository("web", "failed")]));
    backup.run(5, &acme("failed", &[repository("web", "failed")]));
    let status = backup.status();
    let source = &status.sources[0];
    // It was no failure of the whole in the fourth.
    assert_eq!(hour(source.failing_since).as_deref(), Some("05"));
    let since = source.repositories[0].failing_since;
    assert_eq!(hour(since).as_deref(), Some("03"));
    backup.run(6, &acme("ok", &[repository("web", "unchanged")]));
    let source = &backup.status().sources[0];
    assert_eq!(source.failing_since, None);
    assert_eq!(source.repositories[0].failing_since, None);
}

#[test]
fn an_interruption_is_no_failure_and_ends_none() {
    let backup = Backup::new();
    backup.run(1, &acme("ok", &[repository("web", "cloned")]));
    let cut = |backup: &Backup, hour| {
        backup.run(hour, &acme("failed", &[repository("web", "notDone")]));
    };
    cut(&backup, 2);
    let source = &backup.status().sources[0];
    assert_eq!(source.failing_since, None);
    assert_eq!(source.repositories[0].failing_since, None);
    assert_eq!(
        hour(source.repositories[0].last_good).as_deref(),
        Some("01")
    );
    // One that failed before still does, as far as is known.
    backup.run(3, &acme("failed", &[repository("web", "failed")]));
    cut(&backup, 4);
    backup.run(5, &acme("failed", &[repository("web", "failed")]));
    cut(&backup, 6);
    let source = &backup.status().sources[0];
    assert_eq!(hour(source.failing_since).as_deref(), Some("03"));
    let web = &source.repositories[0];
    assert_eq!(hour(web.failing_since).as_deref(), Some("03"));
    assert_eq!(web.last_outcome, Some(RepositoryOutcome::NotDone));
}

#[test]
fn one_that_was_never_good_is_overdue_once_it_is_known_for_so_long() {
    let fresh = Backup::new();
    let mut source = acme("partial", &[repository("web", "failed")]);
    let now = Timestamp::now();
    let at = |hours: i64| {
        now.checked_sub(jiff::SignedDuration::from_hours(hours))
            .unwrap()
    };
    let write = |backup: &Backup, started: Timestamp, source: &Value| {
        let report = json!({"schema": 1, "version": "9.9.9", "started": started,
            "finished": started, "outcome": source["outcome"], "exitCode": 3, "error": null,
            "sources": [source]});
        let name = started.strftime("%Y-%m-%dT%H-%M-%S.%3fZ.json").to_string();
        fs::write(backup.runs().join(name), report.to_string()).unwrap();
    };
    write(&fresh, at(1), &source);
    assert!(!fresh.status().sources[0].overdue);
    write(&fresh, at(40), &source);
    let status = fresh.status();
    assert!(status.sources[0].overdue);
    assert_eq!(status.level, Level::Critical);
    // As many runs as are kept, in less time: what was before is gone.
    let busy = Backup::new();
    source["outcome"] = "partial".into();
    for minutes in 0..100 {
        let started = now.checked_sub(jiff::SignedDuration::from_mins(minutes * 15));
        write(&busy, started.unwrap(), &source);
    }
    assert!(busy.status().sources[0].overdue);
}

#[test]
fn a_list_that_cannot_be_read_is_no_proof_of_absence() {
    let backup = Backup::new();
    let mut status = backup.status();
    assert_eq!(status.level, Level::Critical);
    status.unreadable.push(Unreadable {
        file: "runs/x".into(),
        kind: UnreadableKind::Refused,
        why: "no".into(),
    });
    status.conclude();
    assert_eq!(status.level, Level::Unknown);
}
