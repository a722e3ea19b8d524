//! A repository on this machine, where no git is installed: libgit2 reads it, as its own local transport does.
//! What it cannot do is refused by name: shallow and partial clones, and histories that it cannot parse.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::refs::{StoredRefs, parse_oid};
use forgekeep_pkt_line::{self as pkt_line, FLUSH, Packet, Packets};
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Oid, Repository, RepositoryOpenFlags};

use super::advertisement::Advertisement;
use super::conversation::Duplex;

/// What is offered: no more than what answers need.
const CAPABILITIES: &str = "ofs-delta";

/// Who answers in place of `git-upload-pack`. It remembers nothing.
#[derive(Clone)]
pub(super) struct LibraryConnection {
    path: PathBuf,
    cancel: Cancel,
}

/// Reads the refs of a repository.
pub(super) fn advertise(
    path: &Path,
    cancel: &Cancel,
) -> Result<(Advertisement, LibraryConnection), Failure> {
    let connection = LibraryConnection {
        path: path.to_owned(),
        cancel: cancel.clone(),
    };
    let repository = connection.open()?;
    let lines = connection.lines(&repository)?;
    let advertisement = Advertisement::read(&mut Packets::new(&lines[..]))?;
    Ok((advertisement, connection))
}

impl LibraryConnection {
    fn open(&self) -> Result<Repository, Failure> {
        libgit2::initialise()?;
        let nothing: [&Path; 0] = [];
        let flags = RepositoryOpenFlags::NO_SEARCH;
        let repository = Repository::open_ext(&self.path, flags, nothing).map_err(|error| {
            let kind = match error.code() {
                git2::ErrorCode::NotFound => ErrorKind::NotFound,
                _ => ErrorKind::Git,
            };
            Failure {
                kind,
                ..self.failed(&error)
            }
        })?;
        let is_partial = repository
            .config()
            .is_ok_and(|config| config.get_entry("extensions.partialclone").is_ok());
        if repository.is_shallow() || is_partial {
            let message = format!(
                "{} is a shallow or partial clone, which cannot be read without git",
                self.path.shown()
            );
            return Err(Failure::new(ErrorKind::Git, message)
                .with_hint("install git, or name the repository that it was cloned from"));
        }
        Ok(repository)
    }

    /// What `git-upload-pack` says first: `HEAD` and all refs, tags peeled, and where `HEAD` points.
    fn lines(&self, repository: &Repository) -> Result<Vec<u8>, Failure> {
        let stored = StoredRefs::read(repository.commondir())?;
        let head = repository.find_reference("HEAD").ok();
        let symbolic = head.as_ref().and_then(|head| head.symbolic_target_bytes());
        let oid = head.as_ref().and_then(|head| head.resolve().ok()?.target());
        let mut said = CAPABILITIES.as_bytes().to_vec();
        if let Some(target) = symbolic {
            said.extend([b" symref=HEAD:", target].concat());
        }
        let named = oid.map(|oid| (oid, b"HEAD".to_vec()));
        let refs = stored.refs.iter().flat_map(|(name, value)| {
            let peeled = repository
                .find_object(value.oid, Some(ObjectType::Tag))
                .ok();
            let peeled = peeled.and_then(|tag| tag.peel(ObjectType::Any).ok());
            let peeled = peeled.map(|of| (of.id(), [name, &b"^{}"[..]].concat()));
            [Some((value.oid, name.clone())), peeled]
                .into_iter()
                .flatten()
        });
        let mut lines = Vec::new();
        for (oid, name) in named.into_iter().chain(refs) {
            let mut line = format!("{oid} ").into_bytes();
            line.extend(name);
            if lines.is_empty() {
                line.extend([b"\0", &said[..]].concat());
            }
            line.push(b'\n');
            pkt_line::push(&mut lines, &line);
        }
        lines.extend(FLUSH);
        Ok(lines)
    }

    /// Packs what is wanted and not there, into a temporary file.
    fn pack(&self, wants: &[Oid], haves: &[Oid]) -> Result<File, Failure> {
        let repository = self.open()?;
        let failed = |error: git2::Error| self.failed(&error);
        let mut builder = repository.packbuilder().map_err(failed)?;
        let mut walk = repository.revwalk().map_err(failed)?;
        for want in wants {
            let mut at = repository.find_object(*want, None).map_err(failed)?;
            while let Some(tag) = at.as_tag() {
                builder.insert_object(tag.id(), None).map_err(failed)?;
                at = tag.target().map_err(failed)?;
            }
            match at.kind() {
                Some(ObjectType::Commit) => walk.push(at.id()).map_err(failed)?,
                _ => builder.insert_recursive(at.id(), None).map_err(failed)?,
            }
        }
        for have in haves {
            // Not all of it is known here.
            let _ = walk.hide(*have);
        }
        builder.insert_walk(&mut walk).map_err(failed)?;
        let disk = |error: io::Error| Failure::disk("write to", &std::env::temp_dir(), &error);
        let mut file = tempfile::tempfile().map_err(disk)?;
        let mut broken = None;
        let packed = builder.foreach(|bytes| {
            broken = file.write_all(bytes).err();
            broken.is_none() && !self.cancel.is_cancelled()
        });
        self.cancel.check()?;
        if let Some(error) = broken {
            return Err(disk(error));
        }
        packed.map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(disk)?;
        Ok(file)
    }

    fn failed(&self, error: &git2::Error) -> Failure {
        let (path, why) = (self.path.shown(), libgit2::words(error));
        Failure::new(ErrorKind::Git, format!("{path} cannot be read: {why}")).with_hint(
            "check that it is a git repository; no git is installed here, and git reads more than Forgekeep alone",
        )
    }
}

impl Duplex for LibraryConnection {
    fn is_stateless(&self) -> bool {
        true
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        let (mut wants, mut haves) = (Vec::new(), Vec::new());
        let mut packets = Packets::new(&request[..]);
        loop {
            match packets.next() {
                Ok(Packet::Data(line)) => {
                    // As this side has written it: a word, and 40 digits.
                    let oid = line
                        .get(5..45)
                        .and_then(|oid| std::str::from_utf8(oid).ok());
                    match (line.get(..5), oid.and_then(parse_oid)) {
                        (Some(b"want "), Some(oid)) => wants.push(oid),
                        (Some(b"have "), Some(oid)) => haves.push(oid),
                        _ => {}
                    }
                }
                Ok(Packet::Flush | Packet::Other(_)) => {}
                Ok(Packet::End) | Err(_) => break,
            }
        }
        let mut answer = Vec::new();
        pkt_line::push(&mut answer, b"NAK\n");
        let pack = self.pack(&wants, &haves)?;
        Ok(Box::new(io::Cursor::new(answer).chain(pack)))
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        Failure::disk("read from", &std::env::temp_dir(), error)
    }
}
