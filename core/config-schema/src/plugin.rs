//! A plugin's own keys in the schema.

use forgekeep_config::keys::{MAX_NUMBER, command_key, file_key};
use forgekeep_config::{OptionKind, OptionSpec, OptionValue};
use serde_json::{Map, Value, json};

use super::{PluginSchema, command, described, one_way, text, words_or_null};

/// The keys of a secret.
pub(super) fn ways(key: &str) -> [String; 3] {
    [key.to_owned(), file_key(key), command_key(key)]
}

/// What holds for the sources of a plugin that answers to these names.
pub(super) fn rule(plugin: &PluginSchema, names: &[&str]) -> Value {
    let mut properties = Map::new();
    // Whether a source has a name is its plugin's to say.
    let mut required = match plugin.keys.nameless {
        true => Vec::new(),
        false => vec!["name".to_owned()],
    };
    let mut rules = Vec::new();
    if !plugin.keys.types.is_empty() {
        let types = words_or_null(&plugin.keys.types, None);
        properties.insert("type".to_owned(), types);
    }
    for spec in &plugin.keys.options {
        let schema = described(of_option(spec), &spec.description);
        properties.insert(spec.name.clone(), schema);
        let must = spec.required && spec.default.is_none();
        if spec.kind == OptionKind::Secret {
            let ways = ways(&spec.name);
            let [_, file, of_command] = &ways;
            let said = |what: &str| format!("{what} `{}`.", spec.name);
            let of_file = described(text(), &said("A file with the secret"));
            let of_print = described(command(), &said("A command that prints the secret"));
            properties.insert(file.clone(), of_file);
            properties.insert(of_command.clone(), of_print);
            rules.push(one_way(&spec.name));
            if must {
                let any: Vec<Value> = ways.map(|way| json!({ "required": [way] })).to_vec();
                rules.push(json!({ "anyOf": any }));
            }
        } else if must {
            required.push(spec.name.clone());
        }
    }
    let mut then = json!({ "properties": properties });
    if !plugin.description.is_empty() {
        then["description"] = plugin.description.clone().into();
    }
    if !required.is_empty() {
        then["required"] = required.into();
    }
    if !rules.is_empty() {
        then["allOf"] = rules.into();
    }
    json!({
        "if": { "properties": { "hoster": { "enum": names } }, "required": ["hoster"] },
        "then": then,
    })
}

fn of_option(spec: &OptionSpec) -> Value {
    let mut schema = match spec.kind {
        OptionKind::Text | OptionKind::Secret | OptionKind::File => text(),
        OptionKind::Number => json!({
            "type": ["integer", "string", "null"],
            "minimum": -MAX_NUMBER,
            "maximum": MAX_NUMBER,
        }),
        OptionKind::Flag => json!({ "type": ["boolean", "string", "null"] }),
        // A text is the name of a file, a number the one entry.
        OptionKind::List => json!({
            "type": ["array", "string", "integer", "null"],
            "items": text(),
        }),
        OptionKind::Choice => words_or_null(&spec.choices, None),
    };
    if let Some(default) = &spec.default {
        schema["default"] = match default {
            OptionValue::Text(text) => text.clone().into(),
            OptionValue::Number(number) => (*number).into(),
            OptionValue::Flag(flag) => (*flag).into(),
            OptionValue::List(list) => list.clone().into(),
        };
    }
    schema
}
