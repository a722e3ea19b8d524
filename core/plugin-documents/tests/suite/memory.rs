//! What a hostile document costs: each in a process of its own, so that nothing else counts.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use forgekeep_plugin_documents::{
    CheckReport, Document, HosterError, Manifest, Page, Source, limit, parse,
};

/// In the process that measures: which case, and the length of its document, which comes by stdin.
const CASE: &str = "FORGEKEEP_TEST_HOSTILE_DOCUMENT";
const LENGTH: &str = "FORGEKEEP_TEST_HOSTILE_LENGTH";

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

/// As many repositories as are taken, each with so many parts or topics. Lists grow by doubling, so one
/// more than a power of two costs most.
fn as_many_as_may_be(before: &str, unit: &str, each: usize, after: &str) -> Vec<u8> {
    let one = format!(
        "{{{before}{}{unit}{after}}}",
        format!("{unit},").repeat(each - 1)
    );
    let page = |count: usize| format!("{{\"repositories\":[{}]}}", vec![&*one; count].join(","));
    let (mut taken, mut step) = (1, 1);
    // Up by larger and larger steps, then by smaller ones: what is refused is never much longer.
    let mut up = true;
    while step > taken / 30 {
        up &= reads::<Page>(page(taken + step).as_bytes());
        match up {
            true => (taken, step) = (taken + step, step * 2),
            false => {
                if reads::<Page>(page(taken + step).as_bytes()) {
                    taken += step;
                }
                step /= 2;
            }
        }
    }
    page(taken).into_bytes()
}

fn parts(unit: &str, each: usize) -> Vec<u8> {
    as_many_as_may_be("\"parts\":[", unit, each, "]")
}

fn topics(length: usize, each: usize) -> Vec<u8> {
    let topic = format!("\"{}\"", "x".repeat(length));
    as_many_as_may_be("\"attributes\":{\"topics\":[", &topic, each, "]}")
}

/// All of its strings, each as short as can be.
const FULL_PART: &str =
    r#"{"kind":"x","id":"x","name":"x","url":"x","version":"x","defaultBranch":"x"}"#;

fn reads<T: Document>(bytes: &[u8]) -> bool {
    let read = parse::<T>(bytes);
    std::hint::black_box(&read).is_ok()
}

type Case = (&'static str, fn() -> Vec<u8>, fn(&[u8]) -> bool, bool);

/// Name, bytes, how they are read, and whether they are taken.
const CASES: [Case; 20] = [
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
    ("most-parts", || parts("{}", 991), reads::<Page>, true),
    ("parts-513", || parts("{}", 513), reads::<Page>, true),
    ("full-parts-5", || parts(FULL_PART, 5), reads::<Page>, true),
    (
        "full-parts-513",
        || parts(FULL_PART, 513),
        reads::<Page>,
        true,
    ),
    ("topics-65", || topics(1, 65), reads::<Page>, true),
    ("topics-8193", || topics(1, 8_193), reads::<Page>, true),
    ("longer-topics", || topics(15, 65), reads::<Page>, true),
    ("long-topics", || topics(25, 33), reads::<Page>, true),
];

#[test]
fn a_hostile_document_costs_at_most_four_times_its_length() {
    if let Ok(wanted) = std::env::var(CASE) {
        let case = CASES.iter().find(|(name, ..)| *name == wanted).unwrap();
        let (name, _, reads, taken) = case;
        let length = std::env::var(LENGTH).unwrap().parse().unwrap();
        let before = peak();
        let mut bytes = vec![0; length];
        std::io::stdin().read_exact(&mut bytes).unwrap();
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
    for (name, make, ..) in CASES {
        let bytes = make();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("memory::a_hostile_document_costs_at_most_four_times_its_length")
            .env(CASE, name)
            .env(LENGTH, bytes.len().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let child = child.wait_with_output().unwrap();
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
