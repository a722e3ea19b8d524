//! Text that is safe to show, and how text from outside becomes it.

use std::borrow::{Borrow, Cow};
use std::ffi::OsStr;
use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use crate::names;

/// Something from outside, as it may be shown: what a terminal would act upon is displayed as `\u{1b}`.
#[derive(Clone)]
pub struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    /// Text that has no type of its own yet: a value of the configuration, an argument.
    pub fn of(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// Text of one's own that has no type.
    pub(crate) fn owned(text: String) -> Shown<'static> {
        Shown(Cow::Owned(text))
    }

    /// What a library says of something from outside, which it may quote.
    pub fn words(of: &impl fmt::Display) -> Shown<'static> {
        Self::owned(of.to_string())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&names::printable(&self.0))
    }
}

/// With escapes, as text in source code.
impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Shown<'_>> for String {
    fn from(shown: Shown<'_>) -> Self {
        names::printable(&shown.0).into_owned()
    }
}

/// What comes from outside and may be shown, in this form alone.
pub trait Show {
    /// As it may be shown.
    fn shown(&self) -> Shown<'_>;
}

// The one place where a path becomes text to be shown.
#[allow(clippy::disallowed_methods)]
impl Show for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(self.to_string_lossy())
    }
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        self.as_os_str().shown()
    }
}

impl Show for PathBuf {
    fn shown(&self) -> Shown<'_> {
        self.as_os_str().shown()
    }
}

/// Text that is safe to show, whatever it was made from: a message, or what a report holds. Nothing in it
/// makes a terminal act, also when it is read back from a file.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(inline, description = ""))]
pub struct Printable(String);

impl Printable {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Puts more text at the end.
    pub fn push_str(&mut self, more: &str) {
        self.0.push_str(&names::printable(more));
    }
}

impl Deref for Printable {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for Printable {
    fn from(text: String) -> Self {
        match names::printable(&text) {
            Cow::Borrowed(_) => Self(text),
            Cow::Owned(clean) => Self(clean),
        }
    }
}

impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        Self(names::printable(text).into_owned())
    }
}

impl From<Shown<'_>> for Printable {
    fn from(shown: Shown<'_>) -> Self {
        Self(shown.into())
    }
}

impl From<Printable> for String {
    fn from(text: Printable) -> Self {
        text.0
    }
}

impl<'de> Deserialize<'de> for Printable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl Borrow<str> for Printable {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<Printable> for String {
    fn eq(&self, other: &Printable) -> bool {
        *self == other.0
    }
}

impl PartialEq<str> for Printable {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Printable {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<String> for Printable {
    fn eq(&self, other: &String) -> bool {
        self.0 == *other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2Jb\u{202e}";
    const CLEAN: &str = "a\\u{1b}[2Jb\\u{202e}";

    #[test]
    fn what_is_shown_holds_nothing_a_terminal_obeys() {
        assert_eq!(Shown::of(HOSTILE).to_string(), CLEAN);
        assert_eq!(Path::new(HOSTILE).shown().to_string(), CLEAN);
        assert_eq!(Shown::words(&HOSTILE).to_string(), CLEAN);
        assert_eq!(format!("{:>4}|", Shown::of("a")), "   a|");
    }

    #[test]
    fn printable_text_is_clean_however_it_came_in() {
        let mut text = Printable::from(HOSTILE);
        assert_eq!(text, CLEAN);
        text.push_str(HOSTILE);
        assert_eq!(text, format!("{CLEAN}{CLEAN}"));
        let kept = serde_json::to_string(HOSTILE).unwrap();
        let read: Printable = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, CLEAN);
        // What is clean stays as it is, byte for byte.
        let kept = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Printable>(&kept).unwrap(), read);
        assert_eq!(kept, serde_json::to_string(CLEAN).unwrap());
    }
}
