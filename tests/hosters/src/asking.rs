//! Requests to the API of a fake, for tests of the fakes themselves.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// Status and document of an answer.
pub type Answered = (u16, Value);

/// Asks an API by plain HTTP. A document that is null is none; so is an answer without one.
pub fn ask(method: &str, url: &str, headers: &[(&str, &str)], body: &Value) -> Answered {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let fields: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{fields}\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}
