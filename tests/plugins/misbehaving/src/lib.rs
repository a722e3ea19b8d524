//! A plugin that does what plugins must not.
//!
//! It is made with the SDK like any other, and has the id `misbehaving`. What it does wrong is written
//! into its file: the tests make a copy of the library in which `settings` are filled in, since a plugin
//! sees neither the environment of the host nor a file beside it. Empty settings make a good plugin, which
//! lists `acme/one` and `acme/two`.
//!
//! The misbehaviours are those of modules `deaths`, `listing`, `requests`, `services` and `access`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it says what it must not"
)]

mod access;
mod deaths;
mod listing;
mod requests;
mod services;
mod settings;

use std::collections::HashMap;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, Page, Presence, Result, Session, Source,
};
use parking_lot::Mutex;

use settings::{clone_base, misbehaviour};

/// The plugin.
pub struct Misbehaving;

forgekeep_plugin_sdk::export_hoster!(Misbehaving);

/// What is kept of a source.
struct Kept {
    /// Calls of each method, and for access of each part of a repository.
    calls: Mutex<HashMap<String, u64>>,
    _dropped: Dropped,
}

impl Kept {
    /// How often this was called, this time included.
    fn count(&self, what: &str) -> u64 {
        let mut calls = self.calls.lock();
        let count = calls.entry(what.to_owned()).or_default();
        *count += 1;
        *count
    }
}

/// Misbehaves when it is dropped.
struct Dropped;

impl Drop for Dropped {
    fn drop(&mut self) {
        deaths::in_method("drop");
    }
}

impl Default for Misbehaving {
    fn default() -> Self {
        deaths::in_method("new");
        Self
    }
}

impl Hoster for Misbehaving {
    fn manifest(&self) -> Manifest {
        deaths::in_method("manifest");
        let id = match misbehaviour() {
            "bad-id" => "../../etc",
            "empty-id" => "",
            "take-bitbucket" => "bitbucket",
            _ => "misbehaving",
        };
        Manifest {
            id: id.into(),
            aliases: vec!["odd".into()],
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Does what plugins must not".into(),
            api_url: clone_base().into(),
            types: ["user", "org", "group"].map(Into::into).to_vec(),
            derived_origins: vec!["http://gist.{host}".into()],
            options: services::options(),
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        settings::choose(source);
        deaths::in_method("validate");
        Vec::new()
    }

    fn open(&self, source: &Source, _host: &Host<'_>) -> Result<Session> {
        settings::choose(source);
        deaths::in_method("open");
        Ok(Session::new(Kept {
            calls: Mutex::default(),
            _dropped: Dropped,
        }))
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        deaths::in_method("list");
        listing::page(source, cursor, host)
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        deaths::in_method("check");
        if let Some(error) = listing::failure(source, host) {
            return Err(error);
        }
        Ok(CheckReport {
            identity: "nobody in particular".into(),
            ..CheckReport::default()
        })
    }

    fn access(&self, source: &Source, what: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        // One repository shows that the next one fares better.
        if what.full_name == "acme/one" {
            deaths::in_method("access");
        }
        let kept = host.session::<Kept>()?;
        let part = format!("{} of {}", what.part.kind.word(), what.id);
        let (given, of_all) = (kept.count(&part), kept.count("access"));
        Ok(Access::http(access::of(source, host, given, of_all)))
    }

    fn lookup(&self, _: &Source, _: &LookupRequest, _: &Host<'_>) -> Result<Presence> {
        deaths::in_method("lookup");
        Ok(Presence::Hidden)
    }
}

/// The source's own credentials.
fn own(source: &Source) -> Auth {
    match source.password() {
        Some(secret) => Auth::basic("misbehaving", secret),
        None => Auth::None,
    }
}
