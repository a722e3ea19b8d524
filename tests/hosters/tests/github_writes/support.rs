//! Requests to an API, and pushes by real git.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use forgekeep_tests::git;
use serde_json::Value;
use tempfile::TempDir;

/// Status and document of an answer.
pub type Answered = (u16, Value);

/// Asks an API.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Answered {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let fields: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

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
