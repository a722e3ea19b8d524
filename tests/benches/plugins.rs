//! What it costs that a plugin runs in a process of its own: its start with hello, a call, a page of
//! repositories.
//!
//! `cargo bench -p forgekeep-tests --bench plugins`
//!
//! Each is done many times; shown are the fastest, the middle (the median) and the slowest of them. Beside
//! each call stands the same in this process. A start of about 5 ms and a page in under 1 ms are nothing
//! beside one request over the network.

#![allow(clippy::print_stdout, clippy::expect_used)] // a benchmark: it prints, and fails loudly

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forgekeep_plugin_documents::{
    Document, Hello, HelloRequest, Page, Protocols, method, parse, write,
};
use forgekeep_plugin_host::{
    Answered, ConfinementMode, HostCalls, InProcess, Library, Plugin, PluginFile, Reply,
    WorkerProgram, WorkerSettings, Workers,
};
use forgekeep_tests::binaries;

const STARTS: usize = 100;
const CALLS: usize = 5_000;

fn main() {
    let (plugin, greeting) = (library("waist"), library("frozen"));
    let settings = |plugin: &Path, confinement| {
        let mut settings = WorkerSettings::new(plugin);
        settings.confinement = confinement;
        settings.program = WorkerProgram::Other {
            path: binaries().folder.join("forgekeep-test-worker"),
            arguments: Vec::new(),
        };
        settings
    };
    println!(
        "{:<60} {:>9}     {:>9}     {:>9}",
        "", "fastest", "median", "slowest"
    );
    let hello = write(&HelloRequest {
        protocols: Protocols::ours(),
        ..HelloRequest::default()
    });
    for (shown, mode) in [
        ("confined", ConfinementMode::Require),
        ("unconfined", ConfinementMode::Off),
    ] {
        measure(
            &format!("a worker's start, load and hello, parsed ({shown})"),
            STARTS,
            || {
                let workers = Workers::new(settings(&greeting, mode));
                let worker = workers.current().expect("it starts");
                let hello: Hello = answer(worker.as_ref(), method::HELLO, &hello);
                assert_eq!(hello.protocols, Protocols::ours());
            },
        );
    }
    let worker = Workers::new(settings(&plugin, ConfinementMode::Auto))
        .current()
        .expect("it starts");
    let file = PluginFile::examine(&plugin).expect("it is a plugin");
    let library = Library::load(file).expect("it is a plugin");
    let in_process = InProcess::new(library, Arc::default());
    let both = [
        ("worker", worker.as_ref() as &dyn Plugin),
        ("in process", &in_process),
    ];
    for (shown, method) in [
        ("a call", "nothing"),
        ("a call with a request in it", "list"),
    ] {
        for (place, plugin) in both {
            measure(&format!("{shown} ({place})"), CALLS, || {
                ask(plugin, method, b"{}");
            });
        }
    }
    for (place, plugin) in both {
        let bytes = ask(plugin, "page", b"{}").len();
        let shown = format!("a page of 100 repositories, {bytes} bytes, parsed ({place})");
        measure(&shown, CALLS, || {
            let page: Page = answer(plugin, "page", b"{}");
            assert_eq!(page.repositories.len(), 100);
        });
    }
}

/// A plugin of the tests.
fn library(name: &str) -> PathBuf {
    binaries().library(&format!("test_plugin_{name}"))
}

/// Answers what it is asked.
struct Echo;

impl HostCalls for Echo {
    fn call(&self, _: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        let (doc, body) = (doc.to_vec(), body.to_vec());
        Some(Answered::Result(Reply { doc, body }))
    }
}

/// The answer's document.
fn ask(plugin: &dyn Plugin, method: &str, doc: &[u8]) -> Vec<u8> {
    match plugin.call(0, method, doc, b"", &Echo) {
        Ok(Answered::Result(reply)) => reply.doc,
        other => panic!("{other:?}"),
    }
}

/// What the answer's document says.
fn answer<T: Document>(plugin: &dyn Plugin, method: &str, doc: &[u8]) -> T {
    parse(&ask(plugin, method, doc)).expect("it is a document")
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
        "{shown:<60} {:>9.1} µs  {:>9.1} µs  {:>9.1} µs",
        micros(0),
        micros(times / 2),
        micros(times - 1)
    );
}
