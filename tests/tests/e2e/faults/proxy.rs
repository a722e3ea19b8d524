//! Faults behind a proxy, and faults of the proxy's own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use forgekeep_tests::{Action, Fault, RequestKind, Run};
use serde_json::Value;

use super::impatient;
use crate::support::{World, error, source};

/// What only the proxy knows the way to.
const HOST: &str = "http://forge.test";

/// What a proxy does when it is asked for a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manners {
    Connects,
    Answers(u16),
    /// Connects to the API, not to git.
    RefusesGit,
    Closes,
    Hangs,
    Garbage,
    /// SOCKS 5, with a user and a password or without.
    Socks(bool),
}

/// A proxy that knows one forge, by whatever name; its address.
pub(crate) fn proxy(world: &World, manners: Manners) -> String {
    proxy_to(world.forge.api_url().replace("http://", ""), manners)
}

/// A proxy that leads to this host and port, whatever it is asked for; its address.
pub(crate) fn proxy_to(forge: String, manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
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
    if let Manners::Socks(login) = manners {
        return serve_socks(client, forge, login);
    }
    let mut head = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let asked = line
        .strip_prefix("CONNECT ")
        .and_then(|line| line.split_once(':'));
    assert!(
        asked.is_some_and(|(host, _)| host.ends_with(".test")),
        "{line}"
    );
    let for_git = line.starts_with("CONNECT forge.test:8080 ");
    while line.trim() != "" {
        line.clear();
        head.read_line(&mut line)?;
    }
    match manners {
        Manners::Answers(status) => answer(&mut client, status),
        Manners::RefusesGit if for_git => answer(&mut client, 403),
        Manners::Garbage => client.write_all(b"SSH-2.0-OpenSSH_9.9\r\n"),
        Manners::Closes => Ok(()),
        Manners::Hangs => client.read(&mut [0]).map(drop),
        Manners::Connects | Manners::RefusesGit => {
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
            pass_on(client, head, forge)
        }
        Manners::Socks(_) => unreachable!("served above"),
    }
}

fn answer(client: &mut TcpStream, status: u16) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
    client.write_all(head.as_bytes())
}

/// RFC 1928 and 1929, as far as a client asks by name.
fn serve_socks(mut client: TcpStream, forge: &str, login: bool) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?);
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        head.read_exact(&mut bytes).map(|()| bytes)
    };
    let methods = usize::from(read(2)?[1]);
    let wanted = if login { 2 } else { 0 };
    if !read(methods)?.contains(&wanted) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, wanted])?;
    if login {
        let length = usize::from(read(2)?[1]);
        let user = read(length)?;
        let length = usize::from(read(1)?[0]);
        let good = user == b"user" && read(length)? == b"pass:word";
        client.write_all(&[1, u8::from(!good)])?;
        if !good {
            return Ok(());
        }
    }
    assert_eq!(read(4)?, [5, 1, 0, 3], "asked by name");
    let length = usize::from(read(1)?[0]);
    assert_eq!(read(length)?, b"forge.test");
    read(2)?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    pass_on(client, head, forge)
}

fn pass_on(client: TcpStream, mut from: impl Read, forge: &str) -> io::Result<()> {
    let mut to = client;
    let mut upstream = TcpStream::connect(forge)?;
    let mut answers = upstream.try_clone()?;
    let back = thread::spawn(move || {
        io::copy(&mut answers, &mut to).ok();
        to.shutdown(Shutdown::Both).ok();
    });
    io::copy(&mut from, &mut upstream)?;
    upstream.shutdown(Shutdown::Both).ok();
    back.join().ok();
    Ok(())
}

/// A forge that is not on this machine, as far as addresses tell.
pub(super) fn far_away(retries: u32) -> World {
    far_away_with(&impatient(retries))
}

/// The same, with options.
pub(super) fn far_away_with(options: &Value) -> World {
    let world = World::new();
    world.forge.repository("web").private().commit("one");
    let mut source = world.source_with("apiUrl", HOST);
    source["allowInsecureHttp"] = true.into();
    world.configure_with(&[source], options);
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
        (Manners::Answers(403), "answered 403"),
        (Manners::Answers(407), "requires credentials (407)"),
        (Manners::Answers(502), "answered 502"),
        (Manners::Closes, "the proxy did not connect"),
        (Manners::Garbage, "did not answer as a proxy does"),
        (Manners::Hangs, "no connection to forge.test in time"),
    ] {
        let world = far_away(0);
        let proxy = proxy(&world, manners);
        let run = backup(&world, &proxy.replace("//", "//user:hunter2@")).expect(3);
        let said = error(source(&run, "acme"));
        assert!(
            said.starts_with("network: ") && said.contains(says),
            "{manners:?}: {said}"
        );
        assert!(said.contains(&format!("{proxy} (HTTP_PROXY)")), "{said}");
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
        assert!(world.forge.requests().is_empty(), "{manners:?}");
    }
}

#[test]
fn a_proxy_that_is_down_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for scheme in ["http", "https", "socks4a", "socks5", "socks5h"] {
        let world = far_away(0);
        // Where names are resolved here, there must be one that is.
        if scheme == "socks5" {
            let mut source = world.source_with("apiUrl", "http://192.0.2.1");
            source["allowInsecureHttp"] = true.into();
            world.configure_with(&[source], &impatient(0));
        }
        let proxy = format!("{scheme}://{address}");
        let run = backup(&world, &proxy).expect(3);
        let said = error(source(&run, "acme"));
        assert!(
            said.contains(&format!("{proxy} (HTTP_PROXY) failed: connection refused")),
            "{scheme}: {said}"
        );
    }
}

#[test]
fn a_proxy_that_refuses_git_alone_is_named_for_the_repository() {
    let world = far_away(0);
    world
        .forge
        .change(|state| state.git_url = "http://forge.test:8080".to_owned());
    let proxy = proxy(&world, Manners::RefusesGit);
    let run = backup(&world, &proxy).expect(3);
    let said = error(run.repository("acme/web"));
    assert!(said.contains("the proxy did not connect"), "{said}");
}

#[test]
fn socks_proxies_serve_api_and_git() {
    for (login, user) in [(false, ""), (true, "user:pass%3Aword@")] {
        let world = far_away(0);
        let proxy = proxy(&world, Manners::Socks(login)).replace("http://", "");
        let run = world
            .forgekeep(&["backup", "-vvv"])
            .env("HTTP_PROXY", format!("socks5h://{user}{proxy}"))
            .run();
        assert_eq!(run.code, Some(0), "{run:#?}");
        for form in ["pass:word", "pass%3A", "cGFzczp3b3Jk"] {
            assert!(!format!("{run:?}").contains(form), "{run:?}");
        }
        world.assert_mirrored(world.forge.repository("web"));
    }
    // Wrong credentials are the proxy's affair.
    let world = far_away(0);
    let proxy = proxy(&world, Manners::Socks(true)).replace("http://", "");
    for user in ["", "user:hunter2@"] {
        let run = backup(&world, &format!("socks5h://{user}{proxy}")).expect(3);
        let said = error(source(&run, "acme"));
        assert!(said.contains("the proxy did not connect"), "{said}");
        assert!(said.contains(&proxy), "{said}");
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
    }
}

#[test]
fn what_is_no_proxy_ends_the_command_and_nothing_goes_direct() {
    // A forge on this machine would be asked directly with any proxy.
    let world = World::new();
    world.forge.repository("web").commit("one");
    for (variable, value) in [
        ("HTTPS_PROXY", "ftp://user:hunter2@proxy:3128"),
        ("https_proxy", "http://user:hunter2@"),
        ("HTTP_PROXY", "http://user:hunter2@proxy:port"),
        ("http_proxy", "socks6://hunter2:1080"),
        ("ALL_PROXY", "http://hunter2:99999"),
        ("all_proxy", "http://hunter2:3128/proxy.pac"),
        ("HTTPS_PROXY", "http://hunter2:3128\r"),
    ] {
        for command in ["backup", "list", "check"] {
            let run = world.forgekeep(&[command]).env(variable, value).run();
            let run = run.expect(10);
            assert!(run.stderr.contains(variable), "{}", run.stderr);
            assert!(run.stderr.contains("socks5h://"), "{}", run.stderr);
            assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
            if command == "backup" {
                assert_eq!(run.report.unwrap()["error"]["kind"], "config");
            }
        }
    }
    assert!(world.forge.requests().is_empty());
    assert!(!world.sandbox.backup().exists());
}

#[test]
fn what_no_proxy_names_is_asked_without_it() {
    let world = far_away(0);
    let dead = "http://127.0.0.1:9";
    let run = world
        .forgekeep(&["backup"])
        .env("HTTP_PROXY", dead)
        .env("NO_PROXY", "other.example, test")
        .run()
        .expect(3);
    // Nobody knows the name, so nobody was asked; but not for the proxy's sake.
    let said = error(source(&run, "acme"));
    assert!(!said.contains("proxy"), "{said}");
}
