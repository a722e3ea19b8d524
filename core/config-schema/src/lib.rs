//! The configuration as a JSON Schema, for editors.
//!
//! What is written here is what the modules that read it do, and the sentences are the manual's: tests
//! compare it with both.

mod keys;
mod plugin;

use forgekeep_config::PluginKeys;
use forgekeep_config::keys::PASSWORD;
use keys::{Key, Kind};
use serde_json::{Map, Value, json};

/// The dialect.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A plugin, as far as the schema is about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginSchema {
    /// The `hoster` of its sources.
    pub id: String,
    /// Other values of `hoster` it answers to.
    pub aliases: Vec<String>,
    /// One line about it.
    pub description: String,
    /// What it says of its sources' keys.
    pub keys: PluginKeys,
}

/// The JSON Schema (draft 2020-12) of a configuration whose hosters have these plugins. Without any, a
/// source may have any hoster and any key.
///
/// It is stricter than [`load`](forgekeep_config::load): keys that are not known are refused, and words have to be
/// written as they are here. What cannot be said of each value by itself is left out of it.
pub fn json_schema(plugins: &[PluginSchema]) -> Value {
    let mut top = properties(keys::TOP_LEVEL);
    top.insert(
        "sources".to_owned(),
        sources(plugins, keys::SOURCES_ARE, &[]),
    );
    let mut targets = sources(plugins, keys::TARGETS_ARE, keys::OF_TARGETS);
    targets["type"] = json!(["array", "null"]);
    if let Some(targets) = targets.as_object_mut() {
        targets.remove("minItems");
    }
    top.insert("targets".to_owned(), targets);
    let groups = keys::OPTIONS
        .iter()
        .map(|(name, description, keys)| (*name, group(description, properties(keys))));
    let options = groups
        .map(|(name, group)| (name.to_owned(), group))
        .collect();
    top.insert("options".to_owned(), group(keys::OPTIONS_ARE, options));
    let mut channels = json!({
        "description": keys::NOTIFY_ARE,
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "required": ["kind"],
            "properties": properties(keys::CHANNEL),
            "additionalProperties": false,
        },
    });
    channels["items"]["allOf"] = json!([one_way(PASSWORD), one_way("url"), one_way("routingKey")]);
    top.insert("notify".to_owned(), channels);
    top.insert(
        "hooks".to_owned(),
        group(keys::HOOKS_ARE, properties(keys::HOOKS)),
    );
    top.insert(
        "email".to_owned(),
        group(keys::EMAIL_IS, properties(keys::EMAIL)),
    );
    let of_plugins = group(keys::PLUGINS_ARE, properties(keys::PLUGINS));
    top.insert("plugins".to_owned(), of_plugins);
    json!({
        "$schema": DRAFT,
        "title": "Configuration of Forgekeep",
        "type": "object",
        "required": ["localFolder", "sources"],
        "properties": top,
        "additionalProperties": false,
    })
}

fn sources(plugins: &[PluginSchema], description: &str, more: &[Key]) -> Value {
    let mut of_source = properties(keys::SOURCE);
    of_source.extend(properties(more));
    let mut rules = vec![one_way(PASSWORD)];
    if !plugins.is_empty() {
        // An alias is the first one's, and no other plugin's id.
        let mut names: Vec<&str> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
        let mut of_plugins: Vec<Vec<&str>> = Vec::new();
        for plugin in plugins {
            let mut own = vec![plugin.id.as_str()];
            for alias in &plugin.aliases {
                if !names.contains(&alias.as_str()) {
                    names.push(alias);
                    own.push(alias);
                }
            }
            of_plugins.push(own);
        }
        if let Some(hoster) = of_source.get_mut("hoster") {
            *hoster = described(json!({ "enum": names }), keys::description("hoster"));
        }
        let with_names = plugins.iter().zip(&of_plugins);
        rules.extend(with_names.map(|(plugin, names)| plugin::rule(plugin, names)));
    }
    let mut source = json!({
        "type": "object",
        "required": ["title", "hoster"],
        "properties": of_source,
        "allOf": rules,
    });
    if !plugins.is_empty() {
        source["unevaluatedProperties"] = false.into();
    }
    json!({
        "description": description,
        "type": "array",
        "minItems": 1,
        "items": source,
    })
}

fn group(description: &str, properties: Map<String, Value>) -> Value {
    json!({
        "description": description,
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    let of = |key: &Key| {
        (
            key.name.to_owned(),
            described(of_kind(&key.kind), key.description),
        )
    };
    keys.iter().map(of).collect()
}

fn described(mut schema: Value, description: &str) -> Value {
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Required => json!({ "type": ["string", "number", "boolean"] }),
        Kind::Text => text(),
        Kind::Texts => json!({ "type": ["array", "null"], "items": text() }),
        Kind::TextsIfAny => json!({ "type": "array", "items": text() }),
        Kind::Command => command(),
        Kind::Commands => json!({ "type": ["array", "null"], "items": {
            "type": "array", "items": text(), "minItems": 1,
        } }),
        Kind::TextOrTexts => json!({
            "type": ["string", "array", "null"],
            "items": text(),
        }),
        Kind::OneOrMore(words) => json!({ "anyOf": [
            words_or_null(words, None),
            { "type": "array", "minItems": 1, "items": { "enum": words } },
        ] }),
        Kind::OneOf(words) => words_or_null(words, None),
        Kind::RequiredOneOf(words) => json!({ "enum": words }),
        Kind::Flag(default) => json!({ "type": ["boolean", "string", "null"], "default": default }),
        Kind::Words(words) => words_or_null(words, words.first()),
        Kind::Number(least, most, default) => {
            let mut schema = json!({
                // In quotes too, and so from the environment.
                "type": ["integer", "string", "null"],
                "minimum": least,
                "maximum": most,
            });
            if let Some(default) = default {
                schema["default"] = (*default).into();
            }
            schema
        }
        Kind::Group => json!({ "type": ["object", "null"], "additionalProperties": text() }),
        Kind::Anything => json!({}),
    }
}

/// A text: what is written without quotes counts as it is written, and nothing as an absent key.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean", "null"] })
}

fn command() -> Value {
    json!({ "type": ["array", "null"], "items": text(), "minItems": 1 })
}

fn words_or_null<T: AsRef<str>>(words: &[T], default: Option<&T>) -> Value {
    let words = words.iter().map(|word| Value::from(word.as_ref()));
    let all: Vec<Value> = words.chain(std::iter::once(Value::Null)).collect();
    let mut schema = json!({ "enum": all });
    if let Some(default) = default {
        schema["default"] = default.as_ref().into();
    }
    schema
}

/// A secret is given in one way at most.
fn one_way(key: &str) -> Value {
    let [plain, file, command] = plugin::ways(key);
    json!({
        "not": {
            "anyOf": [
                { "required": [plain, file] },
                { "required": [plain, command] },
                { "required": [file, command] },
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use forgekeep_config::keys as read;

    fn names(schema: &Value) -> BTreeSet<&str> {
        let properties = schema["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect()
    }

    fn both<'k>(ours: &[&'k str], former: &[&'k str]) -> BTreeSet<&'k str> {
        ours.iter().chain(former).copied().collect()
    }

    #[test]
    fn it_has_the_keys_that_are_read() {
        let schema = json_schema(&[]);
        assert_eq!(
            names(&schema),
            both(read::TOP_LEVEL, read::FORMER_TOP_LEVEL)
        );
        let properties = &schema["properties"];
        let source = &properties["sources"]["items"];
        assert_eq!(names(source), both(read::SOURCE, &[]));
        assert_eq!(names(&properties["plugins"]), both(read::PLUGINS, &[]));
        let groups = &properties["options"];
        assert_eq!(names(groups), both(read::OPTIONS, &[]));
        let of = |group: &str| names(&groups["properties"][group]);
        assert_eq!(of("backup"), both(read::BACKUP, read::FORMER_BACKUP));
        assert_eq!(of("network"), both(read::NETWORK, &[]));
        assert_eq!(of("history"), both(read::HISTORY, &[]));
        assert_eq!(of("alert"), both(read::ALERT, &[]));
        assert_eq!(of("limits"), both(read::LIMITS, &[]));
        assert_eq!(of("status"), both(read::STATUS, &[]));
        let channel = &properties["notify"]["items"];
        assert_eq!(names(channel), both(&read::CHANNEL.concat(), &[]));
        assert_eq!(names(&properties["hooks"]), both(read::HOOKS, &[]));
        assert_eq!(names(&properties["email"]), both(read::EMAIL, &[]));
        let words = &properties["plugins"]["properties"]["confinement"]["enum"];
        let known = read::CONFINEMENT.map(Value::from);
        assert!(
            known
                .iter()
                .all(|word| words.as_array().is_some_and(|w| w.contains(word)))
        );
    }
}
