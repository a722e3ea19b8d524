//! What the server knows, and how it behaves.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::pushes::Pushes;

use forgekeep_demo_hoster::Response;

/// What becomes of a wiki. Source: "Wiki", docs.gitlab.com/user/project/wiki; what git is answered, from
/// users' reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiki {
    /// It is switched off.
    Off,
    /// It has pages.
    Pages,
    /// Nobody has written a page: an empty repository.
    Empty,
    /// Nobody has, and git is told that there is none.
    Missing,
    /// The account has no right to it.
    Denied,
}

/// A group, or the namespace of a user. Source: docs.gitlab.com/api/namespaces.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// What never changes.
    pub id: u64,
    /// The last part of its path.
    pub path: String,
    /// What it lies in.
    pub parent: Option<u64>,
    /// Of a user: the user's id, which counts apart.
    pub user: Option<u64>,
    /// Of a group: the ids of users, and the role of each (50: owner).
    pub members: Vec<(u64, u64)>,
    /// Whether only members see it.
    pub private: bool,
    /// Of a group: its wiki.
    pub wiki: Wiki,
    /// Since when it is marked for deletion.
    pub marked: Option<String>,
}

/// An access token. Source: docs.gitlab.com/api/personal_access_tokens.
#[derive(Clone, Debug)]
pub struct Token {
    /// The id of the user it belongs to.
    pub user: u64,
    /// The token.
    pub secret: String,
    /// Whether it is one of OAuth: by `Bearer` alone, and without an answer to what it is.
    pub is_oauth: bool,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The day at whose beginning it has ended.
    pub expires_at: Option<String>,
}

/// A project. Source: docs.gitlab.com/api/projects.
#[derive(Clone, Debug)]
pub struct Project {
    /// What never changes.
    pub id: u64,
    /// The id of its namespace.
    pub namespace: u64,
    /// The last part of its path.
    pub path: String,
    /// `public`, `internal` or `private`.
    pub visibility: String,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether the server mirrors it.
    pub mirror: bool,
    /// Whether it is hidden from everybody: a right was taken away.
    pub hidden: bool,
    /// `repository_access_level`.
    pub repository: String,
    /// Its wiki.
    pub wiki: Wiki,
    /// Since when it is marked for deletion.
    pub marked: Option<String>,
    /// `external_authorization_classification_label`.
    pub label: Option<String>,
    /// `import_status`.
    pub import: String,
    /// The ids of groups it is shared with.
    pub shared_with: Vec<u64>,
    /// Its description.
    pub description: Option<String>,
    /// Whether it was made by the API: then its HEAD moves by itself to a branch that is there.
    pub is_made: bool,
    /// `lfs_enabled`.
    pub lfs: bool,
    /// Whether pushes start pipelines: `builds_access_level`.
    pub automation: bool,
}

/// A snippet. Source: docs.gitlab.com/api/snippets.
#[derive(Clone, Debug)]
pub struct Snippet {
    /// What never changes.
    pub id: u64,
    /// The id of the user.
    pub author: u64,
    /// The id of its project.
    pub project: Option<u64>,
}

/// What happens to requests that have something in their path and query.
#[derive(Clone, Debug)]
pub enum Disturbance {
    /// So many are refused with 429, `Retry-After` and the text of GitLab.
    Limited(usize),
    /// This project is deleted after the first one.
    Deletes(u64),
}

/// Everything.
#[derive(Clone, Debug)]
pub struct State {
    /// The server's address.
    pub url: String,
    /// Where clone URLs begin.
    pub git_url: String,
    /// The path that everything is below.
    pub below: String,
    /// Where the repositories are.
    pub folder: PathBuf,
    /// The address that it takes for its own in links: `external_url`.
    pub external_url: String,
    /// Entries of a page at most, whatever is asked for. GitLab has 100; a few do for a test.
    pub page_cap: usize,
    /// Whether there are pages by keyset: since 12.7.
    pub keyset: bool,
    /// Whether the listing of a group leaves archived ones out where they are not asked for, as older
    /// versions do.
    pub hides_archived: bool,
    /// Whether a token tells what it is.
    pub tells_tokens: bool,
    /// Whether reading takes no scope, as with a token that is fine-grained.
    pub reads_without_scope: bool,
    /// Whether all tokens have ended once git is asked for the first time.
    pub ends_after_listing: bool,
    /// Whether the plan has wikis of groups: docs.gitlab.com/api/group_wikis, "Premium".
    pub premium: bool,
    /// Groups and the namespaces of users.
    pub namespaces: Vec<Namespace>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// Projects.
    pub projects: Vec<Project>,
    /// Snippets.
    pub snippets: Vec<Snippet>,
    /// What goes wrong, and with which requests.
    pub disturbances: Vec<(String, Disturbance)>,
    /// How long each answer takes, as over a network.
    pub latency: Duration,
    /// Whether the administrator has restricted private projects.
    pub refuses_private: bool,
    /// How many more projects may be made.
    pub projects_left: Option<usize>,
    /// How many projects may be made in a row, before one is refused for a limit.
    pub create_limit: Option<usize>,
    /// How many were made since that limit was told.
    pub created: usize,
    /// The role from which on projects may be made in a group; for groups it is that of Maintainer.
    pub creating_role: u64,
    /// Whether the server passes over `builds_access_level`, as old ones do.
    pub has_no_levels: bool,
    /// Whether what is deleted is gone at once.
    pub deletes_at_once: bool,
    /// `/application/settings`, where the token is an administrator's.
    pub settings: Option<Value>,
    /// What becomes of pushes.
    pub pushes: Pushes,
    next: u64,
    now: i64,
}

impl State {
    pub(super) fn new(url: String, git_url: String, below: &str) -> Self {
        Self {
            external_url: "http://internal.example:8080".to_owned(),
            url,
            git_url,
            below: below.to_owned(),
            folder: PathBuf::new(),
            page_cap: 100,
            keyset: true,
            hides_archived: false,
            tells_tokens: true,
            reads_without_scope: false,
            ends_after_listing: false,
            premium: true,
            namespaces: Vec::new(),
            tokens: Vec::new(),
            projects: Vec::new(),
            snippets: Vec::new(),
            disturbances: Vec::new(),
            latency: Duration::ZERO,
            refuses_private: false,
            projects_left: None,
            create_limit: None,
            created: 0,
            creating_role: 30,
            has_no_levels: false,
            deletes_at_once: false,
            settings: None,
            pushes: Pushes::default(),
            next: 0,
            now: 1_700_000_000,
        }
    }

    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A minute later than last time.
    pub(super) fn tick(&mut self) -> i64 {
        self.now += 60;
        self.now
    }

    /// Makes a user; the id of the namespace. That of the user is 1,000 more.
    pub fn add_user(&mut self, name: &str) -> u64 {
        let id = self.add_namespace(name, None);
        self.namespace_mut(id).user = Some(id + 1000);
        id
    }

    /// Makes a public group, in another one or not; its id.
    pub fn add_group(&mut self, path: &str, parent: Option<u64>) -> u64 {
        self.add_namespace(path, parent)
    }

    fn add_namespace(&mut self, path: &str, parent: Option<u64>) -> u64 {
        let id = self.next();
        self.namespaces.push(Namespace {
            id,
            path: path.to_owned(),
            parent,
            user: None,
            members: Vec::new(),
            private: false,
            wiki: Wiki::Off,
            marked: None,
        });
        id
    }

    /// Makes a personal token of a user, by the namespace, with scopes.
    pub fn add_token(&mut self, namespace: u64, secret: &str, scopes: &[&str]) {
        let user = self.namespace(namespace).user.expect("it is a user's");
        self.tokens.push(Token {
            user,
            secret: secret.to_owned(),
            is_oauth: false,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            expires_at: Some("2027-06-01".to_owned()),
        });
    }

    pub(super) fn add_project(&mut self, namespace: u64, path: &str) -> u64 {
        let id = self.next();
        self.projects.push(Project {
            id,
            namespace,
            path: path.to_owned(),
            visibility: "public".to_owned(),
            archived: false,
            fork: false,
            mirror: false,
            hidden: false,
            repository: "enabled".to_owned(),
            wiki: Wiki::Off,
            marked: None,
            label: None,
            import: "none".to_owned(),
            shared_with: Vec::new(),
            description: None,
            is_made: false,
            lfs: true,
            automation: true,
        });
        id
    }

    pub(super) fn add_snippet(&mut self, author: u64, project: Option<u64>) -> u64 {
        let id = self.next();
        let author = self.namespace(author).user.expect("it is a user's");
        self.snippets.push(Snippet {
            id,
            author,
            project,
        });
        id
    }

    /// A project.
    pub fn project_mut(&mut self, id: u64) -> &mut Project {
        let mut all = self.projects.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// Deletes a project for good.
    pub fn delete(&mut self, id: u64) {
        self.projects.retain(|one| one.id != id);
    }

    /// Marks a project for deletion: it is renamed and archived. Source: docs.gitlab.com/user/project/
    /// working_with_projects, "Delete a project"; GitLab's `Projects::MarkForDeletionService`.
    pub fn mark(&mut self, id: u64, day: &str) {
        let project = self.project_mut(id);
        project.path = format!("{}-deletion_scheduled-{id}", project.path);
        project.archived = true;
        project.marked = Some(day.to_owned());
    }

    /// Marks a group for deletion: it is renamed. Source: docs.gitlab.com/user/group/manage, "Delete a group".
    pub fn mark_group(&mut self, id: u64, day: &str) {
        let group = self.namespace_mut(id);
        group.path = format!("{}-deletion_scheduled-{id}", group.path);
        group.marked = Some(day.to_owned());
    }

    /// A group or the namespace of a user.
    pub fn namespace_mut(&mut self, id: u64) -> &mut Namespace {
        let mut all = self.namespaces.iter_mut();
        all.find(|one| one.id == id).expect("it is there")
    }

    pub(super) fn namespace(&self, id: u64) -> &Namespace {
        let mut all = self.namespaces.iter();
        all.find(|one| one.id == id).expect("it is there")
    }

    /// A namespace and all that it lies in, from the inside out.
    pub(super) fn upwards(&self, id: u64) -> impl Iterator<Item = &Namespace> {
        let parent = |one: &&Namespace| one.parent.map(|id| self.namespace(id));
        std::iter::successors(Some(self.namespace(id)), parent)
    }

    pub(super) fn full_path(&self, id: u64) -> String {
        let mut parts: Vec<_> = self.upwards(id).map(|one| one.path.as_str()).collect();
        parts.reverse();
        parts.join("/")
    }

    pub(super) fn project_path(&self, project: &Project) -> String {
        format!("{}/{}", self.full_path(project.namespace), project.path)
    }

    /// The refusal of a request whose turn it is. Source: docs.gitlab.com/administration/settings/
    /// user_and_ip_rate_limits, "Response headers" and "Use a custom rate limit response".
    pub(super) fn limited(&mut self, target: &str) -> Option<Response> {
        let left = self
            .disturbances
            .iter_mut()
            .find_map(|(what, how)| match how {
                Disturbance::Limited(left) if *left > 0 && target.contains(&*what) => Some(left),
                _ => None,
            })?;
        *left -= 1;
        let refusal = Response::text(429, "Retry later");
        let fields = [
            ("RateLimit-Limit", "600"),
            ("RateLimit-Remaining", "0"),
            ("Retry-After", "1"),
        ];
        let with = |refusal: Response, (name, value)| refusal.with_header(name, value);
        Some(fields.into_iter().fold(refusal, with))
    }

    /// What happens once a request was answered.
    pub(super) fn disturb(&mut self, target: &str) {
        let is_it = |(what, how): &(String, Disturbance)| {
            matches!(how, Disturbance::Deletes(_)) && target.contains(what)
        };
        if let Some(at) = self.disturbances.iter().position(is_it)
            && let (_, Disturbance::Deletes(id)) = self.disturbances.remove(at)
        {
            self.delete(id);
        }
    }
}
