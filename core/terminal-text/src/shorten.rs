use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::width;

/// What stands for what is left out.
const GAP: &str = "…";

/// A name that is at most so wide: of one that is wider, begin and end are shown, which tell most names apart.
/// What a reader takes for one character stays whole.
pub fn shorten(name: &str, most: usize) -> Cow<'_, str> {
    if width(name) <= most {
        return Cow::Borrowed(name);
    }
    let Some(room) = most.checked_sub(width(GAP)) else {
        return Cow::Borrowed("");
    };
    let tail_room = room / 2;
    let head = end_of(name.graphemes(true), room - tail_room);
    let tail = end_of(name.graphemes(true).rev(), tail_room);
    // Each was measured by itself, and both together are no longer than what is too wide.
    let head = &name[..head];
    let tail = &name[name.len() - tail..];
    Cow::Owned(format!("{head}{GAP}{tail}"))
}

/// Bytes of as many of these as fit.
fn end_of<'g>(graphemes: impl Iterator<Item = &'g str>, room: usize) -> usize {
    let (mut wide, mut bytes) = (0, 0);
    for grapheme in graphemes {
        wide += width(grapheme);
        if wide > room {
            break;
        }
        bytes += grapheme.len();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn begin_and_end_are_shown() {
        for (name, most, shown) in [
            ("acme/web", 8, "acme/web"),
            ("acme/website", 8, "acme…ite"),
            ("acme/website", 7, "acm…ite"),
            ("acme/website", 2, "a…"),
            ("acme/website", 1, "…"),
            ("acme/website", 0, ""),
            // Two columns each.
            ("倉庫倉庫", 6, "倉…庫"),
            ("倉庫倉庫", 5, "倉…庫"),
            ("倉庫倉庫", 4, "倉…"),
            ("倉庫倉庫", 2, "…"),
            // A letter and its accent; people joined to a family.
            ("e\u{301}e\u{301}e\u{301}e\u{301}", 3, "e\u{301}…e\u{301}"),
            (
                "👨\u{200d}👩\u{200d}👧👨\u{200d}👩\u{200d}👧👨\u{200d}👩\u{200d}👧",
                5,
                "👨\u{200d}👩\u{200d}👧…👨\u{200d}👩\u{200d}👧",
            ),
        ] {
            assert_eq!(shorten(name, most), shown, "{name} in {most}");
        }
    }

    proptest! {
        #[test]
        fn it_fits_and_is_made_of_what_was_there(name in "[a-z倉é/👩\u{301}\u{200d}-]{0,40}", most in 0usize..30) {
            let shown = shorten(&name, most);
            prop_assert!(width(&shown) <= most, "{shown}");
            if width(&name) <= most {
                prop_assert_eq!(&shown, &name);
            } else if let Some((head, tail)) = shown.split_once(GAP) {
                prop_assert!(name.starts_with(head) && name.ends_with(tail), "{shown}");
                // No grapheme was cut.
                let all: Vec<_> = name.graphemes(true).collect();
                let heads: Vec<_> = head.graphemes(true).collect();
                let tails: Vec<_> = tail.graphemes(true).collect();
                prop_assert_eq!(&all[..heads.len()], &heads[..]);
                prop_assert_eq!(&all[all.len() - tails.len()..], &tails[..]);
            }
        }
    }
}
