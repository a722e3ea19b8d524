//! A plugin in a worker process, from the host's side.

mod calls;
mod clock;
mod output;
mod pipe;
mod process;
mod spawn;
mod worker;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

pub use clock::Deadlines;
use parking_lot::Mutex;
use process::Process;
pub use spawn::WorkerProgram;
use thiserror::Error;
pub use worker::WorkerPlugin;

use crate::broken::{Blame, Broken, How};
use crate::confine::ConfinementMode;
use crate::library::Sha256;
use crate::limits::SourceLimits;
use crate::unfit::Unfit;

/// How often a worker is started again at most, after the first start.
pub const MOST_RESTARTS: usize = 3;

/// Memory that a worker may take for data, unless it is said otherwise: 512 MiB.
pub const WORKER_MEMORY: u64 = 512 << 20;

/// What a worker is to be.
#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// The plugin's file.
    pub plugin: PathBuf,
    /// What the file has to be, where that is known.
    pub sha256: Option<Sha256>,
    /// What runs as the worker.
    pub program: WorkerProgram,
    /// Names of variables that it gets from the environment, besides `LANG`, `LC_ALL`, `TZ` and
    /// `RUST_BACKTRACE`.
    pub environment: Vec<OsString>,
    /// Bytes of memory that it may take for data.
    pub memory: u64,
    /// Whether it is confined.
    pub confinement: ConfinementMode,
    /// How long calls may take.
    pub deadlines: Deadlines,
}

impl WorkerSettings {
    /// The usual ones, for a plugin's file.
    pub fn new(plugin: impl Into<PathBuf>) -> Self {
        Self {
            plugin: plugin.into(),
            sha256: None,
            program: WorkerProgram::default(),
            environment: Vec::new(),
            memory: WORKER_MEMORY,
            confinement: ConfinementMode::default(),
            deadlines: Deadlines::default(),
        }
    }
}

/// Why there is no worker.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoWorker {
    /// The file cannot be used as a plugin: starting it again helps nothing.
    #[error("{0}")]
    Unfit(Unfit),
    /// The process came to nothing, or may not be started again.
    #[error("{0}")]
    Broken(Broken),
}

/// The workers of one source's plugin: one at a time, started again when it has ended, a few times.
#[derive(Debug)]
pub struct Workers {
    settings: WorkerSettings,
    limits: Arc<SourceLimits>,
    current: Mutex<Current>,
    stopping: Mutex<Stopping>,
}

#[derive(Debug, Default)]
struct Current {
    worker: Option<Arc<WorkerPlugin>>,
    starts: usize,
    last: Option<How>,
}

/// What has to be reached while somebody waits for a start.
#[derive(Debug, Default)]
struct Stopping {
    is_stopped: bool,
    process: Option<Arc<Process>>,
}

impl Workers {
    /// Nothing is started yet.
    pub fn new(settings: WorkerSettings) -> Self {
        Self {
            settings,
            limits: Arc::default(),
            current: Mutex::default(),
            stopping: Mutex::default(),
        }
    }

    /// The worker, started if there is none that lives. Ids of objects are those of one worker: after
    /// an end the next one has another [`WorkerPlugin::generation`], and objects are to be opened again.
    ///
    /// # Errors
    ///
    /// It cannot be started, or was started too often, or [`Self::stop`] was called.
    pub fn current(&self) -> Result<Arc<WorkerPlugin>, NoWorker> {
        let mut current = self.current.lock();
        if self.stopping.lock().is_stopped {
            return Err(NoWorker::Broken(Broken {
                blame: Blame::Another,
                ..Broken::new(How::Stopped, "start")
            }));
        }
        if let Some(worker) = &current.worker {
            if worker.is_alive() {
                return Ok(Arc::clone(worker));
            }
            current.last = Some(worker.how_it_ended());
            current.worker = None;
        }
        if current.starts > MOST_RESTARTS {
            let last = current.last.clone().unwrap_or(How::Stopped);
            let starts = current.starts;
            let last = Box::new(last);
            return Err(NoWorker::Broken(Broken::new(
                How::Spent { starts, last },
                "start",
            )));
        }
        current.starts += 1;
        let generation = current.starts as u64;
        match self.start(generation) {
            Ok(worker) => {
                let worker = Arc::new(worker);
                current.worker = Some(Arc::clone(&worker));
                Ok(worker)
            }
            Err(error) => {
                if let NoWorker::Broken(broken) = &error {
                    current.last = Some(broken.how.clone());
                }
                Err(error)
            }
        }
    }

    fn start(&self, generation: u64) -> Result<WorkerPlugin, NoWorker> {
        let process = worker::spawn(&self.settings)?;
        let mut stopping = self.stopping.lock();
        stopping.process = Some(Arc::clone(&process));
        let is_stopped = stopping.is_stopped;
        drop(stopping);
        if is_stopped {
            process.stop(How::Stopped, None);
        }
        let settings = &self.settings;
        WorkerPlugin::begin(process, settings, generation, Arc::clone(&self.limits))
    }

    /// Ends the worker, and starts no other: the run was interrupted, or is over. Calls under way end
    /// with [`How::Stopped`].
    pub fn stop(&self) {
        let mut stopping = self.stopping.lock();
        stopping.is_stopped = true;
        let process = stopping.process.take();
        drop(stopping);
        if let Some(process) = process {
            process.stop(How::Stopped, None);
        }
    }

    /// How often one was started so far.
    pub fn starts(&self) -> usize {
        self.current.lock().starts
    }

    /// What is counted over all of its workers.
    pub fn limits(&self) -> &SourceLimits {
        &self.limits
    }
}
