use std::fs;

use proptest::prelude::*;

use super::*;

fn oid(digit: char) -> Oid {
    Oid::from_str(&digit.to_string().repeat(40)).unwrap()
}

fn value(digit: char) -> RefValue {
    RefValue {
        oid: oid(digit),
        peeled: None,
    }
}

#[test]
fn loose_refs_win_and_are_packed_without_loss() {
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("refs/heads");
    fs::create_dir_all(&heads).unwrap();
    fs::write(
        folder.path().join("packed-refs"),
        format!(
            "# pack-refs with: peeled \n{} refs/heads/a\n{} refs/tags/t\n^{}\n",
            oid('1'),
            oid('2'),
            oid('3')
        ),
    )
    .unwrap();
    fs::write(heads.join("a"), format!("{}\n", oid('4'))).unwrap();
    let stored = StoredRefs::read(folder.path()).unwrap();
    assert_eq!(stored.refs[&b"refs/heads/a"[..]].oid, oid('4'));
    assert_eq!(stored.refs[&b"refs/tags/t"[..]].peeled, Some(oid('3')));

    let new = Refs::from([(b"refs/heads/b".to_vec(), value('5'))]);
    replace_all(folder.path(), &stored, &new).unwrap();
    let stored = StoredRefs::read(folder.path()).unwrap();
    assert!(stored.loose.is_empty());
    assert_eq!(stored.refs, new);
}

#[test]
fn tags_of_what_libgit2_cannot_parse_are_peeled() {
    use git2::ObjectType::{Commit, Tag};

    let folder = tempfile::tempdir().unwrap();
    let repository = git2::Repository::init_bare(folder.path()).unwrap();
    let odb = repository.odb().unwrap();
    let tree = repository.treebuilder(None).unwrap().write().unwrap();
    let commit = format!("tree {tree}\nauthor John 1 +0000\ncommitter John 1 +0000\n\nx\n");
    let commit = odb.write(Commit, commit.as_bytes()).unwrap();
    assert!(repository.find_commit(commit).is_err());
    let tag = |of: Oid, kind: &str| {
        let tag = format!("object {of}\ntype {kind}\ntag t\n\nx\n");
        odb.write(Tag, tag.as_bytes()).unwrap()
    };
    let inner = tag(commit, "commit");
    let tags = [inner, tag(inner, "tag"), tag(oid('1'), "commit")];
    let refs = |oid| Refs::from([(b"refs/tags/t".to_vec(), RefValue { oid, peeled: None })]);
    for oid in &tags[..2] {
        let mut refs = refs(*oid);
        peel(&repository, &mut refs, &Refs::new()).unwrap();
        assert_eq!(refs[&b"refs/tags/t"[..]].peeled, Some(commit));
    }
    let failed = peel(&repository, &mut refs(tags[2]), &Refs::new()).unwrap_err();
    assert!(failed.message().contains(&tags[2].to_string()), "{failed}");
}

#[test]
fn damage_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("packed-refs"),
        format!("{} refs/heads/a\nnonsense\n", oid('1')),
    )
    .unwrap();
    let failure = StoredRefs::read(folder.path()).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Damaged);
    assert!(failure.message.contains("line 2"), "{failure}");
}

#[test]
fn head_is_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    write_head(folder.path(), b"refs/heads/trunk").unwrap();
    let head = read_head(folder.path()).unwrap();
    assert_eq!(head.unwrap(), b"refs/heads/trunk");
}

#[test]
fn names_follow_git() {
    for good in [
        "refs/heads/a",
        "refs/heads/ü/@/x-y_z",
        "refs/stash",
        "refs/heads/a.b",
    ] {
        assert!(is_valid_name(good.as_bytes()), "{good}");
    }
    for bad in [
        "HEAD",
        "refs",
        "refs/",
        "refs//a",
        "refs/a/",
        "refs/.a",
        "refs/a.lock",
        "refs/a..b",
        "refs/a b",
        "refs/a~1",
        "refs/a@{1}",
        "refs/a\\b",
        "refs/a.",
        "refs/a\n",
        "refs/\u{7f}",
    ] {
        assert!(!is_valid_name(bad.as_bytes()), "{bad}");
    }
}

proptest! {
    #[test]
    fn packed_refs_are_read_as_written(names in proptest::collection::btree_set("refs/[a-z/]{1,20}", 0..20)) {
        let refs: Refs = names
            .into_iter()
            .map(String::into_bytes)
            .filter(|name| is_valid_name(name))
            .enumerate()
            .map(|(n, name)| (name, RefValue { oid: oid('7'), peeled: (n % 2 == 0).then(|| oid('8')) }))
            .collect();
        let text = format_packed(&refs);
        prop_assert_eq!(parse_packed(&text, Path::new("packed-refs")).unwrap(), refs);
    }
}
