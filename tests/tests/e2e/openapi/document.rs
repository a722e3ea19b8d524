//! Judges requests and answers by Atlassian's document.

use std::collections::BTreeMap;

use forgekeep_tests::{Exchange, Request};
use serde_json::{Value, json};

use super::schemas::{Extent, Judge, reference};
use super::truth::{
    Correction, FIELDS_BY_TEXT, Form, GENERAL_PARAMETERS, LONGEST_PAGE, UNDOCUMENTED, corrections,
};

/// The document, corrected where it is known to be wrong.
pub struct Document {
    document: Value,
    whole: Judge,
    partial: Judge,
}

/// As Atlassian has it: see the README beside it.
pub fn as_published() -> Value {
    serde_json::from_str(include_str!("../../../openapi/bitbucket-cloud.json")).unwrap()
}

impl Document {
    pub fn new() -> Self {
        Self::with(&corrections())
    }

    /// With some corrections alone.
    pub fn with(corrections: &[Correction]) -> Self {
        let mut document = as_published();
        for correction in corrections {
            correct(&mut document, correction);
        }
        let mut answers = BTreeMap::new();
        answers.insert(
            "error".to_owned(),
            json!({"$ref": "#/components/schemas/error"}),
        );
        for (path, operations) in document["paths"].as_object().unwrap() {
            let operations = operations.as_object().unwrap().iter();
            for (method, operation) in operations.filter(|(name, _)| *name != "parameters") {
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    // What is done by 204 has nothing to say.
                    let Some(content) = answer["content"].as_object() else {
                        continue;
                    };
                    assert_eq!(content.keys().collect::<Vec<_>>(), ["application/json"]);
                    let schema = content["application/json"]["schema"].clone();
                    let method = method.to_uppercase();
                    answers.insert(format!("{method} {path} {status}"), schema);
                }
            }
        }
        let whole = Judge::new(&document, &answers, Extent::Whole);
        let partial = Judge::new(&document, &answers, Extent::Partial);
        Self {
            document,
            whole,
            partial,
        }
    }

    /// What is wrong with a request, or with its answer.
    pub fn wrong(&self, exchange: &Exchange) -> Result<(), String> {
        let request = &exchange.request;
        let path = self.path(&request.method, &request.target)?;
        let query = Query::of(&request.target);
        // What is wrong on purpose is refused.
        if exchange.answer.status != 400 {
            self.query(&request.method, path, &query)?;
        }
        self.answer(path, &query, exchange)
    }

    /// The path of the document that is asked for.
    pub fn path(&self, method: &str, target: &str) -> Result<&str, String> {
        let request = asked(target);
        let base = self.document["servers"][0]["url"].as_str().unwrap();
        let base = base.strip_prefix("https://api.bitbucket.org/").unwrap();
        let segments = request.segments();
        let (first, rest) = segments.split_first().ok_or("no path")?;
        let fits = |path: &&String| {
            let path = path.trim_start_matches('/').split('/');
            let (asked, path): (Vec<_>, Vec<_>) = (rest.iter().collect(), path.collect());
            asked.len() == path.len()
                && (asked.iter().zip(path))
                    .all(|(asked, path)| path.starts_with('{') || *asked == path)
        };
        let paths = self.document["paths"].as_object().unwrap();
        // A segment that is named wins over one that may be anything.
        let found = paths
            .keys()
            .filter(fits)
            .min_by_key(|path| path.matches('{').count());
        let path = found
            .filter(|_| first == base)
            .ok_or_else(|| format!("{method} {target}: no such path in the document"))?;
        let operation = paths[path].get(method.to_lowercase());
        match operation.is_some_and(|operation| operation.is_object()) {
            true => Ok(path),
            false => Err(format!(
                "{method} {target}: the document has no {method} there"
            )),
        }
    }

    /// Whether each parameter is in the document, and may have this value.
    pub fn query(&self, method: &str, path: &str, query: &Query) -> Result<(), String> {
        let operations = &self.document["paths"][path];
        let operation = &operations[method.to_lowercase()];
        let described = [&operations["parameters"], &operation["parameters"]];
        let described = described.into_iter().filter_map(Value::as_array).flatten();
        let described: Vec<&Value> = described.filter(|p| p["in"] == "query").collect();
        let success = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let entry = self.field(success, "values");
        for (name, value) in &query.0 {
            let schema = described
                .iter()
                .find(|parameter| parameter["name"] == **name);
            let general = GENERAL_PARAMETERS
                .iter()
                .find(|(known, of_pages, _)| known == name && (entry.is_some() || !of_pages));
            let is_good = match (schema.map(|parameter| &parameter["schema"]), general) {
                (Some(schema), _) if !allows(schema, value) => false,
                (None, None) => return Err(format!("{path}: no parameter {name} in the document")),
                _ => match name.as_str() {
                    "page" => !value.is_empty(),
                    "pagelen" => value.parse().is_ok_and(|n| (1..=LONGEST_PAGE).contains(&n)),
                    "sort" => self.has_field(path, entry, value.trim_start_matches('-')),
                    "q" => fields_of(value).all(|name| self.has_field(path, entry, &name)),
                    "fields" => value
                        .split(',')
                        .map(|name| name.trim_start_matches(['+', '-']))
                        .all(|name| self.field(success, name).is_some()),
                    _ => true,
                },
            };
            if !is_good {
                return Err(format!("{path}: {name} cannot be {value:?}"));
            }
        }
        Ok(())
    }

    fn has_field(&self, path: &str, entry: Option<&Value>, name: &str) -> bool {
        FIELDS_BY_TEXT.contains(&(path, name))
            || entry.is_some_and(|entry| self.field(entry, name).is_some())
    }

    /// The schema of a field, such as `values.links.clone`, of what a schema describes.
    fn field<'s>(&'s self, schema: &'s Value, name: &str) -> Option<&'s Value> {
        if let Some(name_of) = reference(schema) {
            return self.field(&self.document["components"]["schemas"][name_of], name);
        }
        for inherited in ["allOf", "anyOf"] {
            let all = schema[inherited].as_array().into_iter().flatten();
            if let Some(found) = all.filter_map(|schema| self.field(schema, name)).next() {
                return Some(found);
            }
        }
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        let mut found = schema["properties"].get(first)?;
        // Fields of a list are those of its entries.
        while let Some(items) = found.get("items") {
            found = items;
        }
        match rest {
            "" | "*" => Some(found),
            rest => self.field(found, rest),
        }
    }

    fn answer(&self, path: &str, query: &Query, exchange: &Exchange) -> Result<(), String> {
        let status = exchange.answer.status;
        let method = &exchange.request.method;
        let place = format!("{method} {path} {status}");
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let documented = operation["responses"].get(status.to_string());
        let is_documented = documented.is_some();
        if documented.is_some_and(|documented| documented.get("content").is_none()) {
            return match exchange.answer.body.is_empty() {
                true => Ok(()),
                false => Err(format!("{place}: there is something in it")),
            };
        }
        let exception = UNDOCUMENTED
            .iter()
            .find(|exception| exception.is(method, path, status));
        let (name, form) = match (is_documented, exception) {
            (true, _) => (place.as_str(), Form::Error),
            (false, Some(exception)) => ("error", exception.form),
            (false, None) => return Err(format!("{place}: no such answer in the document")),
        };
        let content_type = exchange
            .answer
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let content_type = content_type.map_or("", |(_, value)| value.as_str());
        let expected = match form {
            Form::Error => "application/json",
            Form::Text => "text/plain",
        };
        if content_type.split(';').next() != Some(expected) {
            return Err(format!("{place}: {content_type:?} instead of {expected}"));
        }
        if form == Form::Text {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&exchange.answer.body)
            .map_err(|error| format!("{place}: {error}"))?;
        let judge = match query.0.iter().any(|(name, _)| name == "fields") {
            true => &self.partial,
            false => &self.whole,
        };
        match judge.wrong(name, &body) {
            Some(why) => Err(format!("{place}: {why}\n{body:#}")),
            None => Ok(()),
        }
    }

    /// The scope that a method of a path needs.
    pub fn scope(&self, method: &str, path: &str) -> &str {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let scopes = &operation["x-atlassian-oauth2-scopes"];
        let [only] = scopes[0]["scopes"].as_array().unwrap().as_slice() else {
            panic!("{path}: {scopes}");
        };
        only.as_str().unwrap()
    }
}

/// Puts what is the case in place of what is said.
fn correct(document: &mut Value, correction: &Correction) {
    let (parent, key) = correction.at.rsplit_once('/').unwrap();
    let parent = document
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap();
    let says = parent.get(key).unwrap_or(&Value::Null);
    assert_eq!(says, &correction.says, "{} has changed", correction.at);
    match correction.is.is_null() {
        true => drop(parent.remove(key)),
        false => drop(parent.insert(key.to_owned(), correction.is.clone())),
    }
}

/// The query of a request, decoded.
pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn of(target: &str) -> Self {
        let request = asked(target);
        let names = request.query().split('&').filter(|pair| !pair.is_empty());
        let names = names.map(|pair| pair.split('=').next().unwrap());
        let value = |name: &str| request.parameter(name).unwrap_or_default();
        Self(names.map(|name| (name.to_owned(), value(name))).collect())
    }
}

/// A request as the fake reads it.
pub fn asked(target: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        remote: ([127, 0, 0, 1], 0).into(),
    }
}

/// Whether a parameter may have a value.
fn allows(schema: &Value, value: &str) -> bool {
    let is_of_type = match schema["type"].as_str().unwrap() {
        "string" => true,
        "boolean" => ["true", "false"].contains(&value),
        other => panic!("a parameter of type {other}"),
    };
    let choices = schema["enum"].as_array();
    is_of_type && choices.is_none_or(|choices| choices.iter().any(|choice| choice == value))
}

/// The fields that a filter names, in Bitbucket's query language: `is_private = true AND size > 7`.
fn fields_of(filter: &str) -> impl Iterator<Item = String> {
    let filter = filter.replace(" OR ", " AND ").replace(['(', ')'], "");
    let names: Vec<String> = filter
        .split(" AND ")
        .map(|part| {
            part.trim()
                .split([' ', '=', '!', '~', '<', '>'])
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    names.into_iter()
}
