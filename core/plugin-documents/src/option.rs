use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor, value};
use serde::{Deserializer, Serialize, Serializer};

use crate::limit;
use crate::macros::{document, items};
use crate::read::Read;

/// The value of an option of a plugin's own. It tells by its form what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// A text, or one of the choices.
    Text(String),
    /// A whole number.
    Number(i64),
    /// On or off.
    Flag(bool),
    /// Texts.
    List(Vec<String>),
    /// The content of a file, which lies among the bytes beside the document.
    File(Span),
}

document! {
    /// A piece of the bytes beside a document.
    pub struct Span {
        /// Where it begins.
        pub from: u64,
        /// How long it is.
        pub length: u64,
    }
}

impl Span {
    /// The piece, where it is one.
    pub fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        let from = usize::try_from(self.from).ok()?;
        let length = usize::try_from(self.length).ok()?;
        bytes.get(from..from.checked_add(length)?)
    }
}

items! {
    OptionValue: limit::KEYS, "options";
}

impl Serialize for OptionValue {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Number(number) => to.serialize_i64(*number),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::List(list) => list.serialize(to),
            Self::File(span) => span.serialize(to),
        }
    }
}

impl Read for OptionValue {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = OptionValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, a flag, a list or a file")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OptionValue, E> {
        Ok(OptionValue::Text(text.to_owned()))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<OptionValue, E> {
        Ok(OptionValue::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<OptionValue, E> {
        Ok(OptionValue::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<OptionValue, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("too large a number"))?;
        Ok(OptionValue::Number(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OptionValue, A::Error> {
        Vec::read(value::SeqAccessDeserializer::new(list)).map(OptionValue::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, span: A) -> Result<OptionValue, A::Error> {
        Span::read(value::MapAccessDeserializer::new(span)).map(OptionValue::File)
    }
}

/// The content of a file. It may be a secret: `Debug` shows its length alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FileContent(Vec<u8>);

impl FileContent {
    /// These bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes. Never put them into a message, an address or a log.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
