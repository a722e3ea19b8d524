//! Calls, as they come and as they are answered.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::thread;

use forgekeep_abi::{ERROR, RESULT};
use parking_lot::{Condvar, Mutex};

use super::connection::{Connection, Services};
use crate::broken::How;
use crate::confine::{self, Confinement, ConfinementMode, System};
use crate::frame::{Frame, Kind, Outgoing};
use crate::in_process::InProcess;
use crate::plugin::{Answered, Plugin};

/// Threads that answer at most; further calls wait.
const MOST_THREADS: usize = 64;

/// The plugin, and what it is asked.
pub(super) struct Work {
    plugin: InProcess,
    connection: Arc<Connection>,
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    calls: VecDeque<Frame>,
    /// Threads that wait for a call.
    idle: usize,
    threads: usize,
}

impl Work {
    pub(super) fn new(plugin: InProcess, connection: Arc<Connection>) -> Self {
        Self {
            plugin,
            connection,
            queue: Mutex::default(),
            more: Condvar::new(),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn add(&self, frame: Frame) {
        self.queue.lock().calls.push_back(frame);
        self.more.notify_one();
    }

    /// Waits for the first call, and answers it; something is to be done before the answer goes out.
    pub(super) fn answer_first(&self, before: impl FnOnce()) {
        let call = self.next();
        self.answer(call, before);
    }

    /// Answers calls for good, several at a time: whoever takes one sees to it that somebody waits for
    /// the next.
    pub(super) fn answer_all(self: Arc<Self>) {
        self.queue.lock().threads += 1;
        loop {
            let call = self.next();
            self.start_another();
            self.answer(call, || ());
        }
    }

    fn next(&self) -> Frame {
        let mut queue = self.queue.lock();
        loop {
            if let Some(call) = queue.calls.pop_front() {
                return call;
            }
            queue.idle += 1;
            self.more.wait(&mut queue);
            queue.idle -= 1;
        }
    }

    fn start_another(self: &Arc<Self>) {
        let queue = self.queue.lock();
        if queue.idle > 0 || queue.threads >= MOST_THREADS {
            return;
        }
        drop(queue);
        let another = Arc::clone(self);
        // Without it calls are answered one after the other.
        let _ = thread::Builder::new().spawn(move || another.answer_all());
    }

    fn answer(&self, frame: Frame, before: impl FnOnce()) {
        let call = frame.call;
        if frame.kind == Kind::Drop {
            self.plugin.drop_object(frame.item);
            before();
            self.connection
                .send(Outgoing::bare(Kind::Dropped, call, frame.item));
            return;
        }
        let services = Services {
            connection: &self.connection,
            call,
        };
        let answered = self.plugin.call(
            frame.item,
            &frame.method,
            &frame.doc,
            &frame.body,
            &services,
        );
        drop(frame);
        before();
        let (status, reply) = match &answered {
            Ok(Answered::Result(reply)) => (RESULT, reply),
            Ok(Answered::Error(reply)) => (ERROR, reply),
            Err(broken) => {
                if let How::Rule(rule) = broken.how {
                    self.connection.send_document(Kind::Broke, call, &rule);
                }
                return;
            }
        };
        self.connection.send(Outgoing {
            status: status as u8,
            doc: &reply.doc,
            body: &reply.body,
            ..Outgoing::bare(Kind::Answered, call, 0)
        });
    }
}

/// Starts the thread that reads what the host sends. It runs none of the plugin's code and needs no
/// file, so it is confined entirely from the start. When the host is gone it ends the process.
pub(super) fn listen(mut from: File, work: Arc<Work>, mode: ConfinementMode) {
    let listening = thread::Builder::new().spawn(move || {
        if mode != ConfinementMode::Off {
            confine::system().after_hello(&mut Confinement::default());
        }
        while let Ok(frame) = Frame::read(&mut from) {
            match frame.kind {
                Kind::Call | Kind::Drop => work.add(frame),
                Kind::Served => work.connection.served(frame),
                _ => break,
            }
        }
        leave();
    });
    if listening.is_err() {
        leave();
    }
}

/// Ends the process at once: what the plugin would do at its end is nobody's business any more.
#[cfg(unix)]
#[allow(unsafe_code)]
fn leave() -> ! {
    // SAFETY: it ends the process, and nothing else.
    unsafe { libc::_exit(0) }
}

#[cfg(not(unix))]
fn leave() -> ! {
    std::process::exit(0)
}
