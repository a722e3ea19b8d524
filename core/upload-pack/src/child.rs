//! A child that speaks git's protocol over its standard input and output.

use std::io::{self, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_failure::{Cancel, ErrorKind, Failure, Told};
use forgekeep_untrusted::Shown;
use parking_lot::{Condvar, Mutex};

use crate::UploadPack;
use crate::ended::{self, Ended, Why};
use crate::gate::Slot;

/// The most that is kept of what it writes on standard error: its last words.
const MAX_WORDS: usize = 4 << 10;

/// The most that is kept of what it says first.
const MAX_FIRST: usize = 200;

/// How often a child that is to end is asked whether it has.
const POLL: Duration = Duration::from_millis(5);

/// How often, at least, somebody looks for how long nothing has come.
const GLANCE: Duration = Duration::from_secs(1);

/// How long a child that has closed its output, or was told that nothing is wanted, may take to end.
const TO_END: Duration = Duration::from_secs(5);

/// How long the last words of a child that has ended are waited for: a connection that it shares with
/// others may hold the pipe open for hours.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What the threads about a child share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    words: Mutex<Vec<u8>>,
}

#[derive(Default)]
struct State {
    child: Option<Child>,
    /// Since when something is waited for.
    waiting: Option<Instant>,
    has_stalled: bool,
    /// Nobody uses it any more.
    is_over: bool,
}

impl Shared {
    /// Ends the child with all that it has started.
    fn kill(state: &mut State) {
        let Some(child) = &mut state.child else {
            return;
        };
        // One that was waited for has given its number back.
        if matches!(child.try_wait(), Ok(None)) {
            #[cfg(unix)]
            {
                use rustix::process::{Pid, Signal, kill_process_group};
                let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
            }
            let _ = child.kill();
        }
    }

    /// Ends it after a silence.
    fn watch(&self, stall: Duration) {
        let mut state = self.state.lock();
        while !state.is_over {
            if state.waiting.is_some_and(|since| since.elapsed() >= stall) {
                state.has_stalled = true;
                state.waiting = None;
                Self::kill(&mut state);
            }
            let until = (stall / 4).clamp(POLL, GLANCE);
            self.changed.wait_for(&mut state, until);
        }
    }
}

/// A child that runs. It is ended when this is dropped.
pub struct Running {
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    shared: Arc<Shared>,
    complained: Receiver<()>,
    cancel: Cancel,
    stall: Duration,
    what: UploadPack,
    /// The begin of what it has said, and how much that was in all.
    first: Vec<u8>,
    read: u64,
    slot: Option<Slot>,
    _told: Told,
}

impl Running {
    pub(crate) fn start(mut command: Command, what: &UploadPack) -> Result<Self, Failure> {
        what.run.cancel.check()?;
        let unstarted = |error: &io::Error| unstarted(&command_name(what), what, error);
        let mut child = command.spawn().map_err(|error| unstarted(&error))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let shared = Arc::new(Shared::default());
        shared.state.lock().child = Some(child);
        let (Some(input), Some(output), Some(errors)) = pipes else {
            Shared::kill(&mut shared.state.lock());
            return Err(unstarted(&io::ErrorKind::BrokenPipe.into()));
        };
        let stall = what.run.stall;
        let watched = Arc::clone(&shared);
        let listening = Arc::clone(&shared);
        let (done, complained) = sync_channel(1);
        let started = thread::Builder::new()
            .name("upload-pack".to_owned())
            .spawn(move || watched.watch(stall))
            .and_then(|_| {
                let listener = thread::Builder::new().name("upload-pack".to_owned());
                listener.spawn(move || {
                    listen(errors, &listening.words);
                    let _ = done.send(());
                })
            });
        let telling = Arc::downgrade(&shared);
        let told = what.run.cancel.tell(move || {
            if let Some(shared) = telling.upgrade() {
                Shared::kill(&mut shared.state.lock());
            }
        });
        let running = Self {
            input: Some(input),
            output: BufReader::with_capacity(64 << 10, output),
            shared,
            complained,
            cancel: what.run.cancel.clone(),
            stall,
            what: what.clone(),
            first: Vec::new(),
            read: 0,
            slot: None,
            _told: told,
        };
        match started {
            Ok(_) => Ok(running),
            Err(error) => Err(unstarted(&error)),
        }
    }

    /// Keeps a place among the connections to its host for as long as it runs.
    pub(crate) fn hold(&mut self, slot: Slot) {
        self.slot = Some(slot);
    }

    /// Nothing more is wanted: says so, and waits for its end.
    pub fn end(mut self) {
        let _ = self.write_all(b"0000").and_then(|()| self.flush());
        let _ = self.ended();
    }

    /// Why it has ended, or what `failure` says where it has not ended by itself.
    pub(crate) fn explain(&mut self, failure: Failure) -> Why {
        let status = self.ended();
        if self.cancel.is_cancelled() {
            return Why::unknown(Failure::cancelled());
        }
        let has_stalled = self.shared.state.lock().has_stalled;
        let _ = self.complained.recv_timeout(LAST_WORDS);
        let words = self.shared.words.lock().clone();
        // What has come in the same piece, and nobody has read.
        let room = MAX_FIRST.saturating_sub(self.first.len());
        self.first.extend(self.output.buffer().iter().take(room));
        ended::why(&Ended {
            what: &self.what,
            status: status.filter(|_| !has_stalled),
            stalled: has_stalled.then_some(self.stall),
            first: &self.first,
            read: self.read,
            words: &words,
            failure,
        })
    }

    /// How it has ended, if it does so in time by itself.
    fn ended(&mut self) -> Option<ExitStatus> {
        self.input = None;
        let end = Instant::now() + TO_END;
        loop {
            let mut state = self.shared.state.lock();
            if let Some(status) = state.child.as_mut()?.try_wait().ok()? {
                return Some(status);
            }
            if Instant::now() >= end {
                Shared::kill(&mut state);
                return None;
            }
            drop(state);
            thread::sleep(POLL);
        }
    }

    fn waiting<T>(&mut self, wait: impl FnOnce(&mut Self) -> T) -> T {
        self.shared.state.lock().waiting = Some(Instant::now());
        let came = wait(self);
        self.shared.state.lock().waiting = None;
        came
    }
}

impl Read for Running {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.output.buffer().is_empty() {
            true => self.waiting(|running| running.output.read(buffer))?,
            false => self.output.read(buffer)?,
        };
        let room = MAX_FIRST.saturating_sub(self.first.len());
        self.first.extend(buffer.iter().take(read.min(room)));
        self.read += read as u64;
        Ok(read)
    }
}

impl Write for Running {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting(|running| match &mut running.input {
            Some(input) => input.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.input {
            Some(input) => input.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.input = None;
        let mut state = self.shared.state.lock();
        state.is_over = true;
        Shared::kill(&mut state);
        if let Some(mut child) = state.child.take() {
            let _ = child.wait();
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

/// Keeps the last of what is written on standard error.
fn listen(mut errors: impl Read, words: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    loop {
        match errors.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => {
                let mut words = words.lock();
                words.extend(&buffer[..read]);
                let surplus = words.len().saturating_sub(MAX_WORDS);
                words.drain(..surplus);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// The program that was to be run.
fn command_name(what: &UploadPack) -> String {
    use crate::place::Place;
    match &what.place {
        Place::Ssh(_) => what.ssh.command.first().map_or("ssh", String::as_str),
        Place::Local(_) => what.program.as_deref().unwrap_or("git"),
    }
    .to_owned()
}

fn unstarted(program: &str, what: &UploadPack, error: &io::Error) -> Failure {
    use crate::place::Place;
    let message = format!("{} cannot be run: {error}", Shown::of(program));
    let hint = match (&what.place, error.kind()) {
        (Place::Ssh(_), io::ErrorKind::NotFound) => {
            "install OpenSSH's client, or correct `sshCommand` of the source"
        }
        (Place::Local(_), io::ErrorKind::NotFound) => {
            "install git, which reads repositories on this machine, or correct `uploadPack` of the source"
        }
        _ => {
            "check that the user who runs Forgekeep may run it, and the limits of this process (ulimit -u)"
        }
    };
    Failure::new(ErrorKind::Machine, message).with_hint(hint)
}
