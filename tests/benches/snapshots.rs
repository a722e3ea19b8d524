//! What a year of snapshots takes: a repository with 5,000 refs that changes every day.
//!
//! `cargo bench -p forgekeep-tests --bench snapshots`
//!
//! A day: ten branches move forward, one is rewritten, one is new, one is deleted, and there is a
//! new tag. It prints the bytes of all snapshots, and how long a run takes that finds nothing new:
//! with the snapshots there, and after they were removed, so that the first is written again.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use forgekeep_tests::{Forge, Repo, Sandbox, git, median};

const REFS: usize = 5_000;
const DAYS: usize = 365;
const ROUNDS: usize = 9;

fn main() {
    let forge = Forge::builder()
        .workspace("acme")
        .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
        .build();
    let web = forge.repository("web").commit("one");
    web.many_branches(REFS - 1);
    let sandbox = Sandbox::new();
    let settings = sandbox.settings(&forge, "");
    let run = || {
        let begun = Instant::now();
        let run = sandbox
            .forgekeep(["backup"])
            .arg("--config")
            .arg(settings.as_os_str())
            .run();
        let time = begun.elapsed();
        run.expect(0);
        time
    };
    run();
    let folder = sandbox.backup().join("acme/acme#web/snapshots");
    println!("{REFS} refs; the first snapshot has {}", kibibytes(&folder));
    for number in 1..=DAYS {
        day(web, number);
        run();
        if number % 73 == 0 {
            println!("  after {number} days: {}", kibibytes(&folder));
        }
    }
    let files = list(&folder);
    let full = files.iter().filter(|path| {
        let text = fs::read_to_string(path).expect("a snapshot");
        text.contains("\n  \"refs\": {")
    });
    println!("  files: {}, with all refs: {}", files.len(), full.count());
    let packed = sandbox.backup().join("acme/acme#web/repo/packed-refs");
    let packed = fs::metadata(packed).expect("packed-refs").len();
    println!("  packed-refs, for comparison: {} KiB", packed / 1024);
    let with = median((0..ROUNDS).map(|_| run()));
    let without = median((0..ROUNDS).map(|_| {
        fs::remove_dir_all(&folder).expect("there are snapshots");
        run()
    }));
    println!(
        "an unchanged run: {:.0} ms; with the first snapshot to write: {:.0} ms",
        with.as_secs_f64() * 1e3,
        without.as_secs_f64() * 1e3
    );
}

/// What happens on a day.
fn day(web: Repo<'_>, number: usize) {
    let mut stream = String::new();
    let mut commit = |branch: &str, from: &str| {
        let _ = write!(
            stream,
            "commit refs/heads/{branch}\ncommitter Ada <ada@example.com> {} +0000\ndata 3\nday\n\
             from {from}\nM 100644 inline day\ndata <<END\n{number}\nEND\n\n",
            1_700_000_000 + number
        );
    };
    for branch in 0..10 {
        let branch = format!("many/{}", (number * 10 + branch) % 4_000 + 1);
        commit(&branch, &format!("refs/heads/{branch}^0"));
    }
    commit(&format!("many/{}", 4_000 + number), "refs/heads/main^0");
    commit(&format!("new/{number}"), "refs/heads/main^0");
    let arguments = ["fast-import", "--quiet", "--force"];
    git::run_with_input(&web.git_dir(), &arguments, stream.as_bytes());
    web.tag(&format!("day-{number}"))
        .delete_branch(&format!("many/{}", 4_500 + number));
}

fn list(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.join("repo")).expect("snapshots");
    entries.map(|entry| entry.expect("a file").path()).collect()
}

fn kibibytes(folder: &Path) -> String {
    let sizes = list(folder).into_iter().map(|path| {
        let metadata = fs::metadata(path).expect("a file");
        metadata.len()
    });
    format!("{} KiB", sizes.sum::<u64>() / 1024)
}
