use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::HosterError;
use crate::finding::Finding;
use crate::limit;
use crate::macros::{document, items, words_that_inform};
use crate::read::{Document, Read};
use crate::refused::Refused;
use crate::time::Timestamp;

document! {
    /// Asks for a page of what there is.
    pub struct ListRequest {
        /// [`Page::next`] of the page before. Absent: the first page.
        pub cursor: Option<String>,
    }
}

document! {
    /// A page of a listing.
    pub struct Page {
        /// The repositories on it; there may be none, and 10,000 at most: fewer where much is said of
        /// each ([`limit::MEMORY`]).
        pub repositories: Vec<Repository>,
        /// Cursor of the page after it; absent after the last. At most 8 KiB, good for the whole run,
        /// also in a new process. Asked again, it gives the same page or a later state of it.
        pub next: Option<String>,
        /// How many repositories all pages hold, where the hoster says so.
        pub total: Option<u64>,
        /// What is known of how much the credentials see, by owner.
        pub owners: Vec<OwnerSeen>,
        /// What there is to say; 1,000 at most. An error here does not end the listing.
        pub notes: Vec<Finding>,
        /// When the credentials expire, where the hoster says so; with the first page, as a rule.
        pub expires: Option<Timestamp>,
    }
}

words_that_inform! {
    /// How much of an owner's repositories the credentials see.
    pub enum Sees, by default Other {
        /// All of them: it was shown.
        All = "all",
        /// Those that were selected for them; later ones do not appear.
        Selected = "selected",
    }
}

document! {
    /// An owner of repositories.
    pub struct Owner {
        /// The hoster's immutable identity.
        pub id: String,
        /// What it is called now.
        pub name: String,
    }
}

document! {
    /// What is known of an owner.
    pub struct OwnerSeen {
        /// The hoster's immutable identity.
        pub id: String,
        /// What it is called now.
        pub name: String,
        /// How much of its repositories the credentials see.
        pub sees: Sees,
        /// Why its repositories could not be listed, or not all of them. The listing goes on with the next
        /// owner; nothing of this one is taken for gone.
        pub error: Option<HosterError>,
    }
}

words_that_inform! {
    /// Who may see a repository.
    pub enum Visibility, by default Other {
        /// Everybody.
        Public = "public",
        /// Those who were let in.
        Private = "private",
        /// Everybody of the organisation, or with an account.
        Internal = "internal",
    }
}

document! {
    /// A repository of the hoster.
    pub struct Repository {
        /// The hoster's immutable identity, kept over renames and moves. Never its name.
        pub id: String,
        /// What the plugin needs to know it again, in later calls of the same run. May be empty.
        pub handle: String,
        /// Full name as the hoster shows it, parts joined by `/`.
        pub full_name: String,
        /// Its description, in one line.
        pub description: String,
        /// Who may see it.
        pub visibility: Visibility,
        /// Whether it was archived: nobody writes to it.
        pub archived: bool,
        /// Whether it is a fork of another one.
        pub fork: bool,
        /// Whether the hoster mirrors it from elsewhere.
        pub mirror: bool,
        /// For filters.
        pub attributes: Attributes,
        /// What to know of its refs.
        pub refs: Vec<RefAdvice>,
        /// Who it belongs to.
        pub owner: Owner,
        /// What there is of it to back up; 1,000 at most.
        pub parts: Vec<Part>,
        /// If set, it cannot be backed up, and this says why in one line.
        pub skip: Option<String>,
        /// Whether the hoster is going to delete it: no filter leaves it out.
        pub deletion_scheduled: bool,
    }
}

document! {
    /// What filters ask for. The manifest names those that the listing fills in.
    pub struct Attributes {
        /// Topics, tags, labels of the repository itself.
        pub topics: Vec<String>,
        /// Programming languages, the first one first.
        pub languages: Vec<String>,
        /// When it was last pushed to.
        pub pushed_at: Option<Timestamp>,
    }
}

words_that_inform! {
    /// What to know of some refs.
    pub enum Advice, by default Other {
        /// The hoster makes and moves them itself: if nothing but them has changed, nothing has.
        Volatile = "volatile",
        /// The hoster takes none of them when a repository is pushed back.
        NotPushed = "not-pushed",
    }
}

document! {
    /// Something to know of some refs.
    pub struct RefAdvice {
        /// Which: `*` stands for anything.
        pub pattern: String,
        /// What.
        pub advice: Advice,
    }
}

/// What a part of a repository is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// The git repository itself.
    #[default]
    Git,
    /// The git repository of its wiki.
    Wiki,
    /// The git repository of a snippet that belongs to it.
    Snippets,
    /// Its LFS objects.
    Lfs,
    /// Issues, pull requests and the like.
    Metadata,
    /// A word of a newer version.
    Other(String),
}

impl PartKind {
    /// The word in documents.
    pub fn word(&self) -> &str {
        match self {
            Self::Git => "git",
            Self::Wiki => "wiki",
            Self::Snippets => "snippets",
            Self::Lfs => "lfs",
            Self::Metadata => "metadata",
            Self::Other(word) => word,
        }
    }

    /// What a word stands for.
    pub fn of(word: &str) -> Self {
        match word {
            "git" => Self::Git,
            "wiki" => Self::Wiki,
            "snippets" => Self::Snippets,
            "lfs" => Self::Lfs,
            "metadata" => Self::Metadata,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Serialize for PartKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

impl Read for PartKind {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self::of(&String::deserialize(from)?))
    }
}

document! {
    /// A part of a repository.
    pub struct Part {
        /// What it is. Absent: git.
        pub kind: PartKind,
        /// Which one, where there may be several of a kind. May be empty.
        pub id: String,
        /// What it is called, where it has a name of its own.
        pub name: String,
        /// Address to fetch it from, without user or password; by ssh with the user.
        pub url: String,
        /// As long as it is equal, none of the refs of this part that are kept has changed. Absent:
        /// nothing is known, so ask.
        pub version: Option<String>,
        /// The default branch, without `refs/heads/`.
        pub default_branch: Option<String>,
        /// Bytes, as the hoster states them: a hint for scheduling.
        pub size: Option<u64>,
        /// Whether it may not be there: the hoster says of every repository that it has one.
        pub uncertain: bool,
        /// Whether the configuration itself names it: it is a warning if it is empty the first time.
        pub named: bool,
    }
}

items! {
    Repository: limit::REPOSITORIES, "repositories";
    OwnerSeen: limit::REPOSITORIES, "owners";
    Part: limit::PARTS, "parts";
    RefAdvice: limit::NOTES, "patterns of refs";
}

impl Repository {
    /// A repository with what every hoster has: identity, full name, and the address of its git
    /// repository.
    pub fn new(
        id: impl Into<String>,
        full_name: impl Into<String>,
        url: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            full_name: full_name.into(),
            parts: vec![Part::new(PartKind::Git, url)],
            ..Self::default()
        }
    }

    /// The first part of a kind.
    pub fn part(&self, kind: &PartKind) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == *kind)
    }
}

impl RefAdvice {
    /// What to know of the refs that a pattern stands for.
    pub fn new(pattern: impl Into<String>, advice: Advice) -> Self {
        let pattern = pattern.into();
        Self { pattern, advice }
    }
}

impl Part {
    /// A part, and where it is.
    pub fn new(kind: PartKind, url: impl Into<String>) -> Self {
        Self {
            kind,
            url: url.into(),
            ..Self::default()
        }
    }
}

/// A cursor within its cap.
pub(crate) fn is_cursor(cursor: Option<&String>) -> Result<(), Refused> {
    match cursor {
        Some(cursor) if cursor.len() > limit::CURSOR => Err(Refused::TooLarge("the cursor")),
        _ => Ok(()),
    }
}

impl Document for ListRequest {
    fn sound(&self) -> Result<(), Refused> {
        is_cursor(self.cursor.as_ref())
    }
}

impl Document for Page {
    fn sound(&self) -> Result<(), Refused> {
        is_cursor(self.next.as_ref())
    }
}

impl Document for Repository {}
