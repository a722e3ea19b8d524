//! A client on one kept-alive connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use base64::Engine;
use serde_json::Value;

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

pub struct Client {
    reader: BufReader<TcpStream>,
    url: String,
}

impl Client {
    pub fn new(url: &str) -> Self {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        Self {
            reader: BufReader::new(stream),
            url: url.to_owned(),
        }
    }

    pub fn get(&mut self, target: &str, authorization: Option<&str>) -> Answer {
        self.send("GET", target, authorization, b"")
    }

    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Answer {
        let target = target.strip_prefix(&self.url).unwrap_or(target);
        let mut message = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n");
        if let Some(authorization) = authorization {
            message += &format!("Authorization: {authorization}\r\n");
        }
        message += &format!("Content-Length: {}\r\n\r\n", body.len());
        let mut message = message.into_bytes();
        message.extend(body);
        self.reader.get_mut().write_all(&message).unwrap();
        self.receive()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn receive(&mut self) -> Answer {
        let status = self.line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        if let Some(length) = answer.header("Content-Length") {
            answer.body.resize(length.parse().unwrap(), 0);
            self.reader.read_exact(&mut answer.body).unwrap();
            return answer;
        }
        assert_eq!(answer.header("Transfer-Encoding"), Some("chunked"));
        loop {
            let size = usize::from_str_radix(&self.line(), 16).unwrap();
            let start = answer.body.len();
            answer.body.resize(start + size, 0);
            self.reader.read_exact(&mut answer.body[start..]).unwrap();
            self.line();
            if size == 0 {
                return answer;
            }
        }
    }
}

pub fn basic(user: &str, secret: &str) -> String {
    let text = format!("{user}:{secret}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(text)
    )
}
