//! A silence costs what it may cost, and nobody waits for it but its own repository.

use std::thread;
use std::time::Duration;

use forgekeep_tests::{Action, Fault, RequestKind, pkt_line};
use serde_json::Value;

use super::impatient;
use crate::support::{World, error};

const RETRIES: u32 = 2;

/// The answer of a git server that counts and compresses for longer than the stall limit, and
/// meanwhile sends empty packets on the pack's band, as git does.
fn with_keep_alives(body: Vec<u8>) -> Vec<Vec<u8>> {
    let mut packets = pkt_line::Packets::new(body.as_slice());
    packets.next().expect("an acknowledgement");
    let rest = packets.into_rest();
    let (acknowledgement, pack) = body.split_at(body.len() - rest.len());
    let mut pieces = vec![acknowledgement.to_vec()];
    pieces.extend(vec![b"0005\x01".to_vec(); 8]);
    pieces.push(pack.to_vec());
    pieces
}

#[test]
fn a_git_server_that_shows_it_is_alive_may_take_longer_than_a_silence() {
    let world = World::new();
    world.configure_with(&[world.source()], &impatient(0));
    let web = world.forge.repository("web").private().commit("web");
    let pause = Duration::from_millis(800);
    let cut = with_keep_alives;
    let fault = Fault::on(RequestKind::UploadPack, Action::Slowly { pause, cut });
    world.forge.inject(fault);
    let run = world.backup().expect(0);
    assert!(run.time > Duration::from_secs(6), "{:?}", run.time);
    world.assert_mirrored(web);
}

#[test]
fn a_hang_costs_its_stall_limits_and_the_others_are_done_before() {
    let hangs = [RequestKind::InfoRefs, RequestKind::UploadPack]
        .into_iter()
        .flat_map(|kind| {
            [Action::Hang, Action::Stall, Action::drip()].map(|action| (kind, action))
        });
    thread::scope(|scope| {
        for (kind, action) in hangs {
            scope.spawn(move || hang(kind, action));
        }
    });
}

fn hang(kind: RequestKind, action: Action) {
    let what = format!("{kind:?} {action:?}");
    let world = World::new();
    world.configure_with(&[world.source()], &impatient(RETRIES));
    // The largest is begun with: nobody is done because it came later.
    let web = world.forge.repository("web").private().commit("web");
    web.size(1_000_000);
    let others = ["api", "docs", "notes"];
    for slug in others {
        world.forge.repository(slug).private().commit(slug);
    }
    let fault = Fault::on(kind, action).repository("web");
    world.forge.inject(fault);
    let run = world
        .forgekeep(&["backup", "--progress", "json"])
        .run()
        .expect(3);
    let failed = run.repository("acme/web");
    assert_eq!(failed["error"]["kind"], "network", "{what}: {failed:#}");
    assert!(error(failed).contains("stallSeconds"), "{what}: {failed:#}");
    assert_eq!(world.forge.count(kind), requests(kind), "{what}");
    // Three silences (or drips) of two seconds, and two waits of at most one; the rest is the machine's.
    assert!(run.time >= Duration::from_secs(6), "{what}: {:?}", run.time);
    assert!(run.time < Duration::from_secs(20), "{what}: {:?}", run.time);
    let finished: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["event"] == "repository-finished")
        .map(|event| event["repository"]["name"].clone())
        .collect();
    assert_eq!(finished.len(), 4, "{what}: {finished:?}");
    assert_eq!(finished[3], "acme/web", "{what}: {finished:?}");
    for slug in others {
        let entry = run.repository(&format!("acme/{slug}"));
        let seconds = entry["seconds"].as_f64().unwrap();
        assert!(
            seconds < failed["seconds"].as_f64().unwrap(),
            "{what}: {entry:#}"
        );
        world.assert_mirrored(world.forge.repository(slug));
    }
}

/// Three for the repository that hangs, one for each other.
fn requests(kind: RequestKind) -> usize {
    match kind {
        RequestKind::InfoRefs | RequestKind::UploadPack => RETRIES as usize + 1 + 3,
        RequestKind::Api | RequestKind::ReceivePack | RequestKind::Token | RequestKind::Other => {
            unreachable!("git alone hangs here")
        }
    }
}
