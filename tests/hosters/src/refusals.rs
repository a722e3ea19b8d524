//! Repositories that are made at a fake, to be pushed to: real ones, which refuse what they are told to.

use std::fs;
use std::path::Path;

use forgekeep_demo_hoster::Request;

use crate::git;

/// What repositories that are made from now on refuse of pushes.
#[derive(Clone, Debug, Default)]
pub struct Refusals {
    /// Refs that are refused each for itself, by patterns of the shell, such as `refs/tags/v*`.
    pub refs: Vec<String>,
    /// Refs that have the whole push refused.
    pub pushes_with: Vec<String>,
    /// Most bytes of the pack of a push.
    pub bytes: Option<u64>,
    /// Whether refs that hold files of GitHub's workflows are refused each for itself.
    pub workflows: bool,
    /// Whether objects that git's own check complains of are refused.
    pub bad_objects: bool,
}

/// Makes an empty bare repository with `refs/heads/main` for its HEAD.
pub(crate) fn make(git_dir: &Path, refusals: &Refusals) {
    let name = git_dir.to_str().expect("a name in UTF-8");
    let parent = git_dir.parent().expect("it lies in a folder");
    git::run(parent, &["init", "-q", "--bare", "--template=", name]);
    let bytes = refusals.bytes.map(|bytes| bytes.to_string());
    let settings = [
        ("http.receivepack", Some("true")),
        ("receive.maxInputSize", bytes.as_deref()),
        (
            "receive.fsckObjects",
            refusals.bad_objects.then_some("true"),
        ),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            git::run(git_dir, &["config", name, value]);
        }
    }
    let words = "echo 'GH013: Repository rule violations found' >&2";
    let mut update = Vec::new();
    if !refusals.refs.is_empty() {
        let patterns = refusals.refs.join("|");
        update.push(format!("case \"$1\" in {patterns}) {words}; exit 1;; esac"));
    }
    if refusals.workflows {
        let holds =
            "git ls-tree -r --name-only \"$3\" 2>/dev/null | grep -q '^\\.github/workflows/'";
        let words = "echo 'refusing to allow a Personal Access Token to create or update workflow without workflow scope' >&2";
        update.push(format!("if {holds}; then {words}; exit 1; fi"));
    }
    if !update.is_empty() {
        hook(git_dir, "update", &update.join("\n"));
    }
    if !refusals.pushes_with.is_empty() {
        let patterns = refusals.pushes_with.join("|");
        let script = format!(
            "while read -r old new ref; do case \"$ref\" in {patterns}) {words}; exit 1;; esac; done"
        );
        hook(git_dir, "pre-receive", &script);
    }
}

fn hook(git_dir: &Path, name: &str, script: &str) {
    let file = git_dir.join("hooks").join(name);
    fs::create_dir_all(git_dir.join("hooks")).expect("a folder");
    fs::write(&file, format!("#!/bin/sh\n{script}\nexit 0\n")).expect("a hook");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a hook that runs");
    }
}

/// The branch that HEAD names.
pub(crate) fn head(git_dir: &Path) -> String {
    let head = fs::read_to_string(git_dir.join("HEAD")).unwrap_or_default();
    let branch = head.trim().strip_prefix("ref: refs/heads/");
    branch.unwrap_or("main").to_owned()
}

/// Whether a repository has no branch.
pub(crate) fn is_empty(git_dir: &Path) -> bool {
    let heads = fs::read_dir(git_dir.join("refs/heads"));
    heads.is_ok_and(|mut heads| heads.next().is_none()) && !git_dir.join("packed-refs").exists()
}

/// Has HEAD name some branch, where the one that it names is not there and others are.
pub(crate) fn settle_head(git_dir: &Path) {
    if is_empty(git_dir) || has(git_dir, &head(git_dir)) {
        return;
    }
    let all = git::run(
        git_dir,
        &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"],
    );
    if let Some(first) = all.lines().next() {
        set_head(git_dir, first);
    }
}

/// Makes HEAD name a branch, if that is there.
pub(crate) fn set_head(git_dir: &Path, branch: &str) -> bool {
    let is_there = has(git_dir, branch);
    if is_there {
        let target = format!("refs/heads/{branch}");
        git::run(git_dir, &["symbolic-ref", "HEAD", &target]);
    }
    is_there
}

fn has(git_dir: &Path, branch: &str) -> bool {
    let name = format!("refs/heads/{branch}");
    git::try_run(git_dir, &["rev-parse", "-q", "--verify", &name]).is_ok()
}

/// Whether a request of git's is for pushing: the question for what is there, or the push.
pub(crate) fn is_push(request: &Request, rest: &str) -> bool {
    let service = request.parameter("service");
    rest == "git-receive-pack" || service.as_deref() == Some("git-receive-pack")
}
