//! Atlassian's schemas, which are OpenAPI's, as JSON Schema.

use std::collections::{BTreeMap, BTreeSet};

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

/// Where the translated schemas are, for their references.
const PLACE: &str = "https://schema.example/bitbucket-cloud.json";
const REFERENCE: &str = "#/components/schemas/";

/// What may stand in the schema of an object.
const OF_OBJECTS: [&str; 5] = [
    "additionalProperties",
    "discriminator",
    "properties",
    "required",
    "type",
];
/// What may stand in any other. A word beside these would be ignored: it has to be understood first.
const OF_OTHERS: [&str; 10] = [
    "anyOf",
    "enum",
    "format",
    "items",
    "maximum",
    "minItems",
    "minimum",
    "nullable",
    "type",
    "uniqueItems",
];

/// How much of an answer there has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that the document requires.
    Whole,
    /// What the request asked for by `fields`.
    Partial,
}

/// The schemas of a document, compiled.
pub struct Judge {
    schemas: Schemas,
    compiled: BTreeMap<String, SchemaIndex>,
}

impl Judge {
    /// Compiles the schemas of answers, which have names.
    pub fn new(document: &Value, answers: &BTreeMap<String, Value>, extent: Extent) -> Self {
        let translation = Translation { document, extent };
        let all = document["components"]["schemas"].as_object().unwrap();
        let all: Map<String, Value> = all
            .iter()
            .map(|(name, schema)| (name.clone(), translation.object(&[schema])))
            .collect();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        let resource = json!({"components": {"schemas": all}});
        compiler.add_resource(PLACE, resource).unwrap();
        let mut schemas = Schemas::new();
        let mut compiled = BTreeMap::new();
        for ((name, schema), number) in answers.iter().zip(1..) {
            let place = format!("https://schema.example/answer-{number}.json");
            let schema = translation.value(&[schema]);
            compiler.add_resource(&place, schema).unwrap();
            let index = compiler.compile(&place, &mut schemas).unwrap();
            compiled.insert(name.clone(), index);
        }
        Self { schemas, compiled }
    }

    /// What is wrong with an answer.
    pub fn wrong(&self, answer: &str, body: &Value) -> Option<String> {
        let judged = self.schemas.validate(body, self.compiled[answer]);
        judged.err().map(|error| format!("{error:#}"))
    }
}

/// From OpenAPI 3.0 to JSON Schema 2020-12, and stricter: an object has no field that the document
/// does not describe. It leaves them open, so that more may come; but one that is made up here
/// would be relied on.
struct Translation<'a> {
    document: &'a Value,
    extent: Extent,
}

impl<'a> Translation<'a> {
    /// A value that all of these schemas describe.
    fn value(&self, schemas: &[&'a Value]) -> Value {
        if let [schema] = schemas
            && let Some(name) = reference(schema)
        {
            return match self.is_discriminated(name) {
                true => self.one_of_its_kinds(name),
                false => refer(name),
            };
        }
        if schemas.iter().all(|schema| self.is_object(schema)) {
            return self.object(schemas);
        }
        let all: Vec<Value> = schemas.iter().map(|schema| self.other(schema)).collect();
        json!({"allOf": all})
    }

    /// The `type` of such an object says of which schema it is: of this one, or of one that
    /// inherits it. The document calls that its `discriminator`.
    fn one_of_its_kinds(&self, name: &'a str) -> Value {
        let kinds = [vec![name], self.kinds_of(name)].concat();
        let mut all = vec![json!({"type": "object", "properties": {"type": {"enum": kinds}}})];
        if self.extent == Extent::Whole {
            all.push(json!({"required": ["type"]}));
        }
        all.extend(kinds.into_iter().map(|kind| {
            let condition = json!({"required": ["type"], "properties": {"type": {"const": kind}}});
            json!({"if": condition, "then": refer(kind)})
        }));
        json!({"allOf": all})
    }

    /// An object that all of these schemas describe, with what they inherit.
    fn object(&self, schemas: &[&'a Value]) -> Value {
        let mut properties: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        let mut required = BTreeSet::new();
        for schema in schemas {
            self.collect(schema, &mut properties, &mut required);
        }
        let is_described = !properties.is_empty();
        let properties: Map<String, Value> = properties
            .into_iter()
            .map(|(name, schemas)| (name.to_owned(), self.value(&schemas)))
            .collect();
        let mut object = json!({"type": "object", "properties": properties});
        if is_described {
            object["additionalProperties"] = false.into();
        }
        if self.extent == Extent::Whole {
            object["required"] = required.into_iter().collect();
        }
        object
    }

    fn collect(
        &self,
        schema: &'a Value,
        properties: &mut BTreeMap<&'a str, Vec<&'a Value>>,
        required: &mut BTreeSet<&'a str>,
    ) {
        if let Some(name) = reference(schema) {
            return self.collect(self.schema(name), properties, required);
        }
        if let Some(all) = schema["allOf"].as_array() {
            assert_words(schema, &["allOf"]);
            for part in all {
                self.collect(part, properties, required);
            }
            return;
        }
        assert_words(schema, &OF_OBJECTS);
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            properties.entry(name).or_default().push(schema);
        }
        let names = schema["required"].as_array().into_iter().flatten();
        required.extend(names.map(|name| name.as_str().unwrap()));
    }

    /// A value that is no object, or need not be one.
    fn other(&self, schema: &'a Value) -> Value {
        assert_words(schema, &OF_OTHERS);
        let mut translated = Map::new();
        for (word, value) in schema.as_object().unwrap() {
            let value = match word.as_str() {
                "nullable" => continue,
                "items" => self.value(&[value]),
                "anyOf" => {
                    let all = value.as_array().unwrap().iter();
                    all.map(|schema| self.value(&[schema])).collect()
                }
                _ => value.clone(),
            };
            translated.insert(word.clone(), value);
        }
        match schema["nullable"] == true {
            true => json!({"anyOf": [translated, {"type": "null"}]}),
            false => translated.into(),
        }
    }

    fn schema(&self, name: &str) -> &'a Value {
        let found = &self.document["components"]["schemas"][name];
        assert!(found.is_object(), "no schema {name}");
        found
    }

    fn is_object(&self, schema: &Value) -> bool {
        match reference(schema) {
            Some(name) => self.is_object(self.schema(name)),
            None => schema.get("allOf").is_some() || schema["type"] == "object",
        }
    }

    /// Whether `type` names the schema of a value, by itself or by what it inherits.
    fn is_discriminated(&self, name: &str) -> bool {
        let schema = self.schema(name);
        if let Some(discriminator) = schema.get("discriminator") {
            assert_eq!(discriminator, &json!({"propertyName": "type"}));
        }
        schema.get("discriminator").is_some()
            || parents(schema).any(|parent| self.is_discriminated(parent))
    }

    /// The names of all schemas that inherit one.
    fn kinds_of(&self, name: &str) -> Vec<&'a str> {
        let all = self.document["components"]["schemas"].as_object().unwrap();
        let children = all
            .iter()
            .filter(|(_, schema)| parents(schema).any(|parent| parent == name));
        children
            .flat_map(|(child, _)| [vec![child.as_str()], self.kinds_of(child)].concat())
            .collect()
    }
}

fn parents(schema: &Value) -> impl Iterator<Item = &str> {
    let all = schema["allOf"].as_array().into_iter().flatten();
    all.filter_map(reference)
}

#[track_caller]
fn assert_words(schema: &Value, known: &[&str]) {
    let unknown = schema.as_object().unwrap().keys();
    let unknown: Vec<_> = unknown
        .filter(|word| !known.contains(&word.as_str()))
        .collect();
    assert!(unknown.is_empty(), "not understood: {unknown:?}");
}

/// The name of the schema that is referred to.
pub fn reference(schema: &Value) -> Option<&str> {
    let reference = schema.get("$ref")?.as_str().unwrap();
    Some(reference.strip_prefix(REFERENCE).unwrap())
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("{PLACE}{REFERENCE}{name}")})
}
