use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use forgekeep_git::refs::{RefValue, Refs, parse_oid};
use forgekeep_upload_pack::{Place, Run, SshHosts, UploadPack};
use git2::{Odb, Repository};
use proptest::prelude::*;

use super::*;
use crate::advertisement::Advertisement;
use crate::pipes::advertise;
use crate::sink::{Incoming, Watched};

const ID: &str = "1234567890123456789012345678901234567890";

/// Answers from a list; remembers what it was asked.
struct Scripted {
    answers: VecDeque<Vec<u8>>,
    asked: Vec<String>,
}

impl Scripted {
    fn new(answers: &[Vec<u8>]) -> Self {
        Self {
            answers: answers.to_vec().into(),
            asked: Vec::new(),
        }
    }
}

impl Duplex for Scripted {
    fn is_stateless(&self) -> bool {
        true
    }

    fn exchange(&mut self, request: Vec<u8>) -> Result<Box<dyn Read + '_>, Failure> {
        self.asked.push(String::from_utf8(request).unwrap());
        Ok(Box::new(io::Cursor::new(self.answers.pop_front().unwrap())))
    }

    fn broken(&mut self, error: &io::Error) -> Failure {
        Failure::new(ErrorKind::Network, format!("broken: {error}")).transient()
    }
}

#[derive(Default)]
struct Memory {
    bytes: Vec<u8>,
    finished: bool,
}

impl PackSink for Memory {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend(bytes);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.finished = true;
        Ok(())
    }
}

fn packets(all: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for data in all {
        match data.is_empty() {
            true => out.extend(FLUSH),
            false => pkt_line::push(&mut out, data),
        }
    }
    out
}

fn wanted() -> Oid {
    parse_oid(ID).unwrap()
}

/// The answer of a clone, by a server that can do this.
fn clone(capabilities: &str, answer: Vec<u8>) -> (Result<(), Failure>, Memory) {
    let mut duplex = Scripted::new(&[answer]);
    let offered = Capabilities::new(capabilities.as_bytes());
    let cancel = Cancel::new();
    let mut sink = Memory::default();
    let done = Conversation::new(&mut duplex, &offered, &cancel).fetch(
        &[wanted()],
        &mut Haves::none(),
        &mut sink,
    );
    (done, sink)
}

const BAND: &str = "multi_ack_detailed side-band-64k";

#[test]
fn a_clone_is_one_request_and_the_pack_comes_out_of_the_side_band() {
    let answer = packets(&[
        b"NAK\n",
        b"\x02counting\n",
        b"\x01PACK",
        b"\x01",
        b"\x01more",
        b"",
    ]);
    let mut duplex = Scripted::new(&[answer]);
    let offered =
        Capabilities::new(b"multi_ack_detailed side-band-64k ofs-delta thin-pack agent=x");
    let cancel = Cancel::new();
    let mut sink = Memory::default();
    Conversation::new(&mut duplex, &offered, &cancel)
        .fetch(&[wanted()], &mut Haves::none(), &mut sink)
        .unwrap();
    assert_eq!(sink.bytes, b"PACKmore");
    assert!(sink.finished);
    let asked = &duplex.asked[0];
    assert!(asked.contains(&format!(
        "want {ID} multi_ack_detailed ofs-delta thin-pack side-band-64k agent=git/"
    )));
    assert!(asked.ends_with("00000009done\n"), "{asked}");
}

#[test]
fn a_pack_may_come_bare() {
    for capabilities in ["multi_ack_detailed", BAND] {
        let answer = [packets(&[b"NAK\n"]), b"PACK and so on".to_vec()].concat();
        let (done, sink) = clone(capabilities, answer);
        done.unwrap();
        assert_eq!(sink.bytes, b"PACK and so on");
    }
}

#[test]
fn a_want_that_is_answered_without_a_pack_is_a_failure() {
    for answer in [
        packets(&[b"NAK\n"]),
        packets(&[b"NAK\n", b""]),
        packets(&[b""]),
        packets(&[b"NAK\n", b"\x01", b"\x01", b""]),
        Vec::new(),
    ] {
        let (done, sink) = clone(BAND, answer);
        let failure = done.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::BadAnswer, "{failure}");
        assert!(!failure.permanent);
        assert!(!sink.finished);
    }
}

#[test]
fn what_the_server_says_of_itself_is_told() {
    let fatal = packets(&[
        b"NAK\n",
        b"\x01PACK",
        b"\x03upload-pack: not our ref\x1b[31m\n",
    ]);
    let (done, sink) = clone(BAND, fatal);
    let failure = done.unwrap_err();
    assert!(failure.message.contains("not our ref"), "{failure}");
    assert!(!failure.message.contains('\u{1b}'), "{failure}");
    assert!(!sink.finished);
    let limited = packets(&[b"ERR rate limit exceeded\n"]);
    let failure = clone(BAND, limited).0.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::RateLimited);
    let within = packets(&[b"NAK\n", b"ERR out of memory\n"]);
    let failure = clone(BAND, within).0.unwrap_err();
    assert!(failure.message.contains("out of memory"), "{failure}");
    let silent = packets(&[b"NAK\n", b"\x02error: pack-objects died of signal 9\n", b""]);
    let failure = clone(BAND, silent).0.unwrap_err();
    assert!(failure.message.contains("died of signal 9"), "{failure}");
}

#[test]
fn a_cut_is_never_the_end_of_a_pack() {
    let whole = packets(&[b"NAK\n", b"\x01PACK", b"\x01more", b""]);
    for end in 0..whole.len() {
        let (done, sink) = clone(BAND, whole[..end].to_vec());
        assert!(done.is_err(), "cut at {end}");
        assert!(!sink.finished, "cut at {end}");
    }
}

#[test]
fn endless_messages_are_not_borne() {
    let message = packets(&[&[2; 60_000]]);
    let answer = [packets(&[b"NAK\n"]), message.repeat(300)].concat();
    let failure = clone(BAND, answer).0.unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Policy);
}

/// A line of commits in a repository, the oldest first.
fn line(odb: &Odb<'_>, count: usize, of: &str) -> Vec<Oid> {
    let tree = odb.write(git2::ObjectType::Tree, b"").unwrap();
    let mut all: Vec<Oid> = Vec::new();
    for number in 0..count {
        let parent = all.last().map(|p| format!("parent {p}\n"));
        let text = format!(
            "tree {tree}\n{}author {of} <a> 1 +0000\ncommitter {of} <a> {number} +0000\n\nx\n",
            parent.unwrap_or_default()
        );
        all.push(
            odb.write(git2::ObjectType::Commit, text.as_bytes())
                .unwrap(),
        );
    }
    all
}

fn refs(name: &str, oid: Oid) -> Refs {
    Refs::from([(name.as_bytes().to_vec(), RefValue { oid, peeled: None })])
}

#[test]
fn a_server_that_remembers_nothing_is_told_again_what_is_common() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let odb = repository.odb().unwrap();
    // More roots than one round tells of.
    let mut ours = Refs::new();
    for number in 0..60 {
        let root = line(&odb, 1, &format!("N{number}"))[0];
        ours.extend(refs(&format!("refs/heads/{number}"), root));
    }
    let told: Vec<Oid> = Haves::new(&odb, &ours, &Refs::new()).take(99);
    let common = told[3];
    let ack = |status: &str| format!("ACK {common} {status}\n").into_bytes();
    let mut duplex = Scripted::new(&[
        packets(&[&ack("common"), b"NAK\n"]),
        packets(&[&ack("common"), &ack("ready"), b"NAK\n"]),
        packets(&[format!("ACK {common}\n").as_bytes(), b"\x01PACK", b""]),
    ]);
    let offered = Capabilities::new(BAND.as_bytes());
    let cancel = Cancel::new();
    let mut sink = Memory::default();
    Conversation::new(&mut duplex, &offered, &cancel)
        .fetch(
            &[wanted()],
            &mut Haves::new(&odb, &ours, &Refs::new()),
            &mut sink,
        )
        .unwrap();
    assert_eq!(sink.bytes, b"PACK");
    assert_eq!(duplex.asked.len(), 3);
    for request in &duplex.asked[1..] {
        assert!(request.contains(&format!("want {ID}")));
        assert_eq!(request.matches(&common.to_string()).count(), 1);
    }
    assert_eq!(duplex.asked[0].matches("have ").count(), FIRST_ROUND);
    assert_eq!(
        duplex.asked[1].matches("have ").count(),
        1 + 2 * FIRST_ROUND
    );
    assert_eq!(duplex.asked[2].matches("have ").count(), 1);
}

/// A conversation about many refs, with a server that may go on without being asked.
fn without_done(
    answers: &[Vec<u8>],
    common: impl Fn(Oid) -> Vec<Vec<u8>>,
) -> (Vec<String>, Memory) {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let odb = repository.odb().unwrap();
    let mut ours = Refs::new();
    for number in 0..40 {
        let root = line(&odb, 1, &format!("N{number}"))[0];
        ours.extend(refs(&format!("refs/heads/{number}"), root));
    }
    let first = Haves::new(&odb, &ours, &Refs::new()).take(1)[0];
    let mut duplex = Scripted::new(&[common(first), answers.to_vec()].concat());
    let offered = Capabilities::new(format!("{BAND} no-done").as_bytes());
    let cancel = Cancel::new();
    let mut sink = Memory::default();
    Conversation::new(&mut duplex, &offered, &cancel)
        .fetch(
            &[wanted()],
            &mut Haves::new(&odb, &ours, &Refs::new()),
            &mut sink,
        )
        .unwrap();
    (duplex.asked, sink)
}

#[test]
fn the_pack_may_follow_as_soon_as_the_server_has_heard_enough() {
    let (asked, sink) = without_done(&[], |oid| {
        let ack = |status: &str| format!("ACK {oid}{status}\n").into_bytes();
        let all = [
            &ack(" common")[..],
            &ack(" ready"),
            b"NAK\n",
            &ack(""),
            b"\x01PACK",
            b"\x01x",
            b"",
        ];
        vec![packets(&all)]
    });
    assert_eq!(sink.bytes, b"PACKx");
    assert!(sink.finished);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].contains(" no-done"), "{}", asked[0]);
    assert!(!asked[0].contains("done\n"), "{}", asked[0]);
}

#[test]
fn a_server_that_offers_to_go_on_and_does_not_is_asked() {
    let last = packets(&[b"NAK\n", b"\x01PACK", b""]);
    let (asked, sink) = without_done(&[last], |oid| {
        let ack = |status: &str| format!("ACK {oid}{status}\n").into_bytes();
        vec![packets(&[&ack(" common"), &ack(" ready"), b"NAK\n"])]
    });
    assert_eq!(sink.bytes, b"PACK");
    assert_eq!(asked.len(), 2);
    assert!(asked[1].ends_with("done\n"), "{}", asked[1]);
}

#[test]
fn a_server_that_shares_nothing_is_not_told_everything() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let odb = repository.odb().unwrap();
    let mut ours = Refs::new();
    for number in 0..3000 {
        let root = line(&odb, 1, &format!("N{number}"))[0];
        ours.extend(refs(&format!("refs/heads/{number}"), root));
    }
    let nak = packets(&[b"NAK\n"]);
    let mut answers = vec![nak; 5];
    answers.push(packets(&[b"NAK\n", b"\x01PACK", b""]));
    let mut duplex = Scripted::new(&answers);
    let offered = Capabilities::new(BAND.as_bytes());
    let cancel = Cancel::new();
    Conversation::new(&mut duplex, &offered, &cancel)
        .fetch(
            &[wanted()],
            &mut Haves::new(&odb, &ours, &Refs::new()),
            &mut Memory::default(),
        )
        .unwrap();
    let told: usize = duplex
        .asked
        .iter()
        .map(|r| r.matches("have ").count())
        .sum();
    assert!((MOST_IN_VAIN..3 * MOST_IN_VAIN).contains(&told), "{told}");
}

proptest! {
    #[test]
    fn any_answer_is_survived(answer in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_, sink) = clone(BAND, answer);
        prop_assert!(!sink.finished || !sink.bytes.is_empty());
    }

    #[test]
    fn a_pack_comes_whole_in_whatever_packets(
        pieces in proptest::collection::vec((1u8..=2, proptest::collection::vec(any::<u8>(), 0..300)), 0..20),
    ) {
        let mut answer = packets(&[b"NAK\n"]);
        let mut pack: Vec<u8> = Vec::new();
        for (band, data) in &pieces {
            pkt_line::push(&mut answer, [&[*band][..], data].concat());
            if *band == 1 {
                pack.extend(data);
            }
        }
        answer.extend(FLUSH);
        let (done, sink) = clone(BAND, answer);
        prop_assert_eq!(done.is_ok(), !pack.is_empty());
        prop_assert_eq!(sink.bytes, pack);
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.com"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.com"),
    ] {
        command.env(name, value);
    }
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// Brings a mirror up to what a repository on this machine has, over the pipes of a git of its own.
/// Returns how many objects came.
fn fetch_from_child(upstream: &Path, mirror: &Path, known: &Refs) -> (Advertisement, usize) {
    let what = UploadPack {
        place: Place::Local(upstream.to_owned()),
        program: None,
        ssh: Arc::default(),
        run: Run {
            hosts: SshHosts::new(1),
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            cancel: Cancel::new(),
        },
    };
    let (advertisement, mut pipes) = advertise(&what, 1 << 20).unwrap();
    let repository = Repository::open_bare(mirror).unwrap();
    let odb = repository.odb().unwrap();
    let mut wants: Vec<Oid> = advertisement.refs.values().map(|v| v.oid).collect();
    wants.retain(|oid| !odb.exists(*oid));
    let objects = RefCell::new(0);
    if !wants.is_empty() {
        let (received, cancel) = (AtomicU64::new(0), Cancel::new());
        let progress = |transfer: crate::Transfer| *objects.borrow_mut() = transfer.objects;
        let explain = |error: &git2::Error| Failure::new(ErrorKind::Git, error.message());
        let watched = Watched {
            progress: &progress,
            received: &received,
            cancel: &cancel,
            explain: &explain,
            refuse: &|unsound| Failure::new(ErrorKind::Git, unsound.why()),
        };
        let mut sink = Incoming::new(mirror, Some(&odb), watched);
        Conversation::new(&mut pipes, &advertisement.capabilities, &cancel)
            .fetch(
                &wants,
                &mut Haves::new(&odb, known, &advertisement.refs),
                &mut sink,
            )
            .unwrap();
        assert!(received.load(std::sync::atomic::Ordering::Relaxed) > 0);
    }
    drop(pipes);
    assert!(!mirror.join("objects/forgekeep-incoming").exists());
    let came = *objects.borrow();
    (advertisement, came)
}

#[test]
fn a_git_behind_two_pipes_gives_all_and_then_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let (upstream, mirror) = (folder.path().join("up"), folder.path().join("mirror"));
    git(folder.path(), &["init", "-q", "-b", "main", "up"]);
    let commit = |text: &str| {
        std::fs::write(upstream.join("file"), format!("{text}\n").repeat(200)).unwrap();
        git(&upstream, &["add", "file"]);
        git(&upstream, &["commit", "-q", "-m", text]);
    };
    for number in 0..40 {
        commit(&number.to_string());
    }
    Repository::init_bare(&mirror).unwrap();
    let (first, objects) = fetch_from_child(&upstream.join(".git"), &mirror, &Refs::new());
    assert_eq!(objects, 120);
    commit("new");
    let (second, objects) = fetch_from_child(&upstream.join(".git"), &mirror, &first.refs);
    assert_eq!(objects, 3);
    // Rewritten: the newest commits are not upstream's any more.
    git(&upstream, &["reset", "-q", "--hard", "HEAD~30"]);
    commit("other");
    let (third, objects) = fetch_from_child(&upstream.join(".git"), &mirror, &second.refs);
    assert!((3..=30).contains(&objects), "{objects}");
    assert_eq!(
        fetch_from_child(&upstream.join(".git"), &mirror, &third.refs).1,
        0
    );
    for value in third.refs.values() {
        git(&mirror, &["rev-list", "--objects", &value.oid.to_string()]);
    }
    git(&mirror, &["fsck"]);
}
