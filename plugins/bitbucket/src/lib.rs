//! Forgekeep's plugin for Bitbucket Cloud.
//!
//! Lists the repositories of one workspace (`GET /2.0/repositories/{workspace}`), or of every workspace
//! of its account, and gives the credentials to clone them. It knows the state of November 2026: app
//! passwords, wikis and the listings across workspaces are gone. `docs/bitbucket.md` is the manual.

#![allow(
    clippy::disallowed_methods,
    reason = "the host cleans what a plugin says"
)]

mod advice;
mod api;
mod check;
mod client;
mod credentials;
mod envelope;
mod every;
mod kept;
mod listing;
mod lookup;
mod member;
mod members;
mod repository;
mod slug;
mod status;
mod target;
mod text;
mod tokens;
mod validate;
mod workspace;
mod write;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, CheckReport, CheckRequest, ErrorKind, Finding, Host, Hoster,
    HosterError, LookupRequest, Manifest, OptionKind, OptionSpec, Page, Presence, Result, Session,
    Severity, Source, Target, export_hoster,
};

use crate::api::Account;
use crate::client::Client;
use crate::credentials::{CLIENT_ID, CLIENT_SECRET, OAUTH_URL};
use crate::kept::Kept;

/// Bitbucket Cloud. What it keeps of a source is the session's: a consumer's token, and what Bitbucket
/// has told of the credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bitbucket;

export_hoster!(Bitbucket);

impl Hoster for Bitbucket {
    fn manifest(&self) -> Manifest {
        let attributes = ["visibility", "fork", "languages"];
        Manifest {
            id: "bitbucket".into(),
            aliases: vec!["bitbucket-cloud".into()],
            version: env!("CARGO_PKG_VERSION").into(),
            authors: vec![env!("CARGO_PKG_AUTHORS").into()],
            description: "Bitbucket Cloud: the repositories of a workspace".into(),
            api_url: api::CLOUD.into(),
            trusted_origins: vec!["https://bitbucket.org".into()],
            options: options(),
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
            None => Ok(Session::new(Kept::new(Account::of(source)?))),
        }
    }

    fn list(&self, _: &Source, cursor: Option<&str>, host: &Host<'_>) -> Result<Page> {
        let client = Client::of(host)?;
        match client.kept.account.workspace.is_all() {
            true => every::list(&client, cursor),
            false => listing::list(&client, cursor),
        }
    }

    fn check(&self, _: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        check::check(&Client::of(host)?)
    }

    fn access(&self, _: &Source, what: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        Client::of(host)?.access(what)
    }

    fn lookup(&self, _: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        lookup::lookup(what, &Client::of(host)?)
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}

/// The keys of a source that are this plugin's own.
fn options() -> Vec<OptionSpec> {
    let mut oauth_url = OptionSpec::new(
        OAUTH_URL,
        OptionKind::Text,
        "where the OAuth consumer gets its tokens, if neither at bitbucket.org nor on the host of apiUrl",
    );
    oauth_url.trusted_origin = true;
    vec![
        OptionSpec::new(CLIENT_ID, OptionKind::Text, "key of an OAuth consumer"),
        OptionSpec::new(
            CLIENT_SECRET,
            OptionKind::Secret,
            "secret of that OAuth consumer",
        ),
        oauth_url,
    ]
}
