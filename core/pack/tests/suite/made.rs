//! One object, made from its base and its deltas.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use forgekeep_failure::Cancel;
use forgekeep_pack::{PackIndex, Unsound, make};

use crate::hand::{git, repository};

fn packed() -> (tempfile::TempDir, PathBuf, PackIndex) {
    let folder = repository(8);
    git(folder.path(), &["repack", "-a", "-d", "-f", "-q"]);
    let all = fs::read_dir(folder.path().join(".git/objects/pack")).unwrap();
    let all = all.map(|entry| entry.unwrap().path());
    let index = all.filter(|path| path.extension().is_some_and(|ending| ending == "idx"));
    let index = index.collect::<Vec<_>>().remove(0);
    let opened = PackIndex::open(&index).unwrap();
    (folder, index.with_extension("pack"), opened)
}

fn content(pack: &Path, index: &PackIndex, oid: git2::Oid, most: u64) -> Result<Vec<u8>, Unsound> {
    let folder = pack.parent().unwrap();
    let made = make(pack, index, oid, folder, most, &Cancel::new())?;
    let mut made = made.unwrap();
    let mut all = Vec::new();
    made.read_to_end(&mut all).unwrap();
    assert_eq!(made.size(), all.len() as u64);
    Ok(all)
}

#[test]
fn each_object_is_the_one_that_git_reads() {
    let (folder, pack, index) = packed();
    let listed = git(
        folder.path(),
        &["verify-pack", "-v", pack.to_str().unwrap()],
    );
    let deltas = String::from_utf8(listed).unwrap();
    let deltas = deltas
        .lines()
        .filter(|line| line.split_whitespace().count() == 7);
    assert!(deltas.count() > 10);
    for (oid, _) in index.iter() {
        let id = oid.to_string();
        let kind = git(folder.path(), &["cat-file", "-t", &id]);
        let kind = String::from_utf8(kind).unwrap();
        let read = git(folder.path(), &["cat-file", kind.trim(), &id]);
        assert!(
            content(&pack, &index, oid, 1 << 20).unwrap() == read,
            "{id}"
        );
    }
    let nobody = git2::Oid::from_str(&"1".repeat(40)).unwrap();
    let made = make(
        &pack,
        &index,
        nobody,
        folder.path(),
        1 << 20,
        &Cancel::new(),
    );
    assert!(made.unwrap().is_none());
}

#[test]
fn what_is_larger_than_allowed_or_another_object_is_refused() {
    let (_folder, pack, index) = packed();
    let large = |oid| matches!(content(&pack, &index, oid, 100), Err(Unsound::TooLarge(_)));
    assert!(index.iter().any(|(oid, _)| large(oid)));
    let mut bytes = fs::read(&pack).unwrap();
    let (oid, offset) = index.iter().max_by_key(|(_, offset)| *offset).unwrap();
    let at = usize::try_from(offset).unwrap() + 8;
    bytes[at] ^= 0x10;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    assert!(content(&pack, &index, oid, 1 << 20).is_err());
    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled = make(&pack, &index, oid, pack.parent().unwrap(), 1 << 20, &cancel);
    assert!(matches!(cancelled, Err(Unsound::Failed(_))));
}
