//! Forgekeep against git, and gitoxide where its program `gix` is on the `PATH`: the same repositories from the
//! same server, `git http-backend` on this machine, each side in turn. What counts is the ratio; absolute times
//! are this machine's.
//!
//! ```sh
//! cargo bench -p forgekeep-tests --bench performance           # all of it; or of large, several, small
//! FORGEKEEP_BENCH_REPOSITORY=PATH cargo bench …                # with a bare repository of your own
//! FORGEKEEP_UPDATE_DOCS=1 cargo bench …                        # and writes docs/performance.md
//! FORGEKEEP_TEST_BIN_DIR=$PWD/target/release cargo test -p forgekeep-tests --bench performance -- --kept
//! ```
//!
//! The last one is what `.ci/run` does: a smaller load, and it fails where processor time is twice what is kept
//! in `kept.toml`. Other variables: `FORGEKEEP_BENCH_REPOSITORIES` (several paths, separated as in `PATH`),
//! `FORGEKEEP_BENCH_MB` (how large the large repository is that is made up, 40) and `FORGEKEEP_BENCH_ROUNDS` (5).

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly
#![allow(clippy::disallowed_methods)] // what it shows is its own

mod kept;
mod made;
mod page;
mod stage;
mod table;
mod works;

use std::env;
use std::path::PathBuf;
use std::time::Instant;

use forgekeep_tests::binaries;

use stage::{Served, Stage};
use works::{LATENCY, Work};

/// How large the large repository is to be, in megabytes.
const MEGABYTES: f64 = 40.0;
/// How large others are against it.
const SEVERAL: [f64; 6] = [0.5, 0.25, 0.12, 0.06, 0.04, 0.03];
const SMALL: usize = 300;
const ROUNDS: usize = 5;

/// The load of the comparison with what is kept.
const KEPT_MEGABYTES: f64 = 20.0;
const KEPT_SMALL: usize = 160;
const KEPT_ROUNDS: usize = 3;

/// What was measured, and with what.
#[derive(Default)]
struct Measured {
    works: Vec<Work>,
    rounds: usize,
    /// The large repository.
    large: Option<Served>,
    /// The several, the largest first.
    several: Vec<Served>,
    /// Whether both are somebody's own.
    real: [bool; 2],
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().any(|argument| argument == "--kept") {
        true => compare_with_kept(),
        false => measure(&arguments),
    }
}

/// Whether what is measured is written to the files that are made of it.
fn writes() -> bool {
    env::var_os("FORGEKEEP_UPDATE_DOCS").is_some_and(|value| value == "1")
}

fn measure(arguments: &[String]) {
    let named: Vec<_> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    for name in &named {
        let known = ["large", "several", "small"].contains(&name.as_str());
        assert!(known, "{name} is none of large, several, small");
    }
    let wanted = |name: &str| named.is_empty() || named.iter().any(|named| *named == name);
    let rounds = number("FORGEKEEP_BENCH_ROUNDS", ROUNDS as f64) as usize;
    let megabytes = number("FORGEKEEP_BENCH_MB", MEGABYTES);
    let mut measured = Measured {
        rounds,
        ..Measured::default()
    };
    if wanted("large") {
        let own = env::var_os("FORGEKEEP_BENCH_REPOSITORY").map(PathBuf::from);
        measured.real[0] = own.is_some();
        let stage = Stage::of(&[own.unwrap_or_else(|| made::repository(megabytes))]);
        measured.large = Some(Served::of(stage.first()));
        measured.works.push(works::first_copy(&stage, rounds));
        measured.works.push(works::verify(&stage, rounds));
        measured.works.push(works::update(&stage, rounds));
    }
    if wanted("several") {
        let own = env::var_os("FORGEKEEP_BENCH_REPOSITORIES");
        measured.real[1] = own.is_some();
        let paths: Vec<PathBuf> = match own {
            Some(paths) => env::split_paths(&paths).collect(),
            None => SEVERAL
                .map(|part| made::repository(megabytes * part))
                .into(),
        };
        let stage = Stage::of(&paths);
        measured.several = stage.repositories().map(Served::of).collect();
        measured.works.push(works::several(&stage, rounds));
    }
    if wanted("small") {
        let stage = Stage::small(SMALL);
        measured.works.push(works::first_of_small(&stage, rounds));
        for latency in [None, Some(LATENCY)] {
            measured
                .works
                .extend(works::unchanged(&stage, rounds, latency));
        }
    }
    let page = page::of(&measured);
    println!("\n{}\n{}", page.measured, table::aims(&measured.works));
    if writes() {
        assert!(named.is_empty(), "the page has all of it");
        page.write();
    }
}

fn compare_with_kept() {
    assert!(
        !cfg!(debug_assertions) || env::var_os("FORGEKEEP_TEST_BIN_DIR").is_some(),
        "FORGEKEEP_TEST_BIN_DIR has to name a folder with a release build"
    );
    let begun = Instant::now();
    let stage = Stage::of(&[made::repository(KEPT_MEGABYTES)]);
    let small = Stage::small(KEPT_SMALL);
    // Cloned once, so that there is something to ask about.
    works::first_of_small(&small, 1);
    let [unchanged, _] = works::unchanged(&small, KEPT_ROUNDS, None);
    kept::compare(&[
        works::first_copy(&stage, KEPT_ROUNDS),
        works::verify(&stage, KEPT_ROUNDS),
        unchanged,
    ]);
    println!("measured in {:.0} s", begun.elapsed().as_secs_f64());
}

/// The version of the binary that is measured.
fn forgekeep_version() -> String {
    let program = binaries().forgekeep();
    let output = std::process::Command::new(program)
        .arg("--version")
        .output()
        .expect("it can be started");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a variable says, or else this.
fn number(name: &str, otherwise: f64) -> f64 {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .ok()
            .filter(|number: &f64| *number > 0.0)
            .unwrap_or_else(|| panic!("{name} is no number above 0: {text}")),
        Err(_) => otherwise,
    }
}
