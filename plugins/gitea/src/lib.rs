//! Forgekeep's plugin for Gitea, Forgejo, Codeberg and Gogs.
//!
//! Lists what there is, says how to clone it, and makes repositories. `docs/gitea.md` is the manual.

mod account;
mod check;
mod listing;
mod lookup;
mod owner;
mod repository;
mod server;
mod sight;
mod write;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, Page, Presence, Result, Session, Source, Target, export_hoster, first_filled,
    name_findings, source_findings, texts,
};

use crate::server::{Kept, Server};

/// Gitea and its relatives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gitea;

export_hoster!(Gitea);

impl Hoster for Gitea {
    fn manifest(&self) -> Manifest {
        Manifest {
            id: "gitea".into(),
            aliases: texts(&["forgejo", "codeberg", "gogs"]),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: texts(&[env!("CARGO_PKG_AUTHORS")]),
            description: "Gitea, Forgejo, Codeberg, Gogs: users and organisations".into(),
            types: texts(&["user", "org"]),
            // Topics and languages are filled in where the server has them; older ones have not.
            attributes: texts(&["archived", "fork", "visibility"]),
            concurrency: 4,
            ..Manifest::default()
        }
    }

    fn validate(&self, source: &Source) -> Vec<Finding> {
        let page = "/user/settings/applications of the server";
        let findings = source_findings(source, "/api/v1", "codeberg.org", page);
        [findings, name_findings(source)].concat()
    }

    fn open(&self, _: &Source, _: &Host<'_>) -> Result<Session> {
        Ok(Session::new(Kept::default()))
    }

    fn list(&self, source: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        let server = Server::of(source, host)?;
        server.advised(listing::list(&server, cursor).map(|(page, _)| page))
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let server = Server::of(source, host)?;
        server.advised(check::check(&server))
    }

    fn access(&self, source: &Source, what: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        let server = Server::of(source, host)?;
        // With a token, servers look at no user name. Some versions of Gogs take the token in its place.
        Ok(match &server.secret {
            Some(secret) if what.refused_before && server.version()?.is_none() => {
                Access::http(Auth::basic(secret.expose(), secret))
            }
            _ => server.access(first_filled(&[&source.api_auth_name, "oauth2"])),
        })
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        let server = Server::of(source, host)?;
        server.advised(lookup::lookup(&server, what))
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}
