//! Signals, and what a killed run leaves to the next one.
#![cfg(unix)]

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use forgekeep_tests::{Action, Fault, RequestKind, Running};

use crate::support::{World, report};

/// Two repositories, one of which never ends to come; and a run that has got so far.
fn hanging(world: &World) -> Running {
    for slug in ["api", "web"] {
        world.forge.repository(slug).private().commit(slug);
    }
    let fault = Fault::on(RequestKind::UploadPack, Action::Hang);
    world.forge.inject(fault.repository("web"));
    let running = world.forgekeep(&["backup"]).spawn();
    world.forge.wait_for(RequestKind::UploadPack, 2);
    running
}

/// Panics unless the next run is let in and completes the backup.
fn assert_next_run_completes(world: &World) {
    world.forge.clear_faults();
    world.backup().expect(0);
    for slug in ["api", "web"] {
        world.assert_mirrored(world.forge.repository(slug));
    }
}

#[test]
fn sigterm_ends_a_run_in_good_order_as_ctrl_c_does() {
    for signal in ["INT", "TERM", "HUP"] {
        let world = World::new();
        let running = hanging(&world);
        let sent = Instant::now();
        running.signal(signal);
        let run = running.wait().expect(130);
        let time = sent.elapsed();
        assert!(time < Duration::from_secs(10), "{signal}: {time:?}");
        assert_eq!(report(&run)["outcome"], "interrupted", "{signal}");
        let web = run.repository("acme/web");
        assert_eq!(web["error"]["kind"], "cancelled", "{signal}: {web:#}");
        assert_eq!(web["outcome"], "notDone", "{signal}: {web:#}");
        assert!(run.stderr.contains("interrupted"), "{}", run.stderr);
        assert!(!world.mirror("web").exists(), "{signal}");
        assert_next_run_completes(&world);
    }
}

/// A run whose API is at this address, with all the patience there is.
fn patient_run(world: &World, api_url: &str) -> Running {
    let source = world.source_with("apiUrl", api_url);
    let options = serde_json::json!({"network": {"connectSeconds": 300, "stallSeconds": 300}});
    world.configure_with(&[source], &options);
    world.forgekeep(&["backup"]).spawn()
}

#[track_caller]
fn assert_interrupted_soon(running: Running) {
    let sent = Instant::now();
    running.interrupt();
    let run = running.wait().expect(130);
    let time = sent.elapsed();
    assert!(time < Duration::from_secs(5), "{time:?}");
    assert_eq!(report(&run)["outcome"], "interrupted");
    let acme = crate::support::source(&run, "acme");
    assert_eq!(acme["error"]["kind"], "cancelled", "{acme:#}");
}

/// The lines about a process's sockets in `/proc/net/tcp`.
#[cfg(target_os = "linux")]
fn sockets_of(running: &Running) -> impl Iterator<Item = String> {
    let files = fs::read_dir(format!("/proc/{}/fd", running.pid())).unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let own: Vec<_> = targets.map(|t| t.display().to_string()).collect();
    let all = fs::read_to_string("/proc/net/tcp").unwrap();
    let lines: Vec<_> = all.lines().map(str::to_owned).collect();
    lines.into_iter().filter(move |line| {
        let inode = line.split_whitespace().nth(9).unwrap_or_default();
        own.contains(&format!("socket:[{inode}]"))
    })
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_a_run_while_a_connection_is_being_made() {
    use std::net::TcpStream;

    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: once the queue is full, nobody is answered any more.
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(500));
    let _queue: Vec<_> = std::iter::from_fn(|| connect().ok()).collect();
    let running = patient_run(&world, &format!("http://{address}"));
    let connecting = format!(":{:04X} 02 ", address.port());
    let started = Instant::now();
    while !sockets_of(&running).any(|socket| socket.contains(&connecting)) {
        assert!(started.elapsed() < Duration::from_secs(60), "no connection");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_interrupted_soon(running);
}

#[test]
fn a_signal_ends_a_run_in_the_midst_of_a_tls_handshake() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let running = patient_run(&world, &url);
    let (mut client, _) = listener.accept().unwrap();
    client.read_exact(&mut [0; 16]).unwrap();
    assert_interrupted_soon(running);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let world = World::new();
    // The good order ends with a report; nobody reads this one, so it is never written.
    let pipe = world.sandbox.path("report.json.partial");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let running = hanging(&world);
    let sent = Instant::now();
    running.signal("INT");
    // Another one: two of the same may become one on the way.
    running.signal("TERM");
    let run = running.wait().expect(130);
    let time = sent.elapsed();
    assert!(time < Duration::from_secs(10), "{time:?}");
    assert_eq!(run.report, None);
    fs::remove_file(pipe).unwrap();
    assert_next_run_completes(&world);
}

#[test]
fn the_lock_of_a_killed_run_blocks_nobody() {
    let world = World::new();
    let mut running = hanging(&world);
    let lock = world.sandbox.backup().join(".forgekeep/lock");
    let holder = fs::read_to_string(&lock).unwrap();
    assert!(holder.contains(&running.pid().to_string()), "{holder}");
    let second = ["backup", "--report", "second.json"];
    world.forgekeep(&second).run().expect(13);
    running.kill();
    let run = running.wait();
    assert_eq!((run.code, run.report), (None, None));
    assert_eq!(fs::read_to_string(&lock).unwrap(), holder);
    assert_next_run_completes(&world);
}
