//! The JSON Schema of the configuration: as it is published, as the manual has it, and as files are read.
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use forgekeep_config::{self as config, OptionKind, OptionSpec, OptionValue, PluginKeys};
use forgekeep_config_schema::{PluginSchema, json_schema};
use serde_json::{Value, json};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manual() -> String {
    std::fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

fn option(name: &str, kind: OptionKind) -> OptionSpec {
    OptionSpec {
        name: name.to_owned(),
        kind,
        description: format!("About {name}."),
        required: false,
        default: None,
        choices: Vec::new(),
        secret: false,
        trusted_origin: false,
    }
}

fn bitbucket() -> PluginSchema {
    PluginSchema {
        id: "bitbucket".to_owned(),
        description: "Bitbucket Cloud".to_owned(),
        ..PluginSchema::default()
    }
}

/// One with an option of each kind.
fn fake() -> PluginSchema {
    use OptionKind::{Choice, File, Flag, List, Number, Secret, Text};
    let required = |spec: OptionSpec| OptionSpec {
        required: true,
        ..spec
    };
    PluginSchema {
        id: "fake".to_owned(),
        // Not that of another plugin.
        aliases: vec!["phoney".to_owned(), "bitbucket".to_owned()],
        description: "Nobody's forge".to_owned(),
        keys: PluginKeys {
            types: vec!["user".to_owned(), "group".to_owned()],
            attributes: Vec::new(),
            options: vec![
                required(option("clientId", Text)),
                OptionSpec {
                    default: Some(OptionValue::Number(3)),
                    ..required(option("depth", Number))
                },
                option("includeGists", Flag),
                option("urls", List),
                required(option("clientSecret", Secret)),
                OptionSpec {
                    choices: vec!["deep".to_owned(), "shallow".to_owned()],
                    ..option("mode", Choice)
                },
                option("caFile", File),
            ],
            nameless: false,
        },
    }
}

/// Compares a schema with the file that has it, or writes it there.
fn golden(file: &str, plugins: &[PluginSchema]) {
    let path = root().join(file);
    let text = serde_json::to_string_pretty(&json_schema(plugins)).unwrap() + "\n";
    if std::env::var_os("FORGEKEEP_UPDATE_DOCS").is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{file} is old: run with FORGEKEEP_UPDATE_DOCS=1"
    );
}

#[test]
fn it_is_published_without_plugins() {
    golden("schema/config.schema.json", &[]);
}

#[test]
fn a_plugin_brings_its_own_keys() {
    let file = "core/config-schema/tests/fixtures/fake.schema.json";
    golden(file, &[bitbucket(), fake()]);
}

struct Judge {
    schemas: Schemas,
    index: boon::SchemaIndex,
}

impl Judge {
    fn new(plugins: &[PluginSchema]) -> Self {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        let place = "http://schema.example/config.json";
        compiler.add_resource(place, json_schema(plugins)).unwrap();
        let index = compiler.compile(place, &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn why(&self, document: &Value) -> Option<String> {
        let judged = self.schemas.validate(document, self.index);
        judged.err().map(|error| format!("{error:#}"))
    }
}

/// The fenced samples of a page in one language.
fn samples(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_samples_of_the_manual_keep_to_it() {
    let page = manual();
    let yaml = samples(&page, "yaml")
        .into_iter()
        .map(|text| serde_yaml::from_str(&text).unwrap());
    let toml = samples(&page, "toml")
        .into_iter()
        .map(|text| toml::from_str(&text).unwrap());
    let samples: Vec<Value> = yaml.chain(toml).collect();
    assert!(samples.len() >= 5);
    for plugins in [vec![], vec![bitbucket(), fake()]] {
        let judge = Judge::new(&plugins);
        for sample in &samples {
            assert_eq!(judge.why(sample), None, "{sample:#}");
        }
    }
    // All keys of SCM Backup.
    let settings = include_str!("../../config/tests/fixtures/settings.yml");
    let settings: Value = serde_yaml::from_str(settings).unwrap();
    assert_eq!(Judge::new(&[]).why(&settings), None);
}

fn with_source(more: Value) -> Value {
    let mut source = json!({ "title": "a", "hoster": "fake", "name": "n" });
    let more = more.as_object().unwrap().clone();
    source.as_object_mut().unwrap().extend(more);
    json!({ "localFolder": "x", "sources": [source] })
}

#[test]
fn what_is_refused_when_it_is_read_does_not_keep_to_it() {
    let judge = Judge::new(&[bitbucket(), fake()]);
    let good = json!({ "clientId": "x", "clientSecret": "%TOKEN%" });
    let with = |more: Value| {
        let mut all = good.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        with_source(Value::Object(all))
    };
    for more in [
        json!({}),
        json!({ "type": "group", "depth": "%DEPTH%", "mode": "deep", "urls": "urls.txt" }),
        json!({ "urls": ["a", 7], "includeGists": true, "caFile": "ca.pem", "mode": null }),
        json!({ "hoster": "phoney", "passwordCommand": ["pass", "show"] }),
        json!({ "isolation": "inProcess", "pluginEnvironment": ["A"], "password": 7 }),
    ] {
        assert_eq!(judge.why(&with(more.clone())), None, "{more}");
    }
    for more in [
        json!({ "type": "org" }),
        json!({ "mode": "other" }),
        json!({ "depth": 1.5 }),
        json!({ "clientSecretFile": "x" }),
        json!({ "password": "x", "passwordCommand": ["y"] }),
        json!({ "passwordCommand": "pass show" }),
        json!({ "passwordCommand": [] }),
        json!({ "clientid": "x" }),
        json!({ "hoster": "other" }),
        // Another plugin's sources do not have its keys.
        json!({ "hoster": "bitbucket" }),
    ] {
        assert!(judge.why(&with(more.clone())).is_some(), "{more}");
    }
    for missing in [
        json!({ "clientId": "x" }),
        json!({ "clientSecretCommand": ["x"] }),
    ] {
        assert!(
            judge.why(&with_source(missing.clone())).is_some(),
            "{missing}"
        );
    }
    let command = json!({ "clientId": "x", "clientSecretCommand": ["x"] });
    assert_eq!(judge.why(&with_source(command)), None);
    for top in [
        json!({ "sources": [] }),
        json!({ "localFolder": "x", "sources": [] }),
        json!({ "localFolder": "x", "sources": [{ "title": "a" }] }),
    ] {
        assert!(judge.why(&top).is_some(), "{top}");
    }
}

/// The group of `options` that a schema has, by name, with each key and its schema.
fn of_options() -> Vec<(String, String, Value)> {
    let schema = json_schema(&[]);
    let groups = schema["properties"]["options"]["properties"]
        .as_object()
        .unwrap()
        .clone();
    let mut all = Vec::new();
    for (group, schema) in groups {
        for (key, schema) in schema["properties"].as_object().unwrap() {
            all.push((group.clone(), key.clone(), schema.clone()));
        }
    }
    all
}

#[test]
fn its_numbers_are_those_that_are_read() {
    let mut numbers = 0;
    for (group, key, schema) in of_options() {
        let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64())
        else {
            continue;
        };
        numbers += 1;
        for (number, good) in [
            (least, true),
            (most, true),
            (least - 1, false),
            (most + 1, false),
        ] {
            let text = format!(
                "localFolder: x\nsources: [{{title: a, hoster: b, name: c}}]\noptions: \
                 {{{group}: {{{key}: {number}}}}}\n"
            );
            let read = config::parse(&text, Path::new("a.yml"), &|_| None);
            assert_eq!(read.is_ok(), good, "{group}.{key}: {number}");
            assert!(read.is_err() || read.is_ok_and(|config| config.warnings.is_empty()));
        }
    }
    assert_eq!(numbers, 23);
}

/// The cells of the row of a key in a section of the manual.
fn row(page: &str, section: &str, key: &str) -> Vec<String> {
    let start = page.find(&format!("\n### {section}\n")).unwrap();
    let section = page[start + 5..].split("\n### ").next().unwrap();
    let begin = format!("| `{key}` | ");
    let row = section.lines().find(|line| line.starts_with(&begin));
    let row = row.unwrap_or_else(|| panic!("{key} has no row"));
    let cells = row[begin.len()..].splitn(3, " | ");
    cells
        .map(|cell| cell.trim_end_matches(" |").to_owned())
        .collect()
}

#[test]
fn its_words_are_those_of_the_manual() {
    let page = manual();
    let schema = json_schema(&[]);
    let top = &schema["properties"];
    let source = &top["sources"]["items"]["properties"];
    let sections = [
        ("Top level".to_owned(), top),
        ("Each of `sources`".to_owned(), source),
        ("`plugins`".to_owned(), &top["plugins"]["properties"]),
        (
            "Each of `notify`".to_owned(),
            &top["notify"]["items"]["properties"],
        ),
        ("`hooks`".to_owned(), &top["hooks"]["properties"]),
        ("`email`".to_owned(), &top["email"]["properties"]),
    ];
    let groups = top["options"]["properties"].as_object().unwrap();
    let groups = groups
        .iter()
        .map(|(name, group)| (format!("`options.{name}`"), &group["properties"]));
    for (section, keys) in sections.into_iter().chain(groups) {
        for (key, schema) in keys.as_object().unwrap() {
            let said = schema["description"].as_str().unwrap();
            if said == "Of SCM Backup; ignored." {
                continue;
            }
            let cells = row(&page, &section, key);
            let [kind, default, meaning] = cells.as_slice() else {
                panic!("{key}: {cells:?}");
            };
            assert!(meaning.starts_with(said), "{key}: {said}\n{meaning}");
            let rest = &meaning[said.len()..];
            assert!(rest.is_empty() || rest.starts_with(' '), "{key}: {said}");
            match &schema["default"] {
                Value::Null => assert!(default.parse::<u64>().is_err(), "{key}: {default}"),
                Value::String(word) => assert_eq!(*default, format!("`{word}`"), "{key}"),
                Value::Bool(flag) => assert_eq!(*default, format!("`{flag}`"), "{key}"),
                other => assert_eq!(*default, other.to_string(), "{key}"),
            }
            if let Some(most) = schema["maximum"].as_u64() {
                let range = format!("{} to {most}", schema["minimum"]);
                assert!(kind.starts_with(&range), "{key}: {kind}");
            }
        }
    }
}
