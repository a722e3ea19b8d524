//! What hosters' own checks complain of in objects that old versions of git have written, and that a mirror
//! keeps: git-fsck(1), those of its errors that real repositories have. A server that checks what it is sent
//! refuses the whole push for one of them.

use git2::ObjectType;

/// Whether a check is likely to refuse an object, by its bytes.
pub fn is_suspect(kind: ObjectType, data: &[u8]) -> bool {
    match kind {
        ObjectType::Commit => !is_commit(data),
        ObjectType::Tag => !is_tag(data),
        ObjectType::Tree => !is_tree(data),
        _ => false,
    }
}

/// The lines of the head, up to the first that is empty.
fn head(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    data.split(|byte| *byte == b'\n')
        .take_while(|line| !line.is_empty())
}

fn is_commit(data: &[u8]) -> bool {
    let mut lines = head(data).skip_while(|line| line.starts_with(b"parent ") || is_id(line));
    let author = lines.next().and_then(|line| line.strip_prefix(b"author "));
    let committer = lines
        .next()
        .and_then(|line| line.strip_prefix(b"committer "));
    author.is_some_and(is_identity)
        && committer.is_some_and(is_identity)
        && !head(data).any(|line| line.contains(&0))
}

fn is_id(line: &[u8]) -> bool {
    line.starts_with(b"tree ")
}

fn is_tag(data: &[u8]) -> bool {
    let tagger = head(data).find_map(|line| line.strip_prefix(b"tagger "));
    // Old tags have none, which is no error.
    tagger.is_none_or(is_identity)
}

/// `Name <mail> seconds +zone`.
fn is_identity(line: &[u8]) -> bool {
    let Some(open) = line.iter().position(|byte| *byte == b'<') else {
        return false;
    };
    let (name, rest) = line.split_at(open);
    if name.contains(&b'>') || !(name.is_empty() || name.ends_with(b" ")) {
        return false;
    }
    let rest = rest.get(1..).unwrap_or_default();
    let Some(close) = rest.iter().position(|byte| matches!(byte, b'<' | b'>')) else {
        return false;
    };
    let Some(when) = rest.get(close..).and_then(|rest| rest.strip_prefix(b"> ")) else {
        return false;
    };
    let mut words = when.splitn(2, |byte| *byte == b' ');
    let (seconds, zone) = (words.next(), words.next());
    let is_number = |text: &[u8]| {
        let digits = text.iter().all(u8::is_ascii_digit);
        digits && (text == b"0" || !text.starts_with(b"0")) && (1..=18).contains(&text.len())
    };
    let is_zone = |text: &[u8]| {
        let (sign, digits) = text.split_at_checked(1).unwrap_or_default();
        matches!(sign, b"+" | b"-") && digits.len() == 4 && digits.iter().all(u8::is_ascii_digit)
    };
    seconds.is_some_and(is_number) && zone.is_some_and(is_zone)
}

fn is_tree(data: &[u8]) -> bool {
    let mut rest = data;
    let mut before: Option<Vec<u8>> = None;
    while !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == 0) else {
            return false;
        };
        let (entry, after) = rest.split_at(end);
        let Some(space) = entry.iter().position(|byte| *byte == b' ') else {
            return false;
        };
        let (mode, name) = (&entry[..space], &entry[space + 1..]);
        let lower = name.to_ascii_lowercase();
        if name.contains(&b'/') || matches!(&lower[..], b"" | b"." | b".." | b".git") {
            return false;
        }
        // As git sorts them: a folder as if a slash stood behind its name.
        let mut key = name.to_vec();
        if mode.ends_with(b"40000") {
            key.push(b'/');
        }
        if before.as_ref().is_some_and(|before| *before >= key) {
            return false;
        }
        before = Some(key);
        match after.get(21..) {
            Some(next) if after.get(1..21) != Some(&[0; 20]) => rest = next,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHO: &str = "Ada <ada@example.com> 1700000000 +0100";

    fn commit(author: &str) -> Vec<u8> {
        format!(
            "tree {0}\nparent {0}\nauthor {author}\ncommitter {WHO}\n\nm\n",
            "1".repeat(40)
        )
        .into_bytes()
    }

    fn entry(mode: &str, name: &str) -> Vec<u8> {
        [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20]].concat()
    }

    #[test]
    fn identities_that_old_tools_wrote_are_found() {
        for good in [WHO, "<> 0 +0000", "A B <a b> 1 -1130"] {
            assert!(!is_suspect(ObjectType::Commit, &commit(good)), "{good}");
        }
        for bad in [
            "Ada<ada@example.com> 1700000000 +0100",
            "Ada <ada@example.com 1700000000 +0100",
            "Ada <ada@example.com>1700000000 +0100",
            "Ada <ada@example.com> 01700000000 +0100",
            "Ada <ada@example.com> 1700000000 +100",
            "Ada <ada@example.com> 1700000000",
            "Ada > <ada@example.com> 1700000000 +0100",
            "",
        ] {
            assert!(is_suspect(ObjectType::Commit, &commit(bad)), "{bad}");
        }
        assert!(!is_suspect(
            ObjectType::Tag,
            b"object 1\ntype commit\ntag v1\n\nm\n"
        ));
        assert!(is_suspect(
            ObjectType::Tag,
            b"object 1\ntype commit\ntag v1\ntagger x\n\nm\n"
        ));
    }

    #[test]
    fn trees_are_in_order_and_name_nothing_odd() {
        let good = [
            entry("100644", "a.txt"),
            entry("100644", "b"),
            entry("40000", "c"),
            entry("100644", "c0"),
        ];
        assert!(!is_suspect(ObjectType::Tree, &good.concat()));
        assert!(!is_suspect(ObjectType::Tree, b""));
        let swapped = [entry("100644", "b"), entry("100644", "a")].concat();
        let twice = [entry("100644", "a"), entry("100644", "a")].concat();
        for bad in [
            swapped,
            twice,
            entry("100644", ".GIT"),
            entry("100644", ".."),
            entry("100644", "a/b"),
            entry("100644", ""),
            b"100644 a\0short".to_vec(),
        ] {
            assert!(is_suspect(ObjectType::Tree, &bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            for kind in [ObjectType::Commit, ObjectType::Tag, ObjectType::Tree] {
                let _ = is_suspect(kind, &data);
            }
        }
    }
}
