//! git's own glob, as its `wildmatch.c` has it: `**`, classes, and `*` that stops at a slash where
//! paths are matched. Other globs differ from it in corners, and a corner decides which filter a
//! file gets.

/// How a text came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Match,
    NoMatch,
    /// No `*` further out need try again.
    AbortAll,
    /// No `*` before the last `**` need try again.
    AbortToStarStar,
}

/// Steps one match may take: a pattern of many stars would take time without end otherwise.
const STEPS: u32 = 1_000_000;

/// Whether `pattern` matches all of `text`. With `is_path`, only `**` matches a slash.
pub(super) fn matches(pattern: &[u8], text: &[u8], is_path: bool, fold: bool) -> bool {
    let mut matcher = Matcher {
        is_path,
        fold,
        steps: STEPS,
    };
    matcher.matches(pattern, 0, text) == Outcome::Match
}

struct Matcher {
    is_path: bool,
    fold: bool,
    steps: u32,
}

impl Matcher {
    /// The pattern from `at` on: what is before it decides whether `**` stands alone.
    fn matches(&mut self, pattern: &[u8], at: usize, text: &[u8]) -> Outcome {
        let (mut p, mut t) = (at, 0);
        while let Some(mut c) = pattern.get(p).copied() {
            let Some(next_step) = self.steps.checked_sub(1) else {
                return Outcome::AbortAll;
            };
            self.steps = next_step;
            let at_end = t >= text.len();
            if at_end && c != b'*' {
                return Outcome::AbortAll;
            }
            let mut t_ch = text.get(t).copied().unwrap_or(0);
            if self.fold {
                t_ch = t_ch.to_ascii_lowercase();
                c = c.to_ascii_lowercase();
            }
            match c {
                b'?' => {
                    if self.is_path && t_ch == b'/' {
                        return Outcome::NoMatch;
                    }
                }
                b'*' => return self.star(pattern, p, text, t),
                b'[' => match self.class(pattern, p + 1, t_ch) {
                    Some((true, end)) => p = end,
                    Some((false, _)) => return Outcome::NoMatch,
                    None => return Outcome::AbortAll,
                },
                _ => {
                    if c == b'\\' {
                        p += 1;
                        c = pattern.get(p).copied().unwrap_or(0);
                    }
                    if t_ch != c {
                        return Outcome::NoMatch;
                    }
                }
            }
            p += 1;
            t += 1;
        }
        match t >= text.len() {
            true => Outcome::Match,
            false => Outcome::NoMatch,
        }
    }

    fn star(&mut self, pattern: &[u8], star: usize, text: &[u8], mut t: usize) -> Outcome {
        let mut p = star + 1;
        let mut match_slash = !self.is_path;
        if pattern.get(p) == Some(&b'*') {
            while pattern.get(p) == Some(&b'*') {
                p += 1;
            }
            if self.is_path {
                let begins = star == 0 || pattern[star - 1] == b'/';
                let rest = &pattern[p..];
                let ends = rest.is_empty() || rest[0] == b'/' || rest.starts_with(b"\\/");
                match_slash = begins && ends;
                // `**/` also stands for no folder at all.
                if match_slash
                    && rest.first() == Some(&b'/')
                    && self.matches(pattern, p + 1, &text[t.min(text.len())..]) == Outcome::Match
                {
                    return Outcome::Match;
                }
            }
        }
        if p >= pattern.len() {
            let rest = text.get(t..).unwrap_or_default();
            return match !match_slash && rest.contains(&b'/') {
                true => Outcome::AbortToStarStar,
                false => Outcome::Match,
            };
        }
        if !match_slash && pattern[p] == b'/' {
            let rest = text.get(t..).unwrap_or_default();
            let Some(slash) = rest.iter().position(|byte| *byte == b'/') else {
                return Outcome::AbortAll;
            };
            return self.matches(pattern, p + 1, &rest[slash + 1..]);
        }
        while t < text.len() {
            let matched = self.matches(pattern, p, &text[t..]);
            if matched != Outcome::NoMatch {
                if !match_slash || matched != Outcome::AbortToStarStar {
                    return matched;
                }
            } else if !match_slash && text[t] == b'/' {
                return Outcome::AbortToStarStar;
            }
            t += 1;
        }
        Outcome::AbortAll
    }

    /// Whether a class that begins at `p` has the byte, and where it ends.
    fn class(&self, pattern: &[u8], mut p: usize, t_ch: u8) -> Option<(bool, usize)> {
        let byte = |p: usize| pattern.get(p).copied();
        let is_negated = matches!(byte(p)?, b'!' | b'^');
        if is_negated {
            p += 1;
        }
        let (mut matched, mut previous) = (false, 0_u8);
        let mut c = byte(p)?;
        loop {
            if c == b'\\' {
                p += 1;
                c = byte(p)?;
                matched |= t_ch == c;
            } else if c == b'-' && previous != 0 && byte(p + 1).is_some_and(|next| next != b']') {
                p += 1;
                c = byte(p)?;
                if c == b'\\' {
                    p += 1;
                    c = byte(p)?;
                }
                let upper = t_ch.to_ascii_uppercase();
                matched |= (previous..=c).contains(&t_ch)
                    || self.fold && t_ch.is_ascii_lowercase() && (previous..=c).contains(&upper);
                c = 0; // No range begins at its end.
            } else if c == b'[' && byte(p + 1) == Some(b':') {
                let begin = p + 2;
                p = begin;
                while byte(p)? != b']' {
                    p += 1;
                }
                if p == begin || pattern[p - 1] != b':' {
                    // Not a name: the bracket stands for itself.
                    p = begin - 2;
                    c = b'[';
                    matched |= t_ch == c;
                } else {
                    matched |= self.named(&pattern[begin..p - 1], t_ch)?;
                    c = 0;
                }
            } else {
                matched |= t_ch == c;
            }
            previous = c;
            p += 1;
            c = byte(p)?;
            if c == b']' {
                break;
            }
        }
        let is_barred = self.is_path && t_ch == b'/';
        Some((matched != is_negated && !is_barred, p))
    }

    /// Whether a byte is of a class that has a name; `None` if there is no such class.
    fn named(&self, name: &[u8], byte: u8) -> Option<bool> {
        Some(match name {
            b"alnum" => byte.is_ascii_alphanumeric(),
            b"alpha" => byte.is_ascii_alphabetic(),
            b"blank" => matches!(byte, b' ' | b'\t'),
            b"cntrl" => byte.is_ascii_control(),
            b"digit" => byte.is_ascii_digit(),
            b"graph" => byte.is_ascii_graphic(),
            b"lower" => byte.is_ascii_lowercase(),
            b"print" => byte == b' ' || byte.is_ascii_graphic(),
            b"punct" => byte.is_ascii_punctuation(),
            b"space" => matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
            b"upper" => byte.is_ascii_uppercase() || self.fold && byte.is_ascii_lowercase(),
            b"xdigit" => byte.is_ascii_hexdigit(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_gits_do() {
        // Of git's t3070: pattern, text, as a path, as a name.
        for (text, pattern, path, name) in [
            ("foo", "foo", true, true),
            ("foo", "???", true, true),
            ("foo", "*f", false, false),
            ("foobar", "*ob*a*r*", true, true),
            ("f\\oo", "f\\\\oo", true, true),
            ("]", "[]]", true, true),
            ("-", "[a-c-e]", true, true),
            ("five", "[[:upper:]]ive", false, false),
            ("foo/bar", "foo*bar", false, true),
            ("foo/bar", "foo**bar", false, true),
            ("foo/bar", "foo/**/bar", true, false),
            ("foo/b/a/z/bar", "foo/**/bar", true, true),
            ("foo/bar", "foo/**/**/bar", true, false),
            ("deep/foo/bar", "**/foo/bar", true, true),
            ("foo", "**/foo", true, false),
            ("a/b", "a/**", true, true),
            ("foo/bar", "foo[/]bar", false, true),
            ("foo/bar", "f[^eiu][^eiu][^eiu][^eiu][^eiu]r", false, true),
            ("foo/baz/bar", "foo/*/*/bar", false, false),
            ("a[]b", "a[]b", false, false),
            ("ab/cXd/efXg/hi", "**/*X*/**/*i", true, true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes(), true, false),
                path,
                "{pattern} {text} as a path"
            );
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes(), false, false),
                name,
                "{pattern} {text} as a name"
            );
        }
        assert!(matches(b"FO[a-z]", b"foO", true, true));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            pattern in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'*'), Just(b'['), Just(b'\\')], 0..30),
            text in proptest::collection::vec(any::<u8>(), 0..30),
        ) {
            let _ = matches(&pattern, &text, true, false);
            let _ = matches(&pattern, &text, false, true);
        }
    }
}
