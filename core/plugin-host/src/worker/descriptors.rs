//! Standard input and output, put out of the plugin's way.

use std::io;

/// The two pipes to the host.
pub(super) struct Pipes {
    pub(super) from: std::fs::File,
    pub(super) to: std::fs::File,
}

/// Moves standard input and output to descriptors of their own. What the plugin prints then goes where
/// standard error goes, which the host captures; what it reads is nothing.
#[cfg(unix)]
pub(super) fn take() -> io::Result<Pipes> {
    use std::os::fd::{AsRawFd, OwnedFd};

    use rustix::io::fcntl_dupfd_cloexec;
    use rustix::stdio;

    // Away from the numbers that somebody may close out of habit.
    const LOWEST: i32 = 10;
    let from: OwnedFd = fcntl_dupfd_cloexec(io::stdin(), LOWEST)?;
    let to: OwnedFd = fcntl_dupfd_cloexec(io::stdout(), LOWEST)?;
    close_all_but(from.as_raw_fd(), to.as_raw_fd());
    stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    stdio::dup2_stdout(io::stderr())?;
    Ok(Pipes {
        from: from.into(),
        to: to.into(),
    })
}

/// Closes what else the host has left open, such as what it has inherited itself: no rule for files
/// holds for a descriptor that is open already.
#[cfg(unix)]
#[allow(unsafe_code)]
fn close_all_but(one: i32, other: i32) {
    const FIRST: i32 = 3;
    let (low, high) = (one.min(other), one.max(other));
    for (first, last) in [(FIRST, low - 1), (low + 1, high - 1), (high + 1, i32::MAX)] {
        if first > last {
            continue;
        }
        #[cfg(target_os = "linux")]
        {
            // SAFETY: this is the first thing that the process does: nobody in it has opened any of them.
            let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
            if closed == 0 {
                continue;
            }
        }
        // As many as there usually are.
        for descriptor in first..=last.min(4096) {
            // SAFETY: the same.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Elsewhere a second handle is all there is: what a plugin prints there breaks a frame.
#[cfg(windows)]
pub(super) fn take() -> io::Result<Pipes> {
    use std::os::windows::io::AsHandle;

    let from = io::stdin().as_handle().try_clone_to_owned()?.into();
    let to = io::stdout().as_handle().try_clone_to_owned()?.into();
    Ok(Pipes { from, to })
}
