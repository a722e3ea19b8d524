//! Text from outside, which is neither shown nor made a path by accident.

use std::ffi::OsStr;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::shown::{Printable, Show, Shown};

/// Text that a hoster, a plugin or a file in the backup has given: a name, an identity.
///
/// It may hold anything: control characters that take over a terminal, `../..`, marks that turn a
/// line round. So it cannot be displayed and is no path; whoever wants it says for what:
/// [`shown`](crate::Show::shown) to show it, [`raw`](Self::raw) to compare, to keep, or to encode it
/// ([`crate::names::encode_component`]). Comparing with other text needs neither.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, description = ""))]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes text from outside as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Text in bytes of somebody else's: those that are not UTF-8 are replaced.
    #[allow(clippy::disallowed_methods)]
    pub fn lossy(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A path, or a name in one, as text: what is not Unicode is replaced.
    #[allow(clippy::disallowed_methods)]
    pub fn of_path(path: impl AsRef<OsStr>) -> Self {
        Self(path.as_ref().to_string_lossy().into_owned())
    }

    /// As it may be shown, to be kept so.
    pub fn printable(&self) -> Printable {
        self.shown().into()
    }

    /// As it came. Not for a terminal, a message, a report or a path.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// As [`shown`](Show::shown), for as long as it is wanted.
    pub fn into_shown(self) -> Shown<'static> {
        Shown::owned(self.0)
    }

    /// As [`raw`](Self::raw), without a copy.
    pub fn into_raw(self) -> String {
        self.0
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

impl Show for Untrusted {
    fn shown(&self) -> Shown<'_> {
        Shown::of(&self.0)
    }
}

impl From<Untrusted> for Printable {
    fn from(text: Untrusted) -> Self {
        text.0.into()
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

impl From<&Untrusted> for Printable {
    fn from(text: &Untrusted) -> Self {
        text.printable()
    }
}

impl PartialEq<Untrusted> for String {
    fn eq(&self, other: &Untrusted) -> bool {
        *self == other.0
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
