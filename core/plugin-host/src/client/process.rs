//! One worker process, seen from the host: who reads, who watches the clock, and how it ended.

use std::io::{self, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::calls::{Calls, Event};
use super::output::Output;
use super::{pipe, spawn};
use crate::broken::{Blame, Broken, FrameFault, How};
use crate::confine::Confinement;
use crate::frame::{Frame, Kind, MOST_OWN, NoFrame, Outgoing};
use crate::start::Refusal;

/// How long a process may live on without its pipe; and how long its last words are waited for.
const LINGER: Duration = Duration::from_secs(1);

/// A worker process.
#[derive(Debug)]
pub(super) struct Process {
    child: Mutex<Owned>,
    to: Mutex<Option<ChildStdin>>,
    calls: Mutex<Calls>,
    /// There is an earlier time to look at the clock.
    watch: Condvar,
    output: Output,
    confinement: Mutex<Confinement>,
    ended: OnceLock<Ended>,
    ending: Mutex<Option<JoinHandle<()>>>,
}

/// The child, whose number is its own until it is reaped.
#[derive(Debug)]
struct Owned {
    child: Child,
    is_reaped: bool,
}

impl Owned {
    fn reap(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait();
        self.is_reaped = true;
        status
    }
}

/// How it ended, and because of which call, where that is known.
#[derive(Clone, Debug)]
struct Ended {
    how: How,
    call: Option<u64>,
}

impl Process {
    /// Starts one.
    pub(super) fn start(command: Command) -> io::Result<Arc<Self>> {
        let mut child = spawn::spawn(command)?;
        let missing = || io::Error::other("a pipe is missing");
        let to = child.stdin.take().ok_or_else(missing)?;
        pipe::prepare(&to)?;
        let from = child.stdout.take().ok_or_else(missing)?;
        let printed = child.stderr.take().ok_or_else(missing)?;
        let process = Arc::new(Self {
            child: Mutex::new(Owned {
                child,
                is_reaped: false,
            }),
            to: Mutex::new(Some(to)),
            calls: Mutex::default(),
            watch: Condvar::new(),
            output: Output::default(),
            confinement: Mutex::default(),
            ended: OnceLock::new(),
            ending: Mutex::new(None),
        });
        let threads = Self::start_threads(&process, from, printed);
        if threads.is_err() {
            process.stop(How::Stopped, None);
            let _ = process.child.lock().reap();
            process.calls.lock().end_all();
            process.watch.notify_all();
        }
        threads.map(|()| process)
    }

    fn start_threads(
        process: &Arc<Self>,
        from: impl Read + Send + 'static,
        printed: impl Read + Send + 'static,
    ) -> io::Result<()> {
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        // Both ends are dropped when there is no more to read.
        let (printing, printed_all) = channel::<()>();
        let (reading, read_all) = channel::<()>();
        let this = Arc::clone(process);
        named("plugin-output").spawn(move || {
            this.output.read_all(printed);
            drop(printing);
        })?;
        let this = Arc::clone(process);
        named("plugin-clock").spawn(move || this.watch_the_clock())?;
        let this = Arc::clone(process);
        named("plugin-frames").spawn(move || {
            this.read(from);
            drop(reading);
        })?;
        let this = Arc::clone(process);
        let ending = move || this.wait_for_the_end([&read_all, &printed_all]);
        *process.ending.lock() = Some(named("plugin-end").spawn(ending)?);
        Ok(())
    }

    /// Whether it can still answer.
    pub(super) fn is_alive(&self) -> bool {
        self.ended.get().is_none()
    }

    /// What it is confined to, as far as it has said.
    pub(super) fn confinement(&self) -> Confinement {
        self.confinement.lock().clone()
    }

    pub(super) fn set_confinement(&self, confinement: Confinement) {
        *self.confinement.lock() = confinement;
    }

    /// A call begins, with so much time.
    pub(super) fn begin(&self, time: Duration) -> Option<(u64, Receiver<Event>)> {
        let begun = self.calls.lock().begin(time);
        self.watch.notify_all();
        begun
    }

    pub(super) fn end(&self, call: u64) {
        self.calls.lock().end(call);
    }

    /// Sends a frame. If it cannot be sent the process is at its end, of which the call will hear.
    pub(super) fn send(&self, frame: Outgoing<'_>) {
        if let Some(to) = self.to.lock().as_mut() {
            let is_over = || self.ended.get().is_some();
            let _ = frame.write(&mut pipe::Patient { to, is_over });
        }
    }

    pub(super) fn pause_clock(&self, call: u64) {
        if let Some(clock) = self.calls.lock().clock(call) {
            clock.pause(Instant::now());
        }
    }

    pub(super) fn start_clock(&self, call: u64) {
        if let Some(clock) = self.calls.lock().clock(call) {
            clock.go_on(Instant::now());
        }
        self.watch.notify_all();
    }

    pub(super) fn served(&self, call: u64, bytes: usize) {
        self.calls.lock().served(call, bytes);
    }

    /// Ends it, for this reason unless there was one before.
    pub(super) fn stop(&self, how: How, call: Option<u64>) {
        let _ = self.ended.set(Ended { how, call });
        let mut owned = self.child.lock();
        if owned.is_reaped {
            return;
        }
        #[cfg(unix)]
        {
            // Unconfined, it may have started others.
            use rustix::process::{Pid, Signal, kill_process_group};
            let _ = kill_process_group(Pid::from_child(&owned.child), Signal::KILL);
        }
        let _ = owned.child.kill();
    }

    /// Ends it, and waits until all is told.
    pub(super) fn stop_and_wait(&self) {
        self.stop(How::Stopped, None);
        let ending = self.ending.lock().take();
        if let Some(ending) = ending {
            let _ = ending.join();
        }
    }

    /// Why a call came to nothing; the process has ended.
    pub(super) fn broken(&self, call: u64, method: &str) -> Broken {
        let ended = self.ended.get().cloned().unwrap_or(Ended {
            how: How::Stopped,
            call: None,
        });
        let alone = self.calls.lock().at_the_end <= 1;
        let blame = match (ended.call, &ended.how) {
            (Some(guilty), _) if guilty == call => Blame::This,
            (Some(_), _) | (None, How::Stopped) => Blame::Another,
            (None, _) if alone => Blame::This,
            (None, _) => Blame::Unknown,
        };
        Broken {
            how: ended.how,
            method: method.to_owned(),
            blame,
            output: self.output.last(),
        }
    }

    /// How it ended; before that, as if it had been stopped.
    pub(super) fn how_it_ended(&self) -> How {
        self.ended
            .get()
            .map_or(How::Stopped, |ended| ended.how.clone())
    }

    /// The clock's thread: ends the process when a call's time is over.
    fn watch_the_clock(&self) {
        let mut calls = self.calls.lock();
        while !calls.is_over {
            let now = Instant::now();
            if calls.lingers_until.is_some_and(|until| until <= now) {
                calls.lingers_until = None;
                drop(calls);
                self.stop(How::ClosedPipe, None);
                calls = self.calls.lock();
                continue;
            }
            let due = calls.first_due();
            if let Some((due, call, whole)) = due
                && due <= now
            {
                // Once: the call is not due again while the process comes to its end.
                if let Some(clock) = calls.clock(call) {
                    clock.pause(now);
                }
                drop(calls);
                self.stop(How::Deadline(whole), Some(call));
                calls = self.calls.lock();
                continue;
            }
            let due = due.map(|(due, _, _)| due);
            match [due, calls.lingers_until].into_iter().flatten().min() {
                Some(next) => {
                    self.watch.wait_until(&mut calls, next);
                }
                None => self.watch.wait(&mut calls),
            }
        }
    }

    /// The reader's thread: hands over what comes.
    fn read(&self, mut from: impl Read) {
        let fault = loop {
            match Frame::read(&mut from) {
                Ok(frame) => {
                    let call = frame.call;
                    if let Err(fault) = self.hand_over(frame) {
                        break Some((fault, Some(call)));
                    }
                }
                Err(NoFrame::Fault(fault)) => break Some((fault, None)),
                Err(NoFrame::End) => break None,
            }
        };
        match fault {
            Some((fault, call)) => self.stop(How::Frame(fault), call),
            None => {
                self.calls.lock().lingers_until = Some(Instant::now() + LINGER);
                self.watch.notify_all();
            }
        }
    }

    /// The last thread: waits for the end of the process, finds out how it ended, and tells all who
    /// wait.
    fn wait_for_the_end(&self, reading: [&Receiver<()>; 2]) {
        // Until it is reaped, whoever stops it reaches no other process.
        wait_without_reaping(&self.child);
        // What it has sent and printed is still to come; but not without end, since another process may
        // hold the pipes.
        for all_is_read in reading {
            let _ = all_is_read.recv_timeout(LINGER);
        }
        let status = self.child.lock().reap();
        let how = status.map_or(How::ClosedPipe, how_it_ended);
        let _ = self.ended.set(Ended { how, call: None });
        self.calls.lock().end_all();
        self.watch.notify_all();
        drop(self.to.lock().take());
    }

    fn hand_over(&self, frame: Frame) -> Result<(), FrameFault> {
        // Once it was decided to end the process, nothing counts that was under way by then: such as an
        // answer right behind the news that the plugin is not confined.
        if !self.is_alive() {
            return Ok(());
        }
        let call = frame.call;
        let is_own = matches!(
            frame.kind,
            Kind::Started | Kind::Refused | Kind::Broke | Kind::Sealed
        );
        if is_own && frame.length() > MOST_OWN {
            return Err(FrameFault::Head);
        }
        let event = match frame.kind {
            Kind::Started | Kind::Answered | Kind::Dropped => Event::Done(frame),
            Kind::Ask => Event::Ask(frame),
            Kind::Broke => {
                Event::Broke(serde_json::from_slice(&frame.doc).map_err(|_| FrameFault::Head)?)
            }
            Kind::Sealed => {
                let confinement =
                    serde_json::from_slice(&frame.doc).map_err(|_| FrameFault::Head)?;
                self.set_confinement(confinement);
                return Ok(());
            }
            Kind::Refused => match serde_json::from_slice(&frame.doc) {
                // Between two calls: the second half of its confinement.
                Ok(Refusal::NotConfined(why)) => {
                    self.stop(How::NotConfined(why), None);
                    return Ok(());
                }
                _ => Event::Done(frame),
            },
            Kind::Start | Kind::Call | Kind::Drop | Kind::Served => return Err(FrameFault::Head),
        };
        self.calls.lock().hand_over(call, event)
    }
}

/// Waits for the end of a process without taking away its number.
#[cfg(unix)]
fn wait_without_reaping(child: &Mutex<Owned>) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    let child = Pid::from_child(&child.lock().child);
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(child), options) {}
}

/// There is no such thing here: it is looked at again and again.
#[cfg(not(unix))]
fn wait_without_reaping(child: &Mutex<Owned>) {
    while matches!(child.lock().child.try_wait(), Ok(None)) {
        thread::sleep(Duration::from_millis(10));
    }
}

fn how_it_ended(status: ExitStatus) -> How {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return How::Signal(signal);
    }
    status.code().map_or(How::ClosedPipe, How::Exited)
}
