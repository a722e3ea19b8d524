//! The names that Bitbucket has for repositories in addresses.

use forgekeep_plugin_sdk::TargetName;

/// Most characters of one.
const LONGEST: usize = 62;

/// What a name becomes. A slug has lower-case letters, digits, `_`, `-` and `.`; all else between two of
/// these, such as the `/` after a group, becomes one `-`. A slug of Bitbucket's own stays as it is.
pub(crate) fn of(name: &str) -> TargetName {
    let mut slug = String::new();
    let mut is_apart = false;
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if !matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.') {
            is_apart = !slug.is_empty();
            continue;
        }
        if is_apart && c != '-' && !slug.ends_with('-') {
            slug.push('-');
        }
        is_apart = false;
        slug.push(c);
    }
    slug.truncate(LONGEST);
    // It stands before the same ending in addresses for cloning.
    while let Some(shorter) = slug.strip_suffix(".git") {
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
