//! `list --json`.

use forgekeep_config::filter::Decision;
use forgekeep_engine::run::{ListedSource, left_out};
use forgekeep_failure::{ExitCode, Failure, Finding};
use forgekeep_hoster::{PartKind, Repository};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

use crate::SCHEMA;

/// What `forgekeep list --json` prints.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListDocument<'a> {
    /// Version of this format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: u32,
    /// Exit code of the process.
    exit_code: ExitCode,
    /// The sources, in the order of the configuration.
    sources: Vec<Listed<'a>>,
}

/// A source, as its hoster lists it.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
struct Listed<'a> {
    /// Title in the configuration.
    title: &'a str,
    /// Hoster in the configuration.
    hoster: &'a str,
    /// Number of its repositories.
    listed: usize,
    /// Its repositories.
    repositories: Vec<ListedRepository<'a>>,
    /// What there is to say.
    notes: &'a [Finding],
    /// Why it could not be listed, if so.
    error: Option<&'a Failure>,
}

/// A repository, as its hoster lists it.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRepository<'a> {
    /// The hoster's immutable identity.
    id: &'a Untrusted,
    /// Full name at the hoster.
    name: &'a Untrusted,
    /// Address that git clones, without credentials.
    clone_url: Untrusted,
    /// The same of its wiki, if there is one.
    wiki_url: Option<&'a Untrusted>,
    /// Default branch without `refs/heads/`, where known.
    default_branch: Option<&'a Untrusted>,
    /// Size in bytes, where the hoster says it.
    size: Option<u64>,
    /// Whether it is private.
    private: bool,
    /// Whether it is archived.
    archived: bool,
    /// Whether it is a fork.
    fork: bool,
    /// Its topics, where the hoster says them.
    topics: &'a [Untrusted],
    /// Its programming languages, where the hoster says them.
    languages: &'a [Untrusted],
    /// When it was last pushed to, where the hoster says it.
    pushed_at: Option<Timestamp>,
    /// Why it would not be backed up, if so.
    left_out: Option<Printable>,
}

impl<'a> ListDocument<'a> {
    /// Of listed sources.
    pub fn new(exit_code: ExitCode, sources: &'a [ListedSource]) -> Self {
        Self {
            schema: SCHEMA,
            exit_code,
            sources: sources.iter().map(Listed::from).collect(),
        }
    }
}

impl<'a> From<&'a ListedSource> for Listed<'a> {
    fn from(source: &'a ListedSource) -> Self {
        let all = source.repositories.as_deref().unwrap_or_default();
        let repositories = all.iter().map(|(one, decision)| of(one, *decision));
        Self {
            title: &source.title,
            hoster: &source.hoster,
            listed: all.len(),
            repositories: repositories.collect(),
            notes: &source.notes,
            error: source.repositories.as_ref().err(),
        }
    }
}

fn of(repository: &Repository, decision: Decision) -> ListedRepository<'_> {
    let git = repository.part(PartKind::Git);
    let wiki = repository.part(PartKind::Wiki);
    ListedRepository {
        id: &repository.id,
        name: &repository.full_name,
        clone_url: repository.clone_url(),
        wiki_url: wiki.map(|part| &part.url),
        default_branch: git.and_then(|git| git.default_branch.as_ref()),
        size: repository.size(),
        private: repository.is_private(),
        archived: repository.archived,
        fork: repository.fork,
        topics: &repository.topics,
        languages: &repository.languages,
        pushed_at: repository.pushed_at,
        left_out: left_out(repository, decision),
    }
}
