//! How answers and requests are spoilt.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use forgekeep_tests::{Action, Answer, Logged, Request, pkt_line};
use serde_json::{Value, json};

/// A commit that no upstream has.
const GHOST: &str = "1234567890123456789012345678901234567890";

fn host_of(logged: &Logged) -> &str {
    let mut headers = logged.headers.iter();
    let host = headers.find(|(name, _)| name.eq_ignore_ascii_case("host"));
    &host.expect("HTTP/1.1 names the host").1
}

pub fn port_of(logged: &Logged) -> &str {
    host_of(logged).rsplit_once(':').unwrap().1
}

pub fn page_of(logged: &Logged) -> usize {
    let page = logged.target.split_once("?page=");
    page.map_or(1, |(_, number)| number.parse().unwrap())
}

/// A page with nothing on it but the next one.
pub fn barren_page(logged: &Logged) -> Action {
    let path = logged.target.split('?').next().unwrap();
    let next = format!(
        "http://{}{path}?page={}",
        host_of(logged),
        page_of(logged) + 1
    );
    Action::json(200, &json!({"values": [], "next": next}))
}

/// A page whose next one is itself.
pub fn circle(logged: &Logged) -> Action {
    let next = format!("http://{}{}", host_of(logged), logged.target);
    Action::json(200, &json!({"values": [], "next": next}))
}

/// Gives the real page a next one.
pub fn lead_on(answer: &mut Answer, next: impl Fn(&str, &str) -> String) {
    let mut page: Value = serde_json::from_slice(&answer.body).unwrap();
    let own = page
        .pointer("/values/0/links/self/href")
        .and_then(Value::as_str);
    let own = own.expect("an entry links to itself");
    let (origin, path) = own.split_at(own.find("/2.0").expect("the API's version"));
    let listing = path.rsplit_once('/').expect("a slug").0;
    page["next"] = next(origin, listing).into();
    answer.body = page.to_string().into();
}

/// A body of more bytes than are read.
pub fn pad(answer: &mut Answer) {
    answer.body = format!("{{\"values\": [{}]}}", " ".repeat(200_000)).into();
}

/// The same, small on the wire.
pub fn inflate(answer: &mut Answer) {
    pad(answer);
    compress(answer);
    assert!(answer.body.len() < 4096);
}

fn compress(answer: &mut Answer) {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    bomb.write_all(&answer.body).unwrap();
    answer.body = bomb.finish().unwrap();
    let field = ("Content-Encoding".to_owned(), "gzip".to_owned());
    answer.headers.push(field);
}

/// More refs than are read.
pub fn multiply(answer: &mut Answer) {
    for number in 0..10_000 {
        advertise(answer, &format!("refs/heads/{number:0>20}"));
    }
}

/// The same, small on the wire.
pub fn multiply_compressed(answer: &mut Answer) {
    let before = answer.body.len();
    multiply(answer);
    let all = answer.body.len() - before;
    compress(answer);
    assert!(answer.body.len() < all / 10);
}

/// Messages of progress for ever, or nearly so, and small on the wire.
pub fn chatter(answer: &mut Answer) {
    let dots = [&[2][..], &[b'.'; pkt_line::LONGEST - 1]].concat();
    answer.body.clear();
    pkt_line::push(&mut answer.body, dots);
    compress(answer);
    // Members of gzip may follow each other, and compressing all of them would take its time.
    answer.body = answer.body.repeat(300);
    assert!(answer.body.len() < 200_000);
}

/// Says that it is something else.
pub fn retype(answer: &mut Answer) {
    let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
    answer.headers.retain(|(name, _)| !is_type(name));
    let field = ("Content-Type".to_owned(), "text/plain".to_owned());
    answer.headers.push(field);
}

/// Adds a ref to the list.
pub fn advertise(answer: &mut Answer, name: &str) {
    assert!(answer.body.ends_with(pkt_line::FLUSH));
    answer.body.truncate(answer.body.len() - 4);
    pkt_line::push(&mut answer.body, format!("{GHOST} {name}\n"));
    answer.body.extend(pkt_line::FLUSH);
}

/// Takes the ghost out of what a client wants, so that the server does not miss it.
pub fn forget_the_ghost(request: &mut Request) {
    let body = String::from_utf8(std::mem::take(&mut request.body)).expect("packets of text");
    let ids = body.split("want ").skip(1).map(|rest| &rest[..40]);
    let other = ids.into_iter().find(|id| *id != GHOST);
    request.body = body.replace(GHOST, other.expect("another want")).into();
}
