//! Every object of a mirror read and hashed, against `git fsck --full` of the same mirror.
//!
//! `cargo bench -p forgekeep-tests --bench verify` (with `FORGEKEEP_BENCH_REPOSITORY=PATH`, that of a bare
//! repository of your own; else one is made)
//!
//! Both run in turn on the same files, which are in the page cache then. What counts is the ratio; absolute
//! times are this machine's.
//!
//! - A: `forgekeep verify`, which also checks refs, snapshots and state files;
//! - B: `git fsck --full`.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use forgekeep_tests::{Forge, Peak, Sandbox, git};

const ROUNDS: usize = 5;
const COMMITS: usize = 6_000;
const FILES: usize = 500;
const LINES: usize = 400;

fn main() {
    let forge = Forge::builder()
        .workspace("acme")
        .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
        .build();
    let repository = forge.repository("large");
    match std::env::var("FORGEKEEP_BENCH_REPOSITORY") {
        Ok(path) => {
            let all = ["fetch", "-q", "--update-head-ok", &path, "+refs/*:refs/*"];
            repository.git(&all);
        }
        Err(_) => {
            fill(&repository.git_dir());
            repository.git(&["repack", "-adfq"]);
        }
    }
    let sandbox = Sandbox::new();
    sandbox.settings(&forge, "");
    sandbox.forgekeep(["backup"]).limit(LONGEST).run().expect(0);
    let mirror = sandbox.backup().join("acme/acme#large/repo");
    println!("{}", git::run(&mirror, &["count-objects", "-vH"]));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut most = Peak::default();
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        let (run, peak) = Peak::of(sandbox.forgekeep(["verify"]).limit(LONGEST));
        a.push(begun.elapsed());
        run.expect(0);
        if peak.resident > most.resident {
            most = peak;
        }
        let begun = Instant::now();
        git::run(&mirror, &["fsck", "--full", "--no-progress"]);
        b.push(begun.elapsed());
        show(&format!("round {round}"), a[round - 1], b[round - 1]);
    }
    show("median", median(a), median(b));
    println!("  peak of resident memory (anonymous part): {most}");
}

/// Longer than any of it takes.
const LONGEST: Duration = Duration::from_secs(600);

/// A history in which each commit changes a line in each of three files.
fn fill(git_dir: &Path) {
    let mut fast_import = Command::new("git")
        .args(["fast-import", "--quiet", "--force"])
        .current_dir(git_dir)
        .stdin(Stdio::piped())
        .spawn()
        .expect("git is there");
    let mut input = fast_import.stdin.take().expect("it is piped");
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut files: Vec<Vec<String>> = (0..FILES)
        .map(|_| (0..LINES).map(|_| line(&mut next)).collect())
        .collect();
    for commit in 0..COMMITS {
        let changed: Vec<usize> = match commit {
            0 => (0..FILES).collect(),
            _ => (0..3).map(|_| next(FILES)).collect(),
        };
        let mut text = format!(
            "commit refs/heads/main\ncommitter T <t@example.org> {} +0000\ndata 2\nc\n",
            1_700_000_000 + commit
        );
        for file in changed {
            let at = next(LINES);
            files[file][at] = line(&mut next);
            let content = files[file].join("\n");
            let path = format!("d{}/e{}/f{file}", file % 7, file % 31);
            write!(
                text,
                "M 100644 inline {path}\ndata {}\n{content}\n",
                content.len()
            )
            .expect("it goes into memory");
        }
        input.write_all(text.as_bytes()).expect("git reads it");
    }
    drop(input);
    assert!(fast_import.wait().expect("git ends").success());
}

fn line(next: &mut impl FnMut(usize) -> usize) -> String {
    let words = (0..8).map(|_| format!("{:x}", next(1 << 20)));
    words.collect::<Vec<_>>().join(" ")
}

fn show(shown: &str, a: Duration, b: Duration) {
    let [a, b] = [a, b].map(|time| time.as_secs_f64());
    println!(
        "  {:<9} forgekeep {a:.2} s, git fsck {b:.2} s (ratio {:.2})",
        format!("{shown}:"),
        a / b
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
