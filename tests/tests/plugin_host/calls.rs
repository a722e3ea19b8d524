//! Calls to a worker, and the plugin's requests within them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use forgekeep_plugin_host::{
    Answered, Blame, HostCalls, How, MOST_DOCUMENT, MOST_LOG_LINES, MOST_SERVICE_REQUESTS, Plugin,
    Reply, Rule,
};

use crate::support::{Hostile, Services, call, greeted, text, text_of};

#[test]
fn documents_and_bodies_of_all_sizes_go_both_ways() {
    let hostile = Hostile::new();
    let workers = hostile.workers();
    let worker = greeted(&workers);
    for length in [0, 1, 4096, 70_000, 5 << 20, MOST_DOCUMENT] {
        let doc: Vec<u8> = (0..length).map(|n| n as u8).collect();
        let body = vec![7; length * 3 / 2];
        let answered = worker.call(0, "echo", &doc, &body, &Services::default());
        let Ok(Answered::Result(reply)) = answered else {
            panic!("{length}");
        };
        assert!(reply.doc == doc && reply.body == body, "{length}");
    }
    let long = vec![b' '; MOST_DOCUMENT + 1];
    let refused = worker.call(0, "echo", &long, b"", &Services::default());
    assert!(matches!(refused.unwrap_err().how, How::TooLarge { .. }));
    assert!(
        matches!(call(worker.as_ref(), "fail", ""), Ok(Answered::Error(reply)) if reply.doc == b"{\"why\":1}")
    );
}

#[test]
fn the_plugins_requests_are_answered() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    let worker = worker.as_ref();
    assert_eq!(text(worker, "ask", "http"), "1 {\"asked\":1}");
    assert_eq!(text(worker, "ask", "fail"), "2 {\"asked\":1}");
    assert_eq!(text(worker, "ask", "no.such.method"), "0 ");
}

/// Answers only when eight requests are there at a time.
struct AllAtOnce(Barrier);

impl HostCalls for AllAtOnce {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        self.0.wait();
        Some(Answered::Result(Reply::default()))
    }
}

#[test]
fn a_plugin_may_ask_from_several_threads_at_a_time() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    let host = AllAtOnce(Barrier::new(8));
    let answered = worker.call(0, "ask-from-threads", b"", b"", &host);
    assert_eq!(text_of(answered), "{}");
}

#[test]
fn several_calls_are_under_way_at_a_time() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    // Each call asks once, and none is answered before all have asked.
    let host = AllAtOnce(Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let answered = worker.call(0, "ask", b"http", b"", &host);
                assert_eq!(text_of(answered), "1 ");
            });
        }
    });
}

#[test]
fn a_call_makes_a_thousand_requests_and_no_more() {
    let hostile = Hostile::new();
    let workers = hostile.workers();
    let worker = greeted(&workers);
    let host = Services::default();
    let most = MOST_SERVICE_REQUESTS.to_string();
    let answered = worker.call(0, "ask-often", most.as_bytes(), b"", &host);
    assert_eq!(text_of(answered), "{}");
    let broken = worker
        .call(0, "ask-often", b"1001", b"", &host)
        .unwrap_err();
    assert_eq!(broken.how, How::TooManyRequests(MOST_SERVICE_REQUESTS));
    assert_eq!(broken.blame, Blame::This);
    assert_eq!(host.calls.into_inner(), 2 * MOST_SERVICE_REQUESTS);
}

#[test]
fn lines_of_a_log_are_passed_on_up_to_a_limit() {
    let hostile = Hostile::new();
    let workers = hostile.workers();
    let host = Services::default();
    let worker = greeted(&workers);
    for _ in 0..2 {
        let answered = worker.call(0, "log-often", b"5100", b"", &host);
        assert_eq!(text_of(answered), "{}");
    }
    assert_eq!(host.calls.into_inner() as u64, MOST_LOG_LINES);
    assert_eq!(workers.limits().lines_left_out(), 200);
}

#[test]
fn what_is_printed_breaks_no_frame() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    let worker = worker.as_ref();
    assert_eq!(text(worker, "print", "hello \u{1b}[31m"), "{}");
    assert_eq!(text(worker, "flood", ""), "{}");
    assert_eq!(text(worker, "print", "the end"), "{}");
    assert_eq!(text(worker, "read-stdin", ""), "nothing");
    let broken = call(worker, "exit", "3").unwrap_err();
    assert_eq!(broken.how, How::Exited(3));
    assert!(broken.output.len() <= 20);
    let last = &broken.output[broken.output.len() - 2..];
    assert_eq!(last, ["the end", "to standard error: the end"]);
}

#[test]
fn what_is_printed_comes_whole_or_without_the_word_that_was_cut() {
    let hostile = Hostile::new();
    let token = "a-token-that-must-be-recognised";
    // Whoever knows the token takes it out of what comes from here: wherever in a line it stands, it is
    // there as a whole or not at all.
    for length in [380, 1_000, 2_000] {
        let worker = greeted(&hostile.workers());
        let line = format!("{} {token}", "x".repeat(length));
        assert_eq!(text(worker.as_ref(), "print", &line), "{}");
        let broken = call(worker.as_ref(), "exit", "3").unwrap_err();
        assert_eq!(broken.output[0].raw(), line, "{length}");
    }
}

#[test]
fn an_answer_against_the_rules_fails_its_call() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    let worker = worker.as_ref();
    let too_long = Rule::AnswerTooLong {
        length: (MOST_DOCUMENT + 1) as u64,
        most: MOST_DOCUMENT as u64,
    };
    let long = (MOST_DOCUMENT + 1).to_string();
    let cases = [
        ("status", "0", Rule::Status(0)),
        ("status", "9", Rule::Status(9)),
        ("no such method", "", Rule::Status(0)),
        ("endless", "", Rule::AnswerBytes),
        ("null", "", Rule::AnswerBytes),
        ("long", long.as_str(), too_long),
        ("bad-request", "", Rule::Request),
        ("null-request", "", Rule::Request),
        // A name of a method that no frame can hold.
        ("ask-long-name", "257", Rule::Request),
        ("ask-long-name", "70000", Rule::Request),
    ];
    for (method, doc, rule) in cases {
        let broken = call(worker, method, doc).unwrap_err();
        assert_eq!(broken.how, How::Rule(rule), "{method}");
        assert_eq!(broken.blame, Blame::This);
        // The next call is answered.
        assert_eq!(text(worker, "echo", "after"), "after");
    }
    // What is in a document is not looked at here.
    let bytes = call(worker, "bytes", "").unwrap();
    assert!(matches!(bytes, Answered::Result(reply) if reply.doc == b"\xff\xfe{"));
}

#[test]
fn a_worker_is_alone_deaf_and_knows_little() {
    let hostile = Hostile::new();
    let worker = greeted(&hostile.workers());
    let worker = worker.as_ref();
    assert_eq!(text(worker, "group", ""), "its own");
    assert_eq!(text(worker, "deaf", ""), "still here");
    assert_eq!(text(worker, "thread", ""), "allowed");
    assert_eq!(text(worker, "getenv", "HOME"), "not set");
    assert_eq!(text(worker, "getenv", "PATH"), "not set");
    let mut settings = hostile.settings();
    settings.environment = vec!["PATH".into(), "FORGEKEEP_NO_SUCH_VARIABLE".into()];
    let told = greeted(&forgekeep_plugin_host::Workers::new(settings));
    let path = std::env::var("PATH").unwrap();
    assert_eq!(text(told.as_ref(), "getenv", "PATH"), path);
}

/// Makes another worker's call run out of time before it answers.
struct Slow<'a> {
    other: &'a dyn Plugin,
    ran_out: AtomicUsize,
}

impl HostCalls for Slow<'_> {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        let broken = call(self.other, "hang", "").unwrap_err();
        if matches!(broken.how, How::Deadline(_)) {
            self.ran_out.fetch_add(1, Ordering::SeqCst);
        }
        Some(Answered::Result(Reply::default()))
    }
}

#[test]
fn a_clock_stands_while_a_request_goes_over_the_network_and_only_then() {
    let hostile = Hostile::new();
    let with = |seconds| {
        let mut settings = hostile.settings();
        settings.deadlines.call = Duration::from_secs(seconds);
        forgekeep_plugin_host::Workers::new(settings)
    };
    for (method, is_network) in [
        ("http", true),
        ("batch", true),
        ("download", true),
        ("state.put", false),
    ] {
        // As much time as the other has, which is used up while this one asks.
        let (asking, other) = (greeted(&with(1)), greeted(&with(2)));
        let host = Slow {
            other: other.as_ref(),
            ran_out: AtomicUsize::new(0),
        };
        let answered = asking.call(0, "ask", method.as_bytes(), b"", &host);
        assert_eq!(host.ran_out.into_inner(), 1);
        if is_network {
            assert_eq!(text_of(answered), "1 ", "{method}");
        } else {
            let broken = answered.unwrap_err();
            assert_eq!(broken.how, How::Deadline(Duration::from_secs(1)));
        }
    }
}

/// Panics.
struct Panicking;

impl HostCalls for Panicking {
    fn call(&self, _: &str, _: &[u8], _: &[u8]) -> Option<Answered> {
        panic!("as wanted");
    }
}

#[test]
fn a_panic_of_the_host_is_the_hosts() {
    let hostile = Hostile::new();
    for method in ["http", "log"] {
        let worker = greeted(&hostile.workers());
        let caught = thread::spawn({
            let worker = Arc::clone(&worker);
            move || worker.call(0, "ask", method.as_bytes(), b"", &Panicking)
        });
        assert!(caught.join().is_err());
        assert!(!worker.is_alive());
    }
}
