//! The report's form as a JSON Schema, made from its types.

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema};

use super::Report;

const DESCRIPTION: &str = "What `forgekeep backup --report` writes, and what is kept in .forgekeep/runs. Within schema 1, fields are added, never renamed or removed: ignore what you do not know. Earlier reports have alarm for alert, as a field and as a kind, and brake for shortfall.";

/// RFC 3339, UTC.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub(super) struct Time(
    #[schemars(
        extend("format" = "date-time"),
        regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$")
    )]
    #[expect(dead_code, reason = "a type for the schema alone")]
    String,
);

/// The schema, as it stands in `schema/report.schema.json`.
pub fn schema() -> String {
    schema_of::<Report>("report", "Report of a Forgekeep run, schema 1", DESCRIPTION)
}

/// The schema of a document that is printed, as it stands in `schema/NAME.schema.json`.
pub fn schema_of<Document: JsonSchema>(name: &str, title: &str, description: &str) -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize();
    let generator = generator.into_generator();
    let mut schema = generator.into_root_schema_for::<Document>();
    RecursiveTransform(of_rust).transform(&mut schema);
    for (key, value) in [
        (
            "$id",
            format!("https://example.invalid/forgekeep/{name}.schema.json"),
        ),
        ("title", title.to_owned()),
        ("description", description.to_owned()),
    ] {
        schema.insert(key.to_owned(), value.into());
    }
    format!("{:#}\n", schema.to_value())
}

/// Takes out what is said of Rust's types, and what a reader may take for missing fields.
fn of_rust(schema: &mut Schema) {
    schema.remove("default");
    if schema
        .get("format")
        .is_some_and(|format| format != "date-time")
    {
        schema.remove("format");
    }
}
