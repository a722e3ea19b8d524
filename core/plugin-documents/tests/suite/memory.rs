//! What a hostile document costs: each in a process of its own, so that nothing else counts.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use forgekeep_plugin_documents::{
    CheckReport, Document, HosterError, Manifest, Page, Source, limit, parse,
};

/// In the process that measures: which case.
const CASE: &str = "FORGEKEEP_TEST_HOSTILE_DOCUMENT";

/// Peak of resident memory, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: usize = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|kib| kib.parse().ok())
        .unwrap();
    kib << 10
}

/// As long as a document may be: one thing over and over.
fn filled(before: &str, unit: &str, after: &str) -> Vec<u8> {
    let room = limit::DOCUMENT - before.len() - after.len();
    let mut text = Vec::with_capacity(limit::DOCUMENT);
    text.extend_from_slice(before.as_bytes());
    for _ in 0..room / unit.len() {
        text.extend_from_slice(unit.as_bytes());
    }
    text.extend_from_slice(after.as_bytes());
    text
}

/// As much as the caps let through: 10,000 repositories that share the length between them.
fn all_that_may_be() -> Vec<u8> {
    let padding = "x".repeat(3_250);
    let one = format!("{{\"id\":\"{padding}\",\"parts\":[{{}},{{}},{{}}],\"new\":[{{}},1]}},");
    let mut text = Vec::with_capacity(limit::DOCUMENT);
    text.extend_from_slice(b"{\"repositories\":[");
    for _ in 1..limit::REPOSITORIES {
        text.extend_from_slice(one.as_bytes());
    }
    text.extend_from_slice(b"{}]}");
    text
}

/// The same in parts, which are small.
fn parts_that_may_be() -> Vec<u8> {
    let one = format!("{{\"parts\":[{}{{}}]}},", "{},".repeat(990));
    format!("{{\"repositories\":[{}{{}}]}}", one.repeat(90)).into_bytes()
}

fn reads<T: Document>(bytes: &[u8]) -> bool {
    let read = parse::<T>(bytes);
    std::hint::black_box(&read).is_ok()
}

type Case = (&'static str, fn() -> Vec<u8>, fn(&[u8]) -> bool, bool);

/// Name, bytes, how they are read, and whether they are taken.
const CASES: [Case; 13] = [
    (
        "repositories",
        || filled("{\"repositories\":[", "{},", "{}]}"),
        reads::<Page>,
        false,
    ),
    (
        "notes",
        || filled("{\"notes\":[", "{},", "{}]}"),
        reads::<Page>,
        false,
    ),
    (
        "options",
        || filled("{\"options\":[", "{},", "{}]}"),
        reads::<Manifest>,
        false,
    ),
    (
        "parts",
        || filled("{\"repositories\":[{\"parts\":[", "{},", "{}]}]}"),
        reads::<Page>,
        false,
    ),
    (
        "string",
        || filled("{\"message\":\"", "x", "\"}"),
        reads::<HosterError>,
        false,
    ),
    (
        "escapes",
        || filled("{\"message\":\"", "\\n", "\"}"),
        reads::<HosterError>,
        false,
    ),
    (
        "key",
        || filled("{\"", "x", "\":1}"),
        reads::<Source>,
        false,
    ),
    (
        "unknown",
        || filled("{\"unknown\":[", "[],", "[]]}"),
        reads::<Page>,
        false,
    ),
    ("depth", || filled("{\"a\":", "[", ""), reads::<Page>, false),
    (
        "words",
        || filled("{\"scopes\":[", "\"\",", "\"\"]}"),
        reads::<CheckReport>,
        false,
    ),
    (
        "keys",
        || filled("{\"secrets\":{", "\"a\":\"\",", "\"b\":\"\"}}"),
        reads::<Source>,
        false,
    ),
    ("most", all_that_may_be, reads::<Page>, true),
    ("most-parts", parts_that_may_be, reads::<Page>, true),
];

#[test]
fn a_hostile_document_costs_at_most_four_times_its_length() {
    if let Ok(wanted) = std::env::var(CASE) {
        let case = CASES.iter().find(|(name, ..)| *name == wanted).unwrap();
        let (name, make, reads, taken) = case;
        let before = peak();
        let bytes = make();
        assert_eq!(reads(&bytes), *taken, "{name}");
        let cost = peak() - before;
        println!("{name}: {} bytes cost {cost} with themselves", bytes.len());
        // However short it is, it may cost what a page of the largest size costs.
        let allowed = (4 * bytes.len()).max(32 << 20);
        assert!(cost <= allowed, "{name}: {} bytes cost {cost}", bytes.len());
        // The measure measures.
        assert!(cost >= bytes.len() / 2, "{name}: {cost}");
        return;
    }
    for (name, ..) in CASES {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("memory::a_hostile_document_costs_at_most_four_times_its_length")
            .env(CASE, name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        let line = said.lines().find(|line| line.contains("with themselves"));
        println!("{}", line.unwrap_or_default());
        let errors = String::from_utf8_lossy(&child.stderr);
        assert!(
            child.status.success() && line.is_some(),
            "{name}: {said}{errors}"
        );
    }
}
