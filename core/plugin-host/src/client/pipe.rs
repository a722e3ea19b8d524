//! The pipe to a worker's process, which nobody waits for longer than for the process.

use std::io::{self, Write};
use std::process::ChildStdin;

/// Writes to it, until its process is at its end. Otherwise a process that does not read, or another one
/// that holds its end of the pipe, would keep the writer for good.
pub(super) struct Patient<'a, F: Fn() -> bool> {
    pub(super) to: &'a mut ChildStdin,
    pub(super) is_over: F,
}

/// Makes it a pipe that says when it is full.
#[cfg(unix)]
pub(super) fn prepare(to: &ChildStdin) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    Ok(fcntl_setfl(to, fcntl_getfl(to)? | OFlags::NONBLOCK)?)
}

#[cfg(not(unix))]
pub(super) fn prepare(_to: &ChildStdin) -> io::Result<()> {
    Ok(())
}

impl<F: Fn() -> bool> Write for Patient<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.to.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
            if (self.is_over)() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            wait_for_room(self.to)?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Waits until there is room, or for a moment.
#[cfg(unix)]
fn wait_for_room(to: &ChildStdin) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    const MOMENT: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    match poll(&mut [PollFd::new(to, PollFlags::OUT)], Some(&MOMENT)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Here writing waits by itself.
#[cfg(not(unix))]
fn wait_for_room(_to: &ChildStdin) -> io::Result<()> {
    Ok(())
}
