//! Plugins built for a test, workers for them, and a host that answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use forgekeep_plugin_host::{
    Answered, Broken, Deadlines, HostCalls, Plugin, Reply, WorkerPlugin, WorkerProgram,
    WorkerSettings, Workers,
};
use forgekeep_tests::{binaries, c_plugin};
use tempfile::TempDir;

/// A plugin in C, built with these macros.
pub struct Hostile {
    pub folder: TempDir,
    pub file: PathBuf,
}

impl Hostile {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(macros: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = c_plugin::build(c_plugin::HOSTILE, folder.path(), macros);
        Self { folder, file }
    }

    pub fn settings(&self) -> WorkerSettings {
        settings(&self.file)
    }

    pub fn workers(&self) -> Workers {
        Workers::new(self.settings())
    }
}

/// The program of a worker.
pub fn program() -> PathBuf {
    binaries().folder.join("forgekeep-test-worker")
}

/// Workers for a plugin's file. Their times are long: a machine may be busy.
pub fn settings(file: &Path) -> WorkerSettings {
    let mut settings = WorkerSettings::new(file);
    settings.program = WorkerProgram::Other {
        path: program(),
        arguments: Vec::new(),
    };
    settings.deadlines = Deadlines {
        short: Duration::from_secs(120),
        call: Duration::from_secs(120),
        drop: Duration::from_secs(120),
    };
    settings
}

/// A plugin of the workspace.
pub fn library(name: &str) -> PathBuf {
    binaries().library(name)
}

/// A worker that has said hello.
pub fn greeted(workers: &Workers) -> Arc<WorkerPlugin> {
    let worker = workers.current().unwrap();
    assert_eq!(text(worker.as_ref(), "hello", ""), "{}");
    worker
}

/// A host that knows a few methods.
#[derive(Default)]
pub struct Services {
    pub calls: AtomicUsize,
}

impl HostCalls for Services {
    fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let reply = Reply {
            doc: doc.to_vec(),
            body: body.to_vec(),
        };
        match method {
            "echo" | "http" | "log" | "state.get" => Some(Answered::Result(reply)),
            "fail" => Some(Answered::Error(reply)),
            _ => None,
        }
    }
}

/// A call of object 0 with a host that knows a few methods.
pub fn call(plugin: &dyn Plugin, method: &str, doc: &str) -> Result<Answered, Broken> {
    plugin.call(0, method, doc.as_bytes(), b"", &Services::default())
}

/// The document of a result, as text.
pub fn text(plugin: &dyn Plugin, method: &str, doc: &str) -> String {
    text_of(call(plugin, method, doc))
}

pub fn text_of(answered: Result<Answered, Broken>) -> String {
    match answered {
        Ok(Answered::Result(reply)) => String::from_utf8(reply.doc).unwrap(),
        other => panic!("{other:?}"),
    }
}
