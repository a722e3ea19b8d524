//! Starting a worker's process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::{env, io, thread};

/// What runs as a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WorkerProgram {
    /// This program itself, with the argument `plugin-worker`.
    #[default]
    This,
    /// Another one, which calls [`crate::worker_main`]: for tests.
    Other {
        /// Its file.
        path: PathBuf,
        /// What it is told.
        arguments: Vec<OsString>,
    },
}

/// What every worker gets of the environment.
const ENVIRONMENT: [&str; 4] = ["LANG", "LC_ALL", "TZ", "RUST_BACKTRACE"];

/// The command for a worker, with these variables besides the usual few.
pub(super) fn command(program: &WorkerProgram, environment: &[OsString]) -> io::Result<Command> {
    let mut command = match program {
        WorkerProgram::This => {
            let mut command = Command::new(this_program()?);
            command.arg("plugin-worker");
            command
        }
        WorkerProgram::Other { path, arguments } => {
            let mut command = Command::new(path);
            command.args(arguments);
            command
        }
    };
    command.env_clear();
    let names = ENVIRONMENT.iter().map(OsString::from);
    for name in names.chain(environment.iter().cloned()) {
        if let Some(value) = env::var_os(&name) {
            command.env(name, value);
        }
    }
    // Without it, Windows starts no program.
    #[cfg(windows)]
    if let Some(root) = env::var_os("SystemRoot") {
        command.env("SystemRoot", root);
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
        command.arg0("forgekeep");
    }
    command.current_dir(Path::new(if cfg!(windows) { "C:\\" } else { "/" }));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// This program. By its path it may be another one by now, if it was replaced while it runs.
fn this_program() -> io::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    if cfg!(target_os = "linux") && itself.exists() {
        return Ok(itself);
    }
    env::current_exe()
}

type Wanted = (Command, Sender<io::Result<Child>>);

/// Starts it, on a thread that lives as long as this process: a worker asks to be ended with its
/// parent, and for the kernel that is the thread which has started it.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Option<Sender<Wanted>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (sender, wanted) = channel::<Wanted>();
        let thread = thread::Builder::new().name("plugin-starter".to_owned());
        let started = thread.spawn(move || {
            for (mut command, reply) in wanted {
                let _ = reply.send(command.spawn());
            }
        });
        started.ok().map(|_| sender)
    });
    let gone = || io::Error::other("no thread can be started");
    let (reply, child) = channel();
    let starter = starter.as_ref().ok_or_else(gone)?;
    starter.send((command, reply)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}
