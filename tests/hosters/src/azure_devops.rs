//! A look-alike of Azure DevOps, with real repositories that real git serves.
//!
//! It answers as Microsoft's own description of its API says (`azure-devops-*-7.1.swagger.json`). What is
//! not in there names its source where it stands. What goes wrong with it is switched on in [`State`].

mod answers;
mod documents;
mod entra;
mod git_access;
mod model;
mod writes;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forgekeep_demo_hoster::{Body, Handler, Reply, Request, Response, Server};
use parking_lot::{Mutex, RwLock};
use tempfile::TempDir;

use crate::origins::Origins;
use crate::{git, pushes};

pub use crate::gitea::{Exchange, Logged};
pub use model::{
    Limited, Limits, Minted, Organisation, Project, Repository, SignIn, State, Token, Wiki, guid,
};

/// A running server.
pub struct AzureDevOps {
    // Before the folder, so that nobody reads from it any more when it is deleted.
    servers: Vec<Server>,
    shared: Arc<Shared>,
    folder: TempDir,
    login_url: String,
}

struct Shared {
    state: RwLock<State>,
    log: Mutex<Vec<Logged>>,
    exchanges: Mutex<Vec<Exchange>>,
}

impl AzureDevOps {
    /// A server whose organisations are below the host, as those of Services are.
    pub fn new() -> Self {
        Self::below("", false)
    }

    /// A server below a path, as a Server is; with its clone URLs on another port, or not.
    pub fn below(path: &str, separate_git: bool) -> Self {
        let mut origins = Origins::bind("azure-devops-", separate_git);
        let login_url = origins.another();
        let (api, git) = (origins.api.clone() + path, origins.git.clone() + path);
        let mut state = State::new(api, git, path, &login_url);
        state.folder = origins.folder.path().to_owned();
        let shared = Arc::new(Shared {
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
            login_url,
        }
    }

    /// The server's address, as a source's `apiUrl` takes it.
    pub fn url(&self) -> String {
        self.read(|state| state.url.clone())
    }

    /// Where clone URLs begin.
    pub fn git_url(&self) -> String {
        self.read(|state| state.git_url.clone())
    }

    /// The address that signs in, as a source's `oauthUrl` takes it.
    pub fn login_url(&self) -> String {
        self.login_url.clone()
    }

    /// Looks at what the server knows.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.shared.state.read())
    }

    /// Changes it between two requests.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.state.write())
    }

    /// Makes a repository with one commit; its id.
    pub fn repository(&self, project: &str, name: &str) -> String {
        let id = self.empty(project, name);
        self.commit(&id, "one");
        id
    }

    /// Makes a repository without a commit; its id.
    pub fn empty(&self, project: &str, name: &str) -> String {
        let id = self.change(|state| state.add_repository(project, name));
        pushes::make(&self.git_dir(&id));
        id
    }

    /// Commits a new file to the default branch.
    pub fn commit(&self, id: &str, message: &str) {
        let (folder, now) = (self.git_dir(id), self.change(State::tick));
        git::import(&folder, "main", message, git::tip(&folder, "main"), now);
        self.change(|state| state.repository_mut(id).size += 1024);
    }

    /// Gives a project a wiki with a page; the id of its repository.
    pub fn wiki(&self, project: &str) -> String {
        // Blanks become `-`. Source: reports of users.
        let name = format!("{}.wiki", project.replace(' ', "-"));
        let id = self.repository(project, &name);
        self.change(|state| {
            state.repository_mut(&id).is_wiki = true;
            state.project_mut(project).wiki = Wiki::Pages;
        });
        id
    }

    /// The bare repository.
    pub fn git_dir(&self, id: &str) -> PathBuf {
        self.folder.path().join(id)
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.shared.log.lock().clone()
    }

    /// What was asked of the API and answered, in the order of arrival.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().clone()
    }

    /// Forgets them.
    pub fn reset_log(&self) {
        self.shared.log.lock().clear();
    }
}

impl Default for AzureDevOps {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for AzureDevOps {
    fn drop(&mut self) {
        self.servers.clear();
    }
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        self.log.lock().push(Logged {
            method: request.method.clone(),
            target: request.target.clone(),
            authorization: request.header("Authorization").map(str::to_owned),
            remote: request.remote,
        });
        let mut segments = request.segments();
        if segments.last().is_some_and(|last| last == "_signin") {
            return Reply::Response(documents::page(200, "Azure DevOps Services | Sign In"));
        }
        if request.path().ends_with("/oauth2/v2.0/token") {
            let mut state = self.state.write();
            return Reply::Response(entra::token(&mut state, &segments, &request));
        }
        let latency = self.state.read().latency;
        std::thread::sleep(latency);
        let limited = self.state.write().limited(&request.target);
        let state = self.state.read();
        let below: Vec<_> = state
            .below
            .split('/')
            .filter(|one| !one.is_empty())
            .collect();
        if segments.len() < below.len() || segments[..below.len()] != below[..] {
            return Reply::Response(documents::page(404, "Not Found"));
        }
        segments.drain(..below.len());
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if segments.contains(&"_apis") {
            let answer = match limited {
                Some(limited @ (Limited::Refused | Limited::Unavailable)) => {
                    documents::limit(limited)
                }
                Some(Limited::Slowed) => {
                    let answer = answers::api(&state, &segments, &request);
                    answer.with_header("Retry-After", "1")
                }
                None if request.method != "GET" => {
                    drop(state);
                    writes::api(&mut self.state.write(), &segments, &request)
                }
                None => answers::api(&state, &segments, &request),
            };
            if let Body::Bytes(body) = &answer.body {
                self.exchanges.lock().push(Exchange {
                    method: request.method.clone(),
                    target: request.target.clone(),
                    status: answer.status,
                    body: body.clone(),
                });
            }
            return Reply::Response(answer);
        }
        let served = git_access::git(&state, &segments, &request);
        let pushes = state.pushes.clone();
        drop(state);
        Reply::Response(match served {
            Ok((folder, path)) => {
                if path == "git-receive-pack" {
                    self.state.write().pushed(&folder, request.body.len());
                }
                pushes.run(Path::new(&folder), &path, request)
            }
            Err(refusal) => *refusal,
        })
    }
}

/// A refusal, in a box: answers are large.
pub(crate) type Refused = Box<Response>;
