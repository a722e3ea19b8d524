//! Packs that are damaged or lie, and files that were made to collide.

use forgekeep_pack::{IdHasher, Unsound};

use crate::hand::{Hand, deflated, git_with, other_end, repository, take_in, take_in_within};

#[test]
fn no_flipped_bit_and_no_cut_goes_unseen() {
    let folder = repository(3);
    let all = [
        "pack-objects",
        "--stdout",
        "--all",
        "--delta-base-offset",
        "-q",
    ];
    let pack = git_with(folder.path(), &all, b"");
    for at in (0..pack.len()).step_by(23) {
        let mut bad = pack.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(take_in(&bad, 1000, &[]).is_err(), "a bit of byte {at}");
        assert!(take_in(&pack[..at], 1000, &[]).is_err(), "cut at {at}");
    }
    let longer = [&pack[..], b"x"].concat();
    assert!(take_in(&longer, 1000, &[]).is_err());
}

#[test]
fn an_entry_that_lies_about_its_size_is_refused() {
    for says in [0, 9, 11, 100_000] {
        let pack = Hand::new().lying(says, &[1; 10]).done();
        for piece in [1, 3, 1000] {
            assert!(matches!(
                take_in(&pack, piece, &[]),
                Err(Unsound::Invalid(_))
            ));
        }
    }
}

#[test]
fn a_delta_that_does_not_fit_is_refused() {
    let whole = || Hand::new().whole(&[1; 1000]);
    for delta in [
        &other_end(999, b"x")[..],
        &other_end(1001, b"x"),
        &[],
        &[0xff; 12],
        &[0xe8, 7, 4, 0],
        // A result of 4 GiB from nothing.
        &[0xe8, 7, 0x80, 0x80, 0x80, 0x80, 0x10],
    ] {
        let pack = whole().on(0, delta).done();
        assert!(
            take_in_within(&pack, 1000, &[], 1 << 30).is_err(),
            "{delta:?}"
        );
    }
}

#[test]
fn more_objects_than_it_says_and_fewer_are_refused() {
    let mut pack = Hand::new().whole(b"one").whole(b"two").done();
    for count in [0, 1, 3, u8::MAX] {
        pack[11] = count;
        assert!(take_in(&pack, 1000, &[]).is_err());
    }
}

#[test]
fn what_has_to_be_held_is_refused_above_the_limit() {
    let whole = vec![0; 100_000];
    let alone = Hand::new().whole(&whole).done();
    assert!(take_in_within(&alone, 1000, &[], 99_999).is_ok());
    let base = Hand::new()
        .whole(&whole)
        .on(0, &other_end(whole.len(), b"end"))
        .done();
    assert!(take_in_within(&base, 1000, &[], 100_000).is_ok());
    let refused = take_in_within(&base, 1000, &[], 99_999);
    assert!(matches!(refused, Err(Unsound::TooLarge(100_000))));
}

#[test]
fn any_bytes_behind_a_header_are_survived() {
    let mut state = 1_u64;
    for round in 0..300 {
        let mut bytes = b"PACK\0\0\0\x02\0\0\0\x05".to_vec();
        for _ in 0..round {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            bytes.push((state >> 40) as u8);
        }
        if round % 3 == 0 {
            bytes.extend(deflated(b"something"));
        }
        assert!(take_in(&bytes, 1 + round, &[]).is_err());
    }
}

/// What the two PDF files of <https://shattered.io> begin with: from there on they have the same state of SHA-1.
const PREFIX: &str = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c656e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561642121212121852fec092339759c39b1a1c63c4c97e1fffe01";
const BLOCKS: [&str; 2] = [
    "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e972722fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21566461309789606bd0bf3f98cda8044629a1",
    "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac22fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c76215660dd309791d06bd0af3f98cda4bc4629b1",
];

#[test]
fn files_that_were_made_to_collide_have_no_id() {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digits).collect()
    };
    let id = |content: &[u8]| {
        let mut hasher = IdHasher::with_header();
        for piece in content.chunks(50) {
            hasher.update(piece);
        }
        hasher.finish()
    };
    for blocks in BLOCKS {
        let file = [bytes(PREFIX), bytes(blocks)].concat();
        assert_eq!(id(&file), None);
        assert!(id(&file[..256]).is_some());
    }
}
