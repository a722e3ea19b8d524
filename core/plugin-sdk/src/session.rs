use std::any::Any;
use std::sync::Arc;

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
