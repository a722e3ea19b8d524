//! Forgekeep's plugin for Azure DevOps Services and Azure DevOps Server.
//!
//! Lists and makes the repositories of an organisation. `docs/azure-devops.md` is the manual.

mod connection;
mod credentials;
mod listing;
mod lookup;
mod refusal;
mod repository;
mod server;
mod validate;
mod write;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, OptionKind, OptionSpec, Page, Presence, Result, Session, Source, Target,
    export_hoster, texts,
};

use crate::server::{Kept, Server};

/// Azure DevOps.
#[derive(Clone, Copy, Debug, Default)]
pub struct AzureDevOps;

export_hoster!(AzureDevOps);

impl Hoster for AzureDevOps {
    fn manifest(&self) -> Manifest {
        let text = |key, about| OptionSpec::new(key, OptionKind::Text, about);
        let mut oauth_url = text("oauthUrl", "where else Entra tokens are made");
        oauth_url.trusted_origin = true;
        Manifest {
            id: "azure-devops".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: texts(&[env!("CARGO_PKG_AUTHORS")]),
            description: "Azure DevOps: the repositories and wikis of an organisation".into(),
            api_url: "https://dev.azure.com".into(),
            trusted_origins: texts(&[credentials::ENTRA]),
            options: vec![
                text("tenantId", "Entra tenant of a service principal"),
                text("clientId", "application (client) id of that principal"),
                OptionSpec::new("clientSecret", OptionKind::Secret, "a client secret of it"),
                oauth_url,
            ],
            attributes: texts(&["fork", "visibility"]),
            concurrency: 4,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        validate::validate(source)
    }

    fn open(&self, _: &Source, _: &Host<'_>) -> Result<Session> {
        Ok(Session::new(Kept::default()))
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        listing::list(&Server::of(source, host)?, cursor)
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        connection::check(&Server::of(source, host)?)
    }

    fn access(&self, source: &Source, what: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        Server::of(source, host)?.signer.access(host, what)
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        lookup::lookup(&Server::of(source, host)?, what)
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}
