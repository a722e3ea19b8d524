//! One repository of a [`Forge`]: what the hoster says about it, and what is in it.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_demo_hoster::{Repository, Scm, uuid_from};

use super::Forge;
use crate::git::{self, tip};

/// A repository upstream. Every method that changes something gives it back, so that calls chain;
/// a change of content moves `updated_on`, as a push does.
#[derive(Clone, Copy)]
pub struct Repo<'f> {
    forge: &'f Forge,
    number: u64,
}

impl<'f> Repo<'f> {
    pub(crate) fn new(forge: &'f Forge, number: u64) -> Self {
        Self { forge, number }
    }

    pub(crate) fn seed(number: u64) -> String {
        format!("repository {number}")
    }

    /// The immutable id, in braces.
    pub fn uuid(self) -> String {
        uuid_from(&Self::seed(self.number))
    }

    /// The slug of the workspace it is in.
    pub fn workspace(self) -> String {
        let uuid = self.uuid();
        let found = self.forge.site.read(|state| {
            let mut all = state.workspaces.iter();
            all.find(|w| w.repository(&uuid).is_some())
                .map(|w| w.slug.clone())
        });
        found.expect("the repository is in a workspace")
    }

    /// What the hoster knows about it.
    pub fn entry(self) -> Repository {
        let uuid = self.uuid();
        let find =
            |workspace: &forgekeep_demo_hoster::Workspace| workspace.repository(&uuid).cloned();
        let found = self
            .forge
            .site
            .read(|state| state.workspaces.iter().find_map(find));
        found.expect("the repository is listed")
    }

    /// Changes what the hoster says about it.
    pub fn change(self, change: impl FnOnce(&mut Repository)) -> Self {
        let uuid = self.uuid();
        self.forge.site.update(|state| {
            let mut all = state.workspaces.iter_mut();
            change(
                all.find_map(|w| w.repository_mut(&uuid))
                    .expect("the repository is listed"),
            );
        });
        self
    }

    /// The bare repository.
    pub fn git_dir(self) -> PathBuf {
        self.forge.writes.folder_of(self.number)
    }

    /// The wiki's bare repository.
    pub fn wiki_dir(self) -> PathBuf {
        self.entry().wiki_dir.expect("there is a wiki")
    }

    /// The clone URL, without a user name.
    pub fn clone_url(self) -> String {
        format!(
            "{}/{}/{}.git",
            self.forge.git_url(),
            self.workspace(),
            self.entry().slug
        )
    }

    /// Hides it from those without credentials.
    pub fn private(self) -> Self {
        self.change(|entry| entry.is_private = true)
    }

    /// Gives it another slug and name; the uuid stays.
    pub fn rename(self, slug: &str) -> Self {
        self.change(|entry| {
            entry.slug = slug.to_owned();
            entry.name = slug.to_owned();
        })
    }

    /// Gives it a name for people that differs from the slug.
    pub fn display_name(self, name: &str) -> Self {
        self.change(|entry| entry.name = name.to_owned())
    }

    /// Says how large it is.
    pub fn size(self, bytes: u64) -> Self {
        self.change(|entry| entry.size = bytes)
    }

    /// Puts the ssh link in front of the https one.
    pub fn ssh_link_first(self) -> Self {
        self.change(|entry| entry.ssh_link_first = true)
    }

    /// Makes it a Mercurial one: listed, but not clonable.
    pub fn hg(self) -> Self {
        self.change(|entry| entry.scm = Scm::Hg)
    }

    /// Gives it a wiki with one page; again, another page.
    pub fn wiki(self) -> Self {
        let wiki_dir = self
            .entry()
            .wiki_dir
            .unwrap_or_else(|| self.forge.new_wiki(self.number));
        self.import(&wiki_dir, "main", "A page", tip(&wiki_dir, "main"));
        self.change(|entry| {
            entry.has_wiki = true;
            entry.wiki_dir = Some(wiki_dir);
        })
    }

    /// Says that there is a wiki, which then cannot be cloned.
    pub fn missing_wiki(self) -> Self {
        self.change(|entry| {
            entry.has_wiki = true;
            entry.wiki_dir = None;
        })
    }

    /// Removes it from the hoster.
    pub fn delete(self) {
        let uuid = self.uuid();
        self.forge.site.update(|state| {
            for workspace in &mut state.workspaces {
                workspace
                    .repositories
                    .retain(|repository| repository.uuid != uuid);
            }
        });
    }

    /// Makes a branch the default one, whether it exists or not.
    pub fn default_branch(self, name: &str) -> Self {
        fs::write(
            self.git_dir().join("HEAD"),
            format!("ref: refs/heads/{name}\n"),
        )
        .unwrap();
        self.pushed()
    }

    /// Commits a new file to the default branch.
    pub fn commit(self, message: &str) -> Self {
        self.commit_to(&self.head(), message)
    }

    /// Commits a new file to a branch, which need not exist.
    pub fn commit_to(self, branch: &str, message: &str) -> Self {
        self.import(
            &self.git_dir(),
            branch,
            message,
            tip(&self.git_dir(), branch),
        );
        self.pushed()
    }

    /// Replaces a branch's latest commit by another one.
    pub fn force_push(self, branch: &str) -> Self {
        let before = tip(&self.git_dir(), &format!("{branch}~1"));
        self.import(&self.git_dir(), branch, "Rewritten", before);
        self.pushed()
    }

    /// Makes a branch, or moves it, to where a revision is.
    pub fn branch(self, name: &str, revision: &str) -> Self {
        self.git(&[
            "update-ref",
            &format!("refs/heads/{name}"),
            &self.rev_parse(revision),
        ])
    }

    /// Deletes a branch.
    pub fn delete_branch(self, name: &str) -> Self {
        self.git(&["update-ref", "-d", &format!("refs/heads/{name}")])
    }

    /// Makes a lightweight tag on the default branch, or moves it there.
    pub fn tag(self, name: &str) -> Self {
        self.git(&["tag", "--force", name])
    }

    /// Makes an annotated tag on the default branch, or moves it there.
    pub fn annotated_tag(self, name: &str) -> Self {
        self.git(&["tag", "--force", "--annotate", "--message", name, name])
    }

    /// Deletes a tag.
    pub fn delete_tag(self, name: &str) -> Self {
        self.git(&["update-ref", "-d", &format!("refs/tags/{name}")])
    }

    /// Makes branches `many/1` and so on, all where the default branch is, in one step.
    pub fn many_branches(self, count: usize) -> Self {
        let id = self.rev_parse("HEAD");
        let lines = (1..=count).map(|number| format!("update refs/heads/many/{number} {id}\n"));
        let input: String = lines.collect();
        git::run_with_input(
            &self.git_dir(),
            &["update-ref", "--stdin"],
            input.as_bytes(),
        );
        self.git(&["pack-refs", "--all"])
    }

    /// Does anything with git in the bare repository.
    pub fn git(self, arguments: &[&str]) -> Self {
        git::run(&self.git_dir(), arguments);
        self.pushed()
    }

    /// Makes changes that `updated_on` tells nothing of: in the second of the last one, or because the
    /// hoster does not keep its word.
    pub fn with_the_same_stamp(self, change: impl FnOnce(Self) -> Self) -> Self {
        let before = self.entry().updated_on;
        change(self).change(|entry| entry.updated_on = before)
    }

    /// The object id of a revision.
    pub fn rev_parse(self, revision: &str) -> String {
        git::run(&self.git_dir(), &["rev-parse", "--verify", revision])
    }

    fn head(self) -> String {
        let head = fs::read_to_string(self.git_dir().join("HEAD")).unwrap();
        head.trim()
            .strip_prefix("ref: refs/heads/")
            .expect("HEAD is a branch")
            .to_owned()
    }

    /// What the hoster notices of a push.
    fn pushed(self) -> Self {
        let head = self.head();
        let exists = has_branch(&self.git_dir(), &head);
        let now = self.forge.writes.tick();
        self.change(|entry| {
            entry.main_branch = exists.then_some(head);
            entry.updated_on = now;
        })
    }

    fn import(self, git_dir: &Path, branch: &str, message: &str, parent: Option<String>) {
        git::import(git_dir, branch, message, parent, self.forge.writes.tick());
    }
}

/// Without a process of git's, since every change asks for it.
pub(super) fn has_branch(git_dir: &Path, name: &str) -> bool {
    let full = format!("refs/heads/{name}");
    let packed = fs::read_to_string(git_dir.join("packed-refs")).unwrap_or_default();
    git_dir.join(&full).is_file()
        || packed
            .lines()
            .any(|line| line.ends_with(&format!(" {full}")))
}
