//! Words of a newer version, where this one knows only some.

use std::fmt;
use std::sync::OnceLock;

use forgekeep_untrusted::Printable;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// Most different words that are kept; versions do not differ by as many.
const MOST: usize = 255;

/// Longest word that is kept.
const LONGEST: usize = 64;

/// What stands for all that are longer or too many.
const UNKNOWN: &str = "unknown";

static WORDS: [OnceLock<Box<str>>; MOST] = [const { OnceLock::new() }; MOST];

/// A word that this version does not know. It is as small as a known one is: the text is kept once
/// for the whole process, and what is kept is bounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(u8);

impl Word {
    /// Keeps a word, as it may be shown.
    pub fn new(text: &str) -> Self {
        let text = Printable::from(text);
        let kept: &str = match text.len() > LONGEST {
            true => UNKNOWN,
            false => &text,
        };
        let at = WORDS
            .iter()
            .position(|word| **word.get_or_init(|| kept.into()) == *kept);
        Self(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX))
    }

    /// The text, as whoever wrote it has written it: safe to show.
    pub fn as_str(self) -> &'static str {
        let word = WORDS.get(usize::from(self.0));
        word.and_then(OnceLock::get).map_or(UNKNOWN, |text| text)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word::new(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Word {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        String::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_and_what_is_kept_is_bounded() {
        let new = Word::new("rotten");
        assert_eq!((new, new.as_str()), (Word::new("rotten"), "rotten"));
        assert_eq!(Word::new(&"x".repeat(LONGEST + 1)).as_str(), UNKNOWN);
        for number in 0..=MOST {
            Word::new(&format!("{number}"));
        }
        assert_eq!(Word::new("one too many").as_str(), UNKNOWN);
        assert_eq!(new.as_str(), "rotten");
    }
}
