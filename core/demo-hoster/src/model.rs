//! What the hoster knows: workspaces, repositories, accounts.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::scope;
use git2::{ObjectType, Oid};

/// Everything the API answers from.
#[derive(Debug, Clone, Default)]
pub struct HosterState {
    /// Where the API is, without `/2.0`; links to the next page start with it.
    pub api_url: String,
    /// Where git is; clone links start with it.
    pub git_url: String,
    /// The workspaces.
    pub workspaces: Vec<Workspace>,
    /// Who may come in.
    pub accounts: Vec<Account>,
    /// Lead to the next page by a cursor that means nothing to the client, and leave out the
    /// optional `size` and `page`; else by page numbers.
    pub opaque_cursors: bool,
    /// The tokens that consumers were given, in their order.
    pub minted: Vec<MintedToken>,
    /// How many seconds the next of them lives; else two hours.
    pub token_life: Option<u32>,
    /// The hoster's clock, in seconds since 1970: what the `Date` of the API's answers says. Without
    /// it they have none.
    pub clock: Option<i64>,
}

/// A token that an OAuth consumer was given.
#[derive(Debug, Clone)]
pub struct MintedToken {
    /// The token.
    pub token: String,
    /// The consumer's id.
    pub client_id: String,
    /// When it ends; none for one that was revoked.
    pub until: Option<SystemTime>,
}

impl MintedToken {
    pub(crate) fn is_good(&self) -> bool {
        self.until.is_some_and(|until| SystemTime::now() < until)
    }
}

/// How many seconds a token of a consumer lives.
const TOKEN_LIFE: u32 = 7200;

impl HosterState {
    /// Ends all tokens that consumers were given so far.
    pub fn revoke_minted(&mut self) {
        for minted in &mut self.minted {
            minted.until = None;
        }
    }

    /// Makes a token for a consumer: it, and how many seconds it lives.
    pub(crate) fn mint(&mut self, client_id: &str) -> (String, u32) {
        let life = self.token_life.unwrap_or(TOKEN_LIFE);
        let seed = format!("{} {client_id} {}", self.api_url, self.minted.len());
        let token = uuid_from(&seed).replace(['{', '}', '-'], "");
        let token = format!("minted-{token}");
        self.minted.push(MintedToken {
            token: token.clone(),
            client_id: client_id.to_owned(),
            until: Some(SystemTime::now() + Duration::from_secs(life.into())),
        });
        (token, life)
    }

    /// A workspace by its slug or by its uuid in braces.
    pub fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.workspaces
            .iter()
            .find(|workspace| workspace.slug == id || workspace.uuid == id)
    }
}

/// A workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The immutable id, in braces.
    pub uuid: String,
    /// The name in URLs.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Its repositories, in the order in which they are listed when the client asks for none.
    pub repositories: Vec<Repository>,
}

impl Workspace {
    /// An empty workspace.
    pub fn new(slug: &str) -> Self {
        Self {
            uuid: uuid_from(slug),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            repositories: Vec::new(),
        }
    }

    /// A repository by its slug or by its uuid in braces.
    pub fn repository(&self, id: &str) -> Option<&Repository> {
        self.repositories
            .iter()
            .find(|repository| repository.slug == id || repository.uuid == id)
    }

    /// The same, to change it.
    pub fn repository_mut(&mut self, id: &str) -> Option<&mut Repository> {
        self.repositories
            .iter_mut()
            .find(|repository| repository.slug == id || repository.uuid == id)
    }
}

/// A version control system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scm {
    /// Git.
    Git,
    /// Mercurial: still in old data, never clonable.
    Hg,
}

/// A repository, as the listing shows it, and where its content is.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The immutable id, in braces.
    pub uuid: String,
    /// The name in URLs.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// A sentence about it.
    pub description: String,
    /// Whether it takes credentials to see it.
    pub is_private: bool,
    /// How it is versioned.
    pub scm: Scm,
    /// The default branch; none while the repository is empty.
    pub main_branch: Option<String>,
    /// Seconds since 1970.
    pub created_on: i64,
    /// Seconds since 1970; moves with every push.
    pub updated_on: i64,
    /// Roughly the packed size in bytes.
    pub size: u64,
    /// Says that there is a wiki; without [`Self::wiki_dir`] it cannot be cloned.
    pub has_wiki: bool,
    /// Says that there are issues.
    pub has_issues: bool,
    /// The order of the clone links is not promised.
    pub ssh_link_first: bool,
    /// The bare repository.
    pub git_dir: PathBuf,
    /// The wiki's bare repository.
    pub wiki_dir: Option<PathBuf>,
}

impl Repository {
    /// A public, empty git repository; the uuid follows from `seed`, which must be unique.
    pub fn new(seed: &str, slug: &str, git_dir: impl Into<PathBuf>) -> Self {
        Self {
            uuid: uuid_from(seed),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            description: String::new(),
            is_private: false,
            scm: Scm::Git,
            main_branch: None,
            created_on: 0,
            updated_on: 0,
            size: 0,
            has_wiki: false,
            has_issues: false,
            ssh_link_first: false,
            git_dir: git_dir.into(),
            wiki_dir: None,
        }
    }
}

/// How an account proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// REST: Basic with e-mail and token. Git: Basic with the user name, or a literal, and the token.
    ApiToken,
    /// REST: Bearer. Git: Basic with a literal and the token.
    AccessToken,
    /// Neither takes the consumer's own id and secret, but a token that is given for them. REST: Bearer.
    /// Git: Basic with a literal and that token.
    OAuthConsumer,
    /// No longer accepted anywhere; git says so.
    AppPassword,
}

/// Somebody with credentials.
#[derive(Debug, Clone)]
pub struct Account {
    /// The kind of credentials.
    pub kind: CredentialKind,
    /// The e-mail address.
    pub email: String,
    /// The user name; of a consumer, its id.
    pub user: String,
    /// The secret.
    pub token: String,
    /// Slugs of the workspaces it is a member of.
    pub workspaces: Vec<String>,
    /// Slugs of those that it administers.
    pub administers: Vec<String>,
    /// Ids of the repositories that it may not see, though it is a member of their workspace.
    pub hidden: Vec<String>,
    /// What the token is good for; see [`scope`].
    pub scopes: Vec<String>,
}

impl Account {
    /// An API token with every scope that is for reading.
    pub fn api_token(email: &str, user: &str, token: &str) -> Self {
        Self {
            kind: CredentialKind::ApiToken,
            email: email.to_owned(),
            user: user.to_owned(),
            token: token.to_owned(),
            workspaces: Vec::new(),
            administers: Vec::new(),
            hidden: Vec::new(),
            scopes: [scope::REPOSITORY, scope::USER, scope::WORKSPACE]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// An access token of a workspace, which can list and clone, and knows no user.
    pub fn access_token(workspace: &str, token: &str) -> Self {
        Self {
            kind: CredentialKind::AccessToken,
            email: String::new(),
            user: String::new(),
            token: token.to_owned(),
            workspaces: vec![workspace.to_owned()],
            administers: Vec::new(),
            hidden: Vec::new(),
            scopes: vec![scope::REPOSITORY.to_owned()],
        }
    }

    /// An OAuth consumer of a workspace, which can list and clone.
    pub fn oauth_consumer(workspace: &str, id: &str, secret: &str) -> Self {
        Self {
            kind: CredentialKind::OAuthConsumer,
            user: id.to_owned(),
            ..Self::access_token(workspace, secret)
        }
    }

    /// The same account as a member of one workspace more.
    #[must_use]
    pub fn member_of(mut self, workspace: &str) -> Self {
        self.workspaces.push(workspace.to_owned());
        self
    }

    /// The same account as an administrator of one workspace more.
    #[must_use]
    pub fn administrator_of(mut self, workspace: &str) -> Self {
        self.administers.push(workspace.to_owned());
        self.member_of(workspace)
    }

    /// The same account with these scopes and no others.
    #[must_use]
    pub fn with_scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self
    }

    /// Whether it has a scope.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| granted == scope)
    }

    /// Whether it is shown a repository of a workspace.
    pub fn sees(&self, workspace: &Workspace, repository: &Repository) -> bool {
        self.is_member_of(workspace) && !self.hides(repository)
    }

    /// Whether a repository is kept from it, as if there were none.
    pub(crate) fn hides(&self, repository: &Repository) -> bool {
        self.hidden.contains(&repository.uuid)
    }

    pub(crate) fn administers(&self, workspace: &Workspace) -> bool {
        self.administers.contains(&workspace.slug)
    }

    /// Whether it is a member of a workspace.
    pub fn is_member_of(&self, workspace: &Workspace) -> bool {
        self.workspaces.contains(&workspace.slug)
    }
}

/// A uuid in braces that is always the same for the same seed.
pub fn uuid_from(seed: &str) -> String {
    let hash = Oid::hash_object(ObjectType::Blob, seed.as_bytes())
        .unwrap_or(Oid::ZERO_SHA1)
        .to_string();
    let part = |from: usize, to: usize| &hash[from..to];
    format!(
        "{{{}-{}-4{}-8{}-{}}}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_their_form() {
        let uuid = uuid_from("a");
        assert_eq!(uuid.len(), 38);
        assert_ne!(uuid, uuid_from("b"));
        assert_eq!(uuid, uuid_from("a"));
    }
}
