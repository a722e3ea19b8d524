//! A client of the fakes, for tests of the fakes themselves: asks an API by plain HTTP, and pushes by real git.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::git;

/// Status and document of an answer.
pub type Answered = (u16, Value);

/// Asks an address with a document. A document that is null is none; so is an answer without one.
pub fn ask(method: &str, url: &str, fields: &[(&str, &str)], document: &Value) -> Answered {
    let body = match document {
        Value::Null => String::new(),
        document => document.to_string(),
    };
    let (status, _, body) = send(method, url, fields, body.as_bytes());
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Asks with bytes; status, fields and bytes of the answer.
pub fn send(
    method: &str,
    url: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (host, path) = rest.split_once('/').expect("an address with a path");
    let mut head = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    let mut connection = TcpStream::connect(host).expect("a server");
    connection
        .write_all(&[head.as_bytes(), b"\r\n", body].concat())
        .expect("it takes the request");
    let mut answer = String::new();
    connection
        .read_to_string(&mut answer)
        .expect("an answer in UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (status.expect("a status"), fields.collect(), body.into())
}

/// `Authorization` with user name and secret.
pub fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}

/// A repository to push from.
pub struct Local(TempDir);

impl Local {
    /// With a commit of its own on each of some branches.
    pub fn new(branches: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        git::run(folder.path(), &["init", "-q", "--bare", "."]);
        for branch in branches {
            git::import(folder.path(), branch, branch, None, 1_700_000_000);
        }
        Self(folder)
    }

    /// With the branches `main` and `trunk`, which are the same, a tag `v1`, and a large file on the branch `large`.
    pub fn usual() -> Self {
        let local = Self::new(&["main"]);
        let folder = local.path();
        git::run(folder, &["branch", "trunk", "main"]);
        git::run(folder, &["tag", "v1", "main"]);
        let (main, large) = (git::tip(folder, "main"), "x".repeat(20_000));
        git::import(folder, "large", &large, main, 1_700_000_060);
        local
    }

    /// Has a branch hold a file of a workflow of GitHub's.
    pub fn add_workflow(&self, branch: &str) {
        let stream = format!(
            "commit refs/heads/{branch}\ncommitter A <a@example.com> 1700000000 +0000\ndata 1\nx\n\
             M 644 inline .github/workflows/x.yml\ndata 1\nx\n"
        );
        let import = ["fast-import", "--quiet"];
        git::run_with_input(self.path(), &import, stream.as_bytes());
    }

    /// Pushes refs with `Authorization` in the head of each request; what git says where it fails.
    pub fn push(&self, url: &str, authorization: &str, refs: &[&str]) -> Result<String, String> {
        let field = format!("http.extraHeader=Authorization: {authorization}");
        let push = ["-c", &field, "push", "-q", url];
        git::try_run(self.path(), &[&push, refs].concat())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The names of all refs of a repository, in their order.
pub fn refs(git_dir: &Path) -> Vec<String> {
    let all = git::run(git_dir, &["for-each-ref", "--format=%(refname)"]);
    all.lines().map(str::to_owned).collect()
}

/// The names of its branches, in the same way.
pub fn heads(git_dir: &Path) -> Vec<String> {
    let all = refs(git_dir).into_iter();
    all.filter_map(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()))
        .collect()
}
