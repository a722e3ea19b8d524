//! A repository, a bare mirror of it, and packs made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use git2::{ObjectType, Oid, Repository};
use sha1::{Digest, Sha1};
use tempfile::TempDir;

/// A repository in which things are changed, and its mirror.
pub struct Scene {
    folder: TempDir,
    pub work: PathBuf,
    pub mirror: PathBuf,
}

impl Scene {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self {
            work: folder.path().join("work"),
            mirror: folder.path().join("mirror"),
            folder,
        };
        scene.git(scene.folder.path(), &["init", "-q", "-b", "main", "work"]);
        scene.git(
            scene.folder.path(),
            &["init", "-q", "--bare", "-b", "main", "mirror"],
        );
        scene
    }

    /// A mirror after so many fetches of a small change.
    pub fn with_packs(count: usize) -> Self {
        let scene = Self::new();
        for round in 0..count {
            let text: Vec<_> = (0..200).map(|at| line(at * (1 + round % 2))).collect();
            fs::write(scene.work.join("text"), text.join("\n")).unwrap();
            fs::write(scene.work.join("round"), round.to_string()).unwrap();
            scene.commit();
            scene.fetch();
        }
        assert_eq!(scene.packs().len(), count);
        scene
    }

    /// Runs git without anything of the machine's, and returns what it prints.
    pub fn git(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(["-c", "fetch.unpackLimit=1"])
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("LC_ALL", "C")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Test")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "t@example.org")))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn commit(&self) {
        self.git(&self.work, &["add", "-A"]);
        self.git(&self.work, &["commit", "-q", "-m", "change"]);
    }

    /// As libgit2 does: the pack stays one, and is completed if it is thin.
    pub fn fetch(&self) {
        let work = self.work.to_str().unwrap();
        self.git(&self.mirror, &["fetch", "-q", work, "+refs/*:refs/*"]);
    }

    pub fn fsck(&self) {
        self.git(
            &self.mirror,
            &["fsck", "--full", "--strict", "--no-dangling"],
        );
    }

    /// Id, type and size of all objects of the mirror.
    pub fn objects(&self) -> BTreeSet<String> {
        let all = ["cat-file", "--batch-all-objects", "--batch-check"];
        let all = self.git(&self.mirror, &all);
        all.lines().map(str::to_owned).collect()
    }

    pub fn packs(&self) -> Vec<PathBuf> {
        packs(&self.mirror)
    }

    pub fn pack_bytes(&self) -> u64 {
        bytes(&self.mirror)
    }

    pub fn loose(&self) -> Vec<PathBuf> {
        let objects = self.mirror.join("objects");
        let is_loose = |path: &PathBuf| {
            let parent = path.strip_prefix(&objects).ok().and_then(Path::parent);
            parent.is_some_and(|parent| parent.as_os_str().len() == 2)
        };
        self.files().into_keys().filter(is_loose).collect()
    }

    /// Every file below the mirror's objects, with its content.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.mirror.join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap();
                    files.insert(path, content);
                }
            }
        }
        files
    }

    /// Gives a pack an index of version 1, so that it is the indexer that has to find damage.
    pub fn index_without_crcs(&self, pack: &Path) {
        fs::remove_file(pack.with_extension("idx")).unwrap();
        let pack = pack.to_str().unwrap();
        self.git(&self.mirror, &["index-pack", "--index-version=1", pack]);
    }

    /// Bytes of the packs of a copy after git's gc.
    pub fn bytes_after_gc(&self) -> u64 {
        let mirror = self.mirror.to_str().unwrap();
        let copy = self.folder.path().join("copy");
        let arguments = ["clone", "-q", "--mirror", "--no-local", mirror, "copy"];
        self.git(self.folder.path(), &arguments);
        self.git(&copy, &["gc", "-q"]);
        bytes(&copy)
    }
}

fn packs(repository: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(repository.join("objects/pack")).unwrap();
    let mut packs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    packs.retain(|path| path.extension().is_some_and(|ending| ending == "pack"));
    packs.sort();
    packs
}

fn bytes(repository: &Path) -> u64 {
    let packs = packs(repository);
    packs
        .iter()
        .map(|pack| fs::metadata(pack).unwrap().len())
        .sum()
}

/// Some words, always the same for a number.
pub fn line(number: usize) -> String {
    let words = noise(number as u64, 12);
    words.iter().map(|byte| format!("word{byte} ")).collect()
}

/// Bytes that cannot be compressed, always the same for a seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Writes a loose blob.
pub fn loose(repository: &Path, content: &[u8]) -> Oid {
    let repository = Repository::open_bare(repository).unwrap();
    repository.blob(content).unwrap()
}

/// Replaces files, which git makes read-only.
pub fn replace(paths: &[PathBuf; 2], contents: &[Vec<u8>; 2]) {
    for (path, content) in paths.iter().zip(contents) {
        fs::remove_file(path).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Gives a pack and its index the checksums of what they now hold.
pub fn seal([pack, index]: &mut [Vec<u8>; 2]) {
    pack.truncate(pack.len() - 20);
    let sum = Sha1::digest(&pack);
    pack.extend(sum);
    index.truncate(index.len() - 40);
    index.extend(sum);
    let sum = Sha1::digest(&index);
    index.extend(sum);
}

/// A blob that is the same as others of its kind but for its end.
pub struct Blob {
    pub content: Vec<u8>,
    end: &'static [u8; 3],
}

impl Blob {
    pub fn new(end: &'static [u8; 3]) -> Self {
        let mut content = noise(1, 5000);
        content.extend(end);
        Self { content, end }
    }

    pub fn oid(&self) -> Oid {
        Oid::hash_object(ObjectType::Blob, &self.content).unwrap()
    }
}

/// Adds a pack that holds `base`, and `other` as a delta to it, which names it by its id or by its
/// distance. gitformat-pack(5).
pub fn blob_pack(repository: &Path, base: &Blob, other: &Blob, by_id: bool) {
    let mut pack = b"PACK\0\0\0\x02\0\0\0\x02".to_vec();
    let size = base.content.len();
    // Type 3, a blob; sizes of this kind take two bytes.
    pack.extend([
        3 << 4 | 128 | (size & 15) as u8,
        128 | (size >> 4 & 127) as u8,
    ]);
    pack.push((size >> 11) as u8);
    pack.extend(deflated(&base.content));
    let begin = pack.len();
    let same = size - 3;
    // Both sizes; copy from 0 so many bytes, of which there are two; add three.
    let mut delta = vec![];
    for _ in 0..2 {
        delta.extend([128 | (size & 127) as u8, (size >> 7) as u8]);
    }
    delta.extend([128 | 16 | 32, (same & 255) as u8, (same >> 8) as u8, 3]);
    delta.extend(other.end);
    let kind = if by_id { 7 } else { 6 };
    assert!(delta.len() < 16);
    pack.push(kind << 4 | delta.len() as u8);
    if by_id {
        pack.extend(base.oid().as_bytes());
    } else {
        let distance = begin - 12;
        pack.extend([128 | ((distance >> 7) - 1) as u8, (distance & 127) as u8]);
    }
    pack.extend(deflated(&delta));
    let sum = Sha1::digest(&pack);
    pack.extend(sum);
    let folder = repository.join("objects/pack");
    let mut indexer = git2::Indexer::new(None, &folder, 0, false).unwrap();
    indexer.write_all(&pack).unwrap();
    indexer.commit().unwrap();
}

pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(bytes).unwrap();
    deflate.finish().unwrap()
}
