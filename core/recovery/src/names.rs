//! What a repository is to be called at a target, before the target's own rules: the path that it had below
//! its owner.

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_store::inventory::{self, Kept};
use forgekeep_untrusted::names::collision_key;
use std::collections::BTreeMap;

/// Where repositories have come from, and go to: what their names are relative to.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    /// What each source lists, by its title.
    pub sources: BTreeMap<String, String>,
    /// What repositories are made below at the target.
    pub name: String,
    /// The project they are made in; mostly empty.
    pub project: String,
}

impl Whereabouts {
    /// A full name without what it is below: the target's own place, that of the source, or else its first
    /// part, who it belongs to. Parts are joined by `/`.
    pub fn below(&self, title: &str, full_name: &str) -> String {
        let place = format!("{}/{}", self.name, self.project);
        let source = self.sources.get(title).map_or("", String::as_str);
        let prefixes = [place.trim_end_matches('/'), source];
        let below = prefixes
            .into_iter()
            .find_map(|prefix| strip(full_name, prefix));
        let below = below.or_else(|| full_name.split_once('/').map(|(_, rest)| rest));
        let below = below.filter(|rest| !rest.is_empty()).unwrap_or(full_name);
        let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }
}

/// What is behind a prefix of whole parts, whatever its case.
fn strip<'n>(full_name: &'n str, prefix: &str) -> Option<&'n str> {
    if prefix.is_empty() {
        return None;
    }
    let (begin, rest) = full_name.split_at_checked(prefix.len())?;
    let is_it = begin.to_lowercase() == prefix.to_lowercase();
    rest.strip_prefix('/').filter(|_| is_it)
}

/// The names that `rename` of a target gives, by the folder of the repository.
///
/// # Errors
///
/// [`ErrorKind::Config`]: a key means no repository of the backup, or several.
pub fn renames(
    rename: &BTreeMap<String, String>,
    all: &[Kept],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    for (asked, name) in rename {
        let kept = inventory::find(all, asked).map_err(|failure| {
            let message = format!("targets: rename: {}", failure.message);
            Failure::new(ErrorKind::Config, message).with_hint(failure.hint)
        })?;
        found.insert(kept.path.raw().to_owned(), name.clone());
    }
    Ok(found)
}

/// Groups what would get the same name, whatever its case: each group has two at least.
pub fn collisions<'n>(names: impl Iterator<Item = (usize, &'n str)>) -> Vec<Vec<usize>> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, name) in names {
        by_name.entry(collision_key(name)).or_default().push(index);
    }
    // A repository cannot be where a group has to be.
    let nested = by_name.iter().flat_map(|(name, below)| {
        let ends = name.match_indices('/').map(|(at, _)| at);
        let above = ends.filter_map(|at| by_name.get(&name[..at]));
        above.map(move |above| above.iter().chain(below).copied().collect::<Vec<_>>())
    });
    let nested: Vec<Vec<usize>> = nested.collect();
    let same = by_name.into_values().filter(|group| group.len() > 1);
    same.chain(nested).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whereabouts() -> Whereabouts {
        Whereabouts {
            sources: BTreeMap::from([("labs".to_owned(), "group/Sub".to_owned())]),
            name: "acme".to_owned(),
            project: "site".to_owned(),
        }
    }

    #[test]
    fn a_name_is_what_is_below_the_place_it_had() {
        for (title, full_name, below) in [
            ("work", "acme/web", "web"),
            ("work", "beta/web", "web"),
            ("work", "acme/site/web", "web"),
            ("work", "org/project/web", "project/web"),
            ("labs", "group/sub/deep/web", "deep/web"),
            ("labs", "group/subway/web", "subway/web"),
            ("work", "web", "web"),
            ("work", "a//b/", "b"),
            ("work", "acme/", "acme"),
            ("work", "", ""),
        ] {
            assert_eq!(whereabouts().below(title, full_name), below, "{full_name}");
        }
    }

    #[test]
    fn what_differs_in_case_alone_collides() {
        let names = ["web", "api", "WEB", "docs"];
        let groups = collisions(names.iter().copied().enumerate());
        assert_eq!(groups, [[0, 2]]);
        let names = ["a/web", "A", "ab/c", "b"];
        let groups = collisions(names.iter().copied().enumerate());
        assert_eq!(groups, [[1, 0]]);
    }

    proptest! {
        #[test]
        fn no_name_is_lost(full_name in "[^/]{1,8}(/[^/]{1,8}){0,4}") {
            let below = whereabouts().below("work", &full_name);
            prop_assert!(!below.is_empty());
            prop_assert!(full_name.ends_with(&below));
        }
    }
}
