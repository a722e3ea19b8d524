//! A server with one empty repository, to push to: `git http-backend` behind Basic authentication.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_demo_hoster::{Handler, Reply, Request, Response, Server, Socket};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::{backend, git};

/// The path of the repository.
const NAME: &str = "/target.git/";

/// A running server. A hook or an option in [`PushTarget::git_dir`] makes it refuse.
pub struct PushTarget {
    // Before the folder, so that nobody writes to it any more when it is deleted.
    _server: Server,
    shared: Arc<Shared>,
    url: String,
    folder: TempDir,
}

struct Shared {
    git_dir: PathBuf,
    user: String,
    password: String,
    log: Mutex<Vec<Request>>,
}

impl PushTarget {
    /// Starts one that takes a user and a password.
    pub fn new(user: &str, password: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("target-")
            .tempdir()
            .expect("a temporary folder");
        let git_dir = folder.path().join("target.git");
        git::run(
            folder.path(),
            &["init", "-q", "--bare", "--template=", "target.git"],
        );
        git::run(&git_dir, &["config", "http.receivepack", "true"]);
        let socket = Socket::bind().expect("a port");
        let url = format!("{}/target.git", socket.url());
        let shared = Arc::new(Shared {
            git_dir,
            user: user.to_owned(),
            password: password.to_owned(),
            log: Mutex::default(),
        });
        let handler = Arc::clone(&shared) as Arc<dyn Handler>;
        let server = Server::start(socket, handler).expect("a thread");
        Self {
            _server: server,
            shared,
            url,
            folder,
        }
    }

    /// The address to push to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bare repository.
    pub fn git_dir(&self) -> &Path {
        &self.shared.git_dir
    }

    /// A folder beside it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every request, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.lock().clone()
    }
}

impl Shared {
    fn is_allowed(&self, request: &Request) -> bool {
        let pair = STANDARD.encode(format!("{}:{}", self.user, self.password));
        request.header("Authorization") == Some(&format!("Basic {pair}"))
    }
}

impl Handler for Shared {
    fn handle(&self, request: Request) -> Reply {
        let mut log = self.log.lock();
        log.push(request.clone());
        drop(log);
        if !self.is_allowed(&request) {
            let refusal = Response::text(401, "who is it?");
            return Reply::Response(refusal.with_header("WWW-Authenticate", "Basic realm=\"git\""));
        }
        let path = request.path().strip_prefix(NAME).map(str::to_owned);
        Reply::Response(match path.as_deref() {
            Some(path @ ("info/refs" | "git-receive-pack")) => {
                backend::run(&self.git_dir, path, request)
            }
            _ => Response::text(404, "no such thing"),
        })
    }
}
