//! What can be called: bytes in, bytes out.

use crate::broken::Broken;

/// A document and the raw bytes that it speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// A JSON object. Nobody here has looked at it.
    pub doc: Vec<u8>,
    /// Raw bytes.
    pub body: Vec<u8>,
}

/// What a method has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Its result.
    Result(Reply),
    /// An error, as a document.
    Error(Reply),
}

/// What the host answers to a plugin's own requests.
pub trait HostCalls: Send + Sync {
    /// Answers one request; several may be under way at a time. `None`: there is no such method, which
    /// the plugin sees as "unsupported".
    fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered>;
}

/// A plugin that can be called: in a worker process, or in this one.
pub trait Plugin: Send + Sync {
    /// Asks the plugin (object 0), or one of the objects that it has opened. Several calls may be under
    /// way at a time.
    ///
    /// The clock of a call runs from here on, also while the call waits for its turn: for one of the
    /// worker's threads, or in the plugin, which may take an object's calls one after the other. So
    /// whoever calls lets in only as many calls of one object at a time as the plugin's manifest allows
    /// (`concurrency`); one that had to wait behind another would run out of time by no fault of its own.
    ///
    /// # Errors
    ///
    /// The plugin did not answer by the rules, or not at all.
    fn call(
        &self,
        object: u64,
        method: &str,
        doc: &[u8],
        body: &[u8],
        host: &dyn HostCalls,
    ) -> Result<Answered, Broken>;

    /// An object is no longer needed. To be said once, when no call on it is under way; nothing
    /// happens for object 0.
    fn drop_object(&self, object: u64);
}
