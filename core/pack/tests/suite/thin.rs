//! Packs that lean on objects that are elsewhere.

use std::fs;

use forgekeep_pack::Unsound;

use crate::hand::{Hand, blob_id, other_end, take_in};

const BASE: &[u8] = &[3; 5000];

#[test]
fn what_it_leans_on_is_added() {
    let next = [&BASE[..4997], b"one"].concat();
    let pack = Hand::new()
        .named(blob_id(BASE), &other_end(5000, b"one"))
        .on(0, &other_end(5000, b"two"))
        .named(blob_id(&next), &other_end(5000, b"three"))
        .done();
    let taken = take_in(&pack, 64, &[BASE, b"not needed"]).unwrap();
    assert!(taken.is_as_git_has_it());
    let listed = fs::read(taken.index()).unwrap();
    let count = u32::from_be_bytes(listed[8 + 255 * 4..][..4].try_into().unwrap());
    assert_eq!(count, 4);
    // The name is that of what it is now.
    let bytes = fs::read(taken.pack()).unwrap();
    assert_eq!(taken.checksum.as_bytes(), &bytes[bytes.len() - 20..]);
    assert_ne!(bytes[bytes.len() - 20..], pack[pack.len() - 20..]);
}

#[test]
fn a_base_that_is_smaller_than_the_trailer_leaves_nothing_of_it() {
    let pack = Hand::new().named(blob_id(b""), &[0, 1, 1, b'x']).done();
    let taken = take_in(&pack, 64, &[b""]).unwrap();
    assert!(taken.is_as_git_has_it());
}

#[test]
fn many_bases_are_added() {
    let contents: Vec<Vec<u8>> = (0..300_u32)
        .map(|at| [&vec![5; 90_000][..], &at.to_be_bytes()].concat())
        .collect();
    let pack = contents.iter().fold(Hand::new(), |pack, content| {
        pack.named(blob_id(content), &other_end(content.len(), b"end"))
    });
    let others: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let taken = take_in(&pack.done(), 4096, &others).unwrap();
    assert!(taken.is_as_git_has_it());
}

#[test]
fn a_base_that_is_nowhere_is_named() {
    let pack = Hand::new()
        .whole(b"something")
        .named(blob_id(BASE), &other_end(5000, b"one"))
        .done();
    let Err(Unsound::NoBase(oid)) = take_in(&pack, 64, &[]) else {
        panic!("it was taken in");
    };
    assert_eq!(oid, blob_id(BASE));
}
