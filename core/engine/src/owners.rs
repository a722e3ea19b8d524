//! Who the repositories of a source belong to.
//!
//! A name can be given up and taken by somebody else; then what is listed under it is another's. So
//! the identity of each owner is kept for each source. Another identity under a name that is known
//! ends the source before anything is planned. An owner that is listed no more is told of, and what
//! is in the backup of it is not taken for gone: one credential may just not see it any longer.

use std::collections::{BTreeMap, HashSet};

use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{Owner, OwnerSeen, Repository, Sees};
use forgekeep_store::report::{OwnerReport, OwnerSees};
use forgekeep_untrusted::Untrusted;

/// Owners of a source, by their identity, with their names.
pub(crate) type Owners = BTreeMap<String, String>;

/// What a listing holds of an owner.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnerListed {
    pub name: String,
    /// Repositories, each once.
    pub listed: u64,
    pub sees: Sees,
    /// Why not all were listed, or why there is doubt about it.
    pub error: Option<Failure>,
}

/// The same of all owners, by their identity.
pub(crate) type OwnersListed = BTreeMap<String, OwnerListed>;

/// Owners that are remembered of a source. Beyond, new ones are not.
const MOST: usize = 10_000;

/// Most bytes of an identity or a name that is remembered.
const MAX_TEXT: usize = 512;

/// The owners of what is listed, and those of which the hoster says something. One without an identity or a
/// name is nobody.
pub(crate) fn of(repositories: &[Box<Repository>], seen: &[OwnerSeen]) -> OwnersListed {
    let mut owners = OwnersListed::new();
    for seen in seen {
        if let Some(owner) = entry(&mut owners, &seen.owner) {
            owner.sees = seen.sees;
            owner.error = seen.error.clone().or(owner.error.take());
        }
    }
    let mut counted = HashSet::new();
    for repository in repositories {
        if counted.insert(&repository.id)
            && let Some(owner) = entry(&mut owners, &repository.owner)
        {
            owner.listed += 1;
        }
    }
    owners
}

/// Errors of owners that are not among these: they have no identity or no name, or are too many.
pub(crate) fn unplaced(owners: &OwnersListed, seen: &[OwnerSeen]) -> impl Iterator<Item = Failure> {
    let unplaced = seen
        .iter()
        .filter(|seen| !owners.contains_key(seen.owner.id.raw()));
    unplaced.filter_map(|seen| seen.error.clone())
}

fn entry<'o>(owners: &'o mut OwnersListed, owner: &Owner) -> Option<&'o mut OwnerListed> {
    let fits = |text: &Untrusted| (1..=MAX_TEXT).contains(&text.len());
    let has_room = owners.len() < MOST || owners.contains_key(owner.id.raw());
    if !fits(&owner.id) || !fits(&owner.name) || !has_room {
        return None;
    }
    let listed = owners.entry(owner.id.raw().to_owned()).or_default();
    owner.name.raw().clone_into(&mut listed.name);
    Some(listed)
}

/// Their names alone.
pub(crate) fn names(owners: &OwnersListed) -> Owners {
    let names = owners.iter();
    names
        .map(|(id, owner)| (id.clone(), owner.name.clone()))
        .collect()
}

/// What a report says of them, in the order of their names.
pub(crate) fn reports(owners: &OwnersListed) -> Vec<OwnerReport> {
    let mut reports: Vec<_> = owners
        .iter()
        .map(|(id, owner)| OwnerReport {
            id: Untrusted::new(id).printable(),
            name: Untrusted::new(&owner.name).printable(),
            listed: owner.listed,
            sees: match owner.sees {
                Sees::All => OwnerSees::All,
                Sees::Selected => OwnerSees::Selected,
                Sees::Unknown => OwnerSees::Unknown,
            },
            error: owner.error.clone(),
        })
        .collect();
    reports.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    reports
}

/// Owners of whose repositories none is taken for gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct DoubtfulOwners(Owners);

impl DoubtfulOwners {
    /// Those that were known and are listed no more, and those about whose listing there is doubt.
    pub fn new(absent: Owners, now: &OwnersListed) -> Self {
        let mut all = absent;
        let doubtful = now.iter().filter(|(_, owner)| owner.error.is_some());
        all.extend(doubtful.map(|(id, owner)| (id.clone(), owner.name.clone())));
        Self(all)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a repository is, or may be, of one of them. Where its owner was not noted, its name tells
    /// whose it was.
    pub fn may_have(&self, owner: Option<&Untrusted>, full_name: &Untrusted) -> bool {
        if let Some(owner) = owner {
            return self.0.contains_key(owner.raw());
        }
        let full_name = full_name.raw().to_lowercase();
        self.0.values().any(|name| {
            let rest = full_name.strip_prefix(&name.to_lowercase());
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }
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

/// Owners that are listed no more.
pub(crate) fn absent(known: &Owners, now: &Owners) -> Owners {
    let absent = known.iter().filter(|(id, _)| !now.contains_key(*id));
    absent
        .map(|(id, name)| (id.clone(), name.clone()))
        .collect()
}

/// What to say of owners that are listed no more.
pub(crate) fn absence(absent: &Owners) -> Option<Finding> {
    const SHOWN: usize = 5;
    if absent.is_empty() {
        return None;
    }
    let names = absent.values().take(SHOWN);
    let names: Vec<_> = names
        .map(|name| Untrusted::new(name).printable().to_string())
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
        assert_eq!(absence(&absent(&known, &known)), None);
        let said = absence(&absent(&known, &now)).unwrap().message;
        assert!(said.contains("nothing of be"), "{said}");
        assert!(!said.contains(char::is_control), "{said:?}");
        assert_eq!(remembered(&known, &now, false), known);
        assert_eq!(remembered(&known, &now, true), now);
    }

    #[test]
    fn doubt_about_an_owner_is_doubt_about_its_repositories_alone() {
        let listed = |name: &str, error: Option<Failure>| OwnerListed {
            name: name.to_owned(),
            error,
            ..OwnerListed::default()
        };
        let now = OwnersListed::from([
            ("1".to_owned(), listed("acme", None)),
            (
                "2".to_owned(),
                listed("Beta", Some(Failure::new(ErrorKind::Unavailable, "503"))),
            ),
        ]);
        let doubtful = DoubtfulOwners::new(owners(&[("3", "gamma")]), &now);
        for (owner, name, wanted) in [
            (Some("1"), "acme/web", false),
            (Some("2"), "beta/web", true),
            // It was renamed since.
            (Some("2"), "old-beta/web", true),
            (Some("3"), "gamma/web", true),
            (Some("1"), "beta/web", false),
            (None, "beta/web", true),
            (None, "gamma/sub/web", true),
            (None, "acme/web", false),
            (None, "betamax/web", false),
        ] {
            let owner = owner.map(Untrusted::from);
            let name = Untrusted::from(name);
            assert_eq!(doubtful.may_have(owner.as_ref(), &name), wanted, "{name:?}");
        }
    }

    #[test]
    fn each_repository_counts_once_and_what_is_seen_is_kept() {
        let of_acme = |id: &str| Repository {
            id: id.into(),
            owner: Owner {
                id: "1".into(),
                name: "acme".into(),
            },
            ..Repository::default()
        };
        let seen = OwnerSeen {
            owner: Owner {
                id: "2".into(),
                name: "beta".into(),
            },
            sees: Sees::All,
            error: None,
        };
        let owners = of(
            &["a", "b", "a"].map(|name| Box::new(of_acme(name))),
            &[seen],
        );
        let shown: Vec<_> = owners
            .values()
            .map(|owner| (owner.name.as_str(), owner.listed, owner.sees))
            .collect();
        assert_eq!(shown, [("acme", 2, Sees::Unknown), ("beta", 0, Sees::All)]);
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
        assert!(of(&[of_nobody, nameless].map(Box::new), &[]).is_empty());
    }
}
