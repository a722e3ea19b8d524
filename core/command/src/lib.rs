//! Programs that are run for others: one that prints a secret, a hook. Each has a process group of its own
//! and a deadline, and whatever it has started may hold its pipes open without holding up whoever waits.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use forgekeep_untrusted::{Secret, Untrusted};
use parking_lot::Mutex;

/// The most that is kept of what a command complains of: its last words.
const MAX_WORDS: usize = 4 << 10;

/// How often a command that has closed its output is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// How long the last words of a command that has ended are waited for: something that it has started may
/// hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Why a command gave nothing, and what it has said on standard error.
#[derive(Debug)]
pub struct Unanswered {
    /// Why.
    pub why: Why,
    /// The end of it. It may hold anything, also a secret.
    pub words: Vec<u8>,
}

/// Why a command gave nothing.
#[derive(Debug)]
pub enum Why {
    /// It cannot be run.
    Unstarted(io::Error),
    /// Its time was up. It was ended.
    TimedOut,
    /// It printed more than may be. It was ended.
    TooLong,
    /// It ended with this status, and had printed this.
    Failed(ExitStatus, Secret),
}

/// Runs a command without a shell and gives what it has printed. Its environment is this process's, its
/// standard input empty. When the time is up, or it prints more than `limit` bytes, it is ended with all
/// that it has started.
///
/// # Errors
///
/// It gave nothing.
pub fn output(
    program: &str,
    arguments: &[String],
    limit: usize,
    time: Duration,
) -> Result<Vec<u8>, Unanswered> {
    let words = Arc::new(Mutex::new(Vec::new()));
    printed(program, arguments, limit, Instant::now() + time, &words).map_err(|why| Unanswered {
        why,
        words: std::mem::take(&mut *words.lock()),
    })
}

/// Runs a command without a shell, for what it does: with this process's environment, in which each of
/// `environment` is set, or is not there where it has no value. Its standard input is empty. Once `is_over`
/// says so it is ended with all that it has started; what goes on after it has ended is left alone.
///
/// # Errors
///
/// It cannot be run, did not end in time, or ended with another exit code than 0.
pub fn run(
    program: &str,
    arguments: &[String],
    environment: &[(OsString, Option<OsString>)],
    is_over: &dyn Fn() -> bool,
) -> Result<(), Unanswered> {
    let words = Arc::new(Mutex::new(Vec::new()));
    done(program, arguments, environment, is_over, &words).map_err(|why| Unanswered {
        why,
        words: std::mem::take(&mut *words.lock()),
    })
}

fn done(
    program: &str,
    arguments: &[String],
    environment: &[(OsString, Option<OsString>)],
    is_over: &dyn Fn() -> bool,
    words: &Arc<Mutex<Vec<u8>>>,
) -> Result<(), Why> {
    let mut command = prepared(program, arguments);
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut child = command.spawn().map_err(Why::Unstarted)?;
    let pipes = (child.stdout.take(), child.stderr.take());
    let mut running = Running(Some(child));
    let said = keep_words(pipes.0, Arc::clone(words)).map_err(Why::Unstarted)?;
    let complained = keep_words(pipes.1, Arc::clone(words)).map_err(Why::Unstarted)?;
    let status = running.ended(is_over)?;
    if status.success() {
        return Ok(());
    }
    let _ = said.recv_timeout(LAST_WORDS);
    let _ = complained.recv_timeout(LAST_WORDS);
    Err(Why::Failed(status, Secret::new("")))
}

/// A command with pipes, in a group of its own, so that it can be ended with what it has started.
fn prepared(program: impl AsRef<OsStr>, arguments: &[String]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

fn printed(
    program: &str,
    arguments: &[String],
    limit: usize,
    end: Instant,
    words: &Arc<Mutex<Vec<u8>>>,
) -> Result<Vec<u8>, Why> {
    let mut child = prepared(program, arguments)
        .spawn()
        .map_err(Why::Unstarted)?;
    let pipes = (child.stdout.take(), child.stderr.take());
    let mut running = Running(Some(child));
    let printed = read_beside(pipes.0, limit).map_err(Why::Unstarted)?;
    let complained = keep_words(pipes.1, Arc::clone(words)).map_err(Why::Unstarted)?;
    // Whoever holds the pipe open beyond the end of the command has time until then too.
    let left = end.saturating_duration_since(Instant::now());
    let printed = match printed.recv_timeout(left) {
        Ok(read) => read.map_err(Why::Unstarted)?,
        Err(_) => return Err(Why::TimedOut),
    };
    if printed.len() > limit {
        return Err(Why::TooLong);
    }
    let status = running.ended(&|| Instant::now() >= end)?;
    if status.success() {
        return Ok(printed);
    }
    let _ = complained.recv_timeout(LAST_WORDS);
    let printed = Untrusted::lossy(&printed).into_raw();
    Err(Why::Failed(status, Secret::new(printed)))
}

/// A child that is ended, with its group, unless it has ended by itself.
struct Running(Option<Child>);

impl Running {
    fn ended(&mut self, is_over: &dyn Fn() -> bool) -> Result<ExitStatus, Why> {
        while let Some(child) = &mut self.0 {
            if let Some(status) = child.try_wait().map_err(Why::Unstarted)? {
                self.0 = None;
                return Ok(status);
            }
            if is_over() {
                break;
            }
            thread::sleep(POLL);
        }
        Err(Why::TimedOut)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(child) = &mut self.0 else {
            return;
        };
        // It has not been waited for, so its number is still its own.
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process_group};
            let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// What comes out of a pipe: up to `limit` bytes, and one more where there is more.
fn read_beside(
    pipe: Option<impl Read + Send + 'static>,
    limit: usize,
) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (give, take) = sync_channel(1);
    thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(0), |pipe| {
            pipe.take(limit as u64 + 1).read_to_end(&mut bytes)
        });
        // Nobody may be waiting any more.
        let _ = give.send(read.map(|_| bytes));
    })?;
    Ok(take)
}

/// Keeps the end of what comes out of a pipe, and says when it is over.
fn keep_words(
    pipe: Option<impl Read + Send + 'static>,
    words: Arc<Mutex<Vec<u8>>>,
) -> io::Result<Receiver<()>> {
    let (give, take) = sync_channel(1);
    thread::Builder::new().spawn(move || {
        let mut piece = [0; 1024];
        let mut pipe = pipe;
        while let Some(read) = pipe.as_mut().and_then(|pipe| pipe.read(&mut piece).ok())
            && read > 0
        {
            let mut words = words.lock();
            words.extend_from_slice(&piece[..read]);
            let beyond = words.len().saturating_sub(MAX_WORDS);
            words.drain(..beyond);
        }
        let _ = give.send(());
    })?;
    Ok(take)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn shell(script: &str, time: Duration) -> Result<Vec<u8>, Unanswered> {
        output("sh", &["-c".to_owned(), script.to_owned()], 10, time)
    }

    #[test]
    fn what_it_prints_is_given_to_the_last_byte() {
        assert_eq!(shell("printf 'ab\\nc\\n'", LONG).unwrap(), b"ab\nc\n");
        assert_eq!(shell("printf 0123456789", LONG).unwrap(), b"0123456789");
        // Standard input is empty, and nothing waits for it.
        assert_eq!(shell("cat; printf x", LONG).unwrap(), b"x");
        // A full pipe of complaints does not stop it.
        let noisy = "i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890 >&2; \
            i=$((i+1)); done; printf x";
        assert_eq!(shell(noisy, LONG).unwrap(), b"x");
    }

    #[test]
    fn a_failure_comes_with_its_last_words() {
        let failed = shell(
            "printf secret; seq 1 5000 >&2; echo locked >&2; exit 3",
            LONG,
        );
        let failed = failed.unwrap_err();
        assert!(matches!(
            &failed.why,
            Why::Failed(status, printed)
                if status.code() == Some(3) && printed.expose() == "secret"
        ));
        assert!(failed.words.ends_with(b"5000\nlocked\n"));
        assert!(failed.words.len() <= MAX_WORDS);
        let failed = output("/no/such/program", &[], 10, LONG).unwrap_err();
        assert!(matches!(failed.why, Why::Unstarted(_)));
    }

    #[test]
    fn what_a_command_leaves_running_holds_nobody_up() {
        let begun = Instant::now();
        let over = || begun.elapsed() > LONG;
        let words = |script: &str| ["-c".to_owned(), script.to_owned()];
        run("sh", &words("sleep 1000 & exit 0"), &[], &over).unwrap();
        let failed = run("sh", &words("sleep 1000 & echo no; exit 4"), &[], &over).unwrap_err();
        assert!(matches!(failed.why, Why::Failed(status, _) if status.code() == Some(4)));
        assert_eq!(failed.words, b"no\n");
        assert!(begun.elapsed() < LONG / 2);
        let over = || begun.elapsed() > Duration::from_secs(2);
        let failed = run("sh", &words("sleep 1000"), &[], &over).unwrap_err();
        assert!(matches!(failed.why, Why::TimedOut));
    }

    #[test]
    fn its_environment_is_ours_but_for_what_is_said() {
        let never = || false;
        let set = [
            (OsString::from("GIVEN"), Some(OsString::from("yes"))),
            (OsString::from("HOME"), None),
        ];
        let script = "test \"$GIVEN\" = yes && test -z \"$HOME\" && test -n \"$PATH\"";
        run("sh", &["-c".to_owned(), script.to_owned()], &set, &never).unwrap();
    }

    #[test]
    fn one_that_prints_without_end_is_ended() {
        let failed = shell("exec yes", LONG).unwrap_err();
        assert!(matches!(failed.why, Why::TooLong));
        let failed = shell("printf 01234567890", LONG).unwrap_err();
        assert!(matches!(failed.why, Why::TooLong));
    }

    /// Whether a process is there, and no zombie.
    fn lives(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
        state.is_some_and(|state| state != "Z")
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        // By then both have begun: it says so before it hangs.
        let script = format!(
            "sleep 1000 & echo $! > '{}'; echo waiting >&2; wait",
            file.to_str().unwrap()
        );
        let begun = Instant::now();
        let failed = shell(&script, Duration::from_secs(2)).unwrap_err();
        assert!(begun.elapsed() < LONG);
        assert!(matches!(failed.why, Why::TimedOut));
        assert_eq!(failed.words, b"waiting\n");
        let pid = std::fs::read_to_string(&file).unwrap();
        let end = Instant::now() + LONG;
        while lives(pid.trim()) {
            assert!(Instant::now() < end, "{pid} lives on");
            thread::sleep(POLL);
        }
        // One that has closed its output, and does not end.
        let failed = shell("exec >&- 2>&-; exec sleep 1000", Duration::from_millis(200));
        assert!(matches!(failed.unwrap_err().why, Why::TimedOut));
    }
}
