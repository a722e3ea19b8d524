//! TOML text to a tree.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::error::ConfigErrorKind;
use super::node::{MappingEntry, Node, Scalar, ScalarKind, SyntaxFault, Value, position_of};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxFault> {
    // Never the error's Display: it prints the line of the source.
    let table = DeTable::parse(text).map_err(|error| {
        let (kind, why) = match error.message() {
            "duplicate key" => (
                ConfigErrorKind::DuplicateKey,
                "only one of the two values could be used",
            ),
            message => (ConfigErrorKind::Syntax, message),
        };
        SyntaxFault {
            kind,
            position: error.span().map(|span| position_of(text, span.start)),
            why: why.to_owned(),
            hint: None,
        }
    })?;
    Ok(Node {
        at: Some(0),
        value: Value::Mapping(entries(table.get_ref(), text)),
    })
}

fn entries(table: &DeTable<'_>, text: &str) -> Vec<MappingEntry> {
    let mut entries: Vec<_> = table.iter().collect();
    // The library sorts by name.
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
        .into_iter()
        .map(|(key, value)| MappingEntry {
            key: key.get_ref().to_string(),
            at: Some(key.span().start),
            node: node(value, text),
        })
        .collect()
}

fn node(spanned: &Spanned<DeValue<'_>>, text: &str) -> Node {
    let span = spanned.span();
    let at = Some(span.start);
    let scalar = |kind| {
        Value::Scalar(Scalar {
            text: text.get(span.clone()).unwrap_or_default().to_owned(),
            kind,
        })
    };
    let value = match spanned.get_ref() {
        DeValue::String(string) => Value::Scalar(Scalar {
            text: string.to_string(),
            kind: ScalarKind::Text,
        }),
        DeValue::Integer(integer) => scalar(
            i128::from_str_radix(integer.as_str(), integer.radix())
                .map_or(ScalarKind::Other, ScalarKind::Integer),
        ),
        DeValue::Boolean(value) => scalar(ScalarKind::Boolean(*value)),
        DeValue::Float(_) | DeValue::Datetime(_) => scalar(ScalarKind::Other),
        DeValue::Array(items) => {
            Value::Sequence(items.iter().map(|item| node(item, text)).collect())
        }
        DeValue::Table(table) => Value::Mapping(entries(table, text)),
    };
    Node { at, value }
}
