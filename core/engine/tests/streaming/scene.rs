//! A backup over a hoster and a git server that do what a test tells them.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use forgekeep_config::Config;
use forgekeep_demo_hoster::{
    BuiltInGit, GitCall, GitRoute, GitService, Handler, Reply, Request, Response, Server, Socket,
};
use forgekeep_engine::event::{Event, Observer};
use forgekeep_engine::run::{Engine, Selection};
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{
    Access, CheckReport, Cursor, Hoster, HosterInfo, Page, Part, PartKind, Presence, Registry,
    Repository, Services, Session, SourceSpec, SourceState,
};
use forgekeep_http::Authorization;
use forgekeep_store::report::{Report, RepositoryReport, SourceReport};
use forgekeep_untrusted::Untrusted;
use parking_lot::{Condvar, Mutex};

/// How long a test waits for a condition before it gives up: never, when all is right.
const PATIENCE: Duration = Duration::from_secs(20);

/// What has happened, as words: `listed acme`, `finished acme/web`, and what a test adds.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

impl Log {
    pub fn say(&self, what: impl Into<String>) {
        self.0.0.lock().push(what.into());
        self.0.1.notify_all();
    }

    pub fn all(&self) -> Vec<String> {
        self.0.0.lock().clone()
    }

    pub fn clear(&self) {
        self.0.0.lock().clear();
    }

    /// Whether something has happened in time.
    pub fn wait(&self, what: &str) -> bool {
        let mut all = self.0.0.lock();
        let lacks = |all: &mut Vec<String>| !all.iter().any(|said| said == what);
        !self
            .0
            .1
            .wait_while_for(&mut all, lacks, PATIENCE)
            .timed_out()
    }

    /// The same as the outcome of a listing.
    pub fn expect(&self, what: &str) -> Result<(), Failure> {
        match self.wait(what) {
            true => Ok(()),
            false => Err(Failure::new(ErrorKind::Other, format!("never {what}"))),
        }
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::SourceListed { source, .. } => self.say(format!("listed {source}")),
            Event::SourceFailed { source, .. } => self.say(format!("failed {source}")),
            Event::RepositoryStarted { name, .. } => self.say(format!("started {name}")),
            Event::RepositoryFinished { repository, .. } => {
                self.say(format!("finished {}", repository.name));
            }
            Event::Planned { repositories, .. } => self.say(format!("planned {repositories}")),
            _ => {}
        }
    }
}

/// What a source answers when it is asked for its page.
pub type Lists = Arc<dyn Fn() -> Result<Page, Failure> + Send + Sync>;

#[derive(Clone)]
struct Fake {
    info: HosterInfo,
    sources: Arc<Mutex<HashMap<String, Lists>>>,
}

struct Open(Lists);

impl Hoster for Fake {
    fn info(&self) -> &HosterInfo {
        &self.info
    }

    fn open(
        &self,
        source: SourceSpec,
        _services: Services,
        _state: Arc<dyn SourceState>,
    ) -> Result<Box<dyn Session>, Failure> {
        let sources = self.sources.lock();
        Ok(Box::new(Open(Arc::clone(&sources[&source.name]))))
    }
}

impl Session for Open {
    fn validate(&self) -> Result<Vec<Finding>, Failure> {
        Ok(Vec::new())
    }

    fn check(&self) -> Result<CheckReport, Failure> {
        (self.0)().map(|_| CheckReport::default())
    }

    fn page(&self, _cursor: Option<&Cursor>) -> Result<Page, Failure> {
        (self.0)()
    }

    fn lookup(&self, _id: &Untrusted, _full_name: &Untrusted) -> Result<Presence, Failure> {
        Ok(Presence::Hidden)
    }

    fn access(&self, _: &Repository, _: &Part, _: bool) -> Result<Access, Failure> {
        Ok(Access::Http(Authorization::Anonymous))
    }
}

/// Called before the server answers: with the repository's name, and `: pack` for a pack.
type Before = Arc<dyn Fn(&str) + Send + Sync>;

/// A git server, with a bare repository in a folder for each name.
struct GitServer {
    folder: PathBuf,
    git: BuiltInGit,
    before: Arc<Mutex<Before>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
    asked: Mutex<Vec<String>>,
}

impl Handler for GitServer {
    fn handle(&self, request: Request) -> Reply {
        let Some(route) = GitRoute::parse(&request) else {
            return Reply::Response(Response::text(404, "not found"));
        };
        let wiki = if route.wiki { ".wiki" } else { "" };
        let name = format!("{}{wiki}", route.repository);
        let git_dir = self.folder.join(&name);
        let asked = match route.call {
            GitCall::InfoRefs => name.clone(),
            GitCall::UploadPack | GitCall::ReceivePack => format!("{name}: pack"),
        };
        self.asked.lock().push(asked.clone());
        self.most
            .fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
        let before = Arc::clone(&self.before.lock());
        before(&asked);
        let answer = match route.call {
            _ if !git_dir.is_dir() => Response::text(404, "not found"),
            GitCall::InfoRefs => self.git.advertise(&git_dir, &request),
            GitCall::UploadPack => self.git.upload_pack(&git_dir, request),
            GitCall::ReceivePack => self.git.receive_pack(&git_dir, request),
        };
        self.under_way.fetch_sub(1, SeqCst);
        Reply::Response(answer)
    }
}

pub struct Scene {
    folder: tempfile::TempDir,
    fake: Fake,
    git: Arc<GitServer>,
    server: Server,
    pub log: Log,
    jobs: usize,
    /// Titles, which are the names of what is listed too.
    titles: Vec<(String, String)>,
}

impl Scene {
    /// Sources by their titles, which list nothing yet.
    pub fn new(titles: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let before: Before = Arc::new(|_: &str| {});
        let git = Arc::new(GitServer {
            folder: folder.path().join("upstream"),
            git: BuiltInGit,
            before: Arc::new(Mutex::new(before)),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let handler: Arc<dyn Handler> = Arc::<GitServer>::clone(&git);
        let server = Server::start(Socket::bind().unwrap(), handler).unwrap();
        let mut scene = Self {
            folder,
            fake: Fake {
                info: HosterInfo {
                    id: "fake".to_owned(),
                    api_url: "https://fake.example".to_owned(),
                    ..HosterInfo::default()
                },
                sources: Arc::default(),
            },
            git,
            server,
            log: Log::default(),
            jobs: 4,
            titles: titles
                .iter()
                .map(|t| ((*t).to_owned(), (*t).to_owned()))
                .collect(),
        };
        for title in titles {
            scene.lists(title, &[]);
        }
        scene.log.clear();
        scene
    }

    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// The plugin bears only so many questions at a time.
    pub fn ref_questions(mut self, most: u32) -> Self {
        self.fake.info.ref_questions = Some(most);
        self
    }

    /// Gives what is listed under a title another one.
    pub fn retitle(&mut self, old: &str, new: &str) {
        for (title, _) in &mut self.titles {
            if title == old {
                new.clone_into(title);
            }
        }
    }

    /// A repository, called by its id, that is empty until it gets a commit.
    pub fn repository(&self, name: &str) -> Repository {
        let id = name.rsplit('/').next().unwrap();
        self.upstream(id);
        Repository {
            id: format!("{{{id}}}").into(),
            full_name: name.into(),
            parts: vec![Part {
                url: format!("{}/git/{id}.git", self.server.url()).into(),
                ..Part::default()
            }],
            ..Repository::default()
        }
    }

    /// The same with a wiki.
    pub fn with_wiki(&self, name: &str) -> Repository {
        let mut repository = self.repository(name);
        let id = name.rsplit('/').next().unwrap();
        self.upstream(&format!("{id}.wiki"));
        repository.parts.push(Part {
            kind: PartKind::Wiki,
            url: format!("{}/git/{id}.git/wiki", self.server.url()).into(),
            ..Part::default()
        });
        repository
    }

    pub fn upstream_folder(&self, id: &str) -> PathBuf {
        self.git.folder.join(id)
    }

    fn upstream(&self, id: &str) -> git2::Repository {
        let folder = self.upstream_folder(id);
        match folder.is_dir() {
            true => git2::Repository::open_bare(&folder).unwrap(),
            false => git2::Repository::init_bare(&folder).unwrap(),
        }
    }

    /// Upstream has something new.
    pub fn commit(&self, id: &str) {
        let repository = self.upstream(id);
        let time = git2::Time::new(1_700_000_000, 0);
        let who = git2::Signature::new("dev", "dev@example.com", &time).unwrap();
        let tree = repository.treebuilder(None).unwrap().write().unwrap();
        let tree = repository.find_tree(tree).unwrap();
        let main = "refs/heads/main";
        let parent = repository.find_reference(main).ok();
        let parent = parent.map(|of| of.peel_to_commit().unwrap());
        let parents: Vec<_> = parent.iter().collect();
        let made = repository.commit(Some(main), &who, &who, "more", &tree, &parents);
        made.unwrap();
    }

    /// What the git server was asked for since then, and forgets it.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.git.asked.lock())
    }

    pub fn page(&self, names: &[&str]) -> Page {
        Page {
            repositories: names.iter().map(|name| self.repository(name)).collect(),
            ..Page::default()
        }
    }

    /// What a source lists from now on, without more ado.
    pub fn lists(&mut self, source: &str, names: &[&str]) {
        let page = self.page(names);
        self.answers(source, move || Ok(page.clone()));
    }

    /// The same after something has happened.
    pub fn lists_after(&mut self, source: &str, names: &[&str], what: &str) {
        let (page, log, what) = (self.page(names), self.log.clone(), what.to_owned());
        self.answers(source, move || log.expect(&what).map(|()| page.clone()));
    }

    pub fn answers(
        &mut self,
        source: &str,
        lists: impl Fn() -> Result<Page, Failure> + Send + Sync + 'static,
    ) {
        let mut sources = self.fake.sources.lock();
        sources.insert(source.to_owned(), Arc::new(lists));
    }

    /// What the git server does before it answers.
    pub fn before(&self, before: impl Fn(&str) + Send + Sync + 'static) {
        *self.git.before.lock() = Arc::new(before);
        self.git.most.store(0, SeqCst);
    }

    /// How many requests the git server has had at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.git.most.load(SeqCst)
    }

    pub fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    pub fn mirror(&self, below: &str) -> PathBuf {
        self.backup().join(below).join("repo")
    }

    fn config(&self) -> Config {
        let mut text = format!("localFolder: '{}'\nsources:\n", self.backup().display());
        for (title, name) in &self.titles {
            text += &format!("  - {{title: {title}, hoster: fake, name: {name}}}\n");
        }
        text += "options: {network: {retries: 0}}\n";
        let settings = self.folder.path().join("settings.yml");
        fs::write(&settings, text).unwrap();
        forgekeep_config::load(&settings, &|_| None).unwrap()
    }

    pub fn engine(&self) -> Engine {
        let mut registry = Registry::default();
        assert!(registry.add(Arc::new(self.fake.clone())).is_ok());
        let observer = Arc::new(self.log.clone());
        Engine::new(self.config(), registry, Some(self.jobs), observer)
    }

    pub fn run(&self) -> Report {
        self.log.clear();
        self.engine().backup(&Selection::default()).unwrap()
    }
}

#[track_caller]
pub fn source<'r>(report: &'r Report, title: &str) -> &'r SourceReport {
    report.sources.iter().find(|of| of.title == title).unwrap()
}

#[track_caller]
pub fn repository<'r>(report: &'r Report, source_title: &str, name: &str) -> &'r RepositoryReport {
    let all = &source(report, source_title).repositories;
    all.iter().find(|of| of.name == name).unwrap()
}

/// The outcome of a repository, as reports have it.
#[track_caller]
pub fn outcome(report: &Report, source_title: &str, name: &str) -> String {
    repository(report, source_title, name).outcome.to_string()
}
