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

use forgekeep_plugin_sdk_draft::{
    CheckReport, Finding, GitAccess, Hoster, HosterError, Manifest, Page, Repository, Services,
    Session, Severity, Source, error_kind,
};

use crate::api::Account;
use crate::listing::Listing;

/// Bitbucket Cloud.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bitbucket;

forgekeep_plugin_sdk_draft::export_hoster!(Bitbucket);

impl Hoster for Bitbucket {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "bitbucket".into(),
            aliases: vec!["bitbucket-cloud".into()].into(),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: vec![env!("CARGO_PKG_AUTHORS").into()].into(),
            description: "Bitbucket Cloud: the repositories of a workspace".into(),
            api_url: "https://api.bitbucket.org".into(),
            trusted_origins: vec!["https://bitbucket.org".into()].into(),
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        validate::validate(source)
    }

    fn open(&self, source: Source, services: Services) -> Result<Box<dyn Session>, HosterError> {
        if let Some(flaw) = validate::validate(&source)
            .into_iter()
            .find(|finding| finding.severity == Severity::Error)
        {
            return Err(HosterError::new(error_kind::OTHER, flaw.message).with_hint(flaw.hint));
        }
        let account = Account::of(&source)?;
        let listing = Listing::of(&account)?;
        Ok(Box::new(BitbucketSession {
            account,
            listing,
            services,
        }))
    }
}

/// One workspace, open.
struct BitbucketSession {
    account: Account,
    listing: Listing,
    services: Services,
}

impl Session for BitbucketSession {
    fn next_page(&mut self) -> Result<Option<Page>, HosterError> {
        self.listing.next_page(&self.account, &self.services)
    }

    fn check(&mut self) -> Result<CheckReport, HosterError> {
        check::check(&self.account, &self.services)
    }

    fn lookup(&mut self, id: &str) -> Result<Option<Repository>, HosterError> {
        lookup::lookup(id, &self.account, &self.services)
    }

    fn git_access(&mut self, _repository: &Repository) -> Result<GitAccess, HosterError> {
        Ok(GitAccess::new(self.account.credentials.git()))
    }
}
