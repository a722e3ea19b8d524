//! Whether reports are as `schema/report.schema.json` says.
//!
//! A validator for the few keywords that the schema uses; any other one fails the test. It is
//! stricter than the schema in one thing: a field that the schema does not describe is an error.

use std::fs;
use std::path::Path;

use forgekeep_tests::{Action, Fault, RequestKind};
use serde_json::{Value, json};

use super::kept;
use crate::support::{World, report};

fn schema() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/report.schema.json");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

struct Validator<'s> {
    root: &'s Value,
    wrong: Vec<String>,
}

impl Validator<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        for (keyword, rule) in schema.as_object().unwrap() {
            let good = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "examples" | "format" => {
                    true
                }
                "$ref" => {
                    let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    let rule = self
                        .root
                        .pointer(pointer)
                        .expect("a $ref leads somewhere")
                        .clone();
                    self.check(&rule, value, at);
                    true
                }
                "type" => match rule {
                    Value::Array(types) => types.iter().any(|t| is_of(value, t)),
                    one => is_of(value, one),
                },
                "const" => value == rule,
                "anyOf" => rule.as_array().unwrap().iter().any(|rule| {
                    let mut inner = Validator {
                        root: self.root,
                        wrong: Vec::new(),
                    };
                    inner.check(rule, value, at);
                    inner.wrong.is_empty()
                }),
                "enum" => rule.as_array().unwrap().contains(value),
                "minimum" => !value.is_number() || value.as_f64() >= rule.as_f64(),
                "maximum" => !value.is_number() || value.as_f64() <= rule.as_f64(),
                // The one for times; a full engine for it would be a dependency more.
                "pattern" => value.as_str().is_some_and(is_time),
                "required" => value.as_object().is_none_or(|object| {
                    let mut keys = rule.as_array().unwrap().iter();
                    keys.all(|key| object.contains_key(key.as_str().unwrap()))
                }),
                "properties" => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let at = format!("{at}/{key}");
                        match rule.get(key) {
                            Some(rule) => self.check(rule, value, &at),
                            None => self.wrong.push(format!("{at} is not described")),
                        }
                    }
                    true
                }
                "items" => {
                    for (number, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, value, &format!("{at}/{number}"));
                    }
                    true
                }
                other => panic!("the validator does not know {other}"),
            };
            if !good {
                self.wrong
                    .push(format!("{at}: {value} is against {keyword} {rule}"));
            }
        }
    }
}

fn is_of(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the validator does not know the type {other}"),
    }
}

fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect();
    let Some((seconds, "Z")) = shape.split_at_checked(shape.len().saturating_sub(1)) else {
        return false;
    };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "9"));
    seconds == "9999-99-99T99:99:99" && !fraction.is_empty() && fraction.chars().all(|c| c == '9')
}

fn wrong(report: &Value) -> Vec<String> {
    let schema = schema();
    let mut validator = Validator {
        root: &schema,
        wrong: Vec::new(),
    };
    validator.check(&schema, report, "");
    validator.wrong
}

#[track_caller]
fn assert_valid(report: &Value, outcome: &str) {
    assert_eq!(report["outcome"], outcome, "{report:#}");
    assert_eq!(wrong(report), Vec::<String>::new(), "{report:#}");
}

#[test]
fn reports_of_real_runs_are_as_the_schema_says() {
    let world = World::new();
    world.forge.repository("web").private().commit("one").wiki();
    world.forge.repository("api").commit("one");
    world.forge.repository("docs").commit("one").missing_wiki();
    world.forge.repository("blank");
    world.forge.repository("old").hg();
    // A pattern that matches nothing, for a note with a key.
    world.configure(&[world.source_with("ignoreRepos", vec!["gone"])]);
    assert_valid(report(&world.backup().expect(0)), "ok");

    let fault = Fault::on(RequestKind::InfoRefs, Action::status(500));
    world.forge.inject(fault.repository("api"));
    assert_valid(report(&world.backup().expect(3)), "partial");
    world.forge.clear_faults();

    for slug in ["web", "api", "docs", "old"] {
        world.forge.repository(slug).delete();
    }
    let run = world.backup().expect(3);
    assert_eq!(report(&run)["sources"][0]["error"]["kind"], "shortfall");
    assert_valid(report(&run), "partial");

    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(401)));
    assert_valid(report(&world.backup().expect(12)), "failed");
    world.forge.clear_faults();

    world.sandbox.write("settings.yml", "localFolder: [\n");
    assert_valid(report(&world.backup().expect(10)), "failed");
    for (_, report) in kept(&world) {
        assert_eq!(wrong(&report), Vec::<String>::new());
    }
}

#[cfg(unix)]
#[test]
fn the_report_of_an_interrupted_run_is_as_the_schema_says() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::UploadPack, Action::Hang));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 1);
    running.interrupt();
    let run = running.wait().expect(130);
    assert_valid(report(&run), "interrupted");
    assert_eq!(&kept(&world)[0].1, report(&run));
}

#[test]
fn what_is_not_as_the_schema_says_is_found() {
    let good = json!({"schema": 1, "version": "0", "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:00.5Z", "outcome": "ok", "exitCode": 0, "error": null,
        "sources": []});
    assert_eq!(wrong(&good), Vec::<String>::new());
    for (key, value) in [
        ("schema", json!(2)),
        ("started", json!("2026-01-01 00:00:00")),
        ("outcome", json!("fine")),
        ("exitCode", json!(256)),
        ("error", json!({"kind": "x"})),
        ("run", json!(null)),
        ("sources", json!([{}])),
        ("surprise", json!(1)),
    ] {
        let mut bad = good.clone();
        bad[key] = value;
        assert_ne!(wrong(&bad), Vec::<String>::new(), "{key}");
    }
}
