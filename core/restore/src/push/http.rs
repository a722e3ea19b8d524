//! A server that speaks git's smart protocol over HTTP: gitprotocol-http(5), and the part of
//! gitprotocol-pack(5) that is about pushing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::{CredentialScope, HttpClient, Request, Response};
use forgekeep_pkt_line::{self as pkt_line, FLUSH, Packet, Packets};
use forgekeep_protocol::Advertisement;
use forgekeep_untrusted::{Show as _, Shown, Untrusted};
use git2::PackBuilder;
use url::Url;

use super::{Answers, Command, Push, Theirs, spool};

/// Some hosts answer git's protocol only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (forgekeep ", env!("CARGO_PKG_VERSION"), ")");

/// Most bytes of an answer: some three million refs.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// Asks which refs are there, and whether one may push.
pub(super) fn look(push: &Push<'_>, url: &Url) -> Result<Theirs, Failure> {
    let request = Request::get(
        below(url, "info/refs", Some("service=git-receive-pack")),
        push.authorization.clone(),
        scope(push, url),
    )
    .header("user-agent", USER_AGENT)
    .header("accept", "application/x-git-receive-pack-advertisement");
    let answer = push.client.send(&request)?;
    if answer.url.origin() != url.origin() {
        return Err(strayed(url, &answer.url));
    }
    expect(
        push,
        &answer,
        "application/x-git-receive-pack-advertisement",
    )?;
    let mut answered = answer.url.clone();
    let path = answered
        .path()
        .strip_suffix("/info/refs")
        .map(str::to_owned);
    let Some(path) = path else {
        return Err(strayed(url, &answered));
    };
    answered.set_path(&path);
    answered.set_query(None);
    let from = answer.url.clone();
    let raw = answer.body.read_all(&from, MAX_ANSWER)?;
    let advertisement = Advertisement::parse_of("git-receive-pack", &raw)?;
    let refs = advertisement.refs.into_iter();
    Ok(Theirs {
        refs: refs.map(|(name, value)| (name, value.oid)).collect(),
        capabilities: advertisement.capabilities,
        url: Some(answered),
    })
}

/// Sends the commands and the pack, and reads what became of each.
pub(super) fn send(
    push: &Push<'_>,
    theirs: &Theirs,
    commands: &[Command<'_>],
    builder: &mut PackBuilder<'_>,
) -> Result<Answers, Failure> {
    let has = |name: &str| theirs.capabilities.has(name);
    let Some(url) = theirs.url.as_ref().filter(|_| has("report-status")) else {
        return Err(Failure::new(
            ErrorKind::BadAnswer,
            format!(
                "{}: the server does not report the result of a push",
                push.to
            ),
        )
        .with_hint("restore with --to, and push with git from there; nothing was pushed"));
    };
    // By side-band the server says meanwhile that it is still at work, and what its hooks say.
    let banded = has("side-band-64k");
    let body = push.work.join("push");
    let begin = begin(commands, banded);
    spool(&body, &begin, builder, push.cancel)?;
    push.cancel.check()?;
    let answer = post(push, url, &body)?;
    expect(push, &answer, "application/x-git-receive-pack-result")?;
    let from = answer.url.clone();
    let raw = answer.body.read_all(&from, MAX_ANSWER).map_err(|failure| {
        failure.with_hint("check the repository there: whether the refs were set is not known")
    })?;
    read_status(&raw, banded)
}

fn post(push: &Push<'_>, url: &Url, body: &Path) -> Result<Response, Failure> {
    let mut request = Request::get(
        below(url, "git-receive-pack", None),
        push.authorization.clone(),
        scope(push, url),
    );
    request.method = "POST".to_owned();
    let request = request
        .header("user-agent", USER_AGENT)
        .header("content-type", "application/x-git-receive-pack-request")
        .header("accept", "application/x-git-receive-pack-result")
        .header("accept-encoding", "identity");
    push.client.send_file(&request, body)
}

/// The commands: what goes before the pack.
fn begin(commands: &[Command<'_>], banded: bool) -> Vec<u8> {
    let mut begin = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        let mut line = format!("{} {} ", command.old, command.new).into_bytes();
        line.extend(command.name);
        if at == 0 {
            line.extend(b"\0 report-status");
            line.extend(if banded { &b" side-band-64k"[..] } else { b"" });
        }
        pkt_line::push(&mut begin, line);
    }
    begin.extend(FLUSH);
    begin
}

/// Reads a `report-status`, which may come in a side-band.
fn read_status(raw: &[u8], banded: bool) -> Result<Answers, Failure> {
    let (report, said) = match banded {
        true => from_band(raw)?,
        false => (raw.to_vec(), Untrusted::default()),
    };
    for line in said.raw().lines().filter(|line| !line.trim().is_empty()) {
        log::info!("the server says: {}", Shown::of(line.trim_end()));
    }
    let mut answers = Answers::new();
    let mut unpacked = false;
    let mut packets = Packets::new(&report[..]);
    while let Some(line) = next(&mut packets)? {
        let line = Packet::line(line);
        if let Some(state) = line.strip_prefix(b"unpack ") {
            if state != b"ok" {
                return Err(not_taken(state, &said));
            }
            unpacked = true;
        } else if let Some(name) = line.strip_prefix(b"ok ") {
            answers.insert(name.to_vec(), Ok(()));
        } else if let Some(rest) = line.strip_prefix(b"ng ") {
            let mut parts = rest.splitn(2, |byte| *byte == b' ');
            let name = parts.next().unwrap_or_default().to_vec();
            let why = parts.next().unwrap_or(b"no reason given");
            answers.insert(name, Err(Untrusted::lossy(why).into()));
        }
    }
    match unpacked {
        true => Ok(answers),
        false => Err(not_taken(b"it gives no reason", &said)),
    }
}

fn not_taken(why: &[u8], said: &Untrusted) -> Failure {
    let mut message = "the server refused the objects: ".to_owned();
    let _ = write!(message, "{}", Untrusted::lossy(why).shown());
    let said: Vec<_> = said.raw().lines().map(str::trim).collect();
    if !said.is_empty() {
        let _ = write!(message, " ({})", said.join("; "));
    }
    Failure::new(ErrorKind::Git, message).with_hint(
        "restore with --to, and push in parts with git from there: the hoster may limit the size of a push or of a file; none of the refs was set",
    )
}

/// Takes the bands apart: the report, and what the server has to say.
fn from_band(raw: &[u8]) -> Result<(Vec<u8>, Untrusted), Failure> {
    let (mut report, mut said) = (Vec::new(), Vec::new());
    let mut packets = Packets::new(raw);
    while let Some(packet) = next(&mut packets)? {
        match packet.split_first() {
            Some((1, rest)) => report.extend(rest),
            Some((2, rest)) => said.extend(rest),
            Some((3, rest)) => {
                return Err(not_taken(rest.trim_ascii(), &Untrusted::lossy(&said)));
            }
            _ => return Err(garbled()),
        }
    }
    Ok((report, Untrusted::lossy(&said)))
}

/// The next packet's data, up to a flush packet or to the end.
fn next<'a>(packets: &'a mut Packets<&[u8]>) -> Result<Option<&'a [u8]>, Failure> {
    match packets.next() {
        Ok(Packet::Data(data)) => Ok(Some(data)),
        Ok(Packet::Flush | Packet::End) => Ok(None),
        Ok(Packet::Other(_)) | Err(_) => Err(garbled()),
    }
}

fn garbled() -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        "the server's answer to the push is cut off, or not in git's protocol",
    )
    .with_hint("check the repository there: whether the refs were set is not known")
}

fn scope(push: &Push<'_>, url: &Url) -> Arc<CredentialScope> {
    // Whoever pushes without credentials may do so over plain HTTP: nothing secret is sent.
    let plain = push.authorization.is_anonymous();
    Arc::new(CredentialScope::new(url.clone(), true, &[], plain))
}

fn below(url: &Url, path: &str, query: Option<&str>) -> Url {
    let mut below = url.clone();
    below.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    below.set_query(query);
    below.set_fragment(None);
    below
}

fn strayed(url: &Url, to: &Url) -> Failure {
    Failure::new(ErrorKind::Policy, format!("{url} redirects to {to}"))
        .with_hint("give the address of the repository itself; nothing was pushed")
}

fn expect(push: &Push<'_>, answer: &Response, kind: &str) -> Result<(), Failure> {
    let url = &answer.url;
    let status = answer.status;
    let said = |what: &str| format!("{url} answered {status}: {what}");
    let failure = match status {
        200 => {
            let found = answer.header("content-type").unwrap_or("no content type");
            if found.split(';').next().unwrap_or_default().trim() == kind {
                return Ok(());
            }
            Failure::new(
                ErrorKind::BadAnswer,
                format!("{url} answered with {found} instead of git's protocol"),
            )
            .with_hint("give the address that git clones from, not that of a page about it")
        }
        401 if push.authorization.is_anonymous() => Failure::new(
            ErrorKind::Credentials,
            said("it requires credentials"),
        )
        .with_hint("set FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD"),
        401 => Failure::new(ErrorKind::Credentials, said("the credentials were refused")).with_hint(
            "check FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD: most hosters want a token that may write, not the account's password",
        ),
        403 => Failure::new(
            ErrorKind::Forbidden,
            said("pushing there is not allowed"),
        )
        .with_hint("give the token the scope to write to repositories, and its user the right to \
        write"),
        404 | 410 => Failure::new(
            ErrorKind::NotFound,
            said("there is no such repository, or the credentials do not show it"),
        )
        .with_hint("make the empty repository first, and set FORGEKEEP_PUSH_USER and FORGEKEEP_PUSH_PASSWORD"),
        413 => Failure::new(ErrorKind::Git, said("the push is too large")).with_hint(
            "restore with --to, and push in parts with git from there: the server, or a proxy before it, limits a request",
        ),
        _ => Failure::new(ErrorKind::Unavailable, said("not as git's protocol requires"))
            .with_hint("try again later; if it persists, check the address"),
    };
    Err(failure.with_status(status))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(content: &[u8]) -> Vec<u8> {
        let mut packet = format!("{:04x}", content.len() + 4).into_bytes();
        packet.extend(content);
        packet
    }

    fn report(lines: &[&str]) -> Vec<u8> {
        let mut report: Vec<u8> = lines
            .iter()
            .flat_map(|line| packet(line.as_bytes()))
            .collect();
        report.extend(b"0000");
        report
    }

    #[test]
    fn a_report_says_what_became_of_each_ref() {
        let plain = report(&[
            "unpack ok\n",
            "ok refs/heads/main\n",
            "ng refs/heads/x hook declined\n",
        ]);
        let mut banded = packet(&[b"\x02remote: no\n".as_slice()].concat());
        for half in plain.chunks(7) {
            banded.extend(packet(&[&b"\x01"[..], half].concat()));
        }
        banded.extend(b"0000");
        for (raw, is_banded) in [(plain, false), (banded, true)] {
            let answers = read_status(&raw, is_banded).unwrap();
            assert_eq!(answers[&b"refs/heads/main"[..]], Ok(()));
            let why = answers[&b"refs/heads/x"[..]].as_ref().unwrap_err();
            assert_eq!(why, "hook declined");
        }
    }

    #[test]
    fn what_is_no_success_is_none() {
        for (raw, banded) in [
            (
                report(&["unpack index-pack abnormal exit\n", "ok refs/heads/x\n"]),
                false,
            ),
            (report(&["ok refs/heads/x\n"]), false),
            (Vec::new(), false),
            (Vec::new(), true),
            (b"0009\x03fatal".to_vec(), true),
            (b"000aunpack".to_vec(), false),
            (b"zzzz".to_vec(), false),
        ] {
            assert!(read_status(&raw, banded).is_err(), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_survived(raw in proptest::collection::vec(any::<u8>(), 0..200), banded: bool) {
            let _ = read_status(&raw, banded);
            let _ = Advertisement::parse_of("git-receive-pack", &raw);
        }
    }
}
