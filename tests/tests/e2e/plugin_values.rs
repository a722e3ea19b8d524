//! Answers that the SDK would never write, byte by byte: each costs its source, and no more. A good source
//! stands beside them.

use std::fs;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use forgekeep_tests::{Forge, Run, c_plugin, compare};
use serde_json::{Value, json};

use crate::support::{World, error, files, forge, notes, source};

/// A world in which sources of the raw plugin, each called for what it answers, stand before a good one.
fn world(answers: &[&str]) -> World {
    let world = World::of(forge());
    for slug in ["one", "two"] {
        world.forge.repository(slug).commit(slug);
    }
    let raw = |name: &&str| json!({"title": name, "hoster": "raw", "name": name});
    let mut sources: Vec<Value> = answers.iter().map(raw).collect();
    sources.push(world.source());
    world.configure(&sources);
    world
}

fn build(world: &World) -> String {
    let folder = world.sandbox.path("plugins-raw");
    fs::create_dir_all(&folder).unwrap();
    c_plugin::build(c_plugin::RAW, &folder, &[&base(&world.forge)]);
    folder.to_str().unwrap().to_owned()
}

fn base(forge: &Forge) -> String {
    format!("-DBASE=\"{}\"", forge.git_url())
}

/// A backup in which the good source has come out well, with little to read about the others.
fn backup(world: &World, arguments: &[&str]) -> (Run, u64) {
    let folder = build(world);
    let running = world
        .forgekeep(&["backup", "--plugin-dir", &folder])
        .args(arguments)
        .spawn();
    let peak = peak(running.pid());
    let run = running.wait();
    let good = source(&run, "acme");
    assert_eq!(good["outcome"], "ok", "{run:#?}");
    for slug in ["one", "two"] {
        world.assert_mirrored(world.forge.repository(slug));
    }
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.lines().count() <= 600, "{said}");
    let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!said.contains(is_bad), "{said:?}");
    (run, peak.join().unwrap())
}

/// The most memory that a process has had, in bytes, until it ended. 0 where the system does not tell.
fn peak(process: u32) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut most = 0;
        // It only grows; of a process that has ended nothing is told.
        while let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|line| line.split_whitespace().next()) else {
                break;
            };
            most = kib.parse::<u64>().unwrap() << 10;
            thread::sleep(Duration::from_millis(2));
        }
        most
    })
}

/// Answers of `list` and `open`, and why they are refused.
const REFUSED: [(&str, &str, &str); 25] = [
    ("utf8", "list", "it is not UTF-8"),
    ("surrogate", "list", "hex escape"),
    ("twice", "list", "an object has a key twice"),
    ("deep", "list", "its depth is over the limit"),
    ("integer", "list", "an integer is over the limit"),
    ("negative", "list", "invalid value: integer `-1`"),
    ("type", "list", "invalid type: string"),
    ("control", "list", "control character"),
    ("nul", "list", "control character"),
    ("no-object", "list", "it is no JSON object"),
    ("cut", "list", "EOF while parsing"),
    ("empty", "list", "it is no JSON object"),
    ("required", "list", "it requires `time-travel`"),
    ("1001-notes", "list", "more than 1000 notes"),
    ("endless", "list", "an answer whose bytes cannot be"),
    ("null", "list", "an answer whose bytes cannot be"),
    ("status-9", "list", "an answer of status 9"),
    ("status-0", "list", "an answer of status 0"),
    ("error-bytes", "list", "it is not UTF-8"),
    (
        "over-long",
        "list",
        "an answer of 33554496 bytes, of at most 33554432",
    ),
    ("object-0", "open", "object 0 is the plugin itself"),
    ("object-none", "open", "object 0 is the plugin itself"),
    ("object-text", "open", "invalid type: string"),
    ("object-2-53", "open", "an integer is over the limit"),
    ("object-2-64", "open", "an integer is over the limit"),
];

#[test]
fn values_that_cannot_be_fail_their_source_with_plugin_method_and_cause() {
    let world = world(&REFUSED.map(|(answer, ..)| answer));
    let (run, _) = backup(&world, &[]);
    let run = run.expect(3);
    for (answer, method, why) in REFUSED {
        let refused = source(&run, answer);
        assert_eq!(refused["outcome"], "failed", "{refused:#}");
        let said = error(refused);
        let start = format!("plugin: the plugin raw failed in `{method}`: ");
        assert!(said.starts_with(&start), "{answer}: {said}");
        assert!(said.contains(why), "{answer}: {said}");
        assert!(said.contains("report it to the plugin's authors"), "{said}");
    }
}

#[test]
fn words_and_fields_of_another_version_inform_or_are_passed_over() {
    let world = world(&[
        "good",
        "warnings",
        "words",
        "extras",
        "access-extras",
        "error-word",
        "names",
    ]);
    let (run, _) = backup(&world, &[]);
    let run = run.expect(3);
    for answer in ["good", "words", "extras", "access-extras", "names"] {
        let good = source(&run, answer);
        assert_eq!(good["outcome"], "ok", "{good:#}");
        assert_eq!(good["repositories"][0]["outcome"], "cloned", "{good:#}");
        let upstream = world.forge.repository("one").git_dir();
        let folder = world.sandbox.backup().join(answer);
        let mirror = folder.read_dir().unwrap().next().unwrap().unwrap().path();
        let name = mirror.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(!name.contains(char::is_control), "{name:?}");
        compare::assert_mirror(&upstream, &mirror.join("repo"));
    }
    assert!(notes(&run, "words").contains("of unknown severity"));
    let said = error(source(&run, "error-word"));
    assert!(said.starts_with("other: odd"), "{said}");
    for file in files(&world.sandbox.backup()) {
        assert!(
            !file.to_str().unwrap().contains(char::is_control),
            "{file:?}"
        );
    }
}

#[test]
fn a_word_that_decides_is_refused_where_it_is_not_known() {
    let world = world(&["access-word", "access-twice"]);
    let (run, _) = backup(&world, &[]);
    let run = run.expect(3);
    for (answer, why) in [
        ("access-word", "an unknown kind of access"),
        ("access-twice", "an object has a key twice"),
    ] {
        let repository = &source(&run, answer)["repositories"][0];
        let said = error(repository);
        let start = "plugin: the plugin raw failed in `access`: ";
        assert!(said.starts_with(start) && said.contains(why), "{said}");
        assert_eq!(repository["outcome"], "failed", "{repository:#}");
    }
    // Nothing was asked for without knowing with what: the two are the good source's.
    let asked = world.forge.count(forgekeep_tests::RequestKind::InfoRefs);
    assert_eq!(asked, 2);
}

#[test]
fn answers_of_millions_cost_little_memory_and_few_lines() {
    let large = [
        ("many-entries", "is over the limit"),
        ("many-notes", "is over the limit"),
        ("long-string", "a string is over the limit"),
        ("500-mb", "an answer of 500000000 bytes"),
    ];
    let world = world(&large.map(|(answer, _)| answer));
    let (run, most) = backup(&world, &["--jobs", "1"]);
    let run = run.expect(3);
    for (answer, why) in large {
        let said = error(source(&run, answer));
        let start = "plugin: the plugin raw failed in `list`: ";
        assert!(said.starts_with(start), "{answer}: {said}");
        assert!(said.contains(why), "{answer}: {said}");
    }
    world.configure(&[world.source()]);
    let (_, usual) = backup(&world, &["--jobs", "1"]);
    if cfg!(target_os = "linux") {
        assert!(usual > 0 && most > usual + (16 << 20), "{usual}, {most}");
    }
    // Four times the longest answer, with the source's memory besides.
    assert!(most < usual + (128 << 20), "{usual}, {most}");
}

#[test]
fn notes_on_each_page_are_few_lines_and_the_rest_is_counted() {
    let world = world(&["warnings", "pages-of-notes"]);
    let (run, most) = backup(&world, &["--jobs", "1"]);
    let run = run.expect(0);
    assert!(
        notes(&run, "warnings")
            .ends_with("701 more notes were left out: a plugin may have 200 passed on")
    );
    for title in ["warnings", "pages-of-notes"] {
        let count = source(&run, title)["notes"].as_array().unwrap().len();
        assert!(count <= 201, "{title}: {count}");
    }
    world.configure(&[world.source()]);
    let (_, usual) = backup(&world, &["--jobs", "1"]);
    assert!(most < usual + (64 << 20), "{usual}, {most}");
}
