//! Calls to one worker.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Once};
use std::thread;

use forgekeep_abi::{ERROR, RESULT};

use super::calls::Event;
use super::clock::{Deadlines, is_network};
use super::process::Process;
use super::{NoWorker, WorkerSettings, spawn as starting};
use crate::broken::{Blame, Broken, FrameFault, How};
use crate::confine::{self, Confinement, ConfinementMode, System};
use crate::frame::{Frame, Kind, Outgoing};
use crate::library::Sha256;
use crate::limits::{Limited, MOST_SERVICE_REQUESTS, SourceLimits, TooMany, fits};
use crate::plugin::{Answered, HostCalls, Plugin, Reply};
use crate::start::{self, Refusal, Start, Started};

/// Requests of one call to the network that are made at a time; further ones wait.
const MOST_AT_A_TIME: usize = 16;

/// A plugin in one worker process. The process ends with it.
#[derive(Debug)]
pub struct WorkerPlugin {
    process: Arc<Process>,
    deadlines: Deadlines,
    limits: Arc<SourceLimits>,
    generation: u64,
    sha256: Sha256,
}

/// Starts a process, which waits to be told what to do.
pub(super) fn spawn(settings: &WorkerSettings) -> Result<Arc<Process>, NoWorker> {
    static PROTECTED: Once = Once::new();
    if settings.confinement != ConfinementMode::Off {
        PROTECTED.call_once(|| confine::system().protect_host());
    }
    let command = starting::command(&settings.program, &settings.environment);
    let process = command.and_then(Process::start);
    process.map_err(|error| {
        let how = How::NotStarted(error.to_string());
        NoWorker::Broken(Broken::new(how, "start"))
    })
}

/// Tells a process what to do, and waits until it has loaded the plugin.
fn say_first(process: &Process, settings: &WorkerSettings) -> Result<Started, NoWorker> {
    let broken = |how| NoWorker::Broken(Broken::new(how, "start"));
    let start = Start {
        sha256: settings.sha256,
        confinement: settings.confinement,
        memory: settings.memory,
    };
    let doc =
        serde_json::to_vec(&start).map_err(|error| broken(How::NotStarted(error.to_string())))?;
    let Some((call, events)) = process.begin(settings.deadlines.short) else {
        return Err(NoWorker::Broken(process.broken(0, "start")));
    };
    // The process is in another folder.
    let plugin = std::path::absolute(&settings.plugin).unwrap_or_else(|_| settings.plugin.clone());
    process.send(Outgoing {
        kind: Kind::Start,
        status: 0,
        call,
        item: 0,
        method: &start::build(),
        doc: &doc,
        body: &start::path_to_bytes(&plugin),
    });
    let said = match events.recv() {
        Ok(Event::Done(frame)) => frame,
        Ok(Event::Broke(_) | Event::Ask(_)) => {
            process.stop(How::Frame(FrameFault::Unasked), Some(call));
            return Err(NoWorker::Broken(process.broken(call, "start")));
        }
        Err(_) => return Err(NoWorker::Broken(process.broken(call, "start"))),
    };
    process.end(call);
    let not_understood = |_| broken(How::Frame(FrameFault::Head));
    if said.kind == Kind::Started {
        return serde_json::from_slice(&said.doc).map_err(not_understood);
    }
    match serde_json::from_slice(&said.doc).map_err(not_understood)? {
        Refusal::Unfit(unfit) => Err(NoWorker::Unfit(unfit)),
        Refusal::OtherBuild => Err(broken(How::OtherBuild)),
        Refusal::NotConfined(why) => Err(broken(How::NotConfined(why))),
    }
}

impl WorkerPlugin {
    /// Has a process load the plugin.
    pub(super) fn begin(
        process: Arc<Process>,
        settings: &WorkerSettings,
        generation: u64,
        limits: Arc<SourceLimits>,
    ) -> Result<Self, NoWorker> {
        let started = say_first(&process, settings);
        let started = started.inspect_err(|_| process.stop_and_wait())?;
        process.set_confinement(started.confinement);
        Ok(Self {
            process,
            deadlines: settings.deadlines,
            limits,
            generation,
            sha256: started.sha256,
        })
    }

    /// Its generation: another one than that of the workers before it and after it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Hash of the plugin's file that was loaded.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// What it is confined to. This is settled with the first call, which is to be `hello`.
    pub fn confinement(&self) -> Confinement {
        self.process.confinement()
    }

    /// Whether it can still be called.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// How it ended.
    pub(super) fn how_it_ended(&self) -> How {
        self.process.how_it_ended()
    }

    /// Answers the plugin's requests until its own answer comes.
    fn converse(
        &self,
        call: u64,
        method: &str,
        events: &Receiver<Event>,
        services: &Limited<'_>,
    ) -> Result<Answered, Broken> {
        let under_way = AtomicUsize::new(0);
        thread::scope(|scope| {
            loop {
                match events.recv() {
                    Ok(Event::Done(frame)) => return self.done(call, method, frame),
                    Ok(Event::Broke(rule)) => {
                        return Err(Broken {
                            output: self.process.broken(call, method).output,
                            ..Broken::new(How::Rule(rule), method)
                        });
                    }
                    Ok(Event::Ask(frame))
                        if is_network(&frame.method)
                            && under_way.load(Ordering::Relaxed) < MOST_AT_A_TIME =>
                    {
                        under_way.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(|| {
                            self.serve(call, frame, services);
                            under_way.fetch_sub(1, Ordering::Relaxed);
                        });
                    }
                    Ok(Event::Ask(frame)) => self.serve(call, frame, services),
                    Err(_) => return Err(self.process.broken(call, method)),
                }
            }
        })
    }

    fn done(&self, call: u64, method: &str, frame: Frame) -> Result<Answered, Broken> {
        let reply = Reply {
            doc: frame.doc,
            body: frame.body,
        };
        match (frame.kind, u32::from(frame.status)) {
            (Kind::Answered, RESULT) => Ok(Answered::Result(reply)),
            (Kind::Answered, ERROR) => Ok(Answered::Error(reply)),
            _ => {
                self.process.stop(How::Frame(FrameFault::Head), Some(call));
                Err(self.process.broken(call, method))
            }
        }
    }

    /// Answers one request of the plugin.
    fn serve(&self, call: u64, frame: Frame, services: &Limited<'_>) {
        let process = &self.process;
        let is_network = is_network(&frame.method);
        if is_network {
            process.pause_clock(call);
        }
        let served = catch_unwind(AssertUnwindSafe(|| {
            services.call(&frame.method, &frame.doc, &frame.body)
        }));
        if is_network {
            process.start_clock(call);
        }
        process.served(call, frame.length());
        let stop = |how| process.stop(how, Some(call));
        let (status, reply) = match served {
            Ok(Ok(Some(Answered::Result(reply)))) => (RESULT, reply),
            Ok(Ok(Some(Answered::Error(reply)))) => (ERROR, reply),
            Ok(Ok(None)) => (0, Reply::default()),
            Ok(Err(TooMany)) => return stop(How::TooManyRequests(MOST_SERVICE_REQUESTS)),
            Err(panic) => {
                // The plugin would wait for it for good.
                stop(How::Stopped);
                resume_unwind(panic)
            }
        };
        if let Err(how) = fits("", &reply.doc, &reply.body) {
            return stop(how);
        }
        process.send(Outgoing {
            status: status as u8,
            doc: &reply.doc,
            body: &reply.body,
            ..Outgoing::bare(Kind::Served, call, frame.item)
        });
    }
}

impl Plugin for WorkerPlugin {
    fn call(
        &self,
        object: u64,
        method: &str,
        doc: &[u8],
        body: &[u8],
        host: &dyn HostCalls,
    ) -> Result<Answered, Broken> {
        fits(method, doc, body).map_err(|how| Broken::new(how, method))?;
        let Some((call, events)) = self.process.begin(self.deadlines.of(method)) else {
            // It never began.
            return Err(Broken {
                blame: Blame::Another,
                ..self.process.broken(u64::MAX, method)
            });
        };
        self.process.send(Outgoing {
            kind: Kind::Call,
            status: 0,
            call,
            item: object,
            method,
            doc,
            body,
        });
        let services = Limited::new(host, Some(&self.limits));
        let answered = self.converse(call, method, &events, &services);
        self.process.end(call);
        answered
    }

    fn drop_object(&self, object: u64) {
        if object == 0 {
            return;
        }
        let Some((call, events)) = self.process.begin(self.deadlines.drop) else {
            return;
        };
        self.process.send(Outgoing::bare(Kind::Drop, call, object));
        // Nothing is asked while an object is dropped: whatever comes, the wait is over.
        let _ = events.recv();
        self.process.end(call);
    }
}

impl Drop for WorkerPlugin {
    fn drop(&mut self) {
        self.process.stop_and_wait();
    }
}
