//! Names and texts of repositories that are made at a target, in the form that a hoster takes.

use forgekeep_plugin_documents::{ErrorKind, HosterError, TargetName};

/// The name that a repository gets where names are flat: groups and name are joined by `-`, and so is what is
/// on both sides of characters that the hoster does not take. What is over `longest` characters is cut off.
/// Empty where nothing is left of it. The name of a name is that name.
///
/// ```
/// # use forgekeep_plugin_sdk::flat_name;
/// let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
/// assert_eq!(flat_name("shop/web app", 100, takes), "shop-web-app");
/// assert_eq!(flat_name("日本", 100, takes), "");
/// ```
pub fn flat_name(wanted: &str, longest: usize, takes: impl Fn(char) -> bool) -> String {
    let mut name = String::new();
    let mut length = 0;
    let mut is_gap = false;
    for one in wanted.chars() {
        if one == '/' || !takes(one) {
            is_gap = true;
            continue;
        }
        let needs_joint = is_gap && one != '-' && !name.is_empty() && !name.ends_with('-');
        is_gap = false;
        for one in needs_joint.then_some('-').into_iter().chain([one]) {
            if length == longest {
                return name;
            }
            name.push(one);
            length += 1;
        }
    }
    name
}

/// A flat name as a segment of a path, as some hosters want it: letters, digits, `-`, `_` and `.`; it begins and
/// ends with a letter or digit, has no two others in a row, is of `longest` characters at most, and has none of
/// some endings. Empty where nothing is left of it.
pub fn path_name(wanted: &str, longest: usize, endings: &[&str]) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let mut path = String::new();
    for c in flat_name(wanted, usize::MAX, |c| is_word(c) || "-_.".contains(c)).chars() {
        if path.len() < longest && (is_word(c) || path.ends_with(is_word)) {
            path.push(c);
        }
    }
    let mut left = path.as_str();
    loop {
        let shorter = without_endings(left, endings).trim_end_matches(|c| !is_word(c));
        if shorter.len() == left.len() {
            return shorter.to_owned();
        }
        left = shorter;
    }
}

/// A name without these endings, which a hoster keeps to itself, however often they stand there and in
/// whatever case.
pub fn without_endings<'name>(name: &'name str, endings: &[&str]) -> &'name str {
    let ends = |ending: &&str| {
        let at = name.len().checked_sub(ending.len())?;
        let end = name.get(at..)?;
        (!ending.is_empty() && end.eq_ignore_ascii_case(ending)).then(|| &name[..at])
    };
    match endings.iter().find_map(ends) {
        Some(shorter) => without_endings(shorter, endings),
        None => name,
    }
}

/// A name as a target has it: refused for a reason of the hoster's, or where nothing is left of it.
pub fn target_name(name: impl Into<String>, refused: Option<&str>) -> TargetName {
    let name = name.into();
    let is_empty = "no character of it may stand in a name there";
    let refused = refused.or_else(|| name.is_empty().then_some(is_empty));
    TargetName {
        refused: refused.map(str::to_owned),
        name,
    }
}

/// What an address has of a repository's full name: its owner, and its name.
///
/// # Errors
///
/// [`ErrorKind::BadAnswer`], where it is no full name.
pub fn owner_and_name(full_name: &str) -> Result<(&str, &str), HosterError> {
    let no_name = || {
        let message = "the full name of a repository is not one";
        HosterError::new(ErrorKind::BadAnswer, message)
            .with_hint("run again later; if it persists, the plugin needs an update")
    };
    let parts = full_name
        .split_once('/')
        .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
    parts.ok_or_else(no_name)
}

/// A text in one line, as descriptions are, without control characters and of at most `longest` characters.
pub fn in_one_line(text: &str, longest: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ascii(c: char) -> bool {
        c.is_ascii_alphanumeric() || "-_.".contains(c)
    }

    #[test]
    fn names_are_joined_and_stay_what_they_are() {
        for (wanted, name) in [
            ("web", "web"),
            ("Sub/deep/Web", "Sub-deep-Web"),
            ("a - b", "a-b"),
            ("a/-b", "a-b"),
            ("/a//b/", "a-b"),
            ("große Straße", "gro-e-Stra-e"),
            ("/../..//x", "..-..-x"),
            ("日本/web", "web"),
            ("web日本", "web"),
            ("-", "-"),
            ("---", "---"),
            ("x\u{202e}y\0z\n", "x-y-z"),
            ("日本", ""),
            ("", ""),
            ("/", ""),
        ] {
            let made = flat_name(wanted, 100, ascii);
            assert_eq!(made, name, "{wanted:?}");
            assert_eq!(flat_name(&made, 100, ascii), made, "{wanted:?}");
        }
    }

    #[test]
    fn length_counts_characters_and_what_is_cut_stays() {
        assert_eq!(flat_name(&"ü".repeat(70), 64, |_| true), "ü".repeat(64));
        for length in 1..8 {
            let name = flat_name("ab cd/ef", length, ascii);
            assert_eq!(name, "ab-cd-ef"[..length]);
            assert_eq!(flat_name(&name, length, ascii), name);
        }
    }

    #[test]
    fn a_path_begins_and_ends_with_a_word() {
        for (name, expected) in [
            ("web", "web"),
            ("team/web", "team-web"),
            ("-_web_.", "web"),
            ("a--b__c.-d", "a-b_c.d"),
            ("a -_b", "a-b"),
            ("a b.git.atom", "a-b"),
            ("äöü", ""),
            ("日本 web", "web"),
            (".git", "git"),
            ("abcdefghijklm-no", "abcdefghijklm"),
        ] {
            let endings = [".git", ".atom"];
            let made = path_name(name, 14, &endings);
            assert_eq!(made, expected, "{name}");
            assert_eq!(path_name(&made, 14, &endings), made, "{name}");
        }
    }

    #[test]
    fn endings_go_however_often_they_stand_there() {
        let of = |name| without_endings(name, &[".git", ".atom"]);
        for (name, expected) in [
            ("web.git", "web"),
            ("web.git.ATOM.Git", "web"),
            ("web.github", "web.github"),
            (".git", ""),
            ("日git", "日git"),
            ("é", "é"),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(without_endings("web", &[""]), "web");
    }

    #[test]
    fn a_name_of_nothing_is_refused() {
        let refused = |name, why| target_name(name, why).refused;
        assert!(refused("", None).is_some());
        assert_eq!(refused("web", None), None);
        for name in ["", "web"] {
            assert_eq!(refused(name, Some("why")).as_deref(), Some("why"));
        }
    }

    #[test]
    fn a_full_name_has_two_parts() {
        assert_eq!(owner_and_name("acme/web"), Ok(("acme", "web")));
        for wrong in ["", "web", "/web", "acme/", "a/b/c"] {
            assert!(owner_and_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_description_is_one_line() {
        let whole = in_one_line(" Shop\r\n  of\tacme\0 \u{7} é", usize::MAX);
        assert_eq!(whole, "Shop of acme é");
        assert_eq!(in_one_line("éèà", 2), "éè");
    }
}
