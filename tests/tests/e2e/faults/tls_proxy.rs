//! Proxies that are reached over TLS.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::certificates::{certified, front};
use super::proxy::{Manners, far_away_with, proxy};
use crate::support::{World, error, source};

/// How long is waited for bytes from one side before the other has its turn.
const TURN: Duration = Duration::from_millis(2);

/// No time runs out in these: a handshake takes long on a busy machine.
fn patient() -> Value {
    json!({"network": {"retries": 0, "limitWaitMinutes": 0}})
}

/// A port that speaks TLS with a certificate for a name, and passes all on to a plain one; its address
/// and the certificate of its authority.
fn over_tls(name: &str, plain: &str) -> (String, String) {
    let (config, authority) = certified(name);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let plain = plain.replace("http://", "");
    // Ends with the process.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (config, plain) = (Arc::clone(&config), plain.clone());
            thread::spawn(move || pass_on(client, config, &plain).ok());
        }
    });
    (url, authority)
}

fn pass_on(client: TcpStream, config: Arc<ServerConfig>, plain: &str) -> io::Result<()> {
    client.set_read_timeout(Some(TURN))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let mut upstream = TcpStream::connect(plain)?;
    upstream.set_read_timeout(Some(TURN))?;
    while pass_some(&mut client, &mut upstream)? && pass_some(&mut upstream, &mut client)? {}
    client.conn.send_close_notify();
    client.flush()
}

/// False at the end.
fn pass_some(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut bytes = [0; 16 * 1024];
    match from.read(&mut bytes) {
        Ok(0) => return Ok(false),
        Ok(read) => to.write_all(&bytes[..read])?,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) => {}
        Err(error) => return Err(error),
    }
    to.flush()?;
    Ok(true)
}

#[test]
fn a_proxy_over_tls_serves_api_and_git() {
    let world = far_away_with(&patient());
    let (url, authority) = over_tls("127.0.0.1", &proxy(&world, Manners::Connects));
    let file = world.sandbox.write("authority.pem", authority);
    let with_user = url.replace("//", "//user:hunter2@");
    let run = world
        .forgekeep(&["backup", "-vvv"])
        .env("ALL_PROXY", &with_user)
        .env("SSL_CERT_FILE", &file)
        .run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    world.assert_mirrored(world.forge.repository("web"));
    assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
    // What it refuses is told as by any other.
    let (url, authority) = over_tls("127.0.0.1", &proxy(&world, Manners::Answers(407)));
    let file = world.sandbox.write("authority.pem", authority);
    let run = world
        .forgekeep(&["backup"])
        .env("HTTPS_PROXY", &url)
        .env("SSL_CERT_FILE", &file)
        .run()
        .expect(3);
    let said = error(source(&run, "acme"));
    assert!(said.contains("requires credentials (407)"), "{said}");
    assert!(said.contains(&format!("{url} (HTTPS_PROXY)")), "{said}");
}

#[test]
fn tls_goes_through_a_proxy_over_tls() {
    let world = World::new();
    let web = world.forge.repository("web").private().commit("one");
    let front = front(&world, "forge.test");
    let plain = proxy_to(&front.url);
    let (url, authority) = over_tls("127.0.0.1", &plain);
    let file = world
        .sandbox
        .write("authority.pem", authority + &front.authority);
    world.configure(&[world.source_with("apiUrl", "https://forge.test")]);
    world
        .forge
        .change(|state| state.git_url = "https://forge.test".to_owned());
    let run = world
        .forgekeep(&["backup"])
        .env("HTTPS_PROXY", &url)
        .env("SSL_CERT_FILE", &file)
        .run();
    assert_eq!(run.code, Some(0), "{run:#?}");
    forgekeep_tests::compare::assert_mirror(&web.git_dir(), &world.mirror("web"));
}

/// A proxy that leads to one address, whatever it is asked for.
fn proxy_to(address: &str) -> String {
    super::proxy::proxy_to(address.replace("https://", ""), Manners::Connects)
}

#[test]
fn a_proxy_whose_certificate_is_not_good_is_named_and_nothing_goes_past_it() {
    let world = far_away_with(&patient());
    let plain = proxy(&world, Manners::Connects);
    let (unknown, _) = over_tls("127.0.0.1", &plain);
    let (elsewhere, authority) = over_tls("elsewhere.example", &plain);
    let speaks_no_tls = plain.replace("http://", "https://");
    let file = world.sandbox.write("authority.pem", authority);
    for (url, says) in [
        (unknown, "TLS failed"),
        (elsewhere, "not valid for name"),
        (speaks_no_tls, "does not speak TLS"),
    ] {
        let run = world
            .forgekeep(&["backup"])
            .env("HTTPS_PROXY", url.replace("//", "//user:hunter2@"))
            .env("SSL_CERT_FILE", &file)
            .run()
            .expect(3);
        let said = error(source(&run, "acme"));
        assert!(said.contains(says), "{url}: {said}");
        assert!(said.contains(&format!("{url} (HTTPS_PROXY)")), "{said}");
        assert!(said.contains("certificate"), "{url}: {said}");
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
    }
    assert!(world.forge.requests().is_empty());
}
