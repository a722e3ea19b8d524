//! The names that Bitbucket has for repositories in addresses, by its own rules (*What is a repository
//! slug?* of Atlassian Support).

use forgekeep_plugin_sdk::TargetName;

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
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' | '_' | '.' => slug.push(c),
            _ => match PLAIN.iter().find(|(marked, _)| marked.contains(c)) {
                Some((_, plain)) => slug.push_str(plain),
                None if slug.is_empty() || slug.ends_with('-') => {}
                None => slug.push('-'),
            },
        }
    }
    slug.truncate(LONGEST);
    // `.git` stands behind it in addresses for cloning.
    while let Some(shorter) = slug.strip_suffix('-').or(slug.strip_suffix(".git")) {
        slug.truncate(shorter.len());
    }
    let refused = slug.bytes().all(|b| b == b'.').then(|| {
        "nothing is left of it as a name at Bitbucket, which takes letters from a to z, digits, `_`, `-` and `.`"
            .to_owned()
    });
    TargetName {
        name: slug,
        refused,
    }
}
