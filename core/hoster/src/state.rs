//! What is kept for the plugin of a source.

use std::collections::BTreeMap;
use std::path::PathBuf;

use forgekeep_failure::Failure;
use forgekeep_untrusted::Secret;
use parking_lot::Mutex;

/// A value that a plugin keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateValue {
    /// The text.
    pub value: Secret,
    /// Whether it is to be kept out of all messages.
    pub secret: bool,
}

/// What is kept for the plugin of a source, between runs where that is asked for.
pub trait SourceState: Send + Sync {
    /// Everything that is kept, by key.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn values(&self) -> Result<BTreeMap<String, StateValue>, Failure>;

    /// Keeps a value, or removes it. It lasts when this returns.
    ///
    /// # Errors
    ///
    /// There is no room for it, or it cannot be written.
    fn put(&self, key: &str, value: Option<StateValue>) -> Result<(), Failure>;

    /// A folder for what is downloaded, on the disk of the backup where there is one.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    fn downloads(&self) -> Result<PathBuf, Failure>;
}

/// What is kept in memory alone, as in a dry run. It begins with what is there.
#[derive(Debug, Default)]
pub struct MemoryState {
    values: Mutex<BTreeMap<String, StateValue>>,
}

impl MemoryState {
    /// One that begins with these.
    pub fn beginning_with(values: BTreeMap<String, StateValue>) -> Self {
        Self {
            values: Mutex::new(values),
        }
    }
}

impl SourceState for MemoryState {
    fn values(&self) -> Result<BTreeMap<String, StateValue>, Failure> {
        Ok(self.values.lock().clone())
    }

    fn put(&self, key: &str, value: Option<StateValue>) -> Result<(), Failure> {
        let mut values = self.values.lock();
        match value {
            Some(value) => values.insert(key.to_owned(), value),
            None => values.remove(key),
        };
        Ok(())
    }

    fn downloads(&self) -> Result<PathBuf, Failure> {
        Ok(std::env::temp_dir())
    }
}
