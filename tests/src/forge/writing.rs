//! A hoster that is written to: repositories are made, set up, pushed to and removed.
//!
//! The API is as Atlassian's OpenAPI document has it (`POST`, `PUT` and `DELETE` of
//! `/repositories/{workspace}/{repo_slug}`, `pipelines_config`, `GET` of a project); `error.fields` of a 400
//! is what Bitbucket sends besides. What goes wrong is a [`Fault`](crate::Fault), apart from what git itself
//! has to refuse.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use forgekeep_demo_hoster::{
    Account, Body, GitCall, GitRoute, Handler, HosterState, Reply, Repository, Request, Response,
    Site, api, scope,
};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::Forge;
use super::repository::{Repo, has_branch};
use crate::git;

/// When the first repository was created; each is created a second after the one before.
const FIRST: i64 = 1_600_000_000;
/// Most characters of a slug.
const LONGEST: usize = 62;
/// The key of the project that every workspace has.
const PROJECT: &str = "PROJ";

/// Where repositories are made, and what is set of them.
pub(crate) struct Writes {
    folder: PathBuf,
    created: AtomicU64,
    now: AtomicI64,
    /// Whether pipelines are on, of those repositories that have the setting.
    pipelines: Mutex<BTreeMap<String, bool>>,
    pipelines_for_new: AtomicBool,
}

impl Writes {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            created: AtomicU64::new(0),
            now: AtomicI64::new(1_700_000_000),
            pipelines: Mutex::default(),
            pipelines_for_new: AtomicBool::new(false),
        }
    }

    /// How many repositories have been made so far, by whomever.
    pub(crate) fn created(&self) -> u64 {
        self.created.load(Ordering::SeqCst)
    }

    /// The number of one more.
    pub(crate) fn next(&self) -> u64 {
        self.created.fetch_add(1, Ordering::SeqCst)
    }

    /// A minute later than last time.
    pub(crate) fn tick(&self) -> i64 {
        self.now.fetch_add(60, Ordering::SeqCst)
    }

    /// The folder's name has nothing of the repository's, so any name is possible.
    pub(crate) fn folder_of(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:05}.git"))
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.folder.join("hooks").join(name)
    }

    fn blank(&self) -> PathBuf {
        self.folder.join("blank.git")
    }
}

pub(crate) fn created_on(number: u64) -> i64 {
    FIRST + i64::try_from(number).expect("few repositories")
}

/// Lets the repository that all others are copies of be pushed to, with hooks that come later.
pub(crate) fn prepare(blank: &Path, hooks: &Path) {
    fs::create_dir(hooks).expect("a new folder");
    let config = blank.join("config");
    let before = fs::read_to_string(&config).expect("git has written it");
    let hooks = hooks.to_string_lossy().replace('\\', "/");
    let more = format!("[http]\n\treceivepack = true\n[core]\n\thooksPath = \"{hooks}\"\n");
    fs::write(config, before + &more).expect("the folder takes files");
    fs::write(blank.join("HEAD"), "ref: refs/heads/main\n").expect("the folder takes files");
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("a folder to copy");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a file type").is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file to copy")),
        }
    }
}

/// What a forge that is written to can be told, and tells.
impl Forge {
    /// Whether pipelines are on in a repository; `None` as long as nobody has set it.
    pub fn pipelines(&self, repository: Repo<'_>) -> Option<bool> {
        let all = self.writes.pipelines.lock();
        all.get(&repository.uuid()).copied()
    }

    /// Has pipelines on in each repository that is made by the API from now on.
    pub fn pipelines_for_new(&self) {
        self.writes.pipelines_for_new.store(true, Ordering::SeqCst);
    }

    /// Refuses these refs of each push from now on, and takes the others.
    pub fn refuse_refs(&self, names: &[&str]) {
        let names = names.join("|");
        let why = "this ref is not allowed here";
        self.write_hook(
            "update",
            &format!("case \"$1\" in {names}) echo {why} >&2; exit 1;; esac\n"),
        );
    }

    /// Refuses every push from now on, as a whole.
    pub fn refuse_pushes(&self) {
        self.write_hook("pre-receive", "echo no pushes here >&2; exit 1\n");
    }

    /// Takes all pushes again.
    pub fn take_pushes(&self) {
        for name in ["update", "pre-receive"] {
            fs::remove_file(self.writes.hook(name)).ok();
        }
    }

    /// Refuses pushes of more bytes to repositories that are made from now on.
    pub fn largest_push(&self, bytes: u64) {
        let bytes = bytes.to_string();
        git::run(
            &self.writes.blank(),
            &["config", "receive.maxInputSize", &bytes],
        );
    }

    fn write_hook(&self, name: &str, script: &str) {
        let path = self.writes.hook(name);
        fs::write(&path, format!("#!/bin/sh\n{script}")).expect("the folder takes files");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(&path, mode).expect("a file of one's own");
        }
    }
}

/// The hoster, and beside it what writes.
pub(crate) struct Writable {
    pub(crate) site: Arc<Site>,
    pub(crate) writes: Arc<Writes>,
}

/// Both sides are complete answers; `Err` only ends the work early.
type Answer = Result<Response, Response>;

impl Handler for Writable {
    fn handle(&self, request: Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let respond = |endpoint: &dyn Fn(&mut HosterState, &Account) -> Answer| {
            let answer = |state: &mut HosterState| api::respond_by(state, &request, endpoint);
            Reply::Response(self.site.update(answer))
        };
        match (method, &path[..]) {
            ("POST", ["2.0", "repositories", workspace, slug]) => {
                respond(&|state, caller| self.create(state, caller, workspace, slug, &request.body))
            }
            ("PUT", ["2.0", "repositories", workspace, id]) => {
                respond(&|state, caller| self.set_up(state, caller, workspace, id, &request.body))
            }
            ("DELETE", ["2.0", "repositories", workspace, id]) => {
                respond(&|state, caller| delete(state, caller, workspace, id))
            }
            ("GET" | "PUT", ["2.0", "repositories", workspace, id, "pipelines_config"]) => {
                let set = (method == "PUT").then(|| document(&request.body));
                respond(&|state, caller| self.pipelines(state, caller, workspace, id, set.as_ref()))
            }
            ("GET", ["2.0", "workspaces", workspace, "projects", key]) => {
                respond(&|state, caller| project(state, caller, workspace, key))
            }
            _ => match GitRoute::parse(&request) {
                Some(route) if route.call == GitCall::ReceivePack => self.push(&route, request),
                _ => self.site.handle(request),
            },
        }
    }
}

impl Writable {
    fn create(
        &self,
        state: &mut HosterState,
        caller: &Account,
        workspace: &str,
        slug: &str,
        body: &[u8],
    ) -> Answer {
        let document = document(body);
        api::require(Some(caller), scope::ADMIN)?;
        let mut all = state.workspaces.iter_mut();
        let of = all.find(|of| of.slug == workspace || of.uuid == workspace);
        let of = of.ok_or_else(|| api::refusal(404, "No such workspace."))?;
        if !caller.is_member_of(of) {
            return Err(api::refusal(400, "You cannot make repositories there."));
        }
        if !is_slug(slug) {
            return Err(wrong("slug", "Invalid slug."));
        }
        if !matches!(document["scm"].as_str(), None | Some("git")) {
            return Err(wrong("scm", "Not a valid choice."));
        }
        if !matches!(document["project"]["key"].as_str(), None | Some(PROJECT)) {
            return Err(wrong("project", "The project does not exist."));
        }
        if of.repository(slug).is_some() {
            let taken = "Repository with this Slug and Owner already exists.";
            return Err(api::refusal(400, taken));
        }
        let number = self.writes.next();
        let git_dir = self.writes.folder_of(number);
        copy_folder(&self.writes.blank(), &git_dir);
        let mut made = Repository::new(&Repo::seed(number), slug, git_dir);
        made.created_on = created_on(number);
        made.updated_on = self.writes.tick();
        // Who does not ask for it gets none: the API's default.
        made.is_private = document["is_private"] == true;
        let text = document["description"].as_str();
        text.unwrap_or_default().clone_into(&mut made.description);
        if self.writes.pipelines_for_new.load(Ordering::SeqCst) {
            let mut pipelines = self.writes.pipelines.lock();
            pipelines.insert(made.uuid.clone(), true);
        }
        of.repositories.push(made);
        Ok(api::show(state, workspace, slug, caller))
    }

    fn set_up(
        &self,
        state: &mut HosterState,
        caller: &Account,
        workspace: &str,
        id: &str,
        body: &[u8],
    ) -> Answer {
        let document = document(body);
        api::require(Some(caller), scope::ADMIN)?;
        let repository = find(state, caller, workspace, id)?;
        if let Some(branch) = document["mainbranch"]["name"].as_str() {
            if !has_branch(&repository.git_dir, branch) {
                return Err(wrong("mainbranch", "There is no such branch."));
            }
            let head = format!("ref: refs/heads/{branch}\n");
            fs::write(repository.git_dir.join("HEAD"), head).expect("a repository of one's own");
            repository.main_branch = Some(branch.to_owned());
        }
        if let Some(text) = document["description"].as_str() {
            text.clone_into(&mut repository.description);
        }
        if let Some(is_private) = document["is_private"].as_bool() {
            repository.is_private = is_private;
        }
        repository.updated_on = self.writes.tick();
        Ok(api::show(state, workspace, id, caller))
    }

    /// A repository in which nobody has set it has no such thing.
    fn pipelines(
        &self,
        state: &mut HosterState,
        caller: &Account,
        workspace: &str,
        id: &str,
        set: Option<&Value>,
    ) -> Answer {
        api::require(Some(caller), scope::ADMIN)?;
        let uuid = find(state, caller, workspace, id)?.uuid.clone();
        let mut all = self.writes.pipelines.lock();
        if let Some(on) = set.and_then(|set| set["enabled"].as_bool()) {
            all.insert(uuid.clone(), on);
        }
        let Some(on) = all.get(&uuid) else {
            return Err(api::refusal(404, "There is no configuration of pipelines."));
        };
        let document = json!({ "type": "pipelines_config", "enabled": on });
        Ok(api::json_response(200, &document))
    }

    /// What the hoster shows of a repository after a push is what is in it then.
    fn push(&self, route: &GitRoute, request: Request) -> Reply {
        let Response {
            status,
            headers,
            body,
        } = match self.site.handle(request) {
            Reply::Response(response) => response,
            other => return other,
        };
        let body = body.into_bytes().expect("git answers");
        let now = self.writes.tick();
        self.site.update(|state| {
            let mut all = state.workspaces.iter_mut();
            let of = all.find(|of| of.slug == route.workspace);
            let pushed = of.and_then(|of| of.repository_mut(&route.repository));
            if let Some(pushed) = pushed.filter(|_| status == 200 && !route.wiki) {
                let head = fs::read_to_string(pushed.git_dir.join("HEAD")).expect("a HEAD");
                let head = head.trim().strip_prefix("ref: refs/heads/");
                let head = head.filter(|head| has_branch(&pushed.git_dir, head));
                pushed.main_branch = head.map(str::to_owned);
                pushed.updated_on = now;
            }
        });
        Reply::Response(Response {
            status,
            headers,
            body: Body::Bytes(body),
        })
    }
}

/// Whether a name is one for addresses. Source: *What is a repository slug?* of Atlassian Support; that one
/// ends with `.git` is refused here alone, since it would mean another repository in an address.
fn is_slug(name: &str) -> bool {
    let is_good = |c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.');
    let is_odd = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    name.len() <= LONGEST && name.chars().all(is_good) && !is_odd && !name.ends_with(".git")
}

fn delete(state: &mut HosterState, caller: &Account, workspace: &str, id: &str) -> Answer {
    api::require(Some(caller), scope::DELETE)?;
    let uuid = find(state, caller, workspace, id)?.uuid.clone();
    for of in &mut state.workspaces {
        of.repositories.retain(|repository| repository.uuid != uuid);
    }
    Ok(Response {
        status: 204,
        headers: Vec::new(),
        body: Body::Bytes(Vec::new()),
    })
}

fn project(state: &mut HosterState, caller: &Account, workspace: &str, key: &str) -> Answer {
    api::require(Some(caller), scope::PROJECT)?;
    let known = state.workspace(workspace);
    if known.is_none_or(|of| !caller.is_member_of(of)) || key != PROJECT {
        return Err(api::refusal(404, "There is no such project."));
    }
    let document =
        json!({ "type": "project", "key": key, "name": "Everything", "is_private": true });
    Ok(api::json_response(200, &document))
}

fn find<'s>(
    state: &'s mut HosterState,
    caller: &Account,
    workspace: &str,
    id: &str,
) -> Result<&'s mut Repository, Response> {
    let mut all = state.workspaces.iter_mut();
    let of = all.find(|of| of.slug == workspace || of.uuid == workspace);
    let of = of.filter(|of| caller.is_member_of(of));
    let found = of.and_then(|of| of.repository_mut(id));
    let found = found.filter(|found| !caller.hidden.contains(&found.uuid));
    found.ok_or_else(|| api::refusal(404, "Repository not found."))
}

fn document(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// What is wrong with a document, by its field.
fn wrong(field: &str, why: &str) -> Response {
    let error = json!({ "message": "Bad request", "fields": { field: [why] } });
    api::json_response(400, &json!({ "type": "error", "error": error }))
}
