//! YAML text to a tree, and the places of its values.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize as _, DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess,
    SeqAccess, Visitor,
};

use super::error::{ConfigErrorKind, Position};
use super::node::{MappingEntry, Node, Scalar, ScalarKind, Step, SyntaxFault, Value};

/// What a tree may cost, in bytes of text plus some for each value. The library limits how deep
/// values nest and how often aliases are followed, but not what an alias stands for.
const BUDGET: usize = 32 * 1024 * 1024;
const NODE_COST: usize = 64;

/// The parser takes quadratic time for open brackets and for `%TAG` lines. No real configuration
/// comes near these numbers; brackets are counted without regard to quotes.
const MAX_BRACKETS: usize = 10_000;
const MAX_DIRECTIVES: usize = 100;

pub(super) fn parse(text: &str) -> Result<Node, SyntaxFault> {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{'));
    let directives = text.lines().filter(|line| line.starts_with("%TAG"));
    if brackets.count() > MAX_BRACKETS || directives.count() > MAX_DIRECTIVES {
        return Err(SyntaxFault {
            kind: ConfigErrorKind::TooLarge,
            position: None,
            why: format!(
                "more than {MAX_BRACKETS} brackets or {MAX_DIRECTIVES} `%TAG` lines are refused"
            ),
            hint: None,
        });
    }
    let limits = Limits {
        left: Cell::new(BUDGET),
        refusal: Cell::new(None),
    };
    let mut node = Shape(&limits)
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| fault(&error, limits.refusal.get()))?;
    Text(&mut node)
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| fault(&error, None))?;
    Ok(node)
}

/// Why this module, not the library, refused the text.
#[derive(Clone, Copy)]
enum Refusal {
    Budget,
    Tag,
    ComplexKey,
}

fn fault(error: &serde_yaml::Error, refusal: Option<Refusal>) -> SyntaxFault {
    let position = error.location().map(|location| Position {
        line: location.line(),
        column: location.column(),
    });
    let mut hint = None;
    let (kind, why) = match refusal {
        Some(Refusal::Budget) => (
            ConfigErrorKind::TooLarge,
            "its values, with aliases expanded, are more than a configuration can need".to_owned(),
        ),
        Some(Refusal::Tag) => {
            hint = Some("remove the tag; put a value that begins with `!` into single quotes");
            (
                ConfigErrorKind::Syntax,
                "it uses a YAML tag (`!name`), which means nothing here".to_owned(),
            )
        }
        Some(Refusal::ComplexKey) => {
            hint = Some("write a plain word as the key");
            (
                ConfigErrorKind::Syntax,
                "a list or a group of keys stands where a key belongs".to_owned(),
            )
        }
        None => {
            let message = error.to_string();
            // The parser's own messages are fixed texts. Those that quote are about a value, which
            // may be a secret.
            let why = if message.contains(['"', '`']) {
                hint = Some("remove the tag (`!!int` and the like) from the value");
                "a value does not fit its YAML tag".to_owned()
            } else if message.contains("more than one document") {
                hint = Some("keep one document: remove the `---` between them");
                "it holds more than one document".to_owned()
            } else {
                message
            };
            (ConfigErrorKind::Syntax, why)
        }
    };
    SyntaxFault {
        kind,
        position,
        why,
        hint,
    }
}

struct Limits {
    left: Cell<usize>,
    refusal: Cell<Option<Refusal>>,
}

impl Limits {
    fn refuse<E: serde::de::Error>(&self, refusal: Refusal) -> E {
        self.refusal.set(Some(refusal));
        E::custom("refused")
    }

    fn spend<E: serde::de::Error>(&self, text: usize) -> Result<(), E> {
        match self.left.get().checked_sub(NODE_COST + text) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.refuse(Refusal::Budget)),
        }
    }
}

/// The first reading: what is a list, a group, a number. The text of numbers is lost here.
#[derive(Clone, Copy)]
struct Shape<'l>(&'l Limits);

impl Shape<'_> {
    fn scalar<E: serde::de::Error>(self, text: &str, kind: ScalarKind) -> Result<Node, E> {
        self.0.spend(text.len())?;
        Ok(node(Value::Scalar(Scalar {
            text: text.to_owned(),
            kind,
        })))
    }
}

fn node(value: Value) -> Node {
    Node { at: None, value }
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        self.0.spend(0)?;
        Ok(node(Value::Null))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        self.visit_unit()
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        self.scalar("", ScalarKind::Boolean(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        self.scalar("", ScalarKind::Integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        self.scalar("", ScalarKind::Integer(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        self.scalar("", ScalarKind::Integer(value))
    }

    fn visit_u128<E: serde::de::Error>(self, _value: u128) -> Result<Node, E> {
        self.scalar("", ScalarKind::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, _value: f64) -> Result<Node, E> {
        self.scalar("", ScalarKind::Other)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node, E> {
        self.scalar(text, ScalarKind::Text)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _data: A) -> Result<Node, A::Error> {
        Err(self.0.refuse(Refusal::Tag))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.0.spend(0)?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(node(Value::Sequence(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        self.0.spend(0)?;
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(self)? {
            match key.value {
                Value::Null | Value::Scalar(_) => {}
                Value::Sequence(_) | Value::Mapping(_) => {
                    return Err(self.0.refuse(Refusal::ComplexKey));
                }
            }
            entries.push(MappingEntry {
                key: String::new(),
                at: None,
                node: access.next_value_seed(self)?,
            });
        }
        Ok(node(Value::Mapping(entries)))
    }
}

/// The second reading: asked for text, the library gives each scalar and key as it is written.
struct Text<'n>(&'n mut Node);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match &mut self.0.value {
            Value::Null => IgnoredAny::deserialize(deserializer).map(drop),
            Value::Scalar(scalar) => {
                scalar.text = Literal.deserialize(deserializer)?;
                Ok(())
            }
            Value::Sequence(_) => deserializer.deserialize_seq(self),
            Value::Mapping(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same as before")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if let Value::Sequence(items) = &mut self.0.value {
            for item in items {
                access.next_element_seed(Text(item))?;
            }
        }
        while access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if let Value::Mapping(entries) = &mut self.0.value {
            for entry in entries {
                if let Some(key) = access.next_key_seed(Literal)? {
                    entry.key = key;
                    access.next_value_seed(Text(&mut entry.node))?;
                }
            }
        }
        while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// A scalar's text as written, without quotes and escapes.
struct Literal;

impl<'de> DeserializeSeed<'de> for Literal {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Literal {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Finds the place of a value by failing there: an error is the one thing that has a place.
pub(super) fn locate(text: &str, trail: &[Step]) -> Option<Position> {
    let error = Locate(trail)
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    let location = error.location()?;
    Some(Position {
        line: location.line(),
        column: location.column(),
    })
}

struct Locate<'t>(&'t [Step]);

impl<'de> DeserializeSeed<'de> for Locate<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.0.first() {
            // A visitor without any method refuses whatever comes.
            None => deserializer.deserialize_any(self),
            Some(Step::Item(_)) => deserializer.deserialize_seq(self),
            Some(Step::Entry(_)) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Locate<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if let Some((Step::Item(index), rest)) = self.0.split_first() {
            for _ in 0..*index {
                access.next_element::<IgnoredAny>()?;
            }
            access.next_element_seed(Locate(rest))?;
        }
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        if let Some((Step::Entry(index), rest)) = self.0.split_first() {
            for _ in 0..*index {
                access.next_entry::<IgnoredAny, IgnoredAny>()?;
            }
            if rest.is_empty() {
                access.next_key_seed(Locate(rest))?;
            } else {
                access.next_key::<IgnoredAny>()?;
                access.next_value_seed(Locate(rest))?;
            }
        }
        Err(A::Error::custom("here"))
    }
}
