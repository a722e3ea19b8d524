//! Forgekeep's plugin for Gitea, Forgejo, Codeberg and Gogs.
//!
//! Lists the repositories of an organisation, of a user, or of all that an account owns or is a member
//! of, and gives the credentials to clone them. `docs/gitea.md` is the manual.

mod account;
mod check;
mod listing;
mod lookup;
mod owner;
mod repository;
mod server;
mod sight;
mod validate;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, Auth, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, Page, Presence, Result, Session, Source, export_hoster, ssh_access, texts,
};

use crate::server::{Kept, Server, git_user};

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
        validate::validate(source)
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
        if let Some(access) = ssh_access(what)? {
            return Ok(access);
        }
        let server = Server::of(source, host)?;
        let Some(secret) = &server.secret else {
            return Ok(Access::default());
        };
        // Some versions of Gogs take a token only in place of the user's name.
        let user = match what.refused_before && server.version()?.is_none() {
            true => secret.expose(),
            false => git_user(source),
        };
        Ok(Access::http(Auth::basic(user, secret)))
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        let server = Server::of(source, host)?;
        server.advised(lookup::lookup(&server, what))
    }
}
