//! The file for Prometheus: when it is written, what is in it, and that others can read it.
#![allow(clippy::print_stderr)] // a test that is skipped says so

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::{Value, json};

use super::{age, with_status};
use crate::support::World;

/// A series: its name, and its labels.
type Series = (String, BTreeMap<String, String>);

/// The text format 0.0.4, as strict as its readers are together: each family has HELP and TYPE first, in this
/// order, and once; gauges only; no series twice; no timestamps; a line feed at the end.
fn parse(text: &str) -> BTreeMap<Series, f64> {
    let mut all = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut current = String::new();
    assert!(text.ends_with('\n'), "{text}");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && !help.contains('\\'), "{line}");
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            assert!(families.insert(name.to_owned()), "{name} twice");
            let good = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(
                name.starts_with("forgekeep_") && name.chars().all(good),
                "{name}"
            );
            for ending in ["_total", "_count", "_sum", "_bucket", "_info"] {
                assert!(!name.ends_with(ending), "{name} is no gauge's");
            }
            name.clone_into(&mut current);
            continue;
        }
        assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
        let (name, rest) = line.split_once('{').unwrap();
        assert_eq!(name, current, "{line}");
        let (labels, rest) = labels(rest);
        let value = rest.strip_prefix("} ").unwrap();
        assert!(!value.contains(' '), "a timestamp: {line}");
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite(), "{line}");
        assert_eq!(
            all.insert((name.to_owned(), labels), value),
            None,
            "{line} twice"
        );
    }
    let named: BTreeSet<_> = all.keys().map(|(name, _)| name.clone()).collect();
    assert_eq!(named, families, "a family without a series");
    all
}

/// Labels, and what comes after them.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    other => panic!("\\{other}"),
                }),
                (_, c) => value.push(c),
            }
        };
        assert_eq!(labels.insert(name.to_owned(), value), None, "{name} twice");
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (labels, rest),
        }
    }
}

fn file(world: &World) -> PathBuf {
    world.sandbox.path("textfiles/forgekeep.prom")
}

/// A world whose backups write metrics.
fn measured(sources: &[Value]) -> World {
    let world = World::new();
    world.forge.repository("web").commit("one");
    fs::create_dir(world.sandbox.path("textfiles")).unwrap();
    configure(&world, sources);
    world
}

fn configure(world: &World, sources: &[Value]) {
    let sources = match sources {
        [] => vec![world.source()],
        some => some.to_vec(),
    };
    with_status(
        world,
        &sources,
        json!({"metrics": "textfiles/forgekeep.prom"}),
    );
}

/// What is in the file, which is there for everybody, and alone.
#[track_caller]
fn read(world: &World) -> BTreeMap<Series, f64> {
    let text = fs::read_to_string(file(world)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = file(world).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o644);
    }
    let left = fs::read_dir(world.sandbox.path("textfiles")).unwrap();
    assert_eq!(left.count(), 1);
    promtool(&["check", "metrics"], Some(&text));
    parse(&text)
}

/// Lets Prometheus' own tool look, where it is.
fn promtool(arguments: &[&str], input: Option<&str>) {
    let mut command = Command::new("promtool");
    let command = command.args(arguments).stdin(Stdio::piped());
    let Ok(mut child) = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        eprintln!("skipped: there is no promtool on this machine");
        return;
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(input.unwrap_or_default().as_bytes())
        .unwrap();
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[track_caller]
fn value(all: &BTreeMap<Series, f64>, name: &str, source: &str) -> f64 {
    let mut found = all.iter().filter(|((of, labels), _)| {
        of == name && labels.get("source").map_or("", String::as_str) == source
    });
    let (_, value) = found
        .next()
        .unwrap_or_else(|| panic!("no {name} of {source}"));
    assert!(found.next().is_none());
    *value
}

#[test]
fn every_run_writes_them_for_everybody_to_read() {
    let world = measured(&[]);
    let before = jiff::Timestamp::now().as_second() as f64;
    world.backup().expect(0);
    let all = read(&world);
    for (_, labels) in all.keys() {
        let folder = world.sandbox.backup();
        assert_eq!(labels["backup_folder"], folder.to_str().unwrap());
        assert!(
            labels
                .keys()
                .all(|key| key == "backup_folder" || key == "source")
        );
    }
    assert!(value(&all, "forgekeep_last_success_timestamp_seconds", "acme") >= before);
    assert!(value(&all, "forgekeep_last_run_timestamp_seconds", "") >= before);
    assert!(value(&all, "forgekeep_filesystem_free_bytes", "") > 0.0);
    assert!(value(&all, "forgekeep_stored_bytes", "acme") > 0.0);
    for (name, source, wanted) in [
        ("forgekeep_last_run_exit_code", "", 0),
        ("forgekeep_unreadable_files", "", 0),
        ("forgekeep_max_age_seconds", "acme", 36 * 3600),
        ("forgekeep_source_success", "acme", 1),
        ("forgekeep_repositories_listed", "acme", 1),
        ("forgekeep_repositories_stored", "acme", 1),
        ("forgekeep_repositories_failing", "acme", 0),
        ("forgekeep_repositories_never_verified", "acme", 1),
        ("forgekeep_snapshots", "acme", 1),
    ] {
        assert_eq!(value(&all, name, source), f64::from(wanted), "{name}");
    }
    // No repository is named, and a dry run writes nothing.
    let text = fs::read_to_string(file(&world)).unwrap();
    assert!(!text.contains("web"), "{text}");
    fs::remove_file(file(&world)).unwrap();
    world.forgekeep(&["backup", "--dry-run"]).run().expect(0);
    assert!(!file(&world).exists());
}

#[test]
fn runs_that_fail_or_are_refused_write_them_too_with_the_last_success() {
    let world = measured(&[]);
    world.backup().expect(0);
    let name = "forgekeep_last_success_timestamp_seconds";
    let good = value(&read(&world), name, "acme");
    let assert_code = |world: &World, code: i32| {
        fs::remove_file(file(world)).ok();
        world.backup().expect(code);
        let all = read(world);
        assert_eq!(
            value(&all, "forgekeep_last_run_exit_code", ""),
            f64::from(code)
        );
        assert!(value(&all, name, "acme") >= good, "{code}");
        all
    };
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::status(500)));
    let all = assert_code(&world, 3);
    assert_eq!(value(&all, "forgekeep_repositories_failing", "acme"), 1.0);
    assert_eq!(value(&all, "forgekeep_source_success", "acme"), 0.0);
    world.forge.clear_faults();
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(401)));
    assert_code(&world, 12);
    world.forge.clear_faults();
    // Read, and not to be used: a file with a secret that is not there.
    let mut secret = world.source();
    secret.as_object_mut().unwrap().remove("password");
    secret["passwordFile"] = "not-there".into();
    configure(&world, &[secret]);
    assert_code(&world, 10);
    let other = json!({"title": "other", "hoster": "no-such-hoster", "name": "x"});
    configure(&world, &[world.source(), other]);
    let all = assert_code(&world, 3);
    assert_eq!(value(&all, name, "other"), 0.0);
    configure(&world, &[]);
    let lock = fs::File::open(world.sandbox.backup().join(".forgekeep/lock")).unwrap();
    lock.lock().unwrap();
    let refused = world.backup().expect(13);
    assert!(refused.stderr.contains("another run"), "{}", refused.stderr);
    let all = read(&world);
    assert_eq!(value(&all, "forgekeep_last_run_exit_code", ""), 13.0);
}

#[test]
fn the_command_line_wins_and_a_place_that_takes_nothing_costs_a_warning() {
    let world = measured(&[]);
    let run = world
        .forgekeep(&["backup", "--metrics", "elsewhere.prom"])
        .run();
    run.expect(0);
    assert!(world.sandbox.path("elsewhere.prom").exists() && !file(&world).exists());
    for wrong in ["settings.yml", "prom"] {
        let run = world
            .forgekeep(&["backup", "--metrics", wrong])
            .run()
            .expect(2);
        assert!(
            run.stderr.contains("does not end in `.prom`"),
            "{}",
            run.stderr
        );
    }
    fs::create_dir(world.sandbox.path("folder.prom")).unwrap();
    for wrong in ["folder.prom", "no/such/folder.prom"] {
        let run = world
            .forgekeep(&["backup", "--metrics", wrong])
            .run()
            .expect(0);
        assert!(
            run.stderr.contains("warning: cannot write the metrics to"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn names_of_sources_are_data() {
    let odd = "a\"b\\c{d}=é";
    let world = measured(&[]);
    let mut source = world.source_with("title", odd);
    source["expires"] = "2031-02-28".into();
    configure(&world, &[source]);
    world.backup().expect(0);
    let all = read(&world);
    assert_eq!(value(&all, "forgekeep_source_success", odd), 1.0);
    let expires = value(&all, "forgekeep_credentials_expiry_timestamp_seconds", odd);
    // 2031-03-01T00:00:00Z.
    assert_eq!(expires, 1_930_089_600.0);
}

/// What a hook after the run unmounts is told as it was at the end of the run.
#[cfg(unix)]
#[test]
fn a_disk_that_is_unmounted_afterwards_is_told_as_it_was() {
    let world = measured(&[]);
    let backup = world.sandbox.backup();
    let away = world.sandbox.path("away");
    let settings = fs::read(world.sandbox.path("settings.yml")).unwrap();
    let mut settings: Value = serde_json::from_slice(&settings).unwrap();
    settings["hooks"] = json!({"after": [["/bin/mv", backup, away]]});
    world.sandbox.write("settings.yml", format!("{settings:#}"));
    world.backup().expect(0);
    assert!(!world.sandbox.backup().exists());
    let all = read(&world);
    assert!(value(&all, "forgekeep_last_success_timestamp_seconds", "acme") > 0.0);
    assert_eq!(value(&all, "forgekeep_repositories_stored", "acme"), 1.0);
}

fn example(name: &str) -> (PathBuf, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = root.join("docs/monitoring").join(name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Each name of a metric in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let ours = words.filter(|word| word.starts_with("forgekeep_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn rules_dashboard_and_manual_have_metrics_that_there_are() {
    let world = measured(&[]);
    let own = world.source_with("expires", "2031-02-28");
    configure(&world, &[own]);
    world.backup().expect(0);
    let there: BTreeSet<_> = read(&world).into_keys().map(|(name, _)| name).collect();
    let (rules, text) = example("forgekeep.rules.yml");
    assert!(
        metrics_in(&text).is_subset(&there),
        "{:?}",
        metrics_in(&text)
    );
    promtool(&["check", "rules", rules.to_str().unwrap()], None);
    let (_, text) = example("grafana-dashboard.json");
    assert!(
        metrics_in(&text).is_subset(&there),
        "{:?}",
        metrics_in(&text)
    );
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(dashboard["panels"].as_array().unwrap().len(), 9);
    let (_, manual) = example("../monitoring.md");
    let manual = manual.split("## Metrics\n").nth(1).unwrap();
    let manual = manual.split("\n## ").next().unwrap();
    assert_eq!(metrics_in(manual), there);
}

#[test]
fn the_age_grows_without_a_run() {
    let world = measured(&[]);
    world.backup().expect(0);
    age(&world, 48);
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(401)));
    world.backup().expect(12);
    let all = read(&world);
    let last = value(&all, "forgekeep_last_success_timestamp_seconds", "acme");
    let limit = value(&all, "forgekeep_max_age_seconds", "acme");
    let now = value(&all, "forgekeep_last_run_timestamp_seconds", "");
    assert!(now - last > limit);
}
