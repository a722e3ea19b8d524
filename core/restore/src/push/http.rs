//! A server that speaks git's smart protocol over HTTP: gitprotocol-http(5), and the part of
//! gitprotocol-pack(5) that is about pushing.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_http::{Authorization, CredentialScope, HttpClient, Request, Response};
use forgekeep_pkt_line::{self as pkt_line, FLUSH, Packet, Packets};
use forgekeep_protocol::{Advertisement, Capabilities};
use forgekeep_untrusted::{Show as _, Shown, Untrusted};
use url::Url;

use super::{Answers, NotSent, RefUpdate, Theirs};

/// Some hosts answer git's protocol only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (forgekeep ", env!("CARGO_PKG_VERSION"), ")");

/// Most characters of what a server says beside its report.
const MOST_SAID: usize = 1000;

/// Most bytes of an answer: some three million refs.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;

/// A repository that is pushed to by HTTP.
pub struct ReceivePack<'a> {
    /// Where it is.
    pub url: Url,
    /// The client.
    pub client: &'a dyn HttpClient,
    /// Credentials for it.
    pub authorization: &'a Authorization,
    /// Where these may go.
    pub scope: Arc<CredentialScope>,
}

impl ReceivePack<'_> {
    /// Asks which refs are there, and whether one may push.
    ///
    /// # Errors
    ///
    /// There is no answer, or it is none of git's; credentials are refused.
    pub fn look(&self) -> Result<Theirs, Failure> {
        let request = Request::get(
            below(&self.url, "info/refs", Some("service=git-receive-pack")),
            self.authorization.clone(),
            Arc::clone(&self.scope),
        )
        .header("user-agent", USER_AGENT)
        .header("accept", "application/x-git-receive-pack-advertisement");
        let answer = self.client.send(&request)?;
        if answer.url.origin() != self.url.origin() {
            return Err(strayed(&self.url, &answer.url));
        }
        self.expect(&answer, "application/x-git-receive-pack-advertisement")?;
        let mut answered = answer.url.clone();
        let path = answered
            .path()
            .strip_suffix("/info/refs")
            .map(str::to_owned);
        let Some(path) = path else {
            return Err(strayed(&self.url, &answered));
        };
        answered.set_path(&path);
        answered.set_query(None);
        let from = answer.url.clone();
        let raw = answer.body.read_all(&from, MAX_ANSWER)?;
        let advertisement = Advertisement::parse_of("git-receive-pack", &raw)?;
        if !advertisement.capabilities.has("report-status") {
            return Err(Failure::new(
                ErrorKind::BadAnswer,
                format!(
                    "{}: the server does not report the result of a push",
                    self.url
                ),
            )
            .with_hint("restore with --to, and push with git from there; nothing was pushed"));
        }
        let refs = advertisement.refs.into_iter();
        Ok(Theirs {
            refs: refs.map(|(name, value)| (name, value.oid)).collect(),
            capabilities: advertisement.capabilities,
            url: Some(answered),
        })
    }

    /// Sends a file with commands and a pack, as [`Outgoing`](super::Outgoing) makes it, and reads what
    /// became of each.
    ///
    /// # Errors
    ///
    /// [`NotSent::Refused`] if the server has taken nothing of it; else it is not known what it has taken.
    pub fn send(&self, theirs: &Theirs, body: &Path) -> Result<Answers, NotSent> {
        let url = theirs.url.as_ref().unwrap_or(&self.url);
        let mut request = Request::get(
            below(url, "git-receive-pack", None),
            self.authorization.clone(),
            Arc::clone(&self.scope),
        );
        request.method = "POST".to_owned();
        request.upload = Some(body.to_owned());
        let request = request
            .header("user-agent", USER_AGENT)
            .header("content-type", "application/x-git-receive-pack-request")
            .header("accept", "application/x-git-receive-pack-result")
            .header("accept-encoding", "identity");
        let answer = self.client.send(&request)?;
        if answer.status == 413 {
            let refused = self.expect(&answer, "");
            return Err(refused.map_or_else(NotSent::Refused, |()| garbled().into()));
        }
        self.expect(&answer, "application/x-git-receive-pack-result")?;
        let from = answer.url.clone();
        let raw = answer.body.read_all(&from, MAX_ANSWER).map_err(|failure| {
            failure.with_hint("check the repository there: whether the refs were set is not known")
        })?;
        read_status(&raw, is_banded(&theirs.capabilities))
    }
}

/// By side-band the server says meanwhile that it is still at work, and what its hooks say.
fn is_banded(capabilities: &Capabilities) -> bool {
    capabilities.has("side-band-64k")
}

/// The commands: what goes before the pack.
pub(super) fn begin(commands: &[RefUpdate<'_>], capabilities: &Capabilities) -> Vec<u8> {
    let banded = is_banded(capabilities);
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
fn read_status(raw: &[u8], banded: bool) -> Result<Answers, NotSent> {
    let (report, said) = match banded {
        true => from_band(raw)?,
        false => (raw.to_vec(), Untrusted::default()),
    };
    for line in said.raw().lines().filter(|line| !line.trim().is_empty()) {
        log::info!("the server says: {}", Shown::of(line.trim_end()));
    }
    let mut spoken: Vec<&str> = said.raw().lines().map(str::trim).collect();
    spoken.retain(|line| !line.is_empty());
    let mut answers = Answers::new();
    let mut unpacked = false;
    let mut packets = Packets::new(&report[..]);
    while let Some(line) = next(&mut packets)? {
        let line = Packet::line(line);
        if let Some(state) = line.strip_prefix(b"unpack ") {
            if state != b"ok" {
                return Err(NotSent::Refused(not_taken(state, &said)));
            }
            unpacked = true;
        } else if let Some(name) = line.strip_prefix(b"ok ") {
            answers.insert(name.to_vec(), Ok(()));
        } else if let Some(rest) = line.strip_prefix(b"ng ") {
            let mut parts = rest.splitn(2, |byte| *byte == b' ');
            let name = parts.next().unwrap_or_default().to_vec();
            let why = parts.next().unwrap_or(b"no reason given");
            let mut why = Untrusted::lossy(why).into_raw();
            // What a hook has said is about all that it refuses.
            if !spoken.is_empty() {
                let spoken: String = spoken.join("; ").chars().take(MOST_SAID).collect();
                let _ = write!(why, " ({spoken})");
            }
            answers.insert(name, Err(why.into()));
        }
    }
    match unpacked {
        true => Ok(answers),
        false => Err(not_taken(b"it gives no reason", &said).into()),
    }
}

fn not_taken(why: &[u8], said: &Untrusted) -> Failure {
    let mut message = "the server refused the objects: ".to_owned();
    let _ = write!(message, "{}", Untrusted::lossy(why).shown());
    let said: Vec<_> = said.raw().lines().map(str::trim).collect();
    if !said.is_empty() {
        let said: String = said.join("; ").chars().take(MOST_SAID).collect();
        let _ = write!(message, " ({said})");
    }
    Failure::new(ErrorKind::Git, message).with_hint(
        "restore with --to, and push in parts with git from there: the hoster may limit the size of a push or of a file; none of the refs was set",
    )
}

/// Takes the bands apart: the report, and what the server has to say.
fn from_band(raw: &[u8]) -> Result<(Vec<u8>, Untrusted), NotSent> {
    let (mut report, mut said) = (Vec::new(), Vec::new());
    let mut packets = Packets::new(raw);
    while let Some(packet) = next(&mut packets)? {
        match packet.split_first() {
            Some((1, rest)) => report.extend(rest),
            Some((2, rest)) => said.extend(rest),
            Some((3, rest)) => {
                let why = not_taken(rest.trim_ascii(), &Untrusted::lossy(&said));
                return Err(NotSent::Refused(why));
            }
            _ => return Err(garbled().into()),
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

impl ReceivePack<'_> {
    fn expect(&self, answer: &Response, kind: &str) -> Result<(), Failure> {
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
        401 if self.authorization.is_anonymous() => Failure::new(
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
            let said = if is_banded { " (remote: no)" } else { "" };
            assert_eq!(**why, format!("hook declined{said}"));
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
