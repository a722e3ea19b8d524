//! The ref advertisement of git's smart HTTP protocol, version 0: what a server sends for
//! `GET <url>/info/refs?service=git-upload-pack`. See gitprotocol-http(5) and gitprotocol-pack(5).
//!
//! An unchanged repository is known from this one answer, without opening the mirror. Its names come
//! from outside and are checked before they are written to disk.

use std::io::Read;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::{
    FORGOTTEN, KEPT, OURS, RefName, RefValue, Refs, is_valid_name, parse_oid,
};
use forgekeep_pkt_line::{Packet, Packets};
use forgekeep_untrusted::{Printable, Untrusted};
use git2::Oid;

/// Most bytes of a ref advertisement that are read, decompressed: some three million refs.
const MAX_ADVERTISEMENT: u64 = 256 * 1024 * 1024;

/// And at most so many times what is read of an API's answer: whoever lowers that is short of
/// memory.
const TIMES_MAX_BODY: u64 = 8;

/// Most bytes of an advertisement that are read where so many are of an API's answer.
pub(super) fn most_advertised(max_body_bytes: u64) -> u64 {
    let most = max_body_bytes.saturating_mul(TIMES_MAX_BODY);
    most.min(MAX_ADVERTISEMENT)
}

/// What a server advertised.
#[derive(Debug, Default)]
pub struct Advertisement {
    /// All refs below `refs/`, except ours (`refs/forgekeep/`).
    pub refs: Refs,
    /// Where `HEAD` points, by the `symref` capability.
    pub head: Option<RefName>,
    /// What `HEAD` is, if it is anything: an unborn one is not told of.
    pub head_oid: Option<Oid>,
    /// What `HEAD` is after peeling, if it is an annotated tag.
    pub head_peeled: Option<Oid>,
    /// Names that git does not allow, or that are not below `refs/`, cleaned for people: git leaves
    /// them out, too.
    pub left_out: Vec<Printable>,
    /// Names that a mirror has for itself, as they may be shown: these refs are left out, too. Those
    /// that came there by pushing a whole backup are not among them.
    pub reserved: Vec<Printable>,
    /// Commits whose parents the server does not have: it is a shallow clone itself.
    pub shallow: Vec<Oid>,
    /// What the server can do.
    pub capabilities: Capabilities,
}

/// What a server can do: words, some of them with a value.
#[derive(Clone, Debug, Default)]
pub struct Capabilities(Vec<Vec<u8>>);

impl Capabilities {
    /// Reads them, as they stand after the first line's NUL.
    #[must_use]
    pub fn new(words: &[u8]) -> Self {
        let words = words.trim_ascii().split(|byte| *byte == b' ');
        Self(words.map(<[u8]>::to_vec).collect())
    }

    /// Whether the word is there, without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name.as_bytes())
    }

    /// The value of `name=value`.
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |word| {
            word.strip_prefix(name.as_bytes())
                .and_then(|rest| rest.strip_prefix(b"="))
        })
    }
}

impl Advertisement {
    /// Reads an answer of `git-upload-pack` over HTTP.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] if it is none; [`ErrorKind::Git`] or [`ErrorKind::RateLimited`] if the
    /// server says that something is wrong on its side.
    pub fn parse(raw: &[u8]) -> Result<Self, Failure> {
        Self::parse_of("git-upload-pack", raw)
    }

    /// The same, of `git-receive-pack` too: the two differ by the first line.
    ///
    /// # Errors
    ///
    /// As [`Advertisement::parse`].
    pub fn parse_of(service: &str, raw: &[u8]) -> Result<Self, Failure> {
        if is_bare(service, raw) {
            let mut failure = bad("it ends with the name of git's service");
            failure.says_nothing = true;
            return Err(failure);
        }
        let mut packets = Packets::new(raw);
        skip_service_header(service, &mut packets)?;
        Self::read(&mut packets)
    }

    /// Reads the refs, up to the flush packet that ends them.
    pub(super) fn read<R: Read>(packets: &mut Packets<R>) -> Result<Self, Failure> {
        let mut read = Self::default();
        let mut is_first = true;
        while let Some(data) = next_line(packets)? {
            let (line, capabilities) = split_capabilities(data);
            let line = Packet::line(line);
            if is_first && line == b"version 1" {
                continue;
            }
            if std::mem::take(&mut is_first) {
                read.capabilities = Capabilities::new(capabilities);
                read.head = head_of(&read.capabilities)?;
            }
            read.line(line)?;
        }
        let reserved = &mut read.reserved;
        read.refs.retain(|name, value| {
            // Nor the name that would be a file where ours need a folder.
            let is_reserved = name.starts_with(OURS) || name == b"refs/forgekeep";
            if is_reserved && !is_of_a_backup(name, value.oid) {
                reserved.push(show(name));
            }
            !is_reserved
        });
        Ok(read)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        if let Some(said) = line.strip_prefix(b"ERR ") {
            return Err(remote_error(said));
        }
        if let Some(oid) = line.strip_prefix(b"shallow ") {
            let oid = std::str::from_utf8(oid).ok().and_then(parse_oid);
            self.shallow.push(oid.ok_or_else(|| holds(line))?);
            return Ok(());
        }
        let text = line.get(..40).and_then(|oid| std::str::from_utf8(oid).ok());
        let (Some(oid), Some(b' ')) = (text.and_then(parse_oid), line.get(40)) else {
            return Err(holds(line));
        };
        self.add_ref(oid, &line[41..])
    }

    fn add_ref(&mut self, oid: Oid, name: &[u8]) -> Result<(), Failure> {
        if name == b"HEAD" {
            self.head_oid = Some(oid).filter(|oid| !oid.is_zero());
            return Ok(());
        }
        if name == b"HEAD^{}" {
            self.head_peeled = Some(oid).filter(|oid| !oid.is_zero());
            return Ok(());
        }
        if name == b"capabilities^{}" || name == b".have" {
            return Ok(());
        }
        if let Some(tag) = name.strip_suffix(b"^{}") {
            if let Some(value) = self.refs.get_mut(tag) {
                value.peeled = Some(oid);
            }
            return Ok(());
        }
        if !is_valid_name(name) {
            self.left_out.push(show(name));
            return Ok(());
        }
        if oid.is_zero() {
            return Err(bad(&format!("its ref {} points to nothing", show(name))));
        }
        let value = RefValue { oid, peeled: None };
        if self.refs.insert(name.to_vec(), value).is_some() {
            return Err(bad(&format!("it holds the ref {} twice", show(name))));
        }
        Ok(())
    }
}

/// The next line; `None` at a flush packet. An end without one is an error: what was cut off between
/// two lines would pass for deleted refs.
fn next_line<R: Read>(packets: &mut Packets<R>) -> Result<Option<&[u8]>, Failure> {
    match packets.next() {
        Ok(Packet::Data(data)) => Ok(Some(data)),
        Ok(Packet::Flush) => Ok(None),
        Ok(Packet::Other(_)) => Err(bad("it is not in git's packet format")),
        Ok(Packet::End) | Err(_) => Err(bad("it is cut off")),
    }
}

/// Whether an answer ends with the flush packet behind its first line, and has none of its own. So do some
/// servers answer for a repository that they do not have or cannot read.
fn is_bare(service: &str, raw: &[u8]) -> bool {
    let mut packets = Packets::new(raw);
    skip_service_header(service, &mut packets).is_ok() && matches!(packets.next(), Ok(Packet::End))
}

fn skip_service_header<R: Read>(service: &str, packets: &mut Packets<R>) -> Result<(), Failure> {
    match next_line(packets)?.map(Packet::line) {
        Some(line) if line.strip_prefix(b"# service=") == Some(service.as_bytes()) => {}
        Some(line) => {
            return Err(match line.strip_prefix(b"ERR ") {
                Some(said) => remote_error(said),
                None => bad("it does not begin with its service"),
            });
        }
        None => return Err(bad("it does not begin with its service")),
    }
    // More lines may come: gitprotocol-http(5) has clients ignore them.
    while next_line(packets)?.is_some() {}
    Ok(())
}

/// Peels off the capabilities, which follow a NUL on the first line.
fn split_capabilities(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == 0) {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, b""),
    }
}

fn head_of(capabilities: &Capabilities) -> Result<Option<RefName>, Failure> {
    if let Some(format) = capabilities
        .values("object-format")
        .find(|format| *format != b"sha1")
    {
        return Err(Failure::new(
            ErrorKind::Git,
            format!(
                "the repository's object format is {}; only sha1 is supported",
                show(format)
            ),
        )
        .with_hint("mirror it with git: git clone --mirror <url>"));
    }
    let mut targets = capabilities
        .values("symref")
        .filter_map(|symref| symref.strip_prefix(b"HEAD:"));
    Ok(targets
        .find(|target| is_valid_name(target) && !target.starts_with(OURS))
        .map(<[u8]>::to_vec))
}

/// What a server says about itself, in an `ERR` packet or on the side band.
///
/// Some servers tell of their limits in no other way (googlesource: "rate limit exceeded"). This is
/// the one place where words of a server decide what kind of failure it is: a limit is waited out.
pub(super) fn remote_error(said: &[u8]) -> Failure {
    // "fork/exec /usr/bin/git-upload-pack: no such file or directory" and the like: the server's
    // trouble, often gone a moment later.
    let words = Untrusted::lossy(said);
    let words: Vec<&str> = words.raw().split_whitespace().collect();
    let text = show(words.join(" ").as_bytes());
    if text.is_empty() {
        return Failure::new(ErrorKind::Git, "the server refuses, and does not say why")
            .with_hint("run again later; if it persists, report it to the hoster")
            .transient();
    }
    let lower = text.to_lowercase();
    let limits = ["rate limit", "ratelimit", "too many requests"];
    let message = format!("the server says: {text}");
    if limits.iter().any(|limit| lower.contains(limit)) {
        return Failure::new(ErrorKind::RateLimited, message)
            .with_hint("run again in an hour, or less often")
            .transient();
    }
    Failure::new(ErrorKind::Git, message)
        .with_hint(
            "do what the server's message asks for; if it asks for nothing, run again \
        later, and if it persists, report it to the hoster",
        )
        .transient()
}

fn bad(why: &str) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the server's list of refs cannot be used: {why}"),
    )
    .with_hint(
        "run again later, and if it persists, report it to the hoster; nothing was changed \
    in the backup",
    )
    .transient()
}

fn holds(line: &[u8]) -> Failure {
    bad(&format!("it holds the line \"{}\"", show(line)))
}

fn show(bytes: &[u8]) -> Printable {
    Untrusted::lossy(&bytes[..bytes.len().min(200)]).printable()
}

/// Whether somebody has pushed a whole backup: a ref that holds an old tip is named after it.
fn is_of_a_backup(name: &[u8], oid: Oid) -> bool {
    let id = name.strip_prefix(KEPT).or(name.strip_prefix(FORGOTTEN));
    id.is_some_and(|id| id == oid.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OID: &str = "1234567890123456789012345678901234567890";

    fn packet(line: &str) -> String {
        format!("{:04x}{line}", line.len() + 4)
    }

    fn advertisement(lines: &[String]) -> Vec<u8> {
        let mut text = packet("# service=git-upload-pack\n") + "0000";
        text.extend(lines.iter().map(|line| packet(line)));
        text += "0000";
        text.into_bytes()
    }

    #[test]
    fn refs_peeled_tags_and_head_are_read() {
        let raw = advertisement(&[
            format!("{OID} HEAD\0multi_ack symref=HEAD:refs/heads/trunk object-format=sha1\n"),
            format!("{OID} refs/heads/trunk\n"),
            format!("{OID} refs/tags/v1\n"),
            format!("{} refs/tags/v1^{{}}\n", OID.replace('1', "2")),
            format!("{OID} refs/forgekeep/kept/x\n"),
        ]);
        let read = Advertisement::parse(&raw).unwrap();
        assert_eq!(read.head.as_deref(), Some(&b"refs/heads/trunk"[..]));
        assert_eq!(read.head_oid.unwrap().to_string(), OID);
        assert_eq!(read.refs.len(), 2);
        let tag = read.refs[&b"refs/tags/v1"[..]];
        assert_eq!(tag.peeled.unwrap().to_string(), OID.replace('1', "2"));
    }

    #[test]
    fn each_service_has_its_own_first_line() {
        let raw = packet("# service=git-receive-pack\n")
            + "0000"
            + &packet(&format!(
                "{OID} refs/heads/trunk\0report-status side-band-64k\n"
            ))
            + "0000";
        let read = Advertisement::parse_of("git-receive-pack", raw.as_bytes()).unwrap();
        assert_eq!(read.refs.len(), 1);
        assert!(read.capabilities.has("report-status"));
        assert!(!read.capabilities.has("report"));
        assert!(Advertisement::parse(raw.as_bytes()).is_err());
    }

    #[test]
    fn an_empty_repository_has_no_refs() {
        let zero = "0".repeat(40);
        let raw = advertisement(&[format!("{zero} capabilities^{{}}\0side-band-64k\n")]);
        assert!(Advertisement::parse(&raw).unwrap().refs.is_empty());
    }

    #[test]
    fn names_that_git_does_not_allow_are_left_out_and_told() {
        let hostile = [
            "refs/../../etc/x",
            "refs/heads/a\u{1b}[31m",
            "heads/x",
            "refs/heads/x.lock",
        ];
        let mut lines = vec![format!("{OID} refs/heads/trunk\0\n")];
        lines.extend(hostile.map(|name| format!("{OID} {name}\n")));
        let read = Advertisement::parse(&advertisement(&lines)).unwrap();
        assert_eq!(read.refs.len(), 1);
        assert_eq!(read.left_out.len(), hostile.len());
        assert!(!read.left_out.iter().any(|name| name.contains('\u{1b}')));
    }

    #[test]
    fn a_shallow_server_says_where_its_history_ends() {
        let raw = advertisement(&[
            format!("{OID} refs/heads/trunk\0\n"),
            format!("shallow {OID}"),
        ]);
        let read = Advertisement::parse(&raw).unwrap();
        assert_eq!(read.shallow, [read.refs[&b"refs/heads/trunk"[..]].oid]);
        let raw = advertisement(&[
            format!("{OID} refs/heads/trunk\0\n"),
            "shallow 12".to_owned(),
        ]);
        assert!(Advertisement::parse(&raw).is_err());
    }

    #[test]
    fn lines_besides_the_service_are_passed_over() {
        let raw = packet("# service=git-upload-pack\n")
            + &packet("more\n")
            + "0000"
            + &packet("version 1\n")
            + &packet(&format!("{OID} refs/heads/trunk\0\n"))
            + "0000";
        assert_eq!(Advertisement::parse(raw.as_bytes()).unwrap().refs.len(), 1);
    }

    #[test]
    fn a_list_that_ends_after_its_service_is_no_empty_repository() {
        let raw = packet("# service=git-upload-pack\n") + "0000";
        let failure = Advertisement::parse(raw.as_bytes()).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::BadAnswer);
        assert!(failure.says_nothing);
        for cut in 0..raw.len() {
            let failure = Advertisement::parse(&raw.as_bytes()[..cut]).unwrap_err();
            assert!(!failure.says_nothing, "{cut}");
        }
    }

    #[test]
    fn a_limit_that_is_told_in_words_is_a_limit() {
        let raw = advertisement(&["ERR RESOURCE_EXHAUSTED: rate limit exceeded\n".to_owned()]);
        let failure = Advertisement::parse(&raw).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::RateLimited);
        let message = |said: &[u8]| remote_error(said).message;
        assert_eq!(message(b" one\r\ntwo \n"), "the server says: one two");
        assert_eq!(message(b" \n"), "the server refuses, and does not say why");
        assert!(!failure.permanent);
    }

    #[test]
    fn the_servers_own_error_is_told() {
        let raw =
            advertisement(&["ERR fork/exec /usr/bin/git-upload-pack: no such file\n".to_owned()]);
        let failure = Advertisement::parse(&raw).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Git);
        assert!(!failure.permanent);
        assert!(failure.message.contains("fork/exec"), "{failure}");
    }

    #[test]
    fn a_truncated_one_is_refused() {
        let whole = advertisement(&[format!("{OID} refs/heads/trunk\0\n")]);
        for end in 0..whole.len() {
            let failure = Advertisement::parse(&whole[..end]).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::BadAnswer, "cut at {end}");
            assert!(!failure.permanent, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Advertisement::parse(&bytes);
        }
    }
}
