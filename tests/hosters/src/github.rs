//! A look-alike of GitHub, as Enterprise Server has its addresses, with real repositories that real git serves.
//!
//! It answers as GitHub's own description of its API says (`tests/openapi/github.json`). What is not in there
//! names its source where it stands.

mod answers;
mod caller;
mod documents;
mod model;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use forgekeep_demo_hoster::{Body, Handler, Reply, Request, Response, Server};
use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

use crate::life::Life;
use crate::origins::Origins;
use crate::{git, pushes};

pub use model::{
    Account, Actions, Gist, Installation, Limited, Minted, Repository, Served, State, Token, Told,
    Wiki,
};

/// The App's private key, as GitHub hands one out. It is good for this look-alike alone.
pub const APP_KEY: &str = include_str!("github/app.pem");

/// A running server.
pub struct GitHub {
    // Before the folder, so that nobody reads from it any more when it is deleted.
    servers: Vec<Server>,
    shared: Arc<Shared>,
    folder: TempDir,
}

struct Shared {
    life: Life,
    state: RwLock<State>,
    log: Mutex<Vec<Logged>>,
    exchanges: Mutex<Vec<Exchange>>,
}

/// A request to the API, and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The document that was sent.
    pub sent: Vec<u8>,
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `Authorization`, where there was one.
    pub authorization: Option<String>,
    /// `X-GitHub-Api-Version`, where there was one.
    pub version: Option<String>,
}

impl GitHub {
    /// A server whose addresses begin at the host.
    pub fn new() -> Self {
        Self::below("", false)
    }

    /// A server below a path; with its clone URLs on another port, which is another origin, or not.
    pub fn below(path: &str, separate_git: bool) -> Self {
        let origins = Origins::bind("github-", separate_git);
        let (api, git) = (origins.api.clone() + path, origins.git.clone() + path);
        let mut state = State::new(api, git, path);
        state.folder = origins.folder.path().to_owned();
        let shared = Arc::new(Shared {
            life: Life::default(),
            state: RwLock::new(state),
            log: Mutex::default(),
            exchanges: Mutex::default(),
        });
        let handler = Arc::clone(&shared) as Arc<dyn Handler>;
        let (servers, folder) = origins.serve(&handler);
        Self {
            servers,
            shared,
            folder,
        }
    }

    /// The API's address, as a source's `apiUrl` takes it.
    pub fn api_url(&self) -> String {
        self.read(|state| format!("{}/api/v3", state.url))
    }

    /// Where the clone URLs begin.
    pub fn git_url(&self) -> String {
        self.read(|state| state.git_url.clone())
    }

    /// Looks at what the server knows.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.state.read())
    }

    /// Changes it between two requests.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.state.write())
    }

    /// Makes a public repository with one commit; its id.
    pub fn repository(&self, owner: &str, name: &str) -> u64 {
        let id = self.empty(owner, name);
        self.commit(id, "one");
        id
    }

    /// Makes a public repository without a commit; its id.
    pub fn empty(&self, owner: &str, name: &str) -> u64 {
        let id = self.change(|state| state.add_repository(owner, name));
        self.init(&format!("{id}.git"));
        id
    }

    /// Commits a new file to the default branch: a push.
    pub fn commit(&self, id: u64, message: &str) {
        self.import(&self.git_dir(id), "main", message);
        self.change(|state| {
            let now = state.now();
            state.repository_mut(id).pushed = Some(now);
        });
    }

    /// Gives a repository a wiki with a page. It moves no time of a push.
    pub fn wiki(&self, id: u64) {
        let folder = self.wiki_dir(id);
        if !folder.is_dir() {
            self.init(&format!("{id}.wiki.git"));
        }
        self.import(&folder, "main", "a page");
        self.change(|state| state.repository_mut(id).wiki = Wiki::Pages);
    }

    /// Makes a gist with one commit.
    pub fn gist(&self, owner: &str, id: &str, public: bool) {
        self.init(&format!("{id}.git"));
        self.import(&self.gist_dir(id), "main", "a gist");
        self.change(|state| {
            let owner = state.named(owner).expect("the owner is there").id;
            state.gists.push(Gist {
                id: id.to_owned(),
                owner,
                public,
                starred_by: Vec::new(),
            });
        });
    }

    fn init(&self, name: &str) {
        pushes::make(&self.folder.path().join(name));
    }

    fn import(&self, folder: &Path, branch: &str, message: &str) {
        let tip = git::tip(folder, branch);
        git::import(folder, branch, message, tip, 1_700_000_000);
    }

    /// The bare repository.
    pub fn git_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("{id}.git"))
    }

    /// The wiki's bare repository.
    pub fn wiki_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("{id}.wiki.git"))
    }

    /// A gist's bare repository.
    pub fn gist_dir(&self, id: &str) -> PathBuf {
        self.folder.path().join(format!("{id}.git"))
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().clone()
    }

    /// What was asked of the API and answered, in the order of arrival.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().clone()
    }

    /// Dies after so many answers, of which the last one is lost; or lives on.
    pub fn ends_after(&self, answers: Option<usize>) {
        self.shared.life.ends_after(answers);
    }

    /// Forgets them.
    pub fn reset_log(&self) {
        self.shared.log.lock().clear();
        self.shared.exchanges.lock().clear();
    }
}

impl Default for GitHub {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.servers.clear();
    }
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        self.life.answer(|| self.answer(request))
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Reply {
        let latency = self.state.read().latency;
        thread::sleep(latency);
        self.log.lock().push(Logged {
            method: request.method.clone(),
            target: request.target.clone(),
            authorization: request.header("Authorization").map(str::to_owned),
            version: request.header("X-GitHub-Api-Version").map(str::to_owned),
        });
        let mut state = self.state.write();
        let limited = state.limited(&request.target);
        state.revoke_at(&request.target);
        let path = request.path().strip_prefix(state.below.as_str());
        let Some(path) = path.map(str::to_owned) else {
            return Reply::Response(Response::text(404, "Not Found"));
        };
        if let Some(path) = path.strip_prefix("/api/v3/") {
            let answer = match limited {
                Some(told) => documents::limited(&state, told),
                None => answers::api(&mut state, path, &request),
            };
            state.one_refusal_less(request.header("Authorization"));
            if let Body::Bytes(body) = &answer.body {
                self.exchanges.lock().push(Exchange {
                    method: request.method.clone(),
                    target: request.target,
                    sent: request.body,
                    status: answer.status,
                    body: body.clone(),
                });
            }
            return Reply::Response(answer);
        }
        let served = match state.is_unseen(&path) {
            true => Err(Box::new(Response::text(404, "Repository not found."))),
            false => caller::git(&state, &path, &request),
        };
        if served.is_ok() && path.ends_with("/git-receive-pack") {
            state.pushed(&path);
        }
        let mut pushes = state.pushes.clone();
        pushes.workflows |= caller::lacks_workflow(&state, &request);
        drop(state);
        Reply::Response(match served {
            Ok((folder, path)) => pushes.run(&folder, &path, request),
            Err(refusal) => *refusal,
        })
    }
}

/// A refusal, in a box: answers are large.
pub(crate) type Refused = Box<Response>;
