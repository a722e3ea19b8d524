//! Which of upstream's refs are backed up.

use forgekeep_git::refs::RefName;

/// What a pattern of a plugin has to name before its first `*`: more than one of these. Otherwise a plugin
/// could leave out every branch or tag.
const WHOLE: [&str; 4] = ["refs/", "refs/heads/", "refs/tags/", "refs/notes/"];

/// Rules by the names of refs. A pattern is a whole name in which `*` stands for any characters, `/` among
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RefRules {
    include: Vec<String>,
    exclude: Vec<String>,
    advised: Vec<String>,
}

impl RefRules {
    /// What a source's `includeRefs` and `excludeRefs` say, and the patterns of refs that its plugin advises
    /// to leave out, since the hoster makes and moves them itself. Advice that is about all branches, or all
    /// tags, is not taken.
    pub fn new(include: &[String], exclude: &[String], advised: &[&str]) -> Self {
        let advised = advised.iter().filter(|pattern| is_narrow(pattern));
        Self {
            include: include.to_vec(),
            exclude: exclude.to_vec(),
            advised: advised.map(|pattern| (*pattern).to_owned()).collect(),
        }
    }

    /// Whether a ref is not backed up. `excludeRefs` wins over `includeRefs`, and that over advice.
    pub fn leave_out(&self, name: &[u8]) -> bool {
        let any = |patterns: &[String]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| matches(pattern.as_bytes(), name))
        };
        any(&self.exclude) || (any(&self.advised) && !any(&self.include))
    }

    /// Whether a ref is not backed up, which may be where `HEAD` points: advice never goes so far.
    pub(super) fn leave_out_with(&self, is_head: bool, name: &RefName) -> bool {
        match is_head {
            true => (self.exclude.iter()).any(|pattern| matches(pattern.as_bytes(), name)),
            false => self.leave_out(name),
        }
    }
}

fn is_narrow(pattern: &str) -> bool {
    let literal = pattern.split('*').next().unwrap_or_default();
    literal.starts_with("refs/") && !WHOLE.iter().any(|whole| whole.starts_with(literal))
}

/// Whether a name is one that a pattern stands for.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut pieces = pattern.split(|byte| *byte == b'*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let mut starts = (0..=rest.len()).filter(|at| rest[*at..].starts_with(piece));
        let Some(at) = starts.next() else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&pattern| pattern.to_owned()).collect()
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, expected) in [
            ("refs/pull/*/merge", "refs/pull/7/merge", true),
            ("refs/pull/*/merge", "refs/pull/7/8/merge", true),
            ("refs/pull/*/merge", "refs/pull/merge", false),
            ("refs/pull/*/merge", "refs/pull/7/head", false),
            ("refs/pull/*", "refs/pull/7/head", true),
            ("refs/pull/*", "refs/pulls/7", false),
            ("refs/heads/main", "refs/heads/main", true),
            ("refs/heads/main", "refs/heads/main2", false),
            ("*", "refs/heads/main", true),
            ("refs/*a*a", "refs/a", false),
            ("refs/*a*a", "refs/aa", true),
            ("refs/*ab*b", "refs/ab", false),
            ("**/x", "refs/heads/x", true),
        ] {
            let found = matches(pattern.as_bytes(), name.as_bytes());
            assert_eq!(found, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn excluding_wins_over_including_and_that_over_advice() {
        let advised = ["refs/pull/*/merge", "refs/heads/queue/*"];
        let rules = RefRules::new(&[], &[], &advised);
        assert!(rules.leave_out(b"refs/pull/1/merge"));
        assert!(rules.leave_out(b"refs/heads/queue/1"));
        assert!(!rules.leave_out(b"refs/pull/1/head"));
        let rules = RefRules::new(
            &owned(&["refs/pull/*"]),
            &owned(&["refs/pull/2/*"]),
            &advised,
        );
        assert!(!rules.leave_out(b"refs/pull/1/merge"));
        assert!(rules.leave_out(b"refs/pull/2/merge"));
        assert!(rules.leave_out(b"refs/heads/queue/1"));
    }

    #[test]
    fn advice_about_all_branches_or_tags_is_not_taken() {
        for wide in [
            "*",
            "refs/*",
            "refs/h*",
            "refs/heads/*",
            "refs/tags/*",
            "heads/x",
            "",
        ] {
            let rules = RefRules::new(&[], &[], &[wide]);
            assert_eq!(rules, RefRules::default(), "{wide}");
        }
        let rules = RefRules::new(&[], &owned(&["refs/heads/*"]), &["refs/heads/q*"]);
        let head = b"refs/heads/queue".to_vec();
        assert!(rules.leave_out_with(true, &head));
        let rules = RefRules::new(&[], &[], &["refs/heads/q*"]);
        assert!(rules.leave_out(&head));
        assert!(!rules.leave_out_with(true, &head));
    }
}
