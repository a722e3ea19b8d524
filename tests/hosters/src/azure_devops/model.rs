//! What the server knows, and how it behaves.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::pushes::Pushes;

/// An identity: a number in the form that all have.
pub fn guid(number: u64) -> String {
    format!("{number:08x}-7fac-4e15-9d51-{:012x}", number * 7919)
}

/// An organisation, or a collection.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// What never changes.
    pub id: String,
    /// What it is called.
    pub name: String,
}

/// What becomes of a project's wiki.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiki {
    /// There is none.
    None,
    /// It has pages.
    Pages,
    /// It is listed, and its repository is not there.
    Missing,
    /// It is listed as disabled.
    Disabled,
    /// It is a folder of an ordinary repository: a wiki published from code.
    Code,
}

/// A project.
#[derive(Clone, Debug)]
pub struct Project {
    /// What never changes.
    pub id: String,
    /// The id of its organisation.
    pub organisation: String,
    /// What it is called.
    pub name: String,
    /// Whether everybody sees it.
    pub public: bool,
    /// Whether the caller's right was taken away.
    pub hidden: bool,
    /// A status with which its repositories are refused.
    pub refused: Option<u16>,
    /// Its wiki.
    pub wiki: Wiki,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct Repository {
    /// What never changes.
    pub id: String,
    /// The id of its project.
    pub project: String,
    /// What it is called.
    pub name: String,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it was switched off.
    pub disabled: bool,
    /// Whether the caller's right was taken away.
    pub hidden: bool,
    /// Whether it is that of a project's wiki, which no listing has.
    pub is_wiki: bool,
    /// Whether it is in the recycle bin.
    pub deleted: bool,
    /// Bytes.
    pub size: u64,
}

/// A personal access token.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Whether it is a pipeline's own.
    pub is_pipeline: bool,
}

/// A token of Entra.
#[derive(Clone, Debug)]
pub struct Minted {
    /// The token.
    pub secret: String,
    /// When it ends.
    pub until: SystemTime,
}

/// How somebody is told to sign in. Sources: Microsoft's documentation has 401 alone; the others are
/// reports of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// 401.
    Unauthorized,
    /// 203 with a page.
    Page,
    /// 302 to a page elsewhere.
    Redirect,
    /// 401 by a server that offers Windows sign-in alone.
    Windows,
}

/// How a limit is told of. Source: Microsoft's page on rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// 429.
    Refused,
    /// 503, with the same words.
    Unavailable,
    /// 200, with `Retry-After`.
    Slowed,
}

/// Which requests meet a limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// What is in their path and query.
    pub containing: String,
    /// How many, from now on.
    pub times: usize,
    /// How it is told of.
    pub how: Limited,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The server's address.
    pub url: String,
    /// Where clone URLs begin.
    pub git_url: String,
    /// Where one signs in.
    pub login_url: String,
    /// The path that everything is below.
    pub below: String,
    /// Where the repositories are.
    pub folder: PathBuf,
    /// The newest version of the API that it knows.
    pub version: String,
    /// Projects of a page at most, whatever is asked for.
    pub page_cap: usize,
    /// How somebody is told to sign in.
    pub sign_in: SignIn,
    /// Organisations or collections.
    pub organisations: Vec<Organisation>,
    /// Projects.
    pub projects: Vec<Project>,
    /// Repositories.
    pub repositories: Vec<Repository>,
    /// Personal access tokens.
    pub tokens: Vec<Token>,
    /// Service principals: tenant, id and secret.
    pub principals: Vec<[String; 3]>,
    /// Tokens of theirs that were made.
    pub minted: Vec<Minted>,
    /// How long the next one lives.
    pub token_life: Duration,
    /// What is in the path and query of the request at which they all end, once.
    pub token_ends_at: Option<String>,
    /// What meets a limit.
    pub limit: Option<Limits>,
    /// How long each answer takes, as over a network.
    pub latency: Duration,
    /// What becomes of pushes.
    pub pushes: Pushes,
    /// After how many new repositories one is refused with 429, over and over. `None`: never.
    pub creates_at_once: Option<usize>,
    pub(super) created: usize,
    next: u64,
    now: i64,
}

impl State {
    pub(super) fn new(url: String, git_url: String, below: &str, login_url: &str) -> Self {
        Self {
            url,
            git_url,
            login_url: login_url.to_owned(),
            below: below.to_owned(),
            folder: PathBuf::new(),
            version: "7.1".to_owned(),
            page_cap: 100,
            sign_in: SignIn::Page,
            organisations: Vec::new(),
            projects: Vec::new(),
            repositories: Vec::new(),
            tokens: Vec::new(),
            principals: Vec::new(),
            minted: Vec::new(),
            token_life: Duration::from_secs(3599),
            token_ends_at: None,
            limit: None,
            latency: Duration::ZERO,
            pushes: Pushes::default(),
            creates_at_once: None,
            created: 0,
            next: 0,
            now: 1_700_000_000,
        }
    }

    fn next(&mut self) -> String {
        self.next += 1;
        guid(self.next)
    }

    /// A minute later than last time.
    pub(super) fn tick(&mut self) -> i64 {
        self.now += 60;
        self.now
    }

    /// Makes an organisation; its id.
    pub fn add_organisation(&mut self, name: &str) -> String {
        let (id, name) = (self.next(), name.to_owned());
        self.organisations.push(Organisation {
            id: id.clone(),
            name,
        });
        id
    }

    /// Makes a project of the organisation that was made last; its id.
    pub fn add_project(&mut self, name: &str) -> String {
        let organisation = self.organisations.last().expect("an organisation");
        let organisation = organisation.id.clone();
        let id = self.next();
        self.projects.push(Project {
            id: id.clone(),
            organisation,
            name: name.to_owned(),
            public: false,
            hidden: false,
            refused: None,
            wiki: Wiki::None,
        });
        id
    }

    /// Makes a personal access token with scopes.
    pub fn add_token(&mut self, secret: &str, scopes: &[&str]) {
        self.tokens.push(Token {
            secret: secret.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            is_pipeline: false,
        });
    }

    pub(super) fn add_repository(&mut self, project: &str, name: &str) -> String {
        let project = self.project_mut(project).id.clone();
        self.add_repository_in(&project, name)
    }

    /// The same in a project of an id.
    pub(super) fn add_repository_in(&mut self, project: &str, name: &str) -> String {
        let id = self.next();
        self.repositories.push(Repository {
            id: id.clone(),
            project: project.to_owned(),
            name: name.to_owned(),
            fork: false,
            disabled: false,
            hidden: false,
            is_wiki: false,
            deleted: false,
            size: 0,
        });
        id
    }

    /// That something is pushed to the repository in a folder: so many bytes.
    pub(super) fn pushed(&mut self, folder: &Path, bytes: usize) {
        for one in &mut self.repositories {
            if folder == self.folder.join(&one.id) {
                one.size += bytes as u64;
            }
        }
    }

    /// A project by its name: the one that was made last.
    pub fn project_mut(&mut self, name: &str) -> &mut Project {
        let mut all = self.projects.iter_mut().rev();
        all.find(|one| one.name == name).expect("it is there")
    }

    /// A repository.
    pub fn repository_mut(&mut self, id: &str) -> &mut Repository {
        let mut all = self.repositories.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// How a request is to be told of a limit, if its turn has come.
    pub(super) fn limited(&mut self, target: &str) -> Option<Limited> {
        let mut ends = self.token_ends_at.iter();
        if ends.any(|one| target.contains(one)) {
            self.token_ends_at = None;
            self.minted
                .iter_mut()
                .for_each(|one| one.until = SystemTime::UNIX_EPOCH);
        }
        let limit = self.limit.as_mut()?;
        if limit.times == 0 || !target.contains(&limit.containing) {
            return None;
        }
        limit.times -= 1;
        Some(limit.how)
    }
}
