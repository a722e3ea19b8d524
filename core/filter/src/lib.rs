//! Which repositories of a source are backed up.

mod attributes;
mod patterns;
mod within;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forgekeep_untrusted::{Printable, Untrusted};
use jiff::Timestamp;

pub use attributes::{AttributeFilters, VisibilityWord};
use patterns::Patterns;
pub use within::Within;

/// What the filter says about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is backed up.
    Included,
    /// There are `includeRepos`, and none matches.
    NotIncluded,
    /// One of the `ignoreRepos` matches, whatever `includeRepos` says.
    Ignored,
    /// It is archived.
    Archived,
    /// It is a fork.
    Fork,
    /// It is none of those that are wanted by who may see them.
    Visibility,
    /// It has none of the topics.
    Topics,
    /// It has none of the languages.
    Languages,
    /// It was last pushed to before the time that is wanted.
    NotPushed,
}

impl Decision {
    /// Which key leaves it out, in a few words; none if it is included.
    pub fn why(self) -> Option<&'static str> {
        Some(match self {
            Self::Included => return None,
            Self::NotIncluded => "not in includeRepos",
            Self::Ignored => "in ignoreRepos",
            Self::Archived => "archived, by includeArchived",
            Self::Fork => "a fork, by includeForks",
            Self::Visibility => "not in visibility",
            Self::Topics => "not in topics",
            Self::Languages => "not in languages",
            Self::NotPushed => "not pushed to within pushedWithin",
        })
    }
}

/// What a listing says of a repository, as far as filters ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'r> {
    /// Its full name.
    pub full_name: &'r str,
    /// Whether it was archived.
    pub archived: bool,
    /// Whether it is a fork of another one.
    pub fork: bool,
    /// Who may see it, where that is known.
    pub visibility: Option<VisibilityWord>,
    /// Its topics.
    pub topics: &'r [Untrusted],
    /// Its programming languages.
    pub languages: &'r [Untrusted],
    /// When it was last pushed to, where that is known.
    pub pushed_at: Option<Timestamp>,
    /// Whether the hoster is going to delete it: nothing leaves it out.
    pub deletion_scheduled: bool,
}

/// A pattern that is not a valid glob or regular expression, or too large to be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a valid pattern: {reason}")]
pub struct FilterError {
    /// The pattern.
    pub pattern: Printable,
    /// What is wrong with it.
    pub reason: Printable,
}

/// A pattern that has matched no repository so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusedPattern {
    /// The key it stands under: `includeRepos` or `ignoreRepos`.
    pub key: &'static str,
    /// The pattern as written.
    pub pattern: Untrusted,
}

/// The filters of one source.
///
/// A pattern of `includeRepos` and `ignoreRepos` is compared with the full name (`acme/web`) and with its
/// last part (`web`), and is case-sensitive. After `re:` it is a regular expression, which matches anywhere
/// in them. Without `*`, `?`, `[`, `{` or `\` it is a plain name. In a glob, `*` and `?` stay within one part
/// of the name; `**` crosses `/`. Ignoring wins over including, and without any `includeRepos` everything is
/// included. Of what the names include, [`AttributeFilters`] leave out more.
#[derive(Debug)]
pub struct RepoFilter {
    include: Patterns,
    ignore: Patterns,
    attributes: AttributeFilters,
    now: Timestamp,
    left_out: AtomicUsize,
    any_included: AtomicBool,
}

impl RepoFilter {
    /// Compiles both lists.
    ///
    /// # Errors
    /// A pattern is not a valid glob or regular expression.
    pub fn new(include: &[String], ignore: &[String]) -> Result<Self, FilterError> {
        Ok(Self {
            include: Patterns::new(include)?,
            ignore: Patterns::new(ignore)?,
            attributes: AttributeFilters::default(),
            now: Timestamp::UNIX_EPOCH,
            left_out: AtomicUsize::new(0),
            any_included: AtomicBool::new(false),
        })
    }

    /// Leaves out more by what else the listing says; `now` is what `pushedWithin` counts back from.
    #[must_use]
    pub fn with_attributes(mut self, attributes: &AttributeFilters, now: Timestamp) -> Self {
        self.attributes = attributes.clone();
        self.now = now;
        self
    }

    /// Decides about one repository, and remembers which patterns matched.
    pub fn decide(&self, repository: &Facts<'_>) -> Decision {
        // The name is always asked, so that a pattern for it counts as used.
        let decision = match self.decide_name(repository.full_name) {
            _ if repository.deletion_scheduled => Decision::Included,
            Decision::Included => self.attributes.decide(repository, self.now),
            by_name => by_name,
        };
        match decision {
            Decision::Included => self.any_included.store(true, Ordering::Relaxed),
            _ => drop(self.left_out.fetch_add(1, Ordering::Relaxed)),
        }
        decision
    }

    /// Decides by the name alone, where nothing else is known of a repository.
    pub fn decide_name(&self, full_name: &str) -> Decision {
        // Both are always asked, so that an include pattern isn't called unused just because all
        // of its repositories are ignored.
        let included = self.include.matches(full_name);
        let ignored = self.ignore.matches(full_name);
        if ignored {
            Decision::Ignored
        } else if included || self.include.is_empty() {
            Decision::Included
        } else {
            Decision::NotIncluded
        }
    }

    /// How many repositories were left out, if all were. Ask once every repository was decided.
    pub fn all_left_out(&self) -> Option<usize> {
        let left_out = self.left_out.load(Ordering::Relaxed);
        (left_out > 0 && !self.any_included.load(Ordering::Relaxed)).then_some(left_out)
    }

    /// The keys that leave something out, as they are named in a message.
    pub fn keys(&self) -> String {
        let by_name = ["includeRepos and ignoreRepos"].into_iter();
        let others = self.attributes.asked_for().map(|(key, _)| key);
        by_name.chain(others).collect::<Vec<_>>().join(", ")
    }

    /// The patterns that matched nothing yet. Ask once every repository was decided: such an
    /// include pattern is often a typing error, and means a repository without a backup.
    pub fn unused(&self) -> Vec<UnusedPattern> {
        let include = self.include.unused("includeRepos");
        include.chain(self.ignore.unused("ignoreRepos")).collect()
    }
}

/// Checks a single pattern.
///
/// # Errors
/// It is not a valid glob or regular expression.
pub fn check_pattern(pattern: &str) -> Result<(), FilterError> {
    Patterns::new(&[pattern.to_owned()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], ignore: &[&str]) -> RepoFilter {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        RepoFilter::new(&owned(include), &owned(ignore)).unwrap()
    }

    fn decide(filter: &RepoFilter, full_name: &str) -> Decision {
        filter.decide(&Facts {
            full_name,
            ..Facts::default()
        })
    }

    #[test]
    fn without_patterns_everything_is_included() {
        assert_eq!(decide(&filter(&[], &[]), "acme/web"), Decision::Included);
    }

    #[test]
    fn names_and_globs_match_the_full_and_the_short_name() {
        for (pattern, name, matches) in [
            ("web", "acme/web", true),
            ("acme/web", "acme/web", true),
            ("Web", "acme/web", false),
            ("web", "acme/web2", false),
            ("acme", "acme/web", false),
            ("web-*", "acme/web-1", true),
            ("acme/*", "acme/web", true),
            ("acme/*", "acme/sub/web", false),
            ("acme/**", "acme/sub/web", true),
            ("*", "acme/sub/web", true),
            ("{a,b}?", "acme/b1", true),
            ("[!a]*", "acme/api", false),
            ("**/web", "acme/web", true),
            ("*.js", "acme/web.js", true),
            ("*.", "acme/web.", true),
            (r"a\*", "acme/a*", true),
            (r"a\*", "acme/ab", false),
            ("web", "web", true),
            ("re:^web$", "acme/web", true),
            ("re:^acme/w", "acme/web", true),
            ("re:e", "acme/web", true),
            ("re:^w.b.$", "acme/web", false),
            ("re:(?i)WEB", "acme/web", true),
            // Without the mark it is a name.
            ("^web$", "acme/web", false),
        ] {
            let expected = if matches {
                Decision::Included
            } else {
                Decision::NotIncluded
            };
            let filter = filter(&[pattern], &[]);
            assert_eq!(decide(&filter, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn ignoring_wins_and_unused_patterns_are_named() {
        let filter = filter(&["web", "wep", "x*"], &["web", "acme/old-*"]);
        assert_eq!(decide(&filter, "acme/web"), Decision::Ignored);
        assert_eq!(decide(&filter, "acme/api"), Decision::NotIncluded);
        assert_eq!(filter.all_left_out(), Some(2));
        let unused = filter.unused();
        let unused: Vec<_> = unused
            .iter()
            .map(|unused| (unused.key, unused.pattern.raw()))
            .collect();
        assert_eq!(
            unused,
            [
                ("includeRepos", "wep"),
                ("includeRepos", "x*"),
                ("ignoreRepos", "acme/old-*")
            ]
        );
        decide(&filter, "acme/x1");
        assert_eq!(filter.all_left_out(), None);
    }

    #[test]
    fn what_is_about_to_be_deleted_is_left_out_by_nothing() {
        let filter = filter(&["web"], &["old"]);
        for full_name in ["acme/web-deletion_scheduled-7", "acme/old"] {
            let facts = Facts {
                full_name,
                deletion_scheduled: true,
                ..Facts::default()
            };
            assert_eq!(filter.decide(&facts), Decision::Included);
        }
    }

    #[test]
    fn a_bad_glob_is_an_error() {
        let error = check_pattern("web[").unwrap_err();
        insta::assert_snapshot!(error, @"`web[` is not a valid pattern: unclosed character class; missing ']'");
        assert!(check_pattern(&"{a,b}?[a-z]".repeat(90)).is_ok());
        assert!(check_pattern(&"{".repeat(1000)).is_err());
        let error = check_pattern("re:web(").unwrap_err();
        insta::assert_snapshot!(error, @"`re:web(` is not a valid pattern: unclosed group");
        let error = check_pattern(r"re:(\w{500}){500}").unwrap_err();
        insta::assert_snapshot!(error, @r"`re:(\w{500}){500}` is not a valid pattern: it is too large once compiled");
        let nested = |depth| format!("{}{}", "{a,".repeat(depth), "}".repeat(depth));
        assert!(check_pattern(&nested(50)).is_ok());
        assert!(check_pattern(&nested(250)).is_err());
        let error = check_pattern(&"*".repeat(1001)).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }
}
