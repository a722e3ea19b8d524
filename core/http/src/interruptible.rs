//! Work that nothing can end, on a thread that can be left to itself.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use forgekeep_failure::{Cancel, ErrorKind, Failure};

/// How often work under way looks for an interruption.
const GLANCE: Duration = Duration::from_millis(100);

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The thread that works for this one. It ends with it. Kept, since there is a request for each
    /// repository, and to start a thread costs as much as the rest of a short request.
    static SECOND: RefCell<Option<Sender<Job>>> = const { RefCell::new(None) };
}

/// Runs work on another thread, which is left to itself when the run is interrupted: nothing else ends
/// a name resolution or a connection that is being made.
pub(super) fn interruptible<T: Send + 'static>(
    cancel: &Cancel,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    cancel.check()?;
    let failed = |why: &str| {
        Failure::new(ErrorKind::Other, format!("a request cannot be made: {why}"))
            .with_hint("lower options.backup.jobs, or raise the limit on threads of this user")
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let job: Job = Box::new(move || drop(sender.send(catch_unwind(AssertUnwindSafe(work)))));
    let second = match SECOND.take() {
        Some(second) => second,
        None => start().map_err(|error| failed(&error.to_string()))?,
    };
    let panicked = "it panicked";
    second.send(job).map_err(|_| failed(panicked))?;
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(done) => {
                SECOND.set(Some(second));
                return done.map_err(|_| failed(panicked));
            }
            Err(RecvTimeoutError::Timeout) => cancel.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err(failed(panicked)),
        }
    }
}

fn start() -> std::io::Result<Sender<Job>> {
    let (sender, receiver) = mpsc::channel::<Job>();
    let work = move || receiver.into_iter().for_each(|job| job());
    thread::Builder::new()
        .name("request".to_owned())
        .spawn(work)?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_does_not_wait_for_what_cannot_be_ended() {
        let cancel = Cancel::new();
        let (never, forever) = mpsc::channel::<()>();
        let interrupt = cancel.clone();
        let result = interruptible(&cancel, move || {
            interrupt.cancel();
            forever.recv().ok();
        });
        assert_eq!(result.unwrap_err().kind, ErrorKind::Cancelled);
        // What hangs is left to itself.
        assert_eq!(interruptible(&Cancel::new(), || 17).unwrap(), 17);
        drop(never);
    }

    #[test]
    fn a_panic_in_a_request_is_a_failure_of_that_request_only() {
        let result = interruptible::<()>(&Cancel::new(), || panic!("on purpose"));
        assert_eq!(result.unwrap_err().kind, ErrorKind::Other);
        assert_eq!(interruptible(&Cancel::new(), || 17).unwrap(), 17);
    }

    #[test]
    fn one_thread_serves_one_request_after_the_other() {
        let id = || interruptible(&Cancel::new(), || thread::current().id()).unwrap();
        assert_eq!(id(), id());
    }
}
