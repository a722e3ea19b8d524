//! What a hostile answer costs the host, from the frame to what the parser says of it: each in a process of
//! its own, so that nothing else counts.

#![allow(clippy::print_stdout)] // what was measured

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use forgekeep_plugin_documents::{Page, limit, parse};
use forgekeep_plugin_host::{Answered, InProcess, Library, Plugin, PluginFile};
use forgekeep_tests::binaries;

use crate::support::{Hostile, Services, greeted};

/// In the process that measures: which case, and where the plugin runs.
const CASE: &str = "FORGEKEEP_TEST_HOSTILE_ANSWER";
const PLACE: &str = "FORGEKEEP_TEST_HOSTILE_PLACE";

/// Where a plugin runs, and how often an answer lies there before it is parsed: in this process once as the
/// plugin's own, and once as ours.
const PLACES: [(&str, usize); 2] = [("worker", 1), ("in-process", 2)];

/// Calls one after the other: what one leaves behind adds nothing to the next.
const CALLS: usize = 2;

/// Name, length, beginning, what is repeated as often as it fits, end, and whether it is taken. The C
/// library keeps what is a little shorter than the longest for itself once it was freed.
type Case = (
    &'static str,
    usize,
    &'static str,
    fn() -> String,
    &'static str,
    bool,
);

const CASES: [Case; 4] = [
    (
        "repositories",
        limit::DOCUMENT,
        "{\"repositories\":[",
        || "{},".to_owned(),
        "{}]}",
        false,
    ),
    (
        "a string",
        30_000_000,
        "{\"next\":\"",
        || "x".to_owned(),
        "\"}",
        false,
    ),
    (
        "a million notes",
        30_000_000,
        "{\"notes\":[",
        || "{\"key\":\"k\",\"message\":\"note\"},".to_owned(),
        "{}]}",
        false,
    ),
    // As much as is taken, or nearly: it costs most of all.
    (
        "a page",
        limit::DOCUMENT,
        "{\"repositories\":[",
        || {
            let (id, parts) = ("x".repeat(3_250), "{},".repeat(33));
            format!("{{\"id\":\"{id}\",\"parts\":[{parts}{{}}]}},")
        },
        "{}]}",
        true,
    ),
];

/// A line of this process's status, in bytes.
fn status(key: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key));
    let kib: usize = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse().ok())
        .unwrap();
    kib << 10
}

/// Calls, parses, and holds the document for as long as that takes, as the host does.
fn call(plugin: &dyn Plugin, case: &Case) {
    let (name, length, begin, unit, end, is_taken) = case;
    let filled = format!("{length}|{begin}|{}|{end}", unit());
    let host = Services::default();
    let answered = plugin.call(0, "fill", filled.as_bytes(), b"", &host);
    let Ok(Answered::Result(reply)) = answered else {
        panic!("{name}");
    };
    // What is repeated does not end where the length does.
    assert!((length - 4096..=*length).contains(&reply.doc.len()));
    let page = std::hint::black_box(parse::<Page>(&reply.doc));
    assert_eq!(page.is_ok(), *is_taken, "{name}: {:?}", page.err());
}

fn measure(case: &Case, place: &str, copies: usize) {
    let (name, length, .., is_taken) = *case;
    let hostile = Hostile::new();
    let worker;
    let in_process;
    let plugin: &dyn Plugin = if place == "worker" {
        worker = greeted(&hostile.workers());
        worker.as_ref()
    } else {
        let file = PluginFile::examine(&hostile.file).unwrap();
        in_process = InProcess::new(Library::load(file).unwrap(), Arc::default());
        &in_process
    };
    let before = status("VmRSS:");
    for number in 1..=CALLS {
        call(plugin, case);
        let cost = status("VmHWM:").saturating_sub(before);
        let times = cost as f64 / length as f64;
        println!("{name}, {place}: {length} bytes cost {times:.2} times as much, call {number}");
        assert!(times <= 4.0, "{name}: {times}");
        // What is refused costs little besides itself: nobody copies it, and little is read.
        assert!(is_taken || times <= copies as f64 + 0.5, "{name}: {times}");
        // The measure measures.
        assert!(times >= 0.5, "{name}: {times}");
    }
}

#[test]
fn a_hostile_answer_costs_the_host_at_most_four_times_its_length() {
    if let (Ok(wanted), Ok(place)) = (std::env::var(CASE), std::env::var(PLACE)) {
        let case = CASES.iter().find(|(name, ..)| *name == wanted).unwrap();
        let (place, copies) = PLACES.iter().find(|(name, _)| *name == place).unwrap();
        return measure(case, place, *copies);
    }
    thread::scope(|scope| {
        for (place, _) in PLACES {
            scope.spawn(move || {
                CASES
                    .iter()
                    .for_each(|(name, ..)| in_a_process(name, place))
            });
        }
    });
}

fn in_a_process(name: &str, place: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("memory::a_hostile_answer_costs_the_host_at_most_four_times_its_length")
        .env(CASE, name)
        .env(PLACE, place)
        .env("FORGEKEEP_TEST_BIN_DIR", &binaries().folder)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains(" cost "))
        .collect();
    println!("{}", lines.join("\n"));
    assert!(
        output.status.success() && lines.len() == CALLS,
        "{name}, {place}: {said}{errors}"
    );
}
