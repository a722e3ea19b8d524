//! A look-alike of Forgejo, and so of Gitea, with real repositories that real git serves.
//!
//! It answers as Forgejo's own description of its API says (`forgejo.swagger.json`, 17.0.0-dev). What is
//! not in there names its source where it stands. What servers do differently from version to version, and
//! what goes wrong with them, is switched on in [`State`].

mod answers;
mod documents;
mod model;
mod writes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_demo_hoster::{Body, Handler, Reply, Request, Response, Server};
use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

use crate::life::Life;
use crate::origins::Origins;
use crate::{git, pushes};

pub use model::{Account, Limited, Repository, State, Token, Wiki};

/// A running server.
pub struct Gitea {
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
    /// The client's end of the connection.
    pub remote: SocketAddr,
}

impl Logged {
    /// Whether it changes something: all but reading by API or git.
    pub fn writes(&self) -> bool {
        self.method != "GET" && !self.target.ends_with("/git-upload-pack")
    }
}

impl Gitea {
    /// A server whose addresses begin at the host.
    pub fn new() -> Self {
        Self::below("", false)
    }

    /// A server below a path; with its clone URLs on another port, which is another origin, or not.
    pub fn below(path: &str, separate_git: bool) -> Self {
        let origins = Origins::bind("gitea-", separate_git);
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

    /// The server's address, as a source's `apiUrl` takes it.
    pub fn url(&self) -> String {
        self.read(|state| state.url.clone())
    }

    /// The origin of the clone URLs.
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
        self.init(&file_name(id));
        id
    }

    /// Commits a new file to the default branch.
    pub fn commit(&self, id: u64, message: &str) {
        self.import(&self.git_dir(id), message);
        self.change(|state| state.repository_mut(id).empty = false);
    }

    /// Gives a repository a wiki with a page.
    pub fn wiki(&self, id: u64) {
        let folder = self.wiki_dir(id);
        if !folder.is_dir() {
            self.init(&format!("{id}.wiki.git"));
        }
        self.import(&folder, "a page");
        self.change(|state| state.repository_mut(id).wiki = Wiki::Pages);
    }

    fn init(&self, name: &str) {
        pushes::make(&self.folder.path().join(name));
    }

    fn import(&self, folder: &Path, message: &str) {
        let now = self.change(State::tick);
        git::import(folder, "main", message, git::tip(folder, "main"), now);
    }

    /// The bare repository.
    pub fn git_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(file_name(id))
    }

    /// The wiki's bare repository.
    pub fn wiki_dir(&self, id: u64) -> PathBuf {
        self.folder.path().join(format!("{id}.wiki.git"))
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().clone()
    }

    /// What was asked of the API and answered, in the order of arrival; not what a proxy has answered.
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
    }
}

impl Default for Gitea {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Gitea {
    fn drop(&mut self) {
        self.servers.clear();
    }
}

fn file_name(id: u64) -> String {
    format!("{id}.git")
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        self.life.answer(|| self.answer(request))
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Reply {
        let mut log = self.log.lock();
        log.push(Logged {
            method: request.method.clone(),
            target: request.target.clone(),
            authorization: request.header("Authorization").map(str::to_owned),
            remote: request.remote,
        });
        drop(log);
        if self.state.write().is_limited(&request.target) {
            // The server itself knows no limit: a proxy before it answers so.
            let limited = documents::page(429, "Too Many Requests");
            return Reply::Response(limited.with_header("Retry-After", "1"));
        }
        let latency = self.state.read().latency;
        std::thread::sleep(latency);
        let state = self.state.read();
        let path = request.path().strip_prefix(state.below.as_str());
        let Some(path) = path.map(str::to_owned) else {
            return Reply::Response(documents::page(404, "Not Found"));
        };
        if let Some(path) = path.strip_prefix("/api/v1/") {
            let answer = if request.method == "GET" {
                answers::api(&state, path, &request)
            } else {
                drop(state);
                writes::api(&mut self.state.write(), path, &request)
            };
            if let Body::Bytes(body) = &answer.body {
                let (target, status, body) = (request.target, answer.status, body.clone());
                self.exchanges.lock().push(Exchange {
                    method: request.method,
                    target,
                    status,
                    body,
                });
            }
            return Reply::Response(answer);
        }
        let served = answers::git(&state, &path, &request);
        let pushes = state.pushes.clone();
        drop(state);
        Reply::Response(match served {
            Ok((folder, path)) => {
                if path == "git-receive-pack" {
                    self.state.write().pushed(&folder);
                }
                pushes.run(&folder, &path, request)
            }
            Err(refusal) => *refusal,
        })
    }
}

/// A refusal, in a box: answers are large.
pub(crate) type Refused = Box<Response>;
