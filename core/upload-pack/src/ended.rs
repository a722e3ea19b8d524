//! Why a child has ended early, by how it has ended.

use std::process::ExitStatus;
use std::time::Duration;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_untrusted::{Printable, Show as _, Shown, Untrusted};

use crate::UploadPack;
use crate::place::{Place, SshPlace};

/// What ssh ends with where the trouble is its own: no connection, no login.
const SSH_FAILED: i32 = 255;

/// What a shell ends with where it finds no such program, or may not run it.
const NO_PROGRAM: [i32; 2] = [127, 126];

/// The most of a child's own words that is shown.
const MAX_SHOWN: usize = 600;

/// A child that has ended early.
pub(crate) struct Ended<'a> {
    pub what: &'a UploadPack,
    /// How it has ended, where it has done so by itself.
    pub status: Option<ExitStatus>,
    /// For how long it was silent, if that has ended it.
    pub stalled: Option<Duration>,
    /// The begin of what it has said, and how much that was in all.
    pub first: &'a [u8],
    pub read: u64,
    /// What it has written on standard error.
    pub words: &'a [u8],
    /// What follows where it says nothing of itself.
    pub failure: Failure,
}

/// What ssh says where a host has another key than the known one. It chooses words, and no outcome.
const CHANGED: &str = "IDENTIFICATION HAS CHANGED";

/// Why a child has ended early.
pub(crate) struct Why {
    pub failure: Failure,
    pub login: LoginEnd,
}

/// What an end says of the login.
pub(crate) enum LoginEnd {
    /// Nothing.
    Unknown,
    /// It was the other end that ended it: the login is good.
    Good,
    /// ssh came to no login: there may have been no connection, and nothing was run.
    Failed {
        /// What ssh says, where it speaks of another key of the host.
        changed: Option<Printable>,
    },
}

impl Why {
    pub(crate) fn unknown(failure: Failure) -> Self {
        Self {
            failure,
            login: LoginEnd::Unknown,
        }
    }
}

/// Why it has ended.
pub(crate) fn why(ended: &Ended<'_>) -> Why {
    let what = shown(ended.what);
    let words = said(ended.words);
    if let Some(stalled) = ended.stalled {
        let seconds = stalled.as_secs();
        let message = format!("{what}: no answer for {seconds} s; the connection was ended{words}");
        let failure = Failure::new(ErrorKind::Network, message).with_hint(
            "check the network and the server, then run again; `options.network.stallSeconds` is the limit",
        );
        return Why::unknown(failure.transient());
    }
    let code = ended.status.and_then(|status| status.code());
    if ended.read > 0 && !is_packet(ended.first) {
        return answered(chatter(&what, ended.first));
    }
    let has_spoken = ended.read > 0;
    match (&ended.what.place, code) {
        (Place::Ssh(place), Some(SSH_FAILED)) if !has_spoken => {
            let has_changed = Untrusted::lossy(ended.words).raw().contains(CHANGED);
            Why {
                failure: no_login(place, ended.what, &words),
                login: LoginEnd::Failed {
                    changed: has_changed.then_some(words),
                },
            }
        }
        (Place::Ssh(_), Some(SSH_FAILED)) => {
            let message = format!("{what}: the connection broke{words}");
            let hint = "check the network, then run again";
            Why::unknown(
                Failure::new(ErrorKind::Network, message)
                    .with_hint(hint)
                    .transient(),
            )
        }
        (Place::Ssh(_), Some(code)) if !has_spoken && NO_PROGRAM.contains(&code) => {
            answered(no_program(&what, code, &words))
        }
        (Place::Local(path), Some(code)) if !has_spoken && code != 0 => {
            answered(unreadable(path, &what, &words))
        }
        (Place::Ssh(_), Some(code)) if !has_spoken && code != 0 => {
            let message = format!("{what}: no repository there for this login{words}");
            answered(Failure::new(ErrorKind::NotFound, message).with_hint(
                "check the path and the rights of the key; many servers answer alike for what does \
                 not exist and for what this key may not read",
            ))
        }
        (_, Some(0)) if !has_spoken => {
            let message = format!("{what}: it ended without a word of git's protocol{words}");
            answered(Failure::new(ErrorKind::BadAnswer, message).with_hint(
                "check that the login may run `git-upload-pack`: some servers let a key do other \
                 things only",
            ))
        }
        // It has spoken, and what it said is wrong, or it broke off in the midst of it.
        _ => {
            let mut failure = ended.failure.clone();
            failure.message = format!("{what}: {}{words}", failure.message).into();
            answered(of_partial(ended.what, failure))
        }
    }
}

/// It is the other end that has answered.
fn answered(failure: Failure) -> Why {
    Why {
        failure,
        login: LoginEnd::Good,
    }
}

/// What was asked, for people.
fn shown(what: &UploadPack) -> Printable {
    match &what.place {
        Place::Ssh(place) => {
            format!("ssh to {} for {}", place.login(), Shown::of(&place.path)).into()
        }
        Place::Local(path) => path.shown().to_string().into(),
    }
}

/// What it has said on standard error, to stand at the end of a message: in one line, and cut.
fn said(words: &[u8]) -> Printable {
    let text = Untrusted::lossy(words);
    let lines = text.raw().split(['\n', '\r']).map(str::trim);
    // ssh draws boxes of @ round what is dangerous.
    let lines: Vec<&str> = lines
        .map(|line| line.trim_matches('@').trim())
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return Printable::default();
    }
    let all = lines.join(" / ");
    let surplus = all.chars().count().saturating_sub(MAX_SHOWN);
    let cut: String = all.chars().skip(surplus).collect();
    let dots = if surplus > 0 { "…" } else { "" };
    format!("; it says: {dots}{}", Untrusted::from(cut).printable()).into()
}

/// Whether what it said first may be git's protocol.
fn is_packet(first: &[u8]) -> bool {
    let head = first.get(..4).unwrap_or(first);
    head.iter().all(u8::is_ascii_hexdigit)
}

fn chatter(what: &str, first: &[u8]) -> Failure {
    let text = Untrusted::lossy(first);
    let line = text.raw().lines().find(|line| !line.trim().is_empty());
    let line: String = line.unwrap_or_default().chars().take(100).collect();
    let message = format!(
        "{what}: the answer is not git's protocol: it begins with \"{}\"",
        Untrusted::from(line).printable()
    );
    Failure::new(ErrorKind::BadAnswer, message).with_hint(
        "have the login's shell and its start files (such as .bashrc) print nothing where there is no terminal",
    )
}

fn no_program(what: &str, code: i32, words: &str) -> Failure {
    let why = match code {
        127 => "there is no `git-upload-pack` in the login's PATH",
        _ => "`git-upload-pack` may not be run",
    };
    let message = format!("{what}: {why} (exit code {code}){words}");
    Failure::new(ErrorKind::Other, message).with_hint(
        "install git there, or set `uploadPack` of the source to the program's whole path",
    )
}

fn no_login(place: &SshPlace, what: &UploadPack, words: &str) -> Failure {
    let with = match &what.ssh.key {
        Some(key) => format!(" with the key {}", key.shown()),
        None => String::new(),
    };
    let message = format!("ssh to {} failed{with}{words}", place.login());
    let user = match place.user.is_empty() {
        true => String::new(),
        false => format!("{}@", place.user),
    };
    let port = place
        .port
        .map_or(String::new(), |port| format!("-p {port} "));
    let hint = format!(
        "run `ssh -o BatchMode=yes {port}{user}{}` as this user, and correct what it complains of: the network, the key, or its rights at the host",
        place.host
    );
    Failure::new(ErrorKind::Network, message).with_hint(hint)
}

/// A path that git's program does not serve.
fn unreadable(path: &std::path::Path, what: &str, words: &str) -> Failure {
    if let Some((owner, us)) = owners(path) {
        let message = format!(
            "{what}: it belongs to another user (id {owner}) than the one who runs Forgekeep (id {us}), and git does not read such a repository{words}"
        );
        return Failure::new(ErrorKind::Forbidden, message).with_hint(format!(
            "run `git config --global --add safe.directory {}` as the user who runs Forgekeep, if you trust its owner",
            path.shown()
        ));
    }
    Failure::new(
        ErrorKind::NotFound,
        format!("{what}: it is no repository that git can read{words}"),
    )
    .with_hint("write the path of a repository: a bare one, or a work tree with `.git` in it")
}

/// The same failure, with what explains it where the repository is a partial clone.
pub(crate) fn of_partial(what: &UploadPack, mut failure: Failure) -> Failure {
    if let Place::Local(path) = &what.place
        && failure.kind != ErrorKind::Cancelled
        && is_partial(path)
    {
        failure.message.push_str("; it is a partial clone");
        failure.hint = "back up what it was cloned from, or run `git fetch --refetch --no-filter` there: git is kept from fetching on our behalf".into();
    }
    failure
}

/// Whether a repository lacks objects that it would fetch from its own upstream: git marks such packs.
fn is_partial(path: &std::path::Path) -> bool {
    let packs = [path.join("objects/pack"), path.join(".git/objects/pack")];
    let mut files = packs
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten();
    files.any(|file| {
        file.is_ok_and(|file| {
            file.path()
                .extension()
                .is_some_and(|ending| ending == "promisor")
        })
    })
}

/// The owner of a repository and the user who runs this, where they are two.
#[cfg(unix)]
fn owners(path: &std::path::Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    let us = rustix::process::geteuid().as_raw();
    // Both have to be the user's, as git looks at it.
    let folders = [path.to_owned(), path.join(".git")];
    let owners = folders.iter().filter_map(|folder| folder.metadata().ok());
    let mut others = owners.map(|found| found.uid()).filter(|uid| *uid != us);
    others.next().map(|owner| (owner, us))
}

/// Owners are unix's.
#[cfg(not(unix))]
fn owners(_: &std::path::Path) -> Option<(u32, u32)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shown_in_one_line_and_cut() {
        assert_eq!(said(b" \n").as_str(), "");
        let shown = said(b"@@@@\n@  WARNING  @\r\n\x1b[31mred\n");
        assert!(shown.starts_with("; it says: WARNING / "), "{shown}");
        assert!(!shown.contains('\u{1b}'));
        let long = said("x".repeat(2000).as_bytes());
        assert!(long.chars().count() < 700 && long.contains('…'));
    }

    #[test]
    fn what_is_no_packet_is_told_by_its_first_line() {
        assert!(is_packet(b"00") && is_packet(b"00c8") && !is_packet(b"Welc"));
        let failure = chatter("x", b"\nWelcome to h\nmore");
        assert!(failure.message.ends_with("\"Welcome to h\""), "{failure}");
    }
}
