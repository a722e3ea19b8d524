//! Patterns for the names of repositories.

use std::sync::atomic::{AtomicBool, Ordering};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex::{Regex, RegexBuilder};

use super::{FilterError, UnusedPattern};

/// What a regular expression begins with.
const REGEX: &str = "re:";

/// Nested braces are compiled recursively, so a pattern has to end somewhere.
const MAX_PATTERN_BYTES: usize = 1000;

/// The most memory that one regular expression may take, in bytes.
const MAX_COMPILED: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    globs: GlobSet,
    /// For each glob of the set, its index in `patterns`.
    owners: Vec<usize>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    form: Form,
    used: AtomicBool,
}

#[derive(Debug)]
enum Form {
    Name,
    Glob,
    Regex(Regex),
}

impl Patterns {
    pub(super) fn new(texts: &[String]) -> Result<Self, FilterError> {
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
            let form = if let Some(regex) = text.strip_prefix(REGEX) {
                let built = RegexBuilder::new(regex)
                    .size_limit(MAX_COMPILED)
                    .dfa_size_limit(MAX_COMPILED)
                    .build();
                Form::Regex(built.map_err(|error| bad_regex(text, &error))?)
            } else if text.contains(['*', '?', '[', '{', '\\']) {
                let glob = GlobBuilder::new(text)
                    .literal_separator(true)
                    // Otherwise a pattern would mean something else on Windows.
                    .backslash_escape(true)
                    .build()
                    .map_err(|error| refused(text, &error))?;
                globs.add(glob);
                owners.push(index);
                Form::Glob
            } else {
                Form::Name
            };
            patterns.push(Pattern {
                text: text.clone(),
                form,
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

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    pub(super) fn matches(&self, full_name: &str) -> bool {
        let short_name = full_name.rsplit('/').next().unwrap_or(full_name);
        let mut any = false;
        for pattern in &self.patterns {
            let is_match = match &pattern.form {
                Form::Name => pattern.text == full_name || pattern.text == short_name,
                Form::Regex(regex) => regex.is_match(full_name) || regex.is_match(short_name),
                // All at once, below.
                Form::Glob => false,
            };
            if is_match {
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

    pub(super) fn unused(&self, key: &'static str) -> impl Iterator<Item = UnusedPattern> {
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

/// A regular expression's error shows the expression over several lines; the last one says what is wrong.
fn bad_regex(text: &str, error: &regex::Error) -> FilterError {
    let reason = match error {
        regex::Error::CompiledTooBig(_) => "it is too large once compiled".to_owned(),
        error => {
            let said = error.to_string();
            let last = said.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    };
    FilterError {
        pattern: text.into(),
        reason: reason.into(),
    }
}
