//! A running hoster with real repositories.

mod repository;
mod writing;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_demo_hoster::{
    Account, Handler, HosterState, Repository, Server, Site, Socket, Workspace, scope, uuid_from,
};
use tempfile::TempDir;

use crate::backend::HttpBackend;
use crate::fault::Fault;
use crate::gate::{Exchange, Gate};
use crate::git;
use crate::logged::{Logged, RequestKind};

use writing::{Writable, Writes, copy_folder};

pub use repository::Repo;

/// How a [`Forge`] is to be.
#[derive(Debug, Default)]
pub struct ForgeBuilder {
    workspaces: Vec<String>,
    accounts: Vec<Account>,
    opaque_cursors: bool,
    separate_git: bool,
    token_life: Option<u32>,
}

impl ForgeBuilder {
    /// Adds a workspace; without any there is `acme`.
    #[must_use]
    pub fn workspace(mut self, slug: &str) -> Self {
        self.workspaces.push(slug.to_owned());
        self
    }

    /// Adds an API token with every scope, for all workspaces.
    #[must_use]
    pub fn api_token(self, email: &str, user: &str, token: &str) -> Self {
        self.account(Account::api_token(email, user, token))
    }

    /// Adds an API token that may also make, set up, push to and remove repositories, for all workspaces.
    #[must_use]
    pub fn writer(self, email: &str, user: &str, token: &str) -> Self {
        let mut account = Account::api_token(email, user, token);
        let writing = [scope::WRITE, scope::ADMIN, scope::DELETE, scope::PROJECT];
        account.scopes.extend(writing.map(str::to_owned));
        self.account(account)
    }

    /// Adds an access token, for all workspaces.
    #[must_use]
    pub fn access_token(self, token: &str) -> Self {
        let mut account = Account::access_token("", token);
        account.workspaces.clear();
        self.account(account)
    }

    /// Adds an OAuth consumer, for all workspaces. Its tokens live two hours, or so many seconds.
    #[must_use]
    pub fn oauth_consumer(mut self, id: &str, secret: &str, token_life: Option<u32>) -> Self {
        self.token_life = token_life;
        let mut account = Account::oauth_consumer("", id, secret);
        account.workspaces.clear();
        self.account(account)
    }

    /// Adds an account; one that names no workspace is a member of all.
    #[must_use]
    pub fn account(mut self, account: Account) -> Self {
        self.accounts.push(account);
        self
    }

    /// Pages lead on by opaque cursors, and without totals.
    #[must_use]
    pub fn opaque_cursors(mut self) -> Self {
        self.opaque_cursors = true;
        self
    }

    /// Serves git on another port than the API, as Bitbucket has another host for it.
    #[must_use]
    pub fn separate_git(mut self) -> Self {
        self.separate_git = true;
        self
    }

    /// Starts the hoster.
    pub fn build(mut self) -> Forge {
        if self.workspaces.is_empty() {
            self.workspaces.push("acme".to_owned());
        }
        for account in self.accounts.iter_mut().filter(|a| a.workspaces.is_empty()) {
            account.workspaces.clone_from(&self.workspaces);
        }
        let folder = tempfile::Builder::new()
            .prefix("forge-")
            .tempdir()
            .expect("a temporary folder");
        git::run(
            folder.path(),
            &["init", "-q", "--bare", "--template=", "blank.git"],
        );
        let api = Socket::bind().expect("a port");
        let git = self.separate_git.then(|| Socket::bind().expect("a port"));
        let state = HosterState {
            api_url: api.url(),
            git_url: git.as_ref().unwrap_or(&api).url(),
            workspaces: self
                .workspaces
                .iter()
                .map(|slug| Workspace::new(slug))
                .collect(),
            accounts: self.accounts,
            opaque_cursors: self.opaque_cursors,
            token_life: self.token_life,
            // Without a clock no stamp is old enough to prove anything, so git is always asked.
            clock: None,
            ..HosterState::default()
        };
        let (api_url, git_url) = (state.api_url.clone(), state.git_url.clone());
        let blank = folder.path().join("blank.git");
        let hooks = folder.path().join("hooks");
        writing::prepare(&blank, &hooks);
        let site = Arc::new(Site::new(state, HttpBackend));
        let writes = Arc::new(Writes::new(folder.path()));
        let behind = Writable {
            site: Arc::clone(&site),
            writes: Arc::clone(&writes),
        };
        let gate = Arc::new(Gate::new(behind));
        let servers = [Some(api), git]
            .into_iter()
            .flatten()
            .map(|socket| Server::start(socket, Arc::clone(&gate) as Arc<dyn Handler>))
            .map(|server| server.expect("a thread"))
            .collect();
        Forge {
            servers,
            gate,
            site,
            api_url,
            git_url,
            writes,
            folder,
        }
    }
}

/// A running Bitbucket look-alike whose repositories are served by real git.
pub struct Forge {
    // Before the folder, so that nobody reads from it any more when it is deleted.
    servers: Vec<Server>,
    gate: Arc<Gate>,
    pub(crate) site: Arc<Site>,
    api_url: String,
    git_url: String,
    pub(crate) writes: Arc<Writes>,
    folder: TempDir,
}

impl Forge {
    /// Starts to describe one.
    pub fn builder() -> ForgeBuilder {
        ForgeBuilder::default()
    }

    /// The API's base, as a source's `apiUrl` takes it.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// Where clone URLs start.
    pub fn git_url(&self) -> &str {
        &self.git_url
    }

    /// The slug of the first workspace.
    pub fn workspace(&self) -> String {
        self.site.read(|state| state.workspaces[0].slug.clone())
    }

    /// The accounts, in the order in which they were added.
    pub fn accounts(&self) -> Vec<Account> {
        self.site.read(|state| state.accounts.clone())
    }

    /// How many tokens OAuth consumers were given.
    pub fn minted(&self) -> usize {
        self.site.read(|state| state.minted.len())
    }

    /// Changes what the hoster knows: revokes a token, say.
    pub fn change<T>(&self, change: impl FnOnce(&mut HosterState) -> T) -> T {
        self.site.update(change)
    }

    /// The repository with this slug in the first workspace; made, public and empty, if there is none.
    pub fn repository(&self, slug: &str) -> Repo<'_> {
        self.repository_in(&self.workspace(), slug)
    }

    /// The same in any workspace.
    pub fn repository_in(&self, workspace: &str, slug: &str) -> Repo<'_> {
        let existing = self.site.read(|state| {
            let found = state
                .workspace(workspace)
                .expect("the workspace exists")
                .repository(slug);
            found.map(|repository| repository.uuid.clone())
        });
        match existing {
            Some(uuid) => {
                let mut all = 0..self.writes.created();
                let number = all.find(|&number| uuid_from(&Repo::seed(number)) == uuid);
                Repo::new(self, number.expect("made by this forge"))
            }
            None => self.add(workspace, slug, &self.folder.path().join("blank.git"), None),
        }
    }

    /// As many copies of a repository as wanted, named `<prefix>-1` and so on; much faster than
    /// making each.
    pub fn copies(&self, original: Repo<'_>, prefix: &str, count: usize) -> Vec<Repo<'_>> {
        let (workspace, like) = (original.workspace(), original.entry());
        let name = |number| format!("{prefix}-{number}");
        let copy = |number| self.add(&workspace, &name(number), &like.git_dir, Some(&like));
        (1..=count).map(copy).collect()
    }

    /// A copy of any forge's repository, its content and size; much faster than making one.
    pub fn copy(&self, original: Repo<'_>, workspace: &str, slug: &str) -> Repo<'_> {
        let like = original.entry();
        self.add(workspace, slug, &like.git_dir, Some(&like))
    }

    fn add(&self, workspace: &str, slug: &str, from: &Path, like: Option<&Repository>) -> Repo<'_> {
        let number = self.writes.next();
        let git_dir = self.writes.folder_of(number);
        copy_folder(from, &git_dir);
        let mut entry = Repository::new(&Repo::seed(number), slug, git_dir);
        entry.created_on = writing::created_on(number);
        entry.updated_on = self.writes.tick();
        if let Some(like) = like {
            entry.is_private = like.is_private;
            entry.main_branch.clone_from(&like.main_branch);
            entry.size = like.size;
        }
        self.site.update(|state| {
            let workspace = state.workspaces.iter_mut().find(|w| w.slug == workspace);
            workspace
                .expect("the workspace exists")
                .repositories
                .push(entry);
        });
        Repo::new(self, number)
    }

    pub(crate) fn new_wiki(&self, number: u64) -> PathBuf {
        let folder = self.folder.path().join(format!("{number:05}-wiki.git"));
        copy_folder(&self.folder.path().join("blank.git"), &folder);
        folder
    }

    /// Sets the hoster's clock to so many seconds after the newest `updated_on`: what was changed longer
    /// ago than ten minutes by then is settled.
    pub fn set_clock(&self, seconds_later: i64) {
        self.change(|state| {
            let all = state.workspaces.iter().flat_map(|of| &of.repositories);
            let newest = all.map(|repository| repository.updated_on).max();
            state.clock = newest.map(|newest| newest + seconds_later);
        });
    }

    /// Every request since the start, or since [`Self::reset_log`], in the order of arrival.
    pub fn requests(&self) -> Vec<Logged> {
        self.gate.log().clone()
    }

    /// Those of them that the API was asked and has answered, with the answers.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.gate.exchanges().clone()
    }

    /// How many requests were of a kind.
    pub fn count(&self, kind: RequestKind) -> usize {
        self.gate
            .log()
            .iter()
            .filter(|request| request.kind == kind)
            .count()
    }

    /// How many bytes of packs were sent, since the start or since [`Self::reset_log`].
    pub fn pack_bytes(&self) -> u64 {
        self.gate.packs.load(Ordering::SeqCst)
    }

    /// The connections that those requests came by.
    pub fn connections(&self) -> HashSet<SocketAddr> {
        self.gate
            .log()
            .iter()
            .map(|request| request.remote)
            .collect()
    }

    /// The connections that requests of a kind came by.
    pub fn connections_of(&self, kind: RequestKind) -> HashSet<SocketAddr> {
        let log = self.gate.log();
        log.iter()
            .filter(|request| request.kind == kind)
            .map(|request| request.remote)
            .collect()
    }

    /// Forgets the requests.
    pub fn reset_log(&self) {
        self.gate.log().clear();
        self.gate.exchanges().clear();
        self.gate.packs.store(0, Ordering::SeqCst);
    }

    /// Waits until this many requests of a kind have come since the start, or since
    /// [`Self::reset_log`]. Panics after a minute.
    pub fn wait_for(&self, kind: RequestKind, count: usize) {
        let started = Instant::now();
        while self.count(kind) < count {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "waited in vain for {count} of {kind:?}: {:#?}",
                self.requests()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets requests fail from now on.
    pub fn inject(&self, fault: Fault) {
        self.gate.faults().push(fault);
    }

    /// Ends all faults, but not what hangs already.
    pub fn clear_faults(&self) {
        self.gate.faults().clear();
    }

    /// Ends what hangs, by closing its connections; later requests do not hang any more either.
    pub fn release(&self) {
        self.gate.release.release();
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.gate.release.release();
        self.servers.clear();
    }
}
