//! The real git, without anybody's configuration.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// A command that runs the git executable in a folder, with fixed names and nobody's configuration.
pub fn command(folder: &Path) -> Command {
    hermetic("git".as_ref(), folder)
}

/// The same for `git http-backend`, without the detour by way of git.
pub fn http_backend(folder: &Path) -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let found = run(Path::new("."), &["--exec-path"]);
        Path::new(found.trim()).join("git-http-backend")
    });
    hermetic(program, folder)
}

fn hermetic(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env_clear();
    for kept in ["PATH", "TMPDIR", "SYSTEMROOT"] {
        command.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    command
        .env("HOME", std::env::temp_dir())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env(
            "GIT_CONFIG_GLOBAL",
            if cfg!(windows) { "NUL" } else { "/dev/null" },
        )
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "init.defaultBranch")
        .env("GIT_CONFIG_VALUE_0", "main")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.com"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.com"),
        ])
        .envs([
            ("GIT_AUTHOR_DATE", "1700000000 +0000"),
            ("GIT_COMMITTER_DATE", "1700000000 +0000"),
        ]);
    command
}

/// Runs git; its output, without white space at the end. Panics when git fails.
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    run_with_input(folder, arguments, b"")
}

/// The same with something on the standard input.
pub fn run_with_input(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    finish(command(folder).args(arguments), input)
        .unwrap_or_else(|error| panic!("git {arguments:?} in {}: {error}", folder.display()))
}

/// Runs git; its output, or what it wrote to the standard error when it fails.
pub fn try_run(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    finish(command(folder).args(arguments), b"")
}

fn finish(command: &mut Command, input: &[u8]) -> Result<String, String> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("git can be started");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let output = thread::scope(|scope| {
        // git may end without reading everything.
        scope.spawn(move || stdin.write_all(input).ok());
        child.wait_with_output().expect("git ends")
    });
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned()),
    }
}

/// One commit with one new file on top of a parent; one process, so that tests can afford many.
pub fn import(git_dir: &Path, branch: &str, message: &str, parent: Option<String>, now: i64) {
    let from = parent.map_or(String::new(), |id| format!("from {id}\n"));
    let content = format!("{message}\n{now}\n");
    let stream = format!(
        "reset refs/heads/{branch}\n{from}\ncommit refs/heads/{branch}\n\
         author Ada <ada@example.com> {now} +0000\ncommitter Ada <ada@example.com> {now} +0000\n\
         data {}\n{message}\nM 100644 inline file-{now}.txt\ndata {}\n{content}\n",
        message.len(),
        content.len(),
    );
    run_with_input(
        git_dir,
        &["fast-import", "--quiet", "--force"],
        stream.as_bytes(),
    );
}

/// Makes a bare repository with one commit.
pub fn repository(git_dir: &Path) {
    empty(git_dir);
    commit(git_dir, "one");
}

/// Makes a bare repository without a commit.
pub fn empty(git_dir: &Path) {
    std::fs::create_dir_all(git_dir).expect("a new folder");
    run(git_dir, &["init", "-q", "--bare", "--template=", "."]);
}

/// Commits a new file to `main` of a bare repository.
pub fn commit(git_dir: &Path, message: &str) {
    let parent = tip(git_dir, "main");
    let number = parent.as_ref().map_or("0".to_owned(), |_| {
        run(git_dir, &["rev-list", "--count", "main"])
    });
    let now = 1_700_000_000 + number.parse::<i64>().expect("a number");
    import(git_dir, "main", message, parent, now);
}

/// Where a branch is, or a revision that begins with one.
pub fn tip(git_dir: &Path, revision: &str) -> Option<String> {
    let full = format!("refs/heads/{revision}");
    try_run(git_dir, &["rev-parse", "--verify", "--quiet", &full]).ok()
}
