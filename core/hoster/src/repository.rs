//! What a hoster has, and what it says of it.

use forgekeep_config::filter::{Facts, VisibilityWord};
use forgekeep_failure::{Failure, Finding};
use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;
use serde::Serialize;

/// A repository of a hoster. Everything in it is data from outside: names are encoded before they
/// become paths, URLs are checked before they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// The hoster's immutable identity.
    pub id: Untrusted,
    /// What the hoster's plugin knows it by in this run; may be empty.
    pub handle: Untrusted,
    /// Full name as the hoster shows it.
    pub full_name: Untrusted,
    /// Its description.
    pub description: Untrusted,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it was archived: nobody writes to it.
    pub archived: bool,
    /// Whether it is a fork of another one.
    pub fork: bool,
    /// Its topics, where the hoster says so.
    pub topics: Vec<Untrusted>,
    /// Its programming languages, where the hoster says so.
    pub languages: Vec<Untrusted>,
    /// When it was last pushed to, where the hoster says so.
    pub pushed_at: Option<Timestamp>,
    /// Patterns of refs that the hoster makes and moves itself, in which `*` stands for anything.
    pub volatile_refs: Vec<Untrusted>,
    /// The same of refs that no hoster takes when a repository is pushed back.
    pub unpushed_refs: Vec<Untrusted>,
    /// Who it belongs to, where the hoster says so.
    pub owner: Owner,
    /// What there is of it to back up: one of each kind at most.
    pub parts: Vec<Part>,
    /// Whether the hoster is going to delete it: no filter leaves it out.
    pub deletion_scheduled: bool,
    /// Why it cannot be backed up by git, if so.
    pub skip: Option<Printable>,
}

impl Repository {
    /// The part of a kind, where there is said to be one.
    pub fn part(&self, kind: PartKind) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == kind)
    }

    /// Size of its git repository in bytes, as the hoster states it.
    pub fn size(&self) -> Option<u64> {
        self.part(PartKind::Git)?.size
    }

    /// The address of its git repository; empty where there is none.
    pub fn clone_url(&self) -> Untrusted {
        let git = self.part(PartKind::Git);
        git.map(|part| part.url.clone()).unwrap_or_default()
    }

    /// What filters ask for.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            full_name: self.full_name.raw(),
            archived: self.archived,
            fork: self.fork,
            visibility: match self.visibility {
                Visibility::Public => Some(VisibilityWord::Public),
                Visibility::Private => Some(VisibilityWord::Private),
                Visibility::Internal => Some(VisibilityWord::Internal),
                Visibility::Unknown => None,
            },
            topics: &self.topics,
            languages: &self.languages,
            pushed_at: self.pushed_at,
            deletion_scheduled: self.deletion_scheduled,
        }
    }

    /// Whether not everybody may see it.
    pub fn is_private(&self) -> bool {
        matches!(self.visibility, Visibility::Private | Visibility::Internal)
    }
}

/// Who repositories belong to. Both are empty where the hoster does not say.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The hoster's immutable identity.
    pub id: Untrusted,
    /// What it is called now.
    pub name: Untrusted,
}

/// What is known of an owner.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerSeen {
    /// Who it is.
    #[serde(flatten)]
    pub owner: Owner,
    /// How much of its repositories the credentials see.
    pub sees: Sees,
    /// Why its repositories could not be listed, or not all.
    pub error: Option<Failure>,
}

/// How much of an owner's repositories the credentials see.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sees {
    /// All: the hoster has shown that.
    All,
    /// Those that were selected for them.
    Selected,
    /// It is not known.
    #[default]
    Unknown,
}

/// A part of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// What tells it from others of its kind; mostly empty.
    pub id: Untrusted,
    /// Where it is.
    pub url: Untrusted,
    /// Default branch without `refs/heads/`, where known.
    pub default_branch: Option<Untrusted>,
    /// Size in bytes as the hoster states it.
    pub size: Option<u64>,
    /// Whether it may not be there: the hoster says of every repository that it has one.
    pub uncertain: bool,
    /// Whether the configuration itself names it.
    pub named: bool,
    /// As long as it is equal, none of the part's refs has changed. None: nothing is known.
    pub version: Option<Untrusted>,
}

/// What a part of a repository is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartKind {
    /// The git repository itself.
    #[default]
    Git,
    /// The git repository of its wiki.
    Wiki,
}

/// Who may see a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Those who were let in.
    Private,
    /// Everybody of the organisation, or with an account.
    Internal,
    /// The hoster does not say.
    #[default]
    Unknown,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The repositories on it.
    pub repositories: Vec<Repository>,
    /// Where the page after it is; none after the last.
    pub next: Option<Cursor>,
    /// How many there are in all, where the hoster says so.
    pub total: Option<u64>,
    /// What is said of owners.
    pub owners: Vec<OwnerSeen>,
    /// What there is to say about the listing.
    pub notes: Vec<Finding>,
    /// When the credentials expire, where the hoster says so.
    pub expires: Option<Timestamp>,
}

/// Where a page of a listing is: what the plugin has given for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// What a plugin has given.
    pub fn new(opaque: impl Into<String>) -> Self {
        Self(opaque.into())
    }

    /// For the plugin that gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    Deleted {
        /// What proves it.
        proof: Printable,
    },
}
