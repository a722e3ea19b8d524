//! What things are called where they are made: names and texts in the form that a hoster takes.

use forgekeep_plugin_documents::TargetName;

/// Groups and name in one piece, for a hoster without groups: joined by `-`.
///
/// ```
/// # use forgekeep_plugin_sdk::joined;
/// assert_eq!(joined("team/deep/web"), "team-deep-web");
/// ```
pub fn joined(name: &str) -> String {
    let parts: Vec<_> = name.split('/').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// A name of characters that a hoster takes: each run of others becomes one `-`. What is more than `longest`
/// bytes is cut off.
pub fn slug(name: &str, takes: impl Fn(char) -> bool, longest: usize) -> String {
    let mut slug = String::new();
    let mut is_taken = true;
    for c in name.chars() {
        let was_taken = std::mem::replace(&mut is_taken, takes(c));
        let next = match (is_taken, was_taken) {
            (true, _) => c,
            (false, true) => '-',
            (false, false) => continue,
        };
        if slug.len() + next.len_utf8() > longest {
            break;
        }
        slug.push(next);
    }
    slug
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

/// A name as a target has it, and why there can be none of it, if so.
pub fn as_target(name: impl Into<String>, refused: Option<&str>) -> TargetName {
    TargetName {
        name: name.into(),
        refused: refused.map(str::to_owned),
    }
}

/// A text in one line of at most so many characters, without control characters.
pub fn line(text: &str, longest: usize) -> String {
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<_> = text
        .split(is_space)
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_part_of_the_name() {
        for (name, expected) in [("web", "web"), ("/a//b/", "a-b"), ("", ""), ("/", "")] {
            assert_eq!(joined(name), expected);
        }
    }

    #[test]
    fn a_run_of_other_characters_is_one_dash() {
        let of = |name: &str| slug(name, |c| c.is_ascii_alphanumeric(), 6);
        for (name, expected) in [
            ("web", "web"),
            ("ä b", "-b"),
            ("a b--c", "a-b-c"),
            ("日本", "-"),
            ("abcdefgh", "abcdef"),
            ("", ""),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(slug("ééé", |_| true, 5), "éé");
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
    fn a_text_is_one_line() {
        assert_eq!(line(" the\r\n\tshop \u{7} é", 10), "the shop é");
        assert_eq!(line("éèà", 2), "éè");
        let none = as_target("web", Some("why"));
        assert_eq!((&*none.name, none.refused.as_deref()), ("web", Some("why")));
    }
}
