//! What an object names: the rest of a history hangs on it.
//!
//! Read from the bytes and not by libgit2's parsers, which refuse what old versions of git have
//! written: a mirror has to hold what upstream has.

use std::collections::HashSet;

use git2::{ObjectType, Odb, Oid};

use crate::memory::exactly;

/// An object that another one names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub oid: Oid,
    /// Whether it names nothing itself.
    pub is_blob: bool,
    /// Whether it is the tree of a commit: no commit is below it.
    pub is_tree: bool,
}

/// Mode of an entry that is a commit of another repository, which is not here.
const GITLINK: &[u8] = b"160000";

/// `Oid::from_str` takes abbreviations; a ref never is one.
pub fn parse_oid(text: &str) -> Option<Oid> {
    (text.len() == 40)
        .then(|| Oid::from_str(text).ok())
        .flatten()
}

/// Visits what an object names. `None` if its bytes have no such form; then some were visited.
pub fn links(kind: ObjectType, data: &[u8], visit: &mut dyn FnMut(Link)) -> Option<()> {
    let mut see = |oid, is_blob, is_tree| {
        visit(Link {
            oid,
            is_blob,
            is_tree,
        });
    };
    match kind {
        ObjectType::Commit => {
            let mut lines = data.split(|byte| *byte == b'\n');
            see(named(lines.next()?, b"tree ")?, false, true);
            for line in lines.take_while(|line| line.starts_with(b"parent ")) {
                see(named(line, b"parent ")?, false, false);
            }
            Some(())
        }
        ObjectType::Tag => {
            let mut lines = data.split(|byte| *byte == b'\n');
            let oid = named(lines.next()?, b"object ")?;
            let kind = lines.next()?.strip_prefix(b"type ")?;
            see(oid, kind == b"blob", kind == b"tree");
            Some(())
        }
        ObjectType::Tree => {
            let mut rest = data;
            while !rest.is_empty() {
                let end = rest.iter().position(|byte| *byte == 0)?;
                let space = rest[..end].iter().position(|byte| *byte == b' ')?;
                let (entry, after) = rest.split_at_checked(end + 21)?;
                let oid = Oid::from_bytes(entry.get(end + 1..)?).ok()?;
                // Old versions of git have padded them.
                let padding = entry[..space].iter().take_while(|byte| **byte == b'0');
                let mode = entry.get(padding.count()..space)?;
                if mode != GITLINK {
                    let is_tree = mode == b"40000";
                    see(oid, !is_tree, is_tree);
                }
                rest = after;
            }
            Some(())
        }
        _ => Some(()),
    }
}

/// What a tag peels to, by the bytes. Nothing of `unreadable` is read: libgit2 may not come back.
pub fn peeled(database: &Odb<'_>, tag: Oid, unreadable: &HashSet<Oid>) -> Option<Oid> {
    let mut oid = tag;
    // A tag of tags has an end: each names one that was there before it.
    loop {
        if unreadable.contains(&oid) {
            return None;
        }
        // Its header alone: it may be a blob that is larger than memory.
        if database.read_header(oid).ok()?.1 != ObjectType::Tag {
            return Some(oid);
        }
        let object = exactly(|| database.read(oid)).ok()?;
        let mut next = None;
        links(ObjectType::Tag, object.data(), &mut |link| {
            next = Some(link.oid)
        })?;
        oid = next?;
    }
}

/// The date of a commit and its parents, by its bytes.
pub fn commit(odb: &Odb<'_>, oid: Oid) -> Option<(i64, Vec<Oid>)> {
    if odb.read_header(oid).ok()?.1 != ObjectType::Commit {
        return None;
    }
    let object = exactly(|| odb.read(oid)).ok()?;
    let mut parents = Vec::new();
    links(ObjectType::Commit, object.data(), &mut |link| {
        if !link.is_tree {
            parents.push(link.oid);
        }
    })?;
    Some((date(object.data()), parents))
}

/// When a commit was made; 0 if it does not say so in git's form.
fn date(commit: &[u8]) -> i64 {
    let mut lines = commit
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.is_empty());
    let line = lines.find_map(|line| line.strip_prefix(b"committer "));
    let seconds = line.and_then(|line| {
        let after = line.rsplit(|byte| *byte == b'>').next()?;
        let text = std::str::from_utf8(after).ok()?;
        text.split_ascii_whitespace().next()?.parse().ok()
    });
    seconds.unwrap_or(0)
}

fn named(line: &[u8], field: &[u8]) -> Option<Oid> {
    let oid = line.strip_prefix(field)?;
    parse_oid(std::str::from_utf8(oid).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn all(kind: ObjectType, data: &[u8]) -> Option<Vec<(String, bool)>> {
        let mut all = Vec::new();
        links(kind, data, &mut |link| {
            all.push((link.oid.to_string(), link.is_blob));
        })?;
        Some(all)
    }

    #[test]
    fn commits_and_tags_name_what_they_are_about() {
        let commit = format!("tree {ONE}\nparent {TWO}\nauthor A\n\nparent {ONE}\n");
        let found = all(ObjectType::Commit, commit.as_bytes()).unwrap();
        assert_eq!(found, [(ONE.to_owned(), false), (TWO.to_owned(), false)]);
        let tag = format!("object {ONE}\ntype blob\ntag x\n");
        let found = all(ObjectType::Tag, tag.as_bytes()).unwrap();
        assert_eq!(found, [(ONE.to_owned(), true)]);
        assert_eq!(all(ObjectType::Commit, b"tree 12"), None);
    }

    #[test]
    fn a_commit_of_another_repository_is_not_missed() {
        let mut tree = b"100644 a\0".to_vec();
        tree.extend([0x11; 20]);
        tree.extend(b"160000 sub\0");
        tree.extend([0x33; 20]);
        tree.extend(b"40000 folder\0");
        tree.extend([0x22; 20]);
        let found = all(ObjectType::Tree, &tree).unwrap();
        assert_eq!(found, [(ONE.to_owned(), true), (TWO.to_owned(), false)]);
        assert_eq!(all(ObjectType::Tree, &tree[..tree.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [ObjectType::Commit, ObjectType::Tree, ObjectType::Tag, ObjectType::Blob] {
                let _ = all(kind, &data);
            }
        }
    }
}
