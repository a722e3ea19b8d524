//! Faults behind a proxy, and faults of the proxy's own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use forgekeep_tests::{Action, Fault, RequestKind, Run};

use super::impatient;
use crate::support::{World, error, source};

/// What only the proxy knows the way to.
const HOST: &str = "http://forge.test";

/// What a proxy does when it is asked for a connection.
#[derive(Debug, Clone, Copy)]
enum Manners {
    Connects,
    Refuses,
    Closes,
    Hangs,
}

/// A proxy that knows one forge, by whatever name; its address.
fn proxy(world: &World, manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let forge = world.forge.api_url().replace("http://", "");
    // Ends with the process.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let forge = forge.clone();
            thread::spawn(move || serve(client, &forge, manners).ok());
        }
    });
    url
}

fn serve(mut client: TcpStream, forge: &str, manners: Manners) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    assert!(line.starts_with("CONNECT forge.test:80 "), "{line}");
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line)?;
    }
    match manners {
        Manners::Refuses => {
            client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        }
        Manners::Closes => Ok(()),
        Manners::Hangs => client.read(&mut [0]).map(drop),
        Manners::Connects => {
            let mut upstream = TcpStream::connect(forge)?;
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            let (mut from, mut to) = (upstream.try_clone()?, client.try_clone()?);
            let back = thread::spawn(move || {
                io::copy(&mut from, &mut to).ok();
                to.shutdown(Shutdown::Both).ok();
            });
            io::copy(&mut head, &mut upstream)?;
            upstream.shutdown(Shutdown::Both).ok();
            back.join().ok();
            Ok(())
        }
    }
}

/// A forge that is not on this machine, as far as addresses tell.
fn far_away(retries: u32) -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    let mut source = world.source_with("apiUrl", HOST);
    source["allowInsecureHttp"] = true.into();
    world.configure_with(&[source], &impatient(retries));
    world.forge.change(|state| {
        state.api_url = HOST.to_owned();
        state.git_url = HOST.to_owned();
    });
    world
}

fn backup(world: &World, proxy: &str) -> Run {
    world.forgekeep(&["backup"]).env("HTTP_PROXY", proxy).run()
}

#[test]
fn faults_behind_a_proxy_cost_what_they_do_without() {
    use RequestKind::{Api, InfoRefs, UploadPack};
    thread::scope(|scope| {
        for place in [Api, InfoRefs, UploadPack] {
            for (action, kind) in [
                (Action::status(503), "unavailable"),
                (Action::Truncate, "network"),
                (Action::Close, "network"),
                (Action::Stall, "network"),
                (Action::html(200), "bad-answer"),
            ] {
                scope.spawn(move || behind(place, &action, kind));
            }
        }
    });
}

fn behind(place: RequestKind, action: &Action, kind: &str) {
    for (times, code) in [(1, 0), (usize::MAX, 3)] {
        let what = format!("{place:?} {action:?} × {times}");
        let world = far_away(1);
        let proxy = proxy(&world, Manners::Connects);
        world
            .forge
            .inject(Fault::on(place, action.clone()).first(times));
        let run = backup(&world, &proxy);
        assert_eq!(run.code, Some(code), "{what}: {run:#?}");
        if code == 0 {
            world.assert_mirrored(world.forge.repository("web"));
            continue;
        }
        let failed = match place {
            RequestKind::Api => source(&run, "acme"),
            _ => run.repository("acme/web"),
        };
        assert_eq!(failed["error"]["kind"], kind, "{what}: {failed:#}");
        assert!(!world.mirror("web").exists(), "{what}");
    }
}

#[test]
fn a_proxy_that_fails_is_named() {
    for (manners, says) in [
        (Manners::Refuses, "the proxy did not connect"),
        (Manners::Closes, "the proxy did not connect"),
        (Manners::Hangs, "no connection to forge.test in time"),
    ] {
        let world = far_away(0);
        let proxy = proxy(&world, manners);
        let run = backup(&world, &proxy).expect(3);
        let said = error(source(&run, "acme"));
        assert!(
            said.starts_with("network: ") && said.contains(says),
            "{manners:?}: {said}"
        );
        assert!(world.forge.requests().is_empty(), "{manners:?}");
    }
}
