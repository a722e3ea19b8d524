//! Packs that are read in one go.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use forgekeep_failure::{Cancel, ErrorKind};
use forgekeep_pack::{PackIndex, Unsound, read_all, survey};
use git2::{ObjectType, Oid};
use parking_lot::Mutex;
use sha1::{Digest, Sha1};

use crate::scene::{Blob, Scene, blob_pack, deflated, replace, seal};

/// Whether a pack was read whole, and the ids of what was seen.
fn read(pack: &Path) -> (bool, BTreeSet<Oid>) {
    let index = PackIndex::open(&pack.with_extension("idx")).unwrap();
    let (seen, cancel) = (Mutex::new(BTreeSet::new()), Cancel::new());
    let Ok(survey) = survey(pack, &index, &cancel) else {
        return (false, BTreeSet::new());
    };
    let whole = read_all(
        &survey,
        u64::MAX,
        pack.parent().unwrap(),
        &cancel,
        |object| {
            // None of a large blob.
            if let Some(content) = object.content {
                assert_eq!(Oid::hash_object(object.kind, content).unwrap(), object.oid);
            }
            seen.lock().insert(object.oid)
        },
    );
    (whole.is_ok(), seen.into_inner())
}

#[test]
fn every_object_is_seen_once_with_its_content() {
    let scene = Scene::with_packs(9);
    scene.git(&scene.mirror, &["repack", "-adq", "--depth=50"]);
    let pack = &scene.packs()[0];
    let (whole, seen) = read(pack);
    assert!(whole);
    let objects = scene.objects();
    let ids = objects
        .iter()
        .map(|line| Oid::from_str(&line[..40]).unwrap());
    assert_eq!(seen, ids.collect());
}

#[test]
fn a_delta_that_names_its_base_by_id_is_resolved() {
    for by_id in [false, true] {
        let scene = Scene::new();
        let (base, other) = (Blob::new(b"one"), Blob::new(b"two"));
        blob_pack(&scene.mirror, &base, &other, by_id);
        let (whole, seen) = read(&scene.packs()[0]);
        assert!(whole);
        assert_eq!(seen, [base.oid(), other.oid()].into());
    }
}

#[test]
fn a_pack_in_which_anything_is_amiss_is_left_to_others() {
    let scene = Scene::with_packs(1);
    let pack = scene.packs().remove(0);
    let paths = [pack.clone(), pack.with_extension("idx")];
    let sound = paths.clone().map(|path| fs::read(path).unwrap());
    let length = sound[0].len();
    let mut whole = 0;
    for at in (12..length - 20).step_by(37) {
        let mut files = sound.clone();
        files[0][at] ^= 1;
        // The checksums are those of what is there now: only the objects can tell.
        seal(&mut files);
        replace(&paths, &files);
        whole += usize::from(read(&pack).0);
    }
    assert_eq!(whole, 0);
    replace(&paths, &sound);
    assert!(read(&pack).0);
}

#[test]
fn it_ends_where_it_is_told_to() {
    let scene = Scene::with_packs(1);
    let pack = &scene.packs()[0];
    let index = PackIndex::open(&pack.with_extension("idx")).unwrap();
    let (cancel, folder) = (Cancel::new(), pack.parent().unwrap());
    let survey = survey(pack, &index, &cancel).unwrap();
    let ended = read_all(&survey, u64::MAX, folder, &cancel, |_| false);
    assert!(matches!(ended, Err(Unsound::Invalid(_))));
    let ended = read_all(&survey, u64::MAX, folder, &cancel, |_| {
        cancel.cancel();
        true
    });
    let Err(Unsound::Failed(failure)) = ended else {
        panic!("it went on");
    };
    assert_eq!(failure.kind, ErrorKind::Cancelled);
}

/// A pack of a blob of 4 MiB and a chain of deltas, each the blob before with another last byte.
fn chain(repository: &Path, levels: u8) {
    const SIZE: usize = 4 << 20;
    let varint = |mut number: usize| {
        let mut bytes = Vec::new();
        while number > 127 {
            bytes.push(128 | (number & 127) as u8);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let entry = |kind: u8, size: usize| {
        let mut bytes = vec![kind << 4 | 128 | (size & 15) as u8];
        bytes.extend(varint(size >> 4));
        bytes
    };
    let mut pack = b"PACK\0\0\0\x02\0\0\0".to_vec();
    pack.push(levels + 1);
    let mut content = vec![0; SIZE];
    pack.extend(entry(3, SIZE));
    pack.extend(deflated(&content));
    let mut base = Oid::hash_object(ObjectType::Blob, &content).unwrap();
    for level in 1..=levels {
        let mut delta = [varint(SIZE), varint(SIZE)].concat();
        // Copies take at most three bytes of a length.
        let same = SIZE - 1;
        delta.extend([128 | 16 | 32 | 64]);
        delta.extend(&same.to_le_bytes()[..3]);
        delta.extend([1, level]);
        pack.extend(entry(7, delta.len()));
        pack.extend(base.as_bytes());
        pack.extend(deflated(&delta));
        *content.last_mut().unwrap() = level;
        base = Oid::hash_object(ObjectType::Blob, &content).unwrap();
    }
    let sum = Sha1::digest(&pack);
    pack.extend(sum);
    let folder = repository.join("objects/pack");
    let mut indexer = git2::Indexer::new(None, &folder, 0, false).unwrap();
    indexer.write_all(&pack).unwrap();
    indexer.commit().unwrap();
}

#[test]
fn a_long_chain_of_large_objects_is_read() {
    let scene = Scene::new();
    chain(&scene.mirror, 40);
    let pack = &scene.packs()[0];
    assert!(fs::metadata(pack).unwrap().len() < 100_000);
    let (whole, seen) = read(pack);
    assert!(whole);
    assert_eq!(seen.len(), 41);
}
