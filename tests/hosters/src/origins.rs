use std::sync::Arc;

use forgekeep_demo_hoster::{Handler, Server, Socket};
use tempfile::TempDir;

/// Where a fake is reached, and the folder of its repositories.
pub(crate) struct Origins {
    /// The folder.
    pub folder: TempDir,
    /// Where its API is.
    pub api: String,
    /// Where its clone URLs begin: at another port, which is another origin, or not.
    pub git: String,
    sockets: Vec<Socket>,
}

impl Origins {
    /// Takes the ports. `prefix` is what the folder's name begins with.
    pub fn bind(prefix: &str, separate_git: bool) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir();
        let api = Socket::bind().expect("a port");
        let mut origins = Self {
            folder: folder.expect("a temporary folder"),
            api: api.url(),
            git: api.url(),
            sockets: vec![api],
        };
        if separate_git {
            origins.git = origins.another();
        }
        origins
    }

    /// One more port.
    pub fn another(&mut self) -> String {
        let socket = Socket::bind().expect("a port");
        let url = socket.url();
        self.sockets.push(socket);
        url
    }

    /// Has the same handler answer at all of them.
    pub fn serve(self, handler: &Arc<dyn Handler>) -> (Vec<Server>, TempDir) {
        let start = |socket| Server::start(socket, Arc::clone(handler)).expect("a thread");
        (self.sockets.into_iter().map(start).collect(), self.folder)
    }
}
