//! `git http-backend` as the git service: what real hosters run, more or less.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use forgekeep_demo_hoster::{Body, GitService, Request, Response};

use crate::git;

/// Runs `git http-backend` for each request.
pub(crate) struct HttpBackend;

impl GitService for HttpBackend {
    fn advertise(&self, git_dir: &Path, request: &Request) -> Response {
        run(git_dir, "info/refs", request.clone())
    }

    fn upload_pack(&self, git_dir: &Path, request: Request) -> Response {
        run(git_dir, "git-upload-pack", request)
    }

    fn takes_pushes(&self) -> bool {
        true
    }

    fn receive_pack(&self, git_dir: &Path, request: Request) -> Response {
        match request.method.as_str() {
            "GET" => run(git_dir, "info/refs", request),
            _ => run(git_dir, "git-receive-pack", request),
        }
    }
}

/// Has `git http-backend` answer a request to a repository.
pub fn run(git_dir: &Path, path: &str, request: Request) -> Response {
    let mut command = git::http_backend(git_dir);
    command
        .env("GIT_PROJECT_ROOT", git_dir)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{path}"))
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", request.query())
        .env("REMOTE_ADDR", request.remote.ip().to_string())
        .env("CONTENT_LENGTH", request.body.len().to_string());
    for (header, variable) in [
        ("Content-Type", "CONTENT_TYPE"),
        ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
        ("Git-Protocol", "GIT_PROTOCOL"),
    ] {
        command.envs(request.header(header).map(|value| (variable, value)));
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let count = Count::new();
    let mut child = command.spawn().expect("git http-backend can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    thread::spawn(move || stdin.write_all(&request.body).ok());
    let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let (status, headers) = read_head(&mut output).expect("git http-backend answers");
    let mut running = Running(child, count);
    let body = Body::Stream(Box::new(move |client| {
        let sent = io::copy(&mut output, client)?;
        // Like a web server, passes on what git says before it gives up.
        match running.0.wait()?.success() || sent > 0 {
            true => Ok(()),
            false => Err(io::Error::other("git http-backend failed")),
        }
    }));
    Response {
        status,
        headers,
        body,
    }
}

/// Ends with the answer, also when the client goes away before.
struct Running(Child, #[allow(dead_code)] Count);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Counts one as running as long as it lives.
struct Count(());

static RUNNING: AtomicUsize = AtomicUsize::new(0);

impl Count {
    fn new() -> Self {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until every `git http-backend` has ended and was waited for. A client that has its answer does not
/// know of that.
pub(crate) fn wait_until_idle() {
    while RUNNING.load(Ordering::SeqCst) > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn read_head(output: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let mut status = 200;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        // No git answer has a head this long.
        output.by_ref().take(64 * 1024).read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some(("Status", value)) => {
                let code = value.split(' ').next().and_then(|code| code.parse().ok());
                status = code.ok_or_else(|| io::Error::other("not a status"))?;
            }
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => return Ok((status, headers)),
        }
    }
}
