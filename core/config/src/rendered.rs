//! A configuration as text again.

use super::document::ConfigDocument;
use super::node::{Node, ScalarKind, Syntax, Value};

/// A document as text again, without its comments.
pub(super) fn rendered(document: &ConfigDocument<'_>) -> Option<String> {
    match document.syntax {
        Syntax::Yaml => serde_yaml::to_string(&yaml_value(&document.root)).ok(),
        Syntax::Toml => match &document.root.value {
            Value::Mapping(_) => ::toml::to_string(&toml_value(&document.root)).ok(),
            Value::Null | Value::Scalar(_) | Value::Sequence(_) => Some(String::new()),
        },
    }
}

fn yaml_value(node: &Node) -> serde_yaml::Value {
    match &node.value {
        Value::Null => serde_yaml::Value::Null,
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Text => serde_yaml::Value::String(scalar.text.clone()),
            ScalarKind::Boolean(_) | ScalarKind::Integer(_) | ScalarKind::Other => {
                yaml_literal(&scalar.text)
            }
        },
        Value::Sequence(items) => items.iter().map(yaml_value).collect(),
        Value::Mapping(entries) => serde_yaml::Value::Mapping(
            entries
                .iter()
                .map(|entry| {
                    let key = serde_yaml::Value::String(entry.key.clone());
                    (key, yaml_value(&entry.node))
                })
                .collect(),
        ),
    }
}

/// A number as it was written; as text where the library would write it differently, because
/// where text is meant, `1.10` and `1.1` are two names.
fn yaml_literal(text: &str) -> serde_yaml::Value {
    serde_yaml::from_str::<serde_yaml::Value>(text)
        .ok()
        .filter(|value| {
            serde_yaml::to_string(value).is_ok_and(|rendered| rendered.trim_end() == text)
        })
        .unwrap_or_else(|| serde_yaml::Value::String(text.to_owned()))
}

fn toml_value(node: &Node) -> ::toml::Value {
    match &node.value {
        // TOML has no null: nothing makes one.
        Value::Null => ::toml::Value::String(String::new()),
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Text => ::toml::Value::String(scalar.text.clone()),
            ScalarKind::Boolean(_) | ScalarKind::Integer(_) | ScalarKind::Other => {
                toml_literal(&scalar.text)
            }
        },
        Value::Sequence(items) => ::toml::Value::Array(items.iter().map(toml_value).collect()),
        Value::Mapping(entries) => ::toml::Value::Table(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), toml_value(&entry.node)))
                .collect(),
        ),
    }
}

fn toml_literal(text: &str) -> ::toml::Value {
    ::toml::from_str::<::toml::Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .filter(|value| value.to_string() == text)
        .unwrap_or_else(|| ::toml::Value::String(text.to_owned()))
}
