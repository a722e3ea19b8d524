//! Systems without confinement: a process of its own, and captured output.

use std::path::Path;

use super::{Confinement, Part, System};

/// This system.
pub(super) struct This;

impl System for This {
    fn protect_host(&self) {}

    fn settle(&self, _memory: u64, confinement: &mut Confinement) {
        #[cfg(unix)]
        super::ignore_signals();
        let none = || Err("not on this operating system".to_owned());
        confinement.note(Part::Memory, none());
    }

    fn before_opening(&self, _plugin: &Path, confinement: &mut Confinement) {
        for part in [Part::Privileges, Part::SystemCalls, Part::Files] {
            confinement.note(part, Err("not on this operating system".to_owned()));
        }
    }

    fn after_hello(&self, _confinement: &mut Confinement) {}
}
