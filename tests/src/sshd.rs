//! A real `sshd` on loopback, with a configuration, keys and repositories of its own.
//!
//! The harness listens, and starts `sshd -i` for each connection: so there is no race for a port, connections
//! are counted, and some can be dropped before sshd says anything. Logins are those of the user who runs the
//! tests; what they run is run by a shell in [`Sshd::home`].

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Names the program, where it is at no usual place.
const PROGRAM: &str = "FORGEKEEP_TEST_SSHD";

/// A running server.
pub struct Sshd {
    folder: TempDir,
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    to_drop: AtomicUsize,
}

impl Sshd {
    /// Starts one; `None`, with a message, where there is no sshd that could be started.
    pub fn start() -> Option<Self> {
        let Some(program) = program() else {
            skipped(&format!("there is no sshd here; {PROGRAM} can name one"));
            return None;
        };
        for needed in ["ssh", "ssh-keygen"] {
            if !is_there(needed) {
                skipped(&format!("there is no {needed} in the PATH"));
                return None;
            }
        }
        let root = rustix::process::geteuid().is_root();
        // Where sshd goes without rights as root; packages make it when the service starts.
        if root && !Path::new("/run/sshd").is_dir() && fs::create_dir("/run/sshd").is_err() {
            skipped("sshd needs the folder /run/sshd as root");
            return None;
        }
        let folder = tempfile::Builder::new()
            .prefix("sshd-")
            .tempdir()
            .expect("a temporary folder");
        fs::create_dir(folder.path().join("home")).expect("a new folder");
        for key in ["host", "user", "stranger"] {
            keygen(folder.path(), key, "");
        }
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("it is bound").port();
        let shared = Arc::<Shared>::default();
        let mut server = Self {
            folder,
            port,
            shared: Arc::clone(&shared),
            listener: None,
        };
        server.write_configuration();
        let configuration = server.path("sshd_config");
        let log = server.path("log");
        let listener = thread::spawn(move || {
            for stream in socket.incoming() {
                if shared.is_over.load(Ordering::SeqCst) {
                    return;
                }
                serve(
                    &program,
                    &configuration,
                    &log,
                    &shared,
                    stream.expect("a connection"),
                );
            }
        });
        server.listener = Some(listener);
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write_configuration(&self) {
        let path = |name: &str| self.path(name).to_str().expect("it is text").to_owned();
        let search = std::env::var("PATH").unwrap_or_default();
        // What the client asks for, as the login's own shell would run it.
        let wrapper = format!(
            "printf '%s\\n' \"$SSH_ORIGINAL_COMMAND\" >> '{}'\nexport PATH='{search}'\nexport HOME='{home}'\nexport GIT_CONFIG_NOSYSTEM=1\ncd '{home}' || exit 1\n[ -f chatter ] && cat chatter\neval \"$SSH_ORIGINAL_COMMAND\"\n",
            path("commands"),
            home = path("home"),
        );
        fs::write(self.path("wrapper"), wrapper).expect("a new file");
        fs::write(self.path("commands"), "").expect("a new file");
        let public = fs::read(self.path("user.pub")).expect("the key");
        fs::write(self.path("authorized_keys"), public).expect("a new file");
        let configuration = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nForceCommand /bin/sh {}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n",
            path("host"),
            path("authorized_keys"),
            path("wrapper"),
        );
        fs::write(self.path("sshd_config"), configuration).expect("a new file");
        self.know_host();
        let of_client = format!(
            "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nIdentityFile {}\nIdentitiesOnly yes\n",
            path("known_hosts"),
            path("user"),
        );
        fs::write(self.path("ssh_config"), of_client).expect("a new file");
    }

    /// Has the client know the host's present key.
    pub fn know_host(&self) {
        let public = fs::read_to_string(self.path("host.pub")).expect("the key");
        let line = format!("[127.0.0.1]:{} {public}", self.port);
        fs::write(self.path("known_hosts"), line).expect("a new file");
    }

    /// Has the client know no host.
    pub fn forget_host(&self) {
        fs::write(self.path("known_hosts"), "").expect("a file");
    }

    /// Gives the host another key, which the client does not know.
    pub fn change_host_key(&self) {
        for name in ["host", "host.pub"] {
            fs::remove_file(self.path(name)).expect("the key");
        }
        keygen(self.folder.path(), "host", "");
    }

    /// The file of hosts that the client knows.
    pub fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    /// What `sshCommand` is to be, so that nothing of the machine's is used.
    pub fn command(&self) -> Vec<String> {
        let configuration = self.path("ssh_config");
        let configuration = configuration.to_str().expect("it is text").to_owned();
        vec!["ssh".to_owned(), "-F".to_owned(), configuration]
    }

    /// Adds to the client's configuration.
    pub fn configure_client(&self, lines: &str) {
        let path = self.path("ssh_config");
        let old = fs::read_to_string(&path).expect("it is there");
        fs::write(path, format!("{lines}\n{old}")).expect("a file");
    }

    /// A private key that the server takes (`user`), or does not (`stranger`).
    pub fn key(&self, name: &str) -> PathBuf {
        self.path(name)
    }

    /// A key that the server takes, and that a passphrase protects.
    pub fn protected_key(&self) -> PathBuf {
        keygen(self.folder.path(), "protected", "a phrase");
        let public = fs::read_to_string(self.path("protected.pub")).expect("the key");
        let path = self.path("authorized_keys");
        let old = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, old + &public).expect("a file");
        self.path("protected")
    }

    /// The folder that logins are in, and relative paths begin at.
    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Has the login say something before git's protocol begins.
    pub fn chatter(&self, text: &str) {
        fs::write(self.home().join("chatter"), text).expect("a new file");
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Who logs in: the user who runs the tests.
    pub fn user(&self) -> String {
        let done = Command::new("id")
            .arg("-un")
            .output()
            .expect("id can be run");
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// The address of a path, absolute if it begins with a slash.
    pub fn url(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/~/" };
        format!("ssh://{}@127.0.0.1:{}{slash}{path}", self.user(), self.port)
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many there were at a time at most.
    pub fn most_at_a_time(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    /// What was run, in the words of the client.
    pub fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("commands")).expect("it is there");
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until so many commands were run.
    pub fn wait_for_commands(&self, number: usize) {
        until(|| self.commands().len() >= number, "no command was run");
    }

    /// Waits until no connection is open.
    pub fn wait_for_silence(&self) {
        let is_silent = || self.shared.now.load(Ordering::SeqCst) == 0;
        until(is_silent, "a connection stays open");
    }

    /// What sshd has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Drops so many of the next connections before anything is said, as sshd does with `MaxStartups`.
    pub fn drop_next(&self, number: usize) {
        self.shared.to_drop.store(number, Ordering::SeqCst);
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Whoever listens is woken.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn until(condition: impl Fn() -> bool, otherwise: &str) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{otherwise}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn skipped(why: &str) {
    writeln!(std::io::stderr(), "skipped: {why}").ok();
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os(PROGRAM).map(PathBuf::from);
    let usual = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let usual = usual.into_iter().map(PathBuf::from);
    named.into_iter().chain(usual).find(|path| path.is_file())
}

/// Whether a program is found.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn keygen(folder: &Path, name: &str, passphrase: &str) {
    let done = Command::new("ssh-keygen")
        .current_dir(folder)
        .args([
            "-q", "-t", "ed25519", "-C", name, "-N", passphrase, "-f", name,
        ])
        .stdin(Stdio::null())
        .status()
        .expect("ssh-keygen can be run");
    assert!(done.success());
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(folder.join(name), mode).expect("a new file's mode");
}

/// One connection, by a process of its own.
fn serve(
    program: &Path,
    configuration: &Path,
    log: &Path,
    shared: &Arc<Shared>,
    stream: TcpStream,
) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let dropped = shared
        .to_drop
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
    if dropped.is_ok() {
        return;
    }
    let log = fs::OpenOptions::new().create(true).append(true).open(log);
    let copy = stream.try_clone().expect("a connection has two ends");
    let child = Command::new(program)
        .args(["-i", "-e", "-f"])
        .arg(configuration)
        .stdin(OwnedFd::from(copy))
        .stdout(OwnedFd::from(stream))
        .stderr(log.expect("a log"))
        .spawn();
    let mut child = child.expect("sshd can be started");
    let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(now, Ordering::SeqCst);
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let _ = child.wait();
        shared.now.fetch_sub(1, Ordering::SeqCst);
    });
}
