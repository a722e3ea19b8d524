use boon::{Compiler, Schemas};
use serde_json::{Map, Value, json};

/// What is wrong with a document by a schema that refers to `#/definitions/…`; an object has no field that is
/// not described.
pub fn wrong(schema: &Value, definitions: &Value, document: &Value) -> Option<String> {
    let mut definitions: Map<String, Value> = definitions.as_object().unwrap().clone();
    for definition in definitions.values_mut() {
        if definition["properties"].is_object() {
            definition["additionalProperties"] = false.into();
        }
    }
    let resource = json!({ "definitions": definitions, "allOf": [schema] });
    let place = "https://schema.example/api.json";
    let mut compiler = Compiler::new();
    compiler.add_resource(place, resource).unwrap();
    let mut schemas = Schemas::new();
    let index = compiler.compile(place, &mut schemas).unwrap();
    let judged = schemas.validate(document, index);
    judged.err().map(|error| format!("{error:#}"))
}
