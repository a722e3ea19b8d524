use std::any::Any;
use std::sync::{Arc, OnceLock};

use forgekeep_plugin_documents::HosterError;

/// What a plugin keeps of a source between calls: a token that it has made, what it has listed. After
/// a panic, and in a new process, there is another one. [`Hoster::open`](crate::Hoster::open) gives
/// it, [`Host::session`](crate::Host::session) gives it back.
#[derive(Clone)]
pub struct Session(Arc<dyn Any + Send + Sync>);

impl Session {
    /// Keeps this. Calls come one at a time by default, but from any thread: what changes belongs in
    /// a lock.
    pub fn new<T: Send + Sync + 'static>(kept: T) -> Self {
        Self(Arc::new(kept))
    }

    /// Keeps nothing.
    pub fn none() -> Self {
        Self::new(())
    }

    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

/// What is kept in a cell of a session, made where it is not there yet. An error is not kept: the next one
/// that asks tries again.
///
/// # Errors
///
/// Those of `make`.
pub fn kept<T>(
    cell: &OnceLock<T>,
    make: impl FnOnce() -> Result<T, HosterError>,
) -> Result<&T, HosterError> {
    match cell.get() {
        Some(kept) => Ok(kept),
        None => make().map(|made| cell.get_or_init(|| made)),
    }
}
