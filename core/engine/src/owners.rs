//! Who the repositories of a source belong to.
//!
//! A name can be given up and taken by somebody else; then what is listed under it is another's. So
//! the identity of each owner is kept for each source. Another identity under a name that is known
//! ends the source before anything is planned. An owner that is listed no more is told of, and what
//! is in the backup of it is not taken for gone: one credential may just not see it any longer.

use std::collections::BTreeMap;

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::Repository;
use forgekeep_untrusted::Untrusted;

/// Owners of a source, by their identity, with their names.
pub(crate) type Owners = BTreeMap<String, String>;

/// Owners that are remembered of a source. Beyond, new ones are not.
const MOST: usize = 10_000;

/// Most bytes of an identity or a name that is remembered.
const MAX_TEXT: usize = 512;

/// The owners of what is listed. One without an identity or a name is nobody.
pub(crate) fn of(repositories: &[Repository]) -> Owners {
    let fits = |text: &Untrusted| (1..=MAX_TEXT).contains(&text.len());
    let owners = repositories.iter().map(|repository| &repository.owner);
    owners
        .filter(|owner| fits(&owner.id) && fits(&owner.name))
        .take(MOST)
        .map(|owner| (owner.id.raw().to_owned(), owner.name.raw().to_owned()))
        .collect()
}

/// A name that has another owner than before. Hosters do not tell names by their case.
pub(crate) fn replaced(known: &Owners, now: &Owners) -> Option<Failure> {
    for (id, name) in now.iter().filter(|(id, _)| !known.contains_key(*id)) {
        let is_same = |(_, known): &(&String, &String)| known.to_lowercase() == name.to_lowercase();
        let Some((old, _)) = known.iter().find(is_same) else {
            continue;
        };
        let shown = |text: &str| Untrusted::new(text).printable();
        let message = format!(
            "{} is another owner than before: its id was {}, and is {}",
            shown(name),
            shown(old),
            shown(id)
        );
        return Some(Failure::new(ErrorKind::Shortfall, message).with_hint(
            "somebody may have taken the name after it was given up: nothing was cloned, and nothing is treated as deleted; if it was made anew by you, run once with --accept-shrinkage",
        ));
    }
    None
}

/// What to say of owners that are listed no more.
pub(crate) fn absent(known: &Owners, now: &Owners) -> Option<Finding> {
    const SHOWN: usize = 5;
    let absent: Vec<&String> = known
        .iter()
        .filter(|(id, _)| !now.contains_key(*id))
        .map(|(_, name)| name)
        .collect();
    if absent.is_empty() {
        return None;
    }
    let names = absent.iter().take(SHOWN);
    let names: Vec<_> = names
        .map(|name| Untrusted::new(*name).printable().to_string())
        .collect();
    let more = match absent.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut warning = Finding::warning(format!(
        "nothing of {}{more} is listed any longer, which was listed before: what is in the backup is kept, and not treated as deleted",
        names.join(", ")
    ));
    warning.hint = "check whether the credentials still see it; if it is gone for good, run once with --accept-shrinkage".into();
    Some(warning)
}

/// What is known of owners after a listing: those that are listed no more stay, unless that is accepted.
pub(crate) fn remembered(known: &Owners, now: &Owners, accepted: bool) -> Owners {
    let mut all = now.clone();
    if !accepted {
        for (id, name) in known {
            if all.len() >= MOST {
                break;
            }
            all.entry(id.clone()).or_insert_with(|| name.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use forgekeep_hoster::Owner;

    use super::*;

    fn owners(all: &[(&str, &str)]) -> Owners {
        let all = all
            .iter()
            .map(|(id, name)| ((*id).to_owned(), (*name).to_owned()));
        all.collect()
    }

    #[test]
    fn a_name_with_another_identity_is_told_and_a_renamed_owner_is_the_same() {
        let known = owners(&[("1", "acme"), ("2", "beta")]);
        assert_eq!(replaced(&known, &known), None);
        assert_eq!(
            replaced(&known, &owners(&[("1", "acme-new"), ("3", "gamma")])),
            None
        );
        assert_eq!(replaced(&Owners::new(), &known), None);
        for name in ["acme", "ACME"] {
            let failure = replaced(&known, &owners(&[("9", name), ("2", "beta")])).unwrap();
            assert_eq!(failure.kind, ErrorKind::Shortfall);
            assert!(
                failure.message.contains("its id was 1, and is 9"),
                "{failure}"
            );
        }
    }

    #[test]
    fn absent_owners_are_told_and_kept_until_that_is_accepted() {
        let known = owners(&[("1", "acme"), ("2", "be\u{1b}ta")]);
        let now = owners(&[("1", "acme")]);
        assert_eq!(absent(&known, &known), None);
        let said = absent(&known, &now).unwrap().message;
        assert!(said.contains("nothing of be"), "{said}");
        assert!(!said.contains(char::is_control), "{said:?}");
        assert_eq!(remembered(&known, &now, false), known);
        assert_eq!(remembered(&known, &now, true), now);
    }

    #[test]
    fn nobody_is_no_owner() {
        let of_nobody = Repository::default();
        let nameless = Repository {
            owner: Owner {
                id: "1".into(),
                name: Untrusted::default(),
            },
            ..Repository::default()
        };
        assert_eq!(of(&[of_nobody, nameless]), Owners::new());
    }
}
