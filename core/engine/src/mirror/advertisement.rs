//! The ref advertisement of git's smart HTTP protocol, version 0: what a server sends for
//! `GET <url>/info/refs?service=git-upload-pack`. See gitprotocol-http(5) and gitprotocol-pack(5).
//!
//! It is read here, and not only by libgit2, for three reasons: an unchanged repository is known
//! from this one answer, without opening the mirror; its names come from outside and must be
//! checked before they are written to disk; and errors in it are told apart.

use std::collections::BTreeMap;

use git2::Oid;

use crate::names::printable;
use crate::refs::{OURS, RefName, RefValue, Refs, is_valid_name};
use crate::{ErrorKind, Failure};

/// What a server advertised.
#[derive(Debug)]
pub struct Advertisement {
    /// All refs below `refs/`, except ours (`refs/forgekeep/`).
    pub refs: Refs,
    /// Where `HEAD` points, by the `symref` capability.
    pub head: Option<RefName>,
    /// The answer as it came: libgit2 reads it again instead of asking once more.
    pub raw: Vec<u8>,
}

impl Advertisement {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] if it is none, or breaks the rules of ref names;
    /// [`ErrorKind::Git`] if the server says that something is wrong on its side.
    pub fn parse(raw: Vec<u8>) -> Result<Self, Failure> {
        let mut refs: Refs = BTreeMap::new();
        let mut head = None;
        let mut seen_capabilities = false;
        let mut packets = Packets { rest: &raw };
        skip_service_header(&mut packets)?;
        while let Some(line) = packets.next_line()? {
            let (line, capabilities) = split_capabilities(line);
            if !seen_capabilities {
                seen_capabilities = true;
                head = read_capabilities(capabilities)?;
            }
            let (oid, name) = split_line(line)?;
            add_ref(&mut refs, oid, name)?;
        }
        if !seen_capabilities && !packets.rest.is_empty() {
            return Err(bad("it ends before its first ref"));
        }
        // Nor the name that would be a file where ours need a folder.
        refs.retain(|name, _| !name.starts_with(OURS) && name != b"refs/forgekeep");
        Ok(Self { refs, head, raw })
    }
}

fn skip_service_header(packets: &mut Packets<'_>) -> Result<(), Failure> {
    match packets.next_line()? {
        Some(b"# service=git-upload-pack") => {}
        _ => return Err(bad("it does not begin with its service")),
    }
    match packets.next_line()? {
        None => Ok(()),
        Some(_) => Err(bad("its first section does not end")),
    }
}

/// Peels off the capabilities, which follow a NUL on the first line.
fn split_capabilities(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == 0) {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, b""),
    }
}

fn read_capabilities(capabilities: &[u8]) -> Result<Option<RefName>, Failure> {
    let mut head = None;
    for capability in capabilities.split(|byte| *byte == b' ') {
        if let Some(format) = capability.strip_prefix(b"object-format=")
            && format != b"sha1"
        {
            return Err(Failure::new(
                ErrorKind::Git,
                format!(
                    "the repository's object format is {}; only sha1 is supported",
                    show(format)
                ),
            )
            .with_hint("git can mirror it: git clone --mirror <url>"));
        }
        if let Some(target) = capability.strip_prefix(b"symref=HEAD:")
            && is_valid_name(target)
        {
            head = Some(target.to_vec());
        }
    }
    Ok(head)
}

fn split_line(line: &[u8]) -> Result<(Oid, &[u8]), Failure> {
    if let Some(said) = line.strip_prefix(b"ERR ") {
        return Err(remote_error(said));
    }
    let text = line.get(..40).and_then(|oid| std::str::from_utf8(oid).ok());
    let (Some(text), Some(b' ')) = (text, line.get(40)) else {
        return Err(bad(&format!("it holds the line \"{}\"", show(line))));
    };
    let oid = Oid::from_str(text)
        .map_err(|_| bad(&format!("\"{}\" is no object id", show(text.as_bytes()))))?;
    Ok((oid, &line[41..]))
}

fn add_ref(refs: &mut Refs, oid: Oid, name: &[u8]) -> Result<(), Failure> {
    if name == b"HEAD" || name == b"capabilities^{}" || name == b".have" {
        return Ok(());
    }
    if let Some(tag) = name.strip_suffix(b"^{}") {
        if let Some(value) = refs.get_mut(tag) {
            value.peeled = Some(oid);
        }
        return Ok(());
    }
    if !is_valid_name(name) {
        return Err(bad(&format!(
            "it holds a ref with the name \"{}\", which git does not allow",
            show(name)
        )));
    }
    if oid.is_zero() {
        return Err(bad(&format!("its ref {} points to nothing", show(name))));
    }
    let value = RefValue { oid, peeled: None };
    if refs.insert(name.to_vec(), value).is_some() {
        return Err(bad(&format!("it holds the ref {} twice", show(name))));
    }
    Ok(())
}

/// What a server says about itself in an `ERR` packet.
pub(super) fn remote_error(said: &[u8]) -> Failure {
    // "fork/exec /usr/bin/git-upload-pack: no such file or directory" and the like: the server's
    // trouble, often gone a moment later.
    Failure::new(
        ErrorKind::Git,
        format!("the server says: {}", show(said.trim_ascii())),
    )
    .with_hint("run again later; if it stays, report it to the hoster")
    .transient()
}

fn bad(why: &str) -> Failure {
    Failure::new(
        ErrorKind::BadAnswer,
        format!("the server's list of refs cannot be used: {why}"),
    )
    .with_hint("nothing was changed in the backup; if it stays, report it to the hoster")
    .transient()
}

fn show(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    printable(&text).to_string()
}

/// Walks over pkt-lines.
struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Packets<'a> {
    /// The next line without its line feed; `None` at a flush packet. An end without one is an
    /// error: what was cut off between two lines would pass for deleted refs.
    fn next_line(&mut self) -> Result<Option<&'a [u8]>, Failure> {
        if self.rest.is_empty() {
            return Err(bad("it breaks off"));
        }
        let length = self
            .rest
            .get(..4)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .ok_or_else(|| bad("it is not in git's packet format"))?;
        if length == 0 {
            self.rest = &self.rest[4..];
            return Ok(None);
        }
        if length < 4 || length > self.rest.len() {
            return Err(bad("it breaks off"));
        }
        let (packet, rest) = self.rest.split_at(length);
        self.rest = rest;
        let line = &packet[4..];
        Ok(Some(line.strip_suffix(b"\n").unwrap_or(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let read = Advertisement::parse(raw).unwrap();
        assert_eq!(read.head.as_deref(), Some(&b"refs/heads/trunk"[..]));
        assert_eq!(read.refs.len(), 2);
        let tag = read.refs[&b"refs/tags/v1"[..]];
        assert_eq!(tag.peeled.unwrap().to_string(), OID.replace('1', "2"));
    }

    #[test]
    fn an_empty_repository_has_no_refs() {
        let zero = "0".repeat(40);
        let raw = advertisement(&[format!("{zero} capabilities^{{}}\0side-band-64k\n")]);
        assert!(Advertisement::parse(raw).unwrap().refs.is_empty());
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in [
            "refs/../../etc/x",
            "refs/heads/a\u{1b}[31m",
            "heads/x",
            "refs/heads/x.lock",
        ] {
            let failure =
                Advertisement::parse(advertisement(&[format!("{OID} {name}\0\n")])).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::BadAnswer, "{name}");
            assert!(!failure.message.contains('\u{1b}'));
        }
    }

    #[test]
    fn the_servers_own_error_is_told() {
        let raw =
            advertisement(&["ERR fork/exec /usr/bin/git-upload-pack: no such file\n".to_owned()]);
        let failure = Advertisement::parse(raw).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Git);
        assert!(!failure.permanent);
        assert!(failure.message.contains("fork/exec"), "{failure}");
    }

    #[test]
    fn a_truncated_one_is_refused() {
        let whole = advertisement(&[format!("{OID} refs/heads/trunk\0\n")]);
        for end in 0..whole.len() {
            let failure = Advertisement::parse(whole[..end].to_vec()).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::BadAnswer, "cut at {end}");
            assert!(!failure.permanent, "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Advertisement::parse(bytes);
        }
    }
}
