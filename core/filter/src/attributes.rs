//! Filters by what the listing says of a repository besides its name.

use forgekeep_untrusted::Untrusted;
use jiff::Timestamp;

use super::{Decision, Facts};
use crate::within::Within;

/// Who may see a repository, in the hoster's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisibilityWord {
    /// Everybody.
    Public,
    /// Those who were let in.
    Private,
    /// Everybody of the organisation, or with an account.
    Internal,
}

impl VisibilityWord {
    /// All of them, with their words.
    pub const ALL: [(&'static str, Self); 3] = [
        ("public", Self::Public),
        ("private", Self::Private),
        ("internal", Self::Internal),
    ];
}

/// Filters by more than the name. What a listing does not say of a repository leaves it in: a repository too
/// many is better than one that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeFilters {
    /// `includeArchived`.
    pub archived: bool,
    /// `includeForks`.
    pub forks: bool,
    /// `visibility`; empty for any.
    pub visibility: Vec<VisibilityWord>,
    /// `topics`, in any case: one of them is enough; empty for any.
    pub topics: Vec<String>,
    /// `languages`, in any case: one of them is enough; empty for any.
    pub languages: Vec<String>,
    /// `pushedWithin`.
    pub pushed_within: Option<Within>,
}

impl Default for AttributeFilters {
    fn default() -> Self {
        Self {
            archived: true,
            forks: true,
            visibility: Vec::new(),
            topics: Vec::new(),
            languages: Vec::new(),
            pushed_within: None,
        }
    }
}

impl AttributeFilters {
    /// The keys that leave something out, each with what a listing has to say for it, in the words of a
    /// plugin's manifest.
    pub fn asked_for(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (!self.archived, "includeArchived", "archived"),
            (!self.forks, "includeForks", "fork"),
            (!self.visibility.is_empty(), "visibility", "visibility"),
            (!self.topics.is_empty(), "topics", "topics"),
            (!self.languages.is_empty(), "languages", "languages"),
            (self.pushed_within.is_some(), "pushedWithin", "pushedAt"),
        ]
        .into_iter()
        .filter(|(asks, ..)| *asks)
        .map(|(_, key, attribute)| (key, attribute))
    }

    pub(super) fn decide(&self, repository: &Facts<'_>, now: Timestamp) -> Decision {
        let since = self.pushed_within.map(|within| within.before(now));
        let is_visible = |word| self.visibility.is_empty() || self.visibility.contains(&word);
        if !self.archived && repository.archived {
            Decision::Archived
        } else if !self.forks && repository.fork {
            Decision::Fork
        } else if repository.visibility.is_some_and(|word| !is_visible(word)) {
            Decision::Visibility
        } else if !has_one(&self.topics, repository.topics) {
            Decision::Topics
        } else if !has_one(&self.languages, repository.languages) {
            Decision::Languages
        } else if repository.pushed_at.is_some() && repository.pushed_at < since {
            Decision::NotPushed
        } else {
            Decision::Included
        }
    }
}

fn has_one(wanted: &[String], there: &[Untrusted]) -> bool {
    let is_there = |word: &String| there.iter().any(|one| one.raw().eq_ignore_ascii_case(word));
    wanted.is_empty() || wanted.iter().any(is_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(filters: &AttributeFilters, facts: &Facts<'_>) -> Decision {
        filters.decide(facts, "2026-11-30T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn each_key_leaves_out_what_it_is_about_and_nothing_else() {
        let nothing = AttributeFilters::default;
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let topics = ["Rust".into(), "cli".into()];
        let all = Facts {
            full_name: "acme/web",
            archived: true,
            fork: true,
            visibility: Some(VisibilityWord::Internal),
            topics: &topics,
            languages: &topics[..1],
            pushed_at: Some("2024-11-29T12:00:00Z".parse().unwrap()),
            deletion_scheduled: false,
        };
        let with = |change: fn(&mut AttributeFilters)| {
            let mut filters = nothing();
            change(&mut filters);
            decide(&filters, &all)
        };
        assert_eq!(decide(&nothing(), &all), Decision::Included);
        assert_eq!(with(|f| f.archived = false), Decision::Archived);
        assert_eq!(with(|f| f.forks = false), Decision::Fork);
        let private = with(|f| f.visibility = vec![VisibilityWord::Private]);
        assert_eq!(private, Decision::Visibility);
        let year = with(|f| f.pushed_within = Within::parse("2y"));
        assert_eq!(year, Decision::NotPushed);
        let days = with(|f| f.pushed_within = Within::parse("2y1d"));
        assert_eq!(days, Decision::Included);
        for (wanted, decision) in [
            (&["RUST"][..], Decision::Included),
            (&["go", "cli"], Decision::Included),
            (&["go"], Decision::Topics),
        ] {
            let filters = AttributeFilters {
                topics: words(wanted),
                ..nothing()
            };
            assert_eq!(decide(&filters, &all), decision, "{wanted:?}");
        }
        let filters = AttributeFilters {
            languages: words(&["cli"]),
            ..nothing()
        };
        assert_eq!(decide(&filters, &all), Decision::Languages);
    }

    #[test]
    fn what_is_not_said_leaves_nothing_out() {
        let filters = AttributeFilters {
            archived: false,
            forks: false,
            visibility: vec![VisibilityWord::Public],
            pushed_within: Within::parse("1d"),
            ..AttributeFilters::default()
        };
        assert_eq!(decide(&filters, &Facts::default()), Decision::Included);
        let asked: Vec<_> = filters.asked_for().map(|(key, _)| key).collect();
        assert_eq!(
            asked,
            [
                "includeArchived",
                "includeForks",
                "visibility",
                "pushedWithin"
            ]
        );
    }
}
