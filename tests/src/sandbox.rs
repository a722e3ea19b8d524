//! A folder in which the real binary runs.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::binaries;
use crate::forge::Forge;
use crate::processor;

/// A temporary folder for a run: home, configuration, backup.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// Makes an empty one.
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("sandbox-")
            .tempdir()
            .expect("a temporary folder");
        for folder in ["bin", "home", "tmp"] {
            fs::create_dir(root.path().join(folder)).expect("a new folder");
        }
        Self { root }
    }

    /// A path in the sandbox.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(relative)
    }

    /// Writes a file; its path. It may be a configuration with a secret: nobody else may read it.
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a new folder");
        fs::write(&path, content).expect("a file can be written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;

            let mode = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&path, mode).expect("a new file's mode can be set");
        }
        path
    }

    /// Where the backup goes that [`Self::settings`] describes.
    pub fn backup(&self) -> PathBuf {
        self.path("backup")
    }

    /// Removes the backup, and what the program knows of its folder: the next one is the first.
    pub fn remove_backup(&self) {
        for folder in [self.backup(), self.path("home/.local/state/forgekeep")] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    panic!("{}: {error}", folder.display())
                }
                _ => {}
            }
        }
    }

    /// Writes `settings.yml` in the run's own folder: the forge's first workspace, with its first
    /// account, to [`Self::backup`]. `more` is added to the source's keys, one `key: value` a line.
    pub fn settings(&self, forge: &Forge, more: &str) -> PathBuf {
        let quoted = |text: &str| Value::from(text).to_string();
        let workspace = quoted(&forge.workspace());
        let mut keys = vec![
            format!("title: {workspace}"),
            "hoster: bitbucket".to_owned(),
            "type: org".to_owned(),
            format!("name: {workspace}"),
            format!("apiUrl: {}", quoted(forge.api_url())),
        ];
        if let Some(account) = forge.accounts().first() {
            let named = [("authName", &account.user), ("apiAuthName", &account.email)];
            for (key, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
                keys.push(format!("{key}: {}", quoted(value)));
            }
            keys.push(format!("password: {}", quoted(&account.token)));
        }
        keys.extend(more.lines().map(str::to_owned));
        let backup = quoted(&self.backup().to_string_lossy());
        let content = format!(
            "localFolder: {backup}\nsources:\n  - {}\n",
            keys.join("\n    ")
        );
        self.write("settings.yml", content)
    }

    /// The real binary with arguments. `backup` writes a report, for [`Run::report`].
    pub fn forgekeep<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Invocation<'_> {
        let mut invocation = self.program(binaries().forgekeep(), arguments);
        let given = invocation
            .arguments
            .iter()
            .position(|argument| argument == "--report");
        if let Some(at) = given {
            let file = invocation
                .arguments
                .get(at + 1)
                .expect("--report has a value");
            // What is not in the sandbox is the test's to read.
            let file = (file != "-").then(|| self.path(file));
            invocation.report = file.filter(|file| file.starts_with(self.root.path()));
        } else if invocation
            .arguments
            .first()
            .is_some_and(|argument| argument == "backup")
            && !invocation.arguments.iter().any(is_report)
        {
            let file = self.path("report.json");
            invocation
                .arguments
                .extend(["--report".into(), file.clone().into()]);
            invocation.report = Some(file);
        }
        invocation
    }

    /// Any other program, in the same surroundings.
    pub fn program<A: AsRef<OsStr>>(
        &self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Invocation<'_> {
        Invocation {
            sandbox: self,
            program: program.into(),
            arguments: arguments
                .into_iter()
                .map(|a| a.as_ref().to_owned())
                .collect(),
            variables: Vec::new(),
            report: None,
            stdin: None,
            stdout: None,
            stderr: None,
            limit: Duration::from_secs(120),
            user: None,
        }
    }
}

/// Whether an argument is `--report=FILE`: whoever writes it so wants the harness to leave the file.
fn is_report(argument: &OsString) -> bool {
    let argument = argument.to_str().unwrap_or_default();
    argument.starts_with("--report=")
}

/// A run that has not started yet.
///
/// It gets no variables but `HOME`, `TMPDIR` and a `PATH` to an empty folder: what it needs of the
/// machine, git for instance, must show.
#[derive(Debug)]
pub struct Invocation<'s> {
    sandbox: &'s Sandbox,
    program: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    report: Option<PathBuf>,
    stdin: Option<fs::File>,
    stdout: Option<fs::File>,
    stderr: Option<fs::File>,
    limit: Duration,
    user: Option<u32>,
}

impl Invocation<'_> {
    /// Runs it as another user, by number. Only root can.
    #[cfg(unix)]
    #[must_use]
    pub fn user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// Runs it under a limit on its resources, in the words of `ulimit`: `-n 40`.
    #[cfg(unix)]
    #[must_use]
    pub fn limited(mut self, limit: &str) -> Self {
        let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
        let program = std::mem::replace(&mut self.program, "/bin/sh".into());
        let given = std::mem::take(&mut self.arguments);
        self.arguments = vec!["-c".into(), script.into(), program.into()];
        self.arguments.extend(given);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString> + Clone>(mut self, arguments: &[A]) -> Self {
        self.arguments
            .extend(arguments.iter().cloned().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Panics after this time instead of two minutes.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Reads its standard input from a file, a device; else it is empty.
    #[must_use]
    pub fn stdin(mut self, file: fs::File) -> Self {
        self.stdin = Some(file);
        self
    }

    /// Sends its standard output to a file, a device; [`Run::stdout`] stays empty.
    #[must_use]
    pub fn stdout(mut self, file: fs::File) -> Self {
        self.stdout = Some(file);
        self
    }

    /// The same for its standard error.
    #[must_use]
    pub fn stderr(mut self, file: fs::File) -> Self {
        self.stderr = Some(file);
        self
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        self.spawn().wait()
    }

    /// Starts it.
    pub fn spawn(self) -> Running {
        if let Some(report) = &self.report {
            // An old report must not pass for this run's.
            if fs::symlink_metadata(report).is_ok_and(|found| found.is_file()) {
                fs::remove_file(report).ok();
            }
        }
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.sandbox.path(""))
            .args(&self.arguments)
            .env_clear()
            .env("PATH", self.sandbox.path("bin"))
            .env("HOME", self.sandbox.path("home"))
            .env("TMPDIR", self.sandbox.path("tmp"))
            .envs(self.variables);
        // Windows cannot open a socket without the one, coverage needs the other.
        for kept in ["SYSTEMROOT", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(kept).map(|value| (kept, value)));
        }
        command
            .stdin(self.stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(self.stdout.map_or_else(Stdio::piped, Stdio::from))
            .stderr(self.stderr.map_or_else(Stdio::piped, Stdio::from));
        #[cfg(unix)]
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{} cannot be started: {error}", self.program.display())
        });
        let stdout = match child.stdout.take() {
            Some(stdout) => collect(stdout),
            None => collect(std::io::empty()),
        };
        let stderr = match child.stderr.take() {
            Some(stderr) => collect(stderr),
            None => collect(std::io::empty()),
        };
        let started = Instant::now();
        Running {
            child,
            output: Some((stdout, stderr)),
            report: self.report,
            limit: self.limit,
            started,
        }
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A run in progress; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: Option<(JoinHandle<String>, JoinHandle<String>)>,
    report: Option<PathBuf>,
    limit: Duration,
    started: Instant,
}

impl Running {
    /// The process id, to send it signals.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as Ctrl+C does.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Sends it a signal, by its name without `SIG`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        use rustix::process::{Pid, Signal, kill_process};

        let signal = match name {
            "HUP" => Signal::HUP,
            "INT" => Signal::INT,
            "QUIT" => Signal::QUIT,
            "TERM" => Signal::TERM,
            other => panic!("a signal that no test has sent so far: {other}"),
        };
        kill_process(Pid::from_child(&self.child), signal).expect("a signal can be sent");
    }

    /// Kills it without a chance to clean up.
    pub fn kill(&mut self) {
        self.child.kill().ok();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Run {
        let mut late = false;
        let mut spent = Duration::ZERO;
        let status = loop {
            spent = processor::of_ended(&self.child).unwrap_or(spent);
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break status;
            }
            if self.started.elapsed() > self.limit && !late {
                late = true;
                self.kill();
            }
            thread::sleep(Duration::from_millis(2));
        };
        let time = self.started.elapsed();
        let (stdout, stderr) = self.output.take().expect("nobody waited before");
        let (stdout, stderr) = (
            stdout.join().expect("stdout"),
            stderr.join().expect("stderr"),
        );
        assert!(
            !late,
            "still running after {time:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        let report = self.report.as_ref().filter(|file| file.is_file());
        let report = report.and_then(|file| fs::read(file).ok());
        let report =
            report.map(|bytes| serde_json::from_slice(&bytes).expect("the report is JSON"));
        Run {
            code: status.code(),
            stdout,
            stderr,
            report,
            time,
            processor: spent,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What came out of a run.
#[derive(Debug)]
pub struct Run {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
    /// The report, where the run wrote one.
    pub report: Option<Value>,
    /// How long it took.
    pub time: Duration,
    /// Its processor time, with that of the processes it started; see [`crate::Cost`].
    pub processor: Duration,
}

impl Run {
    /// Panics, showing everything, unless it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self {
            stdout,
            stderr,
            report,
            ..
        } = &self;
        assert!(
            self.code == Some(code),
            "ended with {:?} instead of {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n\
             --- report\n{report:#?}",
            self.code
        );
        self
    }

    /// A repository's entry in the report, by its full name.
    #[track_caller]
    pub fn repository(&self, name: &str) -> &Value {
        let report = self.report.as_ref().expect("the run wrote a report");
        let sources = report["sources"].as_array().into_iter().flatten();
        let mut all = sources
            .filter_map(|source| source["repositories"].as_array())
            .flatten();
        all.find(|repository| repository["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not in the report: {report:#}"))
    }

    /// The outcome of a repository, by its full name.
    #[track_caller]
    pub fn outcome(&self, name: &str) -> &str {
        self.repository(name)["outcome"]
            .as_str()
            .expect("an outcome is text")
    }
}
