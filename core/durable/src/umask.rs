//! Which permissions new files and folders get: the one place where the process's umask is set.

/// While this lives, what is made is as open as the backup may be; afterwards as the user has it, for
/// reports and restored files. The umask is the process's: for commands that do one thing at a time.
#[must_use]
pub struct OfBackup {
    #[cfg(unix)]
    before: rustix::fs::Mode,
}

impl OfBackup {
    /// Sets the umask.
    #[cfg(unix)]
    pub fn set(umask: u32) -> Self {
        use rustix::fs::Mode;

        Self {
            before: rustix::process::umask(Mode::from_bits_truncate(umask)),
        }
    }

    /// There is none.
    #[cfg(not(unix))]
    pub fn set(_umask: u32) -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for OfBackup {
    fn drop(&mut self) {
        rustix::process::umask(self.before);
    }
}
