//! What `--version -v` tells: what has to be known of a build to tell what is wrong with it.

use std::ffi::OsString;

use forgekeep_git::libgit2;
use forgekeep_plugin_documents::PROTOCOL;
use forgekeep_plugin_host::ABI;

/// Whether more is asked for than the version: `-v` beside `--version`, in whatever order.
pub fn is_verbose(words: impl Iterator<Item = OsString>) -> bool {
    words.skip(1).any(|word| {
        let Some(word) = word.to_str() else {
            return false;
        };
        let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        word == "--verbose" || short.is_some_and(|letters| letters.contains('v'))
    })
}

/// A line for each.
pub fn details() -> String {
    let (major, minor, revision) = libgit2::version();
    let version = env!("CARGO_PKG_VERSION");
    let commit = env!("FORGEKEEP_BUILT_FROM");
    let target = env!("FORGEKEEP_BUILT_FOR");
    format!(
        "forgekeep {version}\n\
         commit: {commit}\n\
         plugin ABI: {ABI}\n\
         plugin protocol: {PROTOCOL}\n\
         libgit2: {major}.{minor}.{revision}\n\
         target: {target}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_by_v_alone() {
        let asks = |words: &str| is_verbose(words.split(' ').map(OsString::from));
        for words in [
            "f --version -v",
            "f -vV",
            "f -Vv",
            "f --verbose --version",
            "f -V -vv",
        ] {
            assert!(asks(words), "{words}");
        }
        for words in ["f --version", "f -V", "v --version", "f --version -q"] {
            assert!(!asks(words), "{words}");
        }
    }
}
