//! Why there was no login, as far as this machine can tell by itself: whether the host is known, and whether
//! the key can be read. ssh ends in the same way for all of that; programs of OpenSSH answer by their exit
//! codes, and nobody is connected to.

use std::path::Path;
use std::process::{Command, Stdio};

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Printable, Show as _, Untrusted};

use crate::UploadPack;
use crate::command;
use crate::place::SshPlace;

/// What is found.
pub(crate) struct Diagnosis {
    pub failure: Failure,
    /// It will be the same the next time.
    pub is_sure: bool,
}

/// Looks for the reason of a login that has failed. `changed` is what ssh says of the host's key: with it
/// the failure has other words, and the same kind.
pub(crate) fn of(
    what: &UploadPack,
    place: &SshPlace,
    failure: Failure,
    changed: Option<Printable>,
) -> Diagnosis {
    if let Some(key) = &what.ssh.key
        && let Some(failure) = unreadable_key(key, place)
    {
        return Diagnosis {
            failure,
            is_sure: true,
        };
    }
    match (Known::look(what, place), changed) {
        (Some(known), _) if !known.is_known => Diagnosis {
            failure: unknown_host(place, &known),
            is_sure: true,
        },
        (Some(known), Some(said)) => Diagnosis {
            failure: changed_host(place, &known, failure.kind, &said),
            is_sure: false,
        },
        _ => Diagnosis {
            failure,
            is_sure: false,
        },
    }
}

/// Runs a program that answers by its exit code; what it has printed, where it says yes.
fn ask(command: &mut Command) -> Option<(bool, String)> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let printed = Untrusted::lossy(&done.stdout).into_raw();
    Some((done.status.success(), printed))
}

/// A key that cannot be used without its passphrase, or not at all.
fn unreadable_key(key: &Path, place: &SshPlace) -> Option<Failure> {
    let failed = |why: &str, hint: &str| {
        let message = format!(
            "ssh to {} failed: the key {} {why}",
            place.login(),
            key.shown()
        );
        Failure::new(ErrorKind::Credentials, message).with_hint(hint)
    };
    if let Err(error) = key.metadata() {
        return Some(failed(
            &format!("cannot be read: {error}"),
            "correct `sshKey` of the source, or the rights of the file",
        ));
    }
    let mut read = Command::new("ssh-keygen");
    read.args(["-y", "-P", "", "-f"]).arg(key);
    let (is_readable, _) = ask(&mut read)?;
    (!is_readable).then(|| {
        failed(
            "cannot be read without a passphrase, and nobody can be asked for one",
            "make a key without a passphrase for backups, or start ssh-agent and add the key to it \
             before Forgekeep runs; a key that others may read (mode other than 600) is not used either",
        )
    })
}

/// What this machine knows of a host's keys.
struct Known {
    is_known: bool,
    /// What the host is called in those files.
    name: String,
    /// The files that were looked at.
    files: Vec<String>,
    /// The fingerprints of its keys.
    fingerprints: Vec<String>,
}

impl Known {
    /// `None` where it cannot be told.
    fn look(what: &UploadPack, place: &SshPlace) -> Option<Self> {
        let mut configuration = command::base(&what.ssh);
        configuration.arg("-G");
        command::login(&mut configuration, &what.ssh, place);
        let (is_told, told) = ask(&mut configuration)?;
        let value = |key: &str| {
            let mut lines = told.lines().filter_map(|line| line.split_once(' '));
            lines.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let host = value("hostname").filter(|_| is_told)?;
        let name = match (value("hostkeyalias"), value("port")) {
            (Some(alias), _) if alias != "none" => alias.to_owned(),
            (_, Some(port)) if port != "22" => format!("[{host}]:{port}"),
            _ => host.to_owned(),
        };
        let files = ["userknownhostsfile", "globalknownhostsfile"];
        let files = files.iter().filter_map(|key| value(key));
        let files: Vec<String> = files
            .flat_map(|list| list.split(' '))
            .map(at_home)
            .collect();
        let mut fingerprints = Vec::new();
        let mut is_any = false;
        for file in files.iter().filter(|file| Path::new(file).is_file()) {
            let mut find = Command::new("ssh-keygen");
            find.args(["-l", "-F", &name, "-f", file]);
            let (is_known, printed) = ask(&mut find)?;
            is_any |= is_known;
            if is_known {
                let words = printed.split_whitespace();
                let shown = words.filter(|word| word.starts_with("SHA256:"));
                fingerprints.extend(shown.map(str::to_owned));
            }
        }
        Some(Self {
            is_known: is_any,
            name,
            files,
            fingerprints,
        })
    }

    fn file(&self) -> String {
        let files = self.files.iter();
        let first = files.into_iter().find(|file| Path::new(file).is_file());
        let first = first.or(self.files.first()).map_or("", String::as_str);
        Path::new(first).shown().to_string()
    }
}

/// `ssh -G` writes the home as `~`.
fn at_home(file: &str) -> String {
    match (file.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(below), Ok(home)) => format!("{home}/{below}"),
        _ => file.to_owned(),
    }
}

fn unknown_host(place: &SshPlace, known: &Known) -> Failure {
    let message = format!(
        "ssh to {} failed: the host's key is not known: there is no entry for {} in {}",
        place.login(),
        Untrusted::from(known.name.clone()).printable(),
        known.file()
    );
    let port = place
        .port
        .map_or(String::new(), |port| format!("-p {port} "));
    Failure::new(ErrorKind::Policy, message).with_hint(format!(
        "run `ssh-keyscan {port}{}`, compare the fingerprint (`ssh-keygen -lf -`) with the one that the host's operator publishes, and add the line to {}",
        place.host,
        known.file()
    ))
}

fn changed_host(place: &SshPlace, known: &Known, kind: ErrorKind, said: &str) -> Failure {
    let message = format!(
        "ssh to {} failed: the host has another key than the known one ({} in {}){said}",
        place.login(),
        known.fingerprints.join(", "),
        known.file()
    );
    Failure::new(kind, message).with_hint(format!(
        "ask the host's operator whether the key was changed, and compare fingerprints; if it was, run `ssh-keygen -R '{}' -f {}` and add the new one. Until then somebody may be in between",
        known.name,
        known.file()
    ))
}
