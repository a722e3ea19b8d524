use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use boon::{Compiler, Schemas};
use forgekeep_tests::git;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// Asks an address by a method with a document; status and document of the answer.
pub fn ask(method: &str, url: &str, authorization: &str, document: &Value) -> (u16, Value) {
    let (status, _, body) = send(method, url, authorization, document.to_string().as_bytes());
    let document = serde_json::from_slice(&body).unwrap_or_default();
    (status, document)
}

/// The same with bytes; status, fields and bytes of the answer.
pub fn send(
    method: &str,
    url: &str,
    authorization: &str,
    body: &[u8],
) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    write!(
        connection,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    connection.write_all(body).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    (status.expect("a status"), fields.collect(), body.into())
}

/// A repository with the branches `main` and `trunk`, a tag, and a large file on the branch `large`.
pub fn local() -> TempDir {
    let folder = TempDir::new().unwrap();
    git::repository(folder.path());
    git::run(folder.path(), &["branch", "trunk", "main"]);
    git::run(folder.path(), &["tag", "v1", "main"]);
    let message = "x".repeat(20_000);
    git::import(
        folder.path(),
        "large",
        &message,
        git::tip(folder.path(), "main"),
        1_700_000_060,
    );
    folder
}

/// Pushes refs with a field in the head of each request; what git says where it fails.
pub fn push(
    folder: &Path,
    url: &str,
    authorization: &str,
    refs: &[&str],
) -> Result<String, String> {
    let field = format!("http.extraHeader=Authorization: {authorization}");
    git::try_run(folder, &[&["-c", &field, "push", url], refs].concat())
}

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
