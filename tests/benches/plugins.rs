//! What it costs that a plugin runs in a process of its own: its start, a call, a page of repositories.
//!
//! `cargo bench -p forgekeep-tests --bench plugins`
//!
//! Each is done many times; shown are the fastest, the middle and the slowest of them. Beside each call
//! stands the same in this process.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::sync::Arc;
use std::time::{Duration, Instant};

use forgekeep_plugin_host::{
    Answered, ConfinementMode, HostCalls, InProcess, Library, Plugin, PluginFile, Reply,
    WorkerProgram, WorkerSettings, Workers,
};
use forgekeep_tests::binaries;

const STARTS: usize = 100;
const CALLS: usize = 5_000;

fn main() {
    let plugin = binaries().library("test_plugin_waist");
    let settings = |confinement| {
        let mut settings = WorkerSettings::new(&plugin);
        settings.confinement = confinement;
        settings.program = WorkerProgram::Other {
            path: binaries().folder.join("forgekeep-test-worker"),
            arguments: Vec::new(),
        };
        settings
    };
    for (shown, mode) in [
        ("confined", ConfinementMode::Require),
        ("unconfined", ConfinementMode::Off),
    ] {
        measure(
            &format!("start, load, first answer ({shown})"),
            STARTS,
            || {
                let worker = Workers::new(settings(mode)).current().expect("it starts");
                ask(worker.as_ref(), "nothing");
            },
        );
    }
    let worker = Workers::new(settings(ConfinementMode::Auto))
        .current()
        .expect("it starts");
    let file = PluginFile::examine(&plugin).expect("it is a plugin");
    let library = Library::load(file).expect("it is a plugin");
    let in_process = InProcess::new(library, Arc::default());
    for (shown, method) in [
        ("a call", "nothing"),
        ("a call with a request in it", "list"),
        ("a page of 100 repositories", "page"),
    ] {
        let bytes = ask(worker.as_ref(), method);
        for (place, plugin) in [
            ("worker", worker.as_ref() as &dyn Plugin),
            ("in process", &in_process),
        ] {
            let shown = format!("{shown}, {bytes} bytes ({place})");
            measure(&shown, CALLS, || {
                ask(plugin, method);
            });
        }
    }
}

/// Answers what it is asked.
struct Echo;

impl HostCalls for Echo {
    fn call(&self, _: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        let (doc, body) = (doc.to_vec(), body.to_vec());
        Some(Answered::Result(Reply { doc, body }))
    }
}

/// How long the answer is.
fn ask(plugin: &dyn Plugin, method: &str) -> usize {
    match plugin.call(0, method, b"{}", b"", &Echo) {
        Ok(Answered::Result(reply)) => reply.doc.len(),
        other => panic!("{other:?}"),
    }
}

fn measure(shown: &str, times: usize, mut deed: impl FnMut()) {
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let begun = Instant::now();
            deed();
            begun.elapsed()
        })
        .collect();
    all.sort();
    let micros = |at: usize| all[at].as_secs_f64() * 1e6;
    println!(
        "{shown:<58} {:>9.1} µs  {:>9.1} µs  {:>9.1} µs",
        micros(0),
        micros(times / 2),
        micros(times - 1)
    );
}
