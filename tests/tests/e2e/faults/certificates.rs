//! What keeps a connection from coming about is told apart, and TLS works with an authority of
//! one's own.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forgekeep_tests::{Run, compare};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::impatient;
use crate::support::{World, error, source};

/// A port that speaks TLS, and passes everything on to a forge.
pub(super) struct Front {
    pub url: String,
    /// The certificate of its authority.
    pub authority: String,
}

/// Certificates for a name, by an authority of their own.
pub(super) fn front(world: &World, name: &str) -> Front {
    let (config, authority) = certified(name);
    Front {
        url: serve(world, config),
        authority,
    }
}

/// A server with a certificate for a name, and the certificate of its authority.
pub fn certified(name: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    (configured(certificate.der(), &key), in_pem(authority.der()))
}

/// A certificate that vouches for itself.
fn self_signed_front(world: &World) -> Front {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Front {
        url: serve(world, configured(certificate.der(), &key)),
        authority: in_pem(certificate.der()),
    }
}

fn configured(certificate: &CertificateDer<'static>, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    Arc::new(config)
}

fn serve(world: &World, config: Arc<ServerConfig>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let forge = world.forge.api_url().replace("http://", "");
    // Ends with the process.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (config, forge) = (Arc::clone(&config), forge.clone());
            // A client that does not like the certificate goes away.
            thread::spawn(move || pass_on(client, config, &forge).ok());
        }
    });
    url
}

fn in_pem(authority: &CertificateDer<'static>) -> String {
    let pem = STANDARD.encode(authority);
    let lines: Vec<&str> = (0..pem.len())
        .step_by(64)
        .map(|at| &pem[at..pem.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

/// A port that answers whatever comes in plain HTTP, as a web server does.
fn plain_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
            let read = client.read(&mut [0; 4096]);
            drop(read.and_then(|_| client.write_all(answer)));
        }
    });
    url
}

/// A port that closes each connection once the client has said something.
fn closing_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let said = client.read(&mut [0; 4096]);
            drop((said, client));
        }
    });
    url
}

/// One request by one connection.
fn pass_on(client: TcpStream, config: Arc<ServerConfig>, forge: &str) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, client));
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        client.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    let mut upstream = TcpStream::connect(forge)?;
    upstream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    let mut client = client.into_inner();
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}

/// A run in which the API is at this address.
fn run_at(world: &World, api_url: &str, authority: Option<&str>) -> Run {
    let source = world.source_with("apiUrl", api_url);
    world.configure_with(&[source], &impatient(0));
    let backup = world.forgekeep(&["backup"]);
    match authority {
        None => backup.run(),
        Some(pem) => {
            let file = world.sandbox.write("authority.pem", pem);
            backup.env("SSL_CERT_FILE", file).run()
        }
    }
}

#[test]
fn no_connection_has_a_message_and_a_hint_for_each_reason() {
    let world = World::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_at = closed.local_addr().unwrap();
    drop(closed);
    let stranger = self_signed_front(&world);
    let elsewhere = front(&world, "elsewhere.example");
    let cases = [
        ("tls", plain_port(), None, "does not speak TLS"),
        (
            "tls",
            closing_port(),
            None,
            "the connection was cut during the handshake",
        ),
        ("tls", stranger.url, None, "certificate"),
        (
            "tls",
            elsewhere.url,
            Some(elsewhere.authority),
            "not valid for name",
        ),
        (
            "network",
            "https://nosuchhost.invalid".to_owned(),
            None,
            "name server",
        ),
        (
            "network",
            format!("http://{closed_at}"),
            None,
            "connection refused",
        ),
    ];
    let (mut messages, mut hints) = (BTreeSet::new(), BTreeSet::new());
    let count = cases.len();
    for (kind, url, authority, says) in cases {
        let run = run_at(&world, &url, authority.as_deref()).expect(3);
        let acme = source(&run, "acme");
        let said = error(acme);
        assert!(
            said.starts_with(&format!("{kind}: ")) && said.contains(says),
            "{said}"
        );
        messages.insert(acme["error"]["message"].to_string().replace(&url, ""));
        hints.insert(acme["error"]["hint"].to_string());
    }
    assert!(world.forge.requests().is_empty());
    assert_eq!(messages.len(), count, "{messages:#?}");
    assert_eq!(hints.len(), count, "{hints:#?}");
}

#[test]
fn an_authority_of_ones_own_is_trusted_by_the_api_and_git() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    let front = front(&world, "127.0.0.1");
    world
        .forge
        .change(|state| state.git_url.clone_from(&front.url));
    let refused = run_at(&world, &front.url, None).expect(3);
    assert_eq!(source(&refused, "acme")["error"]["kind"], "tls");
    assert!(world.forge.requests().is_empty());
    run_at(&world, &front.url, Some(&front.authority)).expect(0);
    compare::assert_mirror(&web.git_dir(), &world.mirror("web"));
}
