//! A web service that takes messages: a webhook's, a ping's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16, String),
    Redirect(String),
    Silence,
}

/// A receiver on loopback; it ends with the process.
pub struct Receiver {
    pub url: String,
    answer: Arc<Mutex<Answer>>,
    log: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// One that takes everything.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let receiver = Self {
            url,
            answer: Arc::new(Mutex::new(Answer::Status(200, "OK".to_owned()))),
            log: Arc::default(),
        };
        let (answer, log) = (Arc::clone(&receiver.answer), Arc::clone(&receiver.log));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || serve(client, &answer, &log));
            }
        });
        receiver
    }

    /// What it answers from now on.
    pub fn answer(&self, answer: Answer) {
        *self.answer.lock() = answer;
    }

    /// What has come since it was last asked.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.log.lock())
    }

    /// Waits until something has come.
    pub fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.log.lock().is_empty() {
            assert!(Instant::now() < end, "nothing has come");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(client: TcpStream, answer: &Mutex<Answer>, log: &Mutex<Vec<Received>>) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut client = client;
    loop {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let mut first = head.lines().next()?.split(' ');
        log.lock().push(Received {
            method: first.next()?.to_owned(),
            path: first.next()?.to_owned(),
            body: String::from_utf8(body).unwrap(),
            head,
        });
        let now = answer.lock().clone();
        let (status, field, body) = match now {
            Answer::Silence => {
                // Until the client goes away.
                let mut rest = [0; 1];
                let _ = reader.read(&mut rest);
                return None;
            }
            Answer::Status(status, body) => (status, String::new(), body),
            Answer::Redirect(to) => (307, format!("Location: {to}\r\n"), String::new()),
        };
        let length = body.len();
        let text = format!("HTTP/1.1 {status} x\r\n{field}Content-Length: {length}\r\n\r\n{body}");
        client.write_all(text.as_bytes()).ok()?;
    }
}
