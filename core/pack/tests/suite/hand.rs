//! Packs made by hand, and git.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use forgekeep_failure::Cancel;
use forgekeep_pack::{IncomingPack, Unsound};
use git2::{ObjectType, Oid};
use sha1::{Digest, Sha1};
use tempfile::TempDir;

pub fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(128 | (number & 127) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(bytes).unwrap();
    deflate.finish().unwrap()
}

pub fn blob_id(content: &[u8]) -> Oid {
    Oid::hash_object(ObjectType::Blob, content).unwrap()
}

/// A delta that gives a base of `size` bytes another end.
pub fn other_end(size: usize, end: &[u8]) -> Vec<u8> {
    let mut delta = [varint(size), varint(size)].concat();
    let same = size - end.len();
    // A copy takes three bytes of a length at most.
    delta.extend([128 | 16 | 32 | 64]);
    delta.extend(&same.to_le_bytes()[..3]);
    delta.push(end.len() as u8);
    delta.extend(end);
    delta
}

/// A pack that is being made.
pub struct Hand {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Hand {
    pub fn new() -> Self {
        Self {
            bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(),
            offsets: Vec::new(),
        }
    }

    fn header(&mut self, kind: u8, size: usize) {
        self.offsets.push(self.bytes.len());
        let more = if size > 15 { 128 } else { 0 };
        self.bytes.push(kind << 4 | more | (size & 15) as u8);
        if size > 15 {
            self.bytes.extend(varint(size >> 4));
        }
    }

    /// A blob as a whole.
    pub fn whole(mut self, content: &[u8]) -> Self {
        self.header(3, content.len());
        self.bytes.extend(deflated(content));
        self
    }

    /// A delta to the entry of that number.
    pub fn on(mut self, base: usize, delta: &[u8]) -> Self {
        let mut distance = self.bytes.len() - self.offsets[base];
        self.header(6, delta.len());
        let mut bytes = vec![(distance & 127) as u8];
        distance >>= 7;
        while distance > 0 {
            distance -= 1;
            bytes.insert(0, 128 | (distance & 127) as u8);
            distance >>= 7;
        }
        self.bytes.extend(bytes);
        self.bytes.extend(deflated(delta));
        self
    }

    /// A delta to an object by its id.
    pub fn named(mut self, base: Oid, delta: &[u8]) -> Self {
        self.header(7, delta.len());
        self.bytes.extend(base.as_bytes());
        self.bytes.extend(deflated(delta));
        self
    }

    /// An entry that says another size than its content has.
    pub fn lying(mut self, size: usize, content: &[u8]) -> Self {
        self.header(3, size);
        self.bytes.extend(deflated(content));
        self
    }

    pub fn done(mut self) -> Vec<u8> {
        let count = self.offsets.len() as u32;
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        let sum = Sha1::digest(&self.bytes);
        self.bytes.extend(sum);
        self.bytes
    }
}

/// What was taken in.
pub struct Taken {
    folder: TempDir,
    pub checksum: Oid,
}

impl Taken {
    pub fn pack(&self) -> PathBuf {
        self.folder.path().join("new.pack")
    }

    pub fn index(&self) -> PathBuf {
        self.folder.path().join("new.idx")
    }

    /// Whether git makes the same index of it.
    pub fn is_as_git_has_it(&self) -> bool {
        let theirs = self.folder.path().join("theirs.idx");
        git(
            self.folder.path(),
            &["index-pack", "-o", "theirs.idx", "new.pack"],
        );
        fs::read(theirs).unwrap() == fs::read(self.index()).unwrap()
    }
}

/// Takes in a pack in pieces of so many bytes, which leans on these blobs.
pub fn take_in(pack: &[u8], piece: usize, others: &[&[u8]]) -> Result<Taken, Unsound> {
    take_in_within(pack, piece, others, u64::MAX)
}

pub fn take_in_within(
    pack: &[u8],
    piece: usize,
    others: &[&[u8]],
    limit: u64,
) -> Result<Taken, Unsound> {
    let folder = tempfile::tempdir().unwrap();
    let mut incoming = IncomingPack::create(&folder.path().join("new.pack"))?;
    for piece in pack.chunks(piece) {
        incoming.write(piece)?;
    }
    let mut find = |oid| {
        let found = others.iter().find(|content| blob_id(content) == oid);
        Ok(found.map(|content| (ObjectType::Blob, content.to_vec())))
    };
    let index = folder.path().join("new.idx");
    let indexed = incoming.finish(&index, &mut find, limit, &Cancel::new())?;
    Ok(Taken {
        folder,
        checksum: indexed.map_or(Oid::ZERO_SHA1, |indexed| indexed.checksum),
    })
}

/// Runs git without anything of the machine's, and returns what it prints.
pub fn git(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    git_with(folder, arguments, b"")
}

pub fn git_with(folder: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Test")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "t@example.org")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    output.stdout
}

/// A repository of some commits over files that change a little.
pub fn repository(commits: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    for commit in 0..commits {
        for file in 0..6 {
            let line =
                |at: usize| format!("line {at} of file {file} says {}\n", (at * 7919) % 1009);
            let mut lines: Vec<String> = (0..150).map(line).collect();
            lines[(commit * 11 + file) % 150] = format!("commit {commit}\n");
            let path = folder.path().join(format!("folder-{}", file % 2));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(format!("file-{file}")), lines.concat()).unwrap();
        }
        git(folder.path(), &["add", "-A"]);
        git(
            folder.path(),
            &["commit", "-q", "-m", &format!("commit {commit}")],
        );
    }
    git(folder.path(), &["tag", "-a", "-m", "a tag", "v1"]);
    folder
}
