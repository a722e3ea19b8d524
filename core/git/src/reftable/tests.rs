use std::fs;

use proptest::prelude::*;

use super::table::{Error, records};
use super::*;

fn oid(digit: u8) -> Oid {
    Oid::from_bytes(&[digit; 20]).unwrap()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7f) as u8];
    while value >= 128 {
        value = (value >> 7) - 1;
        bytes.insert(0, 0x80 | (value & 0x7f) as u8);
    }
    bytes
}

fn record(last: &[u8], name: &[u8], value: Option<&Value>) -> Vec<u8> {
    let prefix = last.iter().zip(name).take_while(|(a, b)| a == b).count();
    let mut bytes = varint(prefix);
    let kind = match value {
        None => 0,
        Some(Value::Object(_, None)) => 1,
        Some(Value::Object(_, Some(_))) => 2,
        Some(Value::Symbolic(_)) => 3,
    };
    bytes.extend(varint((name.len() - prefix) << 3 | kind));
    bytes.extend(&name[prefix..]);
    bytes.push(0);
    match value {
        None => {}
        Some(Value::Object(oid, peeled)) => {
            bytes.extend(oid.as_bytes());
            bytes.extend(peeled.iter().flat_map(|oid| oid.as_bytes().to_vec()));
        }
        Some(Value::Symbolic(target)) => {
            bytes.extend(varint(target.len()));
            bytes.extend(target);
        }
    }
    bytes
}

fn uint24(value: usize) -> [u8; 3] {
    let [.., a, b, c] = value.to_be_bytes();
    [a, b, c]
}

/// A table with so many refs in a block; each block begins a new prefix.
fn table(version: u8, in_block: usize, refs: &[(&[u8], Option<Value>)]) -> Vec<u8> {
    let mut header = b"REFT".to_vec();
    header.push(version);
    header.extend(uint24(4096));
    header.extend([0; 16]);
    if version == 2 {
        header.extend(b"sha1");
    }
    let mut file = header.clone();
    for (index, block) in refs.chunks(in_block).enumerate() {
        let start = if index == 0 { 0 } else { file.len() };
        let restart = file.len() + 4 - start;
        let mut body = Vec::new();
        let mut last: &[u8] = b"";
        for (name, value) in block {
            body.extend(record(last, name, value.as_ref()));
            last = name;
        }
        body.extend(uint24(restart));
        body.extend([0, 1]);
        let length = file.len() + 4 + body.len() - start;
        file.push(b'r');
        file.extend(uint24(length));
        file.extend(body);
        if refs.len() > (index + 1) * in_block {
            file.resize(start + 4096, 0);
        }
    }
    seal(&mut file, &header);
    file
}

fn seal(file: &mut Vec<u8>, header: &[u8]) {
    let mut footer = header.to_vec();
    footer.extend([0; 40]);
    let mut crc = flate2::Crc::new();
    crc.update(&footer);
    file.extend(&footer);
    file.extend(crc.sum().to_be_bytes());
}

#[test]
fn records_of_every_kind_are_read_from_any_block() {
    let refs: Vec<(&[u8], Option<Value>)> = vec![
        (b"HEAD", Some(Value::Symbolic(b"refs/heads/main".to_vec()))),
        (b"refs/heads/gone", None),
        (b"refs/heads/main", Some(Value::Object(oid(1), None))),
        (b"refs/tags/v1", Some(Value::Object(oid(2), Some(oid(3))))),
    ];
    let wanted: Vec<_> = refs
        .iter()
        .map(|(name, value)| (name.to_vec(), value.clone()))
        .collect();
    for version in [1, 2] {
        for in_block in [1, 3, 4] {
            let bytes = table(version, in_block, &refs);
            assert_eq!(records(&bytes).unwrap(), wanted, "{version} {in_block}");
        }
    }
    assert_eq!(records(&table(1, 1, &[])).unwrap(), []);
}

#[test]
fn every_flip_in_the_frame_is_seen() {
    let refs: Vec<(&[u8], Option<Value>)> =
        vec![(b"refs/heads/main", Some(Value::Object(oid(1), None)))];
    let good = table(1, 1, &refs);
    let frame = (0..28).chain(good.len() - 68..good.len());
    for at in frame {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(records(&bad).is_err(), "{at}");
    }
    for length in 0..good.len() {
        assert!(records(&good[..length]).is_err(), "{length}");
    }
    let mut other = table(2, 1, &refs);
    other[24..28].copy_from_slice(b"s256");
    assert_eq!(records(&other), Err(Error::OtherIds));
}

#[test]
fn later_tables_count_and_take_back() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join(FOLDER);
    fs::create_dir(&tables).unwrap();
    let old: Vec<(&[u8], Option<Value>)> = vec![
        (b"refs/heads/a", Some(Value::Object(oid(1), None))),
        (b"refs/heads/b", Some(Value::Object(oid(2), None))),
    ];
    let new: Vec<(&[u8], Option<Value>)> = vec![
        (b"refs/heads/a", None),
        (b"refs/heads/b", Some(Value::Object(oid(3), None))),
    ];
    fs::write(tables.join("1.ref"), table(1, 9, &old)).unwrap();
    fs::write(tables.join("2.ref"), table(2, 9, &new)).unwrap();
    fs::write(tables.join(LIST), "1.ref\n2.ref\n").unwrap();
    let stack = read(folder.path()).unwrap();
    let wanted = Stack::from([(b"refs/heads/b".to_vec(), Value::Object(oid(3), None))]);
    assert_eq!(stack, wanted);
    for bad in ["../1.ref", "/etc/passwd", ".x", "3.ref", "a b"] {
        fs::write(tables.join(LIST), format!("1.ref\n{bad}\n")).unwrap();
        let failure = read(folder.path()).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Damaged, "{bad}");
    }
    fs::write(tables.join(LIST), "").unwrap();
    assert_eq!(read(folder.path()).unwrap(), Stack::new());
}

proptest! {
    /// Whatever stands between header and footer.
    #[test]
    fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..200), first in any::<bool>()) {
        let mut header = b"REFT\x01\0\0\0".to_vec();
        header.extend([0; 16]);
        let mut file = header.clone();
        if first {
            file.push(b'r');
            file.extend(uint24(28 + body.len()));
        }
        file.extend(body);
        seal(&mut file, &header);
        let _ = records(&file);
    }

    /// A sound table with any bytes of its blocks, of its header and of its footer changed, and sealed
    /// again: what a checksum does not find.
    #[test]
    fn any_change_to_a_table_is_survived(
        in_block in 1_usize..5,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..12),
        sections in proptest::array::uniform5(prop_oneof![Just(0_u64), 0..10_000_u64, any::<u64>()]),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let refs: Vec<(&[u8], Option<Value>)> = vec![
            (b"HEAD", Some(Value::Symbolic(b"refs/heads/main".to_vec()))),
            (b"refs/heads/gone", None),
            (b"refs/heads/main", Some(Value::Object(oid(1), None))),
            (b"refs/tags/v1", Some(Value::Object(oid(2), Some(oid(3))))),
        ];
        let mut file = table(1, in_block, &refs);
        file.truncate(file.len() - 68);
        if let Some(cut) = cut {
            file.truncate(24 + cut.index(file.len() - 23));
        }
        for (at, byte) in changes {
            // Magic and version are looked at first.
            let at = 5 + at.index(file.len() - 5);
            file[at] = byte;
        }
        let mut footer = file[..24].to_vec();
        footer.extend(sections.iter().flat_map(|at| at.to_be_bytes()));
        let mut crc = flate2::Crc::new();
        crc.update(&footer);
        file.extend(&footer);
        file.extend(crc.sum().to_be_bytes());
        let _ = records(&file);
    }

    #[test]
    fn names_and_ids_are_read_as_written(names in proptest::collection::btree_set("refs/[a-c/]{1,300}", 1..20), in_block in 1_usize..9) {
        let names: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
        let refs: Vec<(&[u8], Option<Value>)> = names
            .iter()
            .map(|name| (&name[..], Some(Value::Object(oid(7), None))))
            .collect();
        let bytes = table(1, in_block, &refs);
        let read: Vec<Vec<u8>> = records(&bytes).unwrap().into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(read, names);
    }
}
