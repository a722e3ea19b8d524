//! Where `HEAD` of a mirror shall point.
//!
//! Of branches, the hoster's listing knows best which one is the default. A `HEAD` that is no ordinary
//! branch, though, is kept as `git clone --mirror` keeps it: detached at its commit, also where
//! upstream's points to a tag or to a ref elsewhere, which git finds strange.

use forgekeep_git::refs::{self, RefName, RefValue};
use forgekeep_protocol::Advertisement;
use forgekeep_untrusted::Untrusted;

const BRANCHES: &[u8] = b"refs/heads/";

/// The branch that git takes for the default one if it is not told.
const GUESS: &[u8] = b"refs/heads/master";

/// Where `HEAD` shall point: to the commit that upstream's is at if that is no branch, else to the
/// default branch that the hoster names, else to the one that its git server names. `None` leaves it as it is,
/// which is `present`.
pub(super) fn wanted_head(
    default_branch: Option<&Untrusted>,
    advertisement: &Advertisement,
    present: impl FnOnce() -> Option<RefName>,
) -> Option<RefName> {
    let exists = |name: &RefName| advertisement.refs.contains_key(name);
    let is_at = |name: &[u8]| {
        let value = advertisement.refs.get(name);
        value.is_some_and(|value| Some(value.oid) == advertisement.head_oid)
    };
    let named = default_branch.map(|branch| format!("refs/heads/{}", branch.raw()).into_bytes());
    let named = named.filter(|name| refs::is_valid_name(name));
    let advertised = advertisement.head.clone();
    if let Some(name) = &advertised
        && let Some(value) = advertisement.refs.get(name)
    {
        return match name.starts_with(BRANCHES) {
            true => named.filter(exists).or(advertised),
            false => Some(at(value)),
        };
    }
    let Some(oid) = advertisement.head_oid else {
        // Unborn: its HEAD points somewhere all the same, which few servers tell.
        let born = named.clone().filter(exists);
        return born.or(advertised).or(named);
    };
    // Old servers do not say which branch it is; git guesses, too, if it may be one.
    let mut branches = advertisement.refs.keys();
    let first = branches.find(|name| name.starts_with(BRANCHES) && is_at(name));
    let Some(first) = first.cloned() else {
        let peeled = advertisement.head_peeled;
        return Some(at(&RefValue { oid, peeled }));
    };
    let is_branch = |name: &RefName| name.starts_with(BRANCHES) && is_at(name);
    if named.as_ref().is_some_and(exists) {
        return named;
    }
    let present = present().filter(is_branch);
    let guess = is_at(GUESS).then(|| GUESS.to_vec());
    present.or(guess).or(Some(first))
}

/// `HEAD` detached at the commit of a ref.
fn at(value: &RefValue) -> RefName {
    refs::detached_at(value.peeled.unwrap_or(value.oid))
}

#[cfg(test)]
mod tests {
    use forgekeep_git::refs::{RefValue, parse_oid};
    use git2::Oid;

    use super::*;

    fn oid(digit: char) -> Oid {
        parse_oid(&digit.to_string().repeat(40)).unwrap()
    }

    fn advertised(refs: &[(&str, char)], head: Option<&str>, at: Option<char>) -> Advertisement {
        let value = |digit| RefValue {
            oid: oid(digit),
            peeled: None,
        };
        Advertisement {
            refs: refs
                .iter()
                .map(|(name, digit)| (name.as_bytes().to_vec(), value(*digit)))
                .collect(),
            head: head.map(|name| name.as_bytes().to_vec()),
            head_oid: at.map(oid),
            ..Advertisement::default()
        }
    }

    #[track_caller]
    fn assert_head(
        default: Option<&str>,
        present: Option<&str>,
        advertised: &Advertisement,
        wanted: Option<&str>,
    ) {
        let present = || present.map(|name| name.as_bytes().to_vec());
        let default = default.map(Untrusted::from);
        let head = wanted_head(default.as_ref(), advertised, present);
        let head = head.map(|head| String::from_utf8(head).unwrap());
        assert_eq!(head.as_deref(), wanted);
    }

    const REFS: [(&str, char); 4] = [
        ("refs/heads/a", '1'),
        ("refs/heads/main", '1'),
        ("refs/heads/old", '2'),
        ("refs/tags/v1", '3'),
    ];

    #[test]
    fn the_listing_says_which_branch_is_the_default() {
        let known = advertised(&REFS, Some("refs/heads/main"), Some('1'));
        assert_head(Some("old"), None, &known, Some("refs/heads/old"));
        assert_head(Some("gone"), None, &known, Some("refs/heads/main"));
        assert_head(None, None, &known, Some("refs/heads/main"));
    }

    #[test]
    fn a_head_that_is_no_branch_stays_what_it_is() {
        let tag = advertised(&REFS, Some("refs/tags/v1"), Some('3'));
        assert_head(Some("main"), None, &tag, Some(&"3".repeat(40)));
        let detached = "4".repeat(40);
        for head in [None, Some("refs/hidden/x")] {
            let hidden = advertised(&REFS, head, Some('4'));
            assert_head(Some("main"), None, &hidden, Some(&detached));
        }
        let only = advertised(&[], None, Some('4'));
        assert_head(Some("main"), None, &only, Some(&detached));
    }

    #[test]
    fn a_server_that_says_nothing_of_symbolic_refs_moves_nothing() {
        let silent = advertised(&REFS, None, Some('1'));
        let main = Some("refs/heads/main");
        assert_head(Some("main"), None, &silent, main);
        assert_head(None, main, &silent, main);
        assert_head(None, None, &silent, Some("refs/heads/a"));
        let unborn = advertised(&REFS, None, None);
        assert_head(None, main, &unborn, None);
        assert_head(Some("next"), main, &unborn, Some("refs/heads/next"));
    }
}
