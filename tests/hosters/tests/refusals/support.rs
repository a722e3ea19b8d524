//! Pushes by real git.

use std::path::Path;

use forgekeep_tests::git;
use tempfile::TempDir;

/// An address for git with a token.
pub fn with_token(url: &str, token: &str) -> String {
    url.replacen("http://", &format!("http://x:{token}@"), 1)
}

/// A repository with a commit on each of some branches.
pub struct Worktree(TempDir);

impl Worktree {
    pub fn new(branches: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        git::run(folder.path(), &["init", "-q", "--bare", "."]);
        for branch in branches {
            git::import(folder.path(), branch, branch, None, 1_700_000_000);
        }
        Self(folder)
    }

    /// Has a branch hold a file of a workflow.
    pub fn with_workflow(&self, branch: &str) {
        let stream = format!(
            "commit refs/heads/{branch}\ncommitter A <a@example.com> 1700000000 +0000\ndata 1\nx\nM 644 inline .github/workflows/x.yml\ndata 1\nx\n"
        );
        git::run_with_input(
            self.0.path(),
            &["fast-import", "--quiet"],
            stream.as_bytes(),
        );
    }

    /// Pushes; what git says where it fails.
    pub fn push(&self, address: &str, refs: &[&str]) -> Result<String, String> {
        git::try_run(self.0.path(), &[&["push", "-q", address], refs].concat())
    }

    pub fn refs(&self, git_dir: &Path) -> Vec<String> {
        let all = git::run(git_dir, &["for-each-ref", "--format=%(refname)"]);
        all.lines().map(str::to_owned).collect()
    }

    pub fn heads(&self, git_dir: &Path) -> Vec<String> {
        let all = self.refs(git_dir).into_iter();
        all.filter_map(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()))
            .collect()
    }
}
