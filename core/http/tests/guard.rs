//! What goes along when a server sends a request on, on the wire.
// A failed step ends the test, and the panic says which one it was.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use forgekeep_failure::ErrorKind;
use forgekeep_http::{
    Authorization, Client, CredentialGuard, CredentialScope, HttpClient, MadeBy, Request, Settings,
};
use forgekeep_untrusted::{Redactor, Secret};
use parking_lot::Mutex;
use url::Url;

const TOKEN: &str = "glpat-0123456789";

/// Answers each request with the same head and nothing else, and keeps what came.
struct Server {
    address: SocketAddr,
    came: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(head: impl Fn(SocketAddr) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&came);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut text, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    let is_end = line.trim().is_empty();
                    text.push_str(&line);
                    if is_end {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                text.push_str(&String::from_utf8_lossy(&body));
                kept.lock().push(text);
                let head = head(address);
                let answer =
                    format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { address, came }
    }

    fn good() -> Self {
        Self::new(|_| "200 OK".to_owned())
    }

    /// Sends on to another one, with this after its address.
    fn redirecting(status: &'static str, to: &Self, path: &'static str) -> Self {
        let to = to.address;
        Self::new(move |_| format!("{status} x\r\nlocation: http://{to}{path}"))
    }

    fn url(&self) -> Url {
        Url::parse(&format!("http://{}/", self.address)).unwrap()
    }

    fn came(&self) -> Vec<String> {
        self.came.lock().clone()
    }
}

/// A client that knows the token, and a request to a server that may have it.
fn asking(server: &Server) -> (Client, Request) {
    let second = Duration::from_secs(10);
    let settings = Settings {
        connect: second,
        stall: second,
        connections: 1,
    };
    // Not `own_api`, which would trust every port of this machine.
    let scope = Arc::new(CredentialScope::new(server.url(), false, &[], false));
    let guard = CredentialGuard::new(Redactor::default());
    guard.know(&Secret::new(TOKEN), &scope);
    let request = Request {
        made_by: MadeBy::Plugin,
        ..Request::get(server.url(), Authorization::Anonymous, scope)
    };
    (Client::new(&settings).guarded_by(guard), request)
}

#[test]
fn a_field_of_the_plugins_own_does_not_follow_to_another_origin() {
    for status in ["301", "302", "307", "308"] {
        let trap = Server::good();
        let forge = Server::redirecting(status, &trap, "/there");
        let (client, request) = asking(&forge);
        let request = request
            .header("PRIVATE-TOKEN", TOKEN)
            .header("accept", "application/json");
        assert_eq!(client.send(&request).unwrap().status, 200);
        assert!(forge.came()[0].contains(TOKEN), "{status}");
        let there = trap.came();
        assert!(there[0].contains("GET /there"), "{there:?}");
        assert!(there[0].contains("application/json"), "{there:?}");
        assert!(
            !there[0].to_lowercase().contains("private-token"),
            "{there:?}"
        );
    }
}

#[test]
fn credentials_of_any_scheme_stay_with_the_origin_they_are_for() {
    let secret = || Secret::new(TOKEN);
    let scheme = "token".to_owned();
    let name = "PRIVATE-TOKEN".to_owned();
    for (authorization, sent) in [
        (
            Authorization::Bearer(secret()),
            format!("authorization: Bearer {TOKEN}"),
        ),
        (
            Authorization::Scheme {
                scheme,
                secret: secret(),
            },
            format!("authorization: token {TOKEN}"),
        ),
        (
            Authorization::Field {
                name,
                secret: secret(),
            },
            format!("private-token: {TOKEN}"),
        ),
    ] {
        let trap = Server::good();
        let forge = Server::redirecting("302", &trap, "/");
        let (client, mut request) = asking(&forge);
        request.authorization = authorization;
        client.send(&request).unwrap();
        let came = forge.came()[0].to_lowercase();
        assert!(came.contains(&sent.to_lowercase()), "{came}");
        assert!(!trap.came()[0].contains(TOKEN));
    }
}

#[test]
fn a_secret_in_the_address_of_a_redirect_is_not_sent_there() {
    for path in [
        "/?t=glpat-0123456789",
        "/glpat%2D0123456789",
        "/?t=Z2xwYXQtMDEyMzQ1Njc4OQ",
    ] {
        let trap = Server::good();
        let forge = Server::redirecting("302", &trap, path);
        let (client, request) = asking(&forge);
        let failure = client.send(&request).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Policy, "{failure}");
        assert!(!failure.message.contains("glpat"), "{failure}");
        assert_eq!(trap.came(), Vec::<String>::new());
    }
}

#[test]
fn a_secret_in_a_body_goes_to_no_other_origin() {
    for method in ["POST", "PUT"] {
        let trap = Server::good();
        let (client, mut request) = asking(&Server::good());
        request.url = trap.url();
        request.method = method.to_owned();
        request.body = format!("grant=x&token={TOKEN}").into_bytes();
        let failure = client.send(&request).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Policy, "{failure}");
        assert_eq!(trap.came(), Vec::<String>::new());
    }
}
