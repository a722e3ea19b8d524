//! What GitHub knows, and how it behaves.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::pushes::Pushes;

/// A user or an organisation.
#[derive(Clone, Debug)]
pub struct Account {
    /// What never changes.
    pub id: u64,
    /// What it is called.
    pub login: String,
    /// Whether it is an organisation.
    pub is_organisation: bool,
    /// Of an organisation: the ids of its members, and whether each is among its owners.
    pub members: Vec<(u64, bool)>,
    /// Of an organisation: why it takes no tokens.
    pub policy: Option<String>,
    /// Of an organisation: whether it wants tokens authorised for its single sign-on.
    pub single_sign_on: bool,
}

impl Account {
    /// Whether somebody is a member of it, and then whether among its owners.
    pub(super) fn role(&self, user: &Self) -> Option<bool> {
        let mut members = self.members.iter();
        let found = members.find(|(id, _)| *id == user.id);
        found.map(|(_, is_owner)| *is_owner)
    }
}

/// A token of a user.
#[derive(Clone, Debug)]
pub struct Token {
    /// The id of the user it belongs to.
    pub user: u64,
    /// The token.
    pub secret: String,
    /// The scopes of a classic one. `None`: fine-grained.
    pub scopes: Option<Vec<String>>,
    /// `github-authentication-token-expiration`.
    pub expires: Option<String>,
    /// Whether it is authorised for single sign-on.
    pub authorised: bool,
    /// Of a fine-grained one: whether it may write (Administration, Contents, Workflows). A classic one may by
    /// its scopes.
    pub writes: bool,
}

/// Where the App is installed.
#[derive(Clone, Debug)]
pub struct Installation {
    /// What never changes.
    pub id: u64,
    /// The id of the account it is installed on.
    pub account: u64,
    /// The ids of the repositories that were selected. `None`: all.
    pub selected: Option<Vec<u64>>,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Whether it has write access to Administration, Contents and Workflows.
    pub writes: bool,
}

/// A token that an installation was given.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub secret: String,
    /// The installation.
    pub installation: u64,
    /// Whether it is good still.
    pub lives: bool,
    /// How many requests it is refused at first: it has not reached all machines.
    pub refusals: usize,
}

/// What becomes of a repository's wiki.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiki {
    /// It is switched off.
    Off,
    /// It has pages.
    Pages,
    /// It is switched on, and nobody has written one.
    Missing,
    /// It is switched on, and the token lacks a right.
    Denied,
}

/// Whether a repository is served by git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It is.
    Yes,
    /// Blocked for legal reasons: 451.
    Blocked,
    /// Switched off by GitHub: 403, and `disabled` in the listing.
    Disabled,
}

/// What becomes of the endpoint for a repository's Actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Actions {
    /// It answers.
    #[default]
    There,
    /// The server has none.
    Missing,
    /// The credentials lack the right.
    Denied,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// What never changes.
    pub id: u64,
    /// The id of its owner.
    pub owner: u64,
    /// What it is called.
    pub name: String,
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it is hidden from everybody: a right was taken away.
    pub hidden: bool,
    /// Whether git gets it.
    pub served: Served,
    /// Its wiki.
    pub wiki: Wiki,
    /// When it was last pushed to, in seconds.
    pub pushed: Option<i64>,
    /// The default branch.
    pub default_branch: String,
    /// Its description.
    pub description: Option<String>,
    /// Whether pushes start workflows.
    pub automation: bool,
    /// How many more requests to its git address are answered 404, as it was just made.
    pub unseen: usize,
}

/// A gist.
#[derive(Clone, Debug)]
pub struct Gist {
    /// What never changes.
    pub id: String,
    /// The id of its owner.
    pub owner: u64,
    /// Whether everybody sees it in a list.
    pub public: bool,
    /// The ids of the users who have starred it.
    pub starred_by: Vec<u64>,
}

/// How a limit is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// The hour's: 403, `x-ratelimit-remaining: 0` and a reset, which is now.
    #[default]
    Primary,
    /// A secondary one: 403 with `retry-after: 1`.
    Secondary,
    /// A secondary one without a word of when to ask again. Source: users' reports.
    Bare,
}

/// How many requests are refused for a limit, and which.
#[derive(Clone, Debug, Default)]
pub struct Limited {
    /// What is in their path and query.
    pub containing: String,
    /// How many, from now on.
    pub times: usize,
    /// How it is told.
    pub told: Told,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The server's address.
    pub url: String,
    /// Where clone URLs begin.
    pub git_url: String,
    /// The path that everything is below.
    pub below: String,
    /// Where the repositories are.
    pub folder: PathBuf,
    /// Entries of a page at most: 100 at GitHub.
    pub page_cap: usize,
    /// By how many seconds its clock is ahead.
    pub ahead: i64,
    /// `Sunset`.
    pub sunset: Option<String>,
    /// Users and organisations.
    pub accounts: Vec<Account>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// The id of the user or organisation that owns the App.
    pub app_owner: u64,
    /// Where the App is installed.
    pub installations: Vec<Installation>,
    /// The tokens that its installations were given.
    pub minted: Vec<Minted>,
    /// How many requests refuse a token that was just made.
    pub slow_tokens: usize,
    /// How long such a token lives, in seconds.
    pub token_life: i64,
    /// Repositories.
    pub repositories: Vec<Repository>,
    /// Gists.
    pub gists: Vec<Gist>,
    /// Requests that end all tokens of installations before they are answered, each once: what is in their
    /// path and query.
    pub revoked_by: Vec<String>,
    /// Whether the endpoints of gists are out of order.
    pub gists_are_down: bool,
    /// What is refused for a limit.
    pub limit: Limited,
    /// How long each answer takes, as over a network.
    pub latency: Duration,
    /// Whether the plan takes no private repository.
    pub refuses_private: bool,
    /// Whether members who are no owners may make private repositories in an organisation.
    pub members_create: bool,
    /// How many repositories may be made in a row, before one is refused for a limit.
    pub create_limit: Option<usize>,
    /// How many were made since that limit was told.
    pub created: usize,
    /// How many requests to the git address of a new repository are answered 404. Source: users' reports.
    pub unseen: usize,
    /// What becomes of the endpoint for Actions.
    pub actions: Actions,
    /// What becomes of pushes.
    pub pushes: Pushes,
    next: u64,
}

impl State {
    pub(super) fn new(url: String, git_url: String, below: &str) -> Self {
        Self {
            url,
            git_url,
            below: below.to_owned(),
            folder: PathBuf::new(),
            page_cap: 100,
            ahead: 0,
            sunset: Some("Fri, 10 Mar 2028 00:00:00 GMT".to_owned()),
            accounts: Vec::new(),
            tokens: Vec::new(),
            app_owner: 0,
            installations: Vec::new(),
            minted: Vec::new(),
            slow_tokens: 0,
            token_life: 3600,
            repositories: Vec::new(),
            gists: Vec::new(),
            revoked_by: Vec::new(),
            gists_are_down: false,
            limit: Limited::default(),
            latency: Duration::ZERO,
            refuses_private: false,
            members_create: true,
            create_limit: None,
            created: 0,
            unseen: 0,
            actions: Actions::default(),
            pushes: Pushes {
                words: "GH013: ",
                ..Pushes::default()
            },
            next: 0,
        }
    }

    /// Its clock, in seconds.
    pub fn now(&self) -> i64 {
        Timestamp::now().as_second() + self.ahead
    }

    pub(super) fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Makes a user; its id.
    pub fn add_user(&mut self, login: &str) -> u64 {
        let id = self.next();
        self.accounts.push(Account {
            id,
            login: login.to_owned(),
            is_organisation: false,
            members: Vec::new(),
            policy: None,
            single_sign_on: false,
        });
        id
    }

    /// Makes an organisation with a member, who is among its owners or not; its id.
    pub fn add_organisation(&mut self, login: &str, member: u64, is_owner: bool) -> u64 {
        let id = self.add_user(login);
        let account = self.account_mut(id);
        account.is_organisation = true;
        account.members.push((member, is_owner));
        id
    }

    /// Makes a token of a user: classic with scopes, or fine-grained.
    pub fn add_token(&mut self, user: u64, secret: &str, scopes: Option<&[&str]>) {
        let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.tokens.push(Token {
            user,
            secret: secret.to_owned(),
            scopes: scopes.map(owned),
            expires: None,
            authorised: true,
            writes: true,
        });
    }

    /// Installs the App on an account; the installation's id.
    pub fn install(&mut self, account: u64) -> u64 {
        let id = self.next() + 1000;
        self.installations.push(Installation {
            id,
            account,
            selected: None,
            suspended: false,
            writes: false,
        });
        id
    }

    pub(super) fn add_repository(&mut self, owner: &str, name: &str) -> u64 {
        let owner = self.named(owner).expect("the owner is there").id;
        let id = self.next();
        self.repositories.push(Repository {
            id,
            owner,
            name: name.to_owned(),
            visibility: "public".to_owned(),
            archived: false,
            fork: false,
            hidden: false,
            served: Served::Yes,
            wiki: Wiki::Off,
            pushed: None,
            default_branch: "main".to_owned(),
            description: None,
            automation: true,
            unseen: 0,
        });
        id
    }

    /// A repository.
    pub fn repository_mut(&mut self, id: u64) -> &mut Repository {
        let mut all = self.repositories.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// Deletes a repository.
    pub fn delete(&mut self, id: u64) {
        self.repositories.retain(|one| one.id != id);
    }

    /// A user or an organisation.
    pub fn account_mut(&mut self, id: u64) -> &mut Account {
        let mut all = self.accounts.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    pub(super) fn account(&self, id: u64) -> Option<&Account> {
        self.accounts.iter().find(|one| one.id == id)
    }

    pub(super) fn named(&self, login: &str) -> Option<&Account> {
        let mut all = self.accounts.iter();
        all.find(|one| one.login.eq_ignore_ascii_case(login))
    }

    /// Whether it is a request's turn to be refused for a limit, and how.
    pub(super) fn limited(&mut self, target: &str) -> Option<Told> {
        let limited = self.limit.times > 0 && target.contains(&self.limit.containing);
        self.limit.times -= usize::from(limited);
        limited.then_some(self.limit.told)
    }

    /// A token that was just made has been refused once more.
    pub(super) fn one_refusal_less(&mut self, authorization: Option<&str>) {
        let sent = authorization.and_then(|sent| sent.strip_prefix("Bearer "));
        let mut all = self.minted.iter_mut();
        if let Some(minted) = all.find(|minted| Some(minted.secret.as_str()) == sent) {
            minted.refusals = minted.refusals.saturating_sub(1);
        }
    }

    /// Ends the tokens of installations, if it is the turn of a request to do so.
    pub(super) fn revoke_at(&mut self, target: &str) {
        if let Some(at) = self
            .revoked_by
            .iter()
            .position(|some| target.contains(some.as_str()))
        {
            self.revoked_by.remove(at);
            for minted in &mut self.minted {
                minted.lives = false;
            }
        }
    }
}
