//! The whole hoster as one handler: the API beside git, as seen from outside.

use std::path::{Path, PathBuf};

use crate::api;
use crate::credentials::{self, Caller};
use crate::http::{Reply, Request, Response};
use crate::model::{HosterState, Scm};
use crate::oauth;
use crate::scope;
use crate::server::Handler;
use parking_lot::RwLock;

/// Git's side of a clone, over smart HTTP; access has been checked before it is asked.
pub trait GitService: Send + Sync + 'static {
    /// Answers `GET info/refs?service=git-upload-pack`.
    fn advertise(&self, git_dir: &Path, request: &Request) -> Response;
    /// Answers `POST git-upload-pack`.
    fn upload_pack(&self, git_dir: &Path, request: Request) -> Response;
    /// Whether there are pushes. Where there are none, they are refused before anybody is asked for
    /// credentials.
    fn takes_pushes(&self) -> bool {
        false
    }
    /// Answers both requests of a push.
    fn receive_pack(&self, git_dir: &Path, request: Request) -> Response {
        let _ = (git_dir, request);
        only_cloning()
    }
}

/// One of the two requests of a clone, or of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitCall {
    /// `GET info/refs`.
    InfoRefs,
    /// `POST git-upload-pack`.
    UploadPack,
    /// `POST git-receive-pack`.
    ReceivePack,
}

/// What a git URL of this hoster means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitRoute {
    /// The workspace's slug.
    pub workspace: String,
    /// The repository's slug.
    pub repository: String,
    /// Whether it is about the repository's wiki.
    pub wiki: bool,
    /// What is asked.
    pub call: GitCall,
}

impl GitRoute {
    /// Understands `/{workspace}/{repository}.git[/wiki]/{info/refs,git-upload-pack,git-receive-pack}`.
    pub fn parse(request: &Request) -> Option<Self> {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (call, place) = match (request.method.as_str(), &segments[..]) {
            ("GET", [place @ .., "info", "refs"]) => (GitCall::InfoRefs, place),
            ("POST", [place @ .., "git-upload-pack"]) => (GitCall::UploadPack, place),
            ("POST", [place @ .., "git-receive-pack"]) => (GitCall::ReceivePack, place),
            _ => return None,
        };
        let (workspace, repository, wiki) = match *place {
            [workspace, repository] => (workspace, repository, false),
            [workspace, repository, "wiki"] => (workspace, repository, true),
            _ => return None,
        };
        let repository = repository
            .strip_suffix(".git")
            .unwrap_or(repository)
            .to_owned();
        Some(Self {
            workspace: workspace.to_owned(),
            repository,
            wiki,
            call,
        })
    }
}

/// The hoster: the API, tokens for consumers, and git over one [`HosterState`].
pub struct Site {
    state: RwLock<HosterState>,
    git: Box<dyn GitService>,
}

impl Site {
    /// A hoster of what is in `state`, whose clones are served by `git`.
    pub fn new(state: HosterState, git: impl GitService) -> Self {
        Self {
            state: RwLock::new(state),
            git: Box::new(git),
        }
    }

    /// Reads the state; requests are answered meanwhile.
    pub fn read<T>(&self, read: impl FnOnce(&HosterState) -> T) -> T {
        read(&self.state.read())
    }

    /// Changes the state between two requests.
    pub fn update<T>(&self, change: impl FnOnce(&mut HosterState) -> T) -> T {
        change(&mut self.state.write())
    }

    fn git(&self, request: Request) -> Response {
        let Some(route) = GitRoute::parse(&request) else {
            return Response::text(404, "Not found");
        };
        let service = request.parameter("service");
        let is_push = match (route.call, service.as_deref()) {
            (GitCall::InfoRefs, Some("git-upload-pack")) | (GitCall::UploadPack, _) => false,
            (GitCall::InfoRefs, Some("git-receive-pack")) | (GitCall::ReceivePack, _) => true,
            (GitCall::InfoRefs, _) => return only_cloning(),
        };
        if is_push && !self.git.takes_pushes() {
            return only_cloning();
        }
        let authorization = request.header("Authorization");
        let found = self.read(|state| git_dir(state, &route, authorization, is_push));
        match (found, route.call) {
            (Err(refusal), _) => refusal,
            (Ok(git_dir), _) if is_push => self.git.receive_pack(&git_dir, request),
            (Ok(git_dir), GitCall::InfoRefs) => self.git.advertise(&git_dir, &request),
            (Ok(git_dir), _) => self.git.upload_pack(&git_dir, request),
        }
    }
}

impl Handler for Site {
    fn handle(&self, request: Request) -> Reply {
        Reply::Response(if api::is_api(&request) {
            self.read(|state| api::respond(state, &request))
        } else if oauth::is_oauth(&request) {
            self.update(|state| oauth::respond(state, &request))
        } else {
            self.git(request)
        })
    }
}

/// Checks access, and finds the repository.
fn git_dir(
    state: &HosterState,
    route: &GitRoute,
    authorization: Option<&str>,
    is_push: bool,
) -> Result<PathBuf, Response> {
    let workspace = state.workspace(&route.workspace);
    let repository = workspace.and_then(|workspace| workspace.repository(&route.repository));
    let account = match credentials::of_git(state, authorization) {
        Caller::Known(account) => Some(account),
        Caller::Anonymous => None,
        Caller::Refused => return Err(unauthorized("Invalid credentials")),
        Caller::AppPassword => {
            return Err(Response::text(
                410,
                "App passwords have been removed: see CHANGE-3222.",
            ));
        }
    };
    let needed = match is_push {
        true => scope::WRITE,
        false => scope::REPOSITORY,
    };
    if account.is_some_and(|account| !account.may(needed)) {
        let message = "Your credentials lack one or more required privilege scopes.";
        return Err(Response::text(403, message));
    }
    let (Some(workspace), Some(repository)) = (workspace, repository) else {
        // Without credentials, what is missing looks like what is private.
        return Err(match account {
            None => unauthorized("Authentication required"),
            Some(_) => not_found(),
        });
    };
    match account {
        // To an account without the right to it, there is none.
        Some(account) if account.hides(repository) => return Err(not_found()),
        None if repository.is_private || is_push => {
            return Err(unauthorized("Authentication required"));
        }
        Some(account) if (repository.is_private || is_push) && !account.is_member_of(workspace) => {
            return Err(Response::text(
                403,
                "You may not have access to this repository.",
            ));
        }
        _ => {}
    }
    let git_dir = match (repository.scm, route.wiki) {
        (Scm::Git, false) => Some(repository.git_dir.clone()),
        (Scm::Git, true) => repository.wiki_dir.clone(),
        (Scm::Hg, _) => None,
    };
    git_dir.ok_or_else(not_found)
}

fn only_cloning() -> Response {
    Response::text(
        403,
        "Only cloning by git's smart protocol is possible here.",
    )
}

fn not_found() -> Response {
    Response::text(404, "Repository not found")
}

fn unauthorized(message: &str) -> Response {
    Response::text(401, message).with_header("WWW-Authenticate", "Basic realm=\"Bitbucket\"")
}
