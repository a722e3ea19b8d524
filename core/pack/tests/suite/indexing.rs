//! What git has packed is indexed as git does it, byte for byte.

use crate::hand::{Hand, blob_id, git, git_with, other_end, repository, take_in};

#[test]
fn the_index_of_a_pack_is_the_one_that_git_makes() {
    let folder = repository(12);
    for arguments in [
        &[
            "pack-objects",
            "--stdout",
            "--all",
            "--delta-base-offset",
            "-q",
        ][..],
        // Deltas that name their bases by their ids.
        &["pack-objects", "--stdout", "--all", "-q"],
        &["pack-objects", "--stdout", "--all", "--depth=0", "-q"],
    ] {
        let pack = git_with(folder.path(), arguments, b"");
        for piece in [1, 7, 4096, pack.len()] {
            let taken = take_in(&pack, piece, &[]).unwrap();
            assert_eq!(taken.checksum.as_bytes(), &pack[pack.len() - 20..]);
            assert!(
                taken.is_as_git_has_it(),
                "{arguments:?} in pieces of {piece}"
            );
        }
    }
}

#[test]
fn objects_of_any_size_are_indexed() {
    let sizes = [0, 1, 15, 16, 65_535, 65_536, 65_537, 3_000_000];
    let pack = sizes.iter().fold(Hand::new(), |pack, size| {
        let content: Vec<u8> = (0..*size).map(|at| (at / 7) as u8).collect();
        pack.whole(&content)
    });
    let taken = take_in(&pack.done(), 65_515, &[]).unwrap();
    assert!(taken.is_as_git_has_it());
}

#[test]
fn a_large_object_is_a_base_by_its_place_and_by_its_id() {
    let content = vec![7; 2_000_000];
    let size = content.len();
    let next = [&content[..size - 3], b"one"].concat();
    let pack = Hand::new()
        .whole(&content)
        .on(0, &other_end(size, b"one"))
        .named(blob_id(&content), &other_end(size, b"two"))
        .named(blob_id(&next), &other_end(size, b"three"))
        .done();
    let taken = take_in(&pack, 1 << 20, &[]).unwrap();
    assert!(taken.is_as_git_has_it());
}

#[test]
fn a_base_by_its_id_may_come_later_and_twice() {
    let content = vec![9; 1000];
    let base = blob_id(&content);
    let later = Hand::new()
        .named(base, &other_end(1000, b"one"))
        .whole(&content)
        .done();
    let taken = take_in(&later, 100, &[]).unwrap();
    assert!(taken.is_as_git_has_it());
    let twice = Hand::new()
        .whole(&content)
        .named(base, &other_end(1000, b"one"))
        .whole(&content)
        .done();
    assert!(take_in(&twice, 100, &[]).is_ok());
}

#[test]
fn a_pack_without_objects_is_none() {
    let taken = take_in(&Hand::new().done(), 5, &[]).unwrap();
    assert!(taken.checksum.is_zero());
    assert!(!taken.index().exists());
}

#[test]
fn git_finds_nothing_wrong_with_what_was_indexed() {
    let folder = repository(5);
    let pack = git_with(
        folder.path(),
        &["pack-objects", "--stdout", "--all", "-q"],
        b"",
    );
    let taken = take_in(&pack, 1000, &[]).unwrap();
    git(
        folder.path(),
        &["verify-pack", taken.index().to_str().unwrap()],
    );
}
