//! What the engine asks of a hoster. Whoever implements these traits answers for a hoster's API;
//! the host implements them over plugins.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_http::Authorization;
use forgekeep_untrusted::{Printable, Secret, Untrusted};
use url::Url;

pub use forgekeep_http::Services;

/// Who a hoster's plugin is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HosterInfo {
    /// The `hoster:` of a source.
    pub id: String,
    /// Other values of `hoster:` it answers to.
    pub aliases: Vec<String>,
    /// The plugin's own version.
    pub version: Printable,
    /// Who made it.
    pub authors: Vec<Printable>,
    /// One line about it.
    pub description: Printable,
    /// Base of the hoster's API for sources without `apiUrl`.
    pub api_url: String,
    /// Further origins that may get its credentials, besides the API's own.
    pub trusted_origins: Vec<String>,
    /// Keys of a source that only this hoster knows, and what they mean.
    pub options: Vec<(Printable, Printable)>,
    /// File it was loaded from.
    pub file: PathBuf,
}

/// A source as its hoster sees it.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Title in the configuration.
    pub title: String,
    /// Workspace, organisation or user to list.
    pub name: String,
    /// `user`, `org` or empty.
    pub kind: String,
    /// User name for git; may be empty.
    pub auth_name: String,
    /// User name for the API; may be empty.
    pub api_auth_name: String,
    /// Password or token.
    pub secret: Option<Secret>,
    /// Base of the API, without a slash at the end.
    pub api_url: String,
}

/// What an online check found.
#[derive(Clone, Debug, Default)]
pub struct CheckReport {
    /// How the hoster was spoken to.
    pub identity: Printable,
    /// Number of repositories visible, where known.
    pub visible: Option<u64>,
    /// Whatever is worth saying.
    pub findings: Vec<Finding>,
}

/// A repository of a hoster. Everything in it is data from outside: names are encoded before they
/// become paths, URLs are checked before they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The hoster's immutable identity.
    pub id: Untrusted,
    /// Full name as the hoster shows it.
    pub full_name: Untrusted,
    /// URL to clone from.
    pub clone_url: Untrusted,
    /// URL of the wiki's repository, where there is said to be one.
    pub wiki_url: Option<Untrusted>,
    /// Default branch without `refs/heads/`, where known.
    pub default_branch: Option<Untrusted>,
    /// Size in bytes as the hoster states it.
    pub size: Option<u64>,
    /// Whether it is private.
    pub private: bool,
    /// Why it cannot be backed up by git, if so.
    pub skip: Option<Printable>,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The repositories on it.
    pub repositories: Vec<Repository>,
    /// How many there are in all, where the hoster says so.
    pub total: Option<u64>,
    /// What there is to say about the listing.
    pub notes: Vec<Finding>,
}

/// A hoster's plugin. Called from several threads.
pub trait Hoster: Send + Sync {
    /// Who it is.
    fn info(&self) -> &HosterInfo;

    /// Whether a source can work, judged without a network.
    fn validate(&self, source: &SourceSpec) -> Result<Vec<Finding>, Failure>;

    /// Opens a session for a source; makes no request yet.
    fn open(&self, source: SourceSpec, services: Services) -> Result<Box<dyn Session>, Failure>;
}

/// A hoster, open for one source. Used by one thread at a time.
pub trait Session: Send {
    /// Asks the hoster whether the source works.
    fn check(&mut self) -> Result<CheckReport, Failure>;

    /// The next page of the listing, `None` after the last. Not called again after a failure.
    fn next_page(&mut self) -> Result<Option<Page>, Failure>;

    /// What the hoster says of the repository with an identity. Also called after the listing.
    fn lookup(&mut self, id: &Untrusted) -> Result<Presence, Failure>;

    /// Credentials for cloning a repository of this listing; asked before each attempt, and once more after
    /// they were refused.
    fn git_access(&mut self, repository: &Repository) -> Result<Authorization, Failure>;
}

/// What a hoster says of a repository that it no longer lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    There(Box<Repository>),
    /// It is not shown, which proves nothing: hosters answer alike for what does not exist and for
    /// what these credentials may not see.
    Hidden,
    /// It was deleted, and the hoster has proved it. A status alone (404, 410) is no proof.
    Deleted,
}

/// The hosters there are, by id and alias.
#[derive(Clone, Default)]
pub struct Registry {
    hosters: BTreeMap<String, Arc<dyn Hoster>>,
    aliases: BTreeMap<String, String>,
    unfit: BTreeMap<String, Failure>,
}

impl Registry {
    /// Adds a hoster. An alias that is taken already is left to whoever has it.
    ///
    /// # Errors
    ///
    /// The hoster that has the id, if it is taken.
    pub fn add(&mut self, hoster: Arc<dyn Hoster>) -> Result<(), Arc<dyn Hoster>> {
        let info = hoster.info().clone();
        if let Some(other) = self.find(&info.id) {
            return Err(other);
        }
        for alias in info.aliases {
            if self.find(&alias).is_none() {
                self.aliases.insert(alias, info.id.clone());
            }
        }
        self.hosters.insert(info.id, hoster);
        Ok(())
    }

    /// Notes that there is a plugin for an id, but it could not be loaded: sources that need it
    /// fail with this reason.
    pub fn add_unfit(&mut self, id: &str, why: Failure) {
        self.unfit.entry(id.to_owned()).or_insert(why);
    }

    /// The hoster for a `hoster:` of the configuration.
    pub fn find(&self, id: &str) -> Option<Arc<dyn Hoster>> {
        let id = self.aliases.get(id).map_or(id, String::as_str);
        self.hosters.get(id).cloned()
    }

    /// All hosters, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Hoster>> {
        self.hosters.values()
    }

    /// The hoster of a source, or why there is none.
    pub fn require(&self, id: &str) -> Result<Arc<dyn Hoster>, Failure> {
        self.find(id).ok_or_else(|| {
            if let Some(why) = self.unfit.get(id) {
                return why.clone();
            }
            let known: Vec<&str> = self.hosters.keys().map(String::as_str).collect();
            let nearest = known
                .iter()
                .filter(|candidate| strsim::damerau_levenshtein(candidate, id) <= 2)
                .min_by_key(|candidate| strsim::damerau_levenshtein(candidate, id));
            let hint = match (nearest, known.as_slice()) {
                (Some(near), _) => format!("did you mean \"{near}\"?"),
                (None, []) => "install plugins where `forgekeep plugins list` looks for them: none was found at all".to_owned(),
                (None, known) => format!(
                    "choose one there is a plugin for: {}; `forgekeep plugins list` shows where they are looked for",
                    known.join(", ")
                ),
            };
            Failure::new(
                ErrorKind::PluginMissing,
                format!("no plugin serves the hoster \"{id}\""),
            )
            .with_hint(hint)
        })
    }
}

/// The base of the API that a source talks to: its own `apiUrl`, else the hoster's.
pub fn api_url(info: &HosterInfo, own: Option<&Url>) -> Result<Url, Failure> {
    if let Some(url) = own {
        return Ok(url.clone());
    }
    if info.api_url.is_empty() {
        return Err(Failure::new(
            ErrorKind::Config,
            format!("the hoster \"{}\" has no address of its own", info.id),
        )
        .with_hint("give the source an apiUrl"));
    }
    Url::parse(&info.api_url).map_err(|error| {
        Failure::new(
            ErrorKind::Plugin,
            format!(
                "the plugin {} gives an API address that is not a URL: {error}",
                info.id
            ),
        )
        .with_hint("report it to the plugin's authors: this is a bug in the plugin")
    })
}
