//! A look-alike of GitLab, with real repositories that real git serves.
//!
//! GitLab has no description of its REST API that a machine can read, so each field and behaviour names its
//! source where it stands: a page of <https://docs.gitlab.com/api/>, or of `docs.gitlab.com` otherwise. What
//! servers do differently from version to version, and what goes wrong with them, is switched on in [`State`].

mod answers;
mod caller;
mod documents;
mod git_side;
mod model;
mod pages;
mod writes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use forgekeep_demo_hoster::{Handler, Reply, Request, Response, Server};
use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

use crate::life::Life;
use crate::origins::Origins;
use crate::{git, pushes};

pub use model::{Disturbance, Namespace, Project, Snippet, State, Token, Wiki};

/// A running server.
pub struct Gitlab {
    // Before the folder, so that nobody reads from it any more when it is deleted.
    servers: Vec<Server>,
    shared: Arc<Shared>,
    folder: TempDir,
}

struct Shared {
    life: Life,
    state: RwLock<State>,
    log: Mutex<Vec<Logged>>,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// `Authorization` or `PRIVATE-TOKEN`, where there was one.
    pub credentials: Option<String>,
    /// The client's end of the connection.
    pub remote: SocketAddr,
    /// The status of the answer.
    pub status: u16,
}

impl Gitlab {
    /// A server whose addresses begin at the host.
    pub fn new() -> Self {
        Self::below("", false)
    }

    /// A server below a path; with its clone URLs on another port, which is another origin, or not.
    pub fn below(path: &str, separate_git: bool) -> Self {
        let origins = Origins::bind("gitlab-", separate_git);
        let (api, git) = (origins.api.clone() + path, origins.git.clone() + path);
        let mut state = State::new(api, git, path);
        state.folder = origins.folder.path().to_owned();
        let shared = Arc::new(Shared {
            life: Life::default(),
            state: RwLock::new(state),
            log: Mutex::default(),
        });
        let handler = Arc::clone(&shared) as Arc<dyn Handler>;
        let (servers, folder) = origins.serve(&handler);
        Self {
            servers,
            shared,
            folder,
        }
    }

    /// The server's address, as a source's `apiUrl` takes it.
    pub fn url(&self) -> String {
        self.read(|state| state.url.clone())
    }

    /// The origin of the clone URLs, with the path.
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

    /// Makes a public project with one commit in a namespace; its id.
    pub fn project(&self, namespace: u64, path: &str) -> u64 {
        let id = self.empty(namespace, path);
        self.commit(id, "one");
        id
    }

    /// Makes a public project without a commit; its id.
    pub fn empty(&self, namespace: u64, path: &str) -> u64 {
        let id = self.change(|state| state.add_project(namespace, path));
        self.init(&self.git_dir(id));
        id
    }

    /// Commits a new file to a project's default branch.
    pub fn commit(&self, id: u64, message: &str) {
        self.import(&self.git_dir(id), message);
    }

    /// Gives a project a wiki: with a page, or as it is given.
    pub fn wiki(&self, id: u64, wiki: Wiki) {
        self.make_wiki(&self.wiki_dir(id), wiki);
        self.change(|state| state.project_mut(id).wiki = wiki);
    }

    /// Gives a group a wiki in the same way.
    pub fn group_wiki(&self, id: u64, wiki: Wiki) {
        self.make_wiki(&self.group_wiki_dir(id), wiki);
        self.change(|state| state.namespace_mut(id).wiki = wiki);
    }

    fn make_wiki(&self, folder: &Path, wiki: Wiki) {
        self.init(folder);
        if wiki == Wiki::Pages {
            self.import(folder, "a page");
        }
    }

    /// Makes a private snippet of a user, of a project or not; its id.
    pub fn snippet(&self, author: u64, project: Option<u64>) -> u64 {
        let id = self.change(|state| state.add_snippet(author, project));
        self.init(&self.snippet_dir(id));
        self.import(&self.snippet_dir(id), "a snippet");
        id
    }

    fn init(&self, folder: &Path) {
        if !folder.is_dir() {
            pushes::make(folder);
        }
    }

    fn import(&self, folder: &Path, message: &str) {
        let now = self.change(State::tick);
        git::import(folder, "main", message, git::tip(folder, "main"), now);
    }

    /// The bare repository of a project.
    pub fn git_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("{id}.git"))
    }

    /// That of its wiki.
    pub fn wiki_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("{id}.wiki.git"))
    }

    /// That of a group's wiki.
    pub fn group_wiki_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("group-{id}.wiki.git"))
    }

    /// That of a snippet.
    pub fn snippet_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("snippet-{id}.git"))
    }

    /// Every request, in the order of their answers.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().clone()
    }

    /// Dies after so many answers, of which the last one is lost; or lives on.
    pub fn ends_after(&self, answers: Option<usize>) {
        self.shared.life.ends_after(answers);
    }

    /// Forgets them.
    pub fn reset_log(&self) {
        self.shared.log.lock().clear();
    }
}

impl Default for Gitlab {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Gitlab {
    fn drop(&mut self) {
        self.servers.clear();
    }
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        self.life.answer(|| self.reply(request))
    }
}

impl Shared {
    fn reply(&self, request: Request) -> Reply {
        let latency = self.state.read().latency;
        thread::sleep(latency);
        let logged = Logged {
            method: request.method.clone(),
            target: request.target.clone(),
            credentials: request
                .header("PRIVATE-TOKEN")
                .or(request.header("Authorization"))
                .map(str::to_owned),
            remote: request.remote,
            status: 0,
        };
        let answer = self.answer(request);
        // What is told is what the next test sees, so it is written down before the answer is sent.
        let status = answer.status;
        self.log.lock().push(Logged { status, ..logged });
        Reply::Response(answer)
    }

    fn answer(&self, request: Request) -> Response {
        let target = request.target.clone();
        if let Some(limited) = self.state.write().limited(&target) {
            return limited;
        }
        if request.method != "GET" && target.contains("/api/v4/") {
            return writes::api(&mut self.state.write(), &request);
        }
        let state = self.state.read();
        let path = request.path().strip_prefix(state.below.as_str());
        let Some(path) = path.map(str::to_owned) else {
            return documents::page(404, "Not Found");
        };
        if let Some(path) = path.strip_prefix("/api/v4/") {
            let answer = answers::api(&state, path, &request);
            drop(state);
            self.state.write().disturb(&target);
            return answer;
        }
        let served = git_side::find(&state, &path, &request);
        let pushes = state.pushes.clone();
        drop(state);
        match served {
            Ok((folder, path)) => pushes.run(&folder, &path, request),
            Err(refusal) => *refusal,
        }
    }
}

/// A refusal, in a box: answers are large.
pub(crate) type Refused = Box<Response>;
