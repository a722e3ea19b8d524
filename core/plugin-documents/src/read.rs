//! How a document is read: checked as a whole first, then field by field, with a cap on each list.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limit;
use crate::refused::Refused;
use crate::scan::scan;

/// A whole document: what one call carries.
pub trait Document: Read {
    /// Words that may stand in its `requires`.
    const KNOWN: &'static [&'static str] = &[];

    /// Whether the fields go together.
    ///
    /// # Errors
    ///
    /// [`Refused`], where one is over a limit of its own, or lacks what it cannot be without.
    fn sound(&self) -> Result<(), Refused> {
        Ok(())
    }
}

/// Reads a document.
///
/// # Errors
///
/// [`Refused`], with what is wrong.
pub fn parse<T: Document>(bytes: &[u8]) -> Result<T, Refused> {
    if bytes.len() > limit::DOCUMENT {
        return Err(Refused::TooLarge("its length"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refused::malformed("it is not UTF-8"))?;
    if !text.trim_start().starts_with('{') {
        return Err(Refused::malformed("it is no JSON object"));
    }
    if scan(text)? {
        let Requires { requires } = read_text(text)?;
        let known = |word: &String| T::KNOWN.contains(&word.as_str());
        if let Some(word) = requires.into_iter().find(|word| !known(word)) {
            return Err(Refused::Unsupported(word));
        }
    }
    let document: T = read_text(text)?;
    document.sound()?;
    Ok(document)
}

/// What is required of whoever reads a document.
#[derive(Deserialize)]
struct Requires {
    #[serde(default, deserialize_with = "field")]
    requires: Vec<String>,
}

impl Read for Requires {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }
}

fn read_text<T: Read>(text: &str) -> Result<T, Refused> {
    let read: Field<T> = serde_json::from_str(text)
        .map_err(|error| Refused::Malformed(without_values(&error.to_string())))?;
    Ok(read.0)
}

/// What serde says, without the values that it quotes: they may be secrets.
fn without_values(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        shown.push_str(before);
        shown.push('…');
        // Quoted by `Debug`: a quote inside has a backslash before it. The last one ends it.
        rest = after.rsplit_once('"').map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    shown.chars().take(200).collect()
}

/// What can stand in a field.
pub trait Read: Sized {
    /// Reads it; `null` does not come here.
    ///
    /// # Errors
    ///
    /// The parser's, where it is something else.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error>;
}

/// What can stand in a list.
pub trait Item: Read {
    /// How many of them.
    const MOST: usize;
    /// What they are called in messages.
    const MANY: &'static str;
}

/// For serde's own ways: reads by [`Read`].
pub(crate) struct Field<T>(pub(crate) T);

impl<'de, T: Read> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Self)
    }
}

/// A field of a document: `null` is the default, as an absent one is.
pub(crate) fn field<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Read + Default,
{
    let value = Option::<Field<T>>::deserialize(from)?;
    Ok(value.map_or_else(T::default, |field| field.0))
}

macro_rules! as_it_is {
    ($($type:ty)*) => {
        $(impl Read for $type {
            fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::deserialize(from)
            }
        })*
    };
}

as_it_is!(String bool u16 u32 u64 i64);

impl Item for String {
    const MOST: usize = limit::ENTRIES;
    const MANY: &'static str = "words";
}

impl<T: Read> Read for Option<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Some)
    }
}

impl<T: Read> Read for Box<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::read(from).map(Box::new)
    }
}

impl<T: Item> Read for Vec<T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(List(PhantomData))
    }
}

struct List<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for List<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", T::MANY)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(Field(item)) = from.next_element()? {
            if list.len() >= T::MOST {
                return Err(too_many::<T, _>());
            }
            list.push(item);
        }
        // It grows by doubling, and half of it may be empty.
        list.shrink_to_fit();
        Ok(list)
    }
}

fn too_many<T: Item, E: Error>() -> E {
    E::custom(format_args!("more than {} {}", T::MOST, T::MANY))
}

impl<T: Item> Read for BTreeMap<String, T> {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Map(PhantomData))
    }
}

struct Map<T>(PhantomData<T>);

impl<'de, T: Item> Visitor<'de> for Map<T> {
    type Value = BTreeMap<String, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by name", T::MANY)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<BTreeMap<String, T>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = from.next_entry::<String, Option<Field<T>>>()? {
            if map.len() >= T::MOST {
                return Err(too_many::<T, _>());
            }
            if let Some(Field(value)) = value {
                map.insert(key, value);
            }
        }
        Ok(map)
    }
}
