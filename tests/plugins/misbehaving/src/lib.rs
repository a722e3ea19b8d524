//! A plugin that does what plugins must not.
//!
//! It is made with the SDK like any other, has the id `misbehaving`, and reads from the environment
//! what to do wrong, each time it is called:
//!
//! - `FORGEKEEP_MISBEHAVE` names the misbehaviour; see modules `listing` and `access`. With
//!   none it is a good plugin, which lists `acme/one` and `acme/two`.
//! - `FORGEKEEP_MISBEHAVE_CLONE_BASE` is what clone URLs begin with (no slash at the end), and the
//!   manifest's `api_url`.
//! - `FORGEKEEP_MISBEHAVE_ORIGIN` is the foreign origin that `direct-origin` and `direct-header`
//!   turn to.

mod access;
mod listing;

use std::collections::HashMap;
use std::env;

use forgekeep_plugin_sdk_draft::{
    Authorization, CheckReport, Finding, GitAccess, Hoster, HosterError, Manifest, Page, RSome,
    RString, Repository, SecretString, Services, Session, Source,
};

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct Misbehaving;

forgekeep_plugin_sdk_draft::export_hoster!(Misbehaving);

/// What to do wrong now.
fn misbehaviour() -> String {
    env::var("FORGEKEEP_MISBEHAVE").unwrap_or_default()
}

fn clone_base() -> String {
    env::var("FORGEKEEP_MISBEHAVE_CLONE_BASE")
        .unwrap_or_else(|_| "https://misbehaving.example".to_owned())
}

fn foreign_origin() -> String {
    env::var("FORGEKEEP_MISBEHAVE_ORIGIN").unwrap_or_else(|_| "https://evil.example".to_owned())
}

/// Panics if this is the method to panic in.
fn panic_in(method: &str) {
    if misbehaviour()
        .strip_prefix("panic-")
        .is_some_and(|wanted| wanted == method)
    {
        panic!("as wanted, in {method}");
    }
}

impl Default for Misbehaving {
    fn default() -> Self {
        panic_in("new");
        Self
    }
}

impl Hoster for Misbehaving {
    fn manifest(&self) -> Manifest {
        panic_in("manifest");
        let id = match misbehaviour().as_str() {
            "bad-id" => "../../etc",
            "empty-id" => "",
            "take-bitbucket" => "bitbucket",
            _ => "misbehaving",
        };
        Manifest {
            id: id.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Does what plugins must not".into(),
            api_url: clone_base().into(),
            ..Manifest::default()
        }
    }

    fn validate(&self, _source: &Source) -> Vec<Finding> {
        panic_in("validate");
        Vec::new()
    }

    fn open(&self, source: Source, services: Services) -> Result<Box<dyn Session>, HosterError> {
        panic_in("open");
        Ok(Box::new(MisbehavingSession {
            source,
            services,
            pages: 0,
            accesses: HashMap::new(),
        }))
    }
}

struct MisbehavingSession {
    source: Source,
    services: Services,
    /// Pages given so far.
    pages: u64,
    /// Credentials given so far, by repository.
    accesses: HashMap<RString, u64>,
}

impl MisbehavingSession {
    fn secret(&self) -> SecretString {
        match &self.source.secret {
            RSome(secret) => secret.clone(),
            _ => SecretString::new("no-secret-configured"),
        }
    }

    fn authorization(&self) -> Authorization {
        match &self.source.secret {
            RSome(secret) => Authorization::Basic {
                user: "misbehaving".into(),
                secret: secret.clone(),
            },
            _ => Authorization::Anonymous,
        }
    }
}

impl Session for MisbehavingSession {
    fn next_page(&mut self) -> Result<Option<Page>, HosterError> {
        panic_in("next-page");
        self.pages += 1;
        listing::page(self)
    }

    fn check(&mut self) -> Result<CheckReport, HosterError> {
        panic_in("check");
        if let Some(error) = listing::failure(self) {
            return Err(error);
        }
        Ok(CheckReport {
            identity: "nobody in particular".into(),
            ..CheckReport::default()
        })
    }

    fn git_access(&mut self, repository: &Repository) -> Result<GitAccess, HosterError> {
        panic_in("git-access");
        let given = self.accesses.entry(repository.id.clone()).or_default();
        *given += 1;
        let given = *given;
        Ok(GitAccess::new(access::of(self, given)))
    }
}

impl Drop for MisbehavingSession {
    fn drop(&mut self) {
        panic_in("drop");
    }
}
