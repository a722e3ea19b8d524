//! The most memory that `forgekeep` takes: for many repositories, and for a large one.
//!
//! `cargo bench -p forgekeep-tests --bench memory` (Linux)
//!
//! What is measured stands at [`Peak`].

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::time::Duration;

use forgekeep_demo_hoster::Repository;
use forgekeep_tests::{Forge, Invocation, Peak, Sandbox, git};

/// Unless `FORGEKEEP_BENCH_LISTED` says otherwise.
const LISTED: usize = 10_000;
const LARGE: usize = 200 * 1024 * 1024;
const BLOB: usize = 1024 * 1024;

fn main() {
    let forge = || {
        Forge::builder()
            .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
            .build()
    };
    println!("peak of resident memory (anonymous part) of forgekeep:");
    let few = forge();
    few.repository("one").commit("one");
    many_commands(&few, "1 repository");
    let listed = std::env::var("FORGEKEEP_BENCH_LISTED");
    let listed = listed.ok().and_then(|text| text.parse().ok());
    let listed: usize = listed.unwrap_or(LISTED);
    let many = forge();
    let git_dir = many.repository("one").commit("one").git_dir();
    many.change(|state| {
        for number in 1..listed {
            let slug = format!("repository-with-a-name-of-usual-length-{number}");
            let mut entry = Repository::new(&slug, &slug, git_dir.clone());
            entry.size = 123_456;
            state.workspaces[0].repositories.push(entry);
        }
    });
    many_commands(&many, &format!("{listed} repositories"));
    let one = forge();
    fill(&one);
    let sandbox = Sandbox::new();
    sandbox.settings(&one, "");
    let shown = format!("one repository of {} MB", LARGE / 1024 / 1024);
    measure(
        &format!("backup, {shown}, new"),
        sandbox.forgekeep(["backup"]),
    );
    measure(
        &format!("backup, {shown}, unchanged"),
        sandbox.forgekeep(["backup"]),
    );
}

fn many_commands(forge: &Forge, shown: &str) {
    let sandbox = Sandbox::new();
    sandbox.settings(forge, "");
    measure(
        &format!("list, {shown}"),
        sandbox.forgekeep(["list", "--json"]),
    );
    let dry_run = sandbox.forgekeep(["backup", "--dry-run", "--progress", "none"]);
    measure(&format!("backup --dry-run, {shown}"), dry_run);
}

/// Blobs that cannot be compressed, one in each commit.
fn fill(forge: &Forge) {
    let repository = forge.repository("large");
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut stream = Vec::with_capacity(LARGE + LARGE / 64);
    for number in 0..LARGE / BLOB {
        let head = format!(
            "commit refs/heads/main\ncommitter Ada <ada@example.com> {} +0000\ndata 0\n\
             M 100644 inline file-{number}\ndata {BLOB}\n",
            1_700_000_000 + number
        );
        stream.extend(head.as_bytes());
        for _ in 0..BLOB / 8 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            stream.extend(state.to_le_bytes());
        }
        stream.push(b'\n');
    }
    let quiet = ["fast-import", "--quiet", "--force"];
    git::run_with_input(&repository.git_dir(), &quiet, &stream);
    repository.git(&["rev-parse", "HEAD"]);
}

fn measure(shown: &str, invocation: Invocation<'_>) {
    let (run, peak) = Peak::of(invocation.limit(Duration::from_secs(600)));
    let run = run.expect(0);
    println!("  {shown:<48} {peak:>22}, {:.1} s", run.time.as_secs_f64());
}
