//! Text from outside, which is neither shown nor made a path by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::names;

/// Text that a hoster, a plugin or a file in the backup has given: a name, an identity.
///
/// It may hold anything: control characters that take over a terminal, `../..`, marks that turn a
/// line round. So it cannot be displayed and is no path; whoever wants it says for what:
/// [`printable`](Self::printable) to show it, [`raw`](Self::raw) to compare, to keep, or to encode it
/// ([`names::encode_component`]). Comparing with other text needs neither.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes text from outside as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it may be shown: see [`names::printable`].
    pub fn printable(&self) -> String {
        names::printable(&self.0)
    }

    /// As it came. Not for a terminal, a message, a report or a path.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is no character at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// With escapes, as text in source code.
impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl PartialEq<str> for Untrusted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Untrusted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for Untrusted {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_takes_over_a_terminal_comes_out_unasked() {
        let text = Untrusted::from("a\u{1b}[2Jb\u{202e}");
        assert!(!text.printable().contains(['\u{1b}', '\u{202e}']));
        assert!(!format!("{text:?}").contains(['\u{1b}', '\u{202e}']));
        assert_eq!(text.raw(), "a\u{1b}[2Jb\u{202e}");
        assert_eq!(text, "a\u{1b}[2Jb\u{202e}");
    }

    #[test]
    fn it_is_kept_as_the_text_it_is() {
        let text = Untrusted::from("a\nb");
        let kept = serde_json::to_string(&text).unwrap();
        assert_eq!(kept, "\"a\\nb\"");
        assert_eq!(serde_json::from_str::<Untrusted>(&kept).unwrap(), text);
    }
}
