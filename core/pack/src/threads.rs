//! Cores, shared between the packs that are read at the same time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// Packs that are being read.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// One of the packs that are being read.
pub(crate) struct Running(usize);

impl Running {
    pub(crate) fn new() -> Self {
        Self(RUNNING.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// One large pack gets all cores, many get one each.
    pub(crate) fn threads(&self) -> usize {
        // It reads files of the control group each time.
        static CORES: OnceLock<usize> = OnceLock::new();
        let cores = CORES.get_or_init(|| available_parallelism().map_or(1, usize::from));
        (cores / self.0).max(1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
