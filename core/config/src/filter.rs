//! Which repositories of a source are backed up.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use forgekeep_untrusted::{Printable, Untrusted};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// Nested braces are compiled recursively, so a pattern has to end somewhere.
const MAX_PATTERN_BYTES: usize = 1000;

/// What the filter says about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is backed up.
    Included,
    /// There are `includeRepos`, and none matches.
    NotIncluded,
    /// One of the `ignoreRepos` matches, whatever `includeRepos` says.
    Ignored,
}

/// A pattern that is not a valid glob, or too large to be one.
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

/// `includeRepos` and `ignoreRepos` of one source.
///
/// A pattern is compared with the full name (`acme/web`) and with its last part (`web`), and is
/// case-sensitive. Without `*`, `?`, `[`, `{` or `\` it is a plain name. In a glob, `*` and `?`
/// stay within one part of the name; `**` crosses `/`. Ignoring wins over including, and without
/// any `includeRepos` everything is included.
#[derive(Debug)]
pub struct RepoFilter {
    include: Patterns,
    ignore: Patterns,
    left_out: AtomicUsize,
    any_included: AtomicBool,
}

impl RepoFilter {
    /// Compiles both lists.
    ///
    /// # Errors
    /// A pattern is not a valid glob.
    pub fn new(include: &[String], ignore: &[String]) -> Result<Self, FilterError> {
        Ok(Self {
            include: Patterns::new(include)?,
            ignore: Patterns::new(ignore)?,
            left_out: AtomicUsize::new(0),
            any_included: AtomicBool::new(false),
        })
    }

    /// Decides about one repository, and remembers which patterns matched.
    pub fn decide(&self, full_name: &str) -> Decision {
        // Both are always asked, so that an include pattern isn't called unused just because all
        // of its repositories are ignored.
        let included = self.include.matches(full_name);
        let ignored = self.ignore.matches(full_name);
        let decision = if ignored {
            Decision::Ignored
        } else if included || self.include.is_empty() {
            Decision::Included
        } else {
            Decision::NotIncluded
        };
        match decision {
            Decision::Included => self.any_included.store(true, Ordering::Relaxed),
            _ => drop(self.left_out.fetch_add(1, Ordering::Relaxed)),
        }
        decision
    }

    /// How many repositories were left out, if all were. Ask once every repository was decided.
    pub fn all_left_out(&self) -> Option<usize> {
        let left_out = self.left_out.load(Ordering::Relaxed);
        (left_out > 0 && !self.any_included.load(Ordering::Relaxed)).then_some(left_out)
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
/// It is not a valid glob.
pub fn check_pattern(pattern: &str) -> Result<(), FilterError> {
    Patterns::new(&[pattern.to_owned()]).map(drop)
}

#[derive(Debug)]
struct Patterns {
    patterns: Vec<Pattern>,
    globs: GlobSet,
    /// For each glob of the set, its index in `patterns`.
    owners: Vec<usize>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    is_glob: bool,
    used: AtomicBool,
}

impl Patterns {
    fn new(texts: &[String]) -> Result<Self, FilterError> {
        let mut globs = GlobSetBuilder::new();
        let mut owners = Vec::new();
        let mut patterns = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            if text.len() > MAX_PATTERN_BYTES {
                return Err(FilterError {
                    pattern: text
                        .chars()
                        .take(40)
                        .chain(['…'])
                        .collect::<String>()
                        .into(),
                    reason: format!("it has more than {MAX_PATTERN_BYTES} bytes").into(),
                });
            }
            let is_glob = text.contains(['*', '?', '[', '{', '\\']);
            if is_glob {
                let glob = GlobBuilder::new(text)
                    .literal_separator(true)
                    // Otherwise a pattern would mean something else on Windows.
                    .backslash_escape(true)
                    .build()
                    .map_err(|error| refused(text, &error))?;
                globs.add(glob);
                owners.push(index);
            }
            patterns.push(Pattern {
                text: text.clone(),
                is_glob,
                used: AtomicBool::new(false),
            });
        }
        let globs = globs.build().map_err(|error| {
            let text = error.glob().unwrap_or("the list as a whole").to_owned();
            refused(&text, &error)
        })?;
        Ok(Self {
            patterns,
            globs,
            owners,
        })
    }

    fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    fn matches(&self, full_name: &str) -> bool {
        let short_name = full_name.rsplit('/').next().unwrap_or(full_name);
        let mut any = false;
        for pattern in self.patterns.iter().filter(|pattern| !pattern.is_glob) {
            if pattern.text == full_name || pattern.text == short_name {
                pattern.used.store(true, Ordering::Relaxed);
                any = true;
            }
        }
        for name in [full_name, short_name] {
            for index in self.globs.matches(name) {
                self.patterns[self.owners[index]]
                    .used
                    .store(true, Ordering::Relaxed);
                any = true;
            }
        }
        any
    }

    fn unused(&self, key: &'static str) -> impl Iterator<Item = UnusedPattern> {
        self.patterns
            .iter()
            .filter(|pattern| !pattern.used.load(Ordering::Relaxed))
            .map(move |pattern| UnusedPattern {
                key,
                pattern: pattern.text.as_str().into(),
            })
    }
}

fn refused(text: &str, error: &globset::Error) -> FilterError {
    FilterError {
        pattern: text.into(),
        reason: error.kind().to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], ignore: &[&str]) -> RepoFilter {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        RepoFilter::new(&owned(include), &owned(ignore)).unwrap()
    }

    #[test]
    fn without_patterns_everything_is_included() {
        assert_eq!(filter(&[], &[]).decide("acme/web"), Decision::Included);
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
        ] {
            let expected = if matches {
                Decision::Included
            } else {
                Decision::NotIncluded
            };
            let filter = filter(&[pattern], &[]);
            assert_eq!(filter.decide(name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn ignoring_wins_and_unused_patterns_are_named() {
        let filter = filter(&["web", "wep", "x*"], &["web", "acme/old-*"]);
        assert_eq!(filter.decide("acme/web"), Decision::Ignored);
        assert_eq!(filter.decide("acme/api"), Decision::NotIncluded);
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
        filter.decide("acme/x1");
        assert_eq!(filter.all_left_out(), None);
    }

    #[test]
    fn a_bad_glob_is_an_error() {
        let error = check_pattern("web[").unwrap_err();
        insta::assert_snapshot!(error, @"`web[` is not a valid pattern: unclosed character class; missing ']'");
        assert!(check_pattern(&"{a,b}?[a-z]".repeat(90)).is_ok());
        assert!(check_pattern(&"{".repeat(1000)).is_err());
        let nested = |depth| format!("{}{}", "{a,".repeat(depth), "}".repeat(depth));
        assert!(check_pattern(&nested(50)).is_ok());
        assert!(check_pattern(&nested(250)).is_err());
        let error = check_pattern(&"*".repeat(1001)).unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }
}
