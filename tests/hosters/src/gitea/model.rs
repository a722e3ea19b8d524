//! What the server knows, and how it behaves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::pushes::Pushes;

/// A user or an organisation.
#[derive(Clone, Debug)]
pub struct Account {
    /// What never changes.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// Whether it is an organisation.
    pub is_organisation: bool,
    /// Whether it administers the server.
    pub is_admin: bool,
    /// Of an organisation: the ids of its members, and whether each is among its owners.
    pub members: Vec<(u64, bool)>,
}

/// An access token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The id of the user it belongs to.
    pub user: u64,
    /// The token.
    pub sha1: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The ids of the repositories that it is for. `None`: all.
    pub repositories: Option<Vec<u64>>,
}

/// What becomes of a repository's wiki.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiki {
    /// It is switched off.
    Off,
    /// It has pages.
    Pages,
    /// It is switched on, and nobody has written one: git is answered with 200, the line of the service, a
    /// flush, and nothing. Source: Gitea's `routers/web/repo/githttp.go`.
    Missing,
    /// It is switched on, and git is refused with a text. Source: as above.
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
    /// Whether it is private.
    pub private: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether the server mirrors it.
    pub mirror: bool,
    /// What is said of its being empty.
    pub empty: bool,
    /// Whether it is hidden from everybody: a right was taken away.
    pub hidden: bool,
    /// Its wiki.
    pub wiki: Wiki,
    /// What it is about.
    pub description: String,
    /// Whether pushes start workflows: the unit Actions.
    pub automation: bool,
}

/// How many requests of a listing are refused, and which.
#[derive(Clone, Debug, Default)]
pub struct Limited {
    /// What is in their path and query.
    pub containing: String,
    /// How many, from now on.
    pub times: usize,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The server's address.
    pub url: String,
    /// Where clone URLs begin.
    pub git_url: String,
    /// Where addresses for ssh begin.
    pub ssh_url: String,
    /// The path that everything is below.
    pub below: String,
    /// Where the repositories are.
    pub folder: PathBuf,
    /// What it calls itself.
    pub version: String,
    /// The address that it takes for its own in links: `ROOT_URL`.
    pub root_url: String,
    /// Entries of a page at most, whatever is asked for: `MAX_RESPONSE_ITEMS`.
    pub page_cap: usize,
    /// Whether pages have links.
    pub links: bool,
    /// Whether pages have a total.
    pub totals: bool,
    /// Whether a page is cut first, and what is hidden is left out of it then. Source: reports on Gitea
    /// before 1.20.
    pub hides_after_cutting: bool,
    /// Whether tokens are told to one that comes in place of a password.
    pub tells_tokens: bool,
    /// Users and organisations.
    pub accounts: Vec<Account>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// Passwords of users, by their ids.
    pub passwords: Vec<(u64, String)>,
    /// Repositories.
    pub repositories: Vec<Repository>,
    /// What is refused with 429.
    pub limit: Limited,
    /// How long each answer takes, as over a network.
    pub latency: Duration,
    /// What becomes of pushes.
    pub pushes: Pushes,
    /// After how many new repositories one is refused with 429, over and over. `None`: never.
    pub creates_at_once: Option<usize>,
    /// Whether new repositories are public whatever was asked for.
    pub makes_public: bool,
    /// Whether the unit Actions is told and set: older servers have none.
    pub has_actions: bool,
    /// The wiki of a new repository.
    pub new_wiki: Wiki,
    /// What Forgejo tells of a quota. `None`: it has none.
    pub quota: Option<Value>,
    pub(super) created: usize,
    next: u64,
    now: i64,
}

impl State {
    pub(super) fn new(url: String, git_url: String, below: &str) -> Self {
        Self {
            root_url: "http://internal.example:3000".to_owned(),
            url,
            git_url,
            ssh_url: "git@git.example.com:".to_owned(),
            below: below.to_owned(),
            folder: PathBuf::new(),
            version: "15.0.1+gitea-1.22.0".to_owned(),
            page_cap: 50,
            links: true,
            totals: true,
            hides_after_cutting: false,
            tells_tokens: true,
            accounts: Vec::new(),
            tokens: Vec::new(),
            passwords: Vec::new(),
            repositories: Vec::new(),
            limit: Limited::default(),
            latency: Duration::ZERO,
            pushes: Pushes::default(),
            creates_at_once: None,
            makes_public: false,
            has_actions: true,
            new_wiki: Wiki::Missing,
            quota: None,
            created: 0,
            next: 0,
            now: 1_700_000_000,
        }
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A minute later than last time.
    pub(super) fn tick(&mut self) -> i64 {
        self.now += 60;
        self.now
    }

    /// Makes a user; its id.
    pub fn add_user(&mut self, name: &str) -> u64 {
        self.add_account(name, false)
    }

    /// Makes an organisation with a member, who is among its owners or not; its id.
    pub fn add_organisation(&mut self, name: &str, member: u64, is_owner: bool) -> u64 {
        let id = self.add_account(name, true);
        self.account_mut(id).members.push((member, is_owner));
        id
    }

    fn add_account(&mut self, name: &str, is_organisation: bool) -> u64 {
        let id = self.next();
        self.accounts.push(Account {
            id,
            name: name.to_owned(),
            is_organisation,
            is_admin: false,
            members: Vec::new(),
        });
        id
    }

    /// Makes a token of a user with scopes.
    pub fn add_token(&mut self, user: u64, sha1: &str, scopes: &[&str]) {
        self.tokens.push(Token {
            user,
            sha1: sha1.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            repositories: None,
        });
    }

    pub(super) fn add_repository(&mut self, owner: &str, name: &str) -> u64 {
        let owner = self.named(owner).expect("the owner is there").id;
        let id = self.next();
        self.repositories.push(Repository {
            id,
            owner,
            name: name.to_owned(),
            private: false,
            archived: false,
            fork: false,
            mirror: false,
            empty: true,
            hidden: false,
            wiki: Wiki::Off,
            description: String::new(),
            automation: true,
        });
        id
    }

    /// A repository.
    pub fn repository_mut(&mut self, id: u64) -> &mut Repository {
        let mut all = self.repositories.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// That something is pushed to the repository, or the wiki, in a folder.
    pub(super) fn pushed(&mut self, folder: &Path) {
        for one in &mut self.repositories {
            if folder == self.folder.join(format!("{}.git", one.id)) {
                one.empty = false;
            }
        }
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

    pub(super) fn named(&self, name: &str) -> Option<&Account> {
        let mut all = self.accounts.iter();
        all.find(|one| one.name.eq_ignore_ascii_case(name))
    }

    /// Whether it is a request's turn to be refused.
    pub(super) fn is_limited(&mut self, target: &str) -> bool {
        let limited = self.limit.times > 0 && target.contains(&self.limit.containing);
        self.limit.times -= usize::from(limited);
        limited
    }
}
