//! Forgekeep's plugin for GitHub, GHE.com and Enterprise Server: lists repositories of organisations and users,
//! gives the credentials to clone them, and makes some. `docs/github.md` is the manual.

mod check;
mod github;
mod listing;
mod validate;
mod write;

use forgekeep_plugin_sdk::{
    Access, AccessRequest, CheckReport, CheckRequest, Finding, Host, Hoster, LookupRequest,
    Manifest, OptionKind, OptionSpec, Page, Presence, Result, Session, Source, Target,
    export_hoster, list, look_up, texts,
};

use crate::github::{GitHub, Kept};

/// GitHub.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plugin;

export_hoster!(Plugin);

impl Hoster for Plugin {
    fn manifest(&self) -> Manifest {
        use OptionKind::{File, Flag, List, Text};
        let filters = "archived fork visibility topics languages pushedAt";
        let mut key = OptionSpec::new("privateKeyFile", File, "private key of that App, in PEM");
        key.secret = true;
        Manifest {
            id: "github".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            authors: texts(&[env!("CARGO_PKG_AUTHORS")]),
            description: "GitHub and GitHub Enterprise: users and organisations".into(),
            types: texts(&["user", "org"]),
            api_url: "https://api.github.com".into(),
            trusted_origins: texts(&["https://github.com", "https://gist.github.com"]),
            // Of api.SUB.ghe.com the domain has the clones, of a server the host itself.
            derived_origins: texts(&["https://gist.{host}", "https://{domain}"]),
            options: vec![
                OptionSpec::new("appId", Text, "id of a GitHub App, in place of a token"),
                key,
                OptionSpec::new("installationId", List, "where that App is installed"),
                OptionSpec::new("includeGists", Flag, "the user's gists as well"),
                OptionSpec::new("includeStarred", Flag, "starred gists as well"),
            ],
            attributes: filters.split(' ').map(str::to_owned).collect(),
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
        let github = GitHub::of(source, host)?;
        let mut page = list(&github, source, cursor)?;
        if cursor.is_none() {
            page.expires = github.expires()?;
        }
        Ok(page)
    }

    fn check(&self, source: &Source, _: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        check::check(&GitHub::of(source, host)?, self.list(source, None, host)?)
    }

    fn access(&self, source: &Source, what: &AccessRequest, host: &Host<'_>) -> Result<Access> {
        GitHub::of(source, host)?.access(what)
    }

    fn lookup(&self, source: &Source, what: &LookupRequest, host: &Host<'_>) -> Result<Presence> {
        look_up(&GitHub::of(source, host)?, host, what)
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }
}
