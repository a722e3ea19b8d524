//! Confinement on Linux.

mod files;
mod seccomp;

use std::io;
use std::path::Path;

use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::{Confinement, Part, System};

/// Descriptors that a worker may have: what is in pipes is not counted for the limit of memory.
const MOST_DESCRIPTORS: u64 = 256;

/// Bytes of the first thread's stack, which is not counted for it either: as many as are usual. The
/// stacks of further threads are.
const MOST_STACK: u64 = 8 << 20;

/// This system.
pub(super) struct This;

impl System for This {
    fn protect_host(&self) {
        let hidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        if let Err(error) = hidden {
            log::debug!("this process cannot be hidden from others of its user: {error}");
        }
    }

    fn settle(&self, memory: u64, confinement: &mut Confinement) {
        super::ignore_signals();
        // It holds secrets: of its source, and not for other workers.
        let _ = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
        // The host starts workers on a thread that lives as long as it does. If it is gone already,
        // there is nothing to be read from it, and the worker ends by that.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        let _ = limit(Resource::Core, 0);
        let _ = limit(Resource::Nofile, MOST_DESCRIPTORS);
        let _ = limit(Resource::Stack, MOST_STACK);
        let limited = limit(Resource::Data, memory).map_err(|error| error.to_string());
        confinement.note(Part::Memory, limited);
    }

    fn before_opening(&self, plugin: &Path, confinement: &mut Confinement) {
        let privileges = rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string());
        confinement.note(Part::Privileges, privileges);
        confinement.note(Part::SystemCalls, seccomp::install());
        confinement.note(Part::Files, files::only_what_loading_needs(plugin));
    }

    fn after_hello(&self, confinement: &mut Confinement) {
        let given_up = give_up_capabilities().map_err(|error| error.to_string());
        confinement.note(Part::Privileges, given_up);
        confinement.note(Part::Files, files::none());
    }
}

/// Gives up what root may do besides; until the plugin is loaded it may be needed to read its folder. Where there
/// is nothing to give up, the system is not asked: the filter of a service may refuse even that.
fn give_up_capabilities() -> io::Result<()> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    match rustix::thread::capabilities(None) {
        Ok(has) if has == none => Ok(()),
        _ => Ok(rustix::thread::set_capabilities(None, none)?),
    }
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(rustix::process::setrlimit(resource, limit)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_already_is_not_asked_for() {
        // Both are a thread's own.
        let thread = std::thread::spawn(|| {
            rustix::thread::set_no_new_privs(true).unwrap();
            give_up_capabilities().unwrap();
            seccomp::refuse_only(libc::SYS_capset).unwrap();
            let none = rustix::thread::capabilities(None).unwrap();
            assert!(rustix::thread::set_capabilities(None, none).is_err());
            give_up_capabilities().unwrap();
        });
        thread.join().unwrap();
    }
}
