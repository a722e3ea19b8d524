//! Forgekeep's plugin for Bitbucket Cloud.
//!
//! Lists the repositories of one workspace (`GET /2.0/repositories/{workspace}`) and gives the
//! credentials to clone them. It knows the state of November 2026: app passwords, wikis and the
//! listings across workspaces are gone. `docs/bitbucket.md` is the manual.

#![allow(
    clippy::disallowed_methods,
    reason = "the host cleans what a plugin says"
)]

mod advice;
mod api;
mod check;
mod credentials;
mod listing;
mod lookup;
mod repository;
mod status;
mod text;
mod validate;
mod workspace;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, CheckReport, CheckRequest, ErrorKind, Finding, Host, Hoster,
    HosterError, LookupRequest, Manifest, Page, Presence, Result, Session, Severity, Source,
    export_hoster,
};

use crate::api::Account;
use crate::credentials::Credentials;

/// Bitbucket Cloud. It keeps nothing between calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bitbucket;

export_hoster!(Bitbucket);

impl Hoster for Bitbucket {
    fn manifest(&self) -> Manifest {
        let attributes = ["visibility", "fork"];
        Manifest {
            id: "bitbucket".into(),
            aliases: vec!["bitbucket-cloud".into()],
            version: env!("CARGO_PKG_VERSION").into(),
            authors: vec![env!("CARGO_PKG_AUTHORS").into()],
            description: "Bitbucket Cloud: the repositories of a workspace".into(),
            api_url: "https://api.bitbucket.org".into(),
            trusted_origins: vec!["https://bitbucket.org".into()],
            attributes: attributes.map(str::to_owned).to_vec(),
            concurrency: 4,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        validate::validate(source)
    }

    fn open(&self, source: &Source, _: &Host<'_>) -> Result<Session> {
        let mut findings = validate::validate(source).into_iter();
        match findings.find(|finding| finding.severity == Severity::Error) {
            Some(flaw) => {
                Err(HosterError::new(ErrorKind::Other, flaw.message).with_hint(flaw.hint))
            }
            None => Ok(Session::none()),
        }
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        listing::list(&Account::of(source)?, cursor, host)
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        check::check(&Account::of(source)?, host)
    }

    fn access(&self, source: &Source, what: &AccessRequest, _: &Host<'_>) -> Result<Access> {
        let auth = Credentials::of(source).for_deed(what.deed);
        Ok(Access::http(auth))
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        lookup::lookup(&what.id, &Account::of(source)?, host)
    }
}
