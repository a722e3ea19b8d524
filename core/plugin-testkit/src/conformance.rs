//! The conformance kit: one call runs a plugin through all that a host, and a hoster, may do to it.
//!
//! A plugin's test writes a [`Forge`] down, which says how its hoster answers, and calls [`run`].

mod answers;
mod asker;
mod identity;
mod listing;

use forgekeep_plugin_sdk::__private::Exported;
use forgekeep_plugin_sdk::Source;

use crate::script::Script;
use crate::testee::Testee;
use crate::wire::Callee;

use asker::Asker;

/// A repository of the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// A number that no other one has: the forge makes its immutable identity of it.
    pub number: u32,
    /// Its name, below its owner. It may be anything.
    pub name: String,
}

impl Entry {
    /// A repository.
    pub fn new(number: u32, name: &str) -> Self {
        Self {
            number,
            name: name.to_owned(),
        }
    }
}

/// How a hoster answers: what the kit needs to know of it.
pub trait Forge {
    /// A sound source, with a password, as the host opens it: `api_url` is filled in.
    fn source(&self) -> Source;

    /// The full name that the plugin is to give an entry.
    fn full_name(&self, entry: &Entry) -> String;

    /// The identity that the plugin is to give an entry.
    fn id(&self, entry: &Entry) -> String;

    /// Answers a listing of these pages; of the last one, there is none after it. There is always one
    /// page, which may be empty.
    fn script(&self, pages: &[Vec<Entry>]) -> Script;

    /// The address of a page of it, counted from 0.
    fn address(&self, page: usize) -> String;

    /// Answers a listing whose first page names this address as its next one, as it is. `None` where
    /// the hoster's pages name none.
    fn linked(&self, next: &str) -> Option<Script> {
        let _ = next;
        None
    }

    /// Sources that cannot work whatever the hoster says, each with what is wrong with it.
    fn unsound(&self) -> Vec<(&'static str, Source)> {
        Vec::new()
    }
}

/// Runs a plugin through everything. Panics with all that it does wrong, a line each.
pub fn run<H: Exported>(forge: &dyn Forge) {
    let faults = faults(Testee::of::<H>().callee(), forge);
    assert!(
        faults.is_empty(),
        "the plugin does not conform:\n  {}",
        faults.join("\n  ")
    );
}

/// The same for a plugin that asks no hoster anything: who it is, and what it makes of calls that nobody
/// expects.
pub fn run_without_a_forge<H: Exported>() {
    let faults = faults_without_a_forge(Testee::of::<H>().callee());
    assert!(
        faults.is_empty(),
        "the plugin does not conform:\n  {}",
        faults.join("\n  ")
    );
}

/// What a plugin does wrong, a line each.
pub fn faults(callee: &dyn Callee, forge: &dyn Forge) -> Vec<String> {
    let mut asker = Asker::new(callee, Some(&forge.source()));
    if let Some(manifest) = identity::check(&mut asker) {
        asker.allow(&manifest, &forge.source());
        identity::check_sources(&mut asker, forge);
        listing::check(&mut asker, forge);
        answers::check(&mut asker, forge);
    }
    asker.into_faults()
}

/// What a plugin does wrong of what can be seen without knowing its hoster.
pub fn faults_without_a_forge(callee: &dyn Callee) -> Vec<String> {
    let mut asker = Asker::new(callee, None);
    identity::check(&mut asker);
    asker.into_faults()
}
