//! A second run over 300 unchanged small repositories, against git over the same ones.
//!
//! `cargo bench -p forgekeep-tests --bench unchanged`
//!
//! Both sides ask the same server, `git http-backend` on this machine, and take turns, so that the
//! machine's mood falls on both. What counts is the ratio; absolute times are this machine's.
//!
//! - A: `forgekeep backup --jobs 8`, listing included;
//! - B: `xargs -P8 git fetch` over mirrors of the same repositories, no listing.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use forgekeep_tests::{Forge, RequestKind, Sandbox, git};

const REPOSITORIES: usize = 300;
const JOBS: usize = 8;
const ROUNDS: usize = 5;

fn main() {
    let forge = Forge::builder()
        .workspace("acme")
        .api_token("dev@example.com", "devuser", "ATATT-benchmark-token")
        .build();
    let template = forge.repository("template").commit("one").commit("two");
    forge.copies(template, "small", REPOSITORIES - 1);
    let sandbox = Sandbox::new();
    let settings = sandbox.settings(&forge, "");
    let ours = || {
        let begun = Instant::now();
        let run = sandbox
            .forgekeep(["backup", "--jobs", &JOBS.to_string()])
            .arg("--config")
            .arg(settings.as_os_str())
            .run();
        let time = begun.elapsed();
        run.expect(0);
        time
    };
    ours();
    let mirrors = sandbox.path("mirrors");
    clone_all(&forge, &mirrors);

    // What the second run asks for, counted once.
    forge.reset_log();
    ours();
    println!("{REPOSITORIES} unchanged repositories, {JOBS} at a time:");
    println!(
        "  git requests {} (info/refs {}, upload-pack {}), API requests {}, connections {}",
        forge.count(RequestKind::InfoRefs) + forge.count(RequestKind::UploadPack),
        forge.count(RequestKind::InfoRefs),
        forge.count(RequestKind::UploadPack),
        forge.count(RequestKind::Api),
        forge.connections().len()
    );

    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        a.push(ours());
        b.push(fetch_all(&mirrors));
        println!(
            "  round {round}: forgekeep {:.2} s, xargs -P{JOBS} git fetch {:.2} s, ratio {:.2}",
            a[round - 1].as_secs_f64(),
            b[round - 1].as_secs_f64(),
            a[round - 1].as_secs_f64() / b[round - 1].as_secs_f64()
        );
    }
    let (a, b) = (median(a), median(b));
    println!(
        "  median:  forgekeep {:.2} s, xargs -P{JOBS} git fetch {:.2} s, ratio {:.2}",
        a.as_secs_f64(),
        b.as_secs_f64(),
        a.as_secs_f64() / b.as_secs_f64()
    );
}

fn clone_all(forge: &Forge, mirrors: &Path) {
    std::fs::create_dir(mirrors).expect("a new folder");
    let mut list = String::new();
    list.push_str(&forge.repository("template").clone_url());
    for number in 1..REPOSITORIES {
        list.push('\n');
        list.push_str(&forge.repository(&format!("small-{number}")).clone_url());
    }
    for (number, url) in list.lines().enumerate() {
        git::run(
            mirrors,
            &["clone", "--quiet", "--mirror", url, &number.to_string()],
        );
    }
}

fn fetch_all(mirrors: &Path) -> Duration {
    let script = format!("ls | xargs -P{JOBS} -I{{}} git -C {{}} fetch --quiet --prune");
    let begun = Instant::now();
    let status = Command::new("sh")
        .args(["-c", &script])
        .current_dir(mirrors)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .status()
        .expect("sh, xargs and git are there");
    assert!(status.success(), "git fetch failed");
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
