//! The names that Bitbucket has for repositories in addresses, by its own rules (*What is a repository
//! slug?* of Atlassian Support).

use forgekeep_plugin_sdk::{TargetName, flat_name, target_name, without_endings};

/// Most characters of one.
const LONGEST: usize = 62;

/// Letters that are written without their marks.
const PLAIN: [(&str, &str); 24] = [
    ("àáâãäåāăą", "a"),
    ("æ", "ae"),
    ("çćĉċč", "c"),
    ("ðďđ", "d"),
    ("èéêëēĕėęě", "e"),
    ("ĝğġģ", "g"),
    ("ĥħ", "h"),
    ("ìíîïĩīĭįı", "i"),
    ("ĵ", "j"),
    ("ķĸ", "k"),
    ("ĺļľŀł", "l"),
    ("ñńņňŋ", "n"),
    ("òóôõöøōŏő", "o"),
    ("œ", "oe"),
    ("ŕŗř", "r"),
    ("śŝşšș", "s"),
    ("ß", "ss"),
    ("ţťŧț", "t"),
    ("þ", "th"),
    ("ùúûüũūŭůűų", "u"),
    ("ŵ", "w"),
    ("ýÿŷ", "y"),
    ("źżž", "z"),
    // Marks that follow their letter.
    (
        "\u{300}\u{301}\u{302}\u{303}\u{304}\u{306}\u{307}\u{308}\u{30a}\u{30b}\u{30c}\u{327}\u{328}",
        "",
    ),
];

/// What a name becomes. A slug has lower-case letters, digits, `_`, `-` and `.`; all else between two of
/// these, such as the `/` after a group, becomes one `-`, and so do several `-`. It neither begins nor ends
/// with one.
pub(crate) fn of(name: &str) -> TargetName {
    let mut plain = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match PLAIN.iter().find(|(marked, _)| marked.contains(c)) {
            Some((_, without)) => plain.push_str(without),
            None => plain.push(c),
        }
    }
    let takes = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.".contains(c);
    let slug = flat_name(&plain, LONGEST, takes);
    // `.git` stands behind it in addresses for cloning.
    let slug = without_endings(&slug, &["-", ".git"]);
    let is_nothing = slug.bytes().all(|b| b == b'.');
    let refused = "nothing is left of it as a name at Bitbucket, which takes letters from a to z, digits, `_`, `-` and `.`";
    target_name(slug, is_nothing.then_some(refused))
}
