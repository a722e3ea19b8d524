//! What is run.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::Show as _;

use crate::place::{Place, SshPlace};
use crate::{SshSettings, UploadPack};

/// What is run at the other end, unless the configuration says otherwise.
const UPLOAD_PACK: &str = "git-upload-pack";

/// How often a connection that is silent is asked whether it lives.
const ALIVE: Duration = Duration::from_secs(15);

/// What of the user's configuration is overridden: whatever would ask, detach from us, share a connection
/// that outlives us, or do more than to run one command. Older versions of ssh do not know the two that are
/// to be ignored there, nor have them.
const OVERRIDDEN: [&str; 14] = [
    "IgnoreUnknown=ForkAfterAuthentication,StdinNull",
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ControlMaster=no",
    "ControlPath=none",
    "ForkAfterAuthentication=no",
    "StdinNull=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "EscapeChar=none",
];

/// ssh, which runs the program at the other end. Of an option that is given twice, ssh takes the first: what
/// `sshCommand` gives counts before ours.
pub(crate) fn ssh(what: &UploadPack, place: &SshPlace) -> Command {
    let mut command = base(&what.ssh);
    for option in OVERRIDDEN {
        command.arg("-o").arg(option);
    }
    let connect = what.run.connect.as_secs().max(1);
    command.arg("-o").arg(format!("ConnectTimeout={connect}"));
    let alive = ALIVE.as_secs().min(what.run.stall.as_secs()).max(1);
    let missed = (what.run.stall.as_secs() / alive).max(1);
    command
        .arg("-o")
        .arg(format!("ServerAliveInterval={alive}"));
    command
        .arg("-o")
        .arg(format!("ServerAliveCountMax={missed}"));
    login(&mut command, &what.ssh, place);
    let program = what.program.as_deref().unwrap_or(UPLOAD_PACK);
    command.arg(format!("{program} {}", quoted(&place.path)));
    piped(&mut command);
    command
}

/// The program and arguments that stand for ssh.
pub(crate) fn base(settings: &SshSettings) -> Command {
    let (program, arguments) = match settings.command.split_first() {
        Some((program, arguments)) => (program.as_str(), arguments),
        None => ("ssh", &[][..]),
    };
    let mut command = Command::new(program);
    command.args(arguments);
    without_git(&mut command);
    // Whoever is not asked for a passphrase on a terminal is not asked in a window either.
    command.env("SSH_ASKPASS_REQUIRE", "never");
    command
}

/// Whom to log in as, with what, where.
pub(crate) fn login(command: &mut Command, settings: &SshSettings, place: &SshPlace) {
    if let Some(key) = &settings.key {
        // An agent's other keys would be offered first, until the server has had enough.
        command.arg("-o").arg("IdentitiesOnly=yes");
        command.arg("-i").arg(key);
    }
    if let Some(port) = place.port {
        command.arg("-p").arg(port.to_string());
    }
    if !place.user.is_empty() {
        command.arg("-l").arg(&place.user);
    }
    command.arg(&place.host);
}

/// git's program on this machine.
pub(crate) fn local(what: &UploadPack) -> Result<Command, Failure> {
    let Place::Local(path) = &what.place else {
        return Err(Failure::new(ErrorKind::Other, "it is not on this machine"));
    };
    if !path.is_absolute() {
        let message = format!("{} is no absolute path", path.shown());
        return Err(Failure::new(ErrorKind::Config, message)
            .with_hint("write the whole path of the repository"));
    }
    if let Err(error) = path.metadata() {
        let mut failure = Failure::disk("read", path, &error);
        if error.kind() == std::io::ErrorKind::NotFound {
            failure.kind = ErrorKind::NotFound;
        }
        return Err(failure.with_hint(
            "correct the path in the configuration, or check whether its disk is mounted and \
             whether the user who runs Forgekeep may read it",
        ));
    }
    let mut command = match &what.program {
        Some(program) => Command::new(program),
        None => {
            let mut git = Command::new("git");
            git.arg("upload-pack");
            git
        }
    };
    command.arg(path);
    without_git(&mut command);
    // A partial clone would have its own upstream asked for what it lacks.
    command.env("GIT_NO_LAZY_FETCH", "1");
    piped(&mut command);
    Ok(command)
}

/// Whether there is a git to run. Asked once.
pub(crate) fn is_git_installed() -> bool {
    static INSTALLED: OnceLock<bool> = OnceLock::new();
    *INSTALLED.get_or_init(|| {
        let mut git = Command::new("git");
        without_git(&mut git);
        git.arg("--version").stdin(Stdio::null());
        git.stdout(Stdio::null()).stderr(Stdio::null());
        !matches!(git.status(), Err(error) if error.kind() == std::io::ErrorKind::NotFound)
    })
}

/// Takes git's own variables away: `GIT_DIR` would be another repository, `GIT_NAMESPACE` hides refs.
fn without_git(command: &mut Command) {
    let is_git = |name: &OsString| name.as_encoded_bytes().starts_with(b"GIT_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_git(name)) {
        command.env_remove(name);
    }
}

fn piped(command: &mut Command) {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A group of its own: Ctrl-C on a terminal is for us to handle, and it is ended with what it starts.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
}

/// A path for the shell at the other end, quoted as git does it: some servers take nothing else.
fn quoted(path: &str) -> String {
    let mut quoted = String::with_capacity(path.len() + 2);
    quoted.push('\'');
    for c in path.chars() {
        match c {
            '\'' | '!' => {
                quoted.push_str("'\\");
                quoted.push(c);
                quoted.push('\'');
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use forgekeep_failure::Cancel;
    use proptest::prelude::*;

    use super::*;
    use crate::{Run, SshHosts};

    fn what(ssh: SshSettings) -> UploadPack {
        UploadPack {
            place: Place::Local(PathBuf::from("/srv/x")),
            program: None,
            ssh: Arc::new(ssh),
            run: Run {
                hosts: SshHosts::new(4),
                connect: Duration::from_secs(10),
                stall: Duration::from_secs(60),
                cancel: Cancel::new(),
            },
        }
    }

    fn words(command: &Command) -> Vec<String> {
        let program = std::iter::once(command.get_program());
        let all = program.chain(command.get_args());
        all.map(|word| word.to_str().unwrap().to_owned()).collect()
    }

    fn place() -> SshPlace {
        SshPlace {
            user: "git".into(),
            host: "git.example".into(),
            port: Some(2222),
            path: "acme/it's.git".into(),
        }
    }

    #[test]
    fn nothing_is_asked_shared_or_left_behind() {
        let words = words(&ssh(&what(SshSettings::default()), &place()));
        assert_eq!(words[0], "ssh");
        for option in OVERRIDDEN.iter().chain(&[
            "ConnectTimeout=10",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=4",
        ]) {
            let at = words.iter().position(|word| word == option).unwrap();
            assert_eq!(words[at - 1], "-o");
        }
        assert!(!words.iter().any(|word| word.starts_with("IdentitiesOnly")));
        assert_eq!(
            words[words.len() - 6..],
            [
                "-p",
                "2222",
                "-l",
                "git",
                "git.example",
                "git-upload-pack 'acme/it'\\''s.git'"
            ]
        );
    }

    #[test]
    fn a_key_is_the_only_one_and_a_command_stands_before_ours() {
        let mut what = what(SshSettings {
            command: vec!["/opt/ssh".into(), "-F".into(), "/etc/other".into()],
            key: Some("/keys/backup".into()),
        });
        what.program = Some("/opt/git/git-upload-pack".into());
        let words = words(&ssh(&what, &place()));
        assert_eq!(words[..3], ["/opt/ssh", "-F", "/etc/other"]);
        let key = words.iter().position(|word| word == "-i").unwrap();
        assert_eq!(
            words[key - 2..=key + 1],
            ["-o", "IdentitiesOnly=yes", "-i", "/keys/backup"]
        );
        assert!(
            words
                .last()
                .unwrap()
                .starts_with("/opt/git/git-upload-pack '")
        );
    }

    proptest! {
        /// What a shell makes of a quoted path is the path.
        #[test]
        #[cfg(unix)]
        fn a_shell_reads_a_quoted_path_as_one_word(path in "[^\\x00]{0,40}") {
            let echoed = Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(&path))])
                .output()
                .unwrap();
            prop_assert_eq!(echoed.stdout, path.as_bytes());
        }
    }
}
