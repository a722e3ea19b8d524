//! The demo: made-up repositories, served on loopback.

use std::fmt;
use std::sync::Arc;

use tempfile::TempDir;

use crate::Error;
use crate::content;
use crate::model::{Account, HosterState};
use crate::server::{Server, Socket};
use crate::site::Site;
use crate::upload_pack::BuiltInGit;
use crate::upstream;

const WORKSPACE: &str = "acme";

/// A running hoster with a workspace of made-up repositories; all of it is gone when this is dropped.
pub struct DemoHoster {
    // Before the folder, so that nobody reads from it any more when it is deleted.
    server: Server,
    site: Arc<Site>,
    account: Account,
    _folder: TempDir,
}

impl DemoHoster {
    /// Makes the repositories and starts to serve them on a free port of 127.0.0.1.
    pub fn start() -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("forgekeep-demo-").tempdir();
        let folder = folder.map_err(Error::io("make a temporary folder"))?;
        let account = Account::api_token("dev@acme.example", "devuser", "ATATT-demo-token")
            .member_of(WORKSPACE);
        let socket = Socket::bind()?;
        let state = HosterState {
            api_url: socket.url(),
            git_url: socket.url(),
            workspaces: vec![content::make(folder.path())?],
            accounts: vec![account.clone()],
            ..HosterState::default()
        };
        let site = Arc::new(Site::new(state, BuiltInGit));
        let server = Server::start(socket, Arc::clone(&site) as _)?;
        Ok(Self {
            server,
            site,
            account,
            _folder: folder,
        })
    }

    /// The API's base, as a source's `apiUrl` takes it.
    pub fn api_url(&self) -> String {
        self.server.url()
    }

    /// The slug of the workspace.
    pub fn workspace(&self) -> &str {
        WORKSPACE
    }

    /// Credentials that see everything: an API token.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Lets a day pass upstream: commits, a tag, a branch, but also a force-push and a deletion.
    /// Says in one line each what happened. Works once.
    pub fn change_upstream(&self) -> Result<Vec<String>, Error> {
        self.site.update(|state| {
            let workspace = state.workspaces.iter_mut().find(|w| w.slug == WORKSPACE);
            workspace.map_or(Ok(Vec::new()), upstream::change)
        })
    }
}

impl fmt::Debug for DemoHoster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoHoster")
            .field("url", &self.server.url())
            .finish_non_exhaustive()
    }
}
